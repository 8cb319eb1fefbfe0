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

/// Nodes of a lens, on the logit of the simulated chance: −10 to 10 in steps of a half.
const NODES: usize = 41;

fn node(k: usize) -> f64 {
    0.5 * k as f64 - 10.0
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-9, 1.0 - 1e-9);
    log(p / (1.0 - p))
}

fn chance(logit: f64) -> f64 {
    1.0 / (1.0 + exp(-logit))
}

/// From the simulated chance to the one that the record supports: a rising line on the logits of both, through the levels
/// of the record; beyond them the distance of the last is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Lens {
    at: [f64; NODES],
}

impl Lens {
    /// Leaves every chance as it is.
    pub fn clear() -> Self {
        Self {
            at: std::array::from_fn(node),
        }
    }

    /// Through pairs of a simulated chance and the record's; chances too small to be simulated well are left out.
    fn through(pairs: &[(f64, f64)]) -> Self {
        let mut points: Vec<(f64, f64)> = pairs
            .iter()
            .filter(|(p, _)| (0.001..=0.999).contains(p))
            .map(|(p, q)| (logit(*p), logit(*q)))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|b, a| (a.0 - b.0).abs() < 1e-6);
        for k in 1..points.len() {
            points[k].1 = points[k].1.max(points[k - 1].1 + 0.1 * (points[k].0 - points[k - 1].0));
        }
        let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
            return Self::clear();
        };
        Self {
            at: std::array::from_fn(|k| {
                let x = node(k);
                let next = points.partition_point(|p| p.0 < x);
                match (next, points.len()) {
                    (0, _) => x + first.1 - first.0,
                    (k, n) if k == n => x + last.1 - last.0,
                    (k, _) => {
                        let (a, b) = (points[k - 1], points[k]);
                        a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0)
                    }
                }
            }),
        }
    }

    fn line(&self, x: f64) -> f64 {
        let x = x.clamp(node(0), node(NODES - 1));
        let k = (((x - node(0)) / 0.5) as usize).min(NODES - 2);
        self.at[k] + (self.at[k + 1] - self.at[k]) * (x - node(k)) / 0.5
    }

    pub fn apply(&self, p: f64) -> f64 {
        if p <= 0.0 || p >= 1.0 {
            return p;
        }
        chance(self.line(logit(p)))
    }

    /// The chance that [`Lens::apply`] turns into this one.
    pub fn invert(&self, q: f64) -> f64 {
        if q <= 0.0 || q >= 1.0 {
            return q;
        }
        let wanted = logit(q);
        let (mut low, mut high) = (node(0), node(NODES - 1));
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.line(middle) < wanted {
                low = middle;
            } else {
                high = middle;
            }
        }
        chance(0.5 * (low + high))
    }

    /// How much a small error grows.
    pub fn gain(&self, p: f64) -> f64 {
        if p <= 0.0 || p >= 1.0 {
            return 1.0;
        }
        let x = logit(p);
        let slope = self.line(x + 0.25) - self.line(x - 0.25);
        let q = self.apply(p);
        2.0 * slope * q * (1.0 - q) / (p * (1.0 - p))
    }

    /// Weighted mean of several.
    pub fn mean(parts: &[(Self, f64)]) -> Self {
        let total: f64 = parts.iter().map(|p| p.1).sum();
        if total <= 0.0 {
            return Self::clear();
        }
        Self {
            at: std::array::from_fn(|k| parts.iter().map(|(l, w)| w * l.at[k]).sum::<f64>() / total),
        }
    }
}

impl Standing {
    /// The lens at a horizon, for an account that holds `below` of it long and `above` short: between two of the record's
    /// horizons linear in the logarithm of time, beyond them as the last. `simulated` is the simulation's own chance of
    /// each level, `[horizon][level]`.
    pub fn lens(&self, hours: f64, below: f64, above: f64, simulated: &[Vec<f64>]) -> Lens {
        let at = |k: usize| {
            let side = |down: bool| {
                let pairs: Vec<(f64, f64)> = self.horizons[k]
                    .levels
                    .iter()
                    .zip(&simulated[k])
                    .filter(|(l, _)| (l.distance < 0.0) == down)
                    .map(|(l, p)| (*p, l.auto))
                    .collect();
                Lens::through(&pairs)
            };
            Lens::mean(&[(side(true), below), (side(false), above)])
        };
        let next = self.horizons.partition_point(|h| h.horizon_hours < hours);
        match (next, self.horizons.len()) {
            (_, 0) => Lens::clear(),
            (0, _) => at(0),
            (k, n) if k == n => at(n - 1),
            (k, _) => {
                let (a, b) = (self.horizons[k - 1].horizon_hours, self.horizons[k].horizon_hours);
                let share = log(hours / a) / log(b / a);
                Lens::mean(&[(at(k - 1), 1.0 - share), (at(k), share)])
            }
        }
    }
}
