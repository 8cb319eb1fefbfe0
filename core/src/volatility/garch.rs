//! GARCH(1,1) and GJR-GARCH(1,1) with Student-t errors, by maximum likelihood.
//!
//! `r_t = μ + ε_t`, `ε_t = √h_t·z_t`, `h_{t+1} = ω + (α + γ·1[ε_t < 0])·ε_t² + β·h_t`, `z` Student-t with ν degrees of
//! freedom, scaled to variance 1. Sources: Bollerslev (1987); Glosten, Jagannathan and Runkle (1993). The variance before
//! the first return is an exponentially weighted mean of the first 75 squared deviations, as in Python's `arch`.

use super::optimise::{Minimum, minimise};
use libm::{exp, lgamma, log, sqrt, tanh};
use nalgebra::DMatrix;

/// Fewest returns from which a model is fitted.
pub const LEAST_RETURNS: usize = 250;
/// Smallest degrees of freedom, as in `arch`.
const LEAST_FREEDOM: f64 = 2.05;
/// Persistence from which the long-run variance is no longer told.
const UNIT_ROOT: f64 = 0.9999;

/// What a simulation needs of a model: variances per bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Garch {
    pub omega: f64,
    pub alpha: f64,
    pub gamma: f64,
    pub beta: f64,
    pub degrees_of_freedom: f64,
    /// Variance of the next bar.
    pub variance_now: f64,
}

impl Garch {
    /// Expected persistence of variance from bar to bar.
    pub fn persistence(&self) -> f64 {
        self.alpha + 0.5 * self.gamma + self.beta
    }
    /// Mean variance over the next `bars` bars.
    pub fn mean_variance(&self, bars: f64) -> f64 {
        let p = self.persistence();
        let bars = bars.max(1.0);
        if (1.0 - p).abs() < 1e-9 {
            return self.variance_now + 0.5 * self.omega * (bars - 1.0);
        }
        let long_run = self.omega / (1.0 - p);
        long_run + (self.variance_now - long_run) * (1.0 - libm::pow(p, bars)) / (bars * (1.0 - p))
    }
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    pub mean: f64,
    pub garch: Garch,
    pub log_likelihood: f64,
    /// Of mean, ω, α, γ, β, ν (γ 0 where it is not a parameter, ω 0 where it is held); absent at a bound.
    pub standard_errors: Option<[f64; 6]>,
    pub converged: bool,
    pub iterations: usize,
    /// Parameters that stand at the edge of what is allowed.
    pub at_bound: Option<&'static str>,
    pub observations: usize,
}

/// How much of the model is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// γ = 0.
    Symmetric,
    Gjr,
    /// GJR with ω held so that the long-run variance is the sample's: what simulations use, since a free ω with a
    /// persistence near 1 has no long-run variance to return to.
    Targeted,
}

/// The series in units of its own standard deviation.
struct Sample {
    y: Vec<f64>,
    mean: f64,
    sd: f64,
    backcast: f64,
}

