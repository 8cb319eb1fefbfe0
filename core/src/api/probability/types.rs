//! What operation `probability` answers.

use crate::api::explain::Step;
use crate::units::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// "volatility", "margin", "leverage", "price" or "funding".
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
    /// Annual, expected over the longest horizon.
    pub volatility: f64,
    pub volatility_source: String,
    pub drift: f64,
    /// Per payment, at the next one; null where none is paid.
    pub funding_rate: Option<f64>,
    pub funding_interval_hours: Option<f64>,
    /// Where the rate returns to, and the part of a distance from there that is left after one payment; null if constant.
    pub funding_mean: Option<f64>,
    pub funding_persistence: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct ModelUsed {
    /// What was used; `auto` is answered with what it chose.
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
    /// For `auto`, of each market that has one; empty without.
    pub records: Vec<RecordUsed>,
}

/// The record that `auto` went by, of one market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct RecordUsed {
    pub symbol: String,
    /// First forecast and last bar, ms.
    pub from: f64,
    pub until: f64,
    pub forecasts: usize,
    /// Brier skill over the plain model, and its 5 % and 95 %.
    pub skill_gbm: Option<f64>,
    pub skill_gbm_interval: Option<[f64; 2]>,
    /// Whether the interval lies above 0; without it the plain model answers.
    pub has_skill: bool,
    /// The horizon of the record that the weights are of: the first that is no shorter than the longest asked for, else its last.
    pub horizon_hours: f64,
    /// `[model, weight]`.
    pub weights: Vec<(String, f64)>,
    /// The model with the largest weight, and since when (ms).
    pub leading: String,
    pub since: f64,
}

/// Probability that each position (isolated) or the account (cross) is liquidated by the longest horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct PoolProbability {
    pub symbols: Vec<String>,
    pub probability: f64,
}

/// How often a position brings the first liquidation about, by the longest horizon: isolated, the one that is
/// liquidated; cross, the one that had lost most since the start. They add up to the probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Cause {
    pub symbol: String,
    pub side: Side,
    pub probability: f64,
}

/// When liquidation comes, if it comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct TimeToLiquidation {
    /// Rows of `[from hour, to hour, probability]`.
    pub histogram: Vec<[f64; 3]>,
    /// Hours by which 5 %, 25 % and 50 % of all paths are liquidated; null: not within the longest horizon.
    pub p05: Option<f64>,
    pub p25: Option<f64>,
    pub p50: Option<f64>,
    /// Median hour among the paths that are liquidated within the longest horizon; null if next to none is.
    pub median_if_liquidated: Option<f64>,
}

/// What funding adds, on the same random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct FundingEffect {
    pub hours: f64,
    /// Probability with funding less probability without.
    pub added: f64,
}

/// The account at another leverage: rows of `[hours, probability]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct LeverageRow {
    pub leverage: f64,
    pub rows: Vec<[f64; 2]>,
    /// Largest of the row.
    pub standard_error: f64,
}

/// What would bring a pool's own probability at the longest horizon to the wanted one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Remedy {
    pub symbols: Vec<String>,
    /// As it is, and as wanted.
    pub probability: f64,
    pub target: f64,
    /// Collateral units; 0 when the probability is already there, null when no amount up to the notional does it.
    pub margin_to_add: Option<f64>,
    /// Share of every position of the pool to close at mark, the margin left where it is; fees not counted.
    pub size_to_cut: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct ProbabilityResponse {
    pub horizons: Vec<HorizonProbability>,
    /// Rows of `[hours, probability of no liquidation so far]`.
    pub survival: Vec<(f64, f64)>,
    pub price_fan: Vec<PriceFan>,
    pub time_to_liquidation: TimeToLiquidation,
    pub causes: Vec<Cause>,
    pub sensitivities: Vec<Sensitivity>,
    /// By horizon; empty when no funding is counted.
    pub funding_effect: Vec<FundingEffect>,
    pub pools: Vec<PoolProbability>,
    /// For the leverages asked for.
    pub leverage_map: Vec<LeverageRow>,
    /// For the `target_probability` asked for.
    pub remedies: Vec<Remedy>,
    pub model: ModelUsed,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}
