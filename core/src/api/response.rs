//! What is answered.

use super::explain::Step;
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
    Probability(ProbabilityResponse),
    Normalize(NormalizeResponse),
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

/// Probability that any position of the account is liquidated within `hours`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct HorizonProbability {
    pub hours: f64,
    pub probability: f64,
    /// Of the computation, not of the model: 0 where a closed form was used.
    pub standard_error: f64,
}

/// Quantiles of a price at times ahead: rows of `[hours, 5 %, 25 %, 50 %, 75 %, 95 %]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct PriceFan {
    pub symbol: String,
    pub rows: Vec<[f64; 6]>,
}

/// Change of the probability at the longest horizon for a small change of one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Sensitivity {
    /// "volatility", "margin", "price" or "funding".
    pub input: String,
    /// The change, in words.
    pub change: String,
    pub probability_change: f64,
}

/// What was known of one market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct MarketUsed {
    pub symbol: String,
    /// Annual.
    pub volatility: f64,
    pub volatility_source: String,
    pub drift: f64,
    /// Per payment; null where none is paid.
    pub funding_rate: Option<f64>,
    pub funding_interval_hours: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct ModelUsed {
    pub kind: String,
    /// "closed_form" or "quasi_monte_carlo".
    pub method: String,
    pub reason: String,
    pub markets: Vec<MarketUsed>,
    /// Paths and steps of the simulation; 0 for a closed form.
    pub paths: u32,
    pub steps: usize,
    /// Whether the target standard error was reached.
    pub reached_target: bool,
}

/// Probability that each position (isolated) or the account (cross) is liquidated by the longest horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct PoolProbability {
    pub symbols: Vec<String>,
    pub probability: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct ProbabilityResponse {
    pub horizons: Vec<HorizonProbability>,
    /// Rows of `[hours, probability of no liquidation so far]`.
    pub survival: Vec<(f64, f64)>,
    pub price_fan: Vec<PriceFan>,
    pub sensitivities: Vec<Sensitivity>,
    pub pools: Vec<PoolProbability>,
    pub model: ModelUsed,
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
