//! An account and its positions as a caller writes them.

use super::instrument::Instrument;
use crate::units::{MarginMode, Side};
use crate::venue::Venue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub venue: Venue,
    pub margin_mode: MarginMode,
    /// Cross: collateral before unrealised profit and loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet_balance: Option<f64>,
    /// Cross: equity as the venue reports it; replaces wallet balance plus profit and loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_value: Option<f64>,
    /// Maintenance margin of positions that are not listed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_maintenance_margin: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral: Option<String>,
    pub positions: Vec<Position>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub symbol: String,
    pub side: Side,
    /// Base units (linear), contracts (inverse), index tokens (pool).
    pub size: f64,
    /// Required, except where `size_usd` gives it (pool venues).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_price: Option<f64>,
    pub mark_price: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage: Option<f64>,
    /// Isolated margin in collateral units, without profit and loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Margin added later, where the venue's rule tells it apart (Bybit); elsewhere simply added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_margin: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral: Option<Collateral>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accrued_fees: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_impact: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
}

impl Position {
    /// Opened now, at the mark; everything else is left to the venue's rule or set by the caller.
    pub fn at_mark(symbol: impl Into<String>, side: Side, size: f64, price: f64) -> Self {
        Self {
            symbol: symbol.into(),
            side,
            size,
            entry_price: Some(price),
            mark_price: price,
            leverage: None,
            margin: None,
            extra_margin: None,
            collateral: None,
            size_usd: None,
            accrued_fees: None,
            price_impact: None,
            instrument: None,
        }
    }
}

/// Which token lies behind a pool position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(rename_all = "lowercase")]
pub enum CollateralToken {
    /// The market's own index token: its value moves with the price.
    Index,
    Stable,
    /// Another token, held at its price when the index price is solved for.
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Collateral {
    pub token: CollateralToken,
    /// Tokens.
    pub amount: f64,
    /// USD a token.
    pub price: f64,
}
