//! OKX v5 swaps, linear and inverse.

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
    perpetual: "{asset}-USDT-SWAP",
    renamed: &[],
    settle: "USDT",
    taker_fee: 0.0005,
    tier_unit: TierUnit::Contracts,
    pool: false,
    one_way: false,
    procedure: "reduced by two tiers at a time where it is large, else whole; then the insurance fund, then auto-deleveraging",
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
        Interval::H1 => "1H",
        Interval::H4 => "4H",
        // "1D" begins at 16:00 UTC.
        Interval::D1 => "1Dutc",
        minutes => minutes.word(),
    }
}
