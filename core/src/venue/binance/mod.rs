//! Binance USDⓈ-M and COIN-M futures.

pub mod normalise;
pub mod rule;
