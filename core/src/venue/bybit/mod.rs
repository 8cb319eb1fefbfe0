//! Bybit v5, linear and inverse.

pub mod normalise;
pub mod rule;
