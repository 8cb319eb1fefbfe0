//! Margin rule of Hyperliquid: the maintenance rate of a tier is half the initial rate at the tier's maximum leverage,
//! with deductions that keep maintenance margin continuous.
//!
//! Cross: give `account_value`. For a unified account give the USDC total of the spot state instead of the perp account
//! value; portfolio margin is not modelled. Entry price and set leverage do not matter for cross.

use crate::error::EngineError;
use crate::margin::Holding;
use crate::market::{Tier, TierUnit};
use crate::venue::rule::{Checked, RuleSource};

pub const RULE: RuleSource = RuleSource {
    name: "Hyperliquid, margin tables",
    condition: "equity = notional·rate − deduction, rate = 1 / (2 · tier's maximum leverage)",
    source: "Hyperliquid docs: Margining, Liquidations, Margin tiers; checked against recorded liquidationPx",
    as_of: "2026-10",
    trigger: "mark price (median of oracle, book and other venues)",
};

pub fn holding(c: &mut Checked) -> Result<Holding, EngineError> {
    let tiers = c.tiers(TierUnit::Notional)?;
    let leg = c.leg(tiers.rows().to_vec())?;
    c.holding(leg, &tiers)
}

/// Tiers of a margin table from its lower bounds and maximum leverages.
pub fn tiers_from_table(rows: &[(f64, f64)]) -> Vec<Tier> {
    rows.iter()
        .enumerate()
        .map(|(k, &(floor, max_leverage))| Tier {
            floor,
            cap: rows.get(k + 1).map(|next| next.0),
            maintenance_margin_rate: 1.0 / (2.0 * max_leverage),
            maintenance_amount: None,
            max_leverage,
        })
        .collect()
}

/// Funding per hour from the hour's average premium: an eighth of `P + clamp(I − P, ±0.05 %)`, at most ±4 %.
pub fn funding_rate_1h(average_premium: f64, interest_8h: f64) -> f64 {
    let rate_8h = average_premium + (interest_8h - average_premium).clamp(-0.0005, 0.0005);
    (rate_8h / 8.0).clamp(-0.04, 0.04)
}

/// Premium sample from the oracle and the impact prices of the book.
pub fn premium(oracle: f64, impact_bid: f64, impact_ask: f64) -> f64 {
    ((impact_bid - oracle).max(0.0) - (oracle - impact_ask).max(0.0)) / oracle
}

/// Share of a position that the first liquidation order sends to the book: 20 % above 100,000 USDC, else all.
pub fn first_liquidation_fraction(notional: f64) -> f64 {
    if notional > 100_000.0 { 0.2 } else { 1.0 }
}

/// Equity under which the liquidator vault takes the position over: two thirds of maintenance margin.
pub fn backstop_equity(maintenance_margin: f64) -> f64 {
    maintenance_margin * 2.0 / 3.0
}
