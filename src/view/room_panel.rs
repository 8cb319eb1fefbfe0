//! The answer for the selected position: where, how far, what it costs to hold.

use super::desk;
use super::part::{Figure, not_told, told};
use crate::format;
use crate::state::Desk;
use crate::state::chance;
use crate::state::desk::Explaining;
use crate::state::market::TierOrigin;
use headroom_core::margin::PositionRoom;
use headroom_core::units::MarginMode;
use headroom_core::volatility::close_to_close;
use leptos::prelude::*;

/// Bars of the volatility beside the distance: at most thirty days of hours.
const BARS: usize = 720;

#[component]
pub(crate) fn RoomPanel() -> impl IntoView {
    let desk = desk();
    let position = Memo::new(move |_| desk.position_room(desk.index()));
    let result = Memo::new(move |_| desk.result());
    let collateral = move || result.get().map(|r| r.collateral.clone()).unwrap_or_default();
    let symbol = move || desk.key(desk.index()).map(|k| k.1).unwrap_or_default();
    let cross = move || desk.scenario.with(|s| s.mode == MarginMode::Cross);
    // Daily volatility with the days it was seen over.
    let volatility = Memo::new(move |_| {
        desk.market(desk.index(), |m| {
            let (candles, _) = m.candles.as_ref()?;
            let days = candles.rows.len().min(BARS) as f64 * candles.interval.millis() / 86_400_000.0;
            Some((close_to_close(candles, BARS)? / 365f64.sqrt(), days))
        })
    });
    let unknown = || format::UNKNOWN.to_owned();
    let text = move |read: &dyn Fn(&PositionRoom) -> Option<String>| {
        position.get().and_then(|p| read(&p)).unwrap_or_else(unknown)
    };
    let price = move |p: f64| format::price(p, desk.tick(desk.index()));

    let liquidation = move || match position.get() {
        Some(p) => p.liquidation_price.map_or_else(|| "none".to_owned(), price),
        None => unknown(),
    };
    let why = move || match position.get() {
        Some(p) if p.liquidation_price.is_none() => "This price alone cannot liquidate the position.",
        Some(p) if p.liquidatable_now => "Equity is already under the requirement: liquidation is due now.",
        Some(_) if cross() && result.get().is_some_and(|r| r.positions.len() > 1) => {
            "While every other price stands still."
        }
        _ => "",
    };
    let distance = Signal::derive(move || text(&|p| p.distance.map(format::fine_percent)));
    let in_money = Signal::derive(move || {
        let value = position.get().and_then(|p| Some((p.distance? * p.notional).abs()));
        value
            .map(|v| format!("{} {} on the notional", format::money(v), collateral()))
            .unwrap_or_default()
    });
    let in_volatilities = Signal::derive(
        move || match (position.get().and_then(|p| p.distance), volatility.get()) {
            (Some(d), Some((v, _))) if v > 0.0 => format::number(d / v, 1),
            _ => unknown(),
        },
    );
    let volatility_detail = Signal::derive(move || {
        volatility.get().map_or_else(
            || "needs candles".to_owned(),
            |(v, days)| format!("of {} a day, last {days:.0} days", format::fine_percent(v)),
        )
    });
    let maintenance = Signal::derive(move || {
        text(&|p| {
            Some(format!(
                "{} {}",
                format::money(p.maintenance_margin + p.fee_reserve),
                collateral()
            ))
        })
    });
    let tier = Signal::derive(move || {
        text(&|p| {
            let at = p.tier_at_liquidation?;
            Some(if at.maintenance_margin_rate == 0.0 && p.maintenance_margin > 0.0 {
                "the pool's least collateral".to_owned()
            } else {
                format!(
                    "tier {} at liquidation, {}",
                    at.tier,
                    format::fine_percent(at.maintenance_margin_rate)
                )
            })
        })
    });
    let bankruptcy =
        Signal::derive(move || text(&|p| Some(p.bankruptcy_price.map_or_else(|| "none".to_owned(), price))));
    let today = Signal::derive(move || {
        let both = position
            .get()
            .and_then(|p| Some((p.liquidation_price_current_tier?, p.liquidation_price?)));
        both.filter(|(now, then)| (now / then - 1.0).abs() > 1e-9)
            .map(|(now, _)| format!("liquidation {} with today's tier kept", price(now)))
            .unwrap_or_default()
    });
    let effective = Signal::derive(move || {
        let ratio = if cross() {
            result.get().and_then(|r| r.account.effective_leverage)
        } else {
            position.get().and_then(|p| p.effective_leverage)
        };
        ratio.map_or_else(unknown, |l| format!("{l:.2}x"))
    });
    let margin = Signal::derive(move || {
        let initial = text(&|p| {
            Some(format!(
                "{} {} initial margin",
                format::money(p.initial_margin),
                collateral()
            ))
        });
        if cross() {
            format!("of the whole account; {initial} of this position")
        } else {
            initial
        }
    });
    let danger = Signal::derive(move || {
        if position.get().is_some_and(|p| p.liquidatable_now) {
            "danger"
        } else {
            ""
        }
    });
    view! {
        <section class="room" aria-label="Room to liquidation" class:outdated=move || desk.outdated()>
            <h2>{move || format!("Liquidation price of {}", symbol())}</h2>
            <p class=move || format!("big {}", danger.get())>
                <output class="liquidation-price">{liquidation}</output>
            </p>
            <p class=move || format!("why {}", danger.get())>{why}</p>
            <dl>
                <Figure label="Distance" value=distance detail=in_money tone=danger />
                <Figure label="In daily volatilities" value=in_volatilities detail=volatility_detail />
                <Figure label="Maintenance at mark" value=maintenance detail=tier />
                <Figure label="Bankruptcy price" value=bankruptcy detail=today />
                <Figure label="Leverage in effect" value=effective detail=margin />
            </dl>
            <button type="button" class="explain" on:click=move |_| desk.explaining.set(Some(Explaining::Liquidation))>"Explain the liquidation price"</button>
            <Chances />
            <FundingFigures />
            <TierNote />
        </section>
    }
}

