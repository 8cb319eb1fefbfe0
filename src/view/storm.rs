//! The price pushed to a level and what follows, round by round; and what chance there is of it.

use super::cascade_page::{hurt_word, large};
use super::desk;
use crate::format;
use crate::state::cascading::{self, Takers};
use headroom_core::api::cascade::CascadeResponse;
use headroom_core::units::Side;
use leptos::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Rounds listed.
const LISTED: usize = 12;

#[component]
pub(crate) fn Push() -> impl IntoView {
    let desk = desk();
    let c = desk.cascading;
    let fraction = move || c.push.get();
    let told = move || {
        let price = cascading::price(desk).map(|p| format::price(p * (1.0 + fraction()), desk.tick(desk.index())));
        format!(
            "{}, to {}",
            format::percent(fraction(), 1),
            price.unwrap_or_else(|| format::UNKNOWN.to_owned())
        )
    };
    view! {
        <section class="push" aria-label="Push the price">
            <h3>"Push the price"</h3>
            <label class="slider">
                <span>{told}</span>
                <input
                    type="range" min="-40" max="40" step="0.5" aria-label="Outside move of the price in percent"
                    prop:value=move || (fraction() * 100.0).to_string()
                    aria-valuetext=told
                    on:input=move |e| c.push.set(event_target_value(&e).parse::<f64>().unwrap_or(0.0) / 100.0)
                />
            </label>
            {move || c.pushed.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => view! { <Pushed answer=a.clone() /> }.into_any(),
                (None, Some(why)) => view! { <p class="fault" role="alert">{why.clone()}</p> }.into_any(),
                (None, None) => view! { <p class="note">"Move the slider off the middle."</p> }.into_any(),
            })}
        </section>
    }
}

#[component]
fn Pushed(answer: Arc<CascadeResponse>) -> impl IntoView {
    let desk = desk();
    let tick = desk.tick(desk.index());
    let hurt = if answer.final_price <= answer.shocked_price && desk.cascading.push.get_untracked() < 0.0 {
        Side::Long
    } else {
        Side::Short
    };
    let forced = answer.liquidated_notional;
    let m = answer.machinery.clone().unwrap_or_default();
    let taken_over = m.backstop_size * answer.shocked_price;
    let verdict = if answer.liquidated_wallets == 0 {
        format!(
            "Nobody on this map is closed by it: {} stand further away.",
            hurt_word(hurt)
        )
    } else if forced <= 0.0 {
        format!(
            "{} of {} are taken over by the venue's vault without an order: the price stays at {}.",
            large(taken_over),
            hurt_word(hurt),
            format::price(answer.final_price, tick)
        )
    } else {
        format!(
            "{} of {} are closed, and their orders carry the price to {}: {} times the push, in {} rounds.",
            large(forced),
            hurt_word(hurt),
            format::price(answer.final_price, tick),
            format::number(answer.amplification, 2),
            answer.round_count
        )
    };
    let nobody = answer.liquidated_wallets == 0;
    let exhausted = answer.book_exhausted.then(|| {
        format!(
            "The order book ends before that: {} find nobody.",
            format::significant(answer.unfilled_size, 3)
        )
    });
    // Played round by round.
    let count = answer.rounds.len().min(LISTED);
    let shown = RwSignal::new(count);
    let playing: StoredValue<Option<IntervalHandle>> = StoredValue::new(None);
    let stop = move || {
        if let Some(Some(h)) = playing.try_update_value(Option::take) {
            h.clear();
        }
    };
    let play = move |_| {
        stop();
        shown.set(0);
        let handle = set_interval_with_handle(
            move || {
                if shown.get_untracked() >= count {
                    stop();
                } else {
                    shown.update(|n| *n += 1);
                }
            },
            Duration::from_millis(450),
        );
        playing.set_value(handle.ok());
    };
    on_cleanup(stop);
    let largest = answer.rounds.iter().take(LISTED).map(|r| r.size).fold(1e-12, f64::max);
    let rounds: Vec<_> = answer.rounds.iter().take(LISTED).copied().enumerate().collect();
    let rest = answer.round_count.saturating_sub(count);
    let takers = desk.cascading.takers.get_untracked();
    let (_, _, depth) = untrack(|| cascading::depth_of(desk, takers));
    let otherwise = move || {
        desk.cascading.otherwise.get().map(|p| {
            let who = if takers == Takers::Usual {
                "If nobody refilled the book"
            } else {
                "With the book refilled as usual"
            };
            format!("{who}, the same push would end at {}.", format::price(p, tick))
        })
    };
    let assumptions = answer.assumptions.clone();
    view! {
        <p class="verdict" class:skilled=nobody aria-live="polite">{verdict}</p>
        <p class="note">{otherwise}</p>
        {exhausted.map(|e| view! { <p class="stale">{e}</p> })}
        <div class="pictures">
            <Against answer=answer.clone() />
            <figure class="bars">
                <h3>"Round by round"</h3>
                <button type="button" disabled={count == 0} on:click=play>"Play"</button>
                <table>
                    <thead><tr><th scope="col">"Round"</th><td></td><th scope="col">"Sold or bought"</th><th scope="col">"Mark after"</th></tr></thead>
                    <tbody>
                        {rounds.into_iter().map(|(k, r)| view! {
                            <tr class:faint=move || { shown.get() <= k }>
                                <th scope="row">{k + 1}</th>
                                <td class="bar-cell"><span class="bar-fill" style:width=format!("{:.1}%", 100.0 * r.size / largest)></span></td>
                                <td>{large(r.size * r.to)}</td>
                                <td>{format::price(r.to, tick)}</td>
                            </tr>
                        }).collect_view()}
                    </tbody>
                </table>
                {(rest > 0).then(|| view! { <p class="note">{format!("{rest} more rounds follow.")}</p> })}
                {(m.backstop_size > 0.0).then(|| view! { <p class="note">{format!("Taken over by the backstop without an order: {}.", format::significant(m.backstop_size, 3))}</p> })}
                {(m.shortfall > 0.0).then(|| view! { <p class="note">{format!("Fills beyond the bankruptcy price cost {}, which an insurance fund, then winners, carry.", large(m.shortfall))}</p> })}
            </figure>
        </div>
        <details class="behind">
            <summary>"What was assumed"</summary>
            <ul>
                <li>{format!("Depth: {depth}; a push of x leaves exp(−5·x) of it.")}</li>
                {assumptions.into_iter().map(|a| view! { <li>{a}</li> }).collect_view()}
                {answer.explanation.clone().unwrap_or_default().into_iter().map(|s| view! { <li>{format!("{} = {}", s.label, s.formula)}</li> }).collect_view()}
            </ul>
        </details>
    }
}

