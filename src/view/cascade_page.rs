//! Where forced selling would start, who is there, how far it would run.

use super::desk;
use super::heat::Heat;
use super::part::NumberField;
use super::storm::{Chances, Push};
use crate::feed::wallets::leaders;
use crate::format;
use crate::state::Desk;
use crate::state::cascading::{self, Takers};
use crate::state::market::Origin;
use crate::state::wallets::{self, MOST_BYTES};
use headroom_core::api::liquidation_map::{Largest, LiquidationMapResponse};
use headroom_core::cascade::concentration::Concentration;
use headroom_core::market::Venue;
use headroom_core::units::Side;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

const FACTORS: [(f64, &str); 3] = [(0.7, "0.7 ×"), (1.0, "as it is"), (1.4, "1.4 ×")];

const TAKERS: [(Takers, &str); 2] = [(Takers::Usual, "Market, as usual"), (Takers::Book, "Book alone")];

/// 1234567 as "1.23 M".
pub(super) fn large(x: f64) -> String {
    for (size, unit) in [(1e9, "B"), (1e6, "M"), (1e3, "k")] {
        if x.abs() >= size {
            return format!("{} {unit}", format::significant(x / size, 3));
        }
    }
    format::number(x, 0)
}

fn aged(desk: Desk, origin: &Origin) -> String {
    origin.told(desk.now.get())
}

#[component]
pub(crate) fn CascadePage() -> impl IntoView {
    let desk = desk();
    let c = desk.cascading;
    let symbol = move || desk.key(desk.index()).map(|k| k.1).unwrap_or_default();
    // The controls stay while a map is made anew under them.
    let ready = Memo::new(move |_| c.map.with(|m| m.answer.is_some()));
    let busy = move || c.map.with(|m| m.answer.is_none() && m.fault.is_none()).to_string();
    view! {
        <section class="plan cascade" aria-label="Cascade" aria-busy=busy>
            <header>
                <h2>{move || format!("Where would forced selling of {} start?", symbol())}</h2>
                <p class="note">{move || basis(desk)}</p>
            </header>
            <Show when=move || ready.get()><Map /></Show>
            {move || c.map.with(|m| match (&m.answer, &m.fault) {
                (Some(_), _) => None,
                (None, Some(why)) => Some(view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any()),
                (None, None) => Some(view! { <p class="note" role="status">"Open interest and the order book are being read."</p> }.into_any()),
            })}
            <Wallets />
        </section>
    }
}

/// What the map is made of, with ages and coverage.
fn basis(desk: Desk) -> String {
    let c = desk.cascading;
    let mut parts = Vec::new();
    c.interest.with(|i| match i {
        Some((_, Ok((rows, origin)))) => {
            let rows = match rows.len() {
                1 => "Today's open interest, no past of it is told".to_owned(),
                n => format!("{n} rows of open interest"),
            };
            parts.push(format!("{rows}, {}", aged(desk, origin)));
        }
        Some((_, Err(why))) => parts.push(format!("Open interest: {}", why.trim_end_matches('.'))),
        None => {}
    });
    c.book.with(|b| match b {
        Some((_, Ok((_, origin)))) => parts.push(format!("order book {}", aged(desk, origin))),
        Some((_, Err(why))) => parts.push(format!("no order book ({})", why.trim_end_matches('.'))),
        None => {}
    });
    c.map.with(|m| {
        if let Some(seen) = m.answer.as_ref().and_then(|a| a.coverage) {
            parts.push(format!(
                "seen: {} of longs, {} of shorts; the rest is inferred",
                format::percent(seen.long.min(1.0), 1),
                format::percent(seen.short.min(1.0), 1)
            ));
        }
    });
    if parts.is_empty() {
        String::new()
    } else {
        format!("{}.", parts.join("; "))
    }
}

