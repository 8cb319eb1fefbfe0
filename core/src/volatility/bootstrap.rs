//! Filtered historical simulation: shocks of the past, standardised by a fitted GARCH model, drawn again in blocks.
//!
//! Sources: Barone-Adesi, Giannopoulos and Vosper (1999); Politis and Romano, "The stationary bootstrap" (1994); block
//! length after Politis and White (2004) with the correction of Patton, Politis and White (2009).

use super::estimators::{Bar, rogers_satchell};
use super::garch::{Fit, Garch, filter};
use super::{adjacent, returns};
use crate::market::Candles;
use crate::probability::History;
use libm::{ceil, log10, pow, sqrt};
use std::collections::BTreeMap;

/// Fewest bars that all markets of a joint bootstrap have in common.
pub const LEAST_COMMON: usize = 250;

/// Aligned shocks of several markets, each with its own model; the variance of each next bar comes with it.
pub fn history(markets: &[(&Candles, &Fit)]) -> Result<(History, Vec<Garch>), String> {
    // Shocks and in-bar variances by bar time.
    let mut series: Vec<BTreeMap<u64, (f64, f64)>> = Vec::new();
    let mut garch = Vec::new();
    for (candles, fit) in markets {
        let r = returns(candles);
        let (shocks, variances, next) = filter(&r, fit.mean, &fit.garch).ok_or("prices do not move")?;
        if shocks.iter().any(|z| !z.is_finite()) {
            return Err("the variance model falls to nothing on these candles".to_owned());
        }
        let inner: Vec<(u64, f64)> = candles
            .rows
            .windows(2)
            .filter(|w| adjacent(candles, w))
            .map(|w| (w[1].0 as u64, rogers_satchell(&Bar::of(&w[1]))))
            .collect();
        let ratio: Vec<f64> = inner.iter().zip(&variances).map(|((_, v), h)| v / h).collect();
        let (level, slope) = inner_variance(&shocks, &ratio);
        series.push(
            inner
                .iter()
                .zip(&shocks)
                .map(|((t, _), z)| (*t, (*z, (level + slope * z * z).clamp(0.05, 50.0))))
                .collect(),
        );
        garch.push(Garch {
            variance_now: next,
            ..fit.garch
        });
    }
    let Some(first) = series.first() else {
        return Err("there is no market".to_owned());
    };
    let times: Vec<u64> = first
        .keys()
        .copied()
        .filter(|t| series.iter().all(|s| s.contains_key(t)))
        .collect();
    if times.len() < LEAST_COMMON {
        return Err(format!(
            "needs {LEAST_COMMON} bars that all markets have; there are {}",
            times.len()
        ));
    }
    let n = times.len() as f64;
    let mut shocks = vec![0.0f32; times.len() * series.len()];
    let mut inner = shocks.clone();
    let mut cumulants = Vec::new();
    let mut length = 1.0f64;
    for (a, s) in series.iter().enumerate() {
        let rows: Vec<(f64, f64)> = times.iter().filter_map(|t| s.get(t).copied()).collect();
        let mean = rows.iter().map(|r| r.0).sum::<f64>() / n;
        let moment = |k: i32| rows.iter().map(|r| (r.0 - mean).powi(k)).sum::<f64>() / n;
        let sd = sqrt(moment(2));
        for (i, (z, v)) in rows.iter().enumerate() {
            shocks[i * series.len() + a] = ((z - mean) / sd) as f32;
            inner[i * series.len() + a] = *v as f32;
        }
        cumulants.push((moment(3) / pow(sd, 3.0), moment(4) / pow(sd, 4.0) - 3.0));
        let squares: Vec<f64> = rows.iter().map(|r| r.0 * r.0).collect();
        length = length.max(block_length(&squares).unwrap_or(1.0));
    }
    Ok((
        History {
            shocks,
            inner,
            cumulants,
            block_length: length,
        },
        garch,
    ))
}

/// How far a price wanders inside a bar, given where the bar ended. For a Brownian bridge the Rogers–Satchell figure has
/// the bridge's variance as its mean whatever the end, so it is regressed on the squared shock; bars of one size then
/// share one figure instead of each carrying its own noise.
fn inner_variance(shocks: &[f64], ratio: &[f64]) -> (f64, f64) {
    let n = shocks.len() as f64;
    // Squares beyond 10 are held there: single bars must not turn the line.
    let x: Vec<f64> = shocks.iter().map(|z| (z * z).min(10.0)).collect();
    let y: Vec<f64> = ratio.iter().map(|r| r.min(20.0)).collect();
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let cov: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
    let var: f64 = x.iter().map(|x| (x - mx) * (x - mx)).sum();
    let slope = if var > 0.0 { (cov / var).max(0.0) } else { 0.0 };
    (my - slope * mx, slope)
}

/// Mean block length for the stationary bootstrap of a series; `None` where the series is too short or constant.
pub fn block_length(x: &[f64]) -> Option<f64> {
    let n = x.len();
    if n < 50 {
        return None;
    }
    let mean = x.iter().sum::<f64>() / n as f64;
    let e: Vec<f64> = x.iter().map(|v| v - mean).collect();
    let most = ceil(sqrt(n as f64)) as usize + run_length(n);
    let band = 2.0 * sqrt(log10(n as f64) / n as f64);
    let mut covariance = vec![0.0; most + 1];
    let mut correlation = vec![0.0; most + 1];
    for lag in 0..=most {
        let cross: f64 = (lag..n).map(|t| e[t] * e[t - lag]).sum();
        covariance[lag] = cross / n as f64;
        // The denominators run over the overlapping parts, one short, as in Patton's code and `arch`.
        let ahead: f64 = e[(lag + 1).min(n)..].iter().map(|v| v * v).sum();
        let behind: f64 = e[..n - lag - 1].iter().map(|v| v * v).sum();
        let scale = sqrt(ahead * behind);
        if scale <= 0.0 {
            return None;
        }
        correlation[lag] = cross / scale;
    }
    // Twice the first lag at which a run of insignificant correlations begins.
    let k = run_length(n);
    let small = |lag: usize| correlation[lag].abs() < band;
    let window = (1..=most - k)
        .find(|lag| (0..k).all(|i| small(lag + i)))
        .map_or(most, |m| (2 * m).min(most));
    let (mut g, mut spectrum) = (0.0, covariance[0]);
    for (lag, c) in covariance.iter().enumerate().take(window + 1).skip(1) {
        let share = lag as f64 / window as f64;
        let weight = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        g += 2.0 * weight * lag as f64 * c;
        spectrum += 2.0 * weight * c;
    }
    let d = 2.0 * spectrum * spectrum;
    let length = pow(2.0 * g * g / d, 1.0 / 3.0) * pow(n as f64, 1.0 / 3.0);
    let bound = ceil((3.0 * sqrt(n as f64)).min(n as f64 / 3.0));
    length.is_finite().then(|| length.min(bound))
}

fn run_length(n: usize) -> usize {
    (log10(n as f64) as usize).max(5)
}
