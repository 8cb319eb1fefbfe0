//! Kraken Futures, linear perpetuals on multi-collateral margin (`PF_`).

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
    perpetual: "PF_{asset}USD",
    renamed: &[("BTC", "XBT")],
    settle: "USD",
    taker_fee: 0.0005,
    tier_unit: TierUnit::Notional,
    pool: false,
    one_way: true,
    procedure: "sold in parts of a tenth, then whole at about the price of zero equity; then assigned to providers of liquidity, then unwound against the other side",
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
