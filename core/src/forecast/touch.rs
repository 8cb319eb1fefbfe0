//! The learned layer: the chance of a touch from the volatility of the last hours, days and month, by one formula fitted to
//! several assets before 2024. `touch.json` holds its coefficients, what they were fitted to and what they scored on data not
//! fitted; `tools/train_touch.py` fits them and states the formula step by step. Nothing here knows which asset it is about.

use libm::{erfc, exp, log, sqrt};
use serde::Deserialize;
use std::sync::OnceLock;

/// Bars that are needed, one after the other without a gap.
pub const BARS: usize = 720;

#[derive(Debug, Deserialize)]
struct Model {
    windows: [usize; 5],
    floor: f64,
    hour_unit: f64,
    hours_min: f64,
    hours_max: f64,
    p_min: f64,
    scale: Scale,
    mix: Vec<[f64; 2]>,
    spread: Vec<f64>,
}

#[derive(Debug, Deserialize)]
struct Scale {
    one: [f64; 2],
    ratio6: [f64; 2],
    ratio24: [f64; 2],
    ratio72: [f64; 2],
    ratio168: [f64; 2],
    side: [f64; 2],
    trend24: [f64; 2],
    trend168: [f64; 2],
}

/// `None` would be a broken build: the file is part of it, and a test reads it.
fn model() -> Option<&'static Model> {
    static MODEL: OnceLock<Option<Model>> = OnceLock::new();
    MODEL
        .get_or_init(|| serde_json::from_str(include_str!("touch.json")).ok())
        .as_ref()
}

/// Variance of an hour as one bar tells it: the mean of the squared return and of Parkinson's range estimate.
pub fn variance(before: f64, high: f64, low: f64, close: f64) -> f64 {
    let (r, g) = (log(close / before), log(high / low));
    0.5 * (r * r + g * g / (4.0 * std::f64::consts::LN_2))
}

/// What the formula takes from the last 720 bars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Mean [`variance`] of the last 6, 24, 72, 168 and 719 bars.
    pub variances: [f64; 5],
    /// Log return over the last 24 and 168 bars.
    pub moves: [f64; 2],
}

/// Lengths of the windows of [`Summary::variances`].
pub const WINDOWS: [usize; 5] = [6, 24, 72, 168, 719];

/// Chance that a level at this log distance (negative: below) is touched within `hours`; `None` outside of 4 to 168 hours
/// and where nothing moved.
pub fn probability(s: &Summary, distance: f64, hours: f64) -> Option<f64> {
    let m = model().filter(|m| m.windows == WINDOWS)?;
    let long = s.variances[4];
    if !(m.hours_min..=m.hours_max).contains(&hours) || long <= 0.0 || distance == 0.0 {
        return None;
    }
    let log_volatility = s.variances.map(|v| 0.5 * log((1.0 - m.floor) * v + m.floor * long));
    let level = log_volatility[4];
    let side = if distance < 0.0 { -1.0 } else { 1.0 };
    let u = log(hours / m.hour_unit);
    let trend = |k: usize, bars: f64| {
        let q = s.moves[k] / (exp(level) * sqrt(bars));
        side * q / sqrt(1.0 + 0.25 * q * q)
    };
    let c = &m.scale;
    let log_sigma = level
        + [
            (1.0, c.one),
            (log_volatility[0] - level, c.ratio6),
            (log_volatility[1] - level, c.ratio24),
            (log_volatility[2] - level, c.ratio72),
            (log_volatility[3] - level, c.ratio168),
            (side, c.side),
            (trend(0, 24.0), c.trend24),
            (trend(1, 168.0), c.trend168),
        ]
        .iter()
        .map(|(f, c)| f * (c[0] + c[1] * u))
        .sum::<f64>();
    let z = exp(log(distance.abs()) - log_sigma - 0.5 * log(hours));
    let raw: Vec<f64> = std::iter::once(0.0)
        .chain(m.mix.iter().map(|c| c[0] + c[1] * u))
        .collect();
    let top = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = raw.iter().map(|a| exp(a - top)).collect();
    let total: f64 = weights.iter().sum();
    let p: f64 = weights
        .iter()
        .zip(&m.spread)
        .map(|(w, s)| w / total * erfc(z / (exp(*s) * std::f64::consts::SQRT_2)))
        .sum();
    Some(p.clamp(m.p_min, 1.0))
}
