//! What the models said before and what happened: reliability, skill, weights, the fan, the worst misses.

use super::desk;
use super::part::{Choice, next_id};
use crate::format;
use crate::state::market::{Key, Origin};
use crate::state::record::{self, Record};
use headroom_core::api::calibration::{CalibrationResponse, CellScore, HorizonScore};
use headroom_core::units::Side;
use leptos::prelude::*;
use std::sync::Arc;

/// Words for the models, in the order of the engine's list.
pub(super) fn model_name(word: &str) -> &'static str {
    match word {
        "gbm" => "plain: 30-day volatility",
        "ewma" => "weighted volatility",
        "garch" => "changing volatility",
        "past_touches" => "past touches",
        "learned" => "learned on many assets",
        "filtered_historical" => "past shocks",
        _ => "unknown",
    }
}

/// How a horizon is called.
fn span(hours: f64) -> String {
    if hours < 72.0 {
        format!("{hours:.0} h")
    } else {
        format!("{:.0} d", hours / 24.0)
    }
}

#[component]
pub(crate) fn RecordPage() -> impl IntoView {
    let desk = desk();
    let key = Memo::new(move |_| desk.key(desk.index()));
    Effect::new(move |_| {
        if let Some(key) = key.get() {
            // The list of what is shipped comes a moment after the page.
            if !desk.recorded.with(Vec::is_empty) {
                record::want(desk, key);
            }
        }
    });
    let state = move || key.get().and_then(|k| desk.records.with(|r| r.get(&k).cloned()));
    view! {
        <section class="record" aria-label="Track record">
            <header>
                <h2>{move || format!("What was said of {}, and what happened", key.get().map(|k| k.1).unwrap_or_default())}</h2>
                <p class="note">
                    "At each of many past times every model said how likely a level was to be touched, from what was known then. Here is how that went. Nothing of it is fitted to what came later."
                </p>
            </header>
            {move || match (key.get(), state()) {
                (Some(k), Some(Record::Told { answer, origin, bars })) => view! { <Told key=k answer origin bars /> }.into_any(),
                (Some(k), Some(Record::Failed(why))) => {
                    view! {
                        <p class="fault" role="alert">{why}</p>
                        <button type="button" on:click=move |_| record::again(desk, k.clone())>"Try again"</button>
                    }
                        .into_any()
                }
                (_, state) => {
                    let share = match state {
                        Some(Record::Walking(share)) => Some(share),
                        _ => None,
                    };
                    view! {
                        <div class="walking" role="status">
                            <label>
                                {if share.is_some() { "Walking through the past" } else { "Fetching a year of hours" }}
                                <progress max="1" value=share></progress>
                            </label>
                            {share.map(|s| view! { <span>{format::percent(s, 0)}</span><button type="button" on:click=move |_| record::stop()>"Stop"</button> })}
                        </div>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

/// The record in one sentence, and whether the desk goes by it.
fn verdict(a: &CalibrationResponse) -> String {
    let n = a.standing.forecasts;
    let (from, until) = (format::date(a.from), format::date(a.until));
    let interval = a.skill_gbm_interval.map_or_else(String::new, |i| {
        format!(
            " (90 % interval {} to {})",
            format::percent(i[0], 1),
            format::percent(i[1], 1)
        )
    });
    let skill = a.skill_gbm.unwrap_or(0.0);
    if a.has_skill {
        format!(
            "Over {n} times from {from} to {until} the models together beat constant volatility by {} of its Brier score{interval}. The desk goes by them.",
            format::percent(skill, 1)
        )
    } else {
        format!(
            "Over {n} times from {from} to {until} the models together cannot be told from constant volatility: skill {}{interval}. The desk shows the plain model.",
            format::percent(skill, 1)
        )
    }
}

#[component]
fn Told(key: Key, answer: Arc<CalibrationResponse>, origin: Origin, bars: usize) -> impl IntoView {
    let desk = desk();
    let from = match origin {
        Origin::Live(at) | Origin::Given(at) | Origin::Instead { at, .. } => {
            format!("{bars} hours from {}, fetched {}", key.0, format::date(at))
        }
        Origin::Recorded { venue, until } => {
            format!(
                "{bars} hours of {venue}, shipped with the page, up to {}",
                format::date(until)
            )
        }
    };
    let chosen = RwSignal::new(1usize.min(answer.horizons.len().saturating_sub(1)));
    // A choice wants words that live as long as the page.
    const SPANS: [&str; 4] = ["4 h", "24 h", "3 d", "7 d"];
    let options: Vec<(usize, &'static str)> = SPANS.iter().copied().enumerate().take(answer.horizons.len()).collect();
    let (a, b, c, d) = (answer.clone(), answer.clone(), answer.clone(), answer.clone());
    view! {
        <p class="verdict" class:skilled=answer.has_skill>{verdict(&answer)}</p>
        <p class="origin">
            {from} ". "
            <button class="link" type="button" on:click=move |_| record::again(desk, key.clone())>"Walk again"</button>
        </p>
        <div class="record-choice"><Choice legend="Within" options value=chosen on_change=move |k| chosen.set(k) /></div>
        <div class="pictures">
            {move || a.horizons.get(chosen.get()).map(|h| view! { <Reliability score=h.clone() /> })}
            {move || view! { <Weights answer=b.clone() horizon=chosen.get() /> }}
            {move || view! { <Fan answer=c.clone() horizon=chosen.get() /> }}
        </div>
        <Skill answer=d />
        <Misses answer=answer.clone() />
        <details class="behind">
            <summary>"How this is made, and when not to trust it"</summary>
            <ul>
                <li>"Every eight hours, from the close of a bar: isolated linear positions of 2x to 25x, long and short, maintenance 0.5 %, no funding. Touched means a later bar's high or low reached the level."</li>
                <li>"Models are weighted by how likely they made what happened (log score, half forgotten after 60 days), then corrected by a curve fitted once a week to forecasts whose outcome was known (beta calibration)."</li>
                <li>"The plain model is constant volatility, measured over the last thirty days. Skill is one less the ratio of Brier scores."</li>
                <li>"Windows overlap and days hang together: intervals and bands draw whole days (or whole horizons, where those are longer) again and again."</li>
                <li>"Not to be trusted: through events unlike any in the record, for instruments that moved to another regime within days, beyond seven days, and at levels that were never touched."</li>
            </ul>
        </details>
    }
}

const SIDE: f64 = 240.0;
const PAD: f64 = 34.0;

/// Observed against said, on axes that give small chances room: the square root of the chance.
#[component]
fn Reliability(score: HorizonScore) -> impl IntoView {
    let most = score
        .reliability
        .iter()
        .zip(&score.reliability_bands)
        .map(|(r, b)| r[0].max(r[1]).max(b[1]))
        .fold(0.05, f64::max)
        .min(1.0);
    let at = move |p: f64| (SIDE - PAD - 8.0) * (p / most).max(0.0).sqrt();
    let (x, y) = (move |p: f64| PAD + at(p), move |p: f64| SIDE - PAD - at(p));
    let band: String = score
        .reliability
        .iter()
        .zip(&score.reliability_bands)
        .map(|(r, b)| format!("{:.1},{:.1}", x(r[0]), y(b[1])))
        .chain(
            score
                .reliability
                .iter()
                .zip(&score.reliability_bands)
                .rev()
                .map(|(r, b)| format!("{:.1},{:.1}", x(r[0]), y(b[0]))),
        )
        .collect::<Vec<_>>()
        .join(" ");
    let ticks: Vec<f64> = [0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]
        .into_iter()
        .filter(|t| *t <= most)
        .collect();
    let dots = score
        .reliability
        .iter()
        .map(|r| {
            let size = 2.5 + 3.0 * (r[2] / score.forecasts as f64 * 10.0).sqrt().min(1.5);
            let title = format!(
                "said {}, happened {} of {:.0} times",
                format::percent(r[0], 2),
                format::percent(r[1], 2),
                r[2]
            );
            view! { <circle cx=x(r[0]) cy=y(r[1]) r=size class="dot"><title>{title}</title></circle> }
        })
        .collect_view();
    let plain = score
        .reliability_gbm
        .iter()
        .map(|r| view! { <circle cx=x(r[0].min(most)) cy=y(r[1].min(most)) r="3.5" class="plain-dot" /> })
        .collect_view();
    let outside = score
        .reliability
        .iter()
        .zip(&score.reliability_bands)
        .filter(|(r, b)| r[1] < b[0] || r[1] > b[1])
        .count();
    let sentence = format!(
        "{} of {} groups lie outside of the band in which nine of ten would lie were the forecasts right. Hollow: the plain model.",
        outside,
        score.reliability.len()
    );
    let id = next_id("reliability");
    let labelled_by = id.clone();
    view! {
        <figure class="plot" aria-labelledby=labelled_by>
            <h3 id=id>{format!("Said against happened, within {}", span(score.horizon_hours))}</h3>
            <svg viewBox=format!("0 0 {SIDE} {SIDE}") role="img" aria-label="Reliability diagram: observed frequency over forecast chance">
                {ticks.iter().map(|t| view! {
                    <line x1=x(*t) x2=x(*t) y1=y(0.0) y2=y(most) class="rule" />
                    <line x1=x(0.0) x2=x(most) y1=y(*t) y2=y(*t) class="rule" />
                    <text x=x(*t) y=SIDE - PAD + 13.0 text-anchor="middle">{format!("{:.0}", t * 100.0)}</text>
                    <text x=PAD - 4.0 y=y(*t) + 4.0 text-anchor="end">{format!("{:.0}", t * 100.0)}</text>
                }).collect_view()}
                <text x=x(most) y=SIDE - 6.0 text-anchor="end">"said, %"</text>
                <text x="4" y="12">"happened, %"</text>
                <polygon points=band class="band" />
                <line x1=x(0.0) y1=y(0.0) x2=x(most) y2=y(most) class="ideal" />
                {plain}
                {dots}
            </svg>
            <figcaption>{sentence}</figcaption>
            <details class="behind">
                <summary>"Numbers behind the diagram"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="Numbers behind the diagram">
                <table>
                    <thead><tr><th scope="col">"Said"</th><th scope="col">"Happened"</th><th scope="col">"Band"</th><th scope="col">"Forecasts"</th></tr></thead>
                    <tbody>
                        {score.reliability.iter().zip(&score.reliability_bands).map(|(r, b)| view! {
                            <tr>
                                <th scope="row">{format::percent(r[0], 2)}</th>
                                <td>{format::percent(r[1], 2)}</td>
                                <td>{format!("{} to {}", format::percent(b[0], 2), format::percent(b[1], 2))}</td>
                                <td>{format::number(r[2], 0)}</td>
                            </tr>
                        }).collect_view()}
                    </tbody>
                </table>
                </div>
            </details>
        </figure>
    }
}

/// How the weights moved: stacked shares over time, with the calibration in force.
#[component]
fn Weights(answer: Arc<CalibrationResponse>, horizon: usize) -> impl IntoView {
    let Some(path) = answer.weights.get(horizon).cloned().filter(|p| p.rows.len() > 1) else {
        return ().into_any();
    };
    let (width, height) = (320.0, 190.0);
    let (first, last) = (path.rows[0].time, path.rows[path.rows.len() - 1].time);
    let x = move |t: f64| 8.0 + (width - 16.0) * (t - first) / (last - first);
    let y = move |share: f64| 8.0 + (height - 28.0) * (1.0 - share);
    let below = |row: &[f64], k: usize| row.iter().take(k).sum::<f64>();
    let areas = (0..answer.members.len())
        .map(|k| {
            let up: Vec<String> = path
                .rows
                .iter()
                .map(|r| format!("{:.1},{:.1}", x(r.time), y(below(&r.weights, k + 1))))
                .collect();
            let down: Vec<String> = path
                .rows
                .iter()
                .rev()
                .map(|r| format!("{:.1},{:.1}", x(r.time), y(below(&r.weights, k))))
                .collect();
            view! { <polygon points=format!("{} {}", up.join(" "), down.join(" ")) class=format!("share share-{k}") /> }
        })
        .collect_view();
    let standing = answer.standing.horizons.get(horizon).cloned();
    let legend = answer
        .members
        .iter()
        .enumerate()
        .map(|(k, m)| {
            let weight = standing.as_ref().and_then(|s| s.weights.get(k)).copied().unwrap_or(0.0);
            view! { <li><span class=format!("key share-{k}")></span>{model_name(m)}<b>{format::percent(weight, 0)}</b></li> }
        })
        .collect_view();
    let sentence = standing.map_or_else(String::new, |s| {
        format!(
            "{} has carried most since {}. Curve in force: logit q = {:.2}·ln p − {:.2}·ln(1 − p) {} {:.2}.",
            model_name(&s.leading),
            format::date(s.since),
            s.map[0],
            s.map[1],
            if s.map[2] < 0.0 { "−" } else { "+" },
            s.map[2].abs()
        )
    });
    view! {
        <figure class="plot">
            <h3>"Which model carried how much"</h3>
            <svg viewBox=format!("0 0 {width} {height}") role="img" aria-label="Weights of the models over time, stacked">
                {areas}
                <text x="8" y=height - 4.0>{format::date(first)}</text>
                <text x=width - 8.0 y=height - 4.0 text-anchor="end">{format::date(last)}</text>
            </svg>
            <ul class="legend">{legend}</ul>
            <figcaption>{sentence}</figcaption>
        </figure>
    }
    .into_any()
}

/// Where prices ended in the distributions made before.
#[component]
fn Fan(answer: Arc<CalibrationResponse>, horizon: usize) -> impl IntoView {
    let Some(f) = answer.fan.get(horizon).cloned() else {
        return ().into_any();
    };
    let (width, height) = (320.0, 150.0);
    let most = f.histogram.iter().copied().max().unwrap_or(1).max(1) as f64;
    let even = f.forecasts as f64 / 10.0;
    let bars = f
        .histogram
        .iter()
        .enumerate()
        .map(|(k, n)| {
            let tall = (height - 28.0) * *n as f64 / most;
            view! {
                <rect x=8.0 + 30.4 * k as f64 y=height - 20.0 - tall width="28" height=tall class="bar">
                    <title>{format!("{n} ends between {} and {} %", k * 10, k * 10 + 10)}</title>
                </rect>
            }
        })
        .collect_view();
    let line = height - 20.0 - (height - 28.0) * even / most;
    let p = |p: f64| {
        if p < 0.01 {
            "under 1 %".to_owned()
        } else {
            format::percent(p, 0)
        }
    };
    view! {
        <figure class="plot">
            <h3>"Where prices ended in the fan"</h3>
            <svg viewBox=format!("0 0 {width} {height}") role="img" aria-label="Count of price ends by tenth of the forecast distribution">
                {bars}
                <line x1="8" x2=width - 8.0 y1=line y2=line class="ideal" />
                <text x="8" y=height - 4.0>"lowest tenth"</text>
                <text x=width - 8.0 y=height - 4.0 text-anchor="end">"highest tenth"</text>
            </svg>
            <figcaption>
                {format!(
                    "The middle half held {} of ends (plain model {}), the middle nine tenths {} ({}).",
                    format::percent(f.coverage_50, 0),
                    format::percent(f.coverage_50_gbm, 0),
                    format::percent(f.coverage_90, 0),
                    format::percent(f.coverage_90_gbm, 0)
                )}
            </figcaption>
            <p class="note">
                {format!(
                    "Of {} windows that do not overlap, {} ended in the lowest and {} in the highest hundredth. Chance of that or worse were the fan right: {} and {} (Kupiec); that such ends do not cluster: {} (Christoffersen).",
                    f.apart,
                    f.below_1,
                    f.above_1,
                    p(f.kupiec_below),
                    p(f.kupiec_above),
                    p(f.christoffersen)
                )}
            </p>
        </figure>
    }
    .into_any()
}

/// Skill by leverage, side and horizon.
#[component]
fn Skill(answer: Arc<CalibrationResponse>) -> impl IntoView {
    let horizons: Vec<f64> = answer.horizons.iter().map(|h| h.horizon_hours).collect();
    let mut leverages: Vec<f64> = answer.scores.iter().map(|s| s.leverage).collect();
    leverages.sort_by(f64::total_cmp);
    leverages.dedup();
    let find = |l: f64, side: Side, h: f64| -> Option<CellScore> {
        answer
            .scores
            .iter()
            .find(|s| s.leverage == l && s.side == side && s.horizon_hours == h)
            .cloned()
    };
    let cell = |s: Option<CellScore>| {
        let Some(s) = s.filter(|s| s.events > 0) else {
            return view! { <td class="none">"none"</td> }.into_any();
        };
        let skill = s.skill_gbm.unwrap_or(0.0);
        let sure = s.skill_gbm_interval.is_some_and(|i| i[0] > 0.0 || i[1] < 0.0);
        let title = format!(
            "{} of {} happened, said {} on average; {}",
            s.events,
            s.forecasts,
            format::percent(s.mean_forecast, 2),
            s.skill_gbm_interval.map_or_else(
                || "too few for an interval".to_owned(),
                |i| format!(
                    "90 % interval {} to {}",
                    format::percent(i[0], 1),
                    format::percent(i[1], 1)
                )
            )
        );
        let colour = if skill < 0.0 { "--short" } else { "--long" };
        let tint = format!(
            "color-mix(in srgb, var({colour}) {:.0}%, transparent)",
            (skill.abs() * 300.0).min(30.0)
        );
        let sign = if skill > 0.0 { "+" } else { "" };
        view! {
            <td style:background=tint title=title class:sure=sure>
                {format!("{sign}{}", format::number(skill * 100.0, 1))}
                <small>{format!("{} of {}", s.events, s.forecasts)}</small>
            </td>
        }
        .into_any()
    };
    let rows = leverages
        .iter()
        .map(|l| {
            let cells = horizons
                .iter()
                .flat_map(|h| [Side::Long, Side::Short].map(|side| cell(find(*l, side, *h))))
                .collect_view();
            view! { <tr><th scope="row">{format!("{l:.0}x")}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <figure class="skill">
            <h3>"Skill over constant volatility"</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="Skill by leverage, side and horizon">
                <table>
                    <caption>"Percent of its Brier score, and how many were touched. Bold: outside of chance (90 %)."</caption>
                    <thead>
                        <tr><th scope="col" rowspan="2">"Leverage"</th>{horizons.iter().map(|h| view! { <th scope="colgroup" colspan="2">{format!("within {}", span(*h))}</th> }).collect_view()}</tr>
                        <tr>{horizons.iter().map(|_| view! { <th scope="col">"long"</th><th scope="col">"short"</th> }).collect_view()}</tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </figure>
    }
}

/// The worst misses, with their dates.
#[component]
fn Misses(answer: Arc<CalibrationResponse>) -> impl IntoView {
    let rows = answer
        .misses
        .iter()
        .map(|m| {
            let what = if m.happened { "touched" } else { "not touched" };
            view! {
                <tr>
                    <th scope="row">{format::date(m.time)}</th>
                    <td>{format!("{:.0}x {}", m.leverage, m.side.word())}</td>
                    <td>{span(m.horizon_hours)}</td>
                    <td>{format::chance(m.forecast, 0.0)}</td>
                    <td>{what}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <figure class="misses">
            <h3>"Worst misses"</h3>
            <div class="scroll" tabindex="0" role="region" aria-label="Worst misses">
                <table>
                    <thead><tr><th scope="col">"When"</th><th scope="col">"Position"</th><th scope="col">"Within"</th><th scope="col">"Said"</th><th scope="col">"What happened"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </figure>
    }
}
