//! What holding a perpetual costs: payments of `notional at mark · rate` at each interval, positive rate paid by longs.
//!
//! The forecast here is the plain one: a rate the caller gives, or the average of the history. Quantiles come from the
//! sums over every window of the history that is as long as the horizon. Left out: the drift of the mark along the way
//! (each payment is taken on today's notional) and mean reversion from the present premium.

use crate::error::EngineError;
use crate::market::{Candles, FundingRow};
use crate::probability::Reversion;

/// A sum of rates over the horizon: what a notional of 1 pays as a long.
#[derive(Clone, Debug, PartialEq)]
pub struct RateForecast {
    pub expected: f64,
    /// 5 %, 50 % and 95 % of the sums over past windows; absent when the history holds fewer than 20 windows.
    pub quantiles: Option<[f64; 3]>,
    pub windows: usize,
    /// Rate a year.
    pub annualised: f64,
    pub payments: f64,
    pub basis: Basis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The rate the caller gave, held constant.
    Given,
    /// The mean of the history.
    History,
}

/// Smallest number of past windows from which a 5 % quantile is told.
const LEAST_WINDOWS: usize = 20;

/// Hours between payments of a history: the commonest spacing, rounded to whole hours.
pub fn interval_of(history: &[FundingRow]) -> Option<f64> {
    let mut counts: Vec<(f64, usize)> = Vec::new();
    for w in history.windows(2) {
        let hours = ((w[1].0 - w[0].0) / 3_600_000.0).round();
        if hours >= 1.0 {
            match counts.iter_mut().find(|c| c.0 == hours) {
                Some(c) => c.1 += 1,
                None => counts.push((hours, 1)),
            }
        }
    }
    counts.into_iter().max_by_key(|c| c.1).map(|c| c.0)
}

/// Forecast of the summed rate over `horizon_hours`.
///
/// `history` must be in time order. `rate` is per `interval_hours`.
pub fn forecast(
    rate: Option<f64>,
    interval_hours: Option<f64>,
    history: &[FundingRow],
    horizon_hours: f64,
) -> Result<RateForecast, EngineError> {
    let interval = interval_hours.or_else(|| interval_of(history));
    let hours = crate::units::HOURS_PER_YEAR;
    let windows = window_sums(history, horizon_hours);
    let quantiles = (windows.len() >= LEAST_WINDOWS).then(|| quantiles(windows.clone()));
    match (rate, interval) {
        (Some(rate), Some(interval)) => {
            let payments = horizon_hours / interval;
            Ok(RateForecast {
                expected: rate * payments,
                // A constant rate without any history has no spread to tell.
                quantiles: quantiles.or_else(|| history.is_empty().then_some([rate * payments; 3])),
                windows: windows.len(),
                annualised: rate / interval * hours,
                payments,
                basis: Basis::Given,
            })
        }
        (Some(_), None) => Err(EngineError::invalid(
            "market.funding_interval_hours",
            "is missing: how often the rate is paid",
        )),
        (None, _) if history.len() < 2 => Err(EngineError::insufficient(
            "market.funding",
            "needs a funding_rate, or a history of at least two payments",
        )),
        (None, interval) => {
            // Time-weighted: a history may change its interval, so hours are counted, not rows.
            let span = (history[history.len() - 1].0 - history[0].0) / 3_600_000.0;
            if span <= 0.0 {
                return Err(EngineError::invalid("market.funding", "must span some time"));
            }
            let per_hour = history[1..].iter().map(|r| r.1).sum::<f64>() / span;
            Ok(RateForecast {
                expected: per_hour * horizon_hours,
                quantiles,
                windows: windows.len(),
                annualised: per_hour * hours,
                payments: interval.map_or(0.0, |i| horizon_hours / i),
                basis: Basis::History,
            })
        }
    }
}

/// Fewest payments from which the return to a mean is fitted.
const LEAST_PAYMENTS: usize = 30;
/// Largest share of a distance from the mean that is left after a payment: more cannot be told from no return at all.
const MOST_PERSISTENCE: f64 = 0.98;

