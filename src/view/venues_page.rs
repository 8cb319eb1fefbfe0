//! The same exposure on every venue: what each would do with it, what it would cost, and why they differ.

use super::desk;
use super::part::{Choice, NumberField};
use crate::format;
use crate::state::market::Origin;
use headroom_core::api::venues::{SplitAnswer, VenueRow, VenuesResponse};
use headroom_core::market::Venue;
use leptos::prelude::*;
use std::sync::Arc;

const SPANS: [(f64, &str); 3] = [(24.0, "1 day"), (168.0, "7 days"), (720.0, "30 days")];

#[component]
pub(crate) fn VenuesPage() -> impl IntoView {
    let desk = desk();
    let c = desk.comparing;
    let title = move || {
        let asset = c.asset.with(|a| a.as_ref().map(|a| a.0.clone())).unwrap_or_default();
        desk.scenario.with(|s| {
            s.lines.get(desk.index()).map_or_else(String::new, |l| {
                format!(
                    "{}x {} {asset}: the same everywhere?",
                    format::number(l.leverage, 1).trim_end_matches(".0"),
                    l.side.word()
                )
            })
        })
    };
    let hours = Signal::derive(move || c.wishes.with(|w| w.hours));
    let fee = Signal::derive(move || Some(c.wishes.with(|w| w.fee_factor) * 100.0));
    let text = |t: &'static str| Signal::derive(move || t.to_owned());
    let set_fee = Callback::new(move |v: Option<f64>| {
        if let Some(v) = v {
            c.wishes.update(|w| w.fee_factor = (v / 100.0).clamp(0.0, 10.0));
        }
    });
    let pick = move |first: bool| {
        move |e: leptos::ev::Event| {
            let chosen = event_target_value(&e);
            let venue = Venue::ALL.into_iter().find(|v| v.word() == chosen);
            c.wishes.update(|w| {
                let before = w.split.unwrap_or([Venue::Binance, Venue::Hyperliquid]);
                w.split = venue.map(|v| if first { [v, before[1]] } else { [before[0], v] });
            });
        }
    };
    let options = move |k: usize| {
        Venue::ALL
            .into_iter()
            .map(|v| {
                view! { <option value=v.word() selected=move || c.wishes.with(|w| w.split.is_some_and(|s| s[k] == v))>{v.title()}</option> }
            })
            .collect_view()
    };
    let busy = move || c.compared.with(|p| !p.fine && p.fault.is_none()).to_string();
    view! {
        <section class="plan venues" aria-label="Venues" aria-busy=busy>
            <header>
                <h2>{title}</h2>
                <p class="note">"Size, side and margin of the position chosen on the left, isolated, by each venue's own rule, prices, funding and book. Chances by the volatility of each venue's last thirty days."</p>
            </header>
            <div class="wishes">
                <Choice legend="Within" options=SPANS.to_vec() value=hours on_change=move |h| c.wishes.update(|w| w.hours = h) />
                <NumberField label=text("Your taker fees") value=fee unit=text("% of the usual") on_change=set_fee />
                <label class="field" for="split-first"><span>"Divide it between"</span>
                    <select id="split-first" on:change=pick(true)><option value="" selected=move || c.wishes.with(|w| w.split.is_none())>"not divided"</option>{options(0)}</select></label>
                <label class="field" for="split-second"><span>"and"</span>
                    <select id="split-second" disabled=move || c.wishes.with(|w| w.split.is_none()) on:change=pick(false)>{options(1)}</select></label>
            </div>
            {move || c.compared.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => view! { <Answer answer=a.clone() fine=p.fine /> }.into_any(),
                (None, Some(why)) => view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any(),
                (None, None) => view! { <p class="note" role="status">"Six venues are being asked."</p> }.into_any(),
            })}
            <Sources />
        </section>
    }
}

fn unknown(x: Option<f64>, told: impl Fn(f64) -> String) -> String {
    x.map_or_else(|| format::UNKNOWN.to_owned(), told)
}

