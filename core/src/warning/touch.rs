//! The chance that the price touches a level within the next minutes: a shrunk logistic model in two stages, trained over many
//! assets and thresholds (`tools/train_warning.py`; its card is `docs/early-warning.md`).
//!
//! The first stage forecasts the logarithm of the range of the coming bars; the second reads the chance from how far the level
//! lies in such ranges, and from what ranges do not say.

use super::features::{FIRST, FIVE, Known, SIDED};
use libm::{exp, log, sqrt};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Knots of the second stage in the level's distance.
const KNOTS: [f64; 10] = [-1.0, -0.5, 0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5];
/// Inputs of the first stage that the second uses again.
const AGAIN: [usize; 9] = [26, 28, 30, 32, 35, 37, 39, 47, 48];
/// Horizons in bars that were trained.
const TRAINED: [usize; 4] = [1, 3, 6, 12];

#[derive(Clone, Debug, Deserialize)]
struct Stages {
    s1: Vec<f64>,
    s2: Vec<f64>,
}

/// Draws high chances towards the middle, where the training said too much.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Post {
    a: f64,
    c: f64,
    k: f64,
}

/// How past forecasts of the same history correct the next.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Online {
    pub half_life_bars: f64,
    pub kappa: f64,
    pub clip: f64,
}

/// The trained numbers.
#[derive(Clone, Debug, Deserialize)]
pub struct Model {
    pub version: u32,
    post: Post,
    pub online: Online,
    horizons: BTreeMap<String, Stages>,
    baseline: BTreeMap<String, [f64; 3]>,
}

/// Groups of inputs, for telling what drives a forecast: first-stage indices, and whether the sided inputs belong.
pub const GROUPS: [(&str, &[std::ops::Range<usize>], bool); 5] = [
    (
        "volatility of the last minutes to hours, against half a day",
        &[0..7, 11..17, 26..33],
        false,
    ),
    (
        "volatility of the last days to a month, against half a day",
        &[7..11, 17..21],
        false,
    ),
    ("volume traded, against its day and week", &[21..26, 21..21], false),
    ("moves and extremes of the last hours", &[33..49, 33..33], true),
    ("time of day and week", &[49..110, 49..49], false),
];

/// A question: a level at `threshold` (a return), within `bars`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    pub bars: f64,
    pub threshold: f64,
}

pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + exp(-x))
    } else {
        exp(x) / (1.0 + exp(x))
    }
}

/// The two trained horizons around one, and the weight of the second; past the longest the level is brought nearer instead.
fn between(asked: Asked) -> (usize, usize, f64, f64) {
    let longest = TRAINED[3] as f64;
    let level = log(1.0 + asked.threshold);
    if asked.bars >= longest {
        return (TRAINED[3], TRAINED[3], 0.0, level / sqrt(asked.bars / longest));
    }
    let k = TRAINED.partition_point(|n| *n as f64 <= asked.bars).clamp(1, 3);
    let (a, b) = (TRAINED[k - 1], TRAINED[k]);
    let weight = (log(asked.bars) - log(a as f64)) / (log(b as f64) - log(a as f64));
    (a, b, weight.max(0.0), level)
}

impl Model {
    pub fn shipped() -> Option<Self> {
        let model: Self = serde_json::from_str(include_str!("model.json")).ok()?;
        let whole = TRAINED.iter().all(|n| {
            let name = n.to_string();
            model.horizons.get(&name).is_some_and(|s| {
                s.s1.len() == FIRST + 1 && s.s2.len() == 2 + KNOTS.len() + 2 * (26 + AGAIN.len() + SIDED + 2)
            }) && model.baseline.contains_key(&name)
        });
        whole.then_some(model)
    }

    /// Log-odds at one trained horizon, before the correction of high chances. `blank`: inputs set to what is usual.
    fn odds(&self, known: &Known, bars: usize, level: f64, blank: Option<usize>) -> f64 {
        let Some(stages) = self.horizons.get(&bars.to_string()) else {
            return 0.0;
        };
        let mut x = known.first(bars);
        let mut sided = known.sided(level > 0.0);
        if let Some((_, ranges, with_sided)) = blank.map(|g| &GROUPS[g]) {
            for i in ranges.iter().cloned().flatten() {
                x[i] = 0.0;
            }
            if *with_sided {
                sided[..15].fill(0.0);
            }
        }
        let range: f64 = x.iter().zip(&stages.s1).map(|(x, b)| x * b).sum::<f64>() + stages.s1[FIRST];
        let barrier = log(level.abs());
        let z = barrier - (known.reference + 0.5 * log(bars as f64) + range);
        let away = (barrier - log(0.015)).clamp(-1.2, 1.2);
        let centred = z.clamp(-1.0, 3.0) - 1.0;
        let mut b = stages.s2.iter();
        let mut take = || b.next().copied().unwrap_or(0.0);
        let mut sum = take() + take() * (z - 1.0);
        for k in KNOTS {
            sum += take() * (z - k).max(0.0);
        }
        let inputs = || {
            x[..26]
                .iter()
                .copied()
                .chain(AGAIN.iter().map(|i| x[*i]))
                .chain(sided)
                .chain([away, away.max(0.0)])
        };
        for f in inputs() {
            sum += take() * f;
        }
        for f in inputs() {
            sum += take() * f * centred;
        }
        sum
    }

    fn log_odds(&self, known: &Known, asked: Asked, blank: Option<usize>) -> f64 {
        let (a, b, weight, level) = between(asked);
        let mut e = self.odds(known, a, level, blank);
        if weight > 0.0 {
            e = (1.0 - weight) * e + weight * self.odds(known, b, level, blank);
        }
        e + self.post.a + self.post.c * (e - self.post.k).max(0.0)
    }

    /// Log-odds of a touch, before what the history's own past corrects.
    pub fn touch(&self, known: &Known, asked: Asked) -> f64 {
        self.log_odds(known, asked, None)
    }

    /// How far each of [`GROUPS`] moves the log-odds.
    pub fn parts(&self, known: &Known, asked: Asked) -> [f64; GROUPS.len()] {
        let whole = self.touch(known, asked);
        std::array::from_fn(|g| whole - self.log_odds(known, asked, Some(g)))
    }

    /// The same question to the volatility of the last 20 and 50 minutes alone.
    pub fn baseline(&self, known: &Known, asked: Asked) -> f64 {
        let (a, b, weight, level) = between(asked);
        let [short, long] = known.realised.map(|v| log(level.abs() / sqrt(v).max(1e-5)));
        let one = |bars: usize| {
            self.baseline
                .get(&bars.to_string())
                .map_or(0.0, |c| c[0] + c[1] * short + c[2] * long)
        };
        sigmoid((1.0 - weight) * one(a) + weight * one(b))
    }
}

/// Touches that happened against touches foretold, on this history so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    pub happened: f64,
    pub foretold: f64,
}

impl Standing {
    /// A forecast whose window has ended.
    pub fn learn(&mut self, online: &Online, probability: f64, happened: bool) {
        let keep = libm::pow(0.5, 1.0 / online.half_life_bars);
        self.happened = keep * self.happened + f64::from(happened);
        self.foretold = keep * self.foretold + probability;
    }

    /// What it adds to the log-odds.
    pub fn correction(&self, online: &Online) -> f64 {
        log((self.happened + online.kappa) / (self.foretold + online.kappa)).clamp(-online.clip, online.clip)
    }
}

/// Bars that a horizon in minutes spans.
pub fn bars_of(minutes: f64) -> f64 {
    (minutes * 60_000.0 / FIVE).max(1.0)
}
