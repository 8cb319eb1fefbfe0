//! Plain data in our own words: instruments, tiers, accounts, quotes, histories. No venue is known here.

pub mod account;
pub mod history;
pub mod instrument;
pub mod tiers;

pub use crate::venue::Venue;
pub use account::{Account, Collateral, CollateralToken, Position};
pub use history::{
    Book, Candles, FundingProcess, FundingRow, GarchLaw, Held, Interval, JumpLaw, Market, Quote, Wallet,
};
pub use instrument::{Instrument, InstrumentKind, Listing};
pub use tiers::{Tier, TierUnit, Tiers};
