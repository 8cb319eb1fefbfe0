//! What is particular to each exchange: its margin rule, its words, its addresses. Text in, data out; no I/O.
//!
//! A new exchange is one folder here: `rule.rs` (margin), `normalise.rs` (its JSON to our words), endpoints as data.

pub mod binance;
pub mod bybit;
pub mod dydx;
pub mod endpoint;
pub mod gmx;
pub mod hyperliquid;
pub mod okx;
pub mod rule;
pub mod snapshot;
pub mod wire;

use crate::error::EngineError;
use crate::margin::Holding;
use crate::market::Venue;
use rule::{Checked, RuleSource};
use wire::{Normalised, Wire};

impl Venue {
    /// Where this venue's margin rule comes from.
    pub fn rule(self) -> &'static RuleSource {
        match self {
            Self::Binance => &binance::rule::RULE,
            Self::Bybit => &bybit::rule::RULE,
            Self::Okx => &okx::rule::RULE,
            Self::Hyperliquid => &hyperliquid::rule::RULE,
            Self::Dydx => &dydx::rule::RULE,
            Self::Gmx => &gmx::rule::RULE,
        }
    }

    /// Applies the venue's rule to a checked position.
    pub fn holding(self, checked: &mut Checked) -> Result<Holding, EngineError> {
        match self {
            Self::Binance => binance::rule::holding(checked),
            Self::Bybit => bybit::rule::holding(checked),
            Self::Okx => okx::rule::holding(checked),
            Self::Hyperliquid => hyperliquid::rule::holding(checked),
            Self::Dydx => dydx::rule::holding(checked),
            Self::Gmx => gmx::rule::holding(checked),
        }
    }
}

/// Turns one recorded or live answer into our words. `source` is `venue.endpoint`, as listed by [`endpoint::SOURCES`].
pub fn normalise(source: &str, body: &Wire, hint: &wire::Hint) -> Result<Normalised, EngineError> {
    let (venue, endpoint) = source.split_once('.').unwrap_or((source, ""));
    let found = match venue {
        "binance" => binance::normalise::normalise(endpoint, body, hint),
        "bybit" => bybit::normalise::normalise(endpoint, body, hint),
        "okx" => okx::normalise::normalise(endpoint, body, hint),
        "hyperliquid" => hyperliquid::normalise::normalise(endpoint, body, hint),
        _ => None,
    };
    found.unwrap_or_else(|| {
        let shown: String = source.chars().take(60).collect();
        Err(EngineError::unsupported(
            "source",
            format!("'{shown}' is not a known source; describe lists them"),
        ))
    })
}