/// The chance of liquidation of the account, with the model's name and limits beside it.
#[component]
fn Chances() -> impl IntoView {
    let desk = desk();
    let value = move |k: usize| Signal::derive(move || told(&chance::told(desk, k)));
    let note = move || match desk.chance() {
        Ok(_) => "Of any position of the account. The ± is the error of the computation, not of the model.".to_owned(),
        Err(why) => not_told(&why),
    };
    view! {
        <h2>"Chance of liquidation"</h2>
        <dl>
            <Figure label="Within 24 hours" value=value(0) />
            <Figure label="Within 7 days" value=value(1) />
            <Figure label="Within 30 days" value=value(2) />
        </dl>
        <p class="note">{note}</p>
        <button type="button" class="explain" disabled=move || desk.chance().is_err() on:click=move |_| desk.explaining.set(Some(Explaining::Chance))>"Explain the chance"</button>
    }
}

/// What holding the position costs.
#[component]
fn FundingFigures() -> impl IntoView {
    let desk = desk();
    let answer = Memo::new(move |_| desk.funding(desk.index()));
    let funding = Memo::new(move |_| answer.get().and_then(Result::ok));
    let collateral = move || desk.result().map(|r| r.collateral.clone()).unwrap_or_default();
    let unknown = || format::UNKNOWN.to_owned();
    let flow = move |part: f64| {
        funding
            .get()
            .map_or_else(unknown, |f| format::flow(-f.expected_cost * part, &collateral()))
    };
    let share = move |part: f64| {
        funding
            .get()
            .and_then(|f| f.cost_over_margin)
            .map(|c| {
                format!(
                    "{} of margin, if the rate holds",
                    format::fine_percent((c * part).abs())
                )
            })
            .unwrap_or_default()
    };
    let spread = move || {
        let f = funding.get()?;
        let q = f.cost_quantiles.filter(|_| f.windows > 0)?;
        Some(format!(
            "9 of 10 past weeks: {} to {}",
            format::flow(-q.p95, ""),
            format::flow(-q.p05, "")
        ))
    };
    let annual = Signal::derive(move || {
        funding
            .get()
            .map_or_else(unknown, |f| format::fine_percent(f.annualised_rate.abs()))
    });
    let who = Signal::derive(move || {
        funding
            .get()
            .map(|f| {
                if f.annualised_rate < 0.0 {
                    "shorts pay longs"
                } else {
                    "longs pay shorts"
                }
                .to_owned()
            })
            .unwrap_or_default()
    });
    let price = move |p: f64| format::price(p, desk.tick(desk.index()));
    let even = Signal::derive(move || funding.get().map_or_else(unknown, |f| price(f.effective_entry_price)));
    let after = Signal::derive(move || {
        funding
            .get()
            .and_then(|f| f.liquidation_price_after)
            .map_or_else(unknown, price)
    });
    let missing = move || match answer.get() {
        Some(Err(why)) => not_told(&why),
        _ => String::new(),
    };
    view! {
        <h2>"Funding"</h2>
        <p class="note">{missing}</p>
        <dl>
            <Figure label="A day" value=Signal::derive(move || flow(1.0 / 7.0)) detail=Signal::derive(move || share(1.0 / 7.0)) />
            <Figure label="A week" value=Signal::derive(move || flow(1.0)) detail=Signal::derive(move || [share(1.0), spread().unwrap_or_default()].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(". ")) />
            <Figure label="Rate a year" value=annual detail=who />
            <Figure label="Break-even after a week" value=even />
            <Figure label="Liquidation after a week" value=after detail=Signal::derive(|| "if funding is taken from margin".to_owned()) />
        </dl>
        <button type="button" class="explain" disabled=move || funding.get().is_none() on:click=move |_| desk.explaining.set(Some(Explaining::Funding))>"Explain the funding"</button>
    }
}

