//! Margin arithmetic that every venue shares: what a position is worth at a price, what the venue requires of it, and
//! where the two meet. The venues' own rules are in [`crate::venue`]; they only fill in a [`Leg`].

pub mod leg;
pub mod room;
pub mod solve;

pub use leg::{Leg, Payoff};
pub use room::{AccountRoom, Holding, MarketMove, PairMove, PositionRoom};
