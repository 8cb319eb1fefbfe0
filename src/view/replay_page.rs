//! What the selected position would have lived through, left alone and kept by plans.

use super::desk;
use super::part::NumberField;
use super::price_pane::save_as;
use super::replay_report;
use super::scrub::Scrub;
use crate::format;
use crate::state::candle_file::{self, MOST_BYTES};
use crate::state::replaying::{self, EQUITY, Past, Rule, Source};
use headroom_core::api::replay::{Lived, ReplayResponse, SweepAnswer, Swept};
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[component]
pub(crate) fn ReplayPage() -> impl IntoView {
    let desk = desk();
    let title = move || {
        let symbol = desk.past.with(|p| p.as_ref().map(|p| p.key.1.clone()));
        desk.scenario.with(|s| {
            s.lines.get(desk.index()).map_or_else(String::new, |l| {
                format!(
                    "What would {}x {} {} have lived through?",
                    format::number(l.leverage, 1).trim_end_matches(".0"),
                    l.side.word(),
                    symbol.unwrap_or_else(|| l.symbol.clone())
                )
            })
        })
    };
    let rule = move || desk.replay_wishes.with(|w| w.rule);
    let even = move || rule() == Rule::Volatility;
    let number = Signal::derive(move || {
        let w = desk.replay_wishes.get();
        Some(100.0 * if w.rule == Rule::Volatility { w.target } else { w.limit })
    });
    let label = Signal::derive(move || {
        if even() {
            "Volatility of equity a year"
        } else {
            "Chance within a day, at most"
        }
        .to_owned()
    });
    let percent = Signal::derive(|| "%".to_owned());
    let set = Callback::new(move |v: Option<f64>| {
        desk.replay_wishes.update(|w| {
            if let Some(v) = v {
                *(if w.rule == Rule::Volatility {
                    &mut w.target
                } else {
                    &mut w.limit
                }) = v / 100.0;
            }
        });
    });
    let numbered = move || !matches!(rule(), Rule::Band | Rule::Daily | Rule::Mine);
    let explained = move || match rule() {
        Rule::Cap => {
            "The position is cut as soon as its chance of liquidation within a day, by the volatility known at that hour, passes the limit, and restored when it is under half of it."
        }
        Rule::Volatility => {
            "Leverage is this volatility over that of the market as known at that hour, and at most that of the entry."
        }
        Rule::Band => {
            "Half of the exposure is hedged with bitcoin (bitcoin with ether) by a beta as known at that hour, and left alone within half of the equity."
        }
        Rule::Daily => {
            "Half of the exposure is hedged with bitcoin (bitcoin with ether) by a beta as known at that hour, once a day."
        }
        Rule::Mine => {
            "The exposure wanted, the clock and the band of the page Hedge (half of the equity each way while it has told none), hedged with bitcoin (bitcoin with ether)."
        }
        Rule::Both => "The cap on the chance and the hedge within its band, together.",
    };
    let about = move || {
        desk.past.with(|p| {
            p.as_ref().map_or_else(String::new, |p| {
                std::iter::once(&p.origin)
                    .chain(&p.notes)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        })
    };
    view! {
        <section class="plan replay" aria-label="Replay" aria-busy=move || desk.replayed.with(|p| !p.fine && p.fault.is_none()).to_string()>
            <header>
                <h2>{title}</h2>
                <p class="note">"Ten thousand are put behind the position chosen on the left, with its side and leverage; costs are 0.05 % fee and 0.02 % slippage an order, funding as far as it is known. " {about}</p>
            </header>
            <div class="wishes">
                <Which />
                <label class="field" for="replay-window">
                    <span>"When"</span>
                    <select id="replay-window" prop:value=move || desk.replay_wishes.with(|w| w.window).to_string() on:change=move |e| {
                        let chosen = event_target_value(&e).parse().unwrap_or(0);
                        desk.replay_wishes.update(|w| w.window = chosen);
                    }>
                        {move || desk.past.with(|p| p.as_ref().map_or_else(Vec::new, |p| p.windows.clone())).into_iter().enumerate().map(|(k, w)| view! {
                            <option value=k.to_string()>{w.name}</option>
                        }).collect_view()}
                    </select>
                </label>
                <label class="field" for="replay-rule">
                    <span>"Kept by"</span>
                    <select id="replay-rule" on:change=move |e| {
                        let name = event_target_value(&e);
                        if let Some((rule, _)) = Rule::ALL.into_iter().find(|r| r.1 == name) {
                            desk.replay_wishes.update(|w| w.rule = rule);
                        }
                    }>
                        {move || desk.past.with(|p| replaying::rules(p.as_ref())).into_iter().map(|(r, name)| view! {
                            <option value=name selected=r == rule()>{name}</option>
                        }).collect_view()}
                    </select>
                </label>
                <Show when=numbered>
                    <NumberField label=label value=number unit=percent on_change=set />
                </Show>
            </div>
            <p class="note">{explained}</p>
            {move || desk.replayed.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => view! { <Answer answer=a.clone() /> }.into_any(),
                (None, Some(why)) => view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any(),
                (None, None) => view! { <p class="note" role="status">"The past is being read."</p> }.into_any(),
            })}
            <Own />
        </section>
    }
}

