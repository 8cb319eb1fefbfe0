//! The account seen through the hedge's market: notionals, betas, covariance.

use super::{BetaUsed, HALF_LIFE_HOURS, HORIZON, HedgeInstrument, HedgeRequest, LEAST_BARS, elsewhere, plan, position};
use crate::api::probability::Plan;
use crate::dependence::{align, beta};
use crate::error::EngineError;
use crate::market::{Candles, Market};
use crate::units::MarginMode;
use libm::sqrt;

/// Spread of betas that shrinkage assumes about 1.
const PRIOR_DEVIATION: f64 = 0.3;

/// The book seen through the hedge's market.
pub(super) struct View {
    pub(super) symbols: Vec<String>,
    /// Signed notional of each asset, collateral units.
    pub(super) notional: Vec<f64>,
    pub(super) maintenance: Vec<f64>,
    /// Place of the hedge's market.
    pub(super) hedge: usize,
    pub(super) betas: Vec<BetaUsed>,
    /// Annual.
    pub(super) covariance: Vec<Vec<f64>>,
    pub(super) equity: f64,
    pub(super) leverage: f64,
    /// Place of the hedge's position in the account, if one is on.
    pub(super) held_at: Option<usize>,
}

impl View {
    pub(super) fn beta(&self, k: usize) -> f64 {
        self.betas[k].beta
    }
    pub(super) fn exposure(&self) -> f64 {
        (0..self.notional.len()).map(|k| self.notional[k] * self.beta(k)).sum()
    }
    pub(super) fn volatility(&self) -> f64 {
        sqrt(self.covariance[self.hedge][self.hedge])
    }
    pub(super) fn quadratic(&self, weights: &[f64]) -> f64 {
        let n = weights.len();
        (0..n)
            .map(|i| {
                (0..n)
                    .map(|j| weights[i] * weights[j] * self.covariance[i][j])
                    .sum::<f64>()
            })
            .sum()
    }

    /// Annual variance of how the exposure leaves its target by itself, over equity squared, the hedge at its target.
    pub(super) fn drift_variance(&self, target_delta: f64) -> f64 {
        let mut on = self.notional.clone();
        on[self.hedge] += target_delta * self.equity - self.exposure();
        let weights: Vec<f64> = (0..on.len())
            .map(|k| on[k] * (self.beta(k) - target_delta) / self.equity)
            .collect();
        self.quadratic(&weights).max(0.0)
    }

    /// Annual volatility of equity with this much more of the hedge.
    pub(super) fn residual(&self, more: f64) -> f64 {
        let mut on = self.notional.clone();
        on[self.hedge] += more;
        sqrt(self.quadratic(&on).max(0.0)) / self.equity
    }
}

