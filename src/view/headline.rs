//! The strip that stays: the account's state in one line, with the age of the data.

use super::desk;
use super::part::{Figure, told};
use crate::format;
use crate::state::chance::{self, Told};
use crate::state::market::Origin;
use headroom_core::api::LiquidationResponse;
use headroom_core::margin::PositionRoom;
use headroom_core::units::MarginMode;
use leptos::prelude::*;

/// The position nearest to its liquidation, with its index.
fn nearest(positions: &[PositionRoom]) -> Option<(usize, &PositionRoom)> {
    let distance = |p: &PositionRoom| p.distance.unwrap_or(f64::MAX);
    positions
        .iter()
        .enumerate()
        .filter(|(_, p)| p.distance.is_some())
        .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)))
}

/// The margin ratio that decides, in words, with whose it is: the account's own when cross, the worst position's when
/// isolated, since each isolated position is liquidated by itself.
fn deciding_ratio(r: &LiquidationResponse, cross: bool) -> (String, String, f64) {
    let words = |ratio: Option<f64>, due: bool| match ratio {
        Some(m) => format::fine_percent(m),
        None if due => "past 100 %".to_owned(),
        None => format::UNKNOWN.to_owned(),
    };
    let level = |ratio: Option<f64>| ratio.unwrap_or(f64::MAX);
    if cross || r.positions.len() == 1 {
        return (
            words(r.account.margin_ratio, r.account.liquidatable_now),
            "liquidation at 100 %".to_owned(),
            level(r.account.margin_ratio),
        );
    }
    let worst = r
        .positions
        .iter()
        .max_by(|a, b| level(a.margin_ratio).total_cmp(&level(b.margin_ratio)));
    worst.map_or_else(
        || (format::UNKNOWN.to_owned(), String::new(), 0.0),
        |p| {
            (
                words(p.margin_ratio, p.liquidatable_now),
                format!("{}, the highest", p.symbol),
                level(p.margin_ratio),
            )
        },
    )
}