/// The year of the instrument, an event of the library and a market in it, or a past of one's own.
#[component]
fn Which() -> impl IntoView {
    let desk = desk();
    let source = move || desk.replay_wishes.with(|w| w.source.clone());
    let set = move |source: Source| desk.replay_wishes.update(|w| (w.source, w.window) = (source, 0));
    let symbols = move |name: &str| {
        desk.replaying.library.with(|l| {
            l.iter()
                .find(|e| e.name() == name)
                .map_or_else(Vec::new, |e| e.series.clone())
        })
    };
    let choose = move |e: leptos::ev::Event| match event_target_value(&e).as_str() {
        "" => set(Source::Year),
        "own" => set(Source::Own),
        name => {
            // The coin of the desk if the event has it, else the first.
            let all = symbols(name);
            let coin = desk
                .key(desk.index())
                .map(|k| crate::state::scenario::coin(&k.1).to_owned())
                .unwrap_or_default();
            let found = all.iter().find(|s| s.symbol.starts_with(&coin)).or(all.first());
            if let Some(s) = found {
                set(Source::Event(name.to_owned(), s.symbol.clone()));
            }
        }
    };
    let of_event = move || match source() {
        Source::Event(name, symbol) => Some((name, symbol)),
        _ => None,
    };
    view! {
        <label class="field" for="replay-event">
            <span>"What"</span>
            <select id="replay-event" on:change=choose>
                <option value="" selected=move || source() == Source::Year>"The last year of this instrument"</option>
                <Show when=move || desk.replaying.own.with(Option::is_some)>
                    <option value="own" selected=move || source() == Source::Own>"My own past"</option>
                </Show>
                {move || desk.replaying.library.get().into_iter().map(|e| {
                    let name = e.name();
                    let chosen = of_event().is_some_and(|(n, _)| n == name);
                    view! { <option value=name selected=chosen>{format!("{} {} {}", if e.kind == "crash" { "▼" } else { "▲" }, e.id, e.title)}</option> }
                }).collect_view()}
            </select>
        </label>
        {move || of_event().map(|(name, symbol)| {
            let all = symbols(&name);
            view! {
                <label class="field" for="replay-symbol">
                    <span>"Market"</span>
                    <select id="replay-symbol" on:change=move |e| set(Source::Event(name.clone(), event_target_value(&e)))>
                        {all.into_iter().map(|s| {
                            let interval = serde_json::to_value(s.interval).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
                            let funding = if s.funding_rows > 0 { "" } else { ", no funding" };
                            view! { <option value=s.symbol.clone() selected=s.symbol == symbol>{format!("{} ({} {interval}{funding})", s.symbol, s.market)}</option> }
                        }).collect_view()}
                    </select>
                </label>
            }
        })}
    }
}

