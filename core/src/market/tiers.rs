//! Maintenance-margin tiers: `MM(N) = N·rate − amount`, checked once, then used without further checks.

use crate::error::EngineError;
use crate::units;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One row of a venue's table. `floor` and `cap` are in the venue's own unit: notional, coin or contracts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub floor: f64,
    #[serde(default)]
    pub cap: Option<f64>,
    /// Fraction of notional, in [0, 1).
    pub maintenance_margin_rate: f64,
    /// What the venue takes off (Binance `cum`, Bybit `mmDeduction`); derived from the row before when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_amount: Option<f64>,
    pub max_leverage: f64,
}

/// What the floors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierUnit {
    /// Position value at the price in question: the tier can change on the way to liquidation.
    Notional,
    /// Number of contracts: the tier does not move with the price, and there is no maintenance amount (OKX).
    Contracts,
}

/// A checked table, ascending, with every maintenance amount known.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiers {
    rows: Vec<Row>,
}

/// A row with its amount filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    pub floor: f64,
    pub cap: f64,
    pub rate: f64,
    pub amount: f64,
    pub max_leverage: f64,
}

impl Tiers {
    /// Checks order and ranges, and derives missing amounts by `a_k = a_{k−1} + floor_k·(rate_k − rate_{k−1})`,
    /// which makes `MM` continuous. With [`TierUnit::Contracts`] missing amounts are 0.
    pub fn new(field: impl fmt::Display, tiers: &[Tier], unit: TierUnit) -> Result<Self, EngineError> {
        if tiers.is_empty() {
            return Err(EngineError::insufficient(
                field,
                "maintenance-margin tiers are missing: give at least one tier with floor, maintenance_margin_rate and max_leverage",
            ));
        }
        if tiers.len() > 500 {
            return Err(EngineError::invalid(field, "at most 500 tiers"));
        }
        let mut rows: Vec<Row> = Vec::with_capacity(tiers.len());
        for (k, t) in tiers.iter().enumerate() {
            let at = |name: &str| format!("{field}[{k}].{name}");
            units::non_negative_money(at("floor"), t.floor)?;
            let cap = match t.cap {
                // Venues write "no cap" as the largest integer they have.
                Some(cap) => units::between(at("cap"), cap, 0.0, 1e30)?,
                None => f64::INFINITY,
            };
            if cap <= t.floor {
                return Err(EngineError::invalid(
                    at("cap"),
                    format!("must be above the floor {}; got {cap}", t.floor),
                ));
            }
            let rate = units::between(at("maintenance_margin_rate"), t.maintenance_margin_rate, 0.0, 0.9999)?;
            units::leverage(at("max_leverage"), t.max_leverage)?;
            if let Some(before) = rows.last()
                && t.floor < before.cap
                && !(t.floor > before.floor && before.cap.is_infinite())
            {
                return Err(EngineError::invalid(
                    at("floor"),
                    format!(
                        "must not be under the tier before's cap {}; got {}",
                        before.cap, t.floor
                    ),
                ));
            }
            let amount = match (t.maintenance_amount, rows.last()) {
                (Some(a), _) => units::money(at("maintenance_amount"), a)?,
                (None, Some(before)) if unit == TierUnit::Notional => before.amount + t.floor * (rate - before.rate),
                _ => 0.0,
            };
            rows.push(Row {
                floor: t.floor,
                cap,
                rate,
                amount,
                max_leverage: t.max_leverage,
            });
        }
        Ok(Self { rows })
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Index of the tier for a value: the last whose floor is at or under it. A value equal to a floor belongs to the
    /// upper tier; one above every cap stays in the last; one in a gap between a cap and the next floor (OKX counts
    /// whole contracts) belongs to the lower.
    pub fn index(&self, value: f64) -> usize {
        self.rows.partition_point(|r| r.floor <= value).saturating_sub(1)
    }

    pub fn row(&self, value: f64) -> Row {
        self.rows[self.index(value)]
    }

    /// Whether a value is past the largest tier.
    pub fn exceeded_by(&self, value: f64) -> bool {
        self.rows.last().is_some_and(|r| value > r.cap)
    }

    /// Maintenance margin at a notional, never negative.
    pub fn maintenance(&self, notional: f64) -> f64 {
        let r = self.row(notional);
        notional * r.rate - r.amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(floor: f64, cap: Option<f64>, rate: f64) -> Tier {
        Tier {
            floor,
            cap,
            maintenance_margin_rate: rate,
            maintenance_amount: None,
            max_leverage: 10.0,
        }
    }

    #[test]
    fn derived_amounts_make_maintenance_continuous() {
        let t = Tiers::new(
            "t",
            &[
                tier(0.0, Some(100.0), 0.01),
                tier(100.0, Some(300.0), 0.02),
                tier(300.0, None, 0.05),
            ],
            TierUnit::Notional,
        )
        .unwrap();
        for edge in [100.0, 300.0] {
            let below = t.maintenance(edge * (1.0 - 1e-12));
            assert!((t.maintenance(edge) - below).abs() < 1e-9, "jump at {edge}");
        }
        assert_eq!(t.rows()[2].amount, 100.0 * 0.01 + 300.0 * 0.03);
    }

    #[test]
    fn a_floor_belongs_to_the_upper_tier_and_a_gap_to_the_lower() {
        let t = Tiers::new(
            "t",
            &[tier(0.0, Some(2000.0), 0.01), tier(2001.0, Some(4000.0), 0.015)],
            TierUnit::Contracts,
        )
        .unwrap();
        assert_eq!(t.index(2000.0), 0);
        assert_eq!(t.index(2000.5), 0);
        assert_eq!(t.index(2001.0), 1);
        assert_eq!(t.index(1e9), 1);
        assert!(t.exceeded_by(4000.1));
    }

    #[test]
    fn each_fault_names_its_field() {
        let field = |tiers: &[Tier]| Tiers::new("tiers", tiers, TierUnit::Notional).unwrap_err().field;
        assert_eq!(field(&[]), "tiers");
        assert_eq!(field(&[tier(-1.0, None, 0.01)]), "tiers[0].floor");
        assert_eq!(field(&[tier(0.0, Some(0.0), 0.01)]), "tiers[0].cap");
        assert_eq!(field(&[tier(0.0, None, 1.0)]), "tiers[0].maintenance_margin_rate");
        assert_eq!(
            field(&[tier(0.0, Some(10.0), 0.01), tier(5.0, None, 0.02)]),
            "tiers[1].floor"
        );
    }
}
