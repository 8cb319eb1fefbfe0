//! Shared by tests that go through the one door: ask, read a number, make random ones.
#![allow(dead_code, reason = "each test file uses a part")]

use headroom_core::evaluate_json;
use serde_json::Value;

pub(crate) fn ask(request: &Value) -> Value {
    serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap()
}

pub(crate) fn n(v: &Value) -> f64 {
    v.as_f64().unwrap_or_else(|| panic!("no number: {v}"))
}

/// A generator of the tests' own (Knuth's MMIX), so that nothing of the engine makes the data it is tested on.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
    pub(crate) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        let mut left = self.exponential();
        let mut k = 0;
        while left < mean {
            left += self.exponential();
            k += 1;
        }
        k
    }
}
