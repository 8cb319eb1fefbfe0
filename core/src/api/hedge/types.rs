//! Shapes of operation `hedge`.

use crate::api::Step;
use crate::api::request::ModelChoice;
use crate::market::{Account, Instrument, Market, Venue};
use crate::units::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What could be traded as a hedge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct HedgeInstrument {
    pub symbol: String,
    /// That of the account when absent. Elsewhere the hedge stands on margin of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    pub price: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
    /// Of a hedge with margin of its own; 3 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage: Option<f64>,
    /// Fee and half spread of a trade, fraction of notional; the policy's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Exposure to the hedge's market that is wanted, as a multiple of equity; 0 if absent.
    #[serde(default)]
    pub target_delta: f64,
    /// Fee and half spread of a trade, fraction of notional.
    pub cost: f64,
    /// Price of risk: half of it times the annual variance of equity is what a year of risk costs; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_aversion: Option<f64>,
    /// Half-width of the no-trade band as a multiple of equity, instead of the one that cost and risk aversion give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<f64>,
    /// 12 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_every_hours: Option<f64>,
    /// How betas are read from candles: "ewma" (if absent), "shrunk" or "kalman".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct HedgeRequest {
    /// Open positions, a hedge that is on already among them.
    pub account: Account,
    #[cfg_attr(feature = "wasm", tsify(type = "Record<string, Market>"))]
    pub markets: BTreeMap<String, Market>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub correlations: Vec<(String, String, f64)>,
    pub hedge_instrument: HedgeInstrument,
    /// Others to compare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<HedgeInstrument>,
    pub policy: Policy,
    /// Of the probabilities; 168 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon_hours: Option<f64>,
    #[serde(default = "ModelChoice::auto")]
    pub model: ModelChoice,
    /// 0.002 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_standard_error: Option<f64>,
    #[serde(default)]
    pub seed: u32,
}

/// How far a market moves for a move of the hedge's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct BetaUsed {
    pub symbol: String,
    pub beta: f64,
    /// Null where volatilities and correlation are given.
    pub standard_error: Option<f64>,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct TradeNow {
    /// Null: nothing to do.
    pub side: Option<Side>,
    /// Base units (linear) or contracts (inverse).
    pub size: f64,
    pub notional: f64,
    pub reason: String,
}

/// An order that a person or a bot may take; nothing here is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Order {
    pub venue: Venue,
    pub symbol: String,
    /// "buy" or "sell".
    pub side: String,
    pub size: f64,
    /// Worst price: the price now, and the policy's cost on top.
    pub limit: f64,
}

/// The move of one coin alone that liquidates, after the trade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Kill {
    pub symbol: String,
    /// Null: no move of it alone does.
    pub price: Option<f64>,
    pub move_to_liquidation: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct HedgeCost {
    /// Of the trade now, collateral units.
    pub now: f64,
    /// Expected a year for keeping inside the band, after that; fraction of equity.
    pub rebalancing_a_year: f64,
    /// Funding that the hedge pays a year, fraction of equity; negative: it is paid.
    pub funding_a_year: f64,
}

/// One way of keeping the hedge, simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Schedule {
    /// "never", "hourly", "every 4 h", "every 12 h", "daily", "weekly" or "band".
    pub name: String,
    pub every_hours: f64,
    /// After the opening.
    pub trades_a_year: f64,
    /// Fractions of equity a year, the opening left out.
    pub cost_a_year: f64,
    /// Annual volatility of equity, trading costs left out.
    pub volatility: f64,
    /// One less the ratio of its variance to that without a hedge.
    pub variance_reduction: f64,
    /// Root mean square of the exposure beside the target, multiple of equity.
    pub tracking: f64,
    /// Mean of the deepest drawdown, and what one path in twenty exceeds.
    pub drawdown: f64,
    pub drawdown_95: f64,
    /// Of the account within the paths' length, hedge in one wallet with it.
    pub liquidation_probability: f64,
    /// Cost a year plus half of risk aversion times the variance of the exposure beside the target, and its error.
    pub objective: f64,
    pub objective_standard_error: f64,
}

/// Another instrument for the same hedge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Alternative {
    pub symbol: String,
    pub venue: Venue,
    pub beta_of_book: f64,
    /// Size that brings the exposure to the target.
    pub side: Option<Side>,
    pub size: f64,
    /// Of the trade, collateral units; and funding a year, fraction of equity.
    pub cost: f64,
    pub funding_a_year: f64,
    /// Annual volatility of equity that is left.
    pub residual_volatility: f64,
    pub probability_after: f64,
    /// Of a hedge that stands on margin of its own; null in one wallet.
    pub hedge_leg_probability: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct HedgeResponse {
    /// Units of hedge notional for a unit of the book's exposure, to be held on the other side.
    pub hedge_ratio: f64,
    pub betas: Vec<BetaUsed>,
    /// Of the account now, collateral units, and its gross leverage.
    pub equity: f64,
    pub leverage: f64,
    /// Sum of notionals, each times its beta and sign, a hedge on already included; as a multiple of equity.
    pub exposure: f64,
    pub net_delta: f64,
    /// Notional of the hedge, signed, that meets the target; what of it is on already.
    pub target: f64,
    pub held: f64,
    /// No trade while the exposure over equity is within.
    pub band: [f64; 2],
    /// The same as prices of the hedge's market, all others moving by their betas, after the trade; null where no price
    /// leaves it.
    pub band_prices: [Option<f64>; 2],
    pub trade_now: TradeNow,
    pub orders: Vec<Order>,
    pub probability_before: f64,
    pub probability_after: f64,
    pub standard_error: f64,
    /// Of a hedge that stands on margin of its own: then `probability_after` is the sum, an upper bound.
    pub hedge_leg_probability: Option<f64>,
    pub kills: Vec<Kill>,
    pub cost: HedgeCost,
    /// On simulated paths of a month, then on the candles' own past where all markets have it.
    pub schedules: Vec<Schedule>,
    pub history: Vec<Schedule>,
    /// First and last bar (ms) of the past.
    pub history_from: Option<f64>,
    pub history_until: Option<f64>,
    pub alternatives: Vec<Alternative>,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}
