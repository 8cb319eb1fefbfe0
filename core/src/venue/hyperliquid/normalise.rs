//! Answers of Hyperliquid's info endpoint to our words.

use super::rule::tiers_from_table;
use crate::error::EngineError;
use crate::market::{Instrument, InstrumentKind, Interval, Listing, Quote};
use crate::units::Side;
use crate::venue::wire::{self, Hint, Normalised, Wire};
use std::collections::HashSet;

type Read<T> = Result<T, EngineError>;

pub(super) fn normalise(endpoint: &str, body: &Wire, hint: &Hint) -> Option<Read<Normalised>> {
    Some(match endpoint {
        "meta" => meta(body),
        "meta_and_asset_ctxs" => meta_and_asset_ctxs(body),
        "all_perp_metas" => all_perp_metas(body),
        "candle_snapshot" => candle_snapshot(body, hint),
        "funding_history" => funding_history(body, hint),
        "l2_book" => l2_book(body),
        "recent_trades" => recent_trades(body),
        "leaderboard" => leaderboard(body),
        "clearinghouse_state" => super::wallet::account(body),
        _ => return None,
    })
}

fn meta(meta: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut tables: Vec<(f64, Vec<(f64, f64)>)> = Vec::new();
    if let Some(list) = meta.find("marginTables") {
        for t in list.list()? {
            let steps = t.item(1)?.get("marginTiers")?.list()?;
            let rows: Read<Vec<_>> = steps
                .iter()
                .map(|s| Ok((s.get("lowerBound")?.amount()?, s.get("maxLeverage")?.leverage()?)))
                .collect();
            tables.push((t.item(0)?.number()?, rows?));
        }
    }
    let mut delisted = 0;
    for u in meta.get("universe")?.list()? {
        if u.flag("isDelisted") {
            delisted += 1;
            continue;
        }
        let max_leverage = u.get("maxLeverage")?.leverage()?;
        let table = u
            .opt("marginTableId", Wire::number)?
            .and_then(|id| tables.iter().find(|t| t.0 == id));
        let mut instrument = Instrument::bare(InstrumentKind::Linear);
        instrument.tiers = match table {
            Some((_, rows)) => tiers_from_table(rows),
            // Ids below 50 are their own maximum leverage.
            None => tiers_from_table(&[(0.0, max_leverage)]),
        };
        instrument.funding_interval_hours = Some(1.0);
        out.listings.push(Listing {
            symbol: u.get("name")?.text()?.to_owned(),
            base: u.get("name")?.text()?.to_owned(),
            quote: "USD".to_owned(),
            settle: "USDC".to_owned(),
            lot_size: u.opt("szDecimals", Wire::number)?.map(|d| 10f64.powi(-(d as i32))),
            min_size: None,
            max_leverage: Some(max_leverage),
            instrument,
        });
    }
    if delisted > 0 {
        out.notes.push(format!("{delisted} delisted coins were left out"));
    }
    Ok(out)
}

fn meta_and_asset_ctxs(body: &Wire) -> Read<Normalised> {
    let universe = body.item(0)?.get("universe")?.list()?;
    let contexts = body.item(1)?.list()?;
    if universe.len() != contexts.len() {
        return Err(EngineError::invalid(
            body.path(),
            format!("{} coins but {} contexts", universe.len(), contexts.len()),
        ));
    }
    let mut out = meta(&body.item(0)?)?;
    for (u, c) in universe.iter().zip(&contexts) {
        if u.flag("isDelisted") {
            continue;
        }
        out.quotes.push(Quote {
            symbol: u.get("name")?.text()?.to_owned(),
            mark_price: c.opt_price("markPx")?,
            index_price: c.opt_price("oraclePx")?,
            last_price: c.opt_price("midPx")?,
            funding_rate: c.opt("funding", Wire::rate)?,
            funding_interval_hours: Some(1.0),
            funding_cap: Some(0.04),
            funding_floor: Some(-0.04),
            open_interest: c.opt("openInterest", Wire::amount)?,
            ..Quote::default()
        });
    }
    Ok(out)
}

