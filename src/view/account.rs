//! The account: venue, mode, positions, and the position being edited.

use super::desk;
use super::part::{Choice, NumberField, next_id};
use super::picker::InstrumentPicker;
use crate::format;
use crate::state::scenario::coin;
use crate::state::{Desk, Line};
use headroom_core::market::{InstrumentKind, TierUnit, Venue};
use headroom_core::units::{MarginMode, Side};
use leptos::prelude::*;

/// The engine's complaint about one field of the selected position.
fn fault_of(desk: Desk, names: &'static [&'static str]) -> Signal<Option<String>> {
    Signal::derive(move || {
        let i = desk.index();
        desk.outcome.with(|o| {
            let fault = o.fault.as_ref()?;
            names
                .iter()
                .any(|n| fault.field.starts_with(&format!("account.positions[{i}].{n}")))
                .then(|| fault.message.clone())
        })
    })
}

/// Moves the account to another venue: the same coins where the venue lists them.
fn move_to(desk: Desk, venue: Venue) {
    desk.scenario.update(|s| {
        s.venue = venue;
        if venue.facts().pool {
            s.mode = MarginMode::Isolated;
        }
        for line in &mut s.lines {
            line.symbol = venue.facts().symbol(coin(&line.symbol));
        }
    });
}

fn edit(desk: Desk, change: impl FnOnce(&mut Line)) {
    let i = desk.index();
    desk.scenario.update(|s| {
        if let Some(line) = s.lines.get_mut(i) {
            change(line);
        }
    });
}

/// Largest leverage that the tiers in use allow: at the smallest size, and at this notional.
fn allowed_leverage(desk: Desk, notional: Option<f64>) -> (f64, f64) {
    let Some((venue, symbol)) = desk.key(desk.index()) else {
        return (100.0, 100.0);
    };
    let instrument = desk.scenario.with(|s| {
        desk.books.with(|b| {
            b.get(&venue)
                .map(|b| b.instrument(venue, &symbol, s.typed_tiers(&symbol)).0)
        })
    });
    let Some(instrument) = instrument else {
        return (100.0, 100.0);
    };
    let most = instrument
        .tiers
        .iter()
        .map(|t| t.max_leverage)
        .fold(instrument.min_collateral_factor.map_or(0.0, |f| 1.0 / f), f64::max);
    let most = if most > 0.0 { most.min(200.0) } else { 100.0 };
    // OKX tiers count contracts: the engine's own note tells when the size is too large there.
    let here = notional
        .filter(|_| venue.facts().tier_unit != TierUnit::Contracts)
        .and_then(|n| instrument.tiers.iter().rev().find(|t| t.floor <= n))
        .map_or(most, |t| t.max_leverage);
    (most, here)
}

