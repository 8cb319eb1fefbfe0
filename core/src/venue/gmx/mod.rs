//! GMX v2 pools.

mod endpoints;
pub mod normalise;
pub mod pool;
pub mod rule;
mod tokens;

use super::facts::{Code, Facts, Forced, QueueRank};
use crate::market::{Interval, TierUnit};

pub const CODE: Code = Code {
    rule: &rule::RULE,
    holding: rule::holding,
    normalise: normalise::normalise,
    message: None,
};

pub const FACTS: Facts = Facts {
    perpetual: "{asset}-USD",
    renamed: &[],
    settle: "USD",
    taker_fee: 0.0006,
    tier_unit: TierUnit::Notional,
    pool: true,
    one_way: false,
    procedure: "closed whole against the pool at the oracle price; profitable positions can be auto-deleveraged when the pool is short",
    forced: Forced::Pool,
    surplus_to_fund: true,
    queue: QueueRank::ProfitLeverage,
    positions_public: true,
    mark_share: 0.0,
    interval: Interval::word,
    endpoints: endpoints::ENDPOINTS,
    hosts: endpoints::HOSTS,
    sockets: &[],
};
