//! Deribit, which is asked for implied volatility alone: its index of it, and its options.

mod endpoints;
mod normalise;

pub use endpoints::{ENDPOINTS, HOSTS};
pub(super) use normalise::normalise;
