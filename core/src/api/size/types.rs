//! Shapes of operation `size`.

use crate::api::Step;
use crate::api::probability::ModelUsed;
use crate::api::request::ModelChoice;
use crate::market::{Account, Instrument, Market, Venue};
use crate::units::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The position that is to be sized.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub symbol: String,
    pub side: Side,
    /// That of the account when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    /// Price at which it is opened, which is its mark then.
    pub entry_price: f64,
    /// Isolated: notional over margin; the largest allowed when absent. Cross: what the venue's tiers must allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
}

/// What the book must keep once the candidate is in it. A limit that is absent does not bind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of any liquidation of the account within the horizon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_liquidation_probability: Option<f64>,
    pub horizon_hours: f64,
    /// Mean loss of the whole book in the worst `1 − confidence` of outcomes at the horizon's end, collateral units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_expected_shortfall: Option<f64>,
    /// 0.99 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Sum of notionals over equity; 3 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_leverage: Option<f64>,
    /// Slippage against the middle of the book plus taker fee of closing the candidate at once, collateral units; wants
    /// the candidate's `book`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_exit_cost: Option<f64>,
    /// Annual volatility of equity for the reference size; 0.4 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility_target: Option<f64>,
    /// For the reference size: chance, ever, of falling to this share of today's equity; 0.1 and 0.5 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawdown: Option<DrawdownLimit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct DrawdownLimit {
    pub probability: f64,
    /// Of today's equity, 0 to 1.
    pub floor: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct SizeRequest {
    /// Open positions; may be none.
    pub account: Account,
    pub candidate: Candidate,
    #[cfg_attr(feature = "wasm", tsify(type = "Record<string, Market>"))]
    pub markets: BTreeMap<String, Market>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub correlations: Vec<(String, String, f64)>,
    pub limits: Limits,
    #[serde(default = "ModelChoice::auto")]
    pub model: ModelChoice,
    /// Of the probability at the size found; a twentieth of its limit, at most 0.001, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_standard_error: Option<f64>,
    #[serde(default)]
    pub seed: u32,
}

/// One limit by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct LimitSize {
    pub name: String,
    pub limit: f64,
    /// The largest size that keeps it; null: any size does. 0 with a value over the limit: none does.
    pub size: Option<f64>,
    /// What is limited, at the size answered, and without the candidate.
    pub value: Option<f64>,
    pub without: Option<f64>,
}

/// A position's part of the risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct RiskContribution {
    pub symbol: String,
    pub side: Side,
    /// Parts of the book's expected shortfall (collateral units) and of its annual volatility (of equity); each adds up.
    pub expected_shortfall: f64,
    pub volatility: f64,
}

/// How the markets move together in this answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct CorrelationUsed {
    pub symbols: Vec<String>,
    pub matrix: Vec<Vec<f64>>,
    /// From candles of all markets; null without.
    pub estimates: Option<CorrelationEstimates>,
}

/// Estimates beside the matrix in use, `[i][j]` as its symbols.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct CorrelationEstimates {
    /// Bars that all markets have.
    pub bars: usize,
    /// Weights halve after a fortnight, with 5 % and 95 %.
    pub ewma: Vec<Vec<f64>>,
    pub low: Vec<Vec<f64>>,
    pub high: Vec<Vec<f64>>,
    pub ledoit_wolf: Vec<Vec<f64>>,
    /// Share of the target (no correlation) in it.
    pub shrinkage: f64,
    /// Changing correlation (DCC), of the next bar; null where it cannot be fitted.
    pub dcc: Option<Vec<Vec<f64>>>,
    /// Of falls alone.
    pub downside: Vec<Vec<f64>>,
    /// How often one is among its worst twentieth when the other is; null with too few bars.
    pub tail: Option<Vec<Vec<f64>>>,
}

/// Sizes by other rules, for comparison; none of them is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct ReferenceSizes {
    /// The book's annual volatility at the target; null where no size reaches it or the book is beyond it already.
    pub volatility_target: Option<f64>,
    /// Growth-optimal on the drifts given, beside the open positions; null without drift.
    pub kelly: Option<f64>,
    pub half_kelly: Option<f64>,
    /// The share of it that keeps the chance of the drawdown.
    pub drawdown_kelly: Option<f64>,
    /// What the limits would allow if no market moved with another, constant volatility.
    pub independent: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct SizeResponse {
    /// Base units (linear) or contracts (inverse); 0 where no size keeps every limit.
    pub size: f64,
    pub feasible: bool,
    /// At entry, and what stands behind it: isolated margin, or initial margin at the account's leverage.
    pub notional: f64,
    pub margin: f64,
    /// Sum of notionals over equity with it.
    pub leverage: f64,
    /// The limit that stops it.
    pub binding_limit: Option<String>,
    /// The answer in a sentence.
    pub reason: String,
    pub limits: Vec<LimitSize>,
    pub liquidation_probability: f64,
    pub standard_error: f64,
    /// Without the candidate.
    pub liquidation_probability_before: f64,
    pub expected_shortfall: f64,
    pub expected_shortfall_standard_error: f64,
    /// Annual volatility of the book over equity.
    pub volatility: f64,
    /// Open positions in order, the candidate last.
    pub risk_contributions: Vec<RiskContribution>,
    pub correlation: CorrelationUsed,
    pub references: ReferenceSizes,
    pub model: ModelUsed,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}
