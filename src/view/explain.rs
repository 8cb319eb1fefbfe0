//! The drawer that opens a number into its formula.

use super::desk;
use crate::format;
use crate::state::desk::Explaining;
use headroom_core::api::Step;
use leptos::html::Dialog;
use leptos::prelude::*;

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
    let title = move || match desk.explaining.get() {
        Some(Explaining::Funding) => "How the funding is computed",
        _ => "How the liquidation price is computed",
    };
    let steps = move || -> Vec<Step> {
        let i = desk.index();
        desk.outcome.with(|o| match desk.explaining.get() {
            Some(Explaining::Funding) => o
                .funding
                .get(i)
                .and_then(|f| f.as_ref())
                .and_then(|f| f.explanation.clone())
                .unwrap_or_default(),
            Some(Explaining::Liquidation) => {
                // Steps come position by position, equally many each.
                let Some(r) = &o.room else { return Vec::new() };
                let all = r.explanation.clone().unwrap_or_default();
                let each = all.len() / r.positions.len().max(1);
                all.into_iter().skip(i * each).take(each).collect()
            }
            None => Vec::new(),
        })
    };
    let rule = move || desk.outcome.with(|o| o.room.as_ref().map(|r| r.rule.clone()));
    let tiers = move || {
        let i = desk.index();
        desk.outcome
            .with(|o| o.room.as_ref().and_then(|r| r.tiers.get(i).cloned()))
    };
    let assumptions = move || {
        let i = desk.index();
        desk.outcome
            .with(|o| match desk.explaining.get() {
                Some(Explaining::Funding) => o.funding.get(i).and_then(|f| f.as_ref()).map(|f| f.assumptions.clone()),
                _ => o.room.as_ref().map(|r| r.assumptions.clone()),
            })
            .unwrap_or_default()
    };
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
                {move || steps().into_iter().map(|s| {
                    let numbers: Vec<String> = s.inputs.iter().map(|i| format!("{} = {}", i.name, format::plain(i.value))).collect();
                    let value = s.value.map_or_else(|| "none".to_owned(), |v| format!("{} {}", format::plain(v), s.unit));
                    view! {
                        <li>
                            <h3>{s.label}</h3>
                            <code>{s.formula}</code>
                            <p class="numbers">{numbers.join(", ")}</p>
                            <p class="value">"= "<output>{value}</output></p>
                            <p class="source">{format!("From: {}", s.source)}</p>
                        </li>
                    }
                }).collect_view()}
            </ol>
            {move || tiers().map(|t| view! { <p class="source">{format!("Tiers of {}: {}{}.", t.symbol, t.source, t.date.map(|d| format!(", {d}")).unwrap_or_default())}</p> })}
            {move || (!assumptions().is_empty()).then(|| view! {
                <h3>"What was assumed"</h3>
                <ul>{assumptions().into_iter().map(|a| view! { <li>{a}</li> }).collect_view()}</ul>
            })}
            <p class="source">"Left out: liquidation fees charged after the event, haircuts of several collateral coins, partial liquidation, and slippage of the forced order."</p>
        </dialog>
    }
}