/// What is due beside what the book takes, on the way.
#[component]
fn Against(answer: Arc<CascadeResponse>) -> impl IntoView {
    let rows = &answer.against_depth;
    if rows.len() < 2 {
        return ().into_any();
    }
    let (first, last) = (rows[0][0], rows[rows.len() - 1][0]);
    // What is due fills the picture; a book that takes far more leaves it at the top.
    let most = 1.3 * rows.iter().map(|r| r[1]).fold(1.0, f64::max);
    let x = |p: f64| 40.0 + 590.0 * (p - first) / (last - first);
    let y = |v: f64| 190.0 - 175.0 * (v / most).min(1.0);
    let line = |column: usize| {
        rows.iter()
            .map(|r| format!("{:.1},{:.1}", x(r[0]), y(r[column])))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let within = |p: f64| (p - first) * (p - last) <= 0.0;
    let mark = |p: f64, words: &'static str| {
        within(p).then(|| {
            view! {
                <line x1=x(p) x2=x(p) y1="10" y2="190" class="ideal" />
                <text x=x(p) + 4.0 y="20">{words}</text>
            }
        })
    };
    let label = format!(
        "On the way to {}: {} due, {} in the book",
        format::price(last, None),
        large(rows[rows.len() - 1][1]),
        large(rows[rows.len() - 1][2])
    );
    view! {
        <figure class="plot">
            <h3>"Due, beside what the book takes"</h3>
            <svg viewBox="0 0 640 210" role="img" aria-label=label>
                <line x1="40" x2="630" y1="190" y2="190" class="rule" />
                {mark(answer.shocked_price, "push")}
                {mark(answer.final_price, "end")}
                <polyline points=line(2) class="curve alone" />
                <polyline points=line(1) class="curve" />
                <text x="40" y="206">{format::price(first, None)}</text>
                <text x="630" y="206" text-anchor="end">{format::price(last, None)}</text>
                <text x="2" y="14">{large(most)}</text>
            </svg>
            <figcaption>"Solid: forced orders up to a price. Dashed: what the book takes up to it. Where solid is above dashed, selling feeds itself."</figcaption>
        </figure>
    }
    .into_any()
}

/// The same under many shocks.
#[component]
pub(crate) fn Chances() -> impl IntoView {
    let desk = desk();
    let span = |hours: f64| {
        if hours < 1.0 {
            format!("{:.0} minutes", hours * 60.0)
        } else {
            format!("{hours:.0} hours")
        }
    };
    let rows = move || {
        let answer = desk.cascading.chance.with(|c| c.answer.clone())?;
        let rows = answer
            .distribution
            .iter()
            .map(|d| {
                let own = match (d.own_without, d.own_with) {
                    (Some(a), Some(b)) => format!("{} → {}", format::chance(a, 0.0), format::chance(b, 0.0)),
                    _ => format::UNKNOWN.to_owned(),
                };
                view! {
                    <tr>
                        <th scope="row">{span(d.hours)}</th>
                        <td>{format::chance(d.probability, d.standard_error)}</td>
                        <td>{large(d.forced_notional[2])}</td>
                        <td>{large(d.forced_notional[6])}</td>
                        <td>{format::number(d.amplification, 2)}</td>
                        <td>{own}</td>
                    </tr>
                }
            })
            .collect_view();
        let larger = large(answer.larger_than.unwrap_or(0.0));
        let trigger = answer.trigger_price.map_or_else(
            || "No push on this map sets that off.".to_owned(),
            |p| {
                format!(
                    "All else at its middle, it takes a push to {}.",
                    format::price(p, desk.tick(desk.index()))
                )
            },
        );
        Some(view! {
            <p class="note">{format!("A cascade here: more than {larger} forced against the side of your position, a twentieth of what is there. {trigger}")}</p>
            <div class="scroll" tabindex="0" role="region" aria-label="Chance of a cascade">
                <table>
                    <thead><tr><th scope="col">"Within"</th><th scope="col">"Chance of a cascade"</th><th scope="col">"Forced, middle"</th><th scope="col">"Worst 1 %"</th><th scope="col">"Amplified"</th><th scope="col">"You reached, without → with cascades"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <details class="behind">
                <summary>"What was assumed"</summary>
                <ul>{answer.assumptions.iter().map(|a| view! { <li>{a.clone()}</li> }).collect_view()}<li>"The ± is that of the simulation. The chances themselves have no record yet."</li></ul>
            </details>
        })
    };
    view! {
        <section class="chances" aria-label="How likely a cascade is">
            <h3>"How likely is it?"</h3>
            {rows}
        </section>
    }
}
