//! The chance of liquidation beside the price. While a hand moves, a first estimate from the formula for one barrier; when
//! it rests, a pool of workers simulates, rough first, finer after.

use super::desk::{Desk, Outcome};
use super::latest;
use super::market::Key;
use super::recalc::{account, text};
use super::record;
use super::scenario::Scenario;
use crate::engine::{self, Fault, Lane, pool};
use headroom_core::api::probability::HorizonProbability;
use headroom_core::api::{ModelChoice, ProbabilityRequest, ProbabilityResponse, VolatilityRequest, VolatilityResponse};
use headroom_core::market::{Candles, GarchLaw, Market};
use headroom_core::probability::closed_form::hit_probability;
use headroom_core::units::{HOURS_PER_YEAR, MarginMode};
use leptos::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// Hours that the page tells: a day, a week, a month.
pub(crate) const HORIZONS: [f64; 3] = [24.0, 168.0, 720.0];
/// Leverages of the map, beside the account's own.
pub(crate) const LEVERAGES: [f64; 6] = [2.0, 3.0, 5.0, 10.0, 15.0, 25.0];
/// A fifth of a percentage point at most: finer than any model is.
const TARGET: f64 = 0.002;
/// A change of data alone is followed when it is this old (ms), or when a mark has moved by this fraction.
const PATIENCE: f64 = 20_000.0;
const MOVE: f64 = 0.002;
/// Said while the first answer for these instruments is on its way.
pub(crate) const COMPUTING: &str = "being computed";

/// The last answer and the scenario it answers, or why there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chance {
    /// The newest, perhaps still rough and without what takes longer.
    pub answer: Option<Arc<ProbabilityResponse>>,
    /// The newest with everything in it.
    pub whole: Option<Arc<ProbabilityResponse>>,
    pub whole_of: Option<Arc<Scenario>>,
    /// Effective leverage of the first position then.
    pub leverage: Option<f64>,
    pub of: Option<Arc<Scenario>>,
    /// By horizon: the factor on volatilities with which the first estimate would have given `answer`.
    pub factor: [f64; 3],
    /// Ends (ms) of the records that the request took up, by position.
    pub records: Vec<Option<f64>>,
    /// Marks and time (ms) of the request.
    pub marks: Vec<f64>,
    pub asked: f64,
    pub fault: Option<String>,
}

/// What to show for a horizon.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// Probability and standard error.
    Computed(f64, f64),
    /// Before the simulation has answered.
    Estimate(f64),
    Unknown(String),
}

/// The run under way.
struct Run {
    of: Arc<Scenario>,
    /// ms.
    begun: f64,
    target: f64,
    records: Vec<Option<f64>>,
}

/// What tells candles apart: time of the last and their number.
type Seen = (f64, usize);

thread_local! {
    static PAUSE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static NEWEST: Cell<u32> = const { Cell::new(0) };
    static UNDER_WAY: RefCell<Option<Run>> = const { RefCell::new(None) };
    /// Fitted variance models by instrument, and the candles they saw: time of the last and their number. `None`: could not
    /// be fitted.
    static LAWS: RefCell<HashMap<Key, (Seen, Option<GarchLaw>)>> = RefCell::default();
}

/// Keeps the chance true to the last liquidation result.
pub(crate) fn keep(desk: Desk) {
    Effect::new(move |_| {
        let target = desk.target.get();
        desk.standings.track();
        if desk.outcome.with(|o| fresh(desk, o) || under_way(desk, o, target)) {
            return;
        }
        // While a slider moves, the processor belongs to the price; the simulation follows when the hand rests.
        latest::once_quiet(&PAUSE, 120, move || spawn_local(calculate(desk)));
    });
}

