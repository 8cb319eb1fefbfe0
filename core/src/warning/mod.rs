//! What announces forced selling: liquidations that set each other off, and the state of the market before them.

pub mod adjust;
pub mod features;
pub mod hawkes;
pub mod touch;
