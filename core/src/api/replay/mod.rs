//! Operation `replay`: what a position and a plan would have lived through.

mod types;

use super::{Progress, Step, checks};
use crate::error::EngineError;
use crate::market::tiers::TierUnit;
use crate::market::{Candles, FundingRow, Market, Tier, Tiers};
use crate::replay::policy::Hedge;
use crate::replay::{Costs, Kind, Outcome, Policy, Setup, Tape, run};
use crate::units;
use std::collections::BTreeMap;

pub use types::*;

const RATE: f64 = 0.005;
const TAKER_FEE: f64 = 0.0005;
const MOST_STARTS: usize = 20_000;
const MOST_POINTS: usize = 5000;
const MOST_BESIDE: usize = 12;

/// Checked: the tape, the tiers, the policy in the engine's words.
struct Prepared<'a> {
    symbol: &'a str,
    tape: Tape,
    tiers: Tiers,
    policy: Policy,
    beside: Vec<Policy>,
    /// Symbol of the market that is hedged with.
    hedge: Option<&'a str>,
    costs: Costs,
    first: usize,
    last: usize,
    notes: Vec<String>,
}

fn market<'a>(
    markets: &'a BTreeMap<String, Market>,
    symbol: &str,
) -> Result<(&'a Candles, &'a [FundingRow]), EngineError> {
    let field = format!("markets.{symbol}");
    let m = markets
        .get(symbol)
        .ok_or_else(|| EngineError::insufficient(&field, "is missing"))?;
    let candles = m.candles.as_ref().ok_or_else(|| {
        EngineError::insufficient(format!("{field}.candles"), "is missing: they are what is replayed")
    })?;
    checks::candles(candles, &format!("{field}.candles"))?;
    let funding = m.funding.as_deref().unwrap_or(&[]);
    checks::funding(funding, &format!("{field}.funding"))?;
    Ok((candles, funding))
}

fn policy(p: &ReplayPolicy, tape: &Tape, field: &str) -> Result<Policy, EngineError> {
    let kind = match p.kind.as_str() {
        "static" => Kind::Static,
        "volatility_target" => Kind::VolatilityTarget {
            target: units::between(
                format_args!("{field}.target_volatility"),
                p.target_volatility
                    .ok_or_else(|| EngineError::invalid(format!("{field}.target_volatility"), "is missing"))?,
                0.01,
                20.0,
            )?,
        },
        "probability_cap" => Kind::ProbabilityCap {
            limit: units::between(
                format_args!("{field}.max_liquidation_probability"),
                p.max_liquidation_probability.unwrap_or(0.05),
                1e-6,
                0.9,
            )?,
            horizon_hours: units::horizon_hours(
                format_args!("{field}.horizon_hours"),
                p.horizon_hours.unwrap_or(24.0),
            )?,
        },
        _ => {
            return Err(EngineError::unsupported(
                format!("{field}.kind"),
                "must be static, volatility_target or probability_cap",
            ));
        }
    };
    let every = units::between(
        format_args!("{field}.check_every_hours"),
        p.check_every_hours.unwrap_or(1.0),
        1.0 / 60.0,
        8760.0,
    )?;
    let hedge = match &p.hedge {
        None => None,
        Some(_) => Some(Hedge {
            target_delta: units::between(
                format_args!("{field}.target_delta"),
                p.target_delta.unwrap_or(0.0),
                -100.0,
                100.0,
            )?,
            band: units::between(format_args!("{field}.band"), p.band.unwrap_or(0.0), 0.0, 100.0)?,
        }),
    };
    Ok(Policy {
        kind,
        hedge,
        every: tape.bars(every),
    })
}