/// Whether the chance shown is of this account and of prices that have hardly moved.
fn fresh(desk: Desk, outcome: &Outcome) -> bool {
    desk.chance.with_untracked(|c| {
        let target = desk.target.get_untracked();
        let asked_for = |r: &ProbabilityResponse| r.remedies.first().is_none_or(|m| m.target == target);
        c.of.is_some()
            && c.records == records(desk)
            && c.of == outcome.of
            && c.whole_of == outcome.of
            && c.whole.as_deref().is_some_and(asked_for)
            && desk.now.get_untracked() - c.asked < PATIENCE
            && c.marks.len() == outcome.marks.len()
            && c.marks
                .iter()
                .zip(&outcome.marks)
                .all(|(a, b)| (a / b - 1.0).abs() < MOVE)
    })
}

/// Until when the records reach that are known, by position.
pub(crate) fn records(desk: Desk) -> Vec<Option<f64>> {
    desk.scenario.with_untracked(|s| {
        s.lines
            .iter()
            .map(|l| record::standing(desk, &(s.venue, l.symbol.clone())).map(|s| s.until))
            .collect()
    })
}

/// Whether a run for this account has begun a moment ago: prices that tick do not start it over.
fn under_way(desk: Desk, outcome: &Outcome, target: f64) -> bool {
    UNDER_WAY.with_borrow(|u| {
        u.as_ref().is_some_and(|run| {
            Some(&run.of) == outcome.of.as_ref()
                && run.target == target
                && desk.now.get_untracked() - run.begun < PATIENCE
                && run.records == records(desk)
        })
    })
}

async fn calculate(desk: Desk) {
    let number = NEWEST.with(|n| {
        n.set(n.get().wrapping_add(1));
        n.get()
    });
    let newest = move || NEWEST.with(|n| n.get() == number);
    let scenario = desk.scenario.get_untracked();
    let refuse = move |fault: Fault| {
        desk.chance.set(Chance {
            fault: Some(fault.message),
            ..Chance::default()
        });
    };
    // What cannot be asked is said at once, and an older reason for silence ends as soon as it is no longer true; an older
    // answer stays until the new one.
    if let Err(fault) = untrack(|| request(&desk, &scenario)) {
        return refuse(fault);
    }
    if desk
        .chance
        .with_untracked(|c| c.fault.as_deref().is_some_and(|f| f != COMPUTING))
    {
        refuse(Fault::of("probability", COMPUTING));
    }
    if let Err(fault) = fit(desk, &scenario).await {
        return refuse(fault);
    }
    if !newest() {
        return;
    }
    let request = match untrack(|| request(&desk, &scenario)) {
        Ok(request) => request,
        Err(fault) => return refuse(fault),
    };
    let of = Arc::new(scenario);
    let known = records(desk);
    let (asked, marks) = (
        desk.now.get_untracked(),
        desk.outcome.with_untracked(|o| o.marks.clone()),
    );
    let leverage = desk
        .outcome
        .with_untracked(|o| o.room.as_ref()?.positions.first()?.effective_leverage);
    // Rough answers are for a hand that has just moved, not for prices that tick.
    let same_account = desk.chance.with_untracked(|c| c.of.as_ref() == Some(&of));
    let show = {
        let (of, known) = (of.clone(), known.clone());
        move |answer: &str, whole: bool| match engine::read::<ProbabilityResponse>(answer) {
            Ok(answer) => {
                let answer = Arc::new(answer);
                let factor = desk.outcome.with_untracked(|o| {
                    std::array::from_fn(|k| answer.horizons.get(k).map_or(1.0, |h| factor(o, &answer, h)))
                });
                desk.chance.update(|c| {
                    (c.asked, c.marks, c.records) = (asked, marks.clone(), known.clone());
                    if whole {
                        (c.whole, c.whole_of, c.leverage) = (Some(answer.clone()), Some(of.clone()), leverage);
                    }
                    (c.answer, c.of, c.factor, c.fault) = (Some(answer), Some(of.clone()), factor, None);
                });
            }
            Err(fault) => refuse(fault),
        }
    };
    let rough = show.clone();
    UNDER_WAY.set(Some(Run {
        of: of.clone(),
        begun: asked,
        target: desk.target.get_untracked(),
        records: known.clone(),
    }));
    let shared = pool::share(&text("probability", &request), move |answer| {
        if newest() && !same_account {
            rough(&answer, false);
        }
    })
    .await;
    if newest() {
        UNDER_WAY.set(None);
    }
    match shared {
        Ok(Some(answer)) if newest() => {
            show(&answer, true);
            record::want_all(desk);
        }
        Ok(_) => {}
        Err(fault) => refuse(fault),
    }
}

