//! Messages of Hyperliquid's stream.

use super::normalise::{address, book_sides};
use crate::error::EngineError;
use crate::market::{Interval, Quote};
use crate::units::Side;
use crate::venue::stream::{BookChange, Event, Trade};
use crate::venue::wire::{Wire, candle};

type Read<T> = Result<T, EngineError>;

pub(super) fn message(m: &Wire) -> Read<Vec<Event>> {
    let channel = m.get("channel")?.text()?;
    let data = || m.get("data");
    Ok(match channel {
        "activeAssetCtx" => {
            let d = data()?;
            let c = d.get("ctx")?;
            vec![Event::Quote(Quote {
                symbol: d.get("coin")?.text()?.to_owned(),
                mark_price: c.opt_price("markPx")?,
                index_price: c.opt_price("oraclePx")?,
                last_price: c.opt_price("midPx")?,
                funding_rate: c.opt("funding", Wire::rate)?,
                funding_interval_hours: Some(1.0),
                open_interest: c.opt("openInterest", Wire::amount)?,
                ..Quote::default()
            })]
        }
        "l2Book" => {
            let d = data()?;
            let book = book_sides(&d)?;
            vec![Event::Book(BookChange {
                symbol: d.get("coin")?.text()?.to_owned(),
                whole: true,
                number: None,
                follows: None,
                bids: book.bids,
                asks: book.asks,
            })]
        }
        "trades" => {
            let mut out = Vec::new();
            for t in data()?.list()? {
                out.push(Event::Trade(Trade {
                    symbol: t.get("coin")?.text()?.to_owned(),
                    time: t.get("time")?.millis()?,
                    // B: the taker bought.
                    side: match t.get("side")?.text()? {
                        "B" => Side::Long,
                        "A" => Side::Short,
                        _ => return Err(EngineError::invalid(t.get("side")?.path(), "must be A or B")),
                    },
                    price: t.get("px")?.price()?,
                    size: t.get("sz")?.amount()?,
                }));
                for user in t.find("users").map_or_else(|| Ok(Vec::new()), |u| u.list())? {
                    out.push(Event::Trader(address(&user)?.to_owned()));
                }
            }
            out
        }
        "candle" => {
            let c = data()?;
            let price = |name: &str| c.get(name)?.price();
            match Interval::of(c.get("i")?.text()?) {
                Some(interval) => vec![Event::Candle(
                    c.get("s")?.text()?.to_owned(),
                    interval,
                    candle(
                        &c,
                        c.get("t")?.millis()?,
                        price("o")?,
                        price("h")?,
                        price("l")?,
                        price("c")?,
                        c.get("v")?.amount()?,
                    )?,
                )],
                None => Vec::new(),
            }
        }
        "error" => vec![Event::Refused(data()?.text()?.to_owned())],
        _ => Vec::new(),
    })
}
