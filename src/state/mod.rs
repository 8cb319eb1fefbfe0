//! What the page knows: the scenario a person edits, the markets it is about, the results.

pub(crate) mod candle_file;
pub(crate) mod cascading;
pub(crate) mod chance;
pub(crate) mod comparing;
pub(crate) mod desk;
pub(crate) mod latest;
pub(crate) mod market;
pub(crate) mod planning;
pub(crate) mod recalc;
pub(crate) mod record;
pub(crate) mod replaying;
pub(crate) mod scenario;
pub(crate) mod tiers_text;
pub(crate) mod wallets;
pub(crate) mod watching;

pub(crate) use desk::Desk;
pub(crate) use scenario::{Line, Scenario};
