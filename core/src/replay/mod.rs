//! The past, bar by bar: what a position and a plan would have lived through.
//!
//! Within a bar the worst order is assumed: the account is looked at where its position is at its worst price and its hedge at
//! the hedge's worst. A bar that opens beyond the level is booked at its open, not at the level. Decisions are made at a bar's
//! close from bars up to it, and carried out at that close.

pub mod policy;
pub mod run;
pub mod tape;

pub use policy::{Kind, Policy};
pub use run::{Costs, Outcome, Setup, Trade, run};
pub use tape::{Bar, Tape};
