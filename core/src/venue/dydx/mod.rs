//! dYdX v4 perpetuals.

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
    perpetual: "{asset}-USD",
    renamed: &[],
    settle: "USDC",
    taker_fee: 0.0005,
    tier_unit: TierUnit::Notional,
    pool: false,
    one_way: true,
    procedure: "sold on the book up to the bankruptcy price at a fee of at most 1.5 %; then the insurance fund, then deleveraging",
    forced: Forced::Whole,
    surplus_to_fund: true,
    queue: QueueRank::ProfitLeverage,
    positions_public: true,
    mark_share: 1.0,
    interval: resolution,
    endpoints: endpoints::ENDPOINTS,
    hosts: endpoints::HOSTS,
    sockets: endpoints::SOCKETS,
};

pub(super) fn resolution(interval: Interval) -> &'static str {
    match interval {
        Interval::M1 => "1MIN",
        Interval::M5 => "5MINS",
        Interval::M15 => "15MINS",
        Interval::M30 => "30MINS",
        Interval::H1 => "1HOUR",
        Interval::H4 => "4HOURS",
        Interval::D1 => "1DAY",
        // Not offered: the nearest that is.
        Interval::M3 => "5MINS",
    }
}