/// A file of candles, or dates to fetch.
#[component]
fn Own() -> impl IntoView {
    let desk = desk();
    let r = desk.replaying;
    let (from, until) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let take = move |e: leptos::ev::Event| {
        let input: Option<web_sys::HtmlInputElement> = e.target().and_then(|t| t.dyn_into().ok());
        let Some(file) = input.and_then(|i| i.files()).and_then(|f| f.get(0)) else {
            return;
        };
        r.own_fault.set(None);
        let name = file.name();
        if file.size() > MOST_BYTES {
            return r.own_fault.set(Some(format!(
                "{name} is larger than 40 MB: 200 000 bars are read at most. Cut it, or use longer bars."
            )));
        }
        spawn_local(async move {
            let text = JsFuture::from(file.text()).await.ok().and_then(|t| t.as_string());
            let found = text
                .ok_or_else(|| "The file could not be read.".to_owned())
                .and_then(|t| candle_file::parse(&t));
            match found {
                Ok((candles, notes)) => {
                    let origin = format!("{} bars of {name}.", candles.rows.len());
                    let symbol = name.split('.').next().unwrap_or("file").to_owned();
                    r.own.set(Some(replaying::own(symbol, candles, origin, notes)));
                    desk.replay_wishes.update(|w| (w.source, w.window) = (Source::Own, 0));
                }
                Err(why) => r.own_fault.set(Some(why)),
            }
        });
    };
    let fetch = move |_| {
        let dates = format::parse_date(&from.get_untracked()).zip(format::parse_date(&until.get_untracked()));
        match dates {
            Some((a, b)) if a < b => replaying::fetch_range(desk, a, b),
            _ => r
                .own_fault
                .set(Some("Two dates are needed, the first before the second.".to_owned())),
        }
    };
    view! {
        <details class="behind">
            <summary>"A past of your own"</summary>
            <div class="wishes">
                <div class="field">
                    <label for="candle-file">"CSV with time, open, high, low, close and perhaps volume"</label>
                    <input id="candle-file" type="file" accept=".csv,text/csv" on:change=take />
                </div>
                <label class="field" for="own-from"><span>"Hours of this instrument from"</span>
                    <span class="box"><input id="own-from" type="date" prop:value=from on:input=move |e| from.set(event_target_value(&e)) /></span></label>
                <label class="field" for="own-until"><span>"until"</span>
                    <span class="box"><input id="own-until" type="date" prop:value=until on:input=move |e| until.set(event_target_value(&e)) /></span></label>
                <button type="button" on:click=fetch>"Fetch them"</button>
            </div>
            {move || r.own_fault.get().map(|why| view! { <p class="fault" role="alert">{why}</p> })}
        </details>
    }
}

fn ended(l: &Lived) -> String {
    match l.liquidated_at {
        Some(t) => format!("liquidated {} {} UTC", format::date(t), replay_report::clock(t)),
        None => format!("{} from its highest at worst", format::percent(-l.max_drawdown, 0)),
    }
}

/// The chosen plan, the others, and doing nothing, with their names.
pub(super) fn columns(answer: &ReplayResponse, past: Option<&Past>, rule: Rule) -> Vec<(&'static str, Lived)> {
    let all = replaying::rules(past);
    let chosen = all.iter().find(|r| r.0 == rule).copied().unwrap_or(Rule::ALL[0]);
    let others = all.iter().filter(|r| r.0 != chosen.0).map(|r| r.1);
    let mut out = vec![(chosen.1, answer.policy.clone())];
    out.extend(others.zip(answer.beside.iter().cloned()));
    out.push(("Left alone", answer.fixed.clone()));
    out
}