/// One meta per perp dex; coins of builder-deployed dexs carry the dex in their name.
fn all_perp_metas(body: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    for m in body.list()? {
        let one = meta(&m)?;
        out.listings.extend(one.listings);
        out.notes.extend(one.notes);
    }
    Ok(out)
}

fn candle_snapshot(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut rows = Vec::new();
    let mut interval = hint.interval;
    for c in body.list()? {
        if interval.is_none() {
            interval = Interval::from_millis(c.get("T")?.millis()? + 1.0 - c.get("t")?.millis()?);
        }
        let price = |k: &str| c.get(k)?.price();
        rows.push(wire::candle(
            &c,
            c.get("t")?.millis()?,
            price("o")?,
            price("h")?,
            price("l")?,
            price("c")?,
            c.get("v")?.amount()?,
        )?);
    }
    out.candles = Some(wire::arrange(body, rows, interval, &mut out.notes)?);
    Ok(out)
}

fn funding_history(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let rows: Read<Vec<_>> = body
        .list()?
        .iter()
        .filter(|r| hint.wants(r, "coin"))
        .map(|r| Ok((r.get("time")?.millis()?, r.get("fundingRate")?.rate()?)))
        .collect();
    Ok(Normalised {
        funding: wire::ordered(rows?),
        ..Normalised::default()
    })
}

pub(super) fn book_sides(body: &Wire) -> Read<crate::market::Book> {
    let sides = body.get("levels")?;
    let side = |i, bids| {
        wire::levels(
            &sides.item(i)?,
            |l| l.get("px")?.price(),
            |l| l.get("sz")?.amount(),
            bids,
        )
    };
    Ok(crate::market::Book {
        bids: side(0, true)?,
        asks: side(1, false)?,
    })
}

fn l2_book(body: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    let book = book_sides(body)?;
    wire::check_book(&book, &mut out.notes);
    out.book = Some(book);
    Ok(out)
}

/// `0x` and forty hexadecimal digits.
pub(super) fn address<'a>(w: &Wire<'a>) -> Read<&'a str> {
    let text = w.text()?;
    let right = text.len() == 42 && text.starts_with("0x") && text[2..].bytes().all(|b| b.is_ascii_hexdigit());
    if right {
        Ok(text)
    } else {
        Err(EngineError::invalid(
            w.path(),
            "must be an address: 0x and 40 hexadecimal digits",
        ))
    }
}

/// Each trade, and the wallets on both sides of it.
fn recent_trades(body: &Wire) -> Read<Normalised> {
    let mut seen = HashSet::new();
    let mut out = Normalised::default();
    for trade in body.list()? {
        let side = trade.get("side")?;
        out.trades.push((
            trade.get("time")?.millis()?,
            match side.text()? {
                "B" => Side::Long,
                "A" => Side::Short,
                _ => return Err(EngineError::invalid(side.path(), "must be A or B")),
            },
            trade.get("px")?.price()?,
            trade.get("sz")?.amount()?,
        ));
        for user in trade.get("users")?.list()? {
            let user = address(&user)?;
            if seen.insert(user) {
                out.addresses.push(user.to_owned());
            }
        }
    }
    out.trades.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}

/// Addresses of the leaderboard that are read, the largest accounts first.
const LEADERS: usize = 2000;

fn leaderboard(body: &Wire) -> Read<Normalised> {
    let mut rows: Vec<(f64, &str)> = Vec::new();
    for r in body.get("leaderboardRows")?.list()? {
        rows.push((r.get("accountValue")?.number()?, address(&r.get("ethAddress")?)?));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let all = rows.len();
    rows.truncate(LEADERS);
    Ok(Normalised {
        notes: if all > LEADERS {
            vec![format!("the {LEADERS} largest of {all} accounts are kept")]
        } else {
            Vec::new()
        },
        addresses: rows.into_iter().map(|r| r.1.to_owned()).collect(),
        ..Normalised::default()
    })
}
