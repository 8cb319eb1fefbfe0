//! Messages of the dYdX indexer's stream. They are numbered by connection.

use super::normalise::{level_rows, market_quote, trade};
use crate::error::EngineError;
use crate::market::Quote;
use crate::venue::stream::{BookChange, Event};
use crate::venue::wire::{Wire, levels_kept};

type Read<T> = Result<T, EngineError>;

pub(super) fn message(m: &Wire) -> Read<Vec<Event>> {
    let kind = m.get("type")?.text()?;
    let mut out: Vec<Event> = m
        .opt("message_id", Wire::amount)?
        .into_iter()
        .map(Event::Numbered)
        .collect();
    let parts = match kind {
        "error" => {
            let words = m
                .find("message")
                .and_then(|w| w.text().ok())
                .unwrap_or("no reason given");
            out.push(Event::Refused(words.to_owned()));
            return Ok(out);
        }
        "subscribed" | "channel_data" => vec![m.get("contents")?],
        "channel_batch_data" => m.get("contents")?.list()?,
        _ => return Ok(out),
    };
    let channel = m.get("channel")?.text()?;
    let id = || Ok::<_, EngineError>(m.get("id")?.text()?.to_owned());
    for c in parts {
        match channel {
            "v4_markets" => {
                for group in ["markets", "trading"] {
                    for (name, market) in c.find(group).map_or_else(|| Ok(Vec::new()), |g| g.entries())? {
                        out.push(Event::Quote(market_quote(name, &market)?));
                    }
                }
                for (name, p) in c.find("oraclePrices").map_or_else(|| Ok(Vec::new()), |g| g.entries())? {
                    out.push(Event::Quote(Quote {
                        symbol: name.to_owned(),
                        mark_price: Some(p.get("oraclePrice")?.price()?),
                        index_price: Some(p.get("oraclePrice")?.price()?),
                        time: p.opt("effectiveAt", Wire::iso_millis)?,
                        ..Quote::default()
                    }));
                }
            }
            "v4_orderbook" => {
                let whole = kind == "subscribed";
                let side = |name: &str| match c.find(name) {
                    Some(rows) if whole => level_rows(&rows),
                    Some(rows) => levels_kept(&rows),
                    None => Ok(Vec::new()),
                };
                out.push(Event::Book(BookChange {
                    symbol: id()?,
                    whole,
                    number: None,
                    follows: None,
                    bids: side("bids")?,
                    asks: side("asks")?,
                }));
            }
            "v4_trades" => {
                for t in c.get("trades")?.list()? {
                    out.extend(trade(&id()?, &t)?);
                }
            }
            _ => {}
        }
    }
    Ok(out)
}
