//! What each model says at one time of the chance that a later bar touches a level, from bars up to that time.

use super::past_shocks::{self, Reached, Shock};
use super::touch;
use crate::probability::closed_form::hit_probability;
use crate::probability::normal::cdf;
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
pub const NAMES: [&str; 6] = ["gbm", "ewma", "garch", "past_touches", "learned", "filtered_historical"];
/// Place of the model that the probability of an account is simulated with.
pub const SIMULATED: usize = 5;

/// Chance that a Brownian price without drift touches a level at this log distance; `variance` is of the whole horizon.
pub fn brownian(distance: f64, variance: f64) -> f64 {
    hit_probability(distance, -0.5 * variance, sqrt(variance), 1.0)
}

/// Everything that is known at a bar, carried from bar to bar.
pub struct State {
    /// Log returns of bars that follow their neighbour at once, and of their highs and lows, over the close before.
    returns: Vec<f64>,
    moves: Vec<[f64; 3]>,
    /// Of the bars the variance model was fitted to.
    shocks: Vec<Shock>,
    /// Running sums of returns, of their squares and of their number, one more than bars.
    sums: Vec<[f64; 3]>,
    ewma: Option<f64>,
    garch: Option<Garch>,
    mean: f64,
    since_fit: usize,
    /// By horizon: sorted excursions down and up, and where the price ended, over the expected deviation, of windows that
    /// are over.
    excursions: Vec<[Vec<f64>; 3]>,
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
            moves: Vec::new(),
            shocks: Vec::new(),
            sums: vec![[0.0; 3]],
            ewma: None,
            garch: None,
            mean: 0.0,
            since_fit: 0,
            excursions: vec![[const { Vec::new() }; 3]; horizons],
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
        self.moves.push([row.4, row.2, row.3].map(|p| log(p / before)));
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
            let start = self.returns.len().saturating_sub(FITTED);
            let past = &self.returns[start..];
            // Where no model can be fitted the old one goes on; where there never was one, the others speak.
            if let Ok(f) = fit(past, Shape::Targeted)
                && f.converged
                && let Some((_, variances, next)) = filter(past, f.mean, &f.garch)
            {
                self.mean = f.mean;
                self.shocks = past_shocks::shocks(&self.moves[start..], f.mean, &variances);
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

    /// Paths of the simulated member from now through these horizons (bars); `None` before a model is fitted. The numbers
    /// drawn depend on the time alone.
    pub fn simulate(&self, bars: &[usize]) -> Option<Vec<Reached>> {
        let garch = self.garch.filter(|_| !self.shocks.is_empty())?;
        let seed = (self.last?.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some(past_shocks::simulate(&self.shocks, &garch, bars, seed))
    }

    /// Books where the price went within a window that is over, as a share of the deviation expected at its start.
    pub fn went(&mut self, horizon: usize, w: &Window, expected: f64) {
        for (sorted, x) in
            self.excursions[horizon]
                .iter_mut()
                .zip([-w.down / expected, w.up / expected, w.end / expected])
        {
            let at = sorted.partition_point(|y| *y < x);
            sorted.insert(at, x);
        }
    }

    /// What each member says of a level at this log distance (negative: below).
    pub fn say(&self, at: &Asked, distance: f64) -> [f64; NAMES.len()] {
        let [plain, ewma, garch] = at.variances.map(|v| brownian(distance, v));
        let sorted = &self.excursions[at.horizon][usize::from(distance > 0.0)];
        let beyond = sorted.len() - sorted.partition_point(|x| *x < distance.abs() / sqrt(at.variances[2]));
        let n = sorted.len() as f64 / at.overlap;
        let past = (beyond as f64 / at.overlap + PRIOR * garch) / (n + PRIOR);
        // Where the learned layer or the simulation cannot speak, the fitted variance does.
        let learned = self.summary().and_then(|s| touch::probability(&s, distance, at.hours));
        let simulated = at.paths.map(|r| r.touch(distance, garch));
        [
            plain,
            ewma,
            garch,
            past,
            learned.unwrap_or(garch),
            simulated.unwrap_or(garch),
        ]
    }

    /// What each member says of the chance that the log price ends at or below `x`.
    pub fn below(&self, at: &Asked, x: f64) -> [f64; NAMES.len()] {
        let [plain, ewma, garch] = at.variances.map(|v| cdf((x + 0.5 * v) / sqrt(v)));
        let sorted = &self.excursions[at.horizon][2];
        let under = sorted.partition_point(|y| *y <= x / sqrt(at.variances[2])) as f64;
        let n = sorted.len() as f64 / at.overlap;
        let past = (under / at.overlap + PRIOR * garch) / (n + PRIOR);
        // Of a price without drift that touches a level, half ends beyond it.
        let learned = self.summary().and_then(|s| {
            let half = 0.5 * touch::probability(&s, x, at.hours)?;
            Some(if x < 0.0 { half } else { 1.0 - half })
        });
        let simulated = at.paths.map(|r| r.below(x, garch));
        [
            plain,
            ewma,
            garch,
            past,
            learned.unwrap_or(garch),
            simulated.unwrap_or(garch),
        ]
    }
}

/// Where the price went in a window, log price over the close before it: furthest down, furthest up, and its end.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub down: f64,
    pub up: f64,
    pub end: f64,
    /// The window's last bar.
    pub last: usize,
}

/// What a statement is about, and what it is made from.
pub struct Asked<'a> {
    /// Its place in the list, and its length.
    pub horizon: usize,
    pub hours: f64,
    pub variances: [f64; 3],
    /// How many windows share a bar.
    pub overlap: f64,
    pub paths: Option<&'a Reached>,
}
