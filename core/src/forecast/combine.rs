//! From what several models say to one probability: weights by their record, then a map fitted on past forecasts.

use super::scores::log_score;
use libm::{exp, log};
use nalgebra::{Matrix3, Vector3};

/// Weights by log score with forgetting: `w ∝ exp(−Σ λ^age · score)`, forecasts of one time averaged first.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Discounted sums of scores, by member.
    sums: Vec<f64>,
    /// What is left of a sum after the next time.
    memory: f64,
    /// Times that overlap tell the same thing: their scores count by this share.
    share: f64,
}

impl Weights {
    /// `half_life` in forecast times; `overlap`: how many forecast times a horizon spans.
    pub fn new(members: usize, half_life: f64, overlap: f64) -> Self {
        Self {
            sums: vec![0.0; members],
            memory: exp(-std::f64::consts::LN_2 / half_life),
            share: 1.0 / overlap.max(1.0),
        }
    }

    /// Books one time's outcomes: rows of what each member said and what happened.
    pub fn learn<'a>(&mut self, rows: impl Iterator<Item = (&'a [f64], bool)>) {
        let mut scores = vec![0.0; self.sums.len()];
        let mut n = 0.0;
        for (said, happened) in rows {
            for (s, p) in scores.iter_mut().zip(said) {
                *s += log_score(*p, happened);
            }
            n += 1.0;
        }
        if n == 0.0 {
            return;
        }
        // The mean over cells, times the number of cells that say something of their own: about the root of it.
        let scale = self.share * libm::sqrt(n) / n;
        for (sum, s) in self.sums.iter_mut().zip(scores) {
            *sum = *sum * self.memory + s * scale;
        }
    }

    pub fn weights(&self) -> Vec<f64> {
        let least = self.sums.iter().copied().fold(f64::INFINITY, f64::min);
        let raw: Vec<f64> = self.sums.iter().map(|s| exp(least - s)).collect();
        let total: f64 = raw.iter().sum();
        raw.into_iter().map(|w| w / total).collect()
    }
}

/// Beta calibration: `logit q = a·ln p − b·ln(1 − p) + c`, held to the identity (a = b = 1, c = 0) by a prior.
///
/// Source: Kull, Silva Filho and Flach, "Beta calibration" (AISTATS 2017).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    pub a: f64,
    pub b: f64,
    pub c: f64,
}

impl Map {
    pub const IDENTITY: Self = Self { a: 1.0, b: 1.0, c: 0.0 };
    /// Independent forecasts that the prior is worth.
    const PRIOR: f64 = 12.0;

    pub fn apply(&self, p: f64) -> f64 {
        let p = p.clamp(1e-9, 1.0 - 1e-9);
        1.0 / (1.0 + exp(-(self.a * log(p) - self.b * log(1.0 - p) + self.c)))
    }

    /// Fitted by Newton's method to past forecasts; `weight` is what one of them counts. Slopes are kept positive: the map
    /// must not turn the order round.
    pub fn fit(past: &[(f64, bool)], weight: f64) -> Self {
        let mut m = Self::IDENTITY;
        for _ in 0..25 {
            // Gradient and Hessian of the penalised likelihood in (a, b, c).
            let mut gradient = Vector3::new(m.a - 1.0, m.b - 1.0, m.c) * -Self::PRIOR;
            let mut hessian = Matrix3::identity() * Self::PRIOR;
            for (p, happened) in past {
                let p = p.clamp(1e-9, 1.0 - 1e-9);
                let x = Vector3::new(log(p), -log(1.0 - p), 1.0);
                let q = m.apply(p);
                gradient += x * (weight * (f64::from(*happened) - q));
                hessian += x * x.transpose() * (weight * q * (1.0 - q));
            }
            let Some(step) = hessian.lu().solve(&gradient) else {
                break;
            };
            m.a = (m.a + step[0]).clamp(0.2, 5.0);
            m.b = (m.b + step[1]).clamp(0.2, 5.0);
            m.c = (m.c + step[2]).clamp(-4.0, 4.0);
            if step.iter().all(|s| s.abs() < 1e-9) {
                break;
            }
        }
        m
    }
}
