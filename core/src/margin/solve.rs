//! Where equity meets the requirement along a line on which one or several prices move.
//!
//! `gap(z) = cash + Σ legs(value − requirement)` is piecewise linear in `z`; each piece is solved exactly, walking
//! outward from the present, so the tier that holds at the answer is the one that was used.

use super::leg::Leg;

/// A leg whose coordinate is `at + per·z`, never below 0.
pub struct Moving<'a> {
    pub leg: &'a Leg,
    pub at: f64,
    pub per: f64,
}

impl Moving<'_> {
    fn x(&self, z: f64) -> f64 {
        (self.at + self.per * z).max(0.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    Lower,
    Higher,
}

/// Equity minus requirement at `z`.
pub fn gap(cash: f64, legs: &[Moving], z: f64) -> f64 {
    cash + legs
        .iter()
        .map(|m| m.leg.value(m.x(z)) - m.leg.requirement(m.x(z)))
        .sum::<f64>()
}

/// `(a, b)` with `gap = a + b·z` on the piece that contains `z`.
fn piece(cash: f64, legs: &[Moving], z: f64) -> (f64, f64) {
    legs.iter().fold((cash, 0.0), |(a, b), m| {
        let x = m.x(z);
        let (c, d) = m.leg.line(m.leg.row_index(x));
        if x > 0.0 {
            (a + c + d * m.at, b + d * m.per)
        } else {
            (a + c, b)
        }
    })
}

/// The direction back to solvency for an account past it: where the gap rises. `None` when it does not move.
pub fn direction(cash: f64, legs: &[Moving], start: f64) -> Option<Towards> {
    let (_, slope) = piece(cash, legs, start);
    if slope > 0.0 {
        Some(Towards::Higher)
    } else if slope < 0.0 {
        Some(Towards::Lower)
    } else {
        None
    }
}

/// The first `z` from `start` (exclusive bounds `low`, `high`) at which the gap changes sign; `None` if it never does.
pub fn crossing(cash: f64, legs: &[Moving], start: f64, towards: Towards, low: f64, high: f64) -> Option<f64> {
    let mut edges: Vec<f64> = legs
        .iter()
        .filter(|m| m.per != 0.0)
        .flat_map(|m| {
            m.leg
                .edges()
                .chain(std::iter::once(0.0))
                .map(move |x| (x - m.at) / m.per)
        })
        .filter(|z| match towards {
            Towards::Lower => *z > low && *z < start,
            Towards::Higher => *z > start && *z < high,
        })
        .collect();
    edges.sort_by(f64::total_cmp);
    if towards == Towards::Lower {
        edges.reverse();
    }
    let end = if towards == Towards::Lower { low } else { high };
    edges.push(end);
    let solvent = gap(cash, legs, start) > 0.0;
    let mut from = start;
    for to in edges {
        let inside = if to.is_finite() {
            0.5 * (from + to)
        } else {
            from + from.abs().max(1.0)
        };
        let (a, b) = piece(cash, legs, inside);
        if (a + b * from > 0.0) != solvent && from != start {
            return Some(from); // a table whose own amounts leave a jump at the edge
        }
        if b != 0.0 {
            let root = -a / b;
            let (lo, hi) = if from < to { (from, to) } else { (to, from) };
            let crosses = if to.is_finite() {
                (a + b * to > 0.0) != solvent
            } else {
                root > lo
            };
            if crosses && root.is_finite() && root >= lo && root <= hi {
                return (root > low && root < high).then_some(root);
            }
            if crosses && to.is_finite() {
                return (to > low && to < high).then_some(to);
            }
        }
        from = to;
    }
    None
}
