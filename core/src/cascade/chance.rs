//! The stochastic cascade: many outside shocks, each with a depth, a size and levels of its own, each run to its fixed point.

use super::depth::{Depth, evaporated};
use crate::probability::scalar::Scalar;
use crate::units::{HOURS_PER_YEAR, Side};
use libm::{exp, sqrt};

/// Degrees of freedom of the shock: as heavy as the tails of hourly crypto returns are usually fitted.
const DEGREES: u32 = 4;

/// Standard deviations of logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Doubt {
    pub depth: f64,
    /// Of the positions that are not seen.
    pub size: f64,
    /// Of the distance of all levels: what the leverage mix leaves open.
    pub levels: f64,
}

/// Positions on the side that is hurt, sorted by distance, with sums.
pub struct Field<'a> {
    pub price: f64,
    pub side: Side,
    /// Distance of each liquidation price from the price, as a fraction; ascending.
    distances: Vec<f64>,
    /// Size and notional (at the liquidation price) of all up to and including it.
    size: Vec<f64>,
    notional: Vec<f64>,
    depth: &'a Depth,
    mark_share: f64,
    evaporation: f64,
}

/// One run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    pub shocked: f64,
    pub final_price: f64,
    pub final_mark: f64,
    pub notional: f64,
    pub size: f64,
}

impl<'a> Field<'a> {
    pub fn new(
        price: f64,
        side: Side,
        positions: &[(f64, f64)],
        depth: &'a Depth,
        mark_share: f64,
        evaporation: f64,
    ) -> Self {
        let s = side.sign();
        let mut sorted: Vec<(f64, f64)> = positions
            .iter()
            .map(|(size, level)| ((s * (1.0 - level / price)).max(0.0), *size))
            .collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut size, mut notional) = (Vec::with_capacity(sorted.len()), Vec::with_capacity(sorted.len()));
        let (mut q, mut n) = (0.0, 0.0);
        for (distance, amount) in &sorted {
            q += amount;
            n += amount * price * (1.0 - s * distance);
            size.push(q);
            notional.push(n);
        }
        Self {
            price,
            side,
            distances: sorted.into_iter().map(|d| d.0).collect(),
            size,
            notional,
            depth,
            mark_share,
            evaporation,
        }
    }

    pub fn notional(&self) -> f64 {
        self.notional.last().copied().unwrap_or(0.0)
    }

    /// To the fixed point after an outside move of `shock` (a fraction, towards the side's loss), with the depth, the sizes and
    /// the distances times these.
    pub fn run(&self, shock: f64, depth: f64, sizes: f64, distances: f64) -> Run {
        let s = self.side.sign();
        let start = self.price * (1.0 - s * shock);
        // A law alone is counted from the shocked price; of a book what the shock has passed is gone.
        let own = self.depth.rebased(start);
        let (depth_of, gone) = match &own {
            Some(law) => (law, 0.0),
            None => (self.depth, self.depth.passed(start)),
        };
        let thinner = depth * evaporated(self.evaporation, shock);
        let (mut price, mut mark) = (start, start);
        let mut reached = 0;
        loop {
            let away = s * (1.0 - mark / self.price) / distances;
            let now = self.distances.partition_point(|d| *d <= away);
            if now <= reached {
                break;
            }
            reached = now;
            let sold = self.size[now - 1] * sizes;
            match depth_of.price(gone + sold / thinner) {
                // The levels within the shock are gone: the price is never better than the shocked one.
                Some(p) => price = if s > 0.0 { p.min(start) } else { p.max(start) },
                None => break,
            }
            mark = start + self.mark_share * (price - start);
        }
        let at = |sums: &[f64]| reached.checked_sub(1).map_or(0.0, |k| sums[k] * sizes);
        Run {
            shocked: start,
            final_price: price,
            final_mark: mark,
            notional: at(&self.notional),
            size: at(&self.size),
        }
    }

    /// Runs for one horizon: the shock is the farthest that a driftless price of this volatility goes within it, with heavy
    /// tails (by reflection, the absolute value of where it ends).
    pub fn runs(&self, volatility: f64, hours: f64, doubt: Doubt, coverage: f64, runs: usize, seed: u64) -> Vec<Run> {
        let deviation = volatility * sqrt(hours / HOURS_PER_YEAR);
        let mut random = Scalar::new(seed);
        let lognormal = |random: &mut Scalar, d: f64| exp(d * random.normal());
        (0..runs)
            .map(|_| {
                let moved = deviation * random.student(DEGREES).abs();
                let shock = if self.side == Side::Long {
                    1.0 - exp(-moved)
                } else {
                    exp(moved) - 1.0
                };
                let depth = lognormal(&mut random, doubt.depth);
                // What is seen is certain; what is not is drawn.
                let unseen = (1.0 / coverage - 1.0) * lognormal(&mut random, doubt.size);
                let distances = lognormal(&mut random, doubt.levels);
                self.run(shock.min(0.99), depth, 1.0 + unseen, distances)
            })
            .collect()
    }

    /// The smallest shock whose forced notional exceeds `larger_than`, everything else at its middle; `None` if none does.
    pub fn trigger(&self, larger_than: f64, coverage: f64) -> Option<f64> {
        let exceeds = |shock: f64| self.run(shock, 1.0, 1.0 / coverage, 1.0).notional > larger_than;
        let (mut low, mut high) = (0.0, if self.side == Side::Long { 0.99 } else { 5.0 });
        if !exceeds(high) {
            return None;
        }
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if exceeds(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }
}
