//! The watch: how likely a sharp move is, what was told of the position, and the look twice a day.

use super::desk;
use super::part::NumberField;
use crate::feed::notify;
use crate::format;
use crate::state::planning::Planned;
use crate::state::watching::{self, Logged, Snapshot};
use headroom_core::alerts::{Quiet, Watched};
use headroom_core::api::warning::WarningResponse;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

#[component]
pub(crate) fn WatchPage() -> impl IntoView {
    let desk = desk();
    let busy = move || {
        let w = desk.watching;
        (w.fall.with(|p| p.answer.is_none() && p.fault.is_none())).to_string()
    };
    view! {
        <section class="plan watch" aria-label="Watch" aria-busy=busy>
            <header>
                <h2>{move || format!("Watch over {}", desk.key(desk.index()).map(|k| k.1).unwrap_or_default())}</h2>
                <p class="note">"How far the price may swing within half an hour, not where to. It is looked at once a minute while this page is open in any tab."</p>
            </header>
            <Gauge />
            <CheckIn />
            <Alerts />
        </section>
    }
}

/// A scale from one in a thousand to a half, by its logarithm: 0 to 1.
fn place(p: f64) -> f64 {
    ((p.max(1e-3) / 1e-3).ln() / (0.5f64 / 1e-3).ln()).clamp(0.0, 1.0)
}

#[component]
fn Gauge() -> impl IntoView {
    let desk = desk();
    let w = desk.watching;
    let origin = move || {
        w.bars.with(|b| {
            b.as_ref()
                .map(|(_, c, o)| format!("{} bars of five minutes, {}.", c.rows.len(), o.told(desk.now.get())))
        })
    };
    let feeds = move || {
        let Some((venue, symbol)) = desk.key(desk.index()) else {
            return String::new();
        };
        let told = desk
            .forced
            .with(|f| f.told.iter().filter(|(v, l)| *v == venue && l.symbol == symbol).count());
        if told == 0 {
            format!(
                "No liquidation of {symbol} has been streamed since this page was opened: the gauge goes by prices alone."
            )
        } else {
            format!(
                "{told} liquidations of {symbol} streamed since this page was opened; their intensity is told, and does not move the gauge: too little of it is recorded to fit."
            )
        }
    };
    let here = move || {
        let key = desk.key(desk.index());
        w.bars.with(|b| b.as_ref().is_none_or(|b| Some(&b.0) == key.as_ref()))
    };
    let side = move |words: &'static str, of: RwSignal<Planned<WarningResponse>>| {
        move || {
            if !here() {
                return view! { <p class="note">"Being computed."</p> }.into_any();
            }
            of.with(|p| match (&p.answer, &p.fault) {
                (Some(a), _) => view! { <Side words answer=a.clone() /> }.into_any(),
                (None, Some(why)) => view! { <p class="fault">{why.clone()}</p> }.into_any(),
                (None, None) => view! { <p class="note">"Being computed."</p> }.into_any(),
            })
        }
    };
    view! {
        <div class="gauges" role="group" aria-label="Chance of a sharp move">
            <div class="gauge"><h3>"A fall of 2 %"</h3>{side("fall", w.fall)}</div>
            <div class="gauge"><h3>"A rise of 2 %"</h3>{side("rise", w.rise)}</div>
        </div>
        <p class="note">{origin} " " {feeds}</p>
        <p class="note">"On assets and months that it was not fitted to it ranked such moves with an AUC of 0.89 within 15 minutes and 0.84 within 30, volatility alone with 0.83 and 0.79 (docs/early-warning.md). One such move a day, or none, is usual: after most high readings nothing comes."</p>
    }
}