fn prepare(request: &ReplayRequest) -> Result<Prepared<'_>, EngineError> {
    units::between("equity", request.equity, 1e-6, 1e15)?;
    units::leverage("leverage", request.leverage)?;
    if request.beside.len() > MOST_BESIDE {
        return Err(EngineError::invalid("beside", format!("at most {MOST_BESIDE} plans")));
    }
    let mut hedges = std::iter::once(&request.policy)
        .chain(&request.beside)
        .filter_map(|p| p.hedge.as_deref());
    let hedge = hedges.next();
    if hedges.any(|h| Some(h) != hedge) {
        return Err(EngineError::invalid(
            "beside",
            "all plans that hedge must do so with the same market",
        ));
    }
    let symbol = match &request.symbol {
        Some(s) => s.as_str(),
        None => {
            let mut names = request.markets.keys().map(String::as_str).filter(|n| Some(*n) != hedge);
            match (names.next(), names.next()) {
                (Some(only), None) => only,
                (None, _) if hedge.is_some() && request.markets.len() == 1 => hedge.unwrap_or_default(),
                (None, _) => return Err(EngineError::insufficient("markets", "is empty")),
                _ => return Err(EngineError::invalid("symbol", "is missing: several markets are given")),
            }
        }
    };
    let main = market(&request.markets, symbol)?;
    let other = hedge.map(|h| market(&request.markets, h)).transpose()?;
    if other.is_some_and(|o| o.0.interval != main.0.interval) {
        return Err(EngineError::invalid(
            format!("markets.{}.candles.interval", hedge.unwrap_or_default()),
            "must be that of the market held",
        ));
    }
    if main.0.rows.len() < 2 {
        return Err(EngineError::insufficient(
            format!("markets.{symbol}.candles.rows"),
            "two bars at least: one to enter at, one to leave at",
        ));
    }
    let tape = Tape::new(main, other);
    let rate = units::between(
        "maintenance_margin_rate",
        request.maintenance_margin_rate.unwrap_or(RATE),
        0.0,
        0.5,
    )?;
    let tiers = if request.tiers.is_empty() {
        let one = Tier {
            floor: 0.0,
            cap: None,
            maintenance_margin_rate: rate,
            maintenance_amount: None,
            max_leverage: 1.0 / rate.max(1e-3),
        };
        Tiers::new("tiers", &[one], TierUnit::Notional)?
    } else {
        Tiers::new("tiers", &request.tiers, TierUnit::Notional)?
    };
    let required = tiers.maintenance(request.equity * request.leverage);
    if required >= request.equity {
        return Err(EngineError::invalid(
            "leverage",
            format!(
                "the position would be liquidated at its entry: {required} required of {}",
                request.equity
            ),
        ));
    }
    let c = &request.costs;
    let costs = Costs {
        taker_fee: units::between("costs.taker_fee", c.taker_fee.unwrap_or(TAKER_FEE), -0.01, 0.1)?,
        slippage: units::between("costs.slippage", c.slippage.unwrap_or(0.0), 0.0, 0.5)?,
        impact: units::between("costs.impact", c.impact.unwrap_or(0.0), 0.0, 100.0)?,
        liquidation_fee: c
            .liquidation_fee
            .map(|f| units::between("costs.liquidation_fee", f, 0.0, 0.5))
            .transpose()?,
    };
    let closes_by = |t: f64| tape.times.partition_point(|open| open + tape.step < t);
    let first = match request.from {
        Some(t) => closes_by(units::millis("from", t)?),
        None => 0,
    };
    let last = match request.until {
        Some(t) => {
            let t = units::millis("until", t)?;
            let closed = tape.times.partition_point(|open| open + tape.step <= t);
            closed.saturating_sub(1)
        }
        None => tape.times.len() - 1,
    };
    if last <= first {
        return Err(EngineError::insufficient(
            if request.from.is_some() && first + 1 >= tape.times.len() {
                "from"
            } else {
                "until"
            },
            "no two bars between entry and exit",
        ));
    }
    let beside: Vec<Policy> = request
        .beside
        .iter()
        .enumerate()
        .map(|(k, p)| policy(p, &tape, &format!("beside[{k}]")))
        .collect::<Result<_, _>>()?;
    let policy = policy(&request.policy, &tape, "policy")?;
    let mut notes = vec![
        "candles are taken as the mark price; within a bar everything is assumed to be at its worst at once".to_owned(),
        "funding that falls into a bar is paid at its open; at the instant of the exit none is paid".to_owned(),
    ];
    if main.1.is_empty() {
        notes.push(format!("no funding history of {symbol}: none is paid"));
    }
    if tape.gaps > 0 {
        notes.push(format!(
            "{} bars of {symbol} are missing: the bar after a gap may open beyond the level and is booked there",
            tape.gaps
        ));
    }
    if tape.filled > 0 {
        notes.push(format!(
            "{} bars of {} are missing and stand still",
            tape.filled,
            hedge.unwrap_or_default()
        ));
    }
    if costs.liquidation_fee.is_none() {
        notes.push("a liquidation takes all that is left".to_owned());
    }
    let blind = !matches!(policy.kind, Kind::Static) && tape.volatility[first] == 0.0;
    if blind || (policy.hedge.is_some() && tape.beta.get(first).is_none_or(Option::is_none)) {
        notes.push(
            "the policy knows too little before a day of bars: until then it leaves the position as entered; give earlier bars and `from`"
                .to_owned(),
        );
    }
    Ok(Prepared {
        symbol,
        tape,
        tiers,
        policy,
        beside,
        hedge,
        costs,
        first,
        last,
        notes,
    })
}

