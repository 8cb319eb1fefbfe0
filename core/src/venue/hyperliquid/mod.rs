//! Hyperliquid perpetuals.

mod endpoints;
pub mod normalise;
pub mod rule;
mod stream;
pub mod wallet;

use super::facts::{Code, Facts, Forced, QueueRank};
use crate::market::{Interval, TierUnit};

pub const CODE: Code = Code {
    rule: &rule::RULE,
    holding: rule::holding,
    normalise: normalise::normalise,
    message: Some(stream::message),
};

pub const FACTS: Facts = Facts {
    perpetual: "{asset}",
    renamed: &[],
    settle: "USDC",
    taker_fee: 0.00045,
    tier_unit: TierUnit::Notional,
    pool: false,
    one_way: true,
    procedure: "sold on the book, above 100,000 USDC a fifth first; under two thirds of the maintenance margin taken by the backstop vault; then auto-deleveraging",
    forced: Forced::Slices,
    surplus_to_fund: false,
    queue: QueueRank::PriceRatioLeverage,
    positions_public: true,
    mark_share: 1.0 / 3.0,
    interval: Interval::word,
    endpoints: endpoints::ENDPOINTS,
    hosts: endpoints::HOSTS,
    sockets: endpoints::SOCKETS,
};
