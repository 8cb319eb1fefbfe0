//! Headroom's engine: how much room is left between a leveraged position and its liquidation.
//!
//! Pure functions: no I/O, clock, global state or hidden randomness. One door, [`api::evaluate`], serves Rust callers,
//! the command line, JavaScript and the page alike.
//!
//! | module | what it holds | imports |
//! |---|---|---|
//! | [`units`] | sides, modes, range checks | – |
//! | [`market`] | plain data: instruments, tiers, accounts, candles | units |
//! | [`margin`] | equity, requirement and the root where they meet | market |
//! | [`funding`] | what holding costs | market |
//! | [`volatility`] | how much a market moves: estimators and fitted models | market |
//! | [`probability`] | first passage: paths, crossings, their count | margin, volatility |
//! | [`forecast`] | forecasts of touches and their record | probability, volatility |
//! | [`replay`] | the past, bar by bar, for a position and a plan | market, probability |
//! | [`warning`] | what announces forced selling | volatility |
//! | [`alerts`] | when a change of state is told | – |
//! | [`venue`] | each exchange's rule, words and addresses | margin, market |
//! | [`api`] | requests, answers, explanations | all of the above |
//! | `wasm` | the same door in JavaScript's types (feature `wasm`) | api |

pub mod alerts;
pub mod api;
pub mod cascade;
pub mod dependence;
pub mod error;
pub mod forecast;
pub mod funding;
pub mod margin;
pub mod market;
pub mod probability;
pub mod replay;
pub mod units;
pub mod venue;
pub mod volatility;
pub mod warning;

#[cfg(feature = "wasm")]
pub mod wasm;

pub use api::{evaluate, evaluate_json};
pub use error::{EngineError, ErrorCode};