impl Prepared<'_> {
    fn setup<'a>(&'a self, request: &ReplayRequest, first: usize, last: usize) -> Setup<'a> {
        Setup {
            tape: &self.tape,
            first,
            last,
            equity: request.equity,
            leverage: request.leverage,
            side: request.side,
            costs: self.costs,
            tiers: &self.tiers,
            partial: request.partial_liquidation,
        }
    }

    fn told(&self, request: &ReplayRequest, o: &Outcome) -> Lived {
        let points = request.curve_points.unwrap_or(1000);
        let n = o.curve.len();
        let stride = n.div_ceil(points.max(2)).max(1);
        let hedge = self.hedge.unwrap_or_default();
        Lived {
            final_equity: o.final_equity,
            price_pnl: o.price_pnl,
            funding: o.funding,
            fees: o.fees,
            slippage: o.slippage,
            liquidation_loss: o.liquidation_loss,
            costs: o.fees + o.slippage + o.liquidation_loss - o.funding,
            max_drawdown: o.max_drawdown,
            max_drawdown_intrabar: o.max_drawdown_intrabar,
            time_under_water: o.under_water,
            liquidated_at: o.liquidated_at,
            partial_liquidations: o.partial_liquidations,
            turnover: o.turnover,
            equity_curve: o
                .curve
                .iter()
                .enumerate()
                .filter(|(k, _)| k % stride == 0 || *k + 1 == n)
                .map(|(_, p)| *p)
                .collect(),
            trades: o
                .trades
                .iter()
                .map(|t| ReplayTrade {
                    time: t.time,
                    symbol: if t.hedge {
                        hedge.to_owned()
                    } else {
                        self.symbol.to_owned()
                    },
                    side: if t.size > 0.0 { "buy" } else { "sell" }.to_owned(),
                    size: t.size.abs(),
                    price: t.price,
                    fee: t.fee,
                    slippage: t.slippage,
                    reason: t.reason.to_owned(),
                })
                .collect(),
            trade_count: o.trade_count,
        }
    }

    fn sweep(
        &self,
        request: &ReplayRequest,
        s: Sweep,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<SweepAnswer, EngineError> {
        units::between("sweep.every_hours", s.every_hours, 1.0 / 60.0, 8760.0)?;
        let every = self.tape.bars(s.every_hours);
        let hold = match s.hold_hours {
            Some(h) => Some(self.tape.bars(units::horizon_hours("sweep.hold_hours", h)?)),
            None => None,
        };
        let starts: Vec<(usize, usize)> = (self.first..self.last)
            .step_by(every)
            .map(|k| (k, hold.map_or(self.last, |h| k + h)))
            .filter(|(_, end)| *end <= self.last)
            .collect();
        if starts.is_empty() {
            return Err(EngineError::insufficient(
                "sweep.hold_hours",
                "is longer than the bars given",
            ));
        }
        if starts.len() > MOST_STARTS {
            return Err(EngineError::invalid(
                "sweep.every_hours",
                format!("at most {MOST_STARTS} entries; got {}", starts.len()),
            ));
        }
        let (mut plan, mut fixed) = (Vec::new(), Vec::new());
        let mut beside = vec![Vec::new(); self.beside.len()];
        let alone = still();
        for (k, (first, last)) in starts.iter().enumerate() {
            let setup = self.setup(request, *first, *last);
            fixed.push(run(&setup, &alone, false));
            plan.push(run(&setup, &self.policy, false));
            for (runs, policy) in beside.iter_mut().zip(&self.beside) {
                runs.push(run(&setup, policy, false));
            }
            if k % 16 == 0 {
                progress(Progress {
                    share: k as f64 / starts.len() as f64,
                });
            }
        }
        Ok(SweepAnswer {
            starts: starts.len(),
            policy: swept(&plan, &fixed, request.equity),
            fixed: swept(&fixed, &fixed, request.equity),
            beside: beside.iter().map(|runs| swept(runs, &fixed, request.equity)).collect(),
            worse_than_static: plan
                .iter()
                .zip(&fixed)
                .filter(|(p, f)| p.final_equity < f.final_equity - 1e-9 * request.equity)
                .count(),
        })
    }
}

