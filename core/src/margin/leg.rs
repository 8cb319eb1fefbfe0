//! One position as the solver sees it.
//!
//! Both contract kinds are straight lines in the right coordinate `x`: the price itself for linear contracts, one over
//! the price for inverse ones. In `x`, notional is `units·x` and maintenance margin is piecewise linear, so equity minus
//! requirement is piecewise linear too and every liquidation price is an exact root, not an iteration.

use crate::market::tiers::Row;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payoff {
    /// `x` is the price; money in quote units.
    Linear,
    /// `x` is one over the price; money in the base coin.
    Inverse,
}

impl Payoff {
    /// The coordinate of a price, and the price of a coordinate: the same map.
    pub fn x(self, price: f64) -> f64 {
        match self {
            Self::Linear => price,
            Self::Inverse => 1.0 / price,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Leg {
    pub payoff: Payoff,
    /// +1 where profit rises with `x` (linear long, inverse short), else −1.
    pub direction: f64,
    /// Base units (linear) or total face value in quote units (inverse), > 0.
    pub units: f64,
    pub entry_x: f64,
    pub mark_x: f64,
    /// Maintenance rows over notional, ascending.
    pub rows: Vec<Row>,
    /// Share of notional held back for closing (OKX counts its taker fee in the liquidation test).
    pub fee_rate: f64,
    /// Requirement that does not move with the price (Bybit's closing fee, GMX's least collateral).
    pub reserve: f64,
    /// Collateral held in units of `x` (GMX: the index token).
    pub held: f64,
}

impl Leg {
    pub fn notional(&self, x: f64) -> f64 {
        self.units * x
    }
    pub fn pnl(&self, x: f64) -> f64 {
        self.direction * self.units * (x - self.entry_x)
    }
    /// Profit plus the value of collateral that moves with the price.
    pub fn value(&self, x: f64) -> f64 {
        self.pnl(x) + self.held * x
    }
    pub fn row_index(&self, x: f64) -> usize {
        let notional = self.notional(x);
        self.rows.partition_point(|r| r.floor <= notional).saturating_sub(1)
    }
    /// Maintenance margin by the tiers alone.
    pub fn tier_margin(&self, x: f64) -> f64 {
        let r = self.rows[self.row_index(x)];
        self.notional(x) * r.rate - r.amount
    }
    /// Everything equity has to exceed.
    pub fn requirement(&self, x: f64) -> f64 {
        self.tier_margin(x) + self.fee_rate * self.notional(x) + self.reserve
    }
    /// `(a, b)` such that value minus requirement is `a + b·x` while row `k` holds.
    pub fn line(&self, k: usize) -> (f64, f64) {
        let r = self.rows[k];
        (
            -self.direction * self.units * self.entry_x + r.amount - self.reserve,
            self.direction * self.units + self.held - self.units * (r.rate + self.fee_rate),
        )
    }
    /// Coordinates where the row changes.
    pub fn edges(&self) -> impl Iterator<Item = f64> + '_ {
        self.rows.iter().skip(1).map(|r| r.floor / self.units)
    }
}