pub(super) fn view(
    request: &HedgeRequest,
    h: &HedgeInstrument,
    field: &str,
    notes: &mut Vec<String>,
) -> Result<View, EngineError> {
    let account = &request.account;
    let isolated = account.margin_mode == MarginMode::Isolated;
    let open_at = account.positions.iter().position(|p| p.symbol == h.symbol);
    // The same coin on another venue is what is hedged, not a hedge that is on.
    let held_at = open_at.filter(|_| !elsewhere(request, h));
    // All markets in one plan, so that volatilities and correlations are those of the probabilities.
    let mut with = account.clone();
    if open_at.is_none() {
        with.positions.push(position(h, 1e-6, isolated));
    }
    let last = with.positions.len() - 1;
    let plan = Plan::new(&plan(request, with, HORIZON), false).map_err(|e| {
        match e.field.strip_prefix(&format!("account.positions[{last}]")) {
            Some(rest) if open_at.is_none() => EngineError {
                field: format!("{field}{rest}"),
                ..e
            },
            _ => e,
        }
    })?;
    let assets = &plan.markets.assets;
    let n = assets.len();
    let mut notional = vec![0.0; n];
    let mut required = vec![0.0; n];
    let (mut equity, mut gross) = (0.0, 0.0);
    for pool in &plan.job.pools {
        let trace = isolated && open_at.is_none() && pool.holdings.iter().all(|x| x.symbol == h.symbol);
        equity += if trace { 0.0 } else { pool.cash };
        for (holding, a) in pool.holdings.iter().zip(&pool.assets) {
            if open_at.is_none() && holding.symbol == h.symbol {
                // The trace of a position that was added to make the market known.
                continue;
            }
            let size = holding.leg.notional(holding.leg.mark_x);
            notional[*a] += holding.side.sign() * size;
            required[*a] += holding.leg.requirement(holding.leg.mark_x);
            equity += holding.leg.value(holding.leg.mark_x);
            gross += size;
        }
    }
    equity += account.other_maintenance_margin.unwrap_or(0.0);
    if isolated && let Some(wallet) = account.wallet_balance {
        equity = wallet;
    }
    if equity.is_nan() || equity <= 0.0 {
        return Err(EngineError::invalid(
            "account",
            format!("has an equity of {equity:.2}: leverage and exposure over it cannot be told"),
        ));
    }
    let hedge = assets.iter().position(|a| a.symbol == h.symbol).unwrap_or(n - 1);
    let covariance: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            (0..n)
                .map(|j| plan.correlation(i, j) * assets[i].volatility * assets[j].volatility)
                .collect()
        })
        .collect();
    if covariance[hedge][hedge] <= 0.0 {
        return Err(EngineError::insufficient(
            format!("markets.{}.volatility", h.symbol),
            "is 0: what does not move hedges nothing",
        ));
    }
    let symbols: Vec<String> = assets.iter().map(|a| a.symbol.clone()).collect();
    let betas = (0..n)
        .map(|k| beta_of(request, &symbols, k, hedge, &covariance, notes))
        .collect();
    let gross_notional = |k: usize| {
        if notional[k].abs() > 0.0 {
            required[k] / notional[k].abs()
        } else {
            0.005
        }
    };
    let maintenance = (0..n).map(gross_notional).map(|m| m.min(0.5)).collect();
    notes.extend(plan.notes.iter().cloned());
    notes.dedup();
    Ok(View {
        leverage: gross / equity,
        symbols,
        notional,
        maintenance,
        hedge,
        betas,
        covariance,
        equity,
        held_at,
    })
}

pub(super) fn candles<'a>(request: &'a HedgeRequest, symbol: &str) -> Option<&'a Candles> {
    let market: &Market = request.markets.get(symbol)?;
    market.candles.as_ref().filter(|_| market.volatility.is_none())
}

/// Bars of a half-life.
pub(super) fn half_life(c: &Candles) -> f64 {
    HALF_LIFE_HOURS * 3_600_000.0 / c.interval.millis()
}

pub(super) fn beta_of(
    request: &HedgeRequest,
    symbols: &[String],
    k: usize,
    hedge: usize,
    covariance: &[Vec<f64>],
    notes: &mut Vec<String>,
) -> BetaUsed {
    let symbol = symbols[k].clone();
    if k == hedge {
        return BetaUsed {
            symbol,
            beta: 1.0,
            standard_error: Some(0.0),
            source: "the hedge's own market".to_owned(),
        };
    }
    let given = request
        .correlations
        .iter()
        .any(|c| (c.0 == symbol && c.1 == symbols[hedge]) || (c.1 == symbol && c.0 == symbols[hedge]));
    let pair = candles(request, &symbol).zip(candles(request, &symbols[hedge]));
    if !given
        && let Some((a, b)) = pair
        && let Some(aligned) = align(&[a, b])
        && aligned.returns.len() >= LEAST_BARS
    {
        for note in aligned.notes(&[symbol.clone(), symbols[hedge].clone()]) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        let (own, on) = (aligned.column(0), aligned.column(1));
        let plain = beta::ewma(&own, &on, half_life(a));
        let found = match request.policy.beta.as_deref() {
            Some("kalman") => beta::kalman(&own, &on).map(|b| (b, "Kalman filter, random-walk beta")),
            Some("shrunk") => plain.map(|b| {
                (
                    beta::shrunk(b, 1.0, PRIOR_DEVIATION),
                    "weighted regression, shrunk towards 1",
                )
            }),
            _ => plain.map(|b| (b, "weighted regression, half of the weight in the last fortnight")),
        };
        if let Some((b, source)) = found {
            return BetaUsed {
                symbol,
                beta: b.value,
                standard_error: Some(b.standard_error),
                source: source.to_owned(),
            };
        }
    }
    BetaUsed {
        symbol,
        beta: covariance[k][hedge] / covariance[hedge][hedge],
        standard_error: None,
        source: "correlation · volatility / volatility of the hedge".to_owned(),
    }
}