/// Fits the variance models that are not there yet: once an instrument and bar, since that takes a tenth of a second.
pub(crate) async fn fit(desk: Desk, s: &Scenario) -> Result<(), Fault> {
    for i in 0..s.lines.len() {
        let held = untrack(|| {
            let key = desk.key(i)?;
            let (candles, _) = desk.market(i, |m| m.candles.clone())?;
            Some((key, candles))
        });
        let Some((key, candles)) = held else { continue };
        let seen = seen(&candles);
        if LAWS.with_borrow(|l| l.get(&key).is_some_and(|(of, _)| *of == seen)) {
            continue;
        }
        let request = VolatilityRequest {
            market: Market {
                candles: Some((*candles).clone()),
                ..Market::default()
            },
            horizon_hours: HORIZONS[1],
        };
        // Why a model cannot be fitted is said by the probability's own answer.
        let law = engine::read::<VolatilityResponse>(&engine::ask(Lane::Fit, &text("volatility", &request)).await)
            .ok()
            .and_then(|v| v.garch);
        LAWS.with_borrow_mut(|l| l.insert(key, (seen, law)));
    }
    Ok(())
}

fn seen(candles: &Candles) -> Seen {
    (candles.rows.last().map_or(0.0, |r| r.0), candles.rows.len())
}

/// What is known of every market of the scenario, as the engine takes it.
pub(crate) fn markets(desk: &Desk, s: &Scenario) -> Result<BTreeMap<String, Market>, Fault> {
    let mut markets: BTreeMap<String, Market> = BTreeMap::new();
    for (i, line) in s.lines.iter().enumerate() {
        if markets.contains_key(&line.symbol) {
            continue;
        }
        let Some(key) = desk.key(i) else { continue };
        let market = desk.market(i, |m| {
            let candles = m.candles.as_ref()?.0.clone();
            let quote = m.quote.as_ref().map(|q| &q.0);
            Some(Market {
                candles: Some((*candles).clone()),
                funding: m.funding.as_ref().map(|f| f.0.to_vec()),
                funding_rate: quote.and_then(|q| q.funding_rate),
                funding_interval_hours: m.funding_interval_hours,
                funding_cap: quote.and_then(|q| q.funding_cap),
                funding_floor: quote.and_then(|q| q.funding_floor),
                garch: LAWS.with_borrow(|l| {
                    l.get(&key)
                        .filter(|(of, _)| *of == seen(&candles))
                        .and_then(|(_, law)| *law)
                }),
                record: record::standing(*desk, &key).map(|s| (*s).clone()),
                ..Market::default()
            })
        });
        let market = market.ok_or_else(|| {
            Fault::of(
                "markets",
                &format!("no candles of {} to measure its volatility from", line.symbol),
            )
        })?;
        markets.insert(line.symbol.clone(), market);
    }
    Ok(markets)
}

fn request(desk: &Desk, s: &Scenario) -> Result<ProbabilityRequest, Fault> {
    Ok(ProbabilityRequest {
        account: account(desk, s)?,
        markets: markets(desk, s)?,
        correlations: Vec::new(),
        horizons_hours: HORIZONS.to_vec(),
        model: ModelChoice {
            kind: "auto".to_owned(),
            step_hours: None,
        },
        target_standard_error: Some(TARGET),
        target_probability: Some(desk.target.get_untracked()),
        leverages: LEVERAGES.to_vec(),
        seed: 1,
    })
}