#[component]
fn Side(words: &'static str, answer: Arc<WarningResponse>) -> impl IntoView {
    let of = |minutes: f64| answer.forecasts.iter().find(|f| f.horizon_minutes == minutes).copied();
    let rows = [15.0, 30.0]
        .into_iter()
        .filter_map(|m| {
            let f = of(m)?;
            let at = format!("{:.1}%", 100.0 * place(f.probability));
            let plain = format!("{:.1}%", 100.0 * place(f.baseline));
            let label = format!("{words} within {m:.0} minutes: {}", format::fine_percent(f.probability));
            Some(view! {
                <div class="reading">
                    <span class="when">{format!("{m:.0} min")}</span>
                    <strong>{format::fine_percent(f.probability)}</strong>
                    <div class="scale" role="img" aria-label=label><i class="plain" style:left=plain></i><i class="own" style:left=at></i></div>
                    <span class="note">{format!("by volatility alone {}", format::fine_percent(f.baseline))}</span>
                </div>
            })
        })
        .collect_view();
    let most = answer.drivers.iter().map(|d| d.part.abs()).fold(0.1, f64::max);
    let drivers = answer
        .drivers
        .iter()
        .map(|d| {
            let class = if d.part > 0.0 { "amount more" } else { "amount less" };
            let width = format!("{:.1}%", 100.0 * d.part.abs() / most);
            view! {
                <tr>
                    <th scope="row">{d.name.clone()}</th>
                    <td><i class=class style:width=width></i></td>
                    <td>{format!("{}{:.2}", if d.part > 0.0 { "+" } else { "\u{2212}" }, d.part.abs())}</td>
                </tr>
            }
        })
        .collect_view();
    let corrected = of(30.0).map(|f| {
        format!(
            "Before the correction by this market's own past: {}.",
            format::fine_percent(f.uncorrected)
        )
    });
    let intensity = answer.intensity.map(|i| {
        format!(
            "Forced selling: {} longs and {} shorts a minute; each sets off {} more.",
            format::significant(i[0] * 60.0, 2),
            format::significant(i[1] * 60.0, 2),
            answer
                .branching_ratio
                .map_or_else(|| "an unknown number".to_owned(), |b| format::significant(b, 2))
        )
    });
    let parts = answer
        .adjustments
        .iter()
        .map(|a| {
            let value = a.value.map_or_else(|| "no feed".to_owned(), |v| format::significant(v, 2));
            view! {
                <tr class:quiet=a.value.is_none()>
                    <th scope="row" title=a.meaning.clone()>{a.name.replace('_', " ")}</th>
                    <td>{value}</td>
                    <td>{format!("{} \u{00b1} {}", format::significant(a.weight, 2), format::significant(a.deviation, 2))}</td>
                    <td>{format!("{:+.2}", a.part)}</td>
                </tr>
            }
        })
        .collect_view();
    let provisional = answer.provisional_probability.map(|p| {
        format!(
            "With what is provisional: {} within 15 minutes.",
            format::fine_percent(p)
        )
    });
    view! {
        {rows}
        <p class="note">{provisional}</p>
        <details class="behind">
            <summary>"Provisional parts"</summary>
            <p class="note">"Too little of these is recorded to fit a weight: each has a stated prior, learns here from what comes after, and is not in the figures above."</p>
            <table class="drivers"><thead><tr><th scope="col">"Input"</th><th scope="col">"Now"</th><th scope="col">"Weight"</th><th scope="col">"Log-odds"</th></tr></thead><tbody>{parts}</tbody></table>
        </details>
        <details class="behind">
            <summary>"What drives it"</summary>
            <table class="drivers"><thead><tr><th scope="col">"Inputs"</th><th scope="col">"Part"</th><th scope="col">"Log-odds"</th></tr></thead><tbody>{drivers}</tbody></table>
            <p class="note">{corrected} " " {answer.model.name.clone()} {format!(", version {}.", answer.model.version)}</p>
            <p class="note">{intensity}</p>
        </details>
    }
}

fn clock(minutes: f64) -> String {
    format!("{:02.0}:{:02.0}", (minutes / 60.0).floor(), minutes % 60.0)
}

fn minutes(text: &str) -> Option<f64> {
    let (h, m) = text.split_once(':')?;
    let (h, m): (f64, f64) = (h.parse().ok()?, m.parse().ok()?);
    (h < 24.0 && m < 60.0).then_some(h * 60.0 + m)
}

