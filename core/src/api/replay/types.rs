//! Shapes of `replay`.

use crate::api::Step;
use crate::market::{Market, Tier};
use crate::units::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is done with the position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ReplayPolicy {
    /// "static", "volatility_target" or "probability_cap"; each may carry a hedge.
    pub kind: String,
    /// Annual; for "volatility_target": leverage is this over the market's volatility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_volatility: Option<f64>,
    /// For "probability_cap"; 0.05 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_liquidation_probability: Option<f64>,
    /// For "probability_cap"; 24 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon_hours: Option<f64>,
    /// Hours between decisions; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_every_hours: Option<f64>,
    /// Symbol of the market to hedge with; no hedge if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hedge: Option<String>,
    /// Net exposure over equity, signed, that the hedge aims at; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_delta: Option<f64>,
    /// Half-width over equity within which the hedge is left alone; 0 (to the target at each decision) if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<f64>,
}

/// Fractions of each order's notional.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ReplayCosts {
    /// 0.0005 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker_fee: Option<f64>,
    /// 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slippage: Option<f64>,
    /// Adds this times the root of notional over what the bar traded; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<f64>,
    /// What a liquidation takes of the notional; everything that is left if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation_fee: Option<f64>,
}

/// Many entries instead of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Hours between entries.
    pub every_hours: f64,
    /// How long each is held; to the end of the data if absent, which gives each entry another length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_hours: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Candles (taken as the mark price) and funding, by symbol.
    #[cfg_attr(feature = "wasm", tsify(type = "Record<string, Market>"))]
    pub markets: BTreeMap<String, Market>,
    /// Which of them is held; needed where several are not the hedge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    pub equity: f64,
    pub leverage: f64,
    pub side: Side,
    pub policy: ReplayPolicy,
    /// More plans for the same position, told beside the first; at most 12. All that hedge do so with the same market.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<ReplayPolicy>,
    #[serde(default)]
    pub costs: ReplayCosts,
    /// One tier of this rate; 0.005 if absent and no `tiers` are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_margin_rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Liquidation steps down the tiers instead of taking all at once.
    #[serde(default)]
    pub partial_liquidation: bool,
    /// Entry at the close of the first bar that closes at this time or later; bars before it are known to the policy. The
    /// first bar if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Exit at the close of the last bar that closes at this time or earlier; the last bar if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Points of the equity curves; 1000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve_points: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct ReplayTrade {
    /// Close of the bar; of a liquidation the opening of its bar.
    pub time: f64,
    pub symbol: String,
    /// "buy" or "sell".
    pub side: String,
    pub size: f64,
    pub price: f64,
    pub fee: f64,
    pub slippage: f64,
    pub reason: String,
}

/// `final_equity = equity + price_pnl + funding − fees − slippage − liquidation_loss`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Lived {
    pub final_equity: f64,
    pub price_pnl: f64,
    /// A cash flow: negative is paid.
    pub funding: f64,
    pub fees: f64,
    pub slippage: f64,
    /// Taken by liquidations beyond what the price took; negative where the account was below zero and a fund had to pay.
    pub liquidation_loss: f64,
    /// Fees, slippage and what liquidations took, less funding received.
    pub costs: f64,
    /// Of the equity at the bars' closes from its highest, 0 to 1.
    pub max_drawdown: f64,
    pub max_drawdown_intrabar: f64,
    /// Share of bars below the highest equity so far.
    pub time_under_water: f64,
    /// Opening time of the bar; null if never.
    pub liquidated_at: Option<f64>,
    pub partial_liquidations: usize,
    /// Notional traded over the first equity.
    pub turnover: f64,
    /// Rows of `[close time, equity]`.
    pub equity_curve: Vec<[f64; 2]>,
    /// The first thousand.
    pub trades: Vec<ReplayTrade>,
    pub trade_count: usize,
}

/// Over the entries of a sweep. Returns are final over first equity, less 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Swept {
    pub liquidated: usize,
    pub mean_return: f64,
    /// At 5, 25, 50, 75 and 95 %.
    pub quantiles: [f64; 5],
    pub mean_drawdown: f64,
    pub worst_drawdown: f64,
    pub mean_turnover: f64,
    /// Profit where the static position made one, over the static's; null where it never did.
    pub upside_kept: Option<f64>,
    /// That profit over the first equity, spread over all entries.
    pub upside: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct SweepAnswer {
    pub starts: usize,
    pub policy: Swept,
    #[serde(rename = "static")]
    pub fixed: Swept,
    /// In the order of the request's `beside`.
    pub beside: Vec<Swept>,
    /// Entries at which the plan ended with less than the static position.
    pub worse_than_static: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct ReplayResponse {
    #[serde(flatten)]
    pub policy: Lived,
    /// The same position left alone.
    #[serde(rename = "static")]
    pub fixed: Lived,
    pub sweep: Option<SweepAnswer>,
    /// In the order of the request's `beside`.
    pub beside: Vec<Lived>,
    /// Drawdown of the price itself between entry and exit, by closes and by lows (highs for a short).
    pub market_drawdown: [f64; 2],
    pub bars: usize,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}
