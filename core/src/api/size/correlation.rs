//! The correlations in use, and estimates beside them.

use super::types::{CorrelationEstimates, CorrelationUsed};
use crate::api::probability::Plan;
use crate::dependence::{self, align, covariance, dcc};
use crate::market::{Candles, Market};
use crate::volatility::garch::{Shape, filter, fit};
use nalgebra::DMatrix;
use std::collections::BTreeMap;

/// Half of the weight is in the last fortnight.
const HALF_LIFE_HOURS: f64 = 336.0;
/// Worst share of bars that tails are looked for in.
const TAIL: f64 = 0.05;

fn rows(m: &DMatrix<f64>) -> Vec<Vec<f64>> {
    m.row_iter().map(|r| r.iter().copied().collect()).collect()
}

/// Every pair's figure; 1 on the diagonal.
fn pairs(n: usize, of: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
    (0..n)
        .map(|i| (0..n).map(|j| if i == j { 1.0 } else { of(i, j) }).collect())
        .collect()
}

/// Bars left out and prices that stand still, where correlations are read from candles.
pub(super) fn notes(markets: &BTreeMap<String, Market>, plan: &Plan) -> Vec<String> {
    let symbols: Vec<String> = plan.markets.assets.iter().map(|a| a.symbol.clone()).collect();
    let candles: Vec<&Candles> = symbols
        .iter()
        .filter_map(|s| markets.get(s)?.candles.as_ref())
        .collect();
    if candles.len() != symbols.len() || symbols.len() < 2 {
        return Vec::new();
    }
    align(&candles).map(|a| a.notes(&symbols)).unwrap_or_default()
}

pub(super) fn used(markets: &BTreeMap<String, Market>, plan: &Plan) -> CorrelationUsed {
    let symbols: Vec<String> = plan.markets.assets.iter().map(|a| a.symbol.clone()).collect();
    let n = symbols.len();
    let candles: Vec<&Candles> = symbols
        .iter()
        .filter_map(|s| markets.get(s)?.candles.as_ref())
        .collect();
    CorrelationUsed {
        matrix: pairs(n, |i, j| plan.correlation(i, j)),
        estimates: (candles.len() == n && n > 1).then(|| estimates(&candles)).flatten(),
        symbols,
    }
}

fn estimates(candles: &[&Candles]) -> Option<CorrelationEstimates> {
    let aligned = align(candles)?;
    let bars = aligned.returns.len();
    if bars < 20 {
        return None;
    }
    let n = candles.len();
    let half_life = HALF_LIFE_HOURS * 3_600_000.0 / candles[0].interval.millis();
    let weighted = covariance::correlations(&dependence::ewma(&aligned.returns, half_life));
    let effective = covariance::effective(bars, half_life);
    let end = |k: usize| {
        pairs(n, |i, j| {
            dependence::correlation_interval(weighted[(i, j)], effective).map_or(weighted[(i, j)], |e| e[k])
        })
    };
    let (shrunk, shrinkage) = dependence::ledoit_wolf(&aligned.returns)?;
    let columns: Vec<Vec<f64>> = (0..n).map(|k| aligned.column(k)).collect();
    let tail = |i: usize, j: usize| dependence::tail_dependence(&columns[i], &columns[j], TAIL);
    Some(CorrelationEstimates {
        bars,
        low: end(0),
        high: end(1),
        ewma: rows(&weighted),
        ledoit_wolf: rows(&covariance::correlations(&shrunk)),
        shrinkage,
        dcc: changing(&columns),
        downside: pairs(n, |i, j| {
            dependence::downside_correlation(&columns[i], &columns[j]).unwrap_or(0.0)
        }),
        tail: tail(0, 1).map(|_| pairs(n, |i, j| tail(i, j).unwrap_or(0.0))),
    })
}

/// DCC on the shocks of each market's own variance model.
fn changing(columns: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let shocks: Option<Vec<Vec<f64>>> = columns
        .iter()
        .map(|r| {
            let f = fit(r, Shape::Targeted).ok().filter(|f| f.converged)?;
            Some(filter(r, f.mean, &f.garch)?.0)
        })
        .collect();
    let shocks = shocks?;
    let bars: Vec<Vec<f64>> = (0..shocks[0].len())
        .map(|t| shocks.iter().map(|s| s[t]).collect())
        .collect();
    Some(rows(&dcc::fit(&bars)?.now))
}
