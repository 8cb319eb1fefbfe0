//! Bybit v5, linear and inverse.

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
    taker_fee: 0.00055,
    tier_unit: TierUnit::Notional,
    pool: false,
    one_way: false,
    procedure: "reduced by tiers where it is large, taken over at the bankruptcy price; then the insurance pool, then auto-deleveraging",
    forced: Forced::Stepwise,
    surplus_to_fund: true,
    queue: QueueRank::ProfitLeverage,
    positions_public: false,
    mark_share: 1.0,
    interval: word,
    endpoints: endpoints::ENDPOINTS,
    hosts: endpoints::HOSTS,
    sockets: endpoints::SOCKETS,
};

fn word(interval: Interval) -> &'static str {
    match interval {
        Interval::M1 => "1",
        Interval::M3 => "3",
        Interval::M5 => "5",
        Interval::M15 => "15",
        Interval::M30 => "30",
        Interval::H1 => "60",
        Interval::H4 => "240",
        Interval::D1 => "D",
    }
}
