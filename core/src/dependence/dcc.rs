//! Correlation that changes: DCC(1,1) on standardised shocks, with the sample correlation as its long-run target.
//!
//! Source: Engle, "Dynamic conditional correlation" (2002); pairwise composite likelihood after Pakel, Shephard, Sheppard and
//! Engle (2021).

use libm::{log, sqrt};
use nalgebra::DMatrix;

#[derive(Clone, Debug, PartialEq)]
pub struct Dcc {
    pub a: f64,
    pub b: f64,
    /// Correlation of the next bar.
    pub now: DMatrix<f64>,
    pub log_likelihood: f64,
}

/// Composite log-likelihood of all pairs, and the last quasi-correlation.
fn run(shocks: &[Vec<f64>], target: &DMatrix<f64>, a: f64, b: f64) -> (f64, DMatrix<f64>) {
    let n = target.nrows();
    let mut q = target.clone();
    let mut total = 0.0;
    for row in shocks {
        for i in 0..n {
            for j in 0..i {
                let rho = (q[(i, j)] / sqrt(q[(i, i)] * q[(j, j)])).clamp(-0.9999, 0.9999);
                let rest = 1.0 - rho * rho;
                let (x, y) = (row[i], row[j]);
                total -= 0.5 * (log(rest) + (x * x - 2.0 * rho * x * y + y * y) / rest - x * x - y * y);
            }
        }
        for i in 0..n {
            for j in 0..=i {
                let next = (1.0 - a - b) * target[(i, j)] + a * row[i] * row[j] + b * q[(i, j)];
                (q[(i, j)], q[(j, i)]) = (next, next);
            }
        }
    }
    (total, q)
}

/// Fits by a grid that is refined twice. `None` with fewer than 100 bars or fewer than two markets.
pub fn fit(shocks: &[Vec<f64>]) -> Option<Dcc> {
    let n = shocks.first()?.len();
    if shocks.len() < 100 || n < 2 {
        return None;
    }
    let bars = shocks.len() as f64;
    let covariance = DMatrix::from_fn(n, n, |i, j| shocks.iter().map(|r| r[i] * r[j]).sum::<f64>() / bars);
    let target = super::covariance::correlations(&covariance);
    // A level (how much news counts) and a persistence.
    let mut best = (f64::NEG_INFINITY, 0.0, 0.0);
    let (mut news, mut lasting) = (vec![0.0, 0.01, 0.03, 0.06, 0.1], vec![0.8, 0.9, 0.95, 0.98, 0.995]);
    for round in 0..3 {
        for &a in &news {
            for &total in &lasting {
                let b: f64 = total - a;
                if a < 0.0 || b < 0.0 || total >= 0.9999 {
                    continue;
                }
                let (likelihood, _) = run(shocks, &target, a, b);
                if likelihood > best.0 {
                    best = (likelihood, a, b);
                }
            }
        }
        let step = [0.01, 0.003, 0.0][round];
        let persistence = best.1 + best.2;
        news = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|k| best.1 + k * step).to_vec();
        lasting = [-1.0, -0.5, 0.0, 0.5, 1.0]
            .map(|k| persistence + k * (1.0 - persistence) * 0.5)
            .to_vec();
    }
    let (log_likelihood, a, b) = best;
    let (_, q) = run(shocks, &target, a, b);
    Some(Dcc {
        a,
        b,
        now: super::covariance::correlations(&q),
        log_likelihood,
    })
}
