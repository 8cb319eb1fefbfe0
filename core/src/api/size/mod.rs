//! Operation `size`: the largest position that keeps every limit, each limit's own size, and what the risk is made of.

mod correlation;
mod limits;
mod outcomes;
mod references;
mod types;

pub use types::{
    Candidate, CorrelationEstimates, CorrelationUsed, DrawdownLimit, LimitSize, Limits, ReferenceSizes,
    RiskContribution, SizeRequest, SizeResponse,
};

use super::probability::{Plan, lone_due, model_used, on_points};
use super::request::ProbabilityRequest;
use super::{Progress, Step};
use crate::error::EngineError;
use crate::market::Position;
use crate::probability::Job;
use crate::units::{self, MarginMode};
use outcomes::Outcomes;
use std::cell::{Cell, RefCell};

const CONFIDENCE: f64 = 0.99;
const LEVERAGE: f64 = 3.0;
const VOLATILITY: f64 = 0.4;
/// Notional over equity beyond which no size is looked for.
const MOST_LEVERAGE: f64 = 125.0;
/// Points a scramble of the first look, and the most of the last.
const COARSE: u32 = 32;
const FINE: u32 = 8192;
const FIRST: u32 = 128;
const COARSE_STEPS: f64 = 48.0;
/// A limit is met when the value is below it by less than this share.
const EQUAL: f64 = 5e-4;

/// Size, points, chance and its error.
type Known = (f64, u32, (f64, f64));

/// Everything that is needed to look at one size.
struct Sizing<'a> {
    request: &'a SizeRequest,
    plan: Plan,
    /// With the candidate, at the size the plan was made with.
    job: Job,
    /// Pool and place in it of the candidate.
    at: (usize, usize),
    /// Size in the plan, 1 or what gives one unit of collateral's notional.
    unit: f64,
    /// Collateral units for a size of 1.
    notional_per_size: f64,
    /// Without the candidate.
    gross: f64,
    equity: Option<f64>,
    max_leverage: f64,
    /// Points a scramble that the error asked for.
    points: Cell<u32>,
    /// Chances found so far, with size and points.
    known: RefCell<Vec<Known>>,
    /// Isolated: notional over margin.
    leverage: f64,
    notes: Vec<String>,
}