/// One screen, readable in a minute: then, now, what changed.
#[component]
fn CheckIn() -> impl IntoView {
    let desk = desk();
    let w = desk.watching;
    let now = move || {
        desk.now.track();
        watching::snapshot(desk)
    };
    let last = move || {
        let symbol = desk.key(desk.index()).map(|k| k.1).unwrap_or_default();
        w.checks.with(|c| c.last.clone().filter(|s| s.symbol == symbol))
    };
    let next = move || {
        let at = w.checks.with(|c| watching::next_check(c, desk.now.get()));
        format!("Next in {}.", format::age(at - desk.now.get()))
    };
    let time = move |k: usize| {
        move |e: leptos::ev::Event| {
            if let Some(m) = minutes(&event_target_value(&e)) {
                w.checks.update(|c| c.at[k] = m);
            }
        }
    };
    let table = move || {
        let (then, now) = (last(), now());
        rows(then.as_ref(), now.as_ref())
            .into_iter()
            .map(|(name, then, now)| view! { <tr><th scope="row">{name}</th><td>{then}</td><td>{now}</td></tr> })
            .collect_view()
    };
    let then = move || {
        last().map_or_else(
            || "Never".to_owned(),
            |s| format!("{} ago", format::age(desk.now.get() - s.time)),
        )
    };
    let export = move |_| {
        let text: Vec<String> = rows(last().as_ref(), watching::snapshot(desk).as_ref())
            .into_iter()
            .map(|(name, then, now)| format!("{name}: {now} (then {then})"))
            .collect();
        let _ = window().navigator().clipboard().write_text(&text.join("\n"));
    };
    view! {
        <div class="checkin" role="group" aria-label="Check-in">
            <h3>"Check-in"</h3>
            <p class="note">"Twice a day is enough for most: before the US open and before the Asian session, unless you choose other times. " {next}</p>
            <div class="scroll" tabindex="0" role="region" aria-label="What changed">
                <table>
                    <thead><tr><th scope="col">"Since the last look"</th><th scope="col">{then}</th><th scope="col">"Now"</th></tr></thead>
                    <tbody>{table}</tbody>
                </table>
            </div>
            <div class="tools">
                <button type="button" on:click=move |_| watching::check_in(desk)>"I have looked"</button>
                <button type="button" on:click=export>"Copy as text"</button>
                <label for="check-first">"First"</label>
                <input id="check-first" type="time" prop:value=move || clock(w.checks.with(|c| c.at[0])) on:change=time(0) />
                <label for="check-second">"Second"</label>
                <input id="check-second" type="time" prop:value=move || clock(w.checks.with(|c| c.at[1])) on:change=time(1) />
            </div>
        </div>
    }
}

/// Name, then, now.
fn rows(then: Option<&Snapshot>, now: Option<&Snapshot>) -> Vec<(&'static str, String, String)> {
    let unknown = || format::UNKNOWN.to_owned();
    let row = |name: &'static str, read: &dyn Fn(&Snapshot) -> Option<String>| {
        let of = |s: Option<&Snapshot>| s.and_then(read).unwrap_or_else(unknown);
        (name, of(then), of(now))
    };
    let price = |p: f64| format::price(p, None);
    let mut out = vec![
        row("Price", &|s| s.mark.map(price)),
        row("Liquidation price", &|s| s.liquidation_price.map(price)),
        row("Room", &|s| {
            Some(format::fine_percent(s.liquidation_price? / s.mark? - 1.0))
        }),
        row("Chance of liquidation", &|s| {
            s.probability
                .map(|(h, p)| format!("{} within {h:.0} h", format::fine_percent(p)))
        }),
        row("Requirement over equity", &|s| s.margin_ratio.map(format::fine_percent)),
        row("Funding a year", &|s| s.funding_year.map(format::fine_percent)),
        row("Holding for a week costs", &|s| {
            s.funding_week.map(|c| format::number(c, 2))
        }),
        row("2 % within half an hour, down / up", &|s| {
            s.warning
                .map(|(d, u)| format!("{} / {}", format::fine_percent(d), format::fine_percent(u)))
        }),
        row("Heaviest level of liquidations", &|s| {
            s.cluster
                .map(|(p, n)| format!("{} ({} notional)", price(p), format::number(n, 0)))
        }),
        row("Hedge trade", &|s| {
            s.hedge.map(|n| {
                if n == 0.0 {
                    "none".to_owned()
                } else {
                    format!("{} notional", format::number(n, 0))
                }
            })
        }),
    ];
    // What was paid between the two looks, by the rate told then.
    if let (Some(a), Some(b)) = (then, now)
        && let Some(week) = a.funding_week
    {
        let paid = week * (b.time - a.time) / (7.0 * 86_400_000.0);
        out.push((
            "Funding since, at the rate of then",
            "0".to_owned(),
            format::number(paid, 2),
        ));
    }
    out
}

