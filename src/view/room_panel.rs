//! The answer for the selected position: where, how far, what it costs to hold.

use super::desk;
use super::part::Figure;
use crate::format;
use crate::state::desk::Explaining;
use crate::state::market::TierOrigin;
use headroom_core::margin::PositionRoom;
use headroom_core::volatility::close_to_close;
use leptos::prelude::*;

/// Bars of the volatility beside the distance: thirty days of hours.
const BARS: usize = 720;

#[component]
pub(crate) fn RoomPanel() -> impl IntoView {
    let desk = desk();
    let position = Memo::new(move |_| {
        let i = desk.index();
        desk.outcome
            .with(|o| o.room.as_ref().and_then(|r| r.positions.get(i).cloned()))
    });
    let funding = Memo::new(move |_| {
        let i = desk.index();
        desk.outcome.with(|o| o.funding.get(i).cloned().flatten())
    });
    let collateral = move || {
        desk.outcome
            .with(|o| o.room.as_ref().map(|r| r.collateral.clone()))
            .unwrap_or_default()
    };
    let tick = move || desk.tick(desk.index());
    let daily_volatility = Memo::new(move |_| {
        desk.market(desk.index(), |m| {
            m.candles.as_ref().and_then(|(c, _)| close_to_close(c, BARS))
        })
        .map(|v| v / 365f64.sqrt())
    });
    let text = move |read: &dyn Fn(&PositionRoom) -> Option<String>| {
        position
            .get()
            .and_then(|p| read(&p))
            .unwrap_or_else(|| format::UNKNOWN.to_owned())
    };
    let price = move |p: f64| format::price(p, tick());

    let liquidation = move || match position.get() {
        Some(p) if p.liquidation_price.is_none() => "none".to_owned(),
        Some(p) => p.liquidation_price.map(price).unwrap_or_default(),
        None => format::UNKNOWN.to_owned(),
    };
    let why_none = move || match position.get() {
        Some(p) if p.liquidation_price.is_none() => "This price alone cannot liquidate the position.",
        Some(p) if p.liquidatable_now => "Equity is already under the requirement: liquidation is due now.",
        _ => "",
    };
    let distance = Signal::derive(move || text(&|p| p.distance.map(format::fine_percent)));
    let in_money = Signal::derive(move || {
        let value = position.get().and_then(|p| Some((p.distance? * p.notional).abs()));
        value
            .map(|v| format!("{} {} on the notional", format::money(v), collateral()))
            .unwrap_or_default()
    });
    let in_volatilities =
        Signal::derive(
            move || match (position.get().and_then(|p| p.distance), daily_volatility.get()) {
                (Some(d), Some(v)) if v > 0.0 => format!("{:.1}", d / v),
                _ => format::UNKNOWN.to_owned(),
            },
        );
    let volatility_detail = Signal::derive(move || {
        daily_volatility.get().map_or_else(
            || "needs candles".to_owned(),
            |v| format!("of {} a day, last 30 days", format::fine_percent(v)),
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
            Some(format!(
                "tier {} at liquidation, {}",
                at.tier,
                format::fine_percent(at.maintenance_margin_rate)
            ))
        })
    });
    let bankruptcy = Signal::derive(move || text(&|p| p.bankruptcy_price.map(price)));
    let today = Signal::derive(move || {
        text(&|p| {
            let (now, then) = (p.liquidation_price_current_tier?, p.liquidation_price?);
            ((now / then - 1.0).abs() > 1e-9).then(|| format!("{} with today's tier kept", price(now)))
        })
        .replace(format::UNKNOWN, "")
    });
    let effective = Signal::derive(move || text(&|p| p.effective_leverage.map(|l| format!("{l:.2}x"))));
    let margin = Signal::derive(move || {
        text(&|p| {
            Some(format!(
                "{} {} initial margin",
                format::money(p.initial_margin),
                collateral()
            ))
        })
    });

    let week = Signal::derive(move || {
        funding.get().map_or_else(
            || format::UNKNOWN.to_owned(),
            |f| format!("{} {}", format::money(-f.expected_cost), collateral()),
        )
    });
    let day = Signal::derive(move || {
        funding.get().map_or_else(
            || format::UNKNOWN.to_owned(),
            |f| format!("{} {}", format::money(-f.expected_cost / 7.0), collateral()),
        )
    });
    let share = move |part: f64| {
        funding
            .get()
            .and_then(|f| f.cost_over_margin)
            .map(|c| format!("{} of margin", format::fine_percent(-c * part)))
            .unwrap_or_default()
    };
    let spread = Signal::derive(move || {
        funding
            .get()
            .and_then(|f| {
                f.cost_quantiles.filter(|_| f.windows > 0).map(|q| {
                    format!(
                        "past weeks: {} to {} in 9 of 10",
                        format::money(-q.p95),
                        format::money(-q.p05)
                    )
                })
            })
            .unwrap_or_else(|| share(1.0))
    });
    let annual = Signal::derive(move || {
        funding.get().map_or_else(
            || format::UNKNOWN.to_owned(),
            |f| format::fine_percent(f.annualised_rate),
        )
    });
    let even = Signal::derive(move || {
        funding
            .get()
            .map_or_else(|| format::UNKNOWN.to_owned(), |f| price(f.effective_entry_price))
    });
    let after = Signal::derive(move || {
        funding
            .get()
            .and_then(|f| f.liquidation_price_after)
            .map_or_else(|| format::UNKNOWN.to_owned(), price)
    });
    let danger = Signal::derive(move || {
        if position.get().is_some_and(|p| p.liquidatable_now) {
            "danger"
        } else {
            ""
        }
    });

    view! {
        <section class="room" aria-label="Room to liquidation" class:outdated=move || desk.outcome.with(|o| o.fault.is_some())>
            <h2>"Liquidation price"</h2>
            <p class=move || format!("big {}", danger.get())>
                <output class="liquidation-price">{liquidation}</output>
            </p>
            <p class="why">{why_none}</p>
            <dl>
                <Figure label="Distance" value=distance detail=in_money tone=danger />
                <Figure label="In daily volatilities" value=in_volatilities detail=volatility_detail />
                <Figure label="Maintenance at mark" value=maintenance detail=tier />
                <Figure label="Bankruptcy price" value=bankruptcy detail=today />
                <Figure label="Effective leverage" value=effective detail=margin />
            </dl>
            <button type="button" class="explain" on:click=move |_| desk.explaining.set(Some(Explaining::Liquidation))>"Explain the liquidation price"</button>
            <h2>"Funding"</h2>
            <dl>
                <Figure label="A day" value=day detail=Signal::derive(move || share(1.0 / 7.0)) />
                <Figure label="A week" value=week detail=spread />
                <Figure label="Rate a year" value=annual detail=Signal::derive(|| "positive: longs pay".to_owned()) />
                <Figure label="Break-even after a week" value=even />
                <Figure label="Liquidation after a week" value=after detail=Signal::derive(|| "if funding is taken from margin".to_owned()) />
            </dl>
            <button type="button" class="explain" on:click=move |_| desk.explaining.set(Some(Explaining::Funding))>"Explain the funding"</button>
            <TierNote />
        </section>
    }
}

