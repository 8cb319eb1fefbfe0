//! Forecasts of touches, judged on the past: what several models would have said, what a combination of them says, and what
//! happened.
//!
//! [`walk`] goes through the candles of one market once, from old to new. At each forecast it asks the [`members`] with what
//! was known then, combines them by their record so far and maps the result by [`combine`], and later books what happened.
//! [`scores`] judges the finished record.

pub mod combine;
pub mod members;
pub mod past_shocks;
pub mod scores;
pub mod standing;
pub mod tails;
pub mod touch;
pub mod walk;