#[component]
fn Map() -> impl IntoView {
    let desk = desk();
    let c = desk.cascading;
    let answer = move || c.map.with(|m| m.answer.clone());
    let factor = Signal::derive(move || c.leverage_factor.get());
    let takers = Signal::derive(move || c.takers.get());
    let depth = Signal::derive(move || c.depth.get());
    let set_depth = Callback::new(move |v: Option<f64>| c.depth.set(v.filter(|x| *x > 0.0)));
    let text = |t: &'static str| Signal::derive(move || t.to_owned());
    let seen = move || desk.scenario.with(|s| s.venue.facts().positions_public);
    let made_of = move || {
        let a = answer()?;
        let sensitivity: Vec<String> = a
            .sensitivity
            .iter()
            .map(|s| {
                format!(
                    "{} below and {} above within 5 % if leverages were {} times these",
                    large(s.long_notional_within_5),
                    large(s.short_notional_within_5),
                    s.leverage_factor
                )
            })
            .collect();
        Some(
            a.assumptions
                .iter()
                .cloned()
                .chain(sensitivity)
                .map(|a| view! { <li>{a}</li> })
                .collect_view(),
        )
    };
    view! {
        <Heat />
        {move || answer().and_then(|a| place(desk, &a)).map(|p| view! { <p class="verdict">{p}</p> })}
        <div class="wishes">
            <super::part::Choice legend="Leverage of those not seen" options=FACTORS.to_vec() value=factor on_change=move |f| c.leverage_factor.set(f) />
            <super::part::Choice legend="Who buys from them" options=TAKERS.to_vec() value=takers on_change=move |t| c.takers.set(t) />
            <NumberField label=text("Moves the price by 1 %") value=depth unit=text("notional") empty=text("by the choice beside") on_change=set_depth />
        </div>
        <Push />
        <Chances />
        <div class="pictures">
            {move || answer().map(|a| view! { <Clusters answer=a.clone() /> <Concentrated answer=a /> })}
        </div>
        <details class="behind">
            <summary>"What the map is made of"</summary>
            <ul>
                {made_of}
                <li>{move || if seen() { "Leverages of those not seen: as over wallets of Hyperliquid." } else { "Leverages of those not seen: fitted to BTC liquidations of 2024 on Binance, mostly 50x and more, half closed within a day." }}</li>
                <li>"How it fared on past liquidations: docs/liquidation-map.md in the project."</li>
            </ul>
        </details>
    }
}

/// The user's own position among the others.
fn place(desk: Desk, answer: &LiquidationMapResponse) -> Option<String> {
    let i = desk.index();
    let level = desk.position_room(i)?.liquidation_price?;
    let side = desk.scenario.with(|s| s.lines.get(i).map(|l| l.side))?;
    let (before, share) = cascading::nearer(&answer.levels, side, level);
    Some(format!(
        "Yours is at {}: {} of {}s stand nearer, {} of all that this map holds on their side.",
        format::price(level, desk.tick(i)),
        large(before),
        side.word(),
        format::percent(share, 0)
    ))
}

