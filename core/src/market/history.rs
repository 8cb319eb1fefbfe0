//! What was or is traded: candles, funding, quotes, books.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A candle's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub enum Interval {
    #[serde(rename = "1m")]
    M1,
    #[serde(rename = "3m")]
    M3,
    #[serde(rename = "5m")]
    M5,
    #[serde(rename = "15m")]
    M15,
    #[serde(rename = "30m")]
    M30,
    #[serde(rename = "1h")]
    H1,
    #[serde(rename = "4h")]
    H4,
    #[serde(rename = "1d")]
    D1,
}

impl Interval {
    pub const ALL: [Self; 8] = [
        Self::M1,
        Self::M3,
        Self::M5,
        Self::M15,
        Self::M30,
        Self::H1,
        Self::H4,
        Self::D1,
    ];

    /// The word used in JSON, and by most venues.
    pub fn word(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M3 => "3m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::D1 => "1d",
        }
    }
    /// The interval of this word, if it is one we know.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.word() == word)
    }
    pub fn millis(self) -> f64 {
        let minutes = match self {
            Self::M1 => 1.0,
            Self::M3 => 3.0,
            Self::M5 => 5.0,
            Self::M15 => 15.0,
            Self::M30 => 30.0,
            Self::H1 => 60.0,
            Self::H4 => 240.0,
            Self::D1 => 1440.0,
        };
        minutes * 60_000.0
    }
    /// The interval whose length is nearest below or at a spacing seen in data, if it is one we know.
    pub fn from_millis(spacing: f64) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.millis() == spacing)
    }
}

/// Rows of `[open time, open, high, low, close, volume]`, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Candles {
    pub interval: Interval,
    pub rows: Vec<(f64, f64, f64, f64, f64, f64)>,
}

/// `[time, rate]`: the rate paid at that time, a fraction per interval.
#[cfg_attr(feature = "wasm", tsify::declare)]
pub type FundingRow = (f64, f64);

/// The state of one instrument now, as a venue told it. What the venue did not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Quote {
    pub symbol: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mark_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_price: Option<f64>,
    /// Running estimate for the next payment, a fraction per interval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub funding_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub funding_interval_hours: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_funding_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub funding_cap: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub funding_floor: Option<f64>,
    /// In base units (linear) or contracts (inverse).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub open_interest: Option<f64>,
    /// The venue's own clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<f64>,
}

impl Quote {
    /// This one, with what it does not say from the one before.
    #[must_use]
    pub fn over(self, before: &Self) -> Self {
        Self {
            symbol: self.symbol,
            mark_price: self.mark_price.or(before.mark_price),
            index_price: self.index_price.or(before.index_price),
            last_price: self.last_price.or(before.last_price),
            funding_rate: self.funding_rate.or(before.funding_rate),
            funding_interval_hours: self.funding_interval_hours.or(before.funding_interval_hours),
            next_funding_time: self.next_funding_time.or(before.next_funding_time),
            funding_cap: self.funding_cap.or(before.funding_cap),
            funding_floor: self.funding_floor.or(before.funding_floor),
            open_interest: self.open_interest.or(before.open_interest),
            time: self.time.or(before.time),
        }
    }
}

/// Levels of `[price, size]`, best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Book {
    pub bids: Vec<(f64, f64)>,
    pub asks: Vec<(f64, f64)>,
}

impl Book {
    /// Middle of the best levels; `None` where a side is empty.
    pub fn middle(&self) -> Option<f64> {
        Some(0.5 * (self.bids.first()?.0 + self.asks.first()?.0))
    }

    /// What selling (or buying) `size` at once costs against `middle`; `None` where the levels given do not hold it.
    pub fn cost(&self, selling: bool, size: f64, middle: f64) -> Option<f64> {
        let (levels, sign) = if selling { (&self.bids, 1.0) } else { (&self.asks, -1.0) };
        let (mut left, mut cost) = (size, 0.0);
        for (price, quantity) in levels {
            let taken = left.min(*quantity);
            cost += taken * (middle - price) * sign;
            left -= taken;
            if left <= 0.0 {
                return Some(cost);
            }
        }
        None
    }
}

/// What is known of a market when a calculation is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Market {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candles: Option<Candles>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding: Option<Vec<FundingRow>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implied_volatility: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<f64>,
    /// Per interval. Constant when there is no history and no process, else the rate that is paid next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_interval_hours: Option<f64>,
    /// How the rate returns to its mean, instead of what the history says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_process: Option<FundingProcess>,
    /// What is paid is held between these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_cap: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_floor: Option<f64>,
    /// Jumps given instead of found in the candles; for `jump_diffusion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jumps: Option<JumpLaw>,
    /// Variance model fitted before, as `volatility` returns it; for `garch` and `filtered_historical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub garch: Option<GarchLaw>,
    /// What the models have earned on this market's past, as `calibration` returns it (`standing`); for `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<crate::forecast::standing::Standing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_interest: Option<Vec<(f64, f64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<Book>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidations: Option<Vec<(f64, crate::units::Side, f64, f64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallets: Option<Vec<Wallet>>,
}

/// Mean reversion of a funding rate from payment to payment: `f′ = mean + persistence·(f − mean) + deviation·η`, where the
/// noise `η` has this correlation with the price's return since the payment before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct FundingProcess {
    pub mean: f64,
    /// 0 (forgets at once) to 1 (exclusive).
    pub persistence: f64,
    pub deviation: f64,
    /// −1 to 1.
    #[serde(default)]
    pub correlation: f64,
}

/// Normal jumps of the log price at Poisson times (Merton 1976).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct JumpLaw {
    /// Jumps a year.
    pub intensity: f64,
    pub mean: f64,
    pub deviation: f64,
}

/// GARCH(1,1) with leverage term and Student-t shocks; variances per step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct GarchLaw {
    pub step_hours: f64,
    /// Mean log return of a step; used to filter past returns, not as a drift.
    #[serde(default)]
    pub mean: f64,
    pub omega: f64,
    pub alpha: f64,
    #[serde(default)]
    pub gamma: f64,
    pub beta: f64,
    /// Above 2; normal shocks when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degrees_of_freedom: Option<f64>,
    /// Of the next step.
    pub variance_now: f64,
}

/// A position as a venue shows that of anybody's wallet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Held {
    pub symbol: String,
    pub side: crate::units::Side,
    pub size: f64,
    pub entry_price: f64,
    /// As the venue prints it; none where no price liquidates it.
    pub liquidation_price: Option<f64>,
    pub margin: Option<f64>,
}

/// A known position of a wallet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Wallet {
    pub id: String,
    pub side: crate::units::Side,
    pub size: f64,
    pub entry_price: f64,
    pub liquidation_price: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
}
