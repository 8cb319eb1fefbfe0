//! Operation `hedge`: exposure through betas, a no-trade band from cost and risk, the trade to make now, and what each way of
//! keeping the hedge costs and leaves.
//!
//! Sources: Johnson (1960) and Ederington (1979) for the minimum-variance ratio; for the band, a reflected deviation under
//! proportional costs in the limit of small costs (Rogers 2004; Martin 2014; Whalley and Wilmott 1997 for the same cube root).

mod frontier;
mod schedules;
mod types;
mod view;

pub use types::{
    Alternative, BetaUsed, HedgeCost, HedgeInstrument, HedgeRequest, HedgeResponse, Kill, Order, Policy, Schedule,
    TradeNow,
};

use super::calibration::own_standing;
use super::liquidation::prepare;
use super::probability::probability;
use super::request::ProbabilityRequest;
use super::{Progress, Step};
use crate::error::EngineError;
use crate::margin::room;
use crate::market::{Account, Position, Venue};
use crate::units::{self, HOURS_PER_YEAR, MarginMode, Side};
use crate::venue::snapshot;
use libm::cbrt;
use schedules::schedules;
use view::{View, view};

const HORIZON: f64 = 168.0;
const CHECK_EVERY: f64 = 12.0;
const HALF_LIFE_HOURS: f64 = 336.0;
const MOST_ALTERNATIVES: usize = 12;
/// Bars that a beta wants.
const LEAST_BARS: usize = 60;

/// Half-width of the band, a multiple of equity: of a deviation with this variance rate that is reflected at ±b, risk costs
/// `γσ²b²/6` and trading `ε·v²/(2b)` a year; the sum is least at `b³ = 3εv²/(2γσ²)`.
fn half_width(cost: f64, drift_variance: f64, risk_aversion: f64, volatility: f64) -> f64 {
    cbrt(1.5 * cost * drift_variance / (risk_aversion * volatility * volatility))
}