#[component]
fn Alerts() -> impl IntoView {
    let desk = desk();
    let w = desk.watching;
    let permission = RwSignal::new(notify::allowed());
    let ask = move |_| spawn_local(async move { permission.set(notify::allow().await) });
    let permitted = move || match permission.get().as_str() {
        "granted" => "This browser shows a notification for each message.".to_owned(),
        "denied" => "This browser does not allow notifications from here: messages are in the log alone.".to_owned(),
        "unsupported" => "This browser has no notifications: messages are in the log alone.".to_owned(),
        _ => "Messages are in the log; the browser may show them too.".to_owned(),
    };
    let fields = Watched::ALL
        .into_iter()
        .map(|watched| {
            let unit = if watched == Watched::Staleness { "s" } else { "%" };
            let factor = if watched == Watched::Staleness { 1.0 } else { 100.0 };
            let value = Signal::derive(move || {
                w.settings
                    .with(|s| s.rules.iter().find(|r| r.watched == watched).map(|r| r.raise * factor))
            });
            let set = Callback::new(move |v: Option<f64>| {
                if let Some(v) = v.filter(|v| *v > 0.0) {
                    w.settings.update(|s| {
                        if let Some(r) = s.rules.iter_mut().find(|r| r.watched == watched) {
                            // The level that clears keeps its proportion.
                            let share = r.clear / r.raise;
                            r.raise = v / factor;
                            r.clear = r.raise * share;
                        }
                    });
                }
            });
            let label = Signal::derive(move || format!("Tell when {} reaches", watching::name(watched)));
            view! { <NumberField label value on_change=set unit=Signal::derive(move || unit.to_owned()) /> }
        })
        .collect_view();
    let quiet = move || w.settings.with(|s| s.quiet);
    let set_quiet = move |from: Option<f64>, until: Option<f64>| {
        let offset = -js_sys::Date::new_0().get_timezone_offset();
        w.settings.update(|s| {
            let before = s.quiet.unwrap_or(Quiet {
                from_minute: 1320.0,
                until_minute: 420.0,
                utc_offset_minutes: offset,
            });
            s.quiet = Some(Quiet {
                from_minute: from.unwrap_or(before.from_minute),
                until_minute: until.unwrap_or(before.until_minute),
                utc_offset_minutes: offset,
            });
        });
    };
    let entries = move || {
        w.log.with(|log| {
            log.iter()
                .rev()
                .map(|l| {
                    let told = if l.alert.told { "told" } else { reason(&l.alert.reason) };
                    view! {
                        <tr class:quiet=!l.alert.told>
                            <td>{format!("{} ago", format::age(desk.now.get() - l.alert.time))}</td>
                            <td>{watching::sentence(&l.alert)}</td>
                            <td>{told}</td>
                            <td>{after(l)}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <div class="alerts" role="group" aria-label="Alerts">
            <h3>"Alerts"</h3>
            <p class="note">"Told when a state changes, not while it lasts; at most three messages a position and day. " {permitted}
                <Show when=move || permission.get() == "default"><button type="button" on:click=ask>"Allow notifications"</button></Show></p>
            <details class="behind">
                <summary>"When to tell"</summary>
                <div class="fields">{fields}</div>
                <p class="note">"Each is taken back at about half to two thirds of its level, so that a value that trembles is told once."</p>
                <div class="tools">
                    <label><input type="checkbox" prop:checked=move || quiet().is_some() on:change=move |e| if event_target_checked(&e) { set_quiet(None, None) } else { w.settings.update(|s| s.quiet = None) } />" Quiet hours"</label>
                    <Show when=move || quiet().is_some()>
                        <label for="quiet-from">"from"</label>
                        <input id="quiet-from" type="time" prop:value=move || clock(quiet().map_or(0.0, |q| q.from_minute)) on:change=move |e| set_quiet(minutes(&event_target_value(&e)), None) />
                        <label for="quiet-until">"until"</label>
                        <input id="quiet-until" type="time" prop:value=move || clock(quiet().map_or(0.0, |q| q.until_minute)) on:change=move |e| set_quiet(None, minutes(&event_target_value(&e))) />
                    </Show>
                </div>
            </details>
            <Show when=move || w.log.with(|l| !l.is_empty()) fallback=|| view! { <p class="note">"Nothing was told yet."</p> }>
                <div class="scroll" tabindex="0" role="region" aria-label="Log of alerts">
                    <table>
                        <thead><tr><th scope="col">"When"</th><th scope="col">"What"</th><th scope="col">"Message"</th><th scope="col">"Half an hour after"</th></tr></thead>
                        <tbody>{entries}</tbody>
                    </table>
                </div>
                <div class="tools"><button type="button" on:click=move |_| w.log.set(Vec::new())>"Clear the log"</button></div>
            </Show>
        </div>
    }
}

fn reason(word: &str) -> &'static str {
    match word {
        "quiet_hours" => "not told: quiet hours",
        "cool_down" => "not told: told shortly before",
        "daily_limit" => "not told: three a day were told",
        _ => "written down",
    }
}

fn after(l: &Logged) -> String {
    l.after.map_or_else(
        || "not over, or not seen".to_owned(),
        |(low, high)| format!("{} to {}", format::fine_percent(low), format::fine_percent(high)),
    )
}
