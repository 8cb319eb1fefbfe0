//! Messages of Kraken Futures' stream.

use super::normalise::{forced, side};
use crate::error::EngineError;
use crate::market::Quote;
use crate::units::Side;
use crate::venue::stream::{BookChange, Event, Liquidation, Trade};
use crate::venue::wire::Wire;

type Read<T> = Result<T, EngineError>;

pub(super) fn message(m: &Wire) -> Read<Vec<Event>> {
    if let Some(event) = m.find("event") {
        return Ok(match event.text()? {
            "error" | "alert" => {
                let words = m
                    .find("message")
                    .and_then(|w| w.text().ok())
                    .unwrap_or("no reason given");
                vec![Event::Refused(words.to_owned())]
            }
            _ => Vec::new(),
        });
    }
    let symbol = || Ok::<_, EngineError>(m.get("product_id")?.text()?.to_owned());
    Ok(match m.get("feed")?.text()? {
        "ticker" => vec![Event::Quote(Quote {
            symbol: symbol()?,
            mark_price: m.opt_price("markPrice")?,
            index_price: m.opt_price("index")?,
            last_price: m.opt_price("last")?,
            funding_rate: m.opt("relative_funding_rate", Wire::rate)?,
            funding_interval_hours: Some(1.0),
            next_funding_time: m.opt("next_funding_rate_time", Wire::millis)?,
            open_interest: m.opt("openInterest", Wire::amount)?,
            time: m.opt("time", Wire::millis)?,
            ..Quote::default()
        })],
        "book_snapshot" => {
            let levels = |name: &str| -> Read<Vec<(f64, f64)>> {
                m.get(name)?
                    .list()?
                    .iter()
                    .map(|l| Ok((l.get("price")?.price()?, l.get("qty")?.amount()?)))
                    .collect()
            };
            vec![Event::Book(BookChange {
                symbol: symbol()?,
                whole: true,
                number: Some(m.get("seq")?.amount()?),
                follows: None,
                bids: levels("bids")?,
                asks: levels("asks")?,
            })]
        }
        // One level a message.
        "book" => {
            let number = m.get("seq")?.amount()?;
            let level = vec![(m.get("price")?.price()?, m.get("qty")?.amount()?)];
            let (bids, asks) = match side(&m.get("side")?)? {
                Side::Long => (level, Vec::new()),
                Side::Short => (Vec::new(), level),
            };
            vec![Event::Book(BookChange {
                symbol: symbol()?,
                whole: false,
                number: Some(number),
                follows: Some(number - 1.0),
                bids,
                asks,
            })]
        }
        "trade" => trade(&symbol()?, m)?,
        // Trades of before the subscription: what was liquidated then is told too.
        "trade_snapshot" => {
            let mut out = Vec::new();
            for t in m.get("trades")?.list()? {
                out.extend(trade(&symbol()?, &t)?);
            }
            out
        }
        _ => Vec::new(),
    })
}

fn trade(symbol: &str, t: &Wire) -> Read<Vec<Event>> {
    let (time, taker, price, size) = (
        t.get("time")?.millis()?,
        side(&t.get("side")?)?,
        t.get("price")?.price()?,
        t.get("qty")?.amount()?,
    );
    let mut out = vec![Event::Trade(Trade {
        symbol: symbol.to_owned(),
        time,
        side: taker,
        price,
        size,
    })];
    if forced(t) {
        out.push(Event::Liquidation(Liquidation {
            symbol: symbol.to_owned(),
            time,
            side: taker.other(),
            price,
            size,
        }));
    }
    Ok(out)
}
