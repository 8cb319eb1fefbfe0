//! Covariance of aligned returns.
//!
//! Sources: Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices" (2004); RiskMetrics
//! (1996) for exponential weights; Fisher (1915) for the interval of a correlation; Estrada (2008) for the downside one.

use libm::{atanh, exp, sqrt, tanh};
use nalgebra::DMatrix;

/// Exponentially weighted covariance, per bar; weights halve after `half_life` bars. Means are not taken out: of an hour's
/// return they are noise.
pub fn ewma(returns: &[Vec<f64>], half_life: f64) -> DMatrix<f64> {
    let n = returns.first().map_or(0, Vec::len);
    let decay = exp(-std::f64::consts::LN_2 / half_life);
    let mut sum = DMatrix::<f64>::zeros(n, n);
    let mut total = 0.0;
    for row in returns {
        sum *= decay;
        total = total * decay + 1.0;
        for i in 0..n {
            for j in 0..=i {
                sum[(i, j)] += row[i] * row[j];
            }
        }
    }
    DMatrix::from_fn(n, n, |i, j| sum[(i.max(j), i.min(j))] / total.max(1e-300))
}

/// Number of equally weighted bars that exponential weights are worth.
pub fn effective(bars: usize, half_life: f64) -> f64 {
    let decay = exp(-std::f64::consts::LN_2 / half_life);
    let whole = (1.0 + decay) / (1.0 - decay);
    whole.min(bars as f64)
}

/// Covariance shrunk towards equal variances without correlation, and the share of that target: as scikit-learn's
/// `ledoit_wolf` (means taken out, divided by n). `None` without a bar.
pub fn ledoit_wolf(returns: &[Vec<f64>]) -> Option<(DMatrix<f64>, f64)> {
    let p = returns.first()?.len();
    let n = returns.len();
    let means: Vec<f64> = (0..p)
        .map(|k| returns.iter().map(|r| r[k]).sum::<f64>() / n as f64)
        .collect();
    let x = DMatrix::from_fn(n, p, |i, k| returns[i][k] - means[k]);
    if p == 1 {
        return Some((DMatrix::from_element(1, 1, x.norm_squared() / n as f64), 0.0));
    }
    let (nf, pf) = (n as f64, p as f64);
    let sample = x.transpose() * &x / nf;
    let mu = sample.trace() / pf;
    // Mean over bars of the squared distance of one bar's outer product from the sample covariance.
    let squares = x.map(|v| v * v);
    let fourth = (squares.transpose() * &squares).sum();
    let second = sample.norm_squared();
    let beta = (fourth / nf - second) / (pf * nf);
    let delta = (second - 2.0 * mu * sample.trace() + pf * mu * mu) / pf;
    let shrinkage = if beta <= 0.0 || delta <= 0.0 {
        0.0
    } else {
        beta.min(delta) / delta
    };
    let shrunk = sample * (1.0 - shrinkage) + DMatrix::identity(p, p) * (shrinkage * mu);
    Some((shrunk, shrinkage))
}

/// Correlation matrix of a covariance; a market that does not move goes with nothing.
pub fn correlations(covariance: &DMatrix<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(covariance.nrows(), covariance.ncols(), |i, j| {
        let scale = sqrt(covariance[(i, i)] * covariance[(j, j)]);
        if i == j {
            1.0
        } else if scale > 0.0 {
            (covariance[(i, j)] / scale).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    })
}

/// 5 % and 95 % of a correlation estimated on this many bars (Fisher's z); `None` with four or fewer.
pub fn correlation_interval(correlation: f64, bars: f64) -> Option<[f64; 2]> {
    if bars <= 4.0 {
        return None;
    }
    if correlation.abs() >= 1.0 {
        return Some([correlation; 2]);
    }
    let (z, half) = (atanh(correlation), 1.6448536269514722 / sqrt(bars - 3.0));
    Some([tanh(z - half), tanh(z + half)])
}

/// Correlation of falls alone: `Σ min(a,0)·min(b,0) / √(Σ min(a,0)²·Σ min(b,0)²)`, 0 to 1. `None` where one never falls.
pub fn downside_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let fall = |x: f64| x.min(0.0);
    let product: f64 = a.iter().zip(b).map(|(x, y)| fall(*x) * fall(*y)).sum();
    let square = |v: &[f64]| v.iter().map(|x| fall(*x) * fall(*x)).sum::<f64>();
    let scale = sqrt(square(a) * square(b));
    (scale > 0.0).then(|| product / scale)
}

/// Share of the bars in which `a` is among its worst `share` in which `b` is among its own worst. Independent markets: the
/// share itself; markets that fall together: 1. `None` with fewer than 20 such bars.
pub fn tail_dependence(a: &[f64], b: &[f64], share: f64) -> Option<f64> {
    let n = a.len().min(b.len());
    let k = (share * n as f64) as usize;
    if k < 20 {
        return None;
    }
    let level = |v: &[f64]| {
        let mut sorted = v[..n].to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[k - 1]
    };
    let (la, lb) = (level(a), level(b));
    let both = a.iter().zip(b).filter(|(x, y)| **x <= la && **y <= lb).count();
    let worst = a[..n].iter().filter(|x| **x <= la).count();
    Some(both as f64 / worst as f64)
}
