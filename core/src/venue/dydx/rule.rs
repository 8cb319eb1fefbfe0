//! Margin rule of dYdX v4: requirement at the oracle price, one maintenance fraction a market, USDC collateral.
//!
//! Open-interest scaling raises the initial requirement only. An account is liquidatable when equity is below (not at)
//! the maintenance requirement.

use crate::error::EngineError;
use crate::margin::Holding;
use crate::market::TierUnit;
use crate::venue::rule::{Checked, RuleSource};

pub const RULE: RuleSource = RuleSource {
    name: "dYdX v4 subaccount",
    condition: "equity = Σ |size|·oracle price·maintenance fraction",
    source: "dydxprotocol/v4-chain and v4-documentation",
    as_of: "2026-04",
    trigger: "oracle price",
};

pub fn holding(c: &mut Checked) -> Result<Holding, EngineError> {
    let tiers = c.tiers(TierUnit::Notional)?;
    let leg = c.leg(tiers.rows().to_vec())?;
    c.holding(leg, &tiers)
}

/// Initial fraction in force: rises from the base to 1 as open interest (USD) goes from the lower to the upper cap.
pub fn effective_initial_fraction(base: f64, open_interest_usd: f64, lower_cap: f64, upper_cap: f64) -> f64 {
    if upper_cap <= lower_cap {
        return base;
    }
    let scale = ((open_interest_usd - lower_cap) / (upper_cap - lower_cap)).max(0.0);
    (base + scale * (1.0 - base)).min(1.0)
}

/// Price limit of the liquidation order: `P·(1 ∓ k)`, `k = SMMR·MMF·clamp(BA·(1 − Q), 0, 1)`, `Q = equity/ΣMMR`.
/// `side_sign` is +1 for a long being closed.
pub fn fillable_price(
    oracle: f64,
    side_sign: f64,
    mmf: f64,
    equity: f64,
    total_requirement: f64,
    adjustment: f64,
    spread_ratio: f64,
) -> f64 {
    let k = spread_ratio * mmf * (adjustment * (1.0 - equity / total_requirement)).clamp(0.0, 1.0);
    oracle * (1.0 - side_sign * k)
}

/// Quote received when `delta` (signed change of size) is closed at the bankruptcy price:
/// `−δ·p − e·(|δ|·p·MMF / ΣMMR)`.
pub fn bankruptcy_quote(oracle: f64, delta: f64, mmf: f64, equity: f64, total_requirement: f64) -> f64 {
    -delta * oracle - equity * (delta.abs() * oracle * mmf / total_requirement)
}

/// Cap of the 8-hour funding rate: a multiple (6) of initial less maintenance fraction.
pub fn funding_cap_8h(initial_fraction: f64, maintenance_fraction: f64, clamp_factor: f64) -> f64 {
    clamp_factor * (initial_fraction - maintenance_fraction)
}

/// Change of the on-chain funding index (× 10^6, truncated towards zero).
pub fn funding_index_delta(
    rate_8h_ppm: f64,
    seconds: f64,
    price: f64,
    price_exponent: i32,
    atomic_resolution: i32,
) -> f64 {
    let scale = 10f64.powi(price_exponent + atomic_resolution + 6);
    (rate_8h_ppm * (seconds / 28_800.0) * price * scale).trunc()
}
