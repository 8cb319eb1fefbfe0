//! Every position side by side, what the market would have to do, and each pair.

use super::desk;
use crate::format;
use headroom_core::units::{MarginMode, Side};
use leptos::prelude::*;

#[component]
pub(crate) fn AccountTable() -> impl IntoView {
    let desk = desk();
    let room = Memo::new(move |_| desk.result());
    let dash = || format::UNKNOWN.to_owned();
    let percent = move |v: Option<f64>| v.map_or_else(dash, format::fine_percent);
    let rows = move || {
        room.get().map(|r| {
            r.positions
                .iter()
                .enumerate()
                .map(|(i, p)| {
                    let price =
                        |v: Option<f64>| v.map_or_else(|| "none".to_owned(), |v| format::price(v, desk.tick(i)));
                    view! {
                        <tr class:current=move || desk.index() == i>
                            <th scope="row">{p.symbol.clone()}</th>
                            <td>{if p.side == Side::Long { "▲ long" } else { "▼ short" }}</td>
                            <td>{price(p.liquidation_price)}</td>
                            <td>{percent(p.distance)}</td>
                            <td>{percent(p.margin_ratio)}</td>
                            <td>{format::money(p.notional)}</td>
                            <td>{format::money(p.unrealised_pnl)}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    let cross = move || desk.scenario.with(|s| s.mode == MarginMode::Cross);
    let market = move || {
        room.get()
            .map(|r| match (r.account.market_move_down, r.account.market_move_up) {
                (None, None) => "No common move of all prices liquidates this account.".to_owned(),
                (d, u) => {
                    let sides: Vec<String> = d.into_iter().chain(u).map(|x| format::market_move(Some(x))).collect();
                    format!("All prices together: {} liquidates the account.", sides.join(" or "))
                }
            })
    };
    let pairs = move || {
        room.get().map(|r| {
            r.pairs
                .iter()
                .map(|p| {
                    view! {
                        <tr>
                            <th scope="row">{format!("{} and {}", p.first, p.second)}</th>
                            <td>{format::market_move(p.first_alone)}</td>
                            <td>{format::market_move(p.second_alone)}</td>
                            <td>{format::market_move(p.together)}</td>
                            <td>{format::market_move(p.apart)}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    let assumptions = move || room.get().map(|r| r.assumptions.clone()).unwrap_or_default();
    view! {
        <div class="tables" class:outdated=move || desk.outdated()>
            <div class="scroll" tabindex="0" role="region" aria-label="Positions">
                <table>
                    <caption>"Positions"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Instrument"</th>
                            <th scope="col">"Side"</th>
                            <th scope="col">"Liquidation"</th>
                            <th scope="col">"Distance"</th>
                            <th scope="col">"Margin ratio"</th>
                            <th scope="col">"Notional"</th>
                            <th scope="col">"Profit"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <Show when=cross>
                <p class="market-move">{market}</p>
                <Show when=move || room.get().is_some_and(|r| !r.pairs.is_empty())>
                    <div class="scroll" tabindex="0" role="region" aria-label="Pairs">
                        <table>
                            <caption>"Moves of two coins that liquidate the account, everything else standing still"</caption>
                            <thead>
                                <tr>
                                    <th scope="col">"Pair"</th>
                                    <th scope="col">"First alone"</th>
                                    <th scope="col">"Second alone"</th>
                                    <th scope="col">"Together"</th>
                                    <th scope="col">"First, second the opposite"</th>
                                </tr>
                            </thead>
                            <tbody>{pairs}</tbody>
                        </table>
                    </div>
                </Show>
            </Show>
            <Show when=move || !assumptions().is_empty()>
                <details class="behind" open>
                    <summary>"What was assumed"</summary>
                    <ul>{move || assumptions().into_iter().map(|a| view! { <li>{a}</li> }).collect_view()}</ul>
                </details>
            </Show>
        </div>
    }
}
