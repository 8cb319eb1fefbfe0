//! Shapes of `cascade`.

use crate::api::Step;
use crate::market::{Book, Venue, Wallet};
use crate::units::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of: a move, a fall, or a volatility over a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Shock {
    /// Fraction of the price: −0.05 is a fall of 5 %.
    #[serde(rename = "move", default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// The same fall as 0.05.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drop: Option<f64>,
    /// Annual: many shocks are drawn, each the farthest that the price goes within the horizon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility: Option<f64>,
    /// 15 and 30 minutes and a day if absent.
    #[serde(default, alias = "horizon", skip_serializing_if = "Option::is_none")]
    pub horizon_hours: Option<f64>,
    /// Towards which side the shocks go, with `volatility`; "long": falls, which hurt longs, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hurts: Option<Side>,
}

/// A law of depth where no book is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// Notional that moves the price by 1 %.
    pub notional_per_percent: f64,
    /// Size grows with this power of the distance; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
}

/// `[price, long notional, short notional]`, as `liquidation_map` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct LevelMap {
    pub levels: Vec<[f64; 3]>,
}

/// How the venue works, for mode "full".
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct CascadeOptions {
    /// Whose orders: Hyperliquid's slices and backstop, Binance's and Bybit's and OKX's steps; whole liquidations if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    /// Share of a move of the book that enters the mark; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_share: Option<f64>,
    /// 0.0125 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_margin_rate: Option<f64>,
    /// Money behind fills beyond the bankruptcy price; without end if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insurance_fund: Option<f64>,
    /// Depth that is left after a shock of x is exp(−this · x) of it; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaporation: Option<f64>,
    /// For mode "pool": what is known of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolTerms>,
}

/// A pool that trades against everybody (GMX v2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct PoolTerms {
    /// Money in it, quote units.
    pub value: f64,
    /// Winners' profit over the pool's value above which the most profitable are closed, and down to which; no deleveraging if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pnl_factor: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_pnl_factor: Option<f64>,
    /// Price impact is this times the skew to the exponent; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact_factor: Option<f64>,
    /// 2 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact_exponent: Option<f64>,
}

/// What is not known exactly: standard deviations of logarithms, and the share of positions that is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Uncertainty {
    /// 0.5 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<f64>,
    /// Of what is not seen; 0.5 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<f64>,
    /// Of the distances of all levels; 0.1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<f64>,
    /// Share of the open interest in `wallets` or `map`; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
}

/// A position of the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct OwnPosition {
    pub side: Side,
    pub liquidation_price: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct CascadeRequest {
    /// Before the shock.
    pub price: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wallets: Vec<Wallet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<LevelMap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<Book>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    pub shock: Shock,
    /// "plain": whole liquidations into the visible book, nothing else. "full": with `options`, and a fitted law of depth behind
    /// the book. "pool": no book, liquidations do not move the price. "plain" where a book and no options are given, else "full".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<CascadeOptions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<Uncertainty>,
    /// Draws for each horizon, with a volatility; 10,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<usize>,
    #[serde(default)]
    pub seed: u32,
    /// Forced notional that counts as a cascade; a twentieth of the side's notional if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub larger_than: Option<f64>,
    /// Asks how much cascades add to the chance that this position is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnPosition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct CascadeRound {
    /// Price (in mode "full" the mark) before and after the orders of this round.
    pub from: f64,
    pub to: f64,
    pub wallets: usize,
    pub size: f64,
}

/// A winner closed against bankrupt positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Deleveraged {
    pub id: String,
    pub size: f64,
}

/// What the venue did beside the orders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Machinery {
    pub final_mark: f64,
    pub backstop_size: f64,
    /// Money that fills beyond the bankruptcy price cost, and that better ones left.
    pub shortfall: f64,
    pub surplus: f64,
    /// At the end; null: without end.
    pub insurance_fund: Option<f64>,
    pub deleveraged_size: f64,
    /// At the bankruptcy prices.
    pub deleveraged_notional: f64,
    /// Round of the first, from 1.
    pub first_deleveraging: Option<usize>,
    /// The first hundred in the queue.
    pub deleveraged: Vec<Deleveraged>,
    /// Mode "pool": what positions lost beyond their collateral, carried by the pool.
    pub pool_loss: f64,
    /// Mode "pool" with wallets: longs less shorts over both, before and after.
    pub skew: Option<[f64; 2]>,
    /// What the closings earn (positive) or pay for the change of the skew, where the pool's factor is given.
    pub price_impact: Option<f64>,
    /// Winners' profit over the pool's value after its losses, before any deleveraging.
    pub pnl_factor: Option<f64>,
}

/// Over the runs of one horizon. Quantiles at 5, 25, 50, 75, 90, 95 and 99 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct CascadeChance {
    pub hours: f64,
    /// That more is forced than `larger_than`.
    pub probability: f64,
    pub standard_error: f64,
    pub forced_notional: [f64; 7],
    pub final_price: [f64; 7],
    /// Mean of the whole move over the outside one.
    pub amplification: f64,
    /// That the user's own position is reached: by the outside move alone, and with what it sets off.
    pub own_without: Option<f64>,
    pub own_with: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct CascadeResponse {
    /// After the shock, before anybody is liquidated; with a volatility, the median shock of the first horizon.
    pub shocked_price: f64,
    pub final_price: f64,
    pub liquidated_size: f64,
    /// What the book took, size times the price of each level.
    pub liquidated_notional: f64,
    pub liquidated_wallets: usize,
    /// Size that found no level any more.
    pub unfilled_size: f64,
    pub book_exhausted: bool,
    /// Whole move over the shock; 1 where nobody is liquidated.
    pub amplification: f64,
    /// The first thousand.
    pub rounds: Vec<CascadeRound>,
    pub round_count: usize,
    pub machinery: Option<Machinery>,
    /// Mode "full": `[price, notional due up to it, notional that the book takes up to it]` from the shocked price on.
    pub against_depth: Vec<[f64; 3]>,
    /// With a volatility: that a cascade happens within the first horizon.
    pub probability: Option<f64>,
    pub distribution: Vec<CascadeChance>,
    pub larger_than: Option<f64>,
    /// The price at which forced selling passes `larger_than`, everything uncertain at its middle; null if it never does.
    pub trigger_price: Option<f64>,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}
