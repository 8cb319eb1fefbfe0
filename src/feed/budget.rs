//! Request weight of one host: refilled steadily, never more than a minute's worth at once.

pub(crate) struct Budget {
    per_minute: f64,
    left: f64,
    at: f64,
}

impl Budget {
    pub(crate) fn new(per_minute: f64, now: f64) -> Self {
        Self {
            per_minute,
            left: per_minute,
            at: now,
        }
    }

    /// Takes `weight` if there is enough, at time `now` (ms).
    pub(crate) fn take(&mut self, weight: f64, now: f64) -> bool {
        // A clock set back must not drain the budget.
        let passed = (now - self.at).max(0.0);
        self.left = (self.left + passed / 60_000.0 * self.per_minute).min(self.per_minute);
        self.at = now;
        let enough = self.left >= weight;
        if enough {
            self.left -= weight;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test(unsupported = test)]
    fn a_minute_gives_a_minutes_weight_and_no_more() {
        let mut b = Budget::new(10.0, 0.0);
        assert_eq!((0..20).filter(|_| b.take(1.0, 0.0)).count(), 10);
        assert!(!b.take(1.0, 5_999.0));
        assert!(b.take(1.0, 6_001.0));
        assert_eq!((0..50).filter(|_| b.take(1.0, 1e9)).count(), 10);
        assert!(!b.take(1.0, 0.0));
    }
}
