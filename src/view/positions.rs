//! The positions of the account: choose one, add one, take one away.

use super::desk;
use crate::format;
use crate::state::Line;
use crate::state::scenario::{coin, first_symbol};
use headroom_core::units::Side;
use leptos::html::Button;
use leptos::prelude::*;

#[component]
pub(crate) fn PositionList() -> impl IntoView {
    let desk = desk();
    let add_button: NodeRef<Button> = NodeRef::new();
    let add = move |_| {
        desk.scenario.update(|s| {
            let usual = first_symbol(s.venue);
            let next = ["BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA", "LINK", "AVAX", "LTC"]
                .into_iter()
                .find(|c| !s.lines.iter().any(|l| coin(&l.symbol) == *c))
                .unwrap_or("BTC");
            s.lines.push(Line::new(&usual.replacen("BTC", next, 1), 1.0));
        });
        desk.selected.set(desk.scenario.with_untracked(|s| s.lines.len()) - 1);
    };
    let remove = move |i: usize| {
        desk.scenario.update(|s| {
            if s.lines.len() > 1 {
                s.lines.remove(i);
            }
        });
        // The same position stays selected; its neighbour if it was the one taken away.
        desk.selected.update(|c| {
            let last = desk.scenario.with_untracked(|s| s.lines.len()) - 1;
            *c = if i < *c { *c - 1 } else { *c }.min(last);
        });
        // The pressed button is gone: the focus goes to something near it.
        if let Some(button) = add_button.get_untracked() {
            let _ = button.focus();
        }
    };
    // What the engine says of each position, by index.
    let fault = move |i: usize| {
        desk.outcome.with(|o| {
            o.fault
                .as_ref()
                .filter(|f| f.field.starts_with(&format!("account.positions[{i}]")))
                .map(|f| f.message.clone())
        })
    };
    view! {
        <h3 id="positions-heading">"Positions"</h3>
        <ul class="positions" aria-labelledby="positions-heading">
            {move || {
                let lines = desk.scenario.with(|s| s.lines.clone());
                let many = lines.len() > 1;
                lines
                    .into_iter()
                    .enumerate()
                    .map(|(i, l)| {
                        let name = l.symbol.clone();
                        let sign = if l.side == Side::Long { "▲" } else { "▼" };
                        let left = move || {
                            desk.position_room(i).map_or_else(|| format::UNKNOWN.to_owned(), |p| p.distance.map_or_else(|| "none".to_owned(), format::fine_percent))
                        };
                        view! {
                            <li class=l.side.word() class:current=move || desk.index() == i>
                                <button type="button" class="select" aria-pressed=move || (desk.index() == i).to_string() on:click=move |_| desk.selected.set(i)>
                                    <span class="side" aria-label=l.side.word()>{sign}</span>
                                    <span class="symbol">{l.symbol}</span>
                                    <span class="left">{left}</span>
                                    <span class="size">{format::plain(l.size)}</span>
                                    <span class="why">{move || fault(i).filter(|_| desk.index() != i)}</span>
                                </button>
                                {many.then(|| view! { <button type="button" class="remove" aria-label=format!("Remove {name}") on:click=move |_| remove(i)>"×"</button> })}
                            </li>
                        }
                    })
                    .collect_view()
            }}
        </ul>
        <button type="button" class="add" node_ref=add_button on:click=add>"Add position"</button>
    }
}
