//! Request weight of one host: refilled steadily, never more than a minute's worth at once.

use headroom_core::venue::endpoint;
use std::cell::RefCell;
use std::collections::HashMap;

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

    fn refill(&mut self, now: f64) -> f64 {
        // A clock set back must not drain the budget.
        let passed = (now - self.at).max(0.0);
        self.left = (self.left + passed / 60_000.0 * self.per_minute).min(self.per_minute);
        self.at = now;
        self.left
    }

    /// Takes `weight` if there is enough, at time `now` (ms).
    pub(crate) fn take(&mut self, weight: f64, now: f64) -> bool {
        let enough = self.refill(now) >= weight;
        if enough {
            self.left -= weight;
        }
        enough
    }
}

thread_local! {
    /// By host; those of the venues' lists alone.
    static HOSTS: RefCell<HashMap<&'static str, Budget>> = RefCell::default();
}

/// Half of what each host allows: the person may have other tabs and tools on the same address.
pub(super) fn begin(now: f64) {
    HOSTS.with(|h| {
        let mut h = h.borrow_mut();
        for host in endpoint::hosts() {
            h.insert(host.host, Budget::new(f64::from(host.weight_per_minute) / 2.0, now));
        }
    });
}

/// Whether a host may be asked for this much now.
pub(super) fn affords(host: &str, weight: f64, now: f64) -> bool {
    HOSTS.with(|h| h.borrow_mut().get_mut(host).is_none_or(|b| b.refill(now) >= weight))
}

/// Counts a request. What a person asked for is not held back: what the page asks by itself waits for it.
pub(super) fn charge(host: &str, weight: f64) {
    let now = js_sys::Date::now();
    HOSTS.with(|h| {
        if let Some(b) = h.borrow_mut().get_mut(host) {
            b.refill(now);
            b.left = (b.left - weight).max(-b.per_minute);
        }
    });
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
