//! The chance of liquidation beside the price: asked of a worker of its own, so that dragging a slider never waits for it.

use super::desk::Desk;
use super::latest::{self, Latest};
use super::recalc::{account, text};
use super::scenario::Scenario;
use crate::engine::{self, Fault, Lane};
use headroom_core::api::{ModelChoice, ProbabilityRequest, ProbabilityResponse};
use headroom_core::market::Market;
use headroom_core::volatility::{close_to_close, correlation};
use leptos::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Hours that the headline tells.
pub(crate) const HORIZONS: [f64; 2] = [24.0, 168.0];
/// Thirty days of hours.
const BARS: usize = 720;
const TARGET: f64 = 0.001;
/// Said while the first answer for these instruments is on its way.
pub(crate) const COMPUTING: &str = "being computed";

/// The last answer and the scenario it answers, or why there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chance {
    pub answer: Option<Arc<ProbabilityResponse>>,
    pub of: Option<Arc<Scenario>>,
    pub fault: Option<String>,
}

thread_local! {
    static LATEST: Latest = const { Latest::new() };
    static PAUSE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
}

/// Keeps the chance true to the last liquidation result.
pub(crate) fn keep(desk: Desk) {
    Effect::new(move |_| {
        desk.outcome.track();
        // While a slider moves, the processor belongs to the price; the chance follows when the hand rests.
        latest::once_quiet(&PAUSE, 120, move || latest::run(&LATEST, move || calculate(desk)));
    });
}

async fn calculate(desk: Desk) {
    let scenario = desk.scenario.get_untracked();
    let request = match untrack(|| request(&desk, &scenario)) {
        Ok(request) => text("probability", &request),
        Err(fault) => {
            return desk.chance.set(Chance {
                fault: Some(fault.message),
                ..Chance::default()
            });
        }
    };
    // An older reason for silence is no longer true while the answer is on its way; an older answer stays until then.
    if desk
        .chance
        .with_untracked(|c| c.fault.as_deref().is_some_and(|f| f != COMPUTING))
    {
        desk.chance.set(Chance {
            fault: Some(COMPUTING.to_owned()),
            ..Chance::default()
        });
    }
    let next = match engine::read::<ProbabilityResponse>(&engine::ask(Lane::Simulate, &request).await) {
        Ok(answer) => Chance {
            answer: Some(Arc::new(answer)),
            of: Some(Arc::new(scenario)),
            fault: None,
        },
        Err(fault) => Chance {
            fault: Some(fault.message),
            ..Chance::default()
        },
    };
    if desk.chance.with_untracked(|c| *c != next) {
        desk.chance.set(next);
    }
}

/// Volatility and correlation are measured here on the candles the page holds, so that they need not travel each time.
fn request(desk: &Desk, s: &Scenario) -> Result<ProbabilityRequest, Fault> {
    let account = account(desk, s)?;
    let mut markets: BTreeMap<String, Market> = BTreeMap::new();
    let mut candles = Vec::new();
    for (i, line) in s.lines.iter().enumerate() {
        if markets.contains_key(&line.symbol) {
            continue;
        }
        let held = desk.market(i, |m| m.candles.as_ref().map(|c| c.0.clone()));
        let volatility = held.as_ref().and_then(|c| close_to_close(c, BARS));
        let Some(volatility) = volatility else {
            return Err(Fault::of(
                "markets",
                &format!("no candles of {} to measure its volatility from", line.symbol),
            ));
        };
        let funding = desk.market(i, |m| {
            Some((m.quote.as_ref()?.0.funding_rate?, m.funding_interval_hours?))
        });
        markets.insert(
            line.symbol.clone(),
            Market {
                volatility: Some(volatility),
                funding_rate: funding.map(|f| f.0),
                funding_interval_hours: funding.map(|f| f.1),
                ..Market::default()
            },
        );
        candles.extend(held.map(|c| (line.symbol.clone(), c)));
    }
    let mut correlations = Vec::new();
    for (k, (a, of_a)) in candles.iter().enumerate() {
        for (b, of_b) in &candles[..k] {
            let rho = correlation(of_a, of_b, BARS)
                .ok_or_else(|| Fault::of("correlations", &format!("{a} and {b} have too few hours in common")))?;
            correlations.push((a.clone(), b.clone(), rho));
        }
    }
    Ok(ProbabilityRequest {
        account,
        markets,
        correlations,
        horizons_hours: HORIZONS.to_vec(),
        model: ModelChoice::default(),
        target_standard_error: Some(TARGET),
        seed: 1,
    })
}
