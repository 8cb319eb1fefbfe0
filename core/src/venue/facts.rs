//! Everything that the engine and the page ask about a venue, a field each. A venue's folder holds one of these.

use super::endpoint::{Endpoint, HostLimit, Socket};
use super::rule::{Checked, RuleSource};
use super::stream::Event;
use super::wire::{Hint, Normalised, Wire};
use crate::error::EngineError;
use crate::margin::Holding;
use crate::market::{Interval, TierUnit};

/// How a position under its requirement is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    Whole,
    /// A large position down the tiers, as far as needed.
    Stepwise,
    /// A large position a fifth at a time, taken by a backstop when far under.
    Slices,
    /// By the pool, at the oracle's price.
    Pool,
}

/// What the queue of auto-deleveraging ranks by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueRank {
    /// Profit as a share of the entry's value, times leverage.
    ProfitLeverage,
    /// Mark over entry, times leverage.
    PriceRatioLeverage,
}

/// What one message of a stream says.
pub type ReadMessage = fn(&Wire) -> Result<Vec<Event>, EngineError>;

/// What is done by a venue's own rules. Apart from [`Facts`], so that a page which computes nothing does not carry it.
pub struct Code {
    pub rule: &'static RuleSource,
    pub holding: fn(&mut Checked) -> Result<Holding, EngineError>,
    pub normalise: fn(&str, &Wire, &Hint) -> Option<Result<Normalised, EngineError>>,
    /// One message of a stream.
    pub message: Option<ReadMessage>,
}

pub struct Facts {
    /// The usual perpetual of an asset, `{asset}` for the coin.
    pub perpetual: &'static str,
    /// The venue's own names of coins that others call otherwise.
    pub renamed: &'static [(&'static str, &'static str)],
    /// Coin that margin and profit of linear contracts are in, unless the symbol names another.
    pub settle: &'static str,
    /// Of a user without any discount, as the venue's page gave it in 2026.
    pub taker_fee: f64,
    pub tier_unit: TierUnit,
    /// Whether a position stands against a pool instead of a book.
    pub pool: bool,
    /// Whether long and short of one market cannot be held beside each other.
    pub one_way: bool,
    /// What happens at liquidation, by the venue's own pages.
    pub procedure: &'static str,
    pub forced: Forced,
    /// Whether what a liquidation leaves over goes to the fund, not to the trader.
    pub surplus_to_fund: bool,
    pub queue: QueueRank,
    /// Whether anybody's positions can be looked up.
    pub positions_public: bool,
    /// How much of a move of its own book enters the mark.
    pub mark_share: f64,
    /// A candle's length in the venue's word.
    pub interval: fn(Interval) -> &'static str,
    pub endpoints: &'static [Endpoint],
    pub hosts: &'static [HostLimit],
    pub sockets: &'static [Socket],
}

impl Facts {
    /// The usual perpetual of an asset as the venue names it.
    pub fn symbol(&self, asset: &str) -> String {
        let own = self.renamed.iter().find(|r| r.0 == asset).map_or(asset, |r| r.1);
        self.perpetual.replace("{asset}", own)
    }

    /// The asset as others call it.
    pub fn asset<'a>(&self, own: &'a str) -> &'a str {
        self.renamed.iter().find(|r| r.1 == own).map_or(own, |r| r.0)
    }
}
