//! Ways of keeping a hedge, on simulated months and on the markets' own past.

use super::frontier::{self, Book};
use super::view::{View, candles, half_life};
use super::{HedgeRequest, LEAST_BARS, Schedule};
use crate::dependence::align::align;
use crate::market::Candles;
use crate::probability::scalar::Scalar;
use crate::units::HOURS_PER_YEAR;
use libm::sqrt;

/// Simulated paths of a month, by the hour.
const PATHS: usize = 192;
const STEPS: usize = 720;

pub(super) type Past = (Vec<Schedule>, f64, f64);

/// On simulated months, and on the past where all markets have candles of one interval.
pub(super) fn schedules(
    request: &HedgeRequest,
    view: &View,
    cost: f64,
    gamma: f64,
    half: f64,
    every: f64,
) -> (Vec<Schedule>, Option<Past>) {
    let n = view.symbols.len();
    // The hedge that is on counts as part of what is hedged only where it is a position of its own kind: it starts anew here.
    let mut notional: Vec<f64> = view.notional.iter().map(|x| x / view.equity).collect();
    if view.held_at.is_some() {
        notional[view.hedge] = 0.0;
    }
    let book = Book {
        notional,
        hedge: view.hedge,
        maintenance: view.maintenance.clone(),
        target_delta: request.policy.target_delta,
        cost,
        risk_aversion: gamma,
        covariance: view.covariance.clone(),
    };
    let known: Vec<f64> = view.betas.iter().map(|b| b.beta).collect();
    let paths = simulated(view, request.seed);
    let model = frontier::all(&book, &paths, &|_| known.clone(), half, every, 1.0);
    let all: Option<Vec<&Candles>> = view.symbols.iter().map(|s| candles(request, s)).collect();
    let past = all.and_then(|all| align(&all).map(|a| (half_life(all[0]), all[0].interval.millis() / 3_600_000.0, a)));
    let past = past
        .filter(|(_, _, a)| a.returns.len() >= 10 * LEAST_BARS)
        .map(|(half_life, step, aligned)| {
            let betas = rolling(&aligned.returns, view.hedge, half_life, n);
            // The first bars only find the betas.
            let start = LEAST_BARS;
            let rows = aligned.returns[start..].to_vec();
            let schedules = frontier::all(&book, &[rows], &|t| betas[start + t].clone(), half, every, step);
            let end = aligned.times.len() - 1;
            (schedules, aligned.times[start], aligned.times[end])
        });
    (model, past)
}

/// Betas as known before each bar.
pub(super) fn rolling(returns: &[Vec<f64>], hedge: usize, half_life: f64, n: usize) -> Vec<Vec<f64>> {
    let decay = libm::exp(-std::f64::consts::LN_2 / half_life);
    let (mut xy, mut xx) = (vec![0.0; n], 0.0f64);
    returns
        .iter()
        .map(|row| {
            let known = (0..n).map(|k| if xx > 0.0 { xy[k] / xx } else { 1.0 }).collect();
            for k in 0..n {
                xy[k] = xy[k] * decay + row[k] * row[hedge];
            }
            xx = xx * decay + row[hedge] * row[hedge];
            known
        })
        .collect()
}

/// Months of hourly log returns: correlated normals with the volatilities in use, martingale prices.
pub(super) fn simulated(view: &View, seed: u32) -> Vec<Vec<Vec<f64>>> {
    use nalgebra::{DMatrix, SymmetricEigen};
    let n = view.symbols.len();
    let hour = 1.0 / HOURS_PER_YEAR;
    let eigen = SymmetricEigen::new(DMatrix::from_fn(n, n, |i, j| view.covariance[i][j] * hour));
    let root: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            (0..n)
                .map(|k| eigen.eigenvectors[(i, k)] * sqrt(eigen.eigenvalues[k].max(0.0)))
                .collect()
        })
        .collect();
    let mut random = Scalar::new(u64::from(seed));
    let mut out: Vec<Vec<Vec<f64>>> = Vec::with_capacity(PATHS);
    for _ in 0..PATHS / 2 {
        let path: Vec<Vec<f64>> = (0..STEPS)
            .map(|_| {
                let z: Vec<f64> = (0..n).map(|_| random.normal()).collect();
                (0..n)
                    .map(|i| root[i].iter().zip(&z).map(|(r, z)| r * z).sum::<f64>())
                    .collect()
            })
            .collect();
        // Each path and its mirror, so that neither side is favoured by chance.
        let drift: Vec<f64> = (0..n).map(|i| 0.5 * view.covariance[i][i] * hour).collect();
        let turned = |sign: f64| -> Vec<Vec<f64>> {
            path.iter()
                .map(|row| row.iter().zip(&drift).map(|(r, d)| sign * r - d).collect())
                .collect()
        };
        out.push(turned(1.0));
        out.push(turned(-1.0));
    }
    out
}