pub(super) fn hedge(
    request: &HedgeRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<HedgeResponse, EngineError> {
    check(request)?;
    // Every chance below goes by the same records: made once.
    let request = &with_records(request);
    let (policy, instrument) = (&request.policy, &request.hedge_instrument);
    let gamma = policy.risk_aversion.unwrap_or(1.0);
    let every = policy.check_every_hours.unwrap_or(CHECK_EVERY);
    let mut notes = Vec::new();
    let view = view(request, instrument, "hedge_instrument", &mut notes)?;
    let cost = instrument.cost.unwrap_or(policy.cost);
    let (exposure, equity) = (view.exposure(), view.equity);
    let drift = view.drift_variance(policy.target_delta);
    let half = policy
        .band
        .unwrap_or_else(|| half_width(cost, drift, gamma, view.volatility()));
    let band = [policy.target_delta - half, policy.target_delta + half];
    let beside = exposure - policy.target_delta * equity;
    // To the near edge: the last bit of the way costs more than it saves.
    let more = if beside.abs() > half * equity + 1e-9 * equity {
        half * equity * beside.signum() - beside
    } else {
        0.0
    };
    let trade = trade(instrument, more, view.held_at, request, beside / equity, half);
    progress(Progress { share: 0.2 });
    let chances = Chances::new(request, instrument, &view, more)?;
    progress(Progress { share: 0.5 });
    let held = view.held_at.map_or(0.0, |_| view.notional[view.hedge]);
    let band_prices = band_prices(&view, policy.target_delta, half, more, instrument.price);
    let (schedules, past) = schedules(request, &view, cost, gamma, half, every);
    progress(Progress { share: 0.8 });
    let alternatives = request
        .alternatives
        .iter()
        .enumerate()
        .map(|(k, other)| alternative(request, other, &format!("alternatives[{k}]")))
        .collect::<Result<Vec<_>, _>>()?;
    let net: f64 = view.notional.iter().sum::<f64>() - held;
    let others: f64 = exposure - held;
    let orders = trade
        .side
        .map(|side| Order {
            venue: instrument.venue.unwrap_or(request.account.venue),
            symbol: instrument.symbol.clone(),
            side: if side == Side::Long { "buy" } else { "sell" }.to_owned(),
            size: trade.size,
            limit: instrument.price * (1.0 + side.sign() * cost),
        })
        .into_iter()
        .collect();
    let explanation = explain.then(|| {
        let mut steps: Vec<Step> = view
            .betas
            .iter()
            .zip(&view.notional)
            .map(|(b, n)| {
                Step::new(
                    format!("{}: part of the exposure", b.symbol),
                    "signed notional · beta",
                    &[("signed notional", *n), ("beta", b.beta)],
                    Some(n * b.beta),
                    "collateral units",
                    &b.source,
                )
            })
            .collect();
        steps.push(Step::new(
            "half-width of the band".to_owned(),
            "(3/2 · ε · v² / (γ·σ²))^(1/3)",
            &[
                ("ε", cost),
                ("v²: variance a year by which the exposure drifts, over equity²", drift),
                ("γ", gamma),
                ("σ of the hedge's market", view.volatility()),
            ],
            Some(half),
            "multiple of equity",
            "least sum of risk γσ²b²/6 and trading ε·v²/(2b) a year",
        ));
        steps
    });
    Ok(HedgeResponse {
        hedge_ratio: if net.abs() > 1e-9 * view.notional.iter().map(|n| n.abs()).sum::<f64>() {
            others / net
        } else {
            0.0
        },
        equity,
        leverage: view.leverage,
        exposure,
        net_delta: exposure / equity,
        target: policy.target_delta * equity - others,
        held,
        band,
        band_prices,
        orders,
        probability_before: chances.before,
        probability_after: chances.after,
        standard_error: chances.error,
        hedge_leg_probability: chances.leg,
        kills: chances.kills,
        cost: HedgeCost {
            now: cost * more.abs(),
            rebalancing_a_year: if half > 0.0 { cost * drift / (2.0 * half) } else { 0.0 },
            funding_a_year: funding(request, instrument, held + more) / equity,
        },
        schedules,
        history_from: past.as_ref().map(|p| p.1),
        history_until: past.as_ref().map(|p| p.2),
        history: past.map(|p| p.0).unwrap_or_default(),
        alternatives,
        trade_now: trade,
        betas: view.betas,
        assumptions: notes,
        explanation,
    })
}

fn check(request: &HedgeRequest) -> Result<(), EngineError> {
    let p = &request.policy;
    units::between("policy.target_delta", p.target_delta, -50.0, 50.0)?;
    units::between("policy.cost", p.cost, 0.0, 0.1)?;
    units::between("policy.risk_aversion", p.risk_aversion.unwrap_or(1.0), 1e-6, 1e6)?;
    units::between("policy.band", p.band.unwrap_or(0.0), 0.0, 100.0)?;
    units::between(
        "policy.check_every_hours",
        p.check_every_hours.unwrap_or(CHECK_EVERY),
        1.0,
        720.0,
    )?;
    units::horizon_hours("horizon_hours", request.horizon_hours.unwrap_or(HORIZON))?;
    if !matches!(p.beta.as_deref(), None | Some("ewma" | "shrunk" | "kalman")) {
        return Err(EngineError::invalid("policy.beta", "must be ewma, shrunk or kalman"));
    }
    if request.alternatives.len() > MOST_ALTERNATIVES {
        return Err(EngineError::invalid(
            "alternatives",
            format!("at most {MOST_ALTERNATIVES}; got {}", request.alternatives.len()),
        ));
    }
    for (k, h) in std::iter::once(&request.hedge_instrument)
        .chain(&request.alternatives)
        .enumerate()
    {
        let field = |name: &str| match k {
            0 => format!("hedge_instrument.{name}"),
            k => format!("alternatives[{}].{name}", k - 1),
        };
        units::price(field("price"), h.price)?;
        if let Some(c) = h.cost {
            units::between(field("cost"), c, 0.0, 0.1)?;
        }
        if let Some(l) = h.leverage {
            units::leverage(field("leverage"), l)?;
        }
        if !request.markets.contains_key(&h.symbol) {
            return Err(EngineError::insufficient(
                format!("markets.{}", h.symbol),
                "is missing: a volatility or candles are needed",
            ));
        }
    }
    Ok(())
}

/// The request with the record of every market that `auto` would make one for.
fn with_records(request: &HedgeRequest) -> HedgeRequest {
    let mut request = request.clone();
    if request.model.kind == "auto" {
        for market in request.markets.values_mut().filter(|m| m.record.is_none()) {
            market.record = market.candles.as_ref().and_then(own_standing);
        }
    }
    request
}

/// Whether the hedge stands on margin of its own on another venue.
fn elsewhere(request: &HedgeRequest, h: &HedgeInstrument) -> bool {
    h.venue.is_some_and(|v| v != request.account.venue)
}

/// Signed size of a signed notional: base units, or contracts of inverse instruments, whose notional is in the base coin.
fn units_of(venue: Venue, h: &HedgeInstrument, notional: f64) -> f64 {
    let listed = || snapshot::lookup(h.venue.unwrap_or(venue), &h.symbol).map(|(i, ..)| i);
    let face = h
        .instrument
        .clone()
        .or_else(listed)
        .filter(|i| i.kind == crate::market::InstrumentKind::Inverse)
        .and_then(|i| i.contract_size);
    match face {
        Some(face) => notional * h.price / face,
        None => notional / h.price,
    }
}

/// A position in the hedge's market of this signed size.
fn position(h: &HedgeInstrument, signed: f64, isolated: bool) -> Position {
    let side = if signed >= 0.0 { Side::Long } else { Side::Short };
    Position {
        leverage: isolated.then(|| h.leverage.unwrap_or(3.0)),
        instrument: h.instrument.clone(),
        ..Position::at_mark(&h.symbol, side, signed.abs(), h.price)
    }
}

fn plan(request: &HedgeRequest, account: Account, horizon: f64) -> ProbabilityRequest {
    ProbabilityRequest {
        account,
        markets: request.markets.clone(),
        correlations: request.correlations.clone(),
        horizons_hours: vec![horizon],
        model: request.model.clone(),
        target_standard_error: Some(request.target_standard_error.unwrap_or(0.002)),
        target_probability: None,
        leverages: Vec::new(),
        seed: request.seed,
    }
}

fn trade(
    h: &HedgeInstrument,
    more: f64,
    held_at: Option<usize>,
    request: &HedgeRequest,
    beside: f64,
    half: f64,
) -> TradeNow {
    let percent = |x: f64| format!("{:.1} %", 100.0 * x);
    if more == 0.0 {
        return TradeNow {
            side: None,
            size: 0.0,
            notional: 0.0,
            reason: format!(
                "the exposure is {} of equity beside its target, inside the band of ± {}",
                percent(beside),
                percent(half)
            ),
        };
    }
    let side = if more > 0.0 { Side::Long } else { Side::Short };
    let size = units_of(request.account.venue, h, more).abs();
    let own = held_at.map(|i| &request.account.positions[i]);
    let what = match own {
        Some(p) if p.side != side => "takes off part of what is on",
        Some(_) => "adds to what is on",
        None => "opens the hedge",
    };
    TradeNow {
        side: Some(side),
        size,
        notional: more.abs(),
        reason: format!(
            "the exposure is {} of equity beside its target, outside of the band of ± {}: {what}, up to the band's edge",
            percent(beside),
            percent(half)
        ),
    }
}

/// Prices of the hedge's market at which the exposure leaves the band, all others moving by their betas.
fn band_prices(view: &View, target: f64, half: f64, more: f64, price: f64) -> [Option<f64>; 2] {
    let mut on = view.notional.clone();
    on[view.hedge] += more;
    let exposure: f64 = (0..on.len()).map(|k| on[k] * view.beta(k)).sum();
    let turn: f64 = (0..on.len()).map(|k| on[k] * view.beta(k).powi(2)).sum();
    // Both exposure and equity move along a line of the move m.
    let (beside, slope) = (exposure - target * view.equity, turn - target * exposure);
    let mut found: [Option<f64>; 2] = [None, None];
    for sign in [-1.0, 1.0] {
        let (at, per) = (beside - sign * half * view.equity, slope - sign * half * exposure);
        if per == 0.0 {
            continue;
        }
        let m = -at / per;
        if at.abs() < 1e-9 * view.equity {
            // On this edge already: any move its way leaves the band.
            found[usize::from(per * sign > 0.0)] = Some(price);
            continue;
        }
        if !m.is_finite() || m <= -1.0 || m.abs() < 1e-12 {
            continue;
        }
        let k = usize::from(m > 0.0);
        let nearer = found[k].is_none_or(|p: f64| (p / price - 1.0).abs() > m.abs());
        if nearer {
            found[k] = Some(price * (1.0 + m));
        }
    }
    found
}

/// Funding a year of this much of the hedge, collateral units.
fn funding(request: &HedgeRequest, h: &HedgeInstrument, notional: f64) -> f64 {
    let market = &request.markets[&h.symbol];
    let rate = market
        .funding_rate
        .or_else(|| market.funding.as_ref().and_then(|f| f.last()).map(|r| r.1));
    let hours = market
        .funding_interval_hours
        .or_else(|| h.instrument.as_ref().and_then(|i| i.funding_interval_hours))
        .or_else(|| market.funding.as_deref().and_then(crate::funding::interval_of));
    match (rate, hours) {
        (Some(r), Some(hours)) if hours > 0.0 => notional * r * HOURS_PER_YEAR / hours,
        _ => 0.0,
    }
}

/// Chances of liquidation without and with the trade.
struct Chances {
    before: f64,
    after: f64,
    error: f64,
    leg: Option<f64>,
    kills: Vec<Kill>,
}

impl Chances {
    fn new(request: &HedgeRequest, h: &HedgeInstrument, view: &View, more: f64) -> Result<Self, EngineError> {
        let horizon = request.horizon_hours.unwrap_or(HORIZON);
        let chance = |account: Account| -> Result<(f64, f64), EngineError> {
            if account.positions.is_empty() {
                return Ok((0.0, 0.0));
            }
            let answer = probability(&plan(request, account, horizon), false, &mut |_| ())?;
            Ok((answer.horizons[0].probability, answer.horizons[0].standard_error))
        };
        let (before, first) = chance(request.account.clone())?;
        let elsewhere = elsewhere(request, h);
        let isolated = request.account.margin_mode == MarginMode::Isolated;
        let account = after(request, h, view, more, elsewhere);
        let mut leg = None;
        let (mut chance_after, mut error) = if more == 0.0 {
            (before, first)
        } else {
            chance(account.clone())?
        };
        if (elsewhere || isolated) && more != 0.0 && view.held_at.is_none() {
            let alone = Account {
                venue: h.venue.unwrap_or(request.account.venue),
                margin_mode: MarginMode::Isolated,
                wallet_balance: None,
                account_value: None,
                other_maintenance_margin: None,
                collateral: None,
                positions: vec![position(h, units_of(request.account.venue, h, more), true)],
            };
            let (own, own_error) = chance(alone)?;
            leg = Some(own);
            if elsewhere {
                // Which of both goes first is not known across venues: the sum bounds it.
                chance_after = (chance_after + own).min(1.0);
                error += own_error;
            }
        }
        Ok(Self {
            before,
            after: chance_after,
            error: first.max(error),
            leg,
            kills: kills(&account)?,
        })
    }
}

/// The account once the trade is made. On another venue it stays as it is.
fn after(request: &HedgeRequest, h: &HedgeInstrument, view: &View, more: f64, elsewhere: bool) -> Account {
    let mut account = request.account.clone();
    if more == 0.0 || elsewhere {
        return account;
    }
    let isolated = account.margin_mode == MarginMode::Isolated;
    let Some(i) = view.held_at else {
        account
            .positions
            .push(position(h, units_of(request.account.venue, h, more), isolated));
        return account;
    };
    // At today's prices: what was won or lost on the part closed is in the equity already.
    let signed =
        account.positions[i].side.sign() * account.positions[i].size + units_of(request.account.venue, h, more);
    if account.margin_mode == MarginMode::Cross {
        account.account_value = Some(view.equity);
        account.wallet_balance = None;
    }
    if signed.abs() < 1e-12 {
        account.positions.remove(i);
    } else {
        account.positions[i].side = if signed > 0.0 { Side::Long } else { Side::Short };
        account.positions[i].size = signed.abs();
    }
    account
}

fn kills(account: &Account) -> Result<Vec<Kill>, EngineError> {
    if account.positions.is_empty() {
        return Ok(Vec::new());
    }
    let p = prepare(account)?;
    let (positions, ..) = room::room(account.margin_mode, p.cash, p.other, &p.holdings);
    Ok(positions
        .iter()
        .zip(&account.positions)
        .map(|(room, p)| Kill {
            symbol: room.symbol.clone(),
            price: room.liquidation_price,
            move_to_liquidation: room.liquidation_price.map(|x| x / p.mark_price - 1.0),
        })
        .collect())
}

fn alternative(request: &HedgeRequest, other: &HedgeInstrument, field: &str) -> Result<Alternative, EngineError> {
    let view = view(request, other, field, &mut Vec::new())?;
    let cost = other.cost.unwrap_or(request.policy.cost);
    let more = request.policy.target_delta * view.equity - view.exposure();
    let chances = Chances::new(request, other, &view, more)?;
    let held = view.held_at.map_or(0.0, |_| view.notional[view.hedge]);
    let net: f64 = view.notional.iter().sum::<f64>() - held;
    let told = trade(other, more, view.held_at, request, 0.0, 0.0);
    Ok(Alternative {
        symbol: other.symbol.clone(),
        venue: other.venue.unwrap_or(request.account.venue),
        beta_of_book: if net != 0.0 {
            (view.exposure() - held) / net
        } else {
            0.0
        },
        side: told.side,
        size: told.size,
        cost: cost * more.abs(),
        funding_a_year: funding(request, other, held + more) / view.equity,
        residual_volatility: view.residual(more),
        probability_after: chances.after,
        hedge_leg_probability: chances.leg,
    })
}
