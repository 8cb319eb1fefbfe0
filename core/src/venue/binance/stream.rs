//! Messages of Binance's futures streams, alone or in the wrapper of combined ones.

use crate::error::EngineError;
use crate::market::{Interval, Quote};
use crate::units::Side;
use crate::venue::stream::{BookChange, Event, Liquidation, Trade};
use crate::venue::wire::{Wire, levels_kept};

type Read<T> = Result<T, EngineError>;

pub(super) fn message(frame: &Wire) -> Read<Vec<Event>> {
    let m = frame.find("data").unwrap_or_else(|| frame.clone());
    let Some(kind) = m.find("e") else {
        if let Some(words) = m.find("error").and_then(|e| e.find("msg")).or_else(|| m.find("msg")) {
            return Ok(vec![Event::Refused(words.text()?.to_owned())]);
        }
        // The answer to a subscription.
        m.get("id")?;
        return Ok(Vec::new());
    };
    let symbol = || Ok::<_, EngineError>(m.get("s")?.text()?.to_owned());
    Ok(match kind.text()? {
        "markPriceUpdate" => vec![Event::Quote(Quote {
            symbol: symbol()?,
            mark_price: m.opt_price("p")?,
            index_price: m.opt_price("i")?,
            funding_rate: m.opt("r", Wire::rate)?,
            // 0 for contracts that pay none.
            next_funding_time: m
                .find("T")
                .filter(|t| t.number() != Ok(0.0))
                .map(|t| t.millis())
                .transpose()?,
            time: Some(m.get("E")?.millis()?),
            ..Quote::default()
        })],
        "depthUpdate" => vec![Event::Book(BookChange {
            symbol: symbol()?,
            whole: false,
            number: Some(m.get("u")?.amount()?),
            follows: Some(m.get("pu")?.amount()?),
            bids: levels_kept(&m.get("b")?)?,
            asks: levels_kept(&m.get("a")?)?,
        })],
        "kline" => {
            let k = m.get("k")?;
            let price = |name: &str| k.get(name)?.price();
            match Interval::of(k.get("i")?.text()?) {
                Some(interval) => vec![Event::Candle(
                    symbol()?,
                    interval,
                    crate::venue::wire::candle(
                        &k,
                        k.get("t")?.millis()?,
                        price("o")?,
                        price("h")?,
                        price("l")?,
                        price("c")?,
                        k.get("v")?.amount()?,
                    )?,
                )],
                None => Vec::new(),
            }
        }
        "aggTrade" => vec![Event::Trade(Trade {
            symbol: symbol()?,
            time: m.get("T")?.millis()?,
            // The maker bought: the taker sold.
            side: if m.flag("m") { Side::Short } else { Side::Long },
            price: m.get("p")?.price()?,
            size: m.get("q")?.amount()?,
        })],
        // At most one an instrument and second is told: a lower bound.
        "forceOrder" => {
            let o = m.get("o")?;
            let filled = o.get("z")?.amount()?;
            vec![Event::Liquidation(Liquidation {
                symbol: o.get("s")?.text()?.to_owned(),
                time: o.get("T")?.millis()?,
                // The order's side: what is sold was long.
                side: order_closes(&o.get("S")?)?,
                price: o.opt_price("ap")?.map_or_else(|| o.get("p")?.price(), Ok)?,
                size: if filled > 0.0 { filled } else { o.get("q")?.amount()? },
            })]
        }
        _ => Vec::new(),
    })
}

/// The side of a position that an order of this side closes.
fn order_closes(order: &Wire) -> Read<Side> {
    match order.text()? {
        "SELL" => Ok(Side::Long),
        "BUY" => Ok(Side::Short),
        _ => Err(EngineError::invalid(order.path(), "must be BUY or SELL")),
    }
}
