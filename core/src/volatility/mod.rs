//! Volatility from candles: estimators, and models that forecast.

pub mod bootstrap;
pub mod estimators;
pub mod garch;
pub mod har;
pub mod jumps;
mod optimise;

pub use garch::Garch;

use crate::market::Candles;

type Row = (f64, f64, f64, f64, f64, f64);

/// Whether two rows are one interval apart.
pub(crate) fn adjacent(candles: &Candles, pair: &[Row]) -> bool {
    (pair[1].0 - pair[0].0 - candles.interval.millis()).abs() < 1.0
}

/// Log returns between bars that are one interval apart, in order; what lies across a gap is left out.
pub fn returns(candles: &Candles) -> Vec<f64> {
    candles
        .rows
        .windows(2)
        .filter(|w| adjacent(candles, w))
        .map(|w| libm::log(w[1].4 / w[0].4))
        .collect()
}

/// Places where bars are missing between two rows.
pub fn gaps(candles: &Candles) -> usize {
    candles.rows.windows(2).filter(|w| !adjacent(candles, w)).count()
}

/// Close-to-close volatility, annualised (365 days): the sample standard deviation of log returns between bars that are
/// one interval apart, over the last `bars` bars. `None` with fewer than 20 such returns.
pub fn close_to_close(candles: &Candles, bars: usize) -> Option<f64> {
    let rows = &candles.rows[candles.rows.len().saturating_sub(bars + 1)..];
    let step = candles.interval.millis();
    let returns: Vec<f64> = rows
        .windows(2)
        .filter(|w| (w[1].0 - w[0].0 - step).abs() < 1.0)
        .map(|w| libm::log(w[1].4 / w[0].4))
        .collect();
    if returns.len() < 20 {
        return None;
    }
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some((variance * 365.0 * 86_400_000.0 / step).sqrt())
}

/// Correlation of log returns between bars that both series hold, one interval apart, over the last `bars` of them.
/// `None` with fewer than 20 such returns, different intervals, or a series that does not move.
pub fn correlation(a: &Candles, b: &Candles, bars: usize) -> Option<f64> {
    if a.interval != b.interval {
        return None;
    }
    let step = a.interval.millis();
    let returns = |c: &Candles| -> std::collections::BTreeMap<u64, f64> {
        c.rows
            .windows(2)
            .filter(|w| (w[1].0 - w[0].0 - step).abs() < 1.0)
            .map(|w| (w[1].0 as u64, libm::log(w[1].4 / w[0].4)))
            .collect()
    };
    let (ra, rb) = (returns(a), returns(b));
    let pairs: Vec<(f64, f64)> = ra
        .iter()
        .rev()
        .filter_map(|(t, x)| Some((*x, *rb.get(t)?)))
        .take(bars)
        .collect();
    if pairs.len() < 20 {
        return None;
    }
    let n = pairs.len() as f64;
    let (ma, mb) = (
        pairs.iter().map(|p| p.0).sum::<f64>() / n,
        pairs.iter().map(|p| p.1).sum::<f64>() / n,
    );
    let (mut va, mut vb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        va += (x - ma) * (x - ma);
        vb += (y - mb) * (y - mb);
        ab += (x - ma) * (y - mb);
    }
    (va > 0.0 && vb > 0.0).then(|| (ab / (va * vb).sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Interval;

    #[test]
    fn alternating_returns_have_the_volatility_worked_by_hand() {
        // Returns ±1 % in turn, 100 of them: variance 1e-4·100/99 an hour, mean 0.
        let mut price = 100.0;
        let rows = (0..=100)
            .map(|i| {
                if i > 0 {
                    price *= if i % 2 == 0 { 0.01f64.exp() } else { (-0.01f64).exp() };
                }
                (1.7e12 + f64::from(i) * 3.6e6, price, price, price, price, 0.0)
            })
            .collect();
        let got = close_to_close(
            &Candles {
                interval: Interval::H1,
                rows,
            },
            1000,
        )
        .unwrap();
        assert!((got - (1e-4f64 * 100.0 / 99.0 * 8760.0).sqrt()).abs() < 1e-9, "{got}");
    }
}
