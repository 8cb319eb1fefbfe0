//! From scenario and markets to requests, and from answers to the outcome.

use super::desk::{Desk, Outcome};
use super::latest::{self, Latest};
use super::scenario::Scenario;
use crate::engine::{self, Fault, Lane};
use headroom_core::api::{FundingRequest, FundingResponse, LiquidationRequest, LiquidationResponse};
use headroom_core::market::{Account, Collateral, CollateralToken, Market, Position};
use headroom_core::units::MarginMode;
use leptos::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// Hours that funding is told for: a week.
pub(crate) const FUNDING_HORIZON: f64 = 168.0;

thread_local! {
    static LATEST: Latest = const { Latest::new() };
}

/// Keeps the outcome true to scenario and markets.
pub(crate) fn keep(desk: Desk) {
    Effect::new(move |_| {
        desk.scenario.track();
        desk.markets.track();
        desk.books.track();
        latest::run(&LATEST, move || calculate(desk));
    });
}

/// The account as the engine takes it; the fault names what is still unknown.
pub(crate) fn account(desk: &Desk, s: &Scenario) -> Result<Account, Fault> {
    let mut positions = Vec::new();
    for (i, line) in s.lines.iter().enumerate() {
        let Some(mark) = desk.mark(i) else {
            return Err(Fault::of(
                &format!("account.positions[{i}].mark_price"),
                &no_price(desk, &line.symbol),
            ));
        };
        let (instrument, _) = desk
            .books
            .with_untracked(|b| {
                b.get(&s.venue)
                    .map(|b| b.instrument(s.venue, &line.symbol, s.typed_tiers(&line.symbol)))
            })
            .ok_or_else(|| Fault::of("engine", "The engine is starting."))?;
        let entry = line.entry.unwrap_or(mark);
        let pool = s.venue.facts().pool;
        positions.push(Position {
            symbol: line.symbol.clone(),
            side: line.side,
            size: line.size,
            entry_price: Some(entry),
            mark_price: mark,
            leverage: Some(line.leverage),
            margin: if s.mode == MarginMode::Isolated && !pool {
                line.margin
            } else {
                None
            },
            extra_margin: None,
            collateral: pool.then(|| Collateral {
                token: CollateralToken::Stable,
                amount: line.margin.unwrap_or(line.size * entry / line.leverage),
                price: 1.0,
            }),
            size_usd: None,
            accrued_fees: None,
            price_impact: None,
            instrument: Some(instrument),
        });
    }
    let cross = s.mode == MarginMode::Cross;
    Ok(Account {
        venue: s.venue,
        margin_mode: s.mode,
        wallet_balance: cross.then_some(s.wallet),
        account_value: None,
        other_maintenance_margin: None,
        collateral: None,
        positions,
    })
}

/// Why a position has no mark, with the way out.
fn no_price(desk: &Desk, symbol: &str) -> String {
    let refused = desk.feeds.with_untracked(|f| {
        f.iter()
            .find(|(name, s)| name.ends_with(&format!(" {symbol}")) && s.error.is_some())
            .and_then(|(_, s)| s.error.clone())
    });
    match refused {
        Some(reason) => format!("No price. {reason} Choose another instrument, or type a mark price."),
        None => "No price yet: waiting for the venue. Type a mark price to go on without it.".to_owned(),
    }
}

/// A request as text, asking for the explanation too.
pub(crate) fn text(op: &str, request: &impl serde::Serialize) -> String {
    let mut value = serde_json::to_value(request).unwrap_or_else(|_| json!({}));
    if let Some(map) = value.as_object_mut() {
        map.insert("op".to_owned(), op.into());
        map.insert("explain".to_owned(), Value::Bool(true));
    }
    value.to_string()
}

/// The market of a position as the funding operation takes it.
fn funding_market(desk: &Desk, i: usize) -> Option<Market> {
    let key = desk
        .scenario
        .with_untracked(|s| s.lines.get(i).map(|l| (s.venue, l.symbol.clone())))?;
    desk.markets.with_untracked(|m| {
        let m = m.get(&key)?;
        let rate = m.quote.as_ref().and_then(|(q, _)| q.funding_rate);
        let history = m.funding.as_ref().map(|(rows, _)| rows.to_vec());
        if rate.is_none() && history.is_none() {
            return None;
        }
        Some(Market {
            funding: history,
            funding_rate: rate,
            funding_interval_hours: m.funding_interval_hours,
            ..Market::default()
        })
    })
}

async fn calculate(desk: Desk) {
    let scenario = desk.scenario.get_untracked();
    let account = match untrack(|| account(&desk, &scenario)) {
        Ok(account) => account,
        Err(fault) => return desk.outcome.update(|o| o.fault = Some(fault)),
    };
    let request = text(
        "liquidation",
        &LiquidationRequest {
            account: account.clone(),
            betas: Default::default(),
        },
    );
    let room = match engine::read::<LiquidationResponse>(&engine::ask(Lane::Calculate, &request).await) {
        Ok(room) => room,
        // The last good result stays, marked by the fault as no longer true.
        Err(fault) => return desk.outcome.update(|o| o.fault = Some(fault)),
    };
    let marks = account.positions.iter().map(|p| p.mark_price).collect();
    let mut funding: Vec<Result<FundingResponse, String>> = Vec::new();
    for (i, position) in account.positions.into_iter().enumerate() {
        let Some(market) = funding_market(&desk, i) else {
            funding.push(Err("no funding rate known for this instrument".to_owned()));
            continue;
        };
        let mut position = position;
        if scenario.mode == MarginMode::Cross {
            position.leverage = None;
        }
        let request = text(
            "funding",
            &FundingRequest {
                position,
                market,
                horizon_hours: FUNDING_HORIZON,
                venue: Some(scenario.venue),
            },
        );
        funding.push(engine::read(&engine::ask(Lane::Calculate, &request).await).map_err(|f: Fault| f.message));
    }
    desk.outcome.set(Outcome {
        room: Some(Arc::new(room)),
        funding,
        fault: None,
        of: Some(Arc::new(scenario)),
        marks,
    });
}