#[component]
pub(crate) fn AccountPanel() -> impl IntoView {
    let desk = desk();
    let field = move |read: fn(&Line) -> Option<f64>| {
        Signal::derive(move || {
            let i = desk.index();
            desk.scenario.with(|s| s.lines.get(i).and_then(read))
        })
    };
    let words = |t: &'static str| Signal::derive(move || t.to_owned());
    let kind = Memo::new(move |_| {
        let (venue, symbol) = desk.key(desk.index())?;
        desk.books.with(|b| {
            b.get(&venue).and_then(|b| b.listings.get(&symbol)).map(|l| {
                (
                    l.instrument.kind,
                    l.base.clone(),
                    l.quote.clone(),
                    l.settle.clone(),
                    l.instrument.contract_size,
                )
            })
        })
    });
    let base = Signal::derive(move || {
        kind.get().map_or_else(String::new, |k| {
            if k.0 == InstrumentKind::Inverse {
                "contracts".to_owned()
            } else {
                k.1
            }
        })
    });
    let quote = Signal::derive(move || kind.get().map_or_else(String::new, |k| k.2));
    let settle = Signal::derive(move || kind.get().map_or_else(String::new, |k| k.3));
    let cross = Memo::new(move |_| desk.scenario.with(|s| s.mode == MarginMode::Cross));
    // Notional at mark in quote units: size·price, or contracts·face for inverse.
    let unit_value = Signal::derive(move || {
        let mark = desk.mark(desk.index())?;
        match kind.get() {
            Some((InstrumentKind::Inverse, .., contract)) => contract,
            _ => Some(mark),
        }
    });
    let notional = Signal::derive(move || Some(field(|l| Some(l.size)).get()? * unit_value.get()?));
    let symbol = Signal::derive(move || desk.key(desk.index()).map(|k| k.1).unwrap_or_default());
    let allowed = Memo::new(move |_| allowed_leverage(desk, notional.get()));
    let most = Memo::new(move |_| allowed.get().0);
    let leverage = field(|l| Some(l.leverage));
    // The slider is logarithmic: half of it is for the leverages that people should look at.
    let slider = move || {
        leverage.get().map_or(0.0, |l| {
            (l.max(1.0).ln() / most.get().max(1.01).ln() * 1000.0).clamp(0.0, 1000.0)
        })
    };
    let slide = move |text: String| {
        if let Some(v) = format::parse(&text) {
            let raw = (v / 1000.0 * most.get_untracked().max(1.01).ln()).exp();
            let step = if raw < 5.0 {
                0.1
            } else if raw < 20.0 {
                0.5
            } else {
                1.0
            };
            edit(desk, |l| {
                let mut next = (raw / step).round() * step;
                // A key press that rounds back to where it was would be stuck: it goes one step on.
                if next == l.leverage && raw != l.leverage {
                    next += step * (raw - l.leverage).signum();
                }
                l.leverage = ((next / step).round() * step).clamp(1.0, most.get_untracked());
            });
        }
    };
    let leverage_note = move || {
        let (l, here) = (leverage.get().unwrap_or(0.0), allowed.get().1);
        if l > here * (1.0 + 1e-9) {
            format!("Above the {}x that the tiers allow at this size.", format::plain(here))
        } else if cross.get() {
            "Cross: leverage sets initial margin only. The whole balance stands behind the position.".to_owned()
        } else if field(|l| l.margin).get().is_some() {
            "Isolated margin is typed: leverage is not used.".to_owned()
        } else {
            String::new()
        }
    };
    let near = Signal::derive(move || {
        desk.market(desk.index(), |m| m.mark())
            .or_else(|| desk.mark(desk.index()))
    });
    let venue_id = next_id("venue");
    let slider_id = next_id("leverage");
    let empty_mark = Signal::derive(move || {
        desk.market(desk.index(), |m| m.mark())
            .map_or_else(|| "none yet".to_owned(), |p| format::price(p, desk.tick(desk.index())))
    });
    view! {
        <section class="account" aria-label="Account">
            <h2>"Account"</h2>
            <div class="field">
                <label for=venue_id.clone()>"Venue"</label>
                <select id=venue_id on:change=move |e| {
                    let word = event_target_value(&e);
                    if let Some(v) = Venue::ALL.into_iter().find(|v| v.word() == word) { move_to(desk, v) }
                }>
                    {Venue::ALL
                        .into_iter()
                        .map(|v| view! { <option value=v.word() selected=move || desk.scenario.with(|s| s.venue == v)>{v.title()}</option> })
                        .collect_view()}
                </select>
            </div>
            <Show when=move || desk.scenario.with(|s| !s.venue.facts().pool) fallback=|| view! { <p class="note">"GMX positions are always isolated."</p> }>
                <Choice
                    legend="Margin"
                    options=vec![(MarginMode::Isolated, "Isolated"), (MarginMode::Cross, "Cross")]
                    value=Signal::derive(move || desk.scenario.with(|s| s.mode))
                    on_change=move |m| desk.scenario.update(|s| s.mode = m)
                />
            </Show>
            <Show when=move || cross.get()>
                <NumberField
                    label=words("Wallet balance")
                    value=Signal::derive(move || Some(desk.scenario.with(|s| s.wallet)))
                    on_change={move |v: Option<f64>| { if let Some(v) = v { desk.scenario.update(|s| s.wallet = v) } }}
                    unit=settle
                    fault=Signal::derive(move || desk.outcome.with(|o| o.fault.as_ref().filter(|f| f.field.starts_with("account.wallet") || f.field == "account.margin_mode").map(|f| f.message.clone())))
                />
            </Show>
            <super::positions::PositionList />
            <h3>"Position"</h3>
            <InstrumentPicker
                value=symbol
                on_pick=move |s: String| edit(desk, |l| { if l.symbol != s { l.symbol = s; l.entry = None; l.mark = None; l.margin = None; } })
                fault=fault_of(desk, &["symbol", "instrument"])
            />
            <Choice
                legend="Side"
                options=vec![(Side::Long, "▲ Long"), (Side::Short, "▼ Short")]
                value=Signal::derive(move || { let i = desk.index(); desk.scenario.with(|s| s.lines.get(i).map_or(Side::Long, |l| l.side)) })
                on_change=move |side| edit(desk, |l| l.side = side)
            />
            <div class="pair">
                <NumberField label=words("Size") value=field(|l| Some(l.size)) unit=base fault=fault_of(desk, &["size"])
                    on_change={move |v: Option<f64>| { if let Some(v) = v { edit(desk, |l| l.size = v) } }} />
                <NumberField label=words("Notional") value=notional unit=quote
                    on_change={move |v: Option<f64>| { if let (Some(v), Some(u)) = (v, unit_value.get_untracked()) { edit(desk, |l| l.size = v / u) } }} />
            </div>
            <div class="field leverage">
                <label for=slider_id.clone()>"Leverage"</label>
                <input id=slider_id type="range" min="0" max="1000" step="1" prop:value=slider
                    aria-valuetext=move || leverage.get().map(|l| format!("{}x", format::plain(l))).unwrap_or_default()
                    on:input=move |e| slide(event_target_value(&e)) />
                <NumberField label=words("Leverage, exact") value=leverage unit=Signal::derive(move || format!("x of {}", format::plain(allowed.get().1))) fault=fault_of(desk, &["leverage"])
                    on_change={move |v: Option<f64>| { if let Some(v) = v { edit(desk, |l| l.leverage = v) } }} />
            </div>
            <p class="note">{leverage_note}</p>
            <div class="pair">
                <NumberField label=words("Entry price") value=field(|l| l.entry) unit=quote empty=words("at mark") near=near fault=fault_of(desk, &["entry_price"])
                    on_change=move |v| edit(desk, |l| l.entry = v) />
                <NumberField label=words("Mark price") value=field(|l| l.mark) unit=quote empty=empty_mark near=near fault=fault_of(desk, &["mark_price"])
                    on_change=move |v| edit(desk, |l| l.mark = v) />
            </div>
            <Show when=move || !cross.get()>
                <NumberField label=words("Isolated margin") value=field(|l| l.margin) unit=settle empty=words("notional / leverage") fault=fault_of(desk, &["margin", "collateral"])
                    on_change=move |v| edit(desk, |l| l.margin = v) />
            </Show>
            <p class="fault" role="alert">
                {move || {
                    desk.outcome.with(|o| o.fault.as_ref().filter(|f| !f.field.starts_with("account.positions") && !f.field.starts_with("account.wallet") && f.field != "account.margin_mode").map(|f| format!("{} ({})", f.message, f.field)))
                }}
            </p>
        </section>
    }
}
