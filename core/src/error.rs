//! The one error type that leaves the engine: a code, the field that was wrong, and a sentence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of failure it was. The words are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A value is missing, of the wrong type or out of range.
    InvalidInput,
    /// The symbol is in no snapshot and no instrument was given.
    UnknownSymbol,
    /// The request is well formed but carries too little data to answer.
    InsufficientData,
    /// An iteration did not reach its tolerance.
    NotConverged,
    /// The operation, venue or combination is not offered.
    Unsupported,
}

/// An error that names the field it is about, such as `account.positions[0].size`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct EngineError {
    pub code: ErrorCode,
    pub field: String,
    pub message: String,
}

impl EngineError {
    pub fn new(code: ErrorCode, field: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self {
            code,
            field: field.to_string(),
            message: message.to_string(),
        }
    }
    pub fn invalid(field: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidInput, field, message)
    }
    pub fn unsupported(field: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Unsupported, field, message)
    }
    pub fn insufficient(field: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InsufficientData, field, message)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for EngineError {}
