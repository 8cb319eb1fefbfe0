//! Operation `replay`: what a position and a plan would have lived through.

use super::{Progress, Step, checks};
use crate::error::EngineError;
use crate::market::tiers::TierUnit;
use crate::market::{Candles, FundingRow, Market, Tier, Tiers};
use crate::replay::policy::Hedge;
use crate::replay::{Costs, Kind, Outcome, Policy, Setup, Tape, run};
use crate::units::{self, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const RATE: f64 = 0.005;
const TAKER_FEE: f64 = 0.0005;
const MOST_STARTS: usize = 20_000;
const MOST_POINTS: usize = 5000;

/// What is done with the position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ReplayPolicy {
    /// "static", "volatility_target" or "probability_cap"; each may carry a hedge.
    pub kind: String,
    /// Annual; for "volatility_target": leverage is this over the market's volatility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_volatility: Option<f64>,
    /// For "probability_cap"; 0.05 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_liquidation_probability: Option<f64>,
    /// For "probability_cap"; 24 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon_hours: Option<f64>,
    /// Hours between decisions; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_every_hours: Option<f64>,
    /// Symbol of the market to hedge with; no hedge if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<String>,
    /// Net exposure over equity, signed, that the hedge aims at; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_delta: Option<f64>,
    /// Half-width over equity within which the hedge is left alone; 0 (to the target at each decision) if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<f64>,
}

/// Fractions of each order's notional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ReplayCosts {
    /// 0.0005 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker_fee: Option<f64>,
    /// 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slippage: Option<f64>,
    /// Adds this times the root of notional over what the bar traded; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<f64>,
    /// What a liquidation takes of the notional; everything that is left if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation_fee: Option<f64>,
}

/// Many entries instead of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Hours between entries.
    pub every_hours: f64,
    /// How long each is held; to the end of the data if absent, which gives each entry another length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_hours: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Candles (taken as the mark price) and funding, by symbol.
    #[cfg_attr(feature = "wasm", tsify(type = "Record<string, Market>"))]
    pub markets: BTreeMap<String, Market>,
    /// Which of them is held; needed where several are not the hedge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    pub equity: f64,
    pub leverage: f64,
    pub side: Side,
    pub policy: ReplayPolicy,
    #[serde(default)]
    pub costs: ReplayCosts,
    /// One tier of this rate; 0.005 if absent and no `tiers` are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_margin_rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Liquidation steps down the tiers instead of taking all at once.
    #[serde(default)]
    pub partial_liquidation: bool,
    /// Entry at the close of the first bar that closes at this time or later; bars before it are known to the policy. The
    /// first bar if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Exit at the close of the last bar that closes at this time or earlier; the last bar if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Points of the equity curves; 1000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve_points: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct ReplayTrade {
    /// Close of the bar; of a liquidation the opening of its bar.
    pub time: f64,
    pub symbol: String,
    /// "buy" or "sell".
    pub side: String,
    pub size: f64,
    pub price: f64,
    pub fee: f64,
    pub slippage: f64,
    pub reason: String,
}

/// `final_equity = equity + price_pnl + funding − fees − slippage − liquidation_loss`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Lived {
    pub final_equity: f64,
    pub price_pnl: f64,
    /// A cash flow: negative is paid.
    pub funding: f64,
    pub fees: f64,
    pub slippage: f64,
    /// Taken by liquidations beyond what the price took; negative where the account was below zero and a fund had to pay.
    pub liquidation_loss: f64,
    /// Fees, slippage and what liquidations took, less funding received.
    pub costs: f64,
    /// Of the equity at the bars' closes from its highest, 0 to 1.
    pub max_drawdown: f64,
    pub max_drawdown_intrabar: f64,
    /// Share of bars below the highest equity so far.
    pub time_under_water: f64,
    /// Opening time of the bar; null if never.
    pub liquidated_at: Option<f64>,
    pub partial_liquidations: usize,
    /// Notional traded over the first equity.
    pub turnover: f64,
    /// Rows of `[close time, equity]`.
    pub equity_curve: Vec<[f64; 2]>,
    /// The first thousand.
    pub trades: Vec<ReplayTrade>,
    pub trade_count: usize,
}

