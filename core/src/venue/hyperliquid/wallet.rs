//! A wallet's `clearinghouseState` as an account that `liquidation` takes.
//!
//! An account has one margin mode: where a wallet holds cross positions, isolated ones are left out with a note; where it
//! holds isolated ones only, the account is isolated. A unified account's collateral is in another answer (the spot
//! state): its prices need `account_value` replaced by that total.

use super::rule::tiers_from_table;
use crate::error::EngineError;
use crate::market::{Account, Held, Instrument, InstrumentKind, Position, TierUnit, Tiers, Venue};
use crate::units::{MarginMode, Side};
use crate::venue::snapshot;
use crate::venue::wire::{Normalised, Wire};

type Read<T> = Result<T, EngineError>;

pub(crate) fn account(body: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    let (mut crossed, mut isolated) = (Vec::new(), Vec::new());
    for row in body.get("assetPositions")?.list()? {
        let p = row.get("position")?;
        if p.get("szi")?.number()? == 0.0 {
            continue;
        }
        let (position, is_isolated) = position(&p)?;
        out.held.push(Held {
            symbol: position.symbol.clone(),
            side: position.side,
            size: position.size,
            entry_price: p.get("entryPx")?.price()?,
            liquidation_price: p.opt_price("liquidationPx")?,
            margin: p.opt("marginUsed", Wire::amount)?,
        });
        if is_isolated {
            isolated.push(position)
        } else {
            crossed.push(position)
        }
    }
    let cross = !crossed.is_empty() || isolated.is_empty();
    let (account_value, other) = if cross {
        let summary = body.get("crossMarginSummary").or_else(|_| body.get("marginSummary"))?;
        let listed: Read<Vec<f64>> = crossed.iter().map(maintenance).collect();
        let used = body.opt("crossMaintenanceMarginUsed", Wire::amount)?;
        // What the exchange counts beyond the positions listed here: an answer may be trimmed, a table may have changed.
        let other = used.map(|u| (u - listed.map_or(u, |l| l.iter().sum())).max(0.0));
        (Some(summary.get("accountValue")?.number()?), other)
    } else {
        (None, None)
    };
    if cross && !isolated.is_empty() {
        out.notes.push(format!(
            "{} isolated positions were left out of the cross account",
            isolated.len()
        ));
    }
    if other.is_some_and(|o| o > 0.01) {
        out.notes.push("the exchange counts more maintenance margin than the listed positions need: the rest is in other_maintenance_margin".to_owned());
    }
    out.account = Some(Account {
        venue: Venue::Hyperliquid,
        margin_mode: if cross { MarginMode::Cross } else { MarginMode::Isolated },
        wallet_balance: None,
        account_value,
        other_maintenance_margin: other,
        collateral: Some("USDC".to_owned()),
        positions: if cross { crossed } else { isolated },
    });
    Ok(out)
}

/// One position, and whether it is isolated.
fn position(p: &Wire) -> Read<(Position, bool)> {
    let signed = p.get("szi")?.number()?;
    let size = signed.abs();
    let symbol = p.get("coin")?.text()?.to_owned();
    let mark = p.get("positionValue")?.amount()? / size;
    let leverage = p.get("leverage")?;
    let is_isolated = leverage.get("type")?.text()? == "isolated";
    let mut entry = p.get("entryPx")?.price()?;
    // Isolated cash without profit and loss: rawUsd + s·size·entry. Margin may have been taken out against a profit; then
    // it is negative at entry, and the position is told from its mark instead, which is the same equity everywhere.
    let margin = match leverage.find("rawUsd").filter(|_| is_isolated) {
        Some(raw) => {
            let raw = raw.number()?;
            if raw + signed * entry < 0.0 {
                entry = mark;
            }
            Some(raw + signed * entry)
        }
        None => None,
    };
    let instrument = instrument(&symbol, p.opt("maxLeverage", Wire::leverage)?);
    let position = Position {
        symbol,
        side: if signed > 0.0 { Side::Long } else { Side::Short },
        size,
        entry_price: Some(entry),
        mark_price: mark,
        leverage: leverage.opt("value", Wire::leverage)?,
        margin,
        extra_margin: None,
        collateral: None,
        size_usd: None,
        accrued_fees: None,
        price_impact: None,
        instrument,
    };
    Ok((position, is_isolated))
}

/// The coin's shipped margin table if it starts at the leverage the position reports, else one tier at that leverage
/// (protocol vaults report 50 for every coin). Answers before 2023-06 report none: the shipped table is looked up later.
fn instrument(symbol: &str, most: Option<f64>) -> Option<Instrument> {
    let most = most?;
    let shipped = snapshot::lookup(Venue::Hyperliquid, symbol).map(|found| found.0);
    Some(
        shipped
            .filter(|i| i.tiers.first().is_some_and(|t| t.max_leverage == most))
            .unwrap_or_else(|| {
                let mut i = Instrument::bare(InstrumentKind::Linear);
                i.tiers = tiers_from_table(&[(0.0, most)]);
                i
            }),
    )
}

/// Maintenance margin of a listed position at its mark.
fn maintenance(p: &Position) -> Read<f64> {
    let tiers = p
        .instrument
        .as_ref()
        .map(|i| i.tiers.clone())
        .or_else(|| snapshot::lookup(Venue::Hyperliquid, &p.symbol).map(|f| f.0.tiers));
    let tiers = Tiers::new("tiers", &tiers.unwrap_or_default(), TierUnit::Notional)?;
    Ok(tiers.maintenance(p.size * p.mark_price))
}