pub(super) fn size(
    request: &SizeRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<SizeResponse, EngineError> {
    let mut sizing = Sizing::new(request)?;
    progress(Progress { share: 0.1 });
    let limits = sizing.limits(progress)?;
    let l = &request.limits;
    let confidence = l.confidence.unwrap_or(CONFIDENCE);
    // The smallest of the sizes that the limits allow; an unlimited one is larger than any.
    let binding = limits
        .iter()
        .filter_map(|b| Some((b.size?, b)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((size, bound)) = binding.map(|(s, b)| (s, b.clone())) else {
        return Err(EngineError::insufficient(
            "limits",
            "do not bound the size: give at least one that does, and the wallet",
        ));
    };
    // A hedge may be wanted by one limit and too large for another.
    let (probability, standard_error) = sizing.probability(size, sizing.points.get());
    let (before, _) = sizing.probability(0.0, 256);
    let infeasible = limits
        .iter()
        .find(|b| b.size == Some(0.0) && b.without.into_iter().chain(b.value).any(|w| w > b.limit))
        .cloned();
    let factors = sizing.factors(size);
    let outcomes = Outcomes::new(&sizing.job);
    let shortfall = outcomes.shortfall(&factors, confidence);
    let mut limits = limits;
    for b in &mut limits {
        match b.name.as_str() {
            "max_liquidation_probability" if size > 0.0 => b.value = Some(probability),
            "max_expected_shortfall" => b.value = Some(shortfall),
            _ => {}
        }
    }
    let broken = limits
        .iter()
        .find(|b| {
            let slack = match b.name.as_str() {
                "max_liquidation_probability" => (4.0 * standard_error).min(0.5 * b.limit),
                _ => 1e-6 * b.limit,
            };
            size > 0.0 && b.value.is_some_and(|v| v > b.limit + slack)
        })
        .cloned();
    let feasible = size > 0.0 && broken.is_none();
    let parts = outcomes.contributions(&factors, confidence);
    let (volatility, volatility_parts) = sizing.volatility(size);
    let holdings = sizing.job.pools.iter().flat_map(|p| &p.holdings);
    let risk_contributions = holdings
        .zip(parts.iter().zip(&volatility_parts))
        .map(|(h, (shortfall, volatility))| RiskContribution {
            symbol: h.symbol.clone(),
            side: h.side,
            expected_shortfall: *shortfall,
            volatility: *volatility,
        })
        .collect();
    let notional = size * sizing.notional_per_size;
    let leverage = sizing.equity.map_or(sizing.leverage, |e| (sizing.gross + notional) / e);
    let margin = match request.account.margin_mode {
        MarginMode::Isolated => notional / sizing.leverage,
        MarginMode::Cross => notional / sizing.max_leverage.max(1.0),
    };
    let reason = sentence(&bound, infeasible.as_ref(), broken.as_ref(), size);
    let references = sizing.references(&limits);
    progress(Progress { share: 1.0 });
    let explanation = explain.then(|| {
        limits
            .iter()
            .map(|b| {
                let mut inputs = vec![("limit", b.limit)];
                inputs.extend(b.value.map(|v| ("value at the size answered", v)));
                inputs.extend(b.without.map(|v| ("without the candidate", v)));
                Step::new(
                    format!("{}: largest size", b.name),
                    formula(&b.name),
                    &inputs,
                    b.size,
                    "size",
                    "the limit by itself, all others left aside",
                )
            })
            .collect()
    });
    let model = model_used(&sizing.plan);
    Ok(SizeResponse {
        size,
        feasible,
        notional,
        margin,
        leverage,
        binding_limit: Some(bound.name.clone()),
        reason,
        liquidation_probability: probability,
        standard_error,
        liquidation_probability_before: before,
        expected_shortfall: shortfall,
        expected_shortfall_standard_error: outcomes.shortfall_error(&factors, confidence),
        volatility,
        risk_contributions,
        correlation: correlation::used(&request.markets, &sizing.plan),
        references,
        model,
        limits,
        assumptions: sizing
            .plan
            .notes
            .iter()
            .cloned()
            .chain(correlation::notes(&request.markets, &sizing.plan))
            .chain(sizing.notes)
            .collect(),
        explanation,
    })
}

fn formula(name: &str) -> &'static str {
    match name {
        "max_liquidation_probability" => {
            "largest s with P(liquidated within the horizon; s) ≤ limit, by the same random numbers at every s"
        }
        "max_expected_shortfall" => "largest s with mean loss in the worst 1 − confidence of outcomes ≤ limit",
        "max_leverage" => "(limit · equity − Σ notional) / notional of one",
        "venue_tier" => "largest notional whose tier allows the leverage / notional of one",
        "wallet_balance" => "(wallet − Σ isolated margins) · leverage / notional of one",
        _ => "largest s with slippage(s) + fee·notional(s) ≤ limit",
    }
}

fn sentence(bound: &LimitSize, infeasible: Option<&LimitSize>, broken: Option<&LimitSize>, size: f64) -> String {
    let percent = |x: f64| format!("{:.2} %", 100.0 * x);
    let told = |b: &LimitSize, x: f64| {
        if b.name == "max_liquidation_probability" {
            percent(x)
        } else {
            format!("{x:.2}")
        }
    };
    let words = |name: &str| name.trim_start_matches("max_").replace('_', " ");
    if let Some(b) = infeasible.filter(|b| b.without.is_none_or(|w| w <= b.limit)) {
        return format!(
            "no size meets the limit on {}: however small, the position brings it to {}, the limit is {}",
            words(&b.name),
            told(b, b.value.unwrap_or(0.0)),
            told(b, b.limit)
        );
    }
    if let Some(b) = infeasible {
        return format!(
            "no size meets the limit on {}: at 0 the account already has {}, the limit is {}",
            words(&b.name),
            told(b, b.without.unwrap_or(0.0)),
            told(b, b.limit)
        );
    }
    if let Some(b) = broken {
        return format!(
            "the limit on {} stops it, but at that size {} is {}, over its limit of {}: no size meets both",
            words(&bound.name),
            words(&b.name),
            told(b, b.value.unwrap_or(0.0)),
            told(b, b.limit)
        );
    }
    if size <= 0.0 {
        return format!("the limit on {} leaves no room for a position", words(&bound.name));
    }
    format!("the limit on {} stops it", words(&bound.name))
}

impl<'a> Sizing<'a> {
    fn new(request: &'a SizeRequest) -> Result<Self, EngineError> {
        let (account, candidate, l) = (&request.account, &request.candidate, &request.limits);
        units::horizon_hours("limits.horizon_hours", l.horizon_hours)?;
        units::between("limits.confidence", l.confidence.unwrap_or(CONFIDENCE), 0.5, 0.9999)?;
        let max_leverage = units::between(
            "limits.max_leverage",
            l.max_leverage.unwrap_or(LEVERAGE),
            0.01,
            MOST_LEVERAGE,
        )?;
        if let Some(p) = l.max_liquidation_probability {
            units::between("limits.max_liquidation_probability", p, 1e-5, 0.99)?;
        }
        for (name, money) in [
            ("limits.max_expected_shortfall", l.max_expected_shortfall),
            ("limits.max_exit_cost", l.max_exit_cost),
        ] {
            if let Some(m) = money {
                units::between(name, m, 0.0, 1e15)?;
            }
        }
        if let Some(v) = l.volatility_target {
            units::between("limits.volatility_target", v, 1e-4, 20.0)?;
        }
        if let Some(d) = l.drawdown {
            units::between("limits.drawdown.probability", d.probability, 1e-4, 0.99)?;
            units::between("limits.drawdown.floor", d.floor, 0.01, 0.99)?;
        }
        if candidate.venue.is_some_and(|v| v != account.venue) {
            return Err(EngineError::unsupported(
                "candidate.venue",
                format!(
                    "must be the account's ({}): a position elsewhere stands on a wallet of its own",
                    account.venue
                ),
            ));
        }
        let entry = units::price("candidate.entry_price", candidate.entry_price)?;
        let isolated = account.margin_mode == MarginMode::Isolated;
        let leverage = match candidate.leverage {
            Some(x) => units::leverage("candidate.leverage", x)?,
            None if isolated => max_leverage.max(1.0),
            None => 1.0,
        };
        if isolated && leverage > max_leverage {
            return Err(EngineError::invalid(
                "candidate.leverage",
                format!("{leverage} is more than limits.max_leverage allows ({max_leverage})"),
            ));
        }
        // What is open stays as it is; the candidate is added at some size and scaled from there.
        let same = account
            .positions
            .iter()
            .position(|p| p.symbol == candidate.symbol && p.side == candidate.side);
        if let Some(i) = same {
            return Err(EngineError::unsupported(
                "candidate.symbol",
                format!(
                    "is open already as account.positions[{i}], on the same side: leave it out of the account, and size the whole"
                ),
            ));
        }
        let typical = account.wallet_balance.or(account.account_value).unwrap_or(1000.0);
        let unit = (typical / entry).max(1e-9);
        let mut with = account.clone();
        with.positions.push(Position {
            leverage: Some(leverage),
            instrument: candidate.instrument.clone(),
            ..Position::at_mark(&candidate.symbol, candidate.side, unit, entry)
        });
        let target = request.target_standard_error.map_or_else(
            || Ok((l.max_liquidation_probability.unwrap_or(0.02) / 20.0).clamp(1e-4, 1e-3)),
            |t| units::between("target_standard_error", t, 1e-5, 0.5),
        )?;
        let mut plan = Plan::new(
            &ProbabilityRequest {
                account: with,
                markets: request.markets.clone(),
                correlations: request.correlations.clone(),
                horizons_hours: vec![l.horizon_hours],
                model: request.model.clone(),
                target_standard_error: Some(target),
                target_probability: None,
                leverages: Vec::new(),
                seed: request.seed,
            },
            false,
        )
        .map_err(|e| renamed(e, account.positions.len()))?;
        let mut notes = Vec::new();
        plan.notes.dedup();
        let job = outcomes::to_the_end(&plan);
        let pool = job.pools.len() - 1;
        let at = (pool, job.pools[pool].holdings.len() - 1);
        let added = &job.pools[at.0].holdings[at.1];
        let notional_per_size = added.leg.notional(added.leg.mark_x) / unit;
        let open = |p: usize, h: usize| (p, h) != at;
        let mut gross = 0.0;
        let mut value = 0.0;
        for (p, pool) in job.pools.iter().enumerate() {
            for (_, holding) in pool.holdings.iter().enumerate().filter(|(h, _)| open(p, *h)) {
                gross += holding.leg.notional(holding.leg.mark_x);
                value += holding.leg.value(holding.leg.mark_x);
            }
        }
        let equity = match account.margin_mode {
            MarginMode::Cross => Some(job.pools[pool].cash + value + account.other_maintenance_margin.unwrap_or(0.0)),
            // Isolated margins are part of the wallet.
            MarginMode::Isolated => account.wallet_balance.or(account.account_value),
        };
        if let Some(e) = equity
            && e <= 0.0
        {
            return Err(EngineError::invalid(
                "account",
                format!("has an equity of {e:.2}: nothing can be opened on it"),
            ));
        }
        if equity.is_none() {
            notes.push("no wallet_balance: neither leverage nor the wallet bounds the size".to_owned());
        }
        Ok(Self {
            request,
            plan,
            job,
            at,
            unit,
            notional_per_size,
            gross,
            equity,
            max_leverage,
            points: Cell::new(256),
            known: RefCell::default(),
            leverage,
            notes,
        })
    }

    /// The job with the candidate at this size: a multiple of the one in the plan.
    fn job_at(&self, size: f64) -> Job {
        let factor = size / self.unit;
        let mut job = self.job.clone();
        let pool = &mut job.pools[self.at.0];
        if factor <= 0.0 {
            pool.holdings.remove(self.at.1);
            pool.assets.remove(self.at.1);
            if pool.holdings.is_empty() {
                job.pools.remove(self.at.0);
            }
            return job;
        }
        let leg = &mut pool.holdings[self.at.1].leg;
        leg.units *= factor;
        leg.reserve *= factor;
        leg.held *= factor;
        if self.request.account.margin_mode == MarginMode::Isolated {
            pool.cash *= factor;
        }
        job
    }

    /// Chance of liquidation at this size as the model's record reads it, on the same random numbers at every size.
    fn probability(&self, size: f64, points: u32) -> (f64, f64) {
        if let Some(known) = self.known.borrow().iter().find(|k| k.0 == size && k.1 == points) {
            return known.2;
        }
        let found = self.simulate(size, points);
        self.known.borrow_mut().push((size, points, found));
        found
    }

    fn simulate(&self, size: f64, points: u32) -> (f64, f64) {
        let mut job = self.job_at(size);
        if points < FIRST {
            // A first look may step further where crossings are approximated anyway.
            let hours = job.report_hours.last().copied().unwrap_or(0.0);
            job.approximate_step = job.approximate_step.max(hours / COARSE_STEPS);
        }
        if job.pools.is_empty() {
            return (0.0, 0.0);
        }
        if job.pools.iter().any(lone_due) {
            return (1.0, 0.0);
        }
        let (p, error) = on_points(&job, points);
        self.plan.read_last(p.last().copied().unwrap_or(0.0), error)
    }

    /// Multiples of the sizes in the plan, by holding.
    fn factors(&self, size: f64) -> Vec<f64> {
        let mut out: Vec<f64> = self.job.pools.iter().flat_map(|p| &p.holdings).map(|_| 1.0).collect();
        if let Some(last) = out.last_mut() {
            *last = size / self.unit;
        }
        out
    }

    /// No size beyond this is looked at.
    fn cap(&self) -> f64 {
        let money = self.equity.unwrap_or(1e9);
        MOST_LEVERAGE * money / self.notional_per_size
    }
}

/// Names the candidate where the probability's check names the last position.
fn renamed(e: EngineError, last: usize) -> EngineError {
    let at = format!("account.positions[{last}]");
    match e.field.strip_prefix(&at) {
        Some(rest) => EngineError {
            field: format!("candidate{rest}"),
            ..e
        },
        None => e,
    }
}