/// Age and source of the tiers in use; amber past 90 days.
#[component]
pub(crate) fn TierNote() -> impl IntoView {
    let desk = desk();
    let origin = Memo::new(move |_| {
        let (venue, symbol) = desk.key(desk.index())?;
        desk.scenario.with(|s| {
            desk.books.with(|b| {
                b.get(&venue)
                    .map(|b| b.instrument(venue, &symbol, s.tiers.get(&symbol)).1)
            })
        })
    });
    let old = move || match origin.get() {
        Some(TierOrigin::Snapshot { date, .. }) => {
            format::parse_date(&date).is_none_or(|d| desk.now.get() - d > 90.0 * 86_400_000.0)
        }
        Some(TierOrigin::Missing) => true,
        _ => false,
    };
    let words = move || match origin.get() {
        Some(TierOrigin::Typed) => "Tiers: typed or pasted by you.".to_owned(),
        Some(TierOrigin::Live(t)) => format!("Tiers: from the venue, {} ago.", format::age(desk.now.get() - t)),
        Some(TierOrigin::Snapshot { date, source }) => {
            let days = format::parse_date(&date).map_or(0.0, |d| (desk.now.get() - d) / 86_400_000.0);
            format!(
                "Tiers: snapshot of {date}, {days:.0} days old ({source}).{}",
                if days > 90.0 {
                    " Check them against the venue, or paste newer ones below."
                } else {
                    ""
                }
            )
        }
        Some(TierOrigin::Missing) => "Tiers: none known for this instrument. Paste them below.".to_owned(),
        None => String::new(),
    };
    view! { <p class="tier-note" class:stale=old>{words}</p> }
}
