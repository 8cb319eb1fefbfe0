//! How the chance of liquidation comes about: over time, over leverage, what moves it and what would lower it.

use super::desk;
use super::part::{next_id, not_told};
use crate::format;
use crate::state::chance::{HORIZONS, LEVERAGES};
use crate::state::desk::Desk;
use crate::state::record::Record;
use crate::state::scenario::coin;
use headroom_core::api::ProbabilityResponse;
use leptos::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Hours of the map's columns.
const COLUMNS: [(f64, &str); 4] = [(24.0, "24 h"), (72.0, "3 d"), (168.0, "7 d"), (720.0, "30 d")];
const TARGETS: [f64; 5] = [0.01, 0.02, 0.05, 0.1, 0.2];

#[component]
pub(crate) fn ChancePanel() -> impl IntoView {
    let desk = desk();
    let whole = Memo::new(move |_| desk.whole_chance().ok());
    let model = move || match desk.chance() {
        Ok(c) => model_words(&c) + &records_to_come(desk) + &implied_words(desk, &c),
        Err(why) => not_told(&why),
    };
    view! {
        <section class="chance" aria-label="Chance of liquidation" aria-busy=move || desk.chance_pending().to_string() class:outdated=move || desk.outdated()>
            <header>
                <h2>"How safe, and until when"</h2>
                <p class="origin">{model}</p>
            </header>
            <div class="pictures">
                <Survival />
                {move || whole.get().map(|c| view! { <LeverageMap answer=c /> })}
            </div>
            {move || whole.get().map(|c| view! { <Movers answer=c /> })}
        </section>
    }
}

/// Whose record is not known yet: the chance may change with it.
fn records_to_come(desk: Desk) -> String {
    let names: BTreeSet<String> = desk.records.with(|r| {
        desk.scenario.with(|s| {
            s.lines
                .iter()
                .filter(|l| {
                    let record = r.get(&(s.venue, l.symbol.clone()));
                    matches!(record, Some(Record::Waiting | Record::Loading | Record::Walking(_)))
                })
                .map(|l| l.symbol.clone())
                .collect()
        })
    });
    if names.is_empty() {
        return String::new();
    }
    format!(
        " The record of {} is on its way and may change this.",
        names.into_iter().collect::<Vec<_>>().join(" and ")
    )
}

/// The model in force, in a sentence.
fn model_words(c: &ProbabilityResponse) -> String {
    let name = match c.model.kind.as_str() {
        "filtered_historical" => {
            "Past shocks of these markets, replayed in blocks under a volatility that changes (GARCH)"
        }
        "garch" => "Changing volatility (GARCH) with fat tails",
        "jump_diffusion" => "Constant volatility with jumps",
        _ => "Constant volatility, no fat tails: rare moves are understated",
    };
    let volatility: Vec<String> = c
        .model
        .markets
        .iter()
        .map(|m| format!("{} {}", m.symbol, format::percent(m.volatility, 0)))
        .collect();
    let why = c.model.reason.split(';').next().unwrap_or_default();
    let fallback = if why.contains("cannot be used") || why.contains("on the record") {
        format!(" Used because: {why}.")
    } else {
        c.model
            .records
            .iter()
            .filter(|r| r.has_skill)
            .map(|r| {
                let weight = r.weights.iter().find(|w| w.0 == r.leading).map_or(0.0, |w| w.1);
                format!(
                    " Corrected by the record of {} forecasts of {}: of six models “{}” carries {}, and most since {}.",
                    r.forecasts,
                    r.symbol,
                    super::record_page::model_name(&r.leading),
                    format::percent(weight, 0),
                    format::date(r.since)
                )
            })
            .collect()
    };
    format!("{name}; volatility a year {}.{fallback}", volatility.join(", "))
}

/// What options say of the same coins, where they are traded.
fn implied_words(desk: Desk, c: &ProbabilityResponse) -> String {
    desk.implied.with(|known| {
        c.model
            .markets
            .iter()
            .filter_map(|m| {
                let (volatility, at) = known.get(coin(&m.symbol))?;
                Some(format!(
                    " Options on {} imply {} a year over the next 30 days (Deribit's index, {} old); the chance does not use it.",
                    coin(&m.symbol),
                    format::percent(*volatility, 0),
                    format::age(desk.now.get() - at)
                ))
            })
            .collect()
    })
}

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 34.0;
const BOTTOM: f64 = 20.0;

