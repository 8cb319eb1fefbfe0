//! Hyperliquid perpetuals.

pub mod normalise;
pub mod rule;
pub mod wallet;
