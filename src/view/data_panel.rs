//! Where the figures come from: feeds with their state, tiers with their age, and the way out when a venue is blocked.

use super::desk;
use super::room_panel::TierNote;
use crate::feed::{clear_history, history_size, reach};
use crate::format;
use crate::state::market::Origin;
use crate::state::tiers_text;
use headroom_core::market::TierUnit;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Longest answer that is taken from a file.
const MOST_BYTES: f64 = 12_000_000.0;

#[component]
pub(crate) fn DataPanel() -> impl IntoView {
    view! {
        <section class="data" aria-label="Data and tiers">
            <Feeds />
            <TierEditor />
        </section>
    }
}

#[component]
fn Feeds() -> impl IntoView {
    let desk = desk();
    let venue = move || desk.scenario.with(|s| s.venue);
    // One sentence a host, not one a request.
    let blocked = Memo::new(move |_| {
        desk.feeds.with(|f| {
            let mut hosts: Vec<(String, String, f64)> = Vec::new();
            for s in f.values() {
                if let Some(error) = &s.error
                    && !hosts.iter().any(|h| h.0 == s.host && h.1 == *error)
                {
                    hosts.push((s.host.clone(), error.clone(), s.last_ok.unwrap_or(0.0)));
                }
            }
            hosts
        })
    });
    let rows = move || {
        desk.feeds.with(|f| {
            f.iter()
                .map(|(name, s)| {
                    let (last, every) = (s.last_ok, f64::from(s.every_seconds));
                    let late = move || last.is_none_or(|t| desk.now.get() - t > (3.0 * every + 30.0) * 1000.0);
                    view! {
                        <tr class:stale=late>
                            <th scope="row">{name.trim().to_owned()}</th>
                            <td>{move || last.map_or_else(|| "never".to_owned(), |t| format!("{} ago", format::age(desk.now.get() - t)))}</td>
                            <td>{s.error.clone().unwrap_or_else(|| "ok".to_owned())}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    let recorded = move || {
        let origin = desk.market(desk.index(), |m| m.quote.as_ref().map(|q| q.1.clone()))?;
        match origin {
            Origin::Live(_) => None,
            Origin::Recorded { venue, until } => Some(format!(
                "Prices and candles shown are recorded ones of {venue}, until {}. They are not today's.",
                format::date(until - 1.0)
            )),
            other => Some(format!(
                "The price shown is {}: it is not the venue's own as this page fetches it.",
                other.told(desk.now.get())
            )),
        }
    };
    // Countdowns and ages are wrong where the device's clock is.
    let clock = move || {
        let (theirs, off) = desk.clocks.with(|c| c.get(&venue()).map(|off| (venue(), *off)))?;
        let size = off.abs();
        (size > 10_000.0).then(|| {
            let how = if off > 0.0 { "behind" } else { "ahead of" };
            format!(
                "The clock of this device is {} {how} that of {}.",
                format::age(size),
                theirs.title()
            )
        })
    };
    view! {
        <div class="feeds">
            <h2>"Data"</h2>
            <div role="status">
                {move || blocked.get().into_iter().map(|(_, error, _)| view! { <p class="blocked stale">{error}</p> }).collect_view()}
                {move || (!blocked.get().is_empty()).then(|| view! {
                    <p>"What can be done: choose another venue, type a mark price, or go on with the recorded data. The page keeps trying."</p>
                })}
                {move || recorded().map(|words| view! { <p class="stale">{words}</p> })}
                {move || clock().map(|words| view! { <p class="stale clock">{words}</p> })}
            </div>
            <Streams />
            <WaysOut blocked=Signal::derive(move || !blocked.get().is_empty()) />
            <details class="behind">
                <summary>"Every request"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="Requests">
                    <table>
                        <thead><tr><th scope="col">"Request"</th><th scope="col">"Last answer"</th><th scope="col">"State"</th></tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </div>
    }
}

/// Streams: state, and what was heard.
#[component]
fn Streams() -> impl IntoView {
    let desk = desk();
    let rows = move || {
        desk.links.with(|l| {
            l.iter()
                .map(|(name, s)| {
                    let (open, last) = (s.open, s.last);
                    let heard = move || {
                        last.map_or_else(
                            || "nothing yet".to_owned(),
                            |t| format!("{} ago", format::age(desk.now.get() - t)),
                        )
                    };
                    let mut notes = Vec::new();
                    for (n, what) in [
                        (s.unread, "unreadable"),
                        (s.dropped, "dropped, too fast"),
                        (s.resyncs, "book begun anew"),
                    ] {
                        if n > 0 {
                            notes.push(format!("{n} {what}"));
                        }
                    }
                    notes.extend(s.fault.clone());
                    view! {
                        <tr class:stale=!open>
                            <th scope="row">{name.clone()}</th>
                            <td>{s.state.clone()}</td>
                            <td>{heard}</td>
                            <td>{format::number(s.messages as f64, 0)}</td>
                            <td>{notes.join("; ")}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <Show when=move || desk.links.with(|l| !l.is_empty())>
            <details class="behind streams">
                <summary>{move || {
                    let (open, all) = desk.links.with(|l| (l.values().filter(|s| s.open).count(), l.len()));
                    format!("Streams: {open} of {all} open")
                }}</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="Streams">
                    <table>
                        <thead><tr><th scope="col">"Stream"</th><th scope="col">"State"</th><th scope="col">"Heard"</th><th scope="col">"Messages"</th><th scope="col">"Notes"</th></tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </Show>
    }
}

/// What to do without the venue: another venue's prices, the venue's answer from elsewhere; and what is kept on the device.
#[component]
fn WaysOut(blocked: Signal<bool>) -> impl IntoView {
    let desk = desk();
    let source = RwSignal::new(0usize);
    let draft = RwSignal::new(String::new());
    let told = RwSignal::new(None::<Result<String, String>>);
    let kept = RwSignal::new(0.0f64);
    let count = move || {
        spawn_local(async move { kept.set(history_size().await.0) });
    };
    let give = move |text: String| {
        let endpoint = untrack(|| reach::addresses(desk).get(source.get_untracked()).map(|a| a.0));
        if let Some(endpoint) = endpoint {
            spawn_local(async move { told.set(Some(reach::bring(desk, endpoint, text).await)) });
        }
    };
    let drop_file = move |e: leptos::ev::Event| {
        let input: Option<web_sys::HtmlInputElement> = e.target().and_then(|t| t.dyn_into().ok());
        let Some(file) = input.and_then(|i| i.files()).and_then(|f| f.get(0)) else {
            return;
        };
        if file.size() > MOST_BYTES {
            return told.set(Some(Err(format!("{} is larger than 12 MB.", file.name()))));
        }
        spawn_local(async move {
            match JsFuture::from(file.text()).await.ok().and_then(|t| t.as_string()) {
                Some(text) => give(text),
                None => told.set(Some(Err("The file could not be read.".to_owned()))),
            }
        });
    };
    let venues = move || {
        desk.reach.with(|r| {
            r.iter()
                .map(|(v, found)| {
                    let venue = *v;
                    let words = match found {
                        None => "being asked".to_owned(),
                        Some(Ok(ms)) => format!("reached in {ms:.0} ms"),
                        Some(Err(why)) => why.clone(),
                    };
                    let good = matches!(found, Some(Ok(_)));
                    view! {
                        <tr class:stale=!good>
                            <th scope="row">{venue.title()}</th>
                            <td>{words}</td>
                            <td>{(good && desk.scenario.with(|s| s.venue) != venue).then(|| view! {
                                <button type="button" on:click=move |_| spawn_local(reach::stand_in(desk, venue))>"Use its prices"</button>
                            })}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <details class="behind ways" prop:open=move || blocked.get() on:toggle=move |_| count()>
            <summary>"Other sources, and what is kept here"</summary>
            <p class="note">"Which venues this browser reaches. Another venue's prices, candles and funding can stand in; they are labelled wherever they are shown."</p>
            <div class="scroll" tabindex="0" role="region" aria-label="Reach">
                <table>
                    <thead><tr><th scope="col">"Venue"</th><th scope="col">"From here"</th><th scope="col">"Instead"</th></tr></thead>
                    <tbody>{venues}</tbody>
                </table>
            </div>
            <div class="tools"><button type="button" on:click=move |_| spawn_local(reach::probe(desk))>"Ask them again"</button></div>
            <p class="note">"Or open the venue's own address elsewhere and bring its answer: paste it, or choose the file. It is read here and goes nowhere."</p>
            <div class="field">
                <label for="bring-source">"Which answer"</label>
                <select id="bring-source" on:change=move |e| source.set(event_target_value(&e).parse().unwrap_or(0))>
                    {move || reach::addresses(desk).into_iter().enumerate().map(|(i, (e, _))| view! { <option value=i.to_string()>{e.source}</option> }).collect_view()}
                </select>
            </div>
            <p class="note address">{move || reach::addresses(desk).get(source.get()).map(|a| a.1.clone())}</p>
            <label for="bring-text">"The venue's answer"</label>
            <textarea id="bring-text" rows="3" spellcheck="false" prop:value=draft on:input=move |e| draft.set(event_target_value(&e))></textarea>
            <div class="tools">
                <button type="button" on:click=move |_| give(draft.get_untracked())>"Read it"</button>
                <label for="bring-file" class="button">"Choose a file"</label>
                <input id="bring-file" type="file" accept=".json,.txt,application/json,text/plain" on:change=drop_file />
            </div>
            {move || told.get().map(|t| match t {
                Ok(words) => view! { <p role="status">{words}</p> }.into_any(),
                Err(why) => view! { <p class="fault" role="alert">{why}</p> }.into_any(),
            })}
            <p class="note">{move || format!("History kept on this device: {} of 20 MB.", format::number(kept.get() / 1e6, 1))}</p>
            <div class="tools"><button type="button" on:click=move |_| spawn_local(async move { clear_history().await; kept.set(history_size().await.0); })>"Clear it"</button></div>
        </details>
    }
}

#[component]
fn TierEditor() -> impl IntoView {
    let desk = desk();
    let key = move || desk.key(desk.index());
    let tiers = Memo::new(move |_| {
        let (venue, symbol) = key()?;
        desk.scenario.with(|s| {
            desk.books.with(|b| {
                b.get(&venue)
                    .map(|b| b.instrument(venue, &symbol, s.typed_tiers(&symbol)).0)
            })
        })
    });
    let typed =
        Memo::new(move |_| key().is_some_and(|(_, symbol)| desk.scenario.with(|s| s.typed_tiers(&symbol).is_some())));
    let draft = RwSignal::new(String::new());
    let fault = RwSignal::new(None::<String>);
    let apply = move |_| match tiers_text::parse(&draft.get_untracked()) {
        Ok(tiers) => {
            fault.set(None);
            if let Some((_, symbol)) = untrack(key) {
                desk.scenario.update(|s| {
                    let key = s.tier_key(&symbol);
                    s.tiers.insert(key, tiers);
                });
            }
        }
        Err(e) => fault.set(Some(e)),
    };
    let edit = move |_| {
        let lines: Vec<String> = tiers
            .get_untracked()
            .map(|i| i.tiers)
            .unwrap_or_default()
            .iter()
            .map(|t| {
                format!(
                    "{} {} {}{}",
                    t.floor,
                    t.maintenance_margin_rate,
                    t.max_leverage,
                    t.maintenance_amount.map_or_else(String::new, |a| format!(" {a}"))
                )
            })
            .collect();
        draft.set(lines.join("\n"));
    };
    let drop_typed = move |_| {
        if let Some((_, symbol)) = untrack(key) {
            desk.scenario.update(|s| {
                let key = s.tier_key(&symbol);
                s.tiers.remove(&key);
            });
        }
    };
    let unit = move || {
        if desk.scenario.with(|s| s.venue.facts().tier_unit == TierUnit::Contracts) {
            "contracts"
        } else {
            "notional"
        }
    };
    view! {
        <div class="tiers">
            <h2>{move || format!("Maintenance tiers of {}", key().map(|k| k.1).unwrap_or_default())}</h2>
            <TierNote />
            {move || tiers.get().and_then(|i| i.min_collateral_factor).map(|f| view! { <p>{format!("A pool: closed when collateral falls under {} of size.", format::fine_percent(f))}</p> })}
            <div class="scroll" tabindex="0" role="region" aria-label="Tiers">
                <table>
                    <thead><tr><th scope="col">{move || format!("From ({})", unit())}</th><th scope="col">"Maintenance rate"</th><th scope="col">"Maximum leverage"</th></tr></thead>
                    <tbody>
                        {move || tiers.get().map(|i| i.tiers).unwrap_or_default().into_iter().map(|t| view! {
                            <tr><td>{format::number(t.floor, 0)}</td><td>{format::fine_percent(t.maintenance_margin_rate)}</td><td>{format!("{}x", format::plain(t.max_leverage))}</td></tr>
                        }).collect_view()}
                    </tbody>
                </table>
            </div>
            <details class="behind">
                <summary>"Paste or edit tiers"</summary>
                <label for="tiers-draft">"One line a tier: floor, maintenance rate (0.4% or 0.004), maximum leverage, and the maintenance amount if the venue publishes one"</label>
                <textarea id="tiers-draft" rows="6" spellcheck="false" prop:value=draft on:input=move |e| draft.set(event_target_value(&e)) placeholder="0 0.4% 125x\n50000 0.5% 100x"></textarea>
                <p class="fault" role="alert">{fault}</p>
                <div class="tools">
                    <button type="button" on:click=apply>"Use these tiers"</button>
                    <button type="button" on:click=edit>"Edit the tiers in use"</button>
                    <Show when=move || typed.get()><button type="button" on:click=drop_typed>"Drop mine"</button></Show>
                </div>
            </details>
        </div>
    }
}
