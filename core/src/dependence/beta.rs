//! Betas: how far a market moves for a move of another.
//!
//! Sources: Vasicek (1973) for shrinkage; Kalman (1960) with a random-walk coefficient.

use libm::{exp, log, sqrt};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    pub value: f64,
    pub standard_error: f64,
}

/// Exponentially weighted regression through the origin; weights halve after `half_life` bars.
pub fn ewma(of: &[f64], on: &[f64], half_life: f64) -> Option<Beta> {
    let decay = exp(-std::f64::consts::LN_2 / half_life);
    let (mut xy, mut xx, mut yy, mut n, mut nn) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (y, x) in of.iter().zip(on) {
        xy = xy * decay + x * y;
        xx = xx * decay + x * x;
        yy = yy * decay + y * y;
        n = n * decay + 1.0;
        nn = nn * decay * decay + 1.0;
    }
    if of.len() < 3 || xx <= 0.0 {
        return None;
    }
    let value = xy / xx;
    // Weights of unequal size count as fewer bars.
    let bars = n * n / nn;
    let residual = ((yy - value * xy) / n).max(0.0);
    Some(Beta {
        value,
        standard_error: sqrt(residual / (xx / n) / bars),
    })
}

/// Drawn towards `prior` by the precision of both (Vasicek).
pub fn shrunk(beta: Beta, prior: f64, prior_deviation: f64) -> Beta {
    let (own, before) = (beta.standard_error.powi(2), prior_deviation.powi(2));
    let weight = if own + before > 0.0 {
        before / (own + before)
    } else {
        1.0
    };
    Beta {
        value: weight * beta.value + (1.0 - weight) * prior,
        standard_error: sqrt(weight * own),
    }
}

/// Log-likelihood of the Kalman filter, and the coefficient at the end, with its error: `y = b·x + e`, `b` a random walk with
/// variance `ratio`·(noise variance) a bar, in units where `x` has variance 1. Noise is concentrated out.
fn filter(of: &[f64], on: &[f64], ratio: f64) -> (f64, Beta) {
    let scale = sqrt(on.iter().map(|x| x * x).sum::<f64>() / on.len() as f64);
    // A wide start, in units of the noise.
    let (mut b, mut p) = (0.0, 1e6);
    let (mut squares, mut logs, mut count) = (0.0, 0.0, 0.0);
    for (k, (y, x)) in of.iter().zip(on).enumerate() {
        let x = x / scale;
        p += ratio;
        let s = x * x * p + 1.0;
        let e = y - b * x;
        // The first bars only find the level.
        if k >= 20 {
            squares += e * e / s;
            logs += log(s);
            count += 1.0;
        }
        let gain = p * x / s;
        b += gain * e;
        p *= 1.0 - gain * x;
    }
    let noise = squares / count;
    let likelihood = -0.5 * (count * log(noise.max(1e-300)) + logs);
    (
        likelihood,
        Beta {
            value: b / scale,
            standard_error: sqrt(noise * p) / scale,
        },
    )
}

/// Random-walk beta by a Kalman filter whose speed is the likeliest of a grid. `None` with fewer than 60 bars or a market
/// that does not move.
pub fn kalman(of: &[f64], on: &[f64]) -> Option<Beta> {
    let n = of.len().min(on.len());
    let moves = |v: &[f64]| v[..n].iter().any(|x| *x != 0.0);
    if n < 60 || !moves(of) || !moves(on) {
        return None;
    }
    [0.0, 1e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2]
        .into_iter()
        .map(|ratio| filter(&of[..n], &on[..n], ratio))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|best| best.1)
}
