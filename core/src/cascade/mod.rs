//! Forced selling: who would be liquidated where, how concentrated that is, and how far one liquidation brings the next.

pub mod chance;
pub mod concentration;
pub mod depth;
pub mod forced;
pub mod inferred;
pub mod linked;
pub mod queue;
pub mod spiral;
