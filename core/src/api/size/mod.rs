//! Operation `size`: the largest position that keeps every limit, each limit's own size, and what the risk is made of.

mod correlation;
mod outcomes;
mod types;

pub use types::{
    Candidate, CorrelationEstimates, CorrelationUsed, DrawdownLimit, LimitSize, Limits, ReferenceSizes,
    RiskContribution, SizeRequest, SizeResponse,
};

use super::checks;
use super::probability::{Plan, lone_due, model_used, on_points};
use super::request::ProbabilityRequest;
use super::{Progress, Step};
use crate::error::EngineError;
use crate::market::{Book, Market, Position};
use crate::probability::{Job, Model};
use crate::units::{self, MarginMode, Side};
use crate::venue::snapshot;
use libm::{log, sqrt};
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

    fn limits(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<Vec<LimitSize>, EngineError> {
        let l = self.request.limits;
        let mut out = vec![];
        if let Some(equity) = self.equity {
            let room = (self.max_leverage * equity - self.gross) / self.notional_per_size;
            out.push(LimitSize {
                name: "max_leverage".to_owned(),
                limit: self.max_leverage,
                size: Some(room.max(0.0)),
                value: None,
                without: Some(self.gross / equity),
            });
            if self.request.account.margin_mode == MarginMode::Isolated {
                let used: f64 = self.job.pools[..self.at.0].iter().map(|p| p.cash).sum();
                out.push(LimitSize {
                    name: "wallet_balance".to_owned(),
                    limit: equity,
                    size: Some(((equity - used) * self.leverage / self.notional_per_size).max(0.0)),
                    value: None,
                    without: Some(used),
                });
            }
        }
        out.extend(self.tier());
        if let Some(limit) = l.max_exit_cost {
            out.push(self.exit(limit)?);
        }
        if let Some(limit) = l.max_expected_shortfall {
            out.push(self.shortfall(limit, l.confidence.unwrap_or(CONFIDENCE)));
        }
        progress(Progress { share: 0.3 });
        if let Some(limit) = l.max_liquidation_probability {
            let found = self.by_probability(limit, progress);
            out.push(found);
        }
        // What each is at the size answered.
        let size = out.iter().filter_map(|b| b.size).fold(f64::INFINITY, f64::min);
        if size.is_finite() {
            let notional = size * self.notional_per_size;
            for b in &mut out {
                b.value = match b.name.as_str() {
                    "max_leverage" => self.equity.map(|e| (self.gross + notional) / e),
                    "wallet_balance" => b.without.map(|w| w + notional / self.leverage),
                    "venue_tier" => Some(notional),
                    "max_exit_cost" => self.exit_cost(size),
                    _ => b.value,
                };
            }
        }
        Ok(out)
    }

    /// The venue's tiers: the largest notional at which the leverage wanted is allowed.
    fn tier(&self) -> Option<LimitSize> {
        let leg = &self.job.pools[self.at.0].holdings[self.at.1].leg;
        let row = leg.rows.iter().rev().find(|r| r.max_leverage >= self.leverage)?;
        // Tiers are over notional in the venue's own unit, which the leg keeps.
        row.cap.is_finite().then(|| LimitSize {
            name: "venue_tier".to_owned(),
            limit: row.cap,
            size: Some(row.cap / self.notional_per_size),
            value: None,
            without: None,
        })
    }

    fn book(&self) -> Option<&Book> {
        self.market().book.as_ref()
    }

    fn market(&self) -> &Market {
        &self.request.markets[&self.request.candidate.symbol]
    }

    fn taker_fee(&self) -> f64 {
        let candidate = &self.request.candidate;
        let own = candidate.instrument.as_ref().and_then(|i| i.taker_fee);
        let listed = || snapshot::lookup(self.request.account.venue, &candidate.symbol).and_then(|(i, ..)| i.taker_fee);
        own.or_else(listed).unwrap_or(0.0)
    }

    /// Cost of closing this size at once through the book; `None` where the book is too thin.
    fn exit_cost(&self, size: f64) -> Option<f64> {
        let book = self.book()?;
        let middle = book.middle().unwrap_or(self.request.candidate.entry_price);
        let cost = book.cost(self.request.candidate.side == Side::Long, size, middle)?;
        Some(cost + self.taker_fee() * size * self.notional_per_size)
    }

    fn exit(&self, limit: f64) -> Result<LimitSize, EngineError> {
        let field = format!("markets.{}.book", self.request.candidate.symbol);
        let book = self
            .book()
            .ok_or_else(|| EngineError::insufficient(&field, "is missing: the cost of an exit is read from it"))?;
        checks::book(book, &field)?;
        let kind = self.job.pools[self.at.0].holdings[self.at.1].kind;
        if kind != crate::market::InstrumentKind::Linear {
            return Err(EngineError::unsupported(
                "limits.max_exit_cost",
                "is told for linear contracts only: the book of others is in other units",
            ));
        }
        let side = self.request.candidate.side;
        let levels = if side == Side::Long { &book.bids } else { &book.asks };
        let whole: f64 = levels.iter().map(|l| l.1).sum();
        // Cost is convex and rises: halve.
        let (mut low, mut high) = (0.0, whole);
        if self.exit_cost(whole * (1.0 - 1e-12)).is_some_and(|c| c <= limit) {
            low = whole;
        }
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if self.exit_cost(middle).is_some_and(|c| c <= limit) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(LimitSize {
            name: "max_exit_cost".to_owned(),
            limit,
            size: Some(low),
            value: None,
            without: Some(0.0),
        })
    }

    fn shortfall(&self, limit: f64, confidence: f64) -> LimitSize {
        let outcomes = Outcomes::new(&self.job);
        let at = |size: f64| outcomes.shortfall(&self.factors(size), confidence);
        let without = at(0.0);
        let answer = |size: Option<f64>| LimitSize {
            name: "max_expected_shortfall".to_owned(),
            limit,
            size,
            value: Some(at(size.unwrap_or(0.0))),
            without: Some(without),
        };
        let cap = self.cap();
        if at(cap) <= limit {
            return answer(None);
        }
        // The shortfall is convex in the size: where the first bit lowers it, its lowest point is looked for.
        let mut low = 0.0;
        if without > limit {
            let (mut a, mut b) = (0.0, cap);
            for _ in 0..60 {
                let (x, y) = (a + 0.382 * (b - a), a + 0.618 * (b - a));
                if at(x) < at(y) {
                    b = y;
                } else {
                    a = x;
                }
            }
            low = 0.5 * (a + b);
            if at(low) > limit {
                return answer(Some(0.0));
            }
        }
        let mut high = cap;
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if at(middle) <= limit {
                low = middle;
            } else {
                high = middle;
            }
        }
        answer(Some(low))
    }

    /// A size that keeps the chance at the limit within a few percent; `None`: any size does.
    fn roughly(&self, limit: f64) -> Option<f64> {
        let mut high = self.cap();
        if self.probability(high, COARSE).0 <= limit {
            return None;
        }
        for _ in 0..14 {
            if self.probability(0.5 * high, COARSE).0 <= limit {
                return Some(self.root(limit, 0.5 * high, high, COARSE, 0.02));
            }
            high *= 0.5;
        }
        Some(0.0)
    }

    /// The largest size whose chance of liquidation is at most the limit.
    fn by_probability(&self, limit: f64, progress: &mut dyn FnMut(Progress)) -> LimitSize {
        let (without, _) = self.probability(0.0, 256);
        let answer = |size: Option<f64>, value: f64| LimitSize {
            name: "max_liquidation_probability".to_owned(),
            limit,
            size,
            value: Some(value),
            without: Some(without),
        };
        let cap = self.cap();
        // From above: the first size that keeps the limit.
        let ratio = if without > limit { 1.25 } else { 2.0 };
        let (mut high, mut low) = (cap, None);
        for _ in 0..(14.0 * log(2.0) / log(ratio)) as u32 {
            let (p, _) = self.probability(high / ratio, COARSE);
            if p <= limit {
                low = Some(high / ratio);
                break;
            }
            high /= ratio;
        }
        if low.is_none() {
            // An isolated position's own chance does not fall with its size.
            let least = self.probability(cap * 1e-6, 256).0.max(without);
            if least > limit {
                return answer(Some(0.0), least);
            }
        }
        if high == cap && self.probability(cap, COARSE).0 <= limit {
            return answer(None, self.probability(cap, COARSE).0);
        }
        progress(Progress { share: 0.4 });
        let mut points = FIRST;
        let start = low.unwrap_or(0.0);
        let near = self.root(limit, start, high, COARSE, 0.02);
        let mut found = self.polish(limit, near, points, 0.01);
        progress(Progress { share: 0.6 });
        // As many points as the error asks for, then a few more steps from there.
        let (p, error) = self.probability(found, points);
        // More paths only help against the scatter of paths.
        let own = self.plan.lens_error(p);
        let wanted = sqrt((error * error - own * own).max(0.0)) / self.plan.target;
        let more = (f64::from(points) * wanted * wanted.max(1.0)).clamp(f64::from(points), f64::from(FINE));
        if more > f64::from(points) {
            points = (more as u32).next_multiple_of(COARSE);
        }
        found = self.polish(limit, found, points, EQUAL);
        self.points.set(points);
        let value = self.probability(found, points).0;
        answer(Some(found), value)
    }

    /// The same from a size nearby, with a slope from a first look: a few steps of Newton's method.
    fn polish(&self, limit: f64, near: f64, points: u32, tolerance: f64) -> f64 {
        let f = |s: f64, points: u32| {
            let p = self.probability(s, points).0.clamp(1e-12, 1.0 - 1e-12);
            log(p / (1.0 - p)) - log(limit / (1.0 - limit))
        };
        let rough = points.min(COARSE);
        let mut slope = (f(near * 1.03, rough) - f(near * 0.97, rough)) / (0.06 * near);
        let (mut s, mut before) = (near, None);
        for _ in 0..8 {
            let fs = f(s, points);
            if (-tolerance..=0.0).contains(&fs) {
                return s;
            }
            if let Some((at, value)) = before
                && at != s
            {
                slope = (fs - value) / (s - at);
            }
            if !(slope.is_finite() && slope > 0.0) {
                break;
            }
            before = Some((s, fs));
            s = (s - (fs + 0.5 * tolerance) / slope).clamp(0.5 * s, 2.0 * s);
        }
        self.root(limit, near * 0.8, near * 1.25, points, tolerance)
    }

    /// Where the chance crosses the limit between two sizes, from below: false position on a scale on which it is nearly
    /// straight (Illinois). Ends where it is below the limit by no more than `tolerance` of it.
    fn root(&self, limit: f64, low: f64, high: f64, points: u32, tolerance: f64) -> f64 {
        let scale = |p: f64| {
            let p = p.clamp(1e-12, 1.0 - 1e-12);
            log(p / (1.0 - p)) - log(limit / (1.0 - limit))
        };
        let f = |s: f64| scale(self.probability(s, points).0);
        let (mut a, mut b) = (low, high);
        let (mut fa, mut fb) = (f(a), f(b));
        // A finer look may find the root a little outside.
        for _ in 0..20 {
            if fb > 0.0 {
                break;
            }
            b *= 1.3;
            fb = f(b);
        }
        for _ in 0..40 {
            if fa <= 0.0 || a < 1e-12 * b {
                break;
            }
            a *= 0.8;
            fa = f(a);
        }
        let mut best = a;
        let mut side = 0;
        for _ in 0..60 {
            let s = if fa < -20.0 || !fa.is_finite() || !fb.is_finite() {
                0.5 * (a + b)
            } else {
                (a * fb - b * fa) / (fb - fa)
            };
            let s = if s.is_finite() { s.max(a).min(b) } else { 0.5 * (a + b) };
            let fs = f(s);
            if fs <= 0.0 {
                best = s;
                if fs > -tolerance || b - a < 1e-9 * b {
                    return s;
                }
                (a, fa) = (s, fs);
                if side == -1 {
                    fb *= 0.5;
                }
                side = -1;
            } else {
                // Just above is no answer: a step back that is certain to be below soon.
                (b, fb) = (s, fs);
                if side == 1 {
                    fa *= 0.5;
                }
                side = 1;
                if fs < 0.25 * tolerance {
                    let back = s * (1.0 - 0.02 * tolerance).min(1.0 - 1e-9);
                    let fback = f(back);
                    if fback <= 0.0 {
                        return back;
                    }
                }
            }
            if b - a < 1e-12 * b {
                return best;
            }
        }
        best
    }

    /// Annual volatility of the book over equity at this size, and each holding's part of it.
    fn volatility(&self, size: f64) -> (f64, Vec<f64>) {
        let factors = self.factors(size);
        let holdings: Vec<_> = self
            .job
            .pools
            .iter()
            .flat_map(|p| p.holdings.iter().zip(&p.assets))
            .collect();
        let exposure: Vec<f64> = holdings
            .iter()
            .zip(&factors)
            .map(|((h, _), f)| h.side.sign() * h.leg.notional(h.leg.mark_x) * f)
            .collect();
        let covariance = |i: usize, j: usize| self.covariance(*holdings[i].1, *holdings[j].1);
        let with_book: Vec<f64> = (0..holdings.len())
            .map(|i| (0..holdings.len()).map(|j| covariance(i, j) * exposure[j]).sum::<f64>())
            .collect();
        let variance: f64 = exposure.iter().zip(&with_book).map(|(e, c)| e * c).sum();
        let whole = sqrt(variance.max(0.0));
        let equity = self.equity.unwrap_or(1.0);
        let parts = exposure
            .iter()
            .zip(&with_book)
            .map(|(e, c)| if whole > 0.0 { e * c / whole / equity } else { 0.0 })
            .collect();
        (whole / equity, parts)
    }

    /// Annual covariance of two assets.
    fn covariance(&self, a: usize, b: usize) -> f64 {
        let assets = &self.plan.markets.assets;
        self.plan.correlation(a, b) * assets[a].volatility * assets[b].volatility
    }

    fn references(&self, limits: &[LimitSize]) -> ReferenceSizes {
        let l = self.request.limits;
        let target = l.volatility_target.unwrap_or(VOLATILITY);
        let cap = self.cap();
        let volatility_target = self.equity.and_then(|_| {
            let at = |s: f64| self.volatility(s).0;
            if at(0.0) >= target || at(cap) < target {
                return None;
            }
            let (mut low, mut high) = (0.0, cap);
            for _ in 0..80 {
                let middle = 0.5 * (low + high);
                if at(middle) <= target {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            Some(low)
        });
        // Growth of log equity is highest where Σ covariance·exposure/equity = drift (Kelly 1956, Merton 1969).
        let candidate = self.job.pools[self.at.0].assets[self.at.1];
        let sign = self.request.candidate.side.sign();
        let drift = sign * self.plan.markets.assets[candidate].drift;
        let own = self.covariance(candidate, candidate);
        let kelly = self.equity.filter(|_| drift != 0.0 && own > 0.0).map(|equity| {
            let beside: f64 = self
                .job
                .pools
                .iter()
                .enumerate()
                .flat_map(|(p, pool)| {
                    pool.holdings
                        .iter()
                        .zip(&pool.assets)
                        .enumerate()
                        .map(move |(h, x)| (p, h, x))
                })
                .filter(|(p, h, _)| (*p, *h) != self.at)
                .map(|(_, _, (h, a))| {
                    sign * h.side.sign() * h.leg.notional(h.leg.mark_x) / equity * self.covariance(*a, candidate)
                })
                .sum();
            (((drift - beside) / own) * equity / self.notional_per_size).max(0.0)
        });
        let d = l.drawdown.unwrap_or(DrawdownLimit {
            probability: 0.1,
            floor: 0.5,
        });
        // A fraction f of Kelly falls to a share α ever with chance α^(2/f − 1).
        let fraction = (2.0 / (1.0 + log(d.probability) / log(d.floor))).min(1.0);
        ReferenceSizes {
            volatility_target,
            kelly,
            half_kelly: kelly.map(|k| 0.5 * k),
            drawdown_kelly: kelly.map(|k| fraction * k),
            independent: self.independent(limits),
        }
    }

    /// The size were every pair of markets without correlation, under constant volatility.
    fn independent(&self, limits: &[LimitSize]) -> Option<f64> {
        let assets = self.plan.markets.assets.len();
        if assets < 2 {
            return None;
        }
        let mut alone = Sizing {
            request: self.request,
            plan: self.plan.unmapped(),
            job: self.job.clone(),
            notes: Vec::new(),
            points: Cell::new(256),
            known: RefCell::default(),
            ..*self
        };
        alone.job.factor = (0..assets)
            .map(|i| (0..assets).map(|j| f64::from(u8::from(i == j))).collect())
            .collect();
        alone.job.model = Model::Diffusion {
            volatility: self.plan.markets.assets.iter().map(|a| a.volatility).collect(),
            jumps: vec![None; assets],
        };
        let l = self.request.limits;
        let mut smallest = limits
            .iter()
            .filter(|b| {
                !matches!(
                    b.name.as_str(),
                    "max_liquidation_probability" | "max_expected_shortfall"
                )
            })
            .filter_map(|b| b.size)
            .fold(f64::INFINITY, f64::min);
        if let Some(limit) = l.max_expected_shortfall {
            let found = alone.shortfall(limit, l.confidence.unwrap_or(CONFIDENCE));
            smallest = smallest.min(found.size.unwrap_or(f64::INFINITY));
        }
        if let Some(limit) = l.max_liquidation_probability {
            let found = alone.roughly(limit);
            smallest = smallest.min(found.unwrap_or(f64::INFINITY));
        }
        smallest.is_finite().then_some(smallest)
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
