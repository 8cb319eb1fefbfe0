//! Margin rule of Bybit's unified account since 2025-09-02: maintenance margin on mark value, closing fee inside both
//! initial and maintenance margin (so that it cancels from the isolated liquidation price).
//!
//! Cross is an estimate of the venue's account-wide test: one collateral coin, no haircuts. The fee to close needs the
//! set leverage; where a cross position does not give one, the fee is left out and that is said.

use crate::error::EngineError;
use crate::margin::{Holding, Leg, Payoff};
use crate::market::TierUnit;
use crate::units::{MarginMode, Side};
use crate::venue::rule::{Checked, RuleSource};

pub const RULE: RuleSource = RuleSource {
    name: "Bybit UTA, risk-limit tiers on mark value",
    condition: "initial margin + unrealised P&L = mark value·mmr − mmDeduction (the reserved closing fee stands on both sides)",
    source: "Bybit help: The New Margin Calculation (2025-09-18); Liquidation Price Calculation under Isolated Mode (2026-05-27)",
    as_of: "2026-07-24",
    trigger: "mark price",
};

pub const TAKER_FEE: f64 = 0.00055;

pub fn holding(c: &mut Checked) -> Result<Holding, EngineError> {
    let fee = c.taker_fee(TAKER_FEE);
    let tiers = c.tiers(TierUnit::Notional)?;
    // Bybit's inverse contract is 1 USD: size is in USD.
    c.usual_contract_size = Some(1.0);
    let mut leg = c.leg(tiers.rows().to_vec())?;
    match c.mode {
        MarginMode::Isolated => {
            let opening = c.opening_margin(&leg)?;
            let added = c.position.extra_margin.unwrap_or(0.0);
            // Added margin moves the bankruptcy price, and with it the fee to be kept: only the rest is new room.
            let room = opening + added / (1.0 + fee_slope(&leg, c.position.side) * fee);
            leg.reserve = fee_to_close(&leg, c.position.side, room, fee);
            let reserve = leg.reserve;
            let first_fee = fee_to_close(&leg, c.position.side, opening, fee);
            let mut h = c.holding(leg, &tiers)?;
            h.cash = room + reserve;
            h.bankrupt_at = reserve;
            h.initial_margin = opening + first_fee;
            Ok(h)
        }
        MarginMode::Cross => {
            match c.leverage {
                Some(leverage) => {
                    let margin = leg.notional(leg.entry_x) / leverage;
                    leg.reserve = fee_to_close(&leg, c.position.side, margin, fee);
                }
                None => c.assume("leverage not given: Bybit's fee to close is left out of maintenance margin"),
            }
            let reserve = leg.reserve;
            let mut h = c.holding(leg, &tiers)?;
            h.initial_margin += reserve;
            Ok(h)
        }
    }
}

/// Taker fee on the value of the position at its bankruptcy price, in collateral units.
///
/// Linear: `(q·E ∓ M)·t`; inverse: `(S/E ± M)·t` (upper sign long).
fn fee_to_close(leg: &Leg, side: Side, margin: f64, taker_fee: f64) -> f64 {
    let value = leg.notional(leg.entry_x) + fee_slope(leg, side) * margin;
    value.max(0.0) * taker_fee
}

/// How the value at bankruptcy moves with margin: −1 or +1.
///
/// A long's bankruptcy price falls as margin is added: less quote value to close (linear), more coin (inverse).
fn fee_slope(leg: &Leg, side: Side) -> f64 {
    match leg.payoff {
        Payoff::Linear => -side.sign(),
        Payoff::Inverse => side.sign(),
    }
}

/// Auto-deleveraging by drawdown of the insurance pool: `(ratio, triggered, loss that deleveraging takes over)`, the last
/// being what lies beyond the trigger. Once triggered it goes on until the ratio is back above the venue's stop ratio.
/// `ratio = (symbol P&L − its 8 h maximum) / pool's 8 h maximum balance`.
/// Source: bybit-exchange/docs, `v5/market/adl-alert`.
pub fn adl(
    symbol_pnl: f64,
    symbol_pnl_max_8h: f64,
    pool_balance: f64,
    pool_max_8h: f64,
    trigger_ratio: f64,
) -> (f64, bool, f64) {
    let ratio = (symbol_pnl - symbol_pnl_max_8h) / pool_max_8h;
    let triggered = ratio < trigger_ratio || pool_balance <= 0.0;
    let amount = if triggered {
        (trigger_ratio - ratio).max(0.0) * pool_max_8h
    } else {
        0.0
    };
    (ratio, triggered, amount)
}