#[component]
fn Answer(answer: Arc<ReplayResponse>) -> impl IntoView {
    let desk = desk();
    let (plan, alone) = (&answer.policy, &answer.fixed);
    let better = plan.final_equity - alone.final_equity;
    let gained = better >= 0.0;
    let verdict = match (alone.liquidated_at, plan.liquidated_at) {
        (Some(_), None) => "Left alone the position ended; the rule lived through it.".to_owned(),
        (None, Some(_)) => "The rule did not save it, and doing nothing would have.".to_owned(),
        (Some(_), Some(_)) => "Both ended in liquidation.".to_owned(),
        (None, None) if better < 0.0 => format!(
            "Both lived. The rule ended with {} less than doing nothing: that was its price here.",
            format::money(-better)
        ),
        (None, None) => format!("Both lived. The rule ended with {} more.", format::money(better)),
    };
    let columns = desk
        .past
        .with_untracked(|p| columns(&answer, p.as_ref(), desk.replay_wishes.with_untracked(|w| w.rule)));
    let lost: Vec<&str> = columns
        .iter()
        .filter(|c| c.1.final_equity < alone.final_equity - 0.005)
        .map(|c| c.0)
        .collect();
    let lost = match lost.len() {
        0 => "No plan ended with less than doing nothing here.".to_owned(),
        _ => format!(
            "With less than doing nothing ended here: {}.",
            lost.join(", ").to_lowercase()
        ),
    };
    let csv = replay_report::csv(&columns);
    let html = desk.past.with_untracked(|p| {
        p.as_ref()
            .map(|p| replay_report::html(p, &columns, &answer.assumptions))
    });
    let row = |name: &'static str, read: fn(&Lived) -> f64| {
        let cells = columns
            .iter()
            .map(|c| view! { <td>{format::money(read(&c.1))}</td> })
            .collect_view();
        view! { <tr><th scope="row">{name}</th>{cells}</tr> }
    };
    let rows = [
        row("Profit of the price", |l| l.price_pnl),
        row("Funding", |l| l.funding),
        row("Fees", |l| -l.fees),
        row("Slippage", |l| -l.slippage),
        row("Taken by liquidation", |l| -l.liquidation_loss),
        row("Left of 10 000", |l| l.final_equity),
    ]
    .collect_view();
    let told = |name: &'static str, read: fn(&Lived) -> String| {
        let cells = columns.iter().map(|c| view! { <td>{read(&c.1)}</td> }).collect_view();
        view! { <tr><th scope="row">{name}</th>{cells}</tr> }
    };
    let more = [
        told("Worst drawdown", |l| {
            format::percent(-l.max_drawdown_intrabar.min(1.0), 1)
        }),
        told("Time under water", |l| format::percent(l.time_under_water, 0)),
        told("Traded, times equity", |l| format::number(l.turnover, 1)),
        told("Liquidated", |l| {
            l.liquidated_at.map_or_else(
                || "no".to_owned(),
                |t| format!("{} {}", format::date(t), replay_report::clock(t)),
            )
        }),
    ]
    .collect_view();
    let heads = columns
        .iter()
        .map(|c| view! { <th scope="col">{c.0}</th> })
        .collect_view();
    let curves: Vec<(&'static str, Vec<[f64; 2]>)> = columns.iter().map(|c| (c.0, c.1.equity_curve.clone())).collect();
    view! {
        <div class="answer">
            <dl>
                <div class="figure big"><dt>"By the rule"</dt><dd><output>{format::money(plan.final_equity)}</output><small>{ended(plan)}</small></dd></div>
                <div class="figure big"><dt>"Left alone"</dt><dd><output>{format::money(alone.final_equity)}</output><small>{ended(alone)}</small></dd></div>
                <div class="figure"><dt>"Orders of the rule"</dt><dd><output>{plan.trade_count.to_string()}</output><small>{format!("{}x its equity traded", format::number(plan.turnover, 1))}</small></dd></div>
                <div class="figure"><dt>"The market itself"</dt><dd><output>{format::percent(-answer.market_drawdown[1], 1)}</output><small>"worst way from its best, wicks counted"</small></dd></div>
            </dl>
            <p class="verdict" class:skilled=gained>{verdict}</p>
            <p class="note">{lost}</p>
        </div>
        <Curves curves=curves dead=answer.fixed.liquidated_at />
        <Scrub />
        <figure class="bars">
            <h3>"Where the money went, by each plan"</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="Where the money went">
                <table>
                    <thead><tr><th scope="col">"Part"</th>{heads}</tr></thead>
                    <tbody>{rows}{more}</tbody>
                </table>
            </div>
            <div class="tools">
                <button type="button" on:click=move |_| save_as(&format!("data:text/csv;charset=utf-8,{}", js_sys::encode_uri_component(&csv)), "headroom-replay.csv")>"Curves as CSV"</button>
                <button type="button" on:click=move |_| if let Some(html) = &html {
                    save_as(&format!("data:text/html;charset=utf-8,{}", js_sys::encode_uri_component(html)), "headroom-replay.html");
                }>"Report as a page"</button>
            </div>
        </figure>
        <Sweeps />
        <details class="behind">
            <summary>"What was assumed"</summary>
            <ul>{answer.assumptions.iter().map(|a| view! { <li>{a.clone()}</li> }).collect_view()}<li>"Over all events of the library: docs/replay.md in the project."</li></ul>
        </details>
    }
}

