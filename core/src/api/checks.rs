//! Checks of what several operations take: candles, funding, books.

use crate::error::EngineError;
use crate::market::{Book, Candles, FundingRow, Wallet};
use crate::units;

/// Wallets that one request may hold.
const MOST_WALLETS: usize = 2_000_000;
/// Bars of candles, or payments of funding, that are read.
const MOST_BARS: usize = 200_000;

/// Prices positive and in order, times ascending.
pub(super) fn candles(c: &Candles, field: &str) -> Result<(), EngineError> {
    if c.rows.len() > MOST_BARS {
        return Err(EngineError::invalid(
            format!("{field}.rows"),
            format!("at most {MOST_BARS} bars; got {}", c.rows.len()),
        ));
    }
    for (k, row) in c.rows.iter().enumerate() {
        let at = |column: usize| format!("{field}.rows[{k}][{column}]");
        units::millis(at(0), row.0)?;
        for (column, price) in [(1, row.1), (2, row.2), (3, row.3), (4, row.4)] {
            units::price(at(column), price)?;
        }
        if row.2 < row.1.max(row.4) || row.3 > row.1.min(row.4) {
            return Err(EngineError::invalid(at(2), "high and low must enclose open and close"));
        }
        if k > 0 && row.0 <= c.rows[k - 1].0 {
            return Err(EngineError::invalid(at(0), "times must ascend"));
        }
    }
    Ok(())
}

/// Times ascending and rates possible.
pub(super) fn funding(history: &[FundingRow], field: &str) -> Result<(), EngineError> {
    if history.len() > MOST_BARS {
        return Err(EngineError::invalid(
            field,
            format!("at most {MOST_BARS} payments; got {}", history.len()),
        ));
    }
    for (i, row) in history.iter().enumerate() {
        units::millis(format_args!("{field}[{i}][0]"), row.0)?;
        units::between(format_args!("{field}[{i}][1]"), row.1, -0.1, 0.1)?;
        if i > 0 && row.0 <= history[i - 1].0 {
            return Err(EngineError::invalid(
                format!("{field}[{i}][0]"),
                "must be later than the row before",
            ));
        }
    }
    Ok(())
}

/// Prices positive, sizes not negative, best first, sides apart.
pub(super) fn book(given: &Book, field: &str) -> Result<(), EngineError> {
    const MOST: usize = 100_000;
    for (name, levels, falling) in [("bids", &given.bids, true), ("asks", &given.asks, false)] {
        if levels.len() > MOST {
            return Err(EngineError::invalid(
                format!("{field}.{name}"),
                format!("at most {MOST} levels; got {}", levels.len()),
            ));
        }
        for (k, (price, size)) in levels.iter().enumerate() {
            units::price(format_args!("{field}.{name}[{k}][0]"), *price)?;
            units::between(format_args!("{field}.{name}[{k}][1]"), *size, 0.0, 1e15)?;
            if k > 0
                && (if falling {
                    *price > levels[k - 1].0
                } else {
                    *price < levels[k - 1].0
                })
            {
                return Err(EngineError::invalid(
                    format!("{field}.{name}[{k}][0]"),
                    "must go away from the best price",
                ));
            }
        }
    }
    if let (Some(bid), Some(ask)) = (given.bids.first(), given.asks.first())
        && bid.0 >= ask.0
    {
        return Err(EngineError::invalid(
            format!("{field}.bids[0][0]"),
            format!("{} is not below the best ask, {}: the book is crossed", bid.0, ask.0),
        ));
    }
    Ok(())
}

/// Sizes and entries positive; a liquidation price of 0 is none.
pub(super) fn wallets(given: &[Wallet], field: &str) -> Result<(), EngineError> {
    if given.is_empty() {
        return Err(EngineError::insufficient(field, "is empty: no position is known"));
    }
    if given.len() > MOST_WALLETS {
        return Err(EngineError::invalid(
            field,
            format!("at most {MOST_WALLETS} wallets; got {}", given.len()),
        ));
    }
    for (i, w) in given.iter().enumerate() {
        if w.id.len() > 200 {
            return Err(EngineError::invalid(
                format!("{field}[{i}].id"),
                "at most 200 characters",
            ));
        }
        units::size(format_args!("{field}[{i}].size"), w.size)?;
        units::price(format_args!("{field}[{i}].entry_price"), w.entry_price)?;
        units::between(
            format_args!("{field}[{i}].liquidation_price"),
            w.liquidation_price,
            0.0,
            1e15,
        )?;
    }
    Ok(())
}

/// What evaporates must leave something: a share of depth that no number holds is refused.
pub(super) fn evaporation(evaporation: f64, fraction: f64, field: &str) -> Result<(), EngineError> {
    if evaporation * fraction.abs() > 50.0 {
        return Err(EngineError::invalid(
            field,
            "leaves nothing of the book after such a shock",
        ));
    }
    Ok(())
}
