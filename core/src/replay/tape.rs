//! The recorded market as the replay reads it: two markets on one clock, funding at its bars, volatility as it was known.

use crate::market::{Candles, FundingRow};
use crate::units::HOURS_PER_YEAR;
use libm::{exp, log, sqrt};

/// One market in one bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    /// Base units traded.
    pub volume: f64,
    /// Sum of the rates paid from its opening up to its close, exclusive; paid at its open.
    pub funding: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tape {
    /// Opening times, ms.
    pub times: Vec<f64>,
    pub step: f64,
    pub main: Vec<Bar>,
    /// Empty without a hedge.
    pub hedge: Vec<Bar>,
    /// Annual, as known at each bar's close; 0 while it is not.
    pub volatility: Vec<f64>,
    /// Of the main market on the hedge, as known at each bar's close; `None` while it is not.
    pub beta: Vec<Option<f64>>,
    /// Bars missing in the main market, and bars of the hedge that had to be filled with its last close.
    pub gaps: usize,
    pub filled: usize,
}

/// Bars known before a volatility is.
const LEAST: f64 = 24.0;

fn bars(candles: &Candles, funding: &[FundingRow]) -> Vec<Bar> {
    let step = candles.interval.millis();
    let mut next = funding.partition_point(|f| candles.rows.first().is_some_and(|r| f.0 < r.0));
    candles
        .rows
        .iter()
        .map(|r| {
            let mut sum = 0.0;
            // Payments that fall into a gap are paid at the next bar.
            while let Some(f) = funding.get(next).filter(|f| f.0 < r.0 + step) {
                sum += f.1;
                next += 1;
            }
            Bar {
                open: r.1,
                high: r.2,
                low: r.3,
                close: r.4,
                volume: r.5,
                funding: sum,
            }
        })
        .collect()
}

/// Larger of two exponentially weighted means of squared returns, with half-lives of a day and of ten: quick to rise, slow to
/// fall. Known after [`LEAST`] hours of bars, 30 at least.
fn volatility(closes: &[f64], step: f64) -> Vec<f64> {
    let hours = step / 3_600_000.0;
    let keep = |half_life: f64| exp(-std::f64::consts::LN_2 * hours / half_life);
    let (quick, slow) = (keep(24.0), keep(240.0));
    let (mut a, mut b, mut na, mut nb) = (0.0, 0.0, 0.0, 0.0);
    let mut out = vec![0.0; closes.len()];
    for k in 1..closes.len() {
        let r = log(closes[k] / closes[k - 1]);
        (a, na) = (a * quick + r * r, na * quick + 1.0);
        (b, nb) = (b * slow + r * r, nb * slow + 1.0);
        if k >= 30 && k as f64 * hours >= LEAST {
            out[k] = sqrt((a / na).max(b / nb) * HOURS_PER_YEAR / hours);
        }
    }
    out
}

/// Exponentially weighted regression of hourly (or longer) returns, half-life ten days, drawn towards 1 by as much as a day of
/// bars would.
fn betas(main: &[Bar], hedge: &[Bar], step: f64) -> Vec<Option<f64>> {
    let hours = step / 3_600_000.0;
    let stride = (1.0 / hours).round().max(1.0) as usize;
    let keep = exp(-std::f64::consts::LN_2 * hours.max(1.0) / 240.0);
    let (mut xy, mut xx, mut n): (f64, f64, f64) = (0.0, 0.0, 0.0);
    let mut seen = 0;
    let mut out = vec![None; main.len()];
    let mut known = None;
    for k in 0..main.len() {
        if k >= stride && k % stride == 0 {
            let (y, x) = (
                log(main[k].close / main[k - stride].close),
                log(hedge[k].close / hedge[k - stride].close),
            );
            (xy, xx, n) = (xy * keep + x * y, xx * keep + x * x, n * keep + 1.0);
            seen += 1;
            if seen >= 24 && xx > 0.0 {
                let prior = 24.0 * xx / n;
                known = Some((xy + prior) / (xx + prior));
            }
        }
        out[k] = known;
    }
    out
}

impl Tape {
    pub fn new(main: (&Candles, &[FundingRow]), hedge: Option<(&Candles, &[FundingRow])>) -> Self {
        let step = main.0.interval.millis();
        let times: Vec<f64> = main.0.rows.iter().map(|r| r.0).collect();
        let bars_of_main = bars(main.0, main.1);
        let gaps = times
            .windows(2)
            .map(|w| (((w[1] - w[0]) / step).round() as usize).saturating_sub(1))
            .sum();
        let mut filled = 0;
        let hedge = hedge.map_or_else(Vec::new, |(candles, funding)| {
            let own = bars(candles, funding);
            let mut out: Vec<Bar> = Vec::with_capacity(times.len());
            let mut at = 0;
            let mut owed = 0.0;
            for t in &times {
                while at < own.len() && candles.rows[at].0 < *t {
                    owed += own[at].funding;
                    at += 1;
                }
                if candles.rows.get(at).is_some_and(|r| r.0 == *t) {
                    out.push(own[at]);
                    at += 1;
                    owed = 0.0;
                } else {
                    filled += 1;
                    let last = at.checked_sub(1).map_or_else(|| own.first(), |k| own.get(k));
                    let price = last.map_or(1.0, |b| b.close);
                    out.push(Bar {
                        open: price,
                        high: price,
                        low: price,
                        close: price,
                        volume: 0.0,
                        funding: owed,
                    });
                    owed = 0.0;
                }
            }
            out
        });
        let closes: Vec<f64> = bars_of_main.iter().map(|b| b.close).collect();
        Self {
            volatility: volatility(&closes, step),
            beta: if hedge.is_empty() {
                Vec::new()
            } else {
                betas(&bars_of_main, &hedge, step)
            },
            times,
            step,
            main: bars_of_main,
            hedge,
            gaps,
            filled,
        }
    }

    /// Bars in so many hours, one at least.
    pub fn bars(&self, hours: f64) -> usize {
        (hours * 3_600_000.0 / self.step).round().max(1.0) as usize
    }
}
