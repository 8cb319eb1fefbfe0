//! Where the figures come from: feeds with their state, tiers with their age, and the way out when a venue is blocked.

use super::desk;
use super::room_panel::TierNote;
use crate::format;
use crate::state::market::Origin;
use crate::state::tiers_text;
use headroom_core::market::Venue;
use leptos::prelude::*;

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
        desk.market(desk.index(), |m| {
            m.quote.as_ref().and_then(|q| match &q.1 {
                Origin::Recorded { venue, until } => Some((venue.clone(), *until)),
                Origin::Live(_) => None,
            })
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
                {move || recorded().map(|(from, until)| view! {
                    <p class="stale">{format!("Prices and candles shown are recorded ones of {from}, until {}. They are not today's.", format::date(until - 1.0))}</p>
                })}
                {move || matches!(venue(), Venue::Dydx | Venue::Gmx).then(|| view! {
                    <p>{format!("{} has no live feed in this version: its rule works from typed or recorded prices.", venue().title())}</p>
                })}
            </div>
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
        if desk.scenario.with(|s| s.venue == Venue::Okx) {
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