/// Share of paths still alive, hour by hour.
#[component]
fn Survival() -> impl IntoView {
    let desk = desk();
    let curve = Memo::new(move |_| desk.chance().map(|c| c.survival.clone()).unwrap_or_default());
    let id = next_id("survival");
    let labelled_by = id.clone();
    let lowest = move || {
        let least = curve.get().iter().map(|p| p.1).fold(1.0, f64::min);
        // The axis starts at a round figure below the curve: most curves live near 1.
        [0.98, 0.95, 0.9, 0.8, 0.6, 0.0]
            .into_iter()
            .find(|f| *f <= least)
            .unwrap_or(0.0)
    };
    let x = |hours: f64| LEFT + (WIDTH - LEFT - 8.0) * hours / HORIZONS[2];
    let y = move |p: f64| 8.0 + (HEIGHT - BOTTOM - 8.0) * (1.0 - p) / (1.0 - lowest());
    let line = move || {
        curve
            .get()
            .iter()
            .map(|(h, p)| format!("{:.1},{:.1}", x(*h), y(*p)))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let area = move || {
        format!(
            "{} {:.1},{:.1} {:.1},{:.1}",
            line(),
            x(HORIZONS[2]),
            y(1.0),
            x(0.0),
            y(1.0)
        )
    };
    let rules = move || {
        let low = lowest();
        [1.0, 0.5 * (1.0 + low), low]
            .into_iter()
            .map(|p| {
                view! {
                    <line x1=LEFT x2=WIDTH - 8.0 y1=y(p) y2=y(p) class="rule" />
                    <text x=LEFT - 4.0 y=y(p) + 4.0 text-anchor="end">{format!("{:.0}", p * 100.0)}</text>
                }
            })
            .collect_view()
    };
    let days = [(24.0, "1 d"), (168.0, "7 d"), (360.0, "15 d"), (720.0, "30 d")]
        .into_iter()
        .map(|(h, word)| {
            let anchor = if h > 700.0 { "end" } else { "middle" };
            view! { <text x=x(h) y=HEIGHT - 4.0 text-anchor=anchor>{word}</text> }
        })
        .collect_view();
    let sentence = move || {
        desk.chance().map_or_else(
            |why| not_told(&why),
            |c| {
                let parts: Vec<String> = c
                    .horizons
                    .iter()
                    .map(|h| {
                        format!(
                            "{} after {:.0} d",
                            format::percent(1.0 - h.probability, 1),
                            h.hours / 24.0
                        )
                    })
                    .collect();
                let median = c
                    .time_to_liquidation
                    .median_if_liquidated
                    .map(|h| {
                        format!(
                            " Where liquidation comes within 30 days, half of it comes by day {:.0}.",
                            (h / 24.0).ceil()
                        )
                    })
                    .unwrap_or_default();
                format!("Not liquidated: {}.{median}", parts.join(", "))
            },
        )
    };
    view! {
        <figure class="survival" aria-labelledby=labelled_by>
            <h3 id=id>"Survival, % of paths"</h3>
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label="Share of paths not liquidated, over thirty days">
                {rules}
                <polygon points=area class="lost" />
                <polyline points=line class="curve" />
                {days}
            </svg>
            <figcaption>{sentence}</figcaption>
            <details class="behind">
                <summary>"Numbers behind the curve"</summary>
                <table>
                    <thead><tr><th scope="col">"Hour"</th><th scope="col">"Not liquidated"</th></tr></thead>
                    <tbody>
                        {move || curve.get().into_iter().map(|(h, p)| view! { <tr><th scope="row">{format::number(h, 0)}</th><td>{format::percent(p, 2)}</td></tr> }).collect_view()}
                    </tbody>
                </table>
            </details>
        </figure>
    }
}

/// A chance in little room.
fn short(p: f64) -> String {
    format::chance(p, 0.0).replace("under ", "< ").replace("over ", "> ")
}

/// How dark a cell is: by the logarithm of the chance, so that 1 % and 10 % can be told apart.
fn tint(p: f64) -> String {
    let share = ((p.max(1e-4).log10() + 4.0) / 4.0).clamp(0.0, 1.0);
    format!(
        "color-mix(in srgb, var(--danger) {:.0}%, transparent)",
        70.0 * share * share
    )
}

/// Chance of liquidation by leverage and horizon, everything else as it is.
#[component]
fn LeverageMap(answer: Arc<ProbabilityResponse>) -> impl IntoView {
    let desk = desk();
    let near = |rows: &[(f64, f64)], hours: f64| {
        // Between two hours of the curve, linear.
        let after = rows.iter().position(|r| r.0 >= hours - 1e-6)?;
        let (b, a) = (rows[after], rows[after.saturating_sub(1)]);
        Some(if after == 0 || b.0 - a.0 < 1e-9 {
            b.1
        } else {
            a.1 + (b.1 - a.1) * (hours - a.0) / (b.0 - a.0)
        })
    };
    let cells = move |rows: Vec<(f64, f64)>| {
        COLUMNS
            .iter()
            .map(|(h, _)| {
                let p = near(&rows, *h);
                let text = p.map_or_else(|| format::UNKNOWN.to_owned(), short);
                view! { <td style:background=p.map(tint).unwrap_or_default()>{text}</td> }
            })
            .collect_view()
    };
    let own: Vec<(f64, f64)> = answer.survival.iter().map(|(h, p)| (*h, 1.0 - p)).collect();
    let error = answer.leverage_map.iter().map(|r| r.standard_error).fold(0.0, f64::max);
    let rows = answer
        .leverage_map
        .iter()
        .zip(LEVERAGES)
        .map(|(row, leverage)| {
            let rows: Vec<(f64, f64)> = std::iter::once((0.0, 0.0))
                .chain(row.rows.iter().map(|r| (r[0], r[1])))
                .collect();
            view! { <tr><th scope="row">{format!("{leverage:.0}x")}</th>{cells(rows)}</tr> }
        })
        .collect_view();
    let several = answer.pools.len() > 1;
    let leverage = move || {
        desk.result()
            .and_then(|r| {
                if several {
                    None
                } else {
                    r.account
                        .effective_leverage
                        .or_else(|| r.positions.first().and_then(|p| p.effective_leverage))
                }
            })
            .map_or_else(|| "as it is".to_owned(), |l| format!("now, {l:.1}x"))
    };
    view! {
        <figure class="map">
            <h3>"Chance of liquidation by leverage"</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="Chance of liquidation by leverage">
                <table>
                    <caption>{format!("Everything else as it is, each position's margin changed. ± {} at most.", format::percent(error, 1))}</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Leverage"</th>
                            {COLUMNS.iter().map(|(_, word)| view! { <th scope="col">{*word}</th> }).collect_view()}
                        </tr>
                    </thead>
                    <tbody>
                        <tr class="current"><th scope="row">{leverage}</th>{cells(own)}</tr>
                        {rows}
                    </tbody>
                </table>
            </div>
        </figure>
    }
}

/// A difference of probabilities in percentage points, with its sign.
fn points(change: f64) -> String {
    if change.abs() < 0.00005 {
        return "under 0.01 points".to_owned();
    }
    let sign = if change > 0.0 { "+" } else { "" };
    format!("{sign}{} points", format::number(change * 100.0, 2))
}

/// What moves the chance, which position brings it about, what would lower it.
#[component]
fn Movers(answer: Arc<ProbabilityResponse>) -> impl IntoView {
    let desk = desk();
    let days = HORIZONS[2] / 24.0;
    let moves = answer
        .sensitivities
        .iter()
        .map(|s| {
            let mut words = s.change.clone();
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            view! { <tr><th scope="row">{words}</th><td>{points(s.probability_change)}</td></tr> }
        })
        .collect_view();
    let funding = answer.funding_effect.last().map_or_else(
        || "No funding is counted.".to_owned(),
        |f| {
            let verb = if f.added >= 0.0 { "adds" } else { "takes off" };
            format!(
                "Funding {verb} {} within {days:.0} days.",
                points(f.added.abs()).trim_start_matches('+')
            )
        },
    );
    let total: f64 = answer.causes.iter().map(|c| c.probability).sum();
    let causes = (answer.causes.len() > 1 && total > 1e-9).then(|| {
        let mut sorted = answer.causes.clone();
        sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let rows = sorted
            .into_iter()
            .map(|c| {
                let share = c.probability / total;
                view! {
                    <tr>
                        <th scope="row">{format!("{} {}", c.symbol, c.side.word())}</th>
                        <td class="bar-cell"><span class="bar-fill" style:width=format!("{:.1}%", share * 100.0)></span></td>
                        <td>{format::percent(share, 0)}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <div>
                <h3>"What brings it about"</h3>
                <table><caption>"Share of liquidations, by the position that lost most or is liquidated first"</caption><tbody>{rows}</tbody></table>
            </div>
        }
    });
    let unit = desk.result().map(|r| r.collateral.clone()).unwrap_or_default();
    let remedies = answer
        .remedies
        .iter()
        .map(|r| {
            let whose = if answer.remedies.len() > 1 {
                format!("{}: ", r.symbols.join(", "))
            } else {
                String::new()
            };
            let words = match (r.margin_to_add, r.size_to_cut) {
                (Some(m), _) if m <= 0.0 => "already there".to_owned(),
                (margin, cut) => {
                    let margin = margin.map(|m| format!("add {} {unit}", format::money(m)));
                    let cut = cut.map(|c| format!("close {} of the size", format::percent(c, 0)));
                    let both: Vec<String> = margin.into_iter().chain(cut).collect();
                    if both.is_empty() {
                        "nothing up to the whole notional does it".to_owned()
                    } else {
                        both.join(", or ")
                    }
                }
            };
            view! { <li>{format!("{whose}{words}")}</li> }
        })
        .collect_view();
    let id = next_id("target");
    let for_id = id.clone();
    view! {
        <div class="movers">
            <div>
                <h3>{format!("What moves it, within {days:.0} days")}</h3>
                <table><tbody>{moves}</tbody></table>
                <p class="note">{funding}</p>
            </div>
            {causes}
            <div>
                <h3>
                    <label for=for_id>"To bring it down to "</label>
                    <select
                        id=id
                        on:change=move |e| {
                            if let Some(t) = event_target_value(&e).parse().ok().and_then(|k: usize| TARGETS.get(k)) {
                                desk.target.set(*t);
                            }
                        }
                    >
                        {TARGETS.iter().enumerate().map(|(k, t)| view! { <option value=k selected=move || desk.target.get() == *t>{format::percent(*t, 0)}</option> }).collect_view()}
                    </select>
                </h3>
                <ul class="remedies">{remedies}</ul>
                <p class="note">"Arithmetic, not advice: fees and slippage of the change are not counted."</p>
            </div>
        </div>
    }
}