#[component]
fn Answer(answer: Arc<VenuesResponse>, fine: bool) -> impl IntoView {
    let rows: Vec<VenueRow> = answer.rows.clone();
    let best = |of: fn(&VenueRow) -> Option<f64>, largest: bool| {
        let mut known: Vec<(f64, Venue)> = rows.iter().filter_map(|r| Some((of(r)?, r.venue))).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        if largest {
            known.last().map(|k| k.1)
        } else {
            known.first().map(|k| k.1)
        }
    };
    let (furthest, safest, cheapest) = (
        best(|r| r.distance, true),
        best(|r| r.probability, false),
        best(|r| r.total_cost, false),
    );
    let out_of_line = answer.out_of_line.clone();
    let body = rows
        .iter()
        .map(|r| {
            let r = r.clone();
            let odd = out_of_line.contains(&r.venue);
            let mark = move |of: Option<Venue>| (of == Some(r.venue)).then_some("best");
            let funding = match (&r.funding_quantiles, r.funding_cost) {
                (Some(q), Some(x)) => view! { {format::money(x)}<small>{format!("{} to {}", format::money(q.p05), format::money(q.p95))}</small> }.into_any(),
                (_, x) => view! { {unknown(x, format::money)} }.into_any(),
            };
            view! {
                <tr class:stale=odd>
                    <th scope="row">{r.venue.title()}<small>{r.symbol.clone()}</small></th>
                    <td>{unknown(r.price, |p| format::price(p, None))}{odd.then(|| view! { <small>"out of line"</small> })}</td>
                    <td class=mark(furthest)>{unknown(r.liquidation_price, |p| format::price(p, None))}<small>{unknown(r.distance, |d| format::percent(d, 1))}</small></td>
                    <td class=mark(safest)>{r.probability.map_or_else(|| format::UNKNOWN.to_owned(), |p| format::chance(p, r.standard_error.unwrap_or(0.0)))}</td>
                    <td>{funding}</td>
                    <td>{unknown(r.borrow_cost, format::money)}</td>
                    <td>{unknown(r.fees, format::money)}</td>
                    <td>{unknown(r.exit_cost, format::money)}</td>
                    <td class=mark(cheapest)>{unknown(r.total_cost, format::money)}</td>
                    <td>{unknown(r.max_leverage, |l| format!("{}x", format::number(l, 0)))}<small>{unknown(r.maintenance_margin_rate, |m| format::percent(m, 2))}</small></td>
                </tr>
            }
        })
        .collect_view();
    let faults: Vec<String> = rows
        .iter()
        .filter_map(|r| {
            r.error
                .as_ref()
                .map(|e| format!("{}: {} ({})", r.venue, e.message, e.field))
        })
        .collect();
    let facts = rows
        .iter()
        .map(|r| {
            let notes = r.notes.join("; ");
            view! { <li><strong>{r.venue.title()}</strong>": "{r.liquidation.clone()}". Decided by "{r.trigger.clone()}". "{notes}</li> }
        })
        .collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="The venues side by side">
            <table class="venue-table">
                <thead><tr>
                    <th scope="col">"Venue"</th><th scope="col">"Price"</th><th scope="col">"Liquidated at"</th><th scope="col">"Chance"</th>
                    <th scope="col">"Funding"</th><th scope="col">"Borrowing"</th><th scope="col">"Fees"</th><th scope="col">"Exit"</th>
                    <th scope="col">"All costs"</th><th scope="col">"Leverage, rate"</th>
                </tr></thead>
                <tbody>{body}</tbody>
            </table>
        </div>
        {(!fine).then(|| view! { <p class="note" role="status">"A first look; the finer one follows."</p> })}
        {faults.into_iter().map(|f| view! { <p class="fault">{f}</p> }).collect_view()}
        <figure>
            <h3>"What the differences come from"</h3>
            <ul class="differences">{answer.differences.iter().map(|d| view! { <li>{d.clone()}</li> }).collect_view()}</ul>
        </figure>
        {answer.split.clone().map(|s| view! { <Split split=s /> })}
        <details class="behind">
            <summary>"What each does at liquidation, and what was assumed"</summary>
            <ul>{facts}{answer.assumptions.iter().map(|a| view! { <li>{a.clone()}</li> }).collect_view()}<li>"Costs are positive when paid; funding with its range of 5 to 95 %. A dash is not known, and why stands beside the venue."</li></ul>
        </details>
    }
}

#[component]
fn Split(split: SplitAnswer) -> impl IntoView {
    let names: Vec<String> = split.rows.iter().map(|r| r.venue.to_string()).collect();
    let any = split.any_probability.map_or_else(
        || format::UNKNOWN.to_owned(),
        |[low, high]| format!("{} to {}", format::chance(low, 0.0), format::chance(high, 0.0)),
    );
    view! {
        <figure>
            <h3>{format!("Half on {}", names.join(", half on "))}</h3>
            <dl class="then">
                <div class="figure"><dt>"At least one liquidated"</dt><dd><output>{any}</output><small>"both follow one price"</small></dd></div>
                <div class="figure"><dt>"Share liquidated, on average"</dt><dd><output>{unknown(split.expected_share_liquidated, |x| format::chance(x, 0.0))}</output></dd></div>
                <div class="figure"><dt>"All costs"</dt><dd><output>{unknown(split.total_cost, format::money)}</output></dd></div>
            </dl>
        </figure>
    }
}

/// Where each venue's figures are from, and what failed.
#[component]
fn Sources() -> impl IntoView {
    let desk = desk();
    let rows = move || {
        desk.comparing.markets.with(|all| {
            Venue::ALL
                .into_iter()
                .map(|v| {
                    let words = match all.get(v.word()) {
                        None => "being asked".to_owned(),
                        Some(m) => {
                            let origin = match &m.price {
                                Some((_, Origin::Live(t))) => format!("price {} old", format::age(desk.now.get() - t)),
                                Some((_, Origin::Recorded { venue, until })) => {
                                    format!("recorded, candles of {venue}, until {}", format::date(until - 1.0))
                                }
                                Some((_, origin)) => origin.told(desk.now.get()),
                                None => "no price".to_owned(),
                            };
                            let book = if m.book.is_some() { "its book" } else { "no book" };
                            let funding = m
                                .funding
                                .as_ref()
                                .map_or_else(|| "no funding".to_owned(), |f| format!("{} funding rates", f.len()));
                            let faults = m.faults.join(" ");
                            format!("{origin}; {funding}; {book}. {faults}")
                        }
                    };
                    view! { <li><strong>{v.title()}</strong>": "{words}</li> }
                })
                .collect_view()
        })
    };
    view! {
        <details class="behind">
            <summary>"Where the figures are from"</summary>
            <ul>{rows}</ul>
        </details>
    }
}