#[component]
fn Clusters(answer: Arc<LiquidationMapResponse>) -> impl IntoView {
    let tick = {
        let desk = desk();
        desk.tick(desk.index())
    };
    let rows = answer
        .clusters
        .iter()
        .map(|c| {
            view! {
                <tr class=c.side.word()>
                    <th scope="row">{format::price(c.price, tick)}</th>
                    <td class="side">{c.side.word()}</td>
                    <td>{large(c.notional)}</td>
                    <td>{c.distance.map_or_else(|| format::UNKNOWN.to_owned(), |d| format::percent(d, 1))}</td>
                    <td>{c.volatilities.map_or_else(|| format::UNKNOWN.to_owned(), |v| format::number(v.abs(), 1))}</td>
                    <td>{format::percent(1.0 - c.inferred_share, 0)}</td>
                    <td>{c.largest_share.map_or_else(|| format::UNKNOWN.to_owned(), |s| format!("{} of {}", format::percent(s, 0), c.wallets))}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <figure>
            <h3>"The heaviest levels"</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="The heaviest levels">
                <table>
                    <thead><tr><th scope="col">"Price"</th><th scope="col">"Who"</th><th scope="col">"Notional"</th><th scope="col">"Away"</th><th scope="col">"Days' moves"</th><th scope="col">"Seen"</th><th scope="col">"Largest, of wallets"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </figure>
    }
}

#[component]
fn Concentrated(answer: Arc<LiquidationMapResponse>) -> impl IntoView {
    let Some(c) = answer.concentration.clone() else {
        return view! {
            <figure>
                <h3>"How few hold it"</h3>
                <p class="note">"No wallet is seen here, so nothing is known of concentration. Hyperliquid shows wallets; a file may be given below."</p>
            </figure>
        }
        .into_any();
    };
    let row = |name: &'static str, of: fn(&Concentration) -> String| {
        let cell = |c: &Option<Concentration>| c.as_ref().map_or_else(|| format::UNKNOWN.to_owned(), of);
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td>{cell(&answer.concentration)}</td>
                <td>{cell(&answer.long_concentration)}</td>
                <td>{cell(&answer.short_concentration)}</td>
                <td>{cell(&answer.without_largest)}</td>
            </tr>
        }
    };
    let rows = [
        row("Wallets", |c| c.wallets.to_string()),
        row("As many as equal ones", |c| format::number(c.effective_wallets, 1)),
        row("Herfindahl", |c| format::number(c.hhi, 4)),
        row("Gini", |c| format::number(c.gini, 2)),
        row("Largest", |c| format::percent(c.top_1_share, 1)),
        row("Largest ten", |c| format::percent(c.top_10_share, 1)),
        row("Largest hundred", |c| format::percent(c.top_100_share, 1)),
    ]
    .collect_view();
    let largest = answer
        .largest
        .iter()
        .map(|l| view! { <LargestRow of=l.clone() /> })
        .collect_view();
    view! {
        <figure>
            <h3>"How few hold it"</h3>
            <Lorenz of=c />
            <div class="scroll" tabindex="0" role="region" aria-label="Concentration">
                <table>
                    <thead><tr><th scope="col">"Of what is seen"</th><th scope="col">"All"</th><th scope="col">"Longs"</th><th scope="col">"Shorts"</th><th scope="col">"Largest closed"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
                <table>
                    <caption>"The largest, and their size over what the book holds on the way to their level"</caption>
                    <thead><tr><th scope="col">"Wallet"</th><th scope="col">"Who"</th><th scope="col">"Notional"</th><th scope="col">"Away"</th><th scope="col">"Level if it doubles its margin"</th><th scope="col">"× book"</th></tr></thead>
                    <tbody>{largest}</tbody>
                </table>
            </div>
        </figure>
    }
    .into_any()
}

#[component]
fn LargestRow(of: Largest) -> impl IntoView {
    // An address is shown by its ends: nobody reads the middle.
    let name = match of.id.len() {
        42 => format!("{}…{}", &of.id[..6], &of.id[38..]),
        _ => of.id.clone(),
    };
    view! {
        <tr class=of.side.word()>
            <th scope="row">{name}</th>
            <td class="side">{of.side.word()}</td>
            <td>{large(of.notional)}</td>
            <td>{of.distance.map_or_else(|| "no level".to_owned(), |d| format::percent(d, 1))}</td>
            <td>{of.level_topped_up.map_or_else(|| "none".to_owned(), |l| format::price(l, None))}</td>
            <td>{of.times_the_book.map_or_else(|| format::UNKNOWN.to_owned(), |t| format::number(t, 1))}</td>
        </tr>
    }
}

#[component]
fn Lorenz(of: Concentration) -> impl IntoView {
    let at = |p: &[f64; 2]| format!("{:.1},{:.1}", 30.0 + 200.0 * p[0], 210.0 - 200.0 * p[1]);
    let points: Vec<String> = of.lorenz.iter().map(at).collect();
    let label = format!(
        "Lorenz curve: the largest ten hold {}",
        format::percent(of.top_10_share, 1)
    );
    view! {
        <div class="plot lorenz">
            <svg viewBox="0 0 240 230" role="img" aria-label=label>
                <line x1="30" y1="210" x2="230" y2="210" class="rule" />
                <line x1="30" y1="210" x2="230" y2="10" class="ideal" />
                <polyline points=points.join(" ") class="curve" />
                <text x="30" y="226">"smallest wallets"</text>
                <text x="230" y="226" text-anchor="end">"all"</text>
                <text x="2" y="16">"100 %"</text>
            </svg>
            <p class="note">"Dashed: everybody holds the same."</p>
        </div>
    }
}

