//! Volatility from candles. Today one estimator; the models come with the probability engine.

use crate::market::Candles;

/// Close-to-close volatility, annualised (365 days): the sample standard deviation of log returns between bars that are
/// one interval apart, over the last `bars` bars. `None` with fewer than 20 such returns.
pub fn close_to_close(candles: &Candles, bars: usize) -> Option<f64> {
    let rows = &candles.rows[candles.rows.len().saturating_sub(bars + 1)..];
    let step = candles.interval.millis();
    let returns: Vec<f64> = rows
        .windows(2)
        .filter(|w| (w[1].0 - w[0].0 - step).abs() < 1.0)
        .map(|w| (w[1].4 / w[0].4).ln())
        .collect();
    if returns.len() < 20 {
        return None;
    }
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some((variance * 365.0 * 86_400_000.0 / step).sqrt())
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
