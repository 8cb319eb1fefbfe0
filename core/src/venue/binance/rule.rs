//! Margin rule of Binance USDⓈ-M (linear) and COIN-M (inverse).
//!
//! Left out: the liquidation (clearance) fee, which is charged on what is liquidated and does not enter the price;
//! haircuts of multi-assets mode (give the converted wallet balance).

use crate::error::EngineError;
use crate::margin::Holding;
use crate::market::TierUnit;
use crate::venue::rule::{Checked, RuleSource};

pub const RULE: RuleSource = RuleSource {
    name: "Binance futures, maintenance margin by notional brackets",
    condition: "margin + unrealised P&L = notional·mmr − maintenance amount, bracket that holds at the liquidation price",
    source: "Binance FAQ b3c689c1f50a44cabb3a84e663b81d93 (USD-M), ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (COIN-M)",
    as_of: "2026-07",
    trigger: "mark price",
};

pub fn holding(c: &mut Checked) -> Result<Holding, EngineError> {
    let tiers = c.tiers(TierUnit::Notional)?;
    let leg = c.leg(tiers.rows().to_vec())?;
    c.holding(leg, &tiers)
}

/// Funding rate of an interval from its average premium (rule since 2025-09-18):
/// `[P + clamp(I − P, ±0.05 %)] / (8/N)`. `interest_8h` is a fraction per 8 hours, `interval_hours` is N.
pub fn funding_rate(average_premium: f64, interest_8h: f64, interval_hours: f64) -> f64 {
    (average_premium + (interest_8h - average_premium).clamp(-0.0005, 0.0005)) / (8.0 / interval_hours)
}
