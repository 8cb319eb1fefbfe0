//! How markets move together: returns aligned in time, covariance, correlation with its intervals, betas.

pub mod align;
pub mod beta;
pub mod covariance;
pub mod dcc;

pub use align::{Aligned, align};
pub use covariance::{correlation_interval, downside_correlation, ewma, ledoit_wolf, tail_dependence};
