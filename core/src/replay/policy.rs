//! What a plan does: how large the position should be, and what hedge should stand beside it, from what was known then.

use crate::probability::closed_form::hit_probability;
use crate::units::{HOURS_PER_YEAR, Side};
use libm::{exp, log};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Entered and left alone.
    Static,
    /// Leverage = target volatility over volatility, at most the leverage of the entry.
    VolatilityTarget { target: f64 },
    /// Cut when the chance of liquidation within the horizon passes the limit; back towards the entry's leverage when it is
    /// under half of it.
    ProbabilityCap { limit: f64, horizon_hours: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    pub kind: Kind,
    /// Net exposure over equity that the hedge aims at, signed, and the half-width within which it is left alone (0: none, a
    /// daily or other clock).
    pub hedge: Option<Hedge>,
    /// Bars between two decisions.
    pub every: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    pub target_delta: f64,
    pub band: f64,
}

/// A size is left alone while it is within this fraction of the wanted one.
const TOLERANCE: f64 = 0.1;
/// After a cut the chance stands at this share of the limit.
const AIM: f64 = 0.7;

/// Chance that a position at this leverage (notional over equity) meets its maintenance margin within the horizon.
pub fn chance(leverage: f64, side: Side, rate: f64, volatility: f64, horizon_hours: f64) -> f64 {
    let s = side.sign();
    // Equity 1, price 1: s·q·(P − 1) + 1 = rate·q·P.
    let level = (s - 1.0 / leverage) / (s - rate);
    if level <= 0.0 {
        return 0.0;
    }
    let b = log(level);
    if s * b >= 0.0 {
        return 1.0;
    }
    hit_probability(
        b,
        -0.5 * volatility * volatility,
        volatility,
        horizon_hours / HOURS_PER_YEAR,
    )
}

/// The leverage at which the chance is `wanted`, at most `most`.
fn leverage_at(wanted: f64, most: f64, side: Side, rate: f64, volatility: f64, horizon_hours: f64) -> f64 {
    let at = |x: f64| chance(exp(x), side, rate, volatility, horizon_hours);
    let (mut low, mut high) = (log(0.01), log(most));
    if at(high) <= wanted {
        return most;
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if at(middle) > wanted {
            high = middle;
        } else {
            low = middle;
        }
    }
    exp(low)
}

impl Policy {
    /// The leverage to go to, or `None` to leave the position alone.
    pub fn wanted(&self, now: f64, entry: f64, side: Side, rate: f64, volatility: f64) -> Option<f64> {
        if volatility <= 0.0 {
            return None;
        }
        let wanted = match self.kind {
            Kind::Static => return None,
            Kind::VolatilityTarget { target } => (target / volatility).min(entry),
            Kind::ProbabilityCap { limit, horizon_hours } => {
                let p = chance(now, side, rate, volatility, horizon_hours);
                if p > limit {
                    leverage_at(AIM * limit, now, side, rate, volatility, horizon_hours)
                } else if p < 0.5 * limit && now < entry {
                    leverage_at(AIM * limit, entry, side, rate, volatility, horizon_hours)
                } else {
                    return None;
                }
            }
        };
        ((wanted / now - 1.0).abs() > TOLERANCE).then_some(wanted)
    }
}
