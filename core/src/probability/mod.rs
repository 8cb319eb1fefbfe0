//! The chance that an account is liquidated within a horizon.
//!
//! Prices are geometric Brownian motions, correlated, driftless unless told otherwise; funding is constant a market and
//! paid on the mark notional at its instants. Where a single position pays no funding the closed form is exact and used;
//! everywhere else paths are simulated with randomised quasi-Monte-Carlo, and between grid points the conditional chance
//! of having crossed is counted (Brownian bridge), so that the answer does not depend on the grid.
//!
//! Left out so far: fat tails, jumps, volatility that changes, funding that reverts (METHODS sections 2 and 3).

pub mod closed_form;
pub mod normal;
mod paths;
mod simulate;

pub use simulate::{Estimate, Funding, Job, Pool, run};
