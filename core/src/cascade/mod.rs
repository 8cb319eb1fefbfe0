//! Forced selling: who would be liquidated where, how concentrated that is, and how far one liquidation brings the next.

pub mod concentration;
pub mod spiral;