/// How a rate returns to its mean, by least squares of each payment on the one before; its noise is correlated with the
/// price's return over the same interval where candles cover it. `None` with too few payments of one interval.
pub fn fit_reversion(history: &[FundingRow], candles: Option<&Candles>) -> Option<Reversion> {
    let spacing = interval_of(history)? * HOUR_MS;
    let pairs: Vec<(f64, f64, f64)> = history
        .windows(2)
        .filter(|w| (w[1].0 - w[0].0 - spacing).abs() < 60_000.0)
        .map(|w| (w[1].0, w[0].1, w[1].1))
        .collect();
    if pairs.len() < LEAST_PAYMENTS {
        return None;
    }
    let n = pairs.len() as f64;
    let mean_of = |f: &dyn Fn(&(f64, f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
    let (before, after) = (mean_of(&|p| p.1), mean_of(&|p| p.2));
    let cross = mean_of(&|p| (p.1 - before) * (p.2 - after));
    let spread = mean_of(&|p| (p.1 - before) * (p.1 - before));
    let persistence = if spread > 0.0 {
        (cross / spread).clamp(0.0, MOST_PERSISTENCE)
    } else {
        0.0
    };
    let mean = (before + after) / 2.0;
    let noise: Vec<(f64, f64)> = pairs
        .iter()
        .map(|p| (p.0, p.2 - mean - persistence * (p.1 - mean)))
        .collect();
    let deviation = libm::sqrt(noise.iter().map(|e| e.1 * e.1).sum::<f64>() / (n - 2.0));
    Some(Reversion {
        mean,
        persistence,
        deviation,
        correlation: candles
            .and_then(|c| correlation_with_returns(&noise, c, spacing))
            .unwrap_or(0.0),
    })
}

const HOUR_MS: f64 = 3_600_000.0;

/// Correlation of the noise at each payment with the log return over the interval that ends there.
fn correlation_with_returns(noise: &[(f64, f64)], candles: &Candles, spacing: f64) -> Option<f64> {
    let step = candles.interval.millis();
    // Price at a time: the close of the bar that ends there.
    let closes: std::collections::BTreeMap<i64, f64> = candles
        .rows
        .iter()
        .map(|r| (libm::round((r.0 + step) / step) as i64, r.4))
        .collect();
    // Only where a bar ends at that very time: a nearer close would look ahead or back.
    let close = |t: f64| {
        let k = libm::round(t / step);
        ((t / step - k).abs() * step < 60_000.0).then(|| closes.get(&(k as i64)).copied())?
    };
    let pairs: Vec<(f64, f64)> = noise
        .iter()
        .filter_map(|(t, e)| Some((*e, libm::log(close(*t)? / close(*t - spacing)?))))
        .collect();
    if pairs.len() < LEAST_PAYMENTS {
        return None;
    }
    let n = pairs.len() as f64;
    let (me, mr) = (
        pairs.iter().map(|p| p.0).sum::<f64>() / n,
        pairs.iter().map(|p| p.1).sum::<f64>() / n,
    );
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|p| f(p.0 - me, p.1 - mr)).sum::<f64>();
    let (ee, rr) = (sum(&|e, _| e * e), sum(&|_, r| r * r));
    (ee > 0.0 && rr > 0.0).then(|| (sum(&|e, r| e * r) / libm::sqrt(ee * rr)).clamp(-1.0, 1.0))
}

/// Sums of rates over every window of the history that is as long as the horizon, one starting after each payment.
fn window_sums(history: &[FundingRow], horizon_hours: f64) -> Vec<f64> {
    let length = horizon_hours * 3_600_000.0;
    let Some(last) = history.last() else { return Vec::new() };
    let mut sums = Vec::new();
    let mut end = 0;
    let mut sum = 0.0;
    for (i, start) in history.iter().enumerate() {
        if last.0 - start.0 < length * (1.0 - 1e-9) {
            break;
        }
        if i > 0 {
            sum -= start.1; // the payment at the start of a window is not inside it
        } else {
            end = 1;
        }
        // Payments may carry a few milliseconds of the venue's clock: a minute of slack keeps the last one in.
        while end < history.len() && history[end].0 <= start.0 + length + 60_000.0 {
            sum += history[end].1;
            end += 1;
        }
        sums.push(sum);
    }
    sums
}

/// 5 %, 50 % and 95 % by linear interpolation between order statistics.
fn quantiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [0.05, 0.5, 0.95].map(|q| {
        let at = q * (values.len() - 1) as f64;
        let (low, share) = (at.floor() as usize, at.fract());
        let high = (low + 1).min(values.len() - 1);
        values[low] + (values[high] - values[low]) * share
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: f64 = 3_600_000.0;

    fn every(hours: f64, rates: &[f64]) -> Vec<FundingRow> {
        rates
            .iter()
            .enumerate()
            .map(|(i, r)| (1.7e12 + i as f64 * hours * HOUR, *r))
            .collect()
    }

    #[test]
    fn a_given_rate_is_paid_at_each_interval() {
        // METHODS section 4: 0.01 % every 8 h is 0.21 % of notional a week.
        let f = forecast(Some(0.0001), Some(8.0), &[], 168.0).unwrap();
        assert!((f.expected - 0.0021).abs() < 1e-15);
        assert!((f.annualised - 0.0001 * 3.0 * 365.0).abs() < 1e-15);
        assert_eq!(f.quantiles, Some([f.expected; 3]));
    }

    #[test]
    fn history_is_summed_over_windows_of_the_horizon() {
        let rates: Vec<f64> = (0..60).map(|i| f64::from(i) * 1e-6).collect();
        let f = forecast(None, None, &every(8.0, &rates), 24.0).unwrap();
        // By hand: windows of three payments, first (1+2+3)e-6, last (57+58+59)e-6, in steps of 3e-6.
        assert_eq!(f.windows, 57);
        let q = f.quantiles.unwrap();
        assert!((q[1] - 90e-6).abs() < 1e-12, "{q:?}");
        assert!((q[0] - (6.0 + 0.05 * 168.0) * 1e-6).abs() < 1e-12, "{q:?}");
        // 59 payments in 59 intervals of 8 h: mean 30e-6 an interval.
        assert!((f.expected - 90e-6).abs() < 1e-12);
    }

    #[test]
    fn a_change_of_interval_is_counted_in_hours() {
        let mut rows = every(8.0, &[1e-4; 10]);
        let start = rows[9].0;
        rows.extend((1..=8).map(|i| (start + f64::from(i) * HOUR, 1e-4)));
        let f = forecast(None, None, &rows, 24.0).unwrap();
        assert!((f.expected - (17.0 * 1e-4 / 80.0) * 24.0).abs() < 1e-15);
        assert_eq!(interval_of(&rows), Some(8.0));
    }
}