/// Equity curves on one scale; the first is the chosen plan, the last is left alone.
#[component]
fn Curves(curves: Vec<(&'static str, Vec<[f64; 2]>)>, dead: Option<f64>) -> impl IntoView {
    let desk = desk();
    let (width, height, left, bottom) = (900.0, 260.0, 52.0, 22.0);
    let all = || curves.iter().flat_map(|c| &c.1);
    let most = all().map(|p| p[1]).fold(EQUITY, f64::max) * 1.05;
    let (start, end) = all().fold((f64::MAX, 0.0f64), |s, p| (s.0.min(p[0]), s.1.max(p[0])));
    let x = move |t: f64| left + (width - left - 8.0) * (t - start) / (end - start).max(1.0);
    let y = move |e: f64| height - bottom - (height - bottom - 10.0) * (e / most).max(0.0);
    let line = |points: &[[f64; 2]]| {
        points
            .iter()
            .map(|p| format!("{:.1},{:.1}", x(p[0]), y(p[1])))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let label = curves
        .iter()
        .map(|c| {
            format!(
                "{} to {}",
                c.0,
                c.1.last().map_or_else(String::new, |p| format::money(p[1]))
            )
        })
        .collect::<Vec<_>>()
        .join(", ");
    let n = curves.len();
    let drawn = curves
        .iter()
        .enumerate()
        .rev()
        .map(|(k, c)| {
            let class = match k {
                0 => "curve",
                k if k + 1 == n => "curve alone",
                _ => "curve other",
            };
            view! { <polyline points=line(&c.1) class=class><title>{c.0}</title></polyline> }
        })
        .collect_view();
    let at = move || x(start + desk.replaying.scrub.get() * (end - start));
    view! {
        <figure class="plot">
            <h3>"Equity"</h3>
            <svg viewBox=format!("0 0 {width} {height}") role="img" aria-label=format!("Equity over time from 10 000: {label}")>
                <line x1=left x2=width - 8.0 y1=height - bottom y2=height - bottom class="rule" />
                <line x1=left x2=width - 8.0 y1=y(EQUITY) y2=y(EQUITY) class="ideal" />
                {drawn}
                <line x1=at x2=at y1="8" y2=height - bottom class="cursor-line" />
                {dead.map(|t| view! { <circle cx=x(t) cy=y(0.0) r="5" class="plain-dot" /> })}
                <text x="2" y=y(EQUITY) + 4.0>"10 000"</text>
                {(most > 12_000.0).then(|| view! { <text x="2" y="20">{format::number(most / 1.05, 0)}</text> })}
                <text x=left y=height - 6.0>{format::date(start)}</text>
                <text x=width - 8.0 y=height - 6.0 text-anchor="end">{format::date(end - 1.0)}</text>
            </svg>
            <figcaption>"Solid: by the chosen plan. Dashed: left alone; a ring marks its liquidation. Thin: the other plans."</figcaption>
        </figure>
    }
}

/// Not one lucky entry but many.
#[component]
fn Sweeps() -> impl IntoView {
    let desk = desk();
    let words = move || {
        if desk.past.with(|p| p.as_ref().is_some_and(|p| p.source != Source::Year)) {
            "Enter a thousand times, hold for three days"
        } else {
            "Enter on every day of the year, hold for thirty"
        }
    };
    view! {
        <figure class="sweep">
            <h3>"Not one entry but many"</h3>
            {move || match desk.replaying.sweeping.get() {
                Some(share) => view! {
                    <div class="walking" role="status">
                        <label>"Entering again and again" <progress max="1" value=share></progress></label>
                        <span>{format::percent(share, 0)}</span>
                        <button type="button" on:click=move |_| replaying::stop_sweep()>"Stop"</button>
                    </div>
                }.into_any(),
                None => view! { <button type="button" on:click=move |_| replaying::sweep(desk)>{words}</button> }.into_any(),
            }}
            {move || desk.swept.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => a.sweep.clone().map(|s| view! { <SweepTable sweep=s /> }.into_any()),
                (None, Some(why)) => Some(view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any()),
                (None, None) => None,
            })}
        </figure>
    }
}

