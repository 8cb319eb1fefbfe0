//! The strip that stays: the account's state in one line, with the age of the data.

use super::desk;
use super::part::Figure;
use crate::format;
use crate::state::market::Origin;
use headroom_core::margin::PositionRoom;
use headroom_core::units::MarginMode;
use leptos::prelude::*;

/// The position nearest to its liquidation, with its index.
fn nearest(positions: &[PositionRoom]) -> Option<(usize, &PositionRoom)> {
    positions
        .iter()
        .enumerate()
        .filter(|(_, p)| p.distance.is_some())
        .min_by(|a, b| {
            a.1.distance
                .unwrap_or(f64::MAX)
                .total_cmp(&b.1.distance.unwrap_or(f64::MAX))
        })
}

#[component]
pub(crate) fn Headline() -> impl IntoView {
    let desk = desk();
    let room = Memo::new(move |_| desk.outcome.with(|o| o.room.clone()));
    let text = move |read: &dyn Fn(&headroom_core::api::LiquidationResponse) -> Option<String>| {
        room.get()
            .and_then(|r| read(&r))
            .unwrap_or_else(|| format::UNKNOWN.to_owned())
    };
    let equity = Signal::derive(move || text(&|r| Some(format::money(r.account.equity))));
    let collateral = Signal::derive(move || text(&|r| Some(r.collateral.clone())));
    let ratio = Signal::derive(move || {
        text(&|r| {
            r.account
                .margin_ratio
                .map(format::fine_percent)
                .or_else(|| r.account.liquidatable_now.then(|| "past 100 %".to_owned()))
        })
    });
    let price = Signal::derive(move || {
        text(&|r| nearest(&r.positions).and_then(|(i, p)| Some(format::price(p.liquidation_price?, desk.tick(i)))))
    });
    let distance = Signal::derive(move || {
        text(&|r| {
            nearest(&r.positions).and_then(|(_, p)| Some(format!("{} {}", p.symbol, format::fine_percent(p.distance?))))
        })
    });
    let danger = Signal::derive(move || match room.get() {
        Some(r) if r.account.liquidatable_now => "danger",
        Some(r) if r.account.margin_ratio.is_some_and(|m| m > 0.8) => "warn",
        _ => "",
    });
    let market = Signal::derive(move || text(&|r| r.account.market_move_to_liquidation.map(format::fine_percent)));
    let funding = Signal::derive(move || {
        desk.outcome.with(|o| {
            let known: Vec<f64> = o.funding.iter().flatten().map(|f| f.expected_cost).collect();
            if known.is_empty() {
                format::UNKNOWN.to_owned()
            } else {
                format::money(-known.iter().sum::<f64>())
            }
        })
    });
    let funding_detail = Signal::derive(move || {
        desk.outcome
            .with(|o| match o.funding.iter().filter(|f| f.is_none()).count() {
                0 => "expected, a week".to_owned(),
                n => format!("expected, a week; {n} not known"),
            })
    });
    // The oldest live figure of the account decides; recorded data says until when.
    let data = Memo::new(move |_| {
        let count = desk.scenario.with(|s| s.lines.len());
        let mut oldest: Option<f64> = None;
        let mut recorded: Option<f64> = None;
        let mut typed = false;
        for i in 0..count {
            if desk.scenario.with(|s| s.lines.get(i).is_some_and(|l| l.mark.is_some())) {
                typed = true;
                continue;
            }
            match desk.market(i, |m| m.quote.as_ref().map(|q| q.1.clone())) {
                Some(Origin::Live(t)) => oldest = Some(oldest.map_or(t, |o: f64| o.min(t))),
                Some(Origin::Recorded { until, .. }) => recorded = Some(until),
                None => {}
            }
        }
        (recorded, oldest, typed)
    });
    let data_value = Signal::derive(move || match data.get() {
        (Some(_), _, _) => "Recorded".to_owned(),
        (_, Some(t), _) => format::age(desk.now.get() - t),
        (_, _, true) => "Typed".to_owned(),
        _ => format::UNKNOWN.to_owned(),
    });
    let data_detail = Signal::derive(move || match data.get() {
        (Some(until), _, _) => format!("until {}", format::date(until - 1.0)),
        (_, Some(_), _) => "old, live price".to_owned(),
        (_, _, true) => "prices by hand".to_owned(),
        _ => "waiting for the venue".to_owned(),
    });
    let data_tone = Signal::derive(move || match data.get() {
        (Some(_), _, _) => "stale",
        (_, Some(t), _) if desk.now.get() - t > 30_000.0 => "stale",
        _ => "",
    });
    let stale = move || desk.outcome.with(|o| o.fault.is_some() && o.room.is_some());
    view! {
        <section class="headline" aria-label="Account at a glance" class:outdated=stale>
            <dl>
                <Figure label="Nearest liquidation" value=price detail=distance tone=danger />
                <Figure label="Margin ratio" value=ratio detail=Signal::derive(|| "liquidation at 100 %".to_owned()) tone=danger />
                <Figure label="Equity" value=equity detail=collateral />
                <Figure label="Market move to liquidation" value=market detail=Signal::derive(move || if desk.scenario.with(|s| s.mode == MarginMode::Cross) { "all prices together" } else { "cross accounts only" }.to_owned()) />
                <Figure label="Funding" value=funding detail=funding_detail />
                <Figure label="Data" value=data_value detail=data_detail tone=data_tone />
            </dl>
            <p class="fault" role="alert">
                {move || stale().then_some("These figures are from the last input that could be computed.")}
            </p>
        </section>
    }
}