/// The position left alone.
fn still() -> Policy {
    Policy {
        kind: Kind::Static,
        hedge: None,
        every: usize::MAX,
    }
}

fn swept(runs: &[Outcome], fixed: &[Outcome], equity: f64) -> Swept {
    let n = runs.len() as f64;
    let mut returns: Vec<f64> = runs.iter().map(|o| o.final_equity / equity - 1.0).collect();
    let mean = |of: &dyn Fn(&Outcome) -> f64| runs.iter().map(of).sum::<f64>() / n;
    let (mut own, mut whole) = (0.0, 0.0);
    for (p, f) in runs.iter().zip(fixed) {
        let profit = f.final_equity - equity;
        if profit > 0.0 {
            whole += profit;
            own += p.final_equity - equity;
        }
    }
    let mean_return = returns.iter().sum::<f64>() / n;
    returns.sort_by(f64::total_cmp);
    Swept {
        liquidated: runs.iter().filter(|o| o.liquidated_at.is_some()).count(),
        mean_return,
        quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map(|q| returns[((q * n) as usize).min(returns.len() - 1)]),
        mean_drawdown: mean(&|o| o.max_drawdown),
        worst_drawdown: runs.iter().map(|o| o.max_drawdown).fold(0.0, f64::max),
        mean_turnover: mean(&|o| o.turnover),
        upside_kept: (whole > 0.0).then_some(own / whole),
        upside: own / equity / n,
    }
}

pub(super) fn replay(
    request: &ReplayRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<ReplayResponse, EngineError> {
    let points = request.curve_points.unwrap_or(1000);
    if !(2..=MOST_POINTS).contains(&points) {
        return Err(EngineError::invalid(
            "curve_points",
            format!("must be 2 to {MOST_POINTS}; got {points}"),
        ));
    }
    let p = prepare(request)?;
    let setup = p.setup(request, p.first, p.last);
    let plan = run(&setup, &p.policy, true);
    let fixed = run(&setup, &still(), true);
    let sweep = request.sweep.map(|s| p.sweep(request, s, progress)).transpose()?;
    let bars = &p.tape.main[p.first..=p.last];
    let s = request.side.sign();
    let (mut best, mut market_drawdown) = (bars[0].close, [0.0f64; 2]);
    for b in &bars[1..] {
        let worst = if s > 0.0 { b.low } else { b.high };
        market_drawdown[1] = market_drawdown[1].max(s * (1.0 - worst / best));
        best = if s > 0.0 { best.max(b.close) } else { best.min(b.close) };
        market_drawdown[0] = market_drawdown[0].max(s * (1.0 - b.close / best));
    }
    let explanation = explain.then(|| {
        vec![Step::new(
            "final equity",
            "equity + price P&L + funding − fees − slippage − liquidation loss",
            &[
                ("equity", request.equity),
                ("price P&L", plan.price_pnl),
                ("funding", plan.funding),
                ("fees", plan.fees),
                ("slippage", plan.slippage),
                ("liquidation loss", plan.liquidation_loss),
            ],
            Some(plan.final_equity),
            "quote currency",
            "every bar of the candles given, in order",
        )]
    });
    Ok(ReplayResponse {
        policy: p.told(request, &plan),
        fixed: p.told(request, &fixed),
        beside: p
            .beside
            .iter()
            .map(|b| p.told(request, &run(&setup, b, true)))
            .collect(),
        sweep,
        market_drawdown,
        bars: bars.len(),
        assumptions: p.notes,
        explanation,
    })
}
