//! Binance USDⓈ-M and COIN-M futures.

mod endpoints;
pub mod normalise;
pub mod rule;
mod stream;

use super::facts::{Code, Facts, Forced, QueueRank};
use crate::market::{Interval, TierUnit};

pub const CODE: Code = Code {
    rule: &rule::RULE,
    holding: rule::holding,
    normalise: normalise::normalise,
    message: Some(stream::message),
};

pub const FACTS: Facts = Facts {
    perpetual: "{asset}USDT",
    renamed: &[],
    settle: "USDT",
    taker_fee: 0.0005,
    tier_unit: TierUnit::Notional,
    pool: false,
    one_way: false,
    procedure: "sold by steps down the tiers where it is large, at a clearance fee; then the insurance fund, then auto-deleveraging",
    forced: Forced::Stepwise,
    surplus_to_fund: true,
    queue: QueueRank::ProfitLeverage,
    positions_public: false,
    mark_share: 1.0,
    interval: Interval::word,
    endpoints: endpoints::ENDPOINTS,
    hosts: endpoints::HOSTS,
    sockets: endpoints::SOCKETS,
};
