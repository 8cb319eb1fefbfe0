//! Liquidation rule of GMX v2: a position against a pool, always isolated, on collateral that may itself move.
//!
//! Left out: the liquidation fee (taken after the check) and the cap on profits of a crowded side.

use crate::error::EngineError;
use crate::margin::{Holding, Leg, Payoff};
use crate::market::tiers::Row;
use crate::market::{CollateralToken, InstrumentKind};
use crate::units::{self, MarginMode};
use crate::venue::rule::{Checked, RuleSource};

pub const RULE: RuleSource = RuleSource {
    name: "GMX v2 pool position",
    condition: "collateral + P&L + counted impact − fees = max(size·minimum collateral factor, minimum collateral)",
    source: "gmx-io/gmx-synthetics v2.2 (PositionUtils.isPositionLiquidatable)",
    as_of: "2026-03",
    trigger: "oracle price (minimum for longs, maximum for shorts)",
};

/// Fee on closing that does not improve the balance of open interest, as the venue's page counts it.
pub const CLOSING_FEE: f64 = 0.0006;
pub const MIN_COLLATERAL_USD: f64 = 1.0;

pub fn holding(c: &mut Checked) -> Result<Holding, EngineError> {
    if c.instrument.kind != InstrumentKind::Pool {
        return Err(EngineError::unsupported(
            c.at("instrument.kind"),
            "gmx positions are of kind pool",
        ));
    }
    if c.mode == MarginMode::Cross {
        return Err(EngineError::unsupported(
            "account.margin_mode",
            "GMX positions are always isolated",
        ));
    }
    let factor = c.instrument.min_collateral_factor.ok_or_else(|| {
        EngineError::insufficient(
            c.at("instrument.min_collateral_factor"),
            "is missing: the share of size under which the pool closes a position",
        )
    })?;
    units::between(c.at("instrument.min_collateral_factor"), factor, 0.0, 0.9999)?;
    let least = match c.instrument.min_collateral_usd {
        Some(usd) => units::non_negative_money(c.at("instrument.min_collateral_usd"), usd)?,
        None => {
            c.assume(format!(
                "least collateral {MIN_COLLATERAL_USD} USD: the contract's setting"
            ));
            MIN_COLLATERAL_USD
        }
    };
    let tokens = c.size;
    let size_usd = match c.position.size_usd {
        Some(usd) => units::size(c.at("size_usd"), usd)?,
        None => tokens * c.entry,
    };
    if let (Some(usd), Some(entry)) = (c.position.size_usd, c.position.entry_price)
        && (usd / tokens / entry - 1.0).abs() > 1e-6
    {
        return Err(EngineError::invalid(
            c.at("size_usd"),
            format!("disagrees with size·entry_price = {}; got {usd}", tokens * entry),
        ));
    }
    let (token, amount, price) = collateral(c, size_usd)?;
    let fees = match c.position.accrued_fees {
        Some(fees) => fees,
        None => {
            let fee = c.instrument.taker_fee.unwrap_or(CLOSING_FEE);
            c.assume(format!(
                "accrued fees not given: closing fee of {fee} of size, no borrowing or funding due"
            ));
            size_usd * fee
        }
    };
    // A positive sum of impact counts as nothing in the test.
    let impact = c.position.price_impact.unwrap_or(0.0).min(0.0);
    let value = amount * price;
    let sign = c.position.side.sign();
    let leg = Leg {
        payoff: Payoff::Linear,
        direction: sign,
        units: tokens,
        entry_x: size_usd / tokens,
        mark_x: c.mark,
        rows: vec![Row {
            floor: 0.0,
            cap: f64::INFINITY,
            rate: 0.0,
            amount: 0.0,
            max_leverage: 1.0 / factor.max(1e-3),
        }],
        fee_rate: 0.0,
        reserve: (size_usd * factor).max(least),
        held: if token == CollateralToken::Index { amount } else { 0.0 },
    };
    let fixed = if token == CollateralToken::Index { 0.0 } else { value };
    Ok(Holding {
        symbol: c.position.symbol.clone(),
        side: c.position.side,
        kind: InstrumentKind::Pool,
        leg,
        cash: fixed + impact - fees,
        initial_margin: value,
        bankrupt_at: 0.0,
        beta: 1.0,
        other_collateral: (token == CollateralToken::Other).then_some((amount, value)),
        inverted_ratio: false,
    })
}

/// Token, amount and price of the collateral; from `margin` or `leverage` a stable dollar amount.
fn collateral(c: &mut Checked, size_usd: f64) -> Result<(CollateralToken, f64, f64), EngineError> {
    if let Some(k) = &c.position.collateral {
        units::non_negative_money(c.at("collateral.amount"), k.amount)?;
        let price = match k.token {
            // The token is the index: its price is the mark, whatever was typed.
            CollateralToken::Index => c.mark,
            _ => units::price(c.at("collateral.price"), k.price)?,
        };
        return Ok((k.token, k.amount, price));
    }
    let extra = c.position.extra_margin.unwrap_or(0.0);
    let usd = match (c.position.margin, c.leverage) {
        (Some(margin), _) => margin,
        (None, Some(leverage)) => size_usd / leverage,
        (None, None) => {
            return Err(EngineError::invalid(
                c.at("collateral"),
                "is missing: give collateral, margin or leverage",
            ));
        }
    };
    c.assume("collateral taken as a stable token at 1 USD");
    Ok((CollateralToken::Stable, usd + extra, 1.0))
}
