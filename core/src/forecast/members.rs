//! What each model says at one time of the chance that a later bar touches a level, from bars up to that time.

use super::touch;
use crate::probability::closed_form::hit_probability;
use crate::volatility::Garch;
use crate::volatility::garch::{Shape, filter, fit};
use libm::{exp, log, sqrt};

type Row = (f64, f64, f64, f64, f64, f64);

/// Bars behind the plain model: thirty days of hours.
pub const MONTH: usize = 720;
/// Bars behind a variance model, and bars between fits.
const FITTED: usize = 4320;
const REFIT: usize = 720;
/// Bars after which the exponentially weighted variance has half forgotten.
const HALF_LIFE: f64 = 48.0;
/// Independent windows that the formula is worth beside past touches.
const PRIOR: f64 = 6.0;

/// Names, in the order of what [`State::say`] returns.
pub const NAMES: [&str; 5] = ["gbm", "ewma", "garch", "past_touches", "learned"];

/// Chance that a Brownian price without drift touches a level at this log distance; `variance` is of the whole horizon.
pub fn brownian(distance: f64, variance: f64) -> f64 {
    hit_probability(distance, -0.5 * variance, sqrt(variance), 1.0)
}

/// Everything that is known at a bar, carried from bar to bar.
pub struct State {
    /// Log returns and whether the bar follows its neighbour at once.
    returns: Vec<f64>,
    /// Running sums of returns, of their squares and of their number, one more than bars.
    sums: Vec<[f64; 3]>,
    ewma: Option<f64>,
    garch: Option<Garch>,
    mean: f64,
    since_fit: usize,
    /// By horizon: sorted excursions down and up over the expected deviation, of windows that are over.
    excursions: Vec<[Vec<f64>; 2]>,
    last: Option<(f64, f64)>,
    step: f64,
    /// Log closes, and running sums of hourly variances for the learned layer; begun anew after a gap.
    closes: Vec<f64>,
    ranges: Vec<f64>,
}

impl State {
    /// `step` in milliseconds.
    pub fn new(horizons: usize, step: f64) -> Self {
        Self {
            returns: Vec::new(),
            sums: vec![[0.0; 3]],
            ewma: None,
            garch: None,
            mean: 0.0,
            since_fit: 0,
            excursions: vec![[Vec::new(), Vec::new()]; horizons],
            last: None,
            step,
            closes: Vec::new(),
            ranges: Vec::new(),
        }
    }

    /// Takes the next bar.
    pub fn bar(&mut self, row: &Row) {
        let follows = self
            .last
            .is_some_and(|(time, _)| (row.0 - time - self.step).abs() < 1.0);
        let r = match self.last {
            Some((_, close)) if follows => log(row.4 / close),
            _ => 0.0,
        };
        if !follows {
            self.closes.clear();
            self.ranges.clear();
        }
        let before = self.last.map_or(row.4, |l| l.1);
        let total = self.ranges.last().copied().unwrap_or(0.0);
        let own = if follows {
            touch::variance(before, row.2, row.3, row.4)
        } else {
            0.0
        };
        self.ranges.push(total + own);
        self.closes.push(log(row.4));
        self.last = Some((row.0, row.4));
        let [s, q, n] = self.sums.last().copied().unwrap_or([0.0; 3]);
        self.sums.push([s + r, q + r * r, n + f64::from(u8::from(follows))]);
        if !follows {
            return;
        }
        self.returns.push(r);
        let decay = exp(-std::f64::consts::LN_2 / HALF_LIFE);
        self.ewma = match self.ewma {
            Some(v) => Some(decay * v + (1.0 - decay) * r * r),
            None => (self.returns.len() >= MONTH / 2)
                .then(|| self.returns.iter().map(|r| r * r).sum::<f64>() / self.returns.len() as f64),
        };
        if let Some(g) = &mut self.garch {
            let e = r - self.mean;
            let lever = g.alpha + if e < 0.0 { g.gamma } else { 0.0 };
            g.variance_now = g.omega + lever * e * e + g.beta * g.variance_now;
        }
        self.since_fit += 1;
        if self.returns.len() >= MONTH && (self.garch.is_none() || self.since_fit >= REFIT) {
            self.since_fit = 0;
            let past = &self.returns[self.returns.len().saturating_sub(FITTED)..];
            // Where no model can be fitted the old one goes on; where there never was one, the others speak.
            if let Ok(f) = fit(past, Shape::Targeted)
                && f.converged
                && let Some((_, _, next)) = filter(past, f.mean, &f.garch)
            {
                self.mean = f.mean;
                self.garch = Some(Garch {
                    variance_now: next,
                    ..f.garch
                });
            }
        }
    }

    /// What the learned layer wants of hourly bars; `None` before there are enough in a row.
    fn summary(&self) -> Option<touch::Summary> {
        let n = self.closes.len();
        if n < touch::BARS || (self.step - 3_600_000.0).abs() > 1.0 {
            return None;
        }
        let mean = |k: usize| (self.ranges[n - 1] - self.ranges[n - 1 - k]).max(0.0) / k as f64;
        let moved = |k: usize| self.closes[n - 1] - self.closes[n - 1 - k];
        Some(touch::Summary {
            variances: touch::WINDOWS.map(mean),
            moves: [moved(24), moved(168)],
        })
    }

    /// Sample variance of the returns in the last `bars` bars, per bar.
    fn sample(&self, bars: usize) -> Option<f64> {
        let end = self.sums.last()?;
        let start = self.sums.get(self.sums.len().checked_sub(bars + 1)?)?;
        let (s, q, n) = (end[0] - start[0], end[1] - start[1], end[2] - start[2]);
        (n >= 20.0).then(|| ((q - s * s / n) / (n - 1.0)).max(0.0))
    }

    /// Variance over a horizon as the plain model, the weighted one and the fitted one expect it; `None` before there is a
    /// month of bars that move.
    pub fn variances(&self, bars: f64) -> Option<[f64; 3]> {
        let plain = self.sample(MONTH).filter(|v| *v > 1e-14)?;
        let ewma = self.ewma.unwrap_or(plain).max(1e-14);
        let garch = self.garch.map_or(ewma, |g| g.mean_variance(bars)).max(1e-14);
        Some([plain * bars, ewma * bars, garch * bars])
    }

    /// Books how far the price went within a window that is over, as a share of the deviation expected at its start.
    pub fn went(&mut self, horizon: usize, down: f64, up: f64, expected: f64) {
        for (sorted, x) in self.excursions[horizon]
            .iter_mut()
            .zip([down / expected, up / expected])
        {
            let at = sorted.partition_point(|y| *y < x);
            sorted.insert(at, x);
        }
    }

    /// What each member says of a level at this log distance (negative: below); `overlap` is how many windows share a bar.
    pub fn say(
        &self,
        horizon: usize,
        hours: f64,
        variances: [f64; 3],
        distance: f64,
        overlap: f64,
    ) -> [f64; NAMES.len()] {
        let [plain, ewma, garch] = variances.map(|v| brownian(distance, v));
        let sorted = &self.excursions[horizon][usize::from(distance > 0.0)];
        let beyond = sorted.len() - sorted.partition_point(|x| *x < distance.abs() / sqrt(variances[2]));
        let n = sorted.len() as f64 / overlap;
        let past = (beyond as f64 / overlap + PRIOR * garch) / (n + PRIOR);
        // Where the learned layer cannot speak, the fitted variance does.
        let learned = self.summary().and_then(|s| touch::probability(&s, distance, hours));
        [plain, ewma, garch, past, learned.unwrap_or(garch)]
    }
}