impl Sample {
    fn new(returns: &[f64]) -> Option<Self> {
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let sd = sqrt(returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0));
        if !(sd > 1e-12 && sd.is_finite()) {
            return None;
        }
        let y: Vec<f64> = returns.iter().map(|r| r / sd).collect();
        let (mut weight, mut total, mut sum) = (1.0, 0.0, 0.0);
        for y in y.iter().take(75) {
            sum += weight * (y - mean / sd) * (y - mean / sd);
            total += weight;
            weight *= 0.94;
        }
        Some(Self {
            y,
            mean: mean / sd,
            sd,
            backcast: sum / total,
        })
    }

    /// Log-likelihood of `[μ, ω, α, γ, β, ν]` in the sample's units, and the variance after the last return.
    fn log_likelihood(&self, p: &[f64; 6]) -> (f64, f64) {
        let [mu, omega, alpha, gamma, beta, nu] = *p;
        let mut h = omega + (alpha + 0.5 * gamma + beta) * self.backcast;
        let (mut logs, mut tails) = (0.0, 0.0);
        let (mut product_h, mut product_tail) = (1.0, 1.0);
        let scale = 1.0 / (nu - 2.0);
        for (i, y) in self.y.iter().enumerate() {
            let e = y - mu;
            let square = e * e;
            product_h *= h;
            product_tail *= 1.0 + square * scale / h;
            // One logarithm for eight returns: the products stay far inside the range of doubles.
            if i % 8 == 7 {
                logs += log(product_h);
                tails += log(product_tail);
                (product_h, product_tail) = (1.0, 1.0);
            }
            h = omega + (alpha + if e < 0.0 { gamma } else { 0.0 }) * square + beta * h;
            if !(h > 1e-12 && h < 1e12) {
                return (f64::NEG_INFINITY, h);
            }
        }
        logs += log(product_h);
        tails += log(product_tail);
        let n = self.y.len() as f64;
        let constant = lgamma(0.5 * (nu + 1.0)) - lgamma(0.5 * nu) - 0.5 * log(std::f64::consts::PI * (nu - 2.0));
        (n * (constant - log(self.sd)) - 0.5 * logs - 0.5 * (nu + 1.0) * tails, h)
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// Parameters from free numbers: persistence and the part of it that reacts to shocks lie in (0, 1), the lean towards
/// falls in (−1, 1), degrees of freedom above their bound.
fn unpack(x: &[f64], shape: Shape) -> [f64; 6] {
    let persistence = logistic(x[1]);
    let reacting = persistence * logistic(x[2]);
    let nu = LEAST_FREEDOM + exp(x[3].min(6.2));
    let lean = if shape == Shape::Symmetric { 0.0 } else { tanh(x[4]) };
    let omega = match shape {
        Shape::Targeted => 1.0 - persistence,
        Shape::Symmetric => exp(x[4].clamp(-40.0, 5.0)),
        Shape::Gjr => exp(x[5].clamp(-40.0, 5.0)),
    };
    [
        x[0],
        omega,
        reacting * (1.0 - lean),
        2.0 * lean * reacting,
        persistence - reacting,
        nu,
    ]
}

/// Fits a model to log returns of equal length in time; a reason where it cannot.
pub fn fit(returns: &[f64], shape: Shape) -> Result<Fit, String> {
    if returns.len() < LEAST_RETURNS {
        return Err(format!("needs {LEAST_RETURNS} returns; there are {}", returns.len()));
    }
    let sample = Sample::new(returns).ok_or("prices do not move")?;
    if returns.iter().filter(|r| **r == 0.0).count() * 2 > returns.len() {
        return Err("more than half of the bars do not move".to_owned());
    }
    let f = |x: &[f64]| {
        let value = -sample.log_likelihood(&unpack(x, shape)).0;
        if value.is_finite() { value } else { 1e300 }
    };
    let logit = |p: f64| log(p / (1.0 - p));
    let mut starts: Vec<(f64, Vec<f64>)> = Vec::new();
    for persistence in [0.9, 0.98, 0.995] {
        for alpha in [0.05, 0.12, 0.25] {
            let mut x = vec![sample.mean, logit(persistence), logit(alpha / persistence), log(3.0)];
            if shape != Shape::Symmetric {
                x.push(0.1);
            }
            if shape != Shape::Targeted {
                x.push(log(1.0 - persistence));
            }
            starts.push((f(&x), x));
        }
    }
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let tolerance = 1e-11;
    let mut best: Option<Minimum> = None;
    for (_, x) in starts.iter().take(2) {
        let first = minimise(&f, x, tolerance);
        // A second run from where the first ended, with fresh curvature.
        let m = minimise(&f, &first.at, tolerance);
        if best.as_ref().is_none_or(|b| m.value < b.value) {
            best = Some(m);
        }
    }
    let best = best
        .filter(|b| b.value < 1e299)
        .ok_or("no starting point has a likelihood")?;
    let p = unpack(&best.at, shape);
    let (log_likelihood, next) = sample.log_likelihood(&p);
    let sd = sample.sd;
    let at_bound = if p[2] + 0.5 * p[3] + p[4] > UNIT_ROOT {
        Some("persistence is at 1: variance has no long-run level")
    } else if p[5] < LEAST_FREEDOM + 1e-3 {
        Some("degrees of freedom are at their lower bound")
    } else if p[2] + 0.5 * p[3] < 1e-5 {
        Some("variance does not react to returns")
    } else {
        None
    };
    Ok(Fit {
        mean: p[0] * sd,
        garch: Garch {
            omega: p[1] * sd * sd,
            alpha: p[2],
            gamma: p[3],
            beta: p[4],
            degrees_of_freedom: p[5],
            variance_now: next * sd * sd,
        },
        log_likelihood,
        standard_errors: if at_bound.is_some() {
            None
        } else {
            errors(&sample, &p, shape)
        },
        converged: best.converged,
        iterations: best.iterations,
        at_bound,
        observations: returns.len(),
    })
}

/// Log-likelihood of given parameters, for checks.
pub fn log_likelihood(returns: &[f64], mean: f64, g: &Garch) -> Option<f64> {
    let s = Sample::new(returns)?;
    let p = [
        mean / s.sd,
        g.omega / (s.sd * s.sd),
        g.alpha,
        g.gamma,
        g.beta,
        g.degrees_of_freedom,
    ];
    Some(s.log_likelihood(&p).0)
}

/// Shocks of the past standardised by the model's variances, oldest first, with the variances.
pub fn filter(returns: &[f64], mean: f64, g: &Garch) -> Option<(Vec<f64>, Vec<f64>, f64)> {
    let s = Sample::new(returns)?;
    let mut h = g.omega + g.persistence() * s.backcast * s.sd * s.sd;
    let mut shocks = Vec::with_capacity(returns.len());
    let mut variances = Vec::with_capacity(returns.len());
    for r in returns {
        let e = r - mean;
        shocks.push(e / sqrt(h));
        variances.push(h);
        h = g.omega + (g.alpha + if e < 0.0 { g.gamma } else { 0.0 }) * e * e + g.beta * h;
    }
    Some((shocks, variances, h))
}

/// From the curvature of the log-likelihood in the free parameters.
fn errors(sample: &Sample, p: &[f64; 6], shape: Shape) -> Option<[f64; 6]> {
    let free: &[usize] = match shape {
        Shape::Symmetric => &[0, 1, 2, 4, 5],
        Shape::Gjr => &[0, 1, 2, 3, 4, 5],
        Shape::Targeted => &[0, 2, 3, 4, 5],
    };
    let value = |moves: &[(usize, f64)]| {
        let mut q = *p;
        for (i, h) in moves {
            q[*i] += h;
        }
        if shape == Shape::Targeted {
            q[1] = 1.0 - q[2] - 0.5 * q[3] - q[4];
        }
        sample.log_likelihood(&q).0
    };
    let step = |i: usize| 1e-4 * p[i].abs().max(1e-2);
    let n = free.len();
    let hessian = DMatrix::from_fn(n, n, |a, b| {
        let (i, j) = (free[a], free[b]);
        let (hi, hj) = (step(i), step(j));
        if i == j {
            (value(&[(i, hi)]) - 2.0 * value(&[]) + value(&[(i, -hi)])) / (hi * hi)
        } else {
            (value(&[(i, hi), (j, hj)]) - value(&[(i, hi), (j, -hj)]) - value(&[(i, -hi), (j, hj)])
                + value(&[(i, -hi), (j, -hj)]))
                / (4.0 * hi * hj)
        }
    });
    let covariance = (-hessian).try_inverse()?;
    let unit = [sample.sd, sample.sd * sample.sd, 1.0, 1.0, 1.0, 1.0];
    let mut out = [0.0; 6];
    for (a, &i) in free.iter().enumerate() {
        let v = covariance[(a, a)];
        if !(v > 0.0 && v.is_finite()) {
            return None;
        }
        out[i] = sqrt(v) * unit[i];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use libm::log1p;

    /// The density in its usual form.
    fn density(e: f64, h: f64, nu: f64) -> f64 {
        lgamma(0.5 * (nu + 1.0))
            - lgamma(0.5 * nu)
            - 0.5 * log(std::f64::consts::PI * (nu - 2.0) * h)
            - 0.5 * (nu + 1.0) * log1p(e * e / ((nu - 2.0) * h))
    }

    #[test]
    fn a_student_density_integrates_to_one_with_the_stated_variance() {
        let (h, nu) = (2.0, 5.0);
        let (mut mass, mut second) = (0.0, 0.0);
        for k in -400_000..400_000 {
            let e = f64::from(k) * 1e-3;
            let d = exp(density(e, h, nu)) * 1e-3;
            mass += d;
            second += d * e * e;
        }
        assert!(
            (mass - 1.0).abs() < 1e-6 && (second - h).abs() < 2e-3,
            "{mass} {second}"
        );
    }
}
