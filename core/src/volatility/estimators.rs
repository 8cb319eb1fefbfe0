//! Volatility of a stretch of candles by seven estimators, each annualised (365 days).

use super::returns;
use crate::market::Candles;
use libm::{log, sqrt};

/// Fewest bars from which a volatility is told.
pub const LEAST_BARS: usize = 20;
/// Memory of the moving average a bar (RiskMetrics' 0.97 for a slow, 0.94 for a fast one).
const DECAY: f64 = 0.97;

/// An estimator's name in the contract, and what it found or why it found nothing.
pub struct Found {
    pub name: &'static str,
    pub value: Result<f64, String>,
}

/// All of them over the same bars.
pub fn all(candles: &Candles) -> Vec<Found> {
    let year = 365.0 * 86_400_000.0 / candles.interval.millis();
    let annual = |variance: Option<f64>, need: &str| variance.map(|v| sqrt(v * year)).ok_or_else(|| need.to_owned());
    let bars = candles.rows.len();
    let few = format!("needs {LEAST_BARS} bars; there are {bars}");
    let ranges = |f: &dyn Fn(&Bar) -> f64| annual(mean_over(candles, f), &few);
    let r = returns(candles);
    let found = |name, value| Found { name, value };
    vec![
        found("close_to_close", annual(variance(&r), &few)),
        found("ewma", annual(ewma(&r), &few)),
        found(
            "parkinson",
            ranges(&|b| (b.high - b.low) * (b.high - b.low) / (4.0 * std::f64::consts::LN_2)),
        ),
        found(
            "garman_klass",
            ranges(&|b| {
                0.5 * (b.high - b.low) * (b.high - b.low) - (2.0 * std::f64::consts::LN_2 - 1.0) * b.close * b.close
            }),
        ),
        found("rogers_satchell", ranges(&rogers_satchell)),
        found("yang_zhang", annual(yang_zhang(candles), &few)),
        found(
            "realised",
            realised(candles).ok_or_else(|| "needs two whole days of bars shorter than a day".to_owned()),
        ),
    ]
}

/// A bar's high, low and close as log distances from its open.
pub(crate) struct Bar {
    pub high: f64,
    pub low: f64,
    pub close: f64,
}

impl Bar {
    pub(crate) fn of(row: &(f64, f64, f64, f64, f64, f64)) -> Self {
        let (_, open, high, low, close, _) = *row;
        Self {
            high: log(high / open),
            low: log(low / open),
            close: log(close / open),
        }
    }
}

/// Variance of a driftless or drifting bar (Rogers and Satchell 1991).
pub(crate) fn rogers_satchell(b: &Bar) -> f64 {
    b.high * (b.high - b.close) + b.low * (b.low - b.close)
}

fn mean_over(candles: &Candles, f: &dyn Fn(&Bar) -> f64) -> Option<f64> {
    let n = candles.rows.len();
    (n >= LEAST_BARS).then(|| (candles.rows.iter().map(|r| f(&Bar::of(r))).sum::<f64>() / n as f64).max(0.0))
}

/// Sample variance.
pub(crate) fn variance(x: &[f64]) -> Option<f64> {
    if x.len() < LEAST_BARS {
        return None;
    }
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    Some(x.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0))
}

/// Exponentially weighted mean of squared returns, started at the mean of the first twenty.
fn ewma(r: &[f64]) -> Option<f64> {
    let start = r.get(..LEAST_BARS)?.iter().map(|r| r * r).sum::<f64>() / LEAST_BARS as f64;
    Some(r.iter().fold(start, |v, r| DECAY * v + (1.0 - DECAY) * r * r))
}

/// Yang and Zhang (2000): overnight and open-to-close variances and Rogers–Satchell, weighted for least variance.
fn yang_zhang(candles: &Candles) -> Option<f64> {
    let pairs: Vec<_> = candles
        .rows
        .windows(2)
        .filter(|w| super::adjacent(candles, w))
        .map(|w| (log(w[1].1 / w[0].4), Bar::of(&w[1])))
        .collect();
    let overnight = variance(&pairs.iter().map(|p| p.0).collect::<Vec<_>>())?;
    let open_close = variance(&pairs.iter().map(|p| p.1.close).collect::<Vec<_>>())?;
    let n = pairs.len() as f64;
    let rs = pairs.iter().map(|p| rogers_satchell(&p.1)).sum::<f64>() / n;
    let k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0));
    Some(overnight + k * open_close + (1.0 - k) * rs)
}

const DAY: f64 = 86_400_000.0;

/// Realised variance of each whole UTC day: the sum of its squared returns, a return belonging to the day its bar opens in.
pub fn daily_variances(candles: &Candles) -> Vec<f64> {
    let step = candles.interval.millis();
    let wanted = (DAY / step) as usize;
    let mut days: Vec<(f64, f64, usize)> = Vec::new();
    for w in candles.rows.windows(2).filter(|w| super::adjacent(candles, w)) {
        let day = libm::floor(w[1].0 / DAY);
        let square = log(w[1].4 / w[0].4) * log(w[1].4 / w[0].4);
        match days.last_mut().filter(|d| d.0 == day) {
            Some(d) => (d.1, d.2) = (d.1 + square, d.2 + 1),
            None => days.push((day, square, 1)),
        }
    }
    days.into_iter()
        .filter(|d| wanted > 1 && d.2 == wanted)
        .map(|d| d.1)
        .collect()
}

fn realised(candles: &Candles) -> Option<f64> {
    let days = daily_variances(candles);
    (days.len() >= 2).then(|| sqrt(365.0 * days.iter().sum::<f64>() / days.len() as f64))
}
