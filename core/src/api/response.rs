//! What is answered.

pub use super::alerts::AlertsResponse;
pub use super::calibration::{CalibrationResponse, CellScore, Miss, WeightPath, WeightRow};
pub use super::cascade::CascadeResponse;
use super::explain::Step;
pub use super::hawkes::HawkesResponse;
pub use super::hedge::HedgeResponse;
pub use super::linked_cascade::LinkedCascadeResponse;
pub use super::liquidation_map::LiquidationMapResponse;
pub use super::probability::{
    Cause, FundingEffect, HorizonProbability, LeverageRow, MarketUsed, ModelUsed, PoolProbability, PriceFan,
    ProbabilityResponse, Remedy, Sensitivity, TimeToLiquidation,
};
pub use super::replay::ReplayResponse;
pub use super::size::SizeResponse;
pub use super::venues::VenuesResponse;
pub use super::volatility::{EstimatorResult, ModelFit, Parameter, VolatilityResponse, Weight};
pub use super::warning::WarningResponse;
use crate::margin::{AccountRoom, PairMove, PositionRoom};
use crate::venue::wire::Normalised;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum EngineResponse {
    Liquidation(LiquidationResponse),
    Funding(FundingResponse),
    Probability(Box<ProbabilityResponse>),
    Volatility(VolatilityResponse),
    Calibration(Box<CalibrationResponse>),
    Size(Box<SizeResponse>),
    Hedge(Box<HedgeResponse>),
    LinkedCascade(Box<LinkedCascadeResponse>),
    LiquidationMap(Box<LiquidationMapResponse>),
    Cascade(Box<CascadeResponse>),
    Hawkes(Box<HawkesResponse>),
    Replay(Box<ReplayResponse>),
    Venues(Box<VenuesResponse>),
    Warning(Box<WarningResponse>),
    Alerts(Box<AlertsResponse>),
    Normalize(Box<NormalizeResponse>),
    Describe(Box<DescribeResponse>),
}

/// Where the tiers of a position came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct TierSource {
    pub symbol: String,
    /// "request", or the origin of the shipped snapshot.
    pub source: String,
    /// Date of the snapshot; null for tiers given in the request.
    pub date: Option<String>,
}

/// The venue rule an answer follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct RuleUsed {
    pub name: String,
    pub condition: String,
    pub source: String,
    pub as_of: String,
    pub trigger: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct LiquidationResponse {
    pub positions: Vec<PositionRoom>,
    pub account: AccountRoom,
    /// Every pair of markets of a cross account.
    pub pairs: Vec<PairMove>,
    /// Coin that the money figures are in.
    pub collateral: String,
    pub rule: RuleUsed,
    pub tiers: Vec<TierSource>,
    /// Everything that was not in the request and had to be taken as something.
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

/// Quantiles of a cost over past windows of the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct CostQuantiles {
    pub p05: f64,
    pub p50: f64,
    pub p95: f64,
}

/// Money in collateral units; a positive cost is paid by the trader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct FundingResponse {
    pub expected_cost: f64,
    /// Null when the history holds too few windows of this length.
    pub cost_quantiles: Option<CostQuantiles>,
    /// Funding rate a year as a fraction of notional; positive when longs pay.
    pub annualised_rate: f64,
    /// Null where the position has no margin of its own (cross).
    pub cost_over_margin: Option<f64>,
    /// Entry price at which the position would break even after the expected cost.
    pub effective_entry_price: f64,
    pub liquidation_price: Option<f64>,
    pub liquidation_price_after: Option<f64>,
    /// "given" or "history".
    pub basis: String,
    pub payments: f64,
    /// Past windows behind the quantiles.
    pub windows: usize,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct NormalizeResponse {
    pub source: String,
    #[serde(flatten)]
    pub found: Normalised,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

/// A shipped group of tiers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct SnapshotGroup {
    pub venue: crate::market::Venue,
    pub date: String,
    pub source: String,
    pub listings: Vec<crate::market::Listing>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct DescribeResponse {
    pub version: String,
    pub contract: String,
    pub venues: Vec<VenueRule>,
    pub snapshot: Vec<SnapshotGroup>,
    pub operations: Vec<Operation>,
    pub sources: Vec<String>,
    /// Addresses the page fetches from, as data.
    #[cfg_attr(feature = "wasm", tsify(type = "unknown[]"))]
    pub endpoints: Vec<Value>,
    #[cfg_attr(feature = "wasm", tsify(type = "unknown[]"))]
    pub sockets: Vec<Value>,
    #[cfg_attr(feature = "wasm", tsify(type = "unknown[]"))]
    pub hosts: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct VenueRule {
    pub venue: crate::market::Venue,
    pub rule: RuleUsed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Operation {
    pub op: String,
    /// JSON Schema of the request without `op`, `id` and `explain`, which every operation takes.
    #[cfg_attr(feature = "wasm", tsify(type = "unknown"))]
    pub request: Value,
    #[cfg_attr(feature = "wasm", tsify(type = "unknown"))]
    pub response: Value,
}
