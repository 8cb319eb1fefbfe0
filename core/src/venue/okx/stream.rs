//! Messages of OKX's public v5 streams. Sizes are contracts.

use super::normalise::{funding_quote, interest_quote};
use crate::error::EngineError;
use crate::market::Quote;
use crate::units::Side;
use crate::venue::stream::{BookChange, Event, Liquidation, Trade};
use crate::venue::wire::{Wire, levels_kept};

type Read<T> = Result<T, EngineError>;

pub(super) fn message(m: &Wire) -> Read<Vec<Event>> {
    if let Some(event) = m.find("event") {
        return Ok(match event.text()? {
            "error" => {
                let words = m.find("msg").and_then(|w| w.text().ok()).unwrap_or("no reason given");
                vec![Event::Refused(words.to_owned())]
            }
            _ => Vec::new(),
        });
    }
    let arg = m.get("arg")?;
    let channel = arg.get("channel")?.text()?;
    let mut out = Vec::new();
    for d in m.get("data")?.list()? {
        let quote = |q: Quote| -> Read<Event> {
            Ok(Event::Quote(Quote {
                symbol: d.get("instId")?.text()?.to_owned(),
                time: d.opt("ts", Wire::millis)?,
                ..q
            }))
        };
        match channel {
            "mark-price" => out.push(quote(Quote {
                mark_price: Some(d.get("markPx")?.price()?),
                ..Quote::default()
            })?),
            "index-tickers" => out.push(quote(Quote {
                index_price: Some(d.get("idxPx")?.price()?),
                ..Quote::default()
            })?),
            "funding-rate" => out.push(quote(funding_quote(&d)?)?),
            "open-interest" => out.push(quote(interest_quote(&d)?)?),
            "books" | "books5" => {
                let whole = m.find("action").is_none_or(|a| a.text() == Ok("snapshot"));
                out.push(Event::Book(BookChange {
                    symbol: arg.get("instId")?.text()?.to_owned(),
                    whole,
                    number: d.opt("seqId", Wire::number)?,
                    follows: d.opt("prevSeqId", Wire::number)?.filter(|_| !whole),
                    bids: levels_kept(&d.get("bids")?)?,
                    asks: levels_kept(&d.get("asks")?)?,
                }));
            }
            "trades" => out.push(Event::Trade(Trade {
                symbol: d.get("instId")?.text()?.to_owned(),
                time: d.get("ts")?.millis()?,
                side: side(&d.get("side")?)?,
                price: d.get("px")?.price()?,
                size: d.get("sz")?.amount()?,
            })),
            "liquidation-orders" => {
                for l in liquidations(&d)? {
                    out.push(Event::Liquidation(l));
                }
            }
            _ => {}
        }
    }
    Ok(out)
}

pub(super) fn side(w: &Wire) -> Read<Side> {
    match w.text()? {
        "buy" => Ok(Side::Long),
        "sell" => Ok(Side::Short),
        _ => Err(EngineError::invalid(w.path(), "must be buy or sell")),
    }
}

/// Of one instrument, by REST or by stream: at most one an instrument and second is told.
pub(super) fn liquidations(of: &Wire) -> Read<Vec<Liquidation>> {
    let symbol = of.get("instId")?.text()?;
    of.get("details")?
        .list()?
        .iter()
        .map(|l| {
            let held = l.find("posSide").map(|p| p.text()).transpose()?;
            Ok(Liquidation {
                symbol: symbol.to_owned(),
                time: l.get("ts")?.millis()?,
                side: match held {
                    Some("long") => Side::Long,
                    Some("short") => Side::Short,
                    // A net position: what is sold was long.
                    _ => match side(&l.get("side")?)? {
                        Side::Short => Side::Long,
                        Side::Long => Side::Short,
                    },
                },
                price: l.get("bkPx")?.price()?,
                size: l.get("sz")?.amount()?,
            })
        })
        .collect()
}