/// Where the tiers of the selected position come from.
pub(crate) fn tier_origin(desk: Desk) -> Option<TierOrigin> {
    let (venue, symbol) = desk.key(desk.index())?;
    desk.scenario.with(|s| {
        desk.books.with(|b| {
            b.get(&venue)
                .map(|b| b.instrument(venue, &symbol, s.typed_tiers(&symbol)).1)
        })
    })
}

/// The same in a sentence.
pub(crate) fn tier_words(desk: Desk, origin: &TierOrigin) -> String {
    match origin {
        TierOrigin::Typed => "Tiers: typed or pasted by you.".to_owned(),
        TierOrigin::Live(t) => format!("Tiers: from the venue, {} ago.", format::age(desk.now.get() - t)),
        TierOrigin::Snapshot { date, source } => {
            let days = format::parse_date(date).map_or(0.0, |d| (desk.now.get() - d) / 86_400_000.0);
            let check = if days > 90.0 {
                " Check them against the venue, or paste newer ones below."
            } else {
                ""
            };
            format!("Tiers: snapshot of {date}, {days:.0} days old ({source}).{check}")
        }
        TierOrigin::Missing => "Tiers: none known for this instrument. Paste them below.".to_owned(),
    }
}

/// Age and source of the tiers in use; amber past 90 days.
#[component]
pub(crate) fn TierNote() -> impl IntoView {
    let desk = desk();
    let origin = Memo::new(move |_| tier_origin(desk));
    let old = move || match origin.get() {
        Some(TierOrigin::Snapshot { date, .. }) => {
            format::parse_date(&date).is_none_or(|d| desk.now.get() - d > 90.0 * 86_400_000.0)
        }
        Some(TierOrigin::Missing) => true,
        _ => false,
    };
    view! { <p class="tier-note" class:stale=old>{move || origin.get().map(|o| tier_words(desk, &o))}</p> }
}