/// Where wallets come from.
#[component]
fn Wallets() -> impl IntoView {
    let desk = desk();
    let w = desk.cascading.wallets;
    let hyperliquid = move || desk.scenario.with(|s| s.venue) == Venue::Hyperliquid;
    let pool = move || desk.scenario.with(|s| s.venue.facts().pool);
    let census = move || {
        let (venue, symbol) = desk.key(desk.index())?;
        let (positions, at) = w.with(|w| w.census(venue, &symbol))?;
        Some(format!(
            "{positions} open positions counted {} ago.",
            format::age(desk.now.get() - at)
        ))
    };
    let other = move || {
        if pool() {
            view! { <p class="note">"Every open position of the market is listed by the venue's indexer; where it would be liquidated is counted here, by its rule. Addresses stay in this tab. " {move || census().unwrap_or_else(|| "Not counted yet.".to_owned())}</p> }.into_any()
        } else {
            view! { <p class="note">{"Hyperliquid and GMX show every wallet's positions. For other venues a file may be given; addresses stay in this tab.".to_owned()}</p> }.into_any()
        }
    };
    let read = move || {
        w.with(|w| {
            format!(
                "{} wallets read, {} waiting{}.",
                w.known(),
                w.waiting(),
                w.oldest()
                    .map(|t| format!(", the oldest {} ago", format::age(desk.now.get() - t)))
                    .unwrap_or_default()
            )
        })
    };
    let take = move |e: leptos::ev::Event| {
        let input: Option<web_sys::HtmlInputElement> = e.target().and_then(|t| t.dyn_into().ok());
        let Some(file) = input.and_then(|i| i.files()).and_then(|f| f.get(0)) else {
            return;
        };
        if file.size() > MOST_BYTES {
            return w.update(|w| w.fault = Some(format!("{} is larger than 20 MB.", file.name())));
        }
        let name = file.name();
        spawn_local(async move {
            let text = JsFuture::from(file.text()).await.ok().and_then(|t| t.as_string());
            let found = text
                .ok_or_else(|| "The file could not be read.".to_owned())
                .and_then(|t| wallets::parse(&t));
            w.update(|w| match found {
                Ok(rows) => w.set_file(Some((name, rows))),
                Err(why) => w.fault = Some(why),
            });
        });
    };
    view! {
        <section class="wallets" aria-label="Wallets">
            <h3>"Real wallets"</h3>
            <Show when=hyperliquid fallback=other>
                <p class="note">"Addresses come from the last trades of the coin; each is read at the pace that the venue allows. They stay in this tab. " {read}</p>
                <button type="button" on:click=move |_| leaders(desk)>"Also the largest accounts (about 30 MB)"</button>
            </Show>
            <div class="field">
                <label for="wallet-file">"File of wallets (CSV or JSON: id, side, size, entry_price, liquidation_price)"</label>
                <input id="wallet-file" type="file" accept=".csv,.json,text/csv,application/json" on:change=take />
            </div>
            {move || w.with(|w| w.file().map(|(name, rows)| view! {
                <p class="note">{format!("{rows} rows of {name}. ")}
                    <button type="button" class="link" on:click=move |_| desk.cascading.wallets.update(|w| w.set_file(None))>"Leave them out"</button></p>
            }))}
            {move || w.with(|w| w.fault.clone()).map(|why| view! { <p class="fault" role="alert">{why}</p> })}
        </section>
    }
}

pub(super) fn hurt_word(side: Side) -> &'static str {
    if side == Side::Long { "longs" } else { "shorts" }
}
