//! First passage of a Brownian motion with drift through a constant barrier.

use super::normal::{cdf, scaled_cdf};
use libm::sqrt;

/// Chance that a Brownian motion from 0 with drift `mu` and volatility `sigma` (per unit of time) reaches `barrier` within
/// `time`: for b < 0, `Φ((b − μT)/(σ√T)) + exp(2μb/σ²)·Φ((b + μT)/(σ√T))`, mirrored for b > 0; 1 at b = 0.
///
/// Source: Borodin and Salminen, Handbook of Brownian Motion (2002), 2.2.0.2.
pub fn hit_probability(barrier: f64, mu: f64, sigma: f64, time: f64) -> f64 {
    if barrier == 0.0 {
        return 1.0;
    }
    let (b, mu) = if barrier < 0.0 { (barrier, mu) } else { (-barrier, -mu) };
    if time <= 0.0 {
        return 0.0;
    }
    let spread = sigma * sqrt(time);
    // The square of a tiny volatility underflows: nothing moves then either.
    if spread == 0.0 || sigma * sigma < 1e-290 {
        return f64::from(mu * time <= b);
    }
    let p = cdf((b - mu * time) / spread) + scaled_cdf(2.0 * mu * b / (sigma * sigma), (b + mu * time) / spread);
    p.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_of_the_method_page() {
        // A 3x long at 80 % volatility over 30 days: exact 9.83 %. Maintenance 0.5 %: barrier (2/3)/0.995 of the price.
        let b = ((2.0f64 / 3.0) / 0.995).ln();
        let p = hit_probability(b, -0.32, 0.8, 30.0 / 365.0);
        assert!((p - 0.0983).abs() < 5e-5, "{p}");
    }

    #[test]
    fn it_solves_the_backward_equation_and_mirrors() {
        // p_t = μ p_x + σ²/2 p_xx in the distance x = −b: a second route to the formula.
        let (mu, sigma, t, h) = (0.3, 0.7, 0.4, 1e-4);
        for b in [-0.05, -0.3, -1.0] {
            let p = |b: f64, t: f64| hit_probability(b, mu, sigma, t);
            let p_t = (p(b, t + h) - p(b, t - h)) / (2.0 * h);
            // Starting h higher is a barrier h lower.
            let p_x = (p(b - h, t) - p(b + h, t)) / (2.0 * h);
            let p_xx = (p(b - h, t) - 2.0 * p(b, t) + p(b + h, t)) / (h * h);
            assert!((p_t - mu * p_x - 0.5 * sigma * sigma * p_xx).abs() < 1e-4, "{b}: {p_t}");
            assert_eq!(p(b, t), hit_probability(-b, -mu, sigma, t));
        }
    }

    #[test]
    fn limits() {
        assert_eq!(hit_probability(-1.0, 0.0, 0.0, 1.0), 0.0);
        assert_eq!(hit_probability(-1.0, -2.0, 0.0, 1.0), 1.0);
        assert_eq!(hit_probability(-1.0, 0.0, 1.0, 0.0), 0.0);
        // With downward drift the barrier is reached for certain in the end; without overflow on the way.
        assert!((hit_probability(-5.0, -50.0, 0.5, 10.0) - 1.0).abs() < 1e-12);
        assert!(hit_probability(-5.0, 50.0, 0.5, 10.0) < 1e-100);
    }
}