#[component]
fn SweepTable(sweep: SweepAnswer) -> impl IntoView {
    let desk = desk();
    let n = sweep.starts;
    let words = format!(
        "Of {n} entries {} ended in liquidation left alone and {} by the rule. The rule ended with less than doing nothing {} times{}. Neighbouring entries share most of their days: this counts for far fewer than {n} independent trials.",
        sweep.fixed.liquidated,
        sweep.policy.liquidated,
        sweep.worse_than_static,
        sweep
            .policy
            .upside_kept
            .map(|u| format!(
                ", and kept {} of the gains where there were some",
                format::percent(u, 0)
            ))
            .unwrap_or_default()
    );
    let rule = desk.replay_wishes.with_untracked(|w| w.rule);
    let all = desk.past.with_untracked(|p| replaying::rules(p.as_ref()));
    let chosen = all.iter().find(|r| r.0 == rule).copied().unwrap_or(Rule::ALL[0]);
    let others = all.iter().filter(|r| r.0 != chosen.0).map(|r| r.1);
    let mut columns: Vec<(&'static str, Swept)> = vec![(chosen.1, sweep.policy.clone())];
    columns.extend(others.zip(sweep.beside.iter().cloned()));
    columns.push(("Left alone", sweep.fixed.clone()));
    let row = |name: &'static str, read: fn(&Swept) -> String| {
        let cells = columns.iter().map(|c| view! { <td>{read(&c.1)}</td> }).collect_view();
        view! { <tr><th scope="row">{name}</th>{cells}</tr> }
    };
    let rows = [
        row("Liquidated", |s| s.liquidated.to_string()),
        row("Mean return", |s| format::percent(s.mean_return, 1)),
        row("Worst twentieth, at best", |s| format::percent(s.quantiles[0], 1)),
        row("Middle", |s| format::percent(s.quantiles[2], 1)),
        row("Best twentieth, at least", |s| format::percent(s.quantiles[4], 1)),
        row("Upside kept", |s| {
            s.upside_kept
                .map_or_else(|| format::UNKNOWN.to_owned(), |u| format::percent(u, 0))
        }),
        row("Mean drawdown", |s| format::percent(-s.mean_drawdown, 1)),
        row("Worst drawdown", |s| format::percent(-s.worst_drawdown, 1)),
    ]
    .collect_view();
    let heads = columns
        .iter()
        .map(|c| view! { <th scope="col">{c.0}</th> })
        .collect_view();
    view! {
        <p class="verdict">{words}</p>
        <div class="scroll" tabindex="0" role="region" aria-label="Over all entries">
            <table>
                <thead><tr><th scope="col">"Over all entries"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}
