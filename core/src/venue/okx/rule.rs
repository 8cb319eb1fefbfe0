//! Margin rule of OKX swaps: tier by number of contracts (so it does not change with the price), no maintenance amount,
//! and the taker fee of the liquidation inside the condition.
//!
//! The venue was seen to print isolated inverse longs exactly one tick above this root; the root is shown.

use crate::error::EngineError;
use crate::margin::Holding;
use crate::market::tiers::Row;
use crate::market::{InstrumentKind, TierUnit};
use crate::venue::rule::{Checked, RuleSource};

pub const RULE: RuleSource = RuleSource {
    name: "OKX swaps, tiers by contracts",
    condition: "margin + unrealised P&L = notional·(mmr + taker fee)",
    source: "OKX help: margin, liquidation and tiers; reproduced with recorded positions of 2021 and 2026",
    as_of: "2026-07",
    trigger: "mark price",
};

pub const TAKER_FEE: f64 = 0.0005;

pub fn holding(c: &mut Checked) -> Result<Holding, EngineError> {
    let fee = c.taker_fee(TAKER_FEE);
    let tiers = c.tiers(TierUnit::Contracts)?;
    let contracts = match (c.instrument.kind, c.instrument.contract_size) {
        (InstrumentKind::Linear, Some(contract)) => c.size / contract,
        (InstrumentKind::Linear, None) if tiers.rows().len() > 1 => {
            return Err(EngineError::invalid(
                c.at("instrument.contract_size"),
                "is missing: OKX tiers count contracts, and the size is in base units",
            ));
        }
        _ => c.size,
    };
    let row = tiers.row(contracts);
    if tiers.exceeded_by(contracts) {
        c.assume("position is above the venue's largest tier: the last tier's rate is used");
    }
    let fixed = Row {
        floor: 0.0,
        cap: f64::INFINITY,
        ..row
    };
    let mut leg = c.leg(vec![fixed])?;
    leg.fee_rate = fee;
    let one_tier = crate::market::Tiers::new("tiers", &[tier_of(&fixed)], TierUnit::Contracts)?;
    let mut h = c.holding(leg, &one_tier)?;
    h.inverted_ratio = true;
    Ok(h)
}

fn tier_of(row: &Row) -> crate::market::Tier {
    crate::market::Tier {
        floor: 0.0,
        cap: None,
        maintenance_margin_rate: row.rate,
        maintenance_amount: Some(row.amount),
        max_leverage: row.max_leverage,
    }
}

/// Funding rate of the older OKX form: the average premium less interest, cut to the contract's floor and cap.
pub fn funding_rate(average_premium: f64, interest: f64, floor: f64, cap: f64) -> f64 {
    (average_premium - interest).max(floor).min(cap)
}
