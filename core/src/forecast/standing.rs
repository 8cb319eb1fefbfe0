//! Where a market's record stands: what its models say now and how much each has earned, as the probability of an account
//! takes it up.

use libm::{exp, log};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The record of one market as far as its last bar, from operation `calibration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// First forecast and last bar, ms.
    pub from: f64,
    pub until: f64,
    /// Forecast times whose outcome is known.
    pub forecasts: usize,
    /// Brier skill of the combination over the plain model, all cells together, and its 5 % and 95 %.
    pub skill_gbm: Option<f64>,
    pub skill_gbm_interval: Option<[f64; 2]>,
    /// Whether that interval lies above 0: without it the plain model is used.
    pub has_skill: bool,
    pub members: Vec<String>,
    /// Ascending.
    pub horizons: Vec<StandingHorizon>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct StandingHorizon {
    pub horizon_hours: f64,
    /// In the order of `members`.
    pub weights: Vec<f64>,
    /// `logit q = a·ln p − b·ln(1 − p) + c`: a, b, c of the calibration map.
    pub map: [f64; 3],
    /// The member with the largest weight, and since when (ms) it has had that.
    pub leading: String,
    pub since: f64,
    pub levels: Vec<StandingLevel>,
}

/// A level and its chance to be touched within the horizon, as of the last bar.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct StandingLevel {
    /// Log distance from the last close; negative: below.
    pub distance: f64,
    /// What the member says that accounts are simulated with.
    pub simulated: f64,
    /// What all say together, weighted and mapped.
    pub auto: f64,
}

/// From the simulated chance to the one that the record supports: `logit q = shift + slope·logit p`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lens {
    pub shift: f64,
    pub slope: f64,
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-9, 1.0 - 1e-9);
    log(p / (1.0 - p))
}

impl Lens {
    pub const CLEAR: Self = Self { shift: 0.0, slope: 1.0 };

    /// The line through the levels of one horizon, those below counting `below` and those above `above`, each by how much
    /// its chance can move. Few or far levels leave the chance as it is.
    fn through(levels: &[StandingLevel], below: f64, above: f64) -> Self {
        let (mut n, mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for l in levels {
            let side = if l.distance < 0.0 { below } else { above };
            let weight = side * (l.simulated * (1.0 - l.simulated)).max(1e-4);
            let (x, y) = (logit(l.simulated), logit(l.auto));
            n += weight;
            sx += weight * x;
            sy += weight * y;
            sxx += weight * x * x;
            sxy += weight * x * y;
        }
        let spread = sxx - sx * sx / n;
        if n.is_nan() || n <= 0.0 || spread <= 1e-9 * n {
            return Self::CLEAR;
        }
        let slope = ((sxy - sx * sy / n) / spread).clamp(0.3, 3.0);
        Self {
            shift: (sy - slope * sx) / n,
            slope,
        }
    }

    pub fn apply(self, p: f64) -> f64 {
        if p <= 0.0 || p >= 1.0 || self == Self::CLEAR {
            return p;
        }
        1.0 / (1.0 + exp(-(self.shift + self.slope * logit(p))))
    }

    /// The chance that [`Lens::apply`] turns into this one.
    pub fn invert(self, q: f64) -> f64 {
        if q <= 0.0 || q >= 1.0 || self == Self::CLEAR {
            return q;
        }
        1.0 / (1.0 + exp(-((logit(q) - self.shift) / self.slope)))
    }

    /// How much a small error grows.
    pub fn gain(self, p: f64) -> f64 {
        let q = self.apply(p);
        if p <= 0.0 || p >= 1.0 {
            return 1.0;
        }
        self.slope * q * (1.0 - q) / (p * (1.0 - p))
    }

    /// Weighted mean of several.
    pub fn mean(parts: impl Iterator<Item = (Self, f64)>) -> Self {
        let (shift, slope, total) = parts.fold((0.0, 0.0, 0.0), |(a, b, n), (l, w)| {
            (a + w * l.shift, b + w * l.slope, n + w)
        });
        if total > 0.0 {
            Self {
                shift: shift / total,
                slope: slope / total,
            }
        } else {
            Self::CLEAR
        }
    }
}

impl Standing {
    /// The lens at a horizon: between two of the record's linear in the logarithm of time, beyond them as the last.
    pub fn lens(&self, hours: f64, below: f64, above: f64) -> Lens {
        let at = |k: usize| Lens::through(&self.horizons[k].levels, below, above);
        let next = self.horizons.partition_point(|h| h.horizon_hours < hours);
        match (next, self.horizons.len()) {
            (_, 0) => Lens::CLEAR,
            (0, _) => at(0),
            (k, n) if k == n => at(n - 1),
            (k, _) => {
                let (a, b) = (self.horizons[k - 1].horizon_hours, self.horizons[k].horizon_hours);
                let share = log(hours / a) / log(b / a);
                Lens::mean([(at(k - 1), 1.0 - share), (at(k), share)].into_iter())
            }
        }
    }
}
