//! A hand on the time of a replay: what the desk would have said at that minute.

use super::desk;
use super::replay_report::clock;
use crate::format;
use leptos::prelude::*;
use std::time::Duration;

/// Share of the window that passes in a step, and how many a second are made.
const STEP: f64 = 1.0 / 600.0;
const A_SECOND: f64 = 5.0;
const SPEEDS: [(f64, &str); 3] = [(1.0, "1×"), (4.0, "4×"), (12.0, "12×")];

#[component]
pub(crate) fn Scrub() -> impl IntoView {
    let desk = desk();
    let r = desk.replaying;
    let speed = RwSignal::new(1.0);
    let playing = RwSignal::new(false);
    let handle = set_interval_with_handle(
        move || {
            if playing.get_untracked() {
                r.scrub.update(|s| *s = (*s + STEP * speed.get_untracked()).min(1.0));
                if r.scrub.get_untracked() >= 1.0 {
                    playing.set(false);
                }
            }
        },
        Duration::from_secs_f64(1.0 / A_SECOND),
    );
    on_cleanup(move || {
        if let Ok(h) = handle {
            h.clear();
        }
    });
    let play = move |_| {
        if r.scrub.get_untracked() >= 1.0 {
            r.scrub.set(0.0);
        }
        playing.update(|p| *p = !*p);
    };
    let when = move || {
        r.then.with(|t| {
            t.as_ref().map_or_else(
                || "the entry".to_owned(),
                |t| format!("{} {} UTC", format::date(t.time - 1.0), clock(t.time)),
            )
        })
    };
    let figures = move || {
        r.then.with(|t| {
            t.clone().map(|t| {
                let distance = if t.distance > 0.0 {
                    (format::percent(t.distance, 1), "of the price, left alone".to_owned())
                } else {
                    ("gone".to_owned(), "its level is passed".to_owned())
                };
                let chance = match t.chance {
                    Ok((p, e)) => (format::chance(p, e), "by the volatility known then".to_owned()),
                    Err(why) => (format::UNKNOWN.to_owned(), why),
                };
                let warning = match t.warning {
                    Ok((a, b)) => (
                        format!("{} / {}", format::chance(a, 0.0), format::chance(b, 0.0)),
                        "2 % against it within 15 / 30 minutes".to_owned(),
                    ),
                    Err(why) => (format::UNKNOWN.to_owned(), why),
                };
                [
                    ("Price then", (format::price(t.price, None), String::new())),
                    ("Room to liquidation", distance),
                    ("Chance within a day", chance),
                    ("Warning", warning),
                    ("Volatility known", (format::percent(t.volatility, 0), "a year, last thirty days".to_owned())),
                ]
                .map(|(name, (value, detail))| view! {
                    <div class="figure"><dt>{name}</dt><dd><output>{value}</output><small>{detail}</small></dd></div>
                })
                .collect_view()
            })
        })
    };
    view! {
        <section class="scrub" aria-label="As it was at a minute">
            <h3>"As the desk would have told it at " {when}</h3>
            <div class="walking">
                <button type="button" on:click=play aria-pressed=move || playing.get().to_string()>{move || if playing.get() { "Pause" } else { "Play" }}</button>
                <label class="field" for="scrub-speed">
                    <span class="visually-hidden">"Speed"</span>
                    <select id="scrub-speed" on:change=move |e| speed.set(event_target_value(&e).parse().unwrap_or(1.0))>
                        {SPEEDS.into_iter().map(|(s, word)| view! { <option value=s.to_string()>{word}</option> }).collect_view()}
                    </select>
                </label>
                <input
                    type="range" min="0" max="1000" step="1" aria-label="Time of the replay"
                    prop:value=move || (r.scrub.get() * 1000.0).round().to_string()
                    aria-valuetext=when
                    on:input=move |e| {
                        playing.set(false);
                        r.scrub.set(event_target_value(&e).parse::<f64>().unwrap_or(0.0) / 1000.0);
                    }
                />
            </div>
            <dl class="then">{figures}</dl>
            <p class="note">"No map of liquidations: open interest was not recorded in these times."</p>
        </section>
    }
}
