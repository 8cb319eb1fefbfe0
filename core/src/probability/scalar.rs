//! Random numbers one at a time, for what is not worth eight lanes.

use super::lanes::mix;
use super::normal::quantile;
use libm::sqrt;

/// SplitMix64: the same seed gives the same numbers everywhere.
pub(crate) struct Scalar(u64);

impl Scalar {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// In (0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mix(self.0) >> 11) as f64 / (1u64 << 53) as f64 + 1e-17
    }

    pub(crate) fn normal(&mut self) -> f64 {
        quantile(self.unit())
    }

    /// Student's t with a whole number of degrees of freedom above 2, scaled to variance 1.
    pub(crate) fn student(&mut self, degrees_of_freedom: u32) -> f64 {
        let z = self.normal();
        let squares: f64 = (0..degrees_of_freedom).map(|_| self.normal().powi(2)).sum();
        z * sqrt((f64::from(degrees_of_freedom) - 2.0) / squares.max(1e-300))
    }
}