#[component]
pub(crate) fn Headline() -> impl IntoView {
    let desk = desk();
    let room = Memo::new(move |_| desk.result());
    let cross = Memo::new(move |_| desk.scenario.with(|s| s.mode == MarginMode::Cross));
    let text = move |read: &dyn Fn(&LiquidationResponse) -> Option<String>| {
        room.get()
            .and_then(|r| read(&r))
            .unwrap_or_else(|| format::UNKNOWN.to_owned())
    };
    let equity =
        Signal::derive(move || text(&|r| Some(format!("{} {}", format::money(r.account.equity), r.collateral))));
    let leverage =
        Signal::derive(move || text(&|r| r.account.effective_leverage.map(|l| format!("{l:.2}x held on it"))));
    let ratio = Signal::derive(move || text(&|r| Some(deciding_ratio(r, cross.get()).0)));
    let whose = Signal::derive(move || text(&|r| Some(deciding_ratio(r, cross.get()).1)));
    let price = Signal::derive(move || {
        text(&|r| match nearest(&r.positions) {
            Some((i, p)) => Some(format::price(p.liquidation_price?, desk.tick(i))),
            None => Some("none".to_owned()),
        })
    });
    let distance = Signal::derive(move || {
        text(&|r| {
            let (_, p) = nearest(&r.positions)?;
            let still = if cross.get() && r.positions.len() > 1 {
                ", others still"
            } else {
                ""
            };
            Some(format!("{} {}{still}", p.symbol, format::fine_percent(p.distance?)))
        })
    });
    let danger = Signal::derive(move || match room.get() {
        Some(r) if r.account.liquidatable_now => "danger",
        Some(r) if deciding_ratio(&r, cross.get()).2 > 0.8 => "warn",
        _ => "",
    });
    let week = Signal::derive(move || told(&chance::told(desk, 1)));
    let day = Signal::derive(move || match chance::told(desk, 0) {
        Told::Unknown(why) => why,
        day => format!("in 7 days; {} in 24 h", told(&day)),
    });
    let market = Signal::derive(move || {
        if cross.get() {
            text(&|r| Some(format::market_move(r.account.market_move_to_liquidation)))
        } else {
            "per position".to_owned()
        }
    });
    let market_detail = Signal::derive(move || {
        if cross.get() {
            "all prices together"
        } else {
            "isolated: each by itself"
        }
        .to_owned()
    });
    let count = move || desk.scenario.with(|s| s.lines.len());
    // Positive: received.
    let funding = Signal::derive(move || {
        let known: Vec<f64> = (0..count())
            .filter_map(|i| desk.funding(i)?.ok())
            .map(|f| -f.expected_cost)
            .collect();
        if known.is_empty() {
            format::UNKNOWN.to_owned()
        } else {
            format::flow(
                known.iter().sum(),
                &room.get().map(|r| r.collateral.clone()).unwrap_or_default(),
            )
        }
    });
    let funding_detail = Signal::derive(move || {
        let unknown = (0..count())
            .filter(|i| matches!(desk.funding(*i), Some(Err(_))))
            .count();
        let base = "a week, if the rate holds";
        if unknown == 0 {
            base.to_owned()
        } else {
            format!("{base}; {unknown} not known")
        }
    });
    // The oldest live figure of the account decides; recorded and typed ones are told.
    let data = Memo::new(move |_| {
        let (mut oldest, mut recorded, mut typed) = (None::<f64>, None::<f64>, 0);
        for i in 0..count() {
            if desk.scenario.with(|s| s.lines.get(i).is_some_and(|l| l.mark.is_some())) {
                typed += 1;
                continue;
            }
            match desk.market(i, |m| m.quote.as_ref().map(|q| q.1.clone())) {
                Some(Origin::Live(t) | Origin::Given(t) | Origin::Instead { at: t, .. }) => {
                    oldest = Some(oldest.map_or(t, |o| o.min(t)))
                }
                Some(Origin::Recorded { until, .. }) => recorded = Some(until),
                None => {}
            }
        }
        (recorded, oldest, typed)
    });
    let data_value = Signal::derive(move || match data.get() {
        (Some(_), _, _) => "Recorded".to_owned(),
        (_, Some(t), _) => format!("{} old", format::age(desk.now.get() - t)),
        (_, _, 1..) => "Typed".to_owned(),
        _ => format::UNKNOWN.to_owned(),
    });
    let of = move |test: fn(&Origin) -> bool| {
        (0..count()).any(|i| {
            desk.market(i, |m| m.quote.as_ref().map(|q| test(&q.1)))
                .unwrap_or(false)
        })
    };
    let given = move || of(|o| matches!(o, Origin::Given(_)));
    let stands_in = move || of(|o| matches!(o, Origin::Instead { .. }));
    let data_detail = Signal::derive(move || {
        let (recorded, live, typed) = data.get();
        let base = match (recorded, live) {
            (Some(until), _) => format!("until {}", format::date(until - 1.0)),
            (_, Some(_)) if given() => "price given by you".to_owned(),
            (_, Some(_)) => match desk.instead.get() {
                Some(v) if stands_in() => format!("price of {} instead", v.title()),
                _ => "live price".to_owned(),
            },
            _ if typed > 0 => return "prices by hand".to_owned(),
            _ => return "waiting for the venue".to_owned(),
        };
        if typed > 0 {
            format!("{base}; {typed} typed")
        } else {
            base
        }
    });
    let data_tone = Signal::derive(move || match data.get() {
        (Some(_), _, _) => "stale",
        (_, Some(t), _) if desk.now.get() - t > 30_000.0 => "stale",
        _ => "",
    });
    let stale = move || desk.outdated() && room.get().is_some();
    let why = move || {
        let (i, symbol, message) = fault_elsewhere(desk)?;
        Some(
            view! { <button type="button" class="link" on:click=move |_| desk.selected.set(i)>{format!("{symbol}: {message}")}</button> },
        )
    };
    view! {
        <section class="headline" aria-label="Account at a glance" class:outdated=stale>
            <dl>
                <Figure label="Nearest liquidation" value=price detail=distance tone=danger />
                <Figure label="Market move to liquidation" value=market detail=market_detail tone=danger />
                <Figure label="Chance of liquidation" value=week detail=day />
                <Figure label="Margin ratio" value=ratio detail=whose tone=danger />
                <Figure label="Equity" value=equity detail=leverage />
                <Figure label="Funding" value=funding detail=funding_detail />
                <Figure label="Data" value=data_value detail=data_detail tone=data_tone />
            </dl>
            <p class="fault" role="alert">
                {move || stale().then_some("These figures are from the last input that could be computed. ")}
                {why}
            </p>
        </section>
    }
}

/// The engine's complaint about a position that is not the selected one.
fn fault_elsewhere(desk: crate::state::Desk) -> Option<(usize, String, String)> {
    let fault = desk.outcome.with(|o| o.fault.clone())?;
    let index: usize = fault
        .field
        .strip_prefix("account.positions[")?
        .split(']')
        .next()?
        .parse()
        .ok()?;
    let symbol = desk.key(index)?.1;
    (index != desk.index()).then_some((index, symbol, fault.message))
}