/// Over the entries of a sweep. Returns are final over first equity, less 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Swept {
    pub liquidated: usize,
    pub mean_return: f64,
    /// At 5, 25, 50, 75 and 95 %.
    pub quantiles: [f64; 5],
    pub mean_drawdown: f64,
    pub worst_drawdown: f64,
    pub mean_turnover: f64,
    /// Profit where the static position made one, over the static's; null where it never did.
    pub upside_kept: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct SweepAnswer {
    pub starts: usize,
    pub policy: Swept,
    #[serde(rename = "static")]
    pub fixed: Swept,
    /// Entries at which the plan ended with less than the static position.
    pub worse_than_static: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct ReplayResponse {
    #[serde(flatten)]
    pub policy: Lived,
    /// The same position left alone.
    #[serde(rename = "static")]
    pub fixed: Lived,
    pub sweep: Option<SweepAnswer>,
    /// Drawdown of the price itself between entry and exit, by closes and by lows (highs for a short).
    pub market_drawdown: [f64; 2],
    pub bars: usize,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

/// Checked: the tape, the tiers, the policy in the engine's words.
struct Prepared<'a> {
    symbol: &'a str,
    tape: Tape,
    tiers: Tiers,
    policy: Policy,
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

fn policy(p: &ReplayPolicy, tape: &Tape) -> Result<Policy, EngineError> {
    let kind = match p.kind.as_str() {
        "static" => Kind::Static,
        "volatility_target" => Kind::VolatilityTarget {
            target: units::between(
                "policy.target_volatility",
                p.target_volatility
                    .ok_or_else(|| EngineError::invalid("policy.target_volatility", "is missing"))?,
                0.01,
                20.0,
            )?,
        },
        "probability_cap" => Kind::ProbabilityCap {
            limit: units::between(
                "policy.max_liquidation_probability",
                p.max_liquidation_probability.unwrap_or(0.05),
                1e-6,
                0.9,
            )?,
            horizon_hours: units::horizon_hours("policy.horizon_hours", p.horizon_hours.unwrap_or(24.0))?,
        },
        _ => {
            return Err(EngineError::unsupported(
                "policy.kind",
                "must be static, volatility_target or probability_cap",
            ));
        }
    };
    let every = units::between(
        "policy.check_every_hours",
        p.check_every_hours.unwrap_or(1.0),
        1.0 / 60.0,
        8760.0,
    )?;
    let hedge = match &p.hedge {
        None => None,
        Some(_) => Some(Hedge {
            target_delta: units::between("policy.target_delta", p.target_delta.unwrap_or(0.0), -100.0, 100.0)?,
            band: units::between("policy.band", p.band.unwrap_or(0.0), 0.0, 100.0)?,
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
    let hedge = request.policy.hedge.as_deref();
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
            if request.from.is_some() { "from" } else { "until" },
            "no two bars between entry and exit",
        ));
    }
    let policy = policy(&request.policy, &tape)?;
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

    fn told(&self, request: &ReplayRequest, o: Outcome) -> Lived {
        let points = request.curve_points.unwrap_or(1000);
        let n = o.curve.len();
        let stride = n.div_ceil(points.max(2)).max(1);
        let hedge = request.policy.hedge.as_deref().unwrap_or_default();
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
        let alone = still();
        for (k, (first, last)) in starts.iter().enumerate() {
            let setup = self.setup(request, *first, *last);
            fixed.push(run(&setup, &alone, false));
            plan.push(run(&setup, &self.policy, false));
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
        policy: p.told(request, plan),
        fixed: p.told(request, fixed),
        sweep,
        market_drawdown,
        bars: bars.len(),
        assumptions: p.notes,
        explanation,
    })
}