/// First estimate: each position's liquidation price as a barrier that stays, prices that diffuse, no funding.
fn estimate(outcome: &Outcome, answer: &ProbabilityResponse, hours: f64, factor: f64) -> f64 {
    let (Some(room), Some(of)) = (&outcome.room, &outcome.of) else {
        return 0.0;
    };
    let each = room.positions.iter().enumerate().map(|(i, p)| {
        if p.liquidatable_now {
            return 1.0;
        }
        let market = answer.model.markets.iter().find(|m| m.symbol == p.symbol);
        let (Some(m), Some(level), Some(mark)) = (market, p.liquidation_price, outcome.marks.get(i)) else {
            return 0.0;
        };
        let v = m.volatility * factor;
        hit_probability((level / mark).ln(), -0.5 * v * v, v, hours / HOURS_PER_YEAR)
    });
    if of.mode == MarginMode::Cross {
        each.fold(0.0, f64::max)
    } else {
        1.0 - each.map(|p| 1.0 - p).product::<f64>()
    }
}

/// The factor on volatilities with which the estimate agrees with what was computed: fat tails, funding and correlation in
/// one number, which changes slowly from one account to the next.
fn factor(outcome: &Outcome, answer: &ProbabilityResponse, h: &HorizonProbability) -> f64 {
    let (mut low, mut high) = (0.05, 20.0);
    for _ in 0..40 {
        let middle = f64::sqrt(low * high);
        if estimate(outcome, answer, h.hours, middle) < h.probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// `ln(−ln(1 − p))`: a scale on which chances of neighbouring leverages lie on a smooth line.
fn stretched(p: f64) -> f64 {
    (-(1.0 - p.clamp(1e-9, 1.0 - 1e-9)).ln()).ln()
}

/// The chance at the leverage now, read from the last map of leverages: for one position whose side and instrument are still
/// the same. The map and the account it was made for are from one model, so the line through both is moved to fit the latter.
fn by_leverage(desk: Desk, hours: f64) -> Option<f64> {
    let leverage = |o: &Outcome| o.room.as_ref()?.positions.first()?.effective_leverage;
    let now = desk.outcome.with(leverage)?;
    let (answer, of, before) = desk
        .chance
        .with(|c| Some((c.whole.clone()?, c.whole_of.clone()?, c.leverage?)))?;
    let same = desk.scenario.with(|s| {
        let ([a], [b]) = (s.lines.as_slice(), of.lines.as_slice()) else {
            return false;
        };
        a.symbol == b.symbol && a.side == b.side && s.venue == of.venue
    });
    let own = answer
        .horizons
        .iter()
        .find(|h| (h.hours - hours).abs() < 1e-9)?
        .probability;
    let nodes: Vec<(f64, f64)> = answer
        .leverage_map
        .iter()
        .filter_map(|row| {
            let at = row.rows.iter().find(|r| (r[0] - hours).abs() < 1e-9)?;
            Some((row.leverage.ln(), stretched(at[1].max(1e-5))))
        })
        .collect();
    if !same || nodes.len() < 2 || own <= 0.0 {
        return None;
    }
    // Linear between neighbours, straight on beyond the ends.
    let line = |leverage: f64| {
        let x = leverage.ln();
        let k = nodes.partition_point(|n| n.0 < x).clamp(1, nodes.len() - 1);
        let (a, b) = (nodes[k - 1], nodes[k]);
        a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0)
    };
    let moved = line(now) + stretched(own) - line(before);
    Some(1.0 - (-moved.exp()).exp())
}

/// What to show for one of [`HORIZONS`]: while the account differs from the simulated one, the estimate.
pub(crate) fn told(desk: Desk, horizon: usize) -> Told {
    let answer = match desk.chance() {
        Ok(answer) => answer,
        Err(why) => return Told::Unknown(why),
    };
    let Some(h) = answer.horizons.get(horizon) else {
        return Told::Unknown(COMPUTING.to_owned());
    };
    let (of, factor) = desk.chance.with(|c| (c.of.clone(), c.factor[horizon]));
    if desk.outcome.with(|o| o.of.is_some() && o.of != of) {
        let by_map = by_leverage(desk, h.hours);
        Told::Estimate(by_map.unwrap_or_else(|| desk.outcome.with(|o| estimate(o, &answer, h.hours, factor))))
    } else {
        Told::Computed(h.probability, h.standard_error)
    }
}
