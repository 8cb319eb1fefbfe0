//! OKX v5 swaps, linear and inverse.

pub mod normalise;
pub mod rule;
