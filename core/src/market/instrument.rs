//! What a contract is: its kind, units, fees and tiers.

use super::tiers::Tier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How profit is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(rename_all = "lowercase")]
pub enum InstrumentKind {
    /// Size in base units, profit in quote units.
    Linear,
    /// Size in contracts of a fixed quote value, profit in the base coin.
    Inverse,
    /// A position against a pool (GMX v2): size in index tokens, money in USD.
    Pool,
}

impl InstrumentKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Inverse => "inverse",
            Self::Pool => "pool",
        }
    }
}

/// A contract's rules as a caller gives them or as the shipped snapshot holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    pub kind: InstrumentKind,
    /// Quote value of one contract (inverse) or base units in one contract (linear; 1 unless the venue counts contracts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_size: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_size: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker_fee: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker_fee: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation_fee: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_interval_hours: Option<f64>,
    #[serde(default)]
    pub tiers: Vec<Tier>,
    /// Pool venues, instead of tiers: the share of size under which a position is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_collateral_factor: Option<f64>,
    /// Pool venues: the least collateral in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_collateral_usd: Option<f64>,
}

impl Instrument {
    /// An instrument of a kind with nothing else known.
    pub fn bare(kind: InstrumentKind) -> Self {
        Self {
            kind,
            contract_size: None,
            tick_size: None,
            taker_fee: None,
            maker_fee: None,
            liquidation_fee: None,
            funding_interval_hours: None,
            tiers: Vec::new(),
            min_collateral_factor: None,
            min_collateral_usd: None,
        }
    }
}

/// An instrument as listed by a venue: its names beside its rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Listing {
    pub symbol: String,
    pub base: String,
    pub quote: String,
    /// The coin that margin and profit are paid in.
    pub settle: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lot_size: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min_size: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_leverage: Option<f64>,
    pub instrument: Instrument,
}
