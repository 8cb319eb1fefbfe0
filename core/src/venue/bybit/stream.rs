//! Messages of Bybit's public v5 streams.

use crate::error::EngineError;
use crate::market::{Interval, Quote};
use crate::units::Side;
use crate::venue::stream::{BookChange, Event, Liquidation, Trade};
use crate::venue::wire::{Wire, candle, levels_kept};

type Read<T> = Result<T, EngineError>;

pub(super) fn message(m: &Wire) -> Read<Vec<Event>> {
    let Some(topic) = m.find("topic") else {
        if m.find("success").is_some() && !m.flag("success") {
            let words = m
                .find("ret_msg")
                .and_then(|w| w.text().ok())
                .unwrap_or("no reason given");
            return Ok(vec![Event::Refused(words.to_owned())]);
        }
        // The answer to a subscription or a ping.
        m.get("op")?;
        return Ok(Vec::new());
    };
    let topic = topic.text()?;
    let (kind, rest) = topic.split_once('.').unwrap_or((topic, ""));
    let data = m.get("data")?;
    Ok(match kind {
        "tickers" => vec![Event::Quote(Quote {
            symbol: data.get("symbol")?.text()?.to_owned(),
            mark_price: data.opt_price("markPrice")?,
            index_price: data.opt_price("indexPrice")?,
            last_price: data.opt_price("lastPrice")?,
            funding_rate: data.opt("fundingRate", Wire::rate)?,
            next_funding_time: data.opt("nextFundingTime", Wire::millis)?,
            funding_interval_hours: data.opt("fundingIntervalHour", Wire::amount)?.filter(|h| *h > 0.0),
            funding_cap: data.opt("fundingCap", Wire::rate)?,
            open_interest: data
                .opt("singleOpenInterest", Wire::amount)?
                .map_or_else(|| data.opt("openInterest", Wire::amount), |v| Ok(Some(v)))?,
            time: Some(m.get("ts")?.millis()?),
            ..Quote::default()
        })],
        "orderbook" => {
            let number = data.get("u")?.amount()?;
            // 1 after the venue's service began anew.
            let whole = m.get("type")?.text()? == "snapshot" || number == 1.0;
            vec![Event::Book(BookChange {
                symbol: data.get("s")?.text()?.to_owned(),
                whole,
                number: Some(number),
                follows: (!whole).then_some(number - 1.0),
                bids: levels_kept(&data.get("b")?)?,
                asks: levels_kept(&data.get("a")?)?,
            })]
        }
        "publicTrade" => data
            .list()?
            .iter()
            .map(|t| {
                Ok(Event::Trade(Trade {
                    symbol: t.get("s")?.text()?.to_owned(),
                    time: t.get("T")?.millis()?,
                    side: side(&t.get("S")?)?,
                    price: t.get("p")?.price()?,
                    size: t.get("v")?.amount()?,
                }))
            })
            .collect::<Read<_>>()?,
        // All of them; the side is the position's, unlike Binance's.
        "allLiquidation" => data
            .list()?
            .iter()
            .map(|l| {
                Ok(Event::Liquidation(Liquidation {
                    symbol: l.get("s")?.text()?.to_owned(),
                    time: l.get("T")?.millis()?,
                    side: side(&l.get("S")?)?,
                    price: l.get("p")?.price()?,
                    size: l.get("v")?.amount()?,
                }))
            })
            .collect::<Read<_>>()?,
        "kline" => {
            let mut out = Vec::new();
            let (minutes, symbol) = rest.split_once('.').unwrap_or((rest, ""));
            let interval = minutes
                .parse()
                .ok()
                .and_then(|n: f64| Interval::from_millis(n * 60_000.0));
            for k in data.list()? {
                let price = |name: &str| k.get(name)?.price();
                let row = candle(
                    &k,
                    k.get("start")?.millis()?,
                    price("open")?,
                    price("high")?,
                    price("low")?,
                    price("close")?,
                    k.get("volume")?.amount()?,
                )?;
                out.extend(interval.map(|i| Event::Candle(symbol.to_owned(), i, row)));
            }
            out
        }
        _ => Vec::new(),
    })
}

pub(super) fn side(w: &Wire) -> Read<Side> {
    match w.text()? {
        "Buy" => Ok(Side::Long),
        "Sell" => Ok(Side::Short),
        _ => Err(EngineError::invalid(w.path(), "must be Buy or Sell")),
    }
}
