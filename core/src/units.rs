//! Units and range checks shared by every module.
//!
//! | quantity | unit | accepted range |
//! |---|---|---|
//! | price | quote per base | (0, 1e12] |
//! | size | base units (linear) or contracts (inverse) | (0, 1e15] |
//! | money | collateral units | ±1e18 |
//! | leverage | notional over margin | (0, 1000] |
//! | rate, fraction | plain fraction (0.01 is 1 %) | per field |
//! | time | UTC milliseconds | 2009-01-01 to 2100-01-01 |
//!
//! The bounds are wide enough for every listed contract and narrow enough that products of accepted numbers stay
//! finite, which is why no infinity can leave the engine.

use crate::error::EngineError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

pub const MAX_PRICE: f64 = 1e12;
pub const MAX_SIZE: f64 = 1e15;
pub const MAX_MONEY: f64 = 1e18;
pub const MAX_LEVERAGE: f64 = 1000.0;
/// Smallest price, size or leverage accepted: far under any tick or lot, far over the underflow range.
pub const MIN_POSITIVE: f64 = 1e-15;
const EARLIEST_MS: f64 = 1_230_768_000_000.0;
const LATEST_MS: f64 = 4_102_444_800_000.0;
pub const HOURS_PER_YEAR: f64 = 365.0 * 24.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Long,
    Short,
}

impl Side {
    /// +1 for a long, −1 for a short.
    pub fn sign(self) -> f64 {
        match self {
            Self::Long => 1.0,
            Self::Short => -1.0,
        }
    }
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Long => Self::Short,
            Self::Short => Self::Long,
        }
    }
    pub fn word(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(rename_all = "lowercase")]
pub enum MarginMode {
    Isolated,
    Cross,
}

fn range(field: impl fmt::Display, value: f64, low: f64, high: f64, what: &str) -> Result<f64, EngineError> {
    if !value.is_finite() {
        return Err(EngineError::invalid(field, "must be a finite number"));
    }
    if value < low || value > high {
        return Err(EngineError::invalid(field, format!("{what}; got {}", shown(value))));
    }
    Ok(value)
}

/// A number for a message: exponents instead of hundreds of digits.
fn shown(value: f64) -> String {
    if value != 0.0 && !(1e-6..1e16).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

pub fn price(field: impl fmt::Display, value: f64) -> Result<f64, EngineError> {
    range(
        field,
        value,
        MIN_POSITIVE,
        MAX_PRICE,
        "must be a price above 0 and at most 1e12",
    )
}
pub fn size(field: impl fmt::Display, value: f64) -> Result<f64, EngineError> {
    range(field, value, MIN_POSITIVE, MAX_SIZE, "must be above 0 and at most 1e15")
}
pub fn leverage(field: impl fmt::Display, value: f64) -> Result<f64, EngineError> {
    range(field, value, 1e-6, MAX_LEVERAGE, "must be above 0 and at most 1000")
}
pub fn money(field: impl fmt::Display, value: f64) -> Result<f64, EngineError> {
    range(field, value, -MAX_MONEY, MAX_MONEY, "must be within ±1e18")
}
pub fn non_negative_money(field: impl fmt::Display, value: f64) -> Result<f64, EngineError> {
    range(field, value, 0.0, MAX_MONEY, "must be 0 or more and at most 1e18")
}
pub fn between(field: impl fmt::Display, value: f64, low: f64, high: f64) -> Result<f64, EngineError> {
    range(field, value, low, high, &format!("must be between {low} and {high}"))
}
pub fn millis(field: impl fmt::Display, value: f64) -> Result<f64, EngineError> {
    range(
        field,
        value,
        EARLIEST_MS,
        LATEST_MS,
        "must be a UTC time in milliseconds between 2009 and 2100",
    )
}
pub fn horizon_hours(field: impl fmt::Display, value: f64) -> Result<f64, EngineError> {
    range(
        field,
        value,
        1e-3,
        5.0 * HOURS_PER_YEAR,
        "must be a horizon in hours, above 0 and at most five years",
    )
}
