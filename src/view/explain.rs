//! The drawer that opens a number into its formula.

use super::desk;
use super::room_panel::{tier_origin, tier_words};
use crate::format;
use crate::state::Desk;
use crate::state::desk::Explaining;
use crate::state::market::Origin;
use headroom_core::api::Step;
use leptos::html::Dialog;
use leptos::prelude::*;

/// The steps of what is being explained, for the selected position.
fn steps(desk: Desk) -> Vec<Step> {
    let i = desk.index();
    match desk.explaining.get() {
        Some(Explaining::Funding) => desk
            .funding(i)
            .and_then(Result::ok)
            .and_then(|f| f.explanation)
            .unwrap_or_default(),
        Some(Explaining::Liquidation) => {
            // Steps come position by position, equally many each.
            let Some(r) = desk.result() else { return Vec::new() };
            let all = r.explanation.clone().unwrap_or_default();
            let each = all.len() / r.positions.len().max(1);
            all.into_iter().skip(i * each).take(each).collect()
        }
        Some(Explaining::Chance) => desk
            .chance()
            .ok()
            .and_then(|c| c.explanation.clone())
            .unwrap_or_default(),
        None => Vec::new(),
    }
}

fn assumptions(desk: Desk) -> Vec<String> {
    match desk.explaining.get() {
        Some(Explaining::Funding) => desk
            .funding(desk.index())
            .and_then(Result::ok)
            .map(|f| f.assumptions)
            .unwrap_or_default(),
        Some(Explaining::Chance) => desk.chance().map(|c| c.assumptions.clone()).unwrap_or_default(),
        _ => desk.result().map(|r| r.assumptions.clone()).unwrap_or_default(),
    }
}

/// Where the numbers of the request came from, as this page knows it: the engine only sees that they were given.
fn input_origin(desk: Desk) -> String {
    let i = desk.index();
    let typed = desk.scenario.with(|s| s.lines.get(i).is_some_and(|l| l.mark.is_some()));
    let mark = match desk.market(i, |m| m.quote.as_ref().map(|q| q.1.clone())) {
        _ if typed => "mark price typed by you".to_owned(),
        Some(Origin::Live(t)) => format!("mark price of the venue, {} ago", format::age(desk.now.get() - t)),
        Some(Origin::Recorded { venue, until }) => {
            format!("recorded mark price of {venue}, until {}", format::date(until - 1.0))
        }
        Some(origin) => format!("mark price {}", origin.told(desk.now.get())),
        None => "no mark price".to_owned(),
    };
    format!("your account on this page; {mark}")
}

#[component]
pub(crate) fn Drawer() -> impl IntoView {
    let desk = desk();
    let dialog: NodeRef<Dialog> = NodeRef::new();
    Effect::new(move |_| {
        let (Some(d), wanted) = (dialog.get(), desk.explaining.get()) else {
            return;
        };
        if wanted.is_some() && !d.open() {
            let _ = d.show_modal();
        } else if wanted.is_none() && d.open() {
            d.close();
        }
    });
    let liquidation = move || desk.explaining.get() == Some(Explaining::Liquidation);
    let title = move || match desk.explaining.get() {
        Some(Explaining::Funding) => "How the funding is computed",
        Some(Explaining::Chance) => "How the chance of liquidation is computed",
        _ => "How the liquidation price is computed",
    };
    let rule = move || desk.result().filter(|_| liquidation()).map(|r| r.rule.clone());
    view! {
        <dialog class="drawer" node_ref=dialog aria-labelledby="drawer-title" on:close=move |_| desk.explaining.set(None)>
            <header>
                <h2 id="drawer-title">{title}</h2>
                <button type="button" on:click=move |_| desk.explaining.set(None)>"Close"</button>
            </header>
            {move || rule().map(|r| view! {
                <p class="rule"><strong>{r.name}</strong>": "{r.condition}"."</p>
                <p class="source">{format!("Compared with: {}. Source: {} (copy of {}).", r.trigger, r.source, r.as_of)}</p>
            })}
            <ol class="steps">
                {move || steps(desk).into_iter().map(|s| {
                    let numbers: Vec<String> = s.inputs.iter().map(|i| format!("{} = {}", i.name, format::significant(i.value, 10))).collect();
                    let value = s.value.map_or_else(|| "none".to_owned(), |v| format!("{} {}", format::significant(v, 10), s.unit));
                    let from = if s.source == "request" { input_origin(desk) } else { s.source };
                    view! {
                        <li>
                            <h3>{s.label}</h3>
                            <code>{s.formula}</code>
                            <p class="numbers">{numbers.join(", ")}</p>
                            <p class="value">"= "<output>{value}</output></p>
                            <p class="source">{format!("From: {from}")}</p>
                        </li>
                    }
                }).collect_view()}
            </ol>
            <p class="source">"s is +1 for a long and −1 for a short; units are base units, or quote value for inverse contracts; cash is the collateral behind the position without its own profit; fee and reserve are what the venue keeps for closing; held is collateral in the index coin."</p>
            {move || liquidation().then(|| view! { <p class="source">{tier_origin(desk).map(|o| tier_words(desk, &o))}</p> })}
            {move || {
                let all = assumptions(desk);
                (!all.is_empty()).then(|| view! {
                    <h3>"What was assumed"</h3>
                    <ul>{all.into_iter().map(|a| view! { <li>{a}</li> }).collect_view()}</ul>
                })
            }}
            <p class="source">
                {move || match desk.explaining.get() {
                    Some(Explaining::Funding) => "Left out: the move of the price along the way, and the return of the rate towards its usual level.",
                    Some(Explaining::Chance) => "Left out: prices that jump further than they have in the candles, halts of the venue, and the slippage of the forced order. The error shown is that of the computation, not of the model; the model has no record yet.",
                    _ => "Left out: liquidation fees charged after the event, haircuts of several collateral coins, partial liquidation, and slippage of the forced order.",
                }}
            </p>
        </dialog>
    }
}
