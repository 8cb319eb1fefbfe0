//! The chance that an account is liquidated within a horizon.
//!
//! Prices follow one of several models ([`Model`]); funding is constant or returns to its mean, and is paid on the mark
//! notional at its instants. Where a single position pays no funding under constant volatility the closed form is exact
//! and used; everywhere else paths are simulated with randomised quasi-Monte-Carlo, eight side by side, and between grid
//! points the conditional chance of having crossed is counted (Brownian bridge), so that the answer does not depend on
//! the grid. Work is cut into blocks whose results depend on the request alone, never on who computes them.

pub mod closed_form;
mod grid;
mod job;
mod lanes;
mod mixing;
pub mod normal;
mod pools;
mod prices;
pub(crate) mod scalar;
mod simulate;
mod sobol;

pub use job::{Funding, History, Job, Jumps, Model, Pool, Reversion};
pub use simulate::{Block, Estimate, Kernel, Observer, Rounds, SCRAMBLES, on_top, run, standard_error};
