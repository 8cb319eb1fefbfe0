//! The dYdX indexer's answers to our words. Numbers are text there, times ISO.

use crate::error::EngineError;
use crate::market::{Instrument, InstrumentKind, Listing, Quote, Tier};
use crate::units::Side;
use crate::venue::dydx::rule::funding_cap_8h;
use crate::venue::stream::{Event, Liquidation, Trade};
use crate::venue::wire::{self, Hint, Normalised, Wire};

type Read<T> = Result<T, EngineError>;

pub(super) fn normalise(endpoint: &str, body: &Wire, hint: &Hint) -> Option<Read<Normalised>> {
    Some(match endpoint {
        "perpetual_markets" => markets(body),
        "candles" => candles(body, hint),
        "historical_funding" => funding(body, hint),
        "orderbook" => orderbook(body),
        "trades" => trades(body, hint),
        _ => return None,
    })
}

fn markets(body: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut closed = 0;
    for (name, m) in body.get("markets")?.entries()? {
        // Others are being opened, or can only be closed.
        if m.find("status").is_some_and(|s| s.text() != Ok("ACTIVE")) {
            closed += 1;
            continue;
        }
        let (initial, maintenance) = (
            fraction(&m, "initialMarginFraction")?,
            fraction(&m, "maintenanceMarginFraction")?,
        );
        if maintenance > initial || initial <= 0.0 {
            return Err(EngineError::invalid(
                format!("{}.maintenanceMarginFraction", m.path()),
                "must be at most the initial fraction",
            ));
        }
        let mut instrument = Instrument::bare(InstrumentKind::Linear);
        instrument.tick_size = m.opt_price("tickSize")?;
        instrument.funding_interval_hours = Some(1.0);
        instrument.tiers = vec![Tier {
            floor: 0.0,
            cap: None,
            maintenance_margin_rate: maintenance,
            maintenance_amount: None,
            max_leverage: 1.0 / initial,
        }];
        let step = m.opt("stepSize", Wire::amount)?;
        out.listings.push(Listing {
            symbol: name.to_owned(),
            base: name.split('-').next().unwrap_or(name).to_owned(),
            quote: "USD".to_owned(),
            settle: "USDC".to_owned(),
            lot_size: step,
            min_size: step,
            max_leverage: Some(1.0 / initial),
            instrument,
        });
        // The cap of one hour, of which the rate is told.
        let cap = funding_cap_8h(initial, maintenance, 6.0) / 8.0;
        out.quotes.push(Quote {
            funding_cap: Some(cap),
            funding_floor: Some(-cap),
            ..market_quote(name, &m)?
        });
    }
    if closed > 0 {
        out.notes
            .push(format!("{closed} markets that are not active were left out"));
    }
    Ok(out)
}

fn fraction(m: &Wire, name: &str) -> Read<f64> {
    let w = m.get(name)?;
    crate::units::between(w.path(), w.number()?, 0.0, 1.0)
}

/// The oracle's price is mark and index at once: requirements are counted at it.
pub(super) fn market_quote(name: &str, m: &Wire) -> Read<Quote> {
    let oracle = m.opt_price("oraclePrice")?;
    Ok(Quote {
        symbol: name.to_owned(),
        mark_price: oracle,
        index_price: oracle,
        funding_rate: m.opt("nextFundingRate", Wire::rate)?,
        funding_interval_hours: Some(1.0),
        open_interest: m.opt("openInterest", Wire::amount)?,
        ..Quote::default()
    })
}

fn candles(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let list = body.get("candles")?;
    let mut rows = Vec::new();
    let mut interval = hint.interval;
    for c in list.list()? {
        if !hint.wants(&c, "ticker") {
            continue;
        }
        if let Some(word) = c.find("resolution") {
            interval = crate::market::Interval::ALL
                .into_iter()
                .find(|i| word.text() == Ok(super::resolution(*i)))
                .or(interval);
        }
        let price = |k: &str| c.get(k)?.price();
        let time = c.get("startedAt")?.iso_millis()?;
        let row = wire::candle(
            &c,
            time,
            price("open")?,
            price("high")?,
            price("low")?,
            price("close")?,
            c.get("baseTokenVolume")?.amount()?,
        )?;
        rows.push(row);
        if let Some(open) = c.opt("startingOpenInterest", Wire::amount)? {
            out.open_interest.push((time, open));
        }
    }
    out.open_interest = wire::ordered(std::mem::take(&mut out.open_interest));
    out.candles = Some(wire::arrange(&list, rows, interval, &mut out.notes)?);
    Ok(out)
}

/// Rates of one hour.
fn funding(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let rows: Read<Vec<_>> = body
        .get("historicalFunding")?
        .list()?
        .iter()
        .filter(|r| hint.wants(r, "ticker"))
        .map(|r| Ok((r.get("effectiveAt")?.iso_millis()?, r.get("rate")?.rate()?)))
        .collect();
    Ok(Normalised {
        funding: wire::ordered(rows?),
        ..Normalised::default()
    })
}

/// `{price, size}` levels.
pub(super) fn level_rows(rows: &Wire) -> Read<Vec<(f64, f64)>> {
    rows.list()?
        .iter()
        .map(|l| Ok((l.get("price")?.price()?, l.get("size")?.amount()?)))
        .collect()
}

fn orderbook(body: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    let side = |name: &str, bids| {
        wire::levels(
            &body.get(name)?,
            |l| l.get("price")?.price(),
            |l| l.get("size")?.amount(),
            bids,
        )
    };
    let book = crate::market::Book {
        bids: side("bids", true)?,
        asks: side("asks", false)?,
    };
    wire::check_book(&book, &mut out.notes);
    out.book = Some(book);
    Ok(out)
}

/// A trade, and the liquidation that it is: the side is that of the taker, who for a liquidation is the position that is closed.
pub(super) fn trade(symbol: &str, t: &Wire) -> Read<Vec<Event>> {
    let side = t.get("side")?;
    let taker = match side.text()? {
        "BUY" => Side::Long,
        "SELL" => Side::Short,
        _ => return Err(EngineError::invalid(side.path(), "must be BUY or SELL")),
    };
    let (time, price, size) = (
        t.get("createdAt")?.iso_millis()?,
        t.get("price")?.price()?,
        t.get("size")?.amount()?,
    );
    let mut out = vec![Event::Trade(Trade {
        symbol: symbol.to_owned(),
        time,
        side: taker,
        price,
        size,
    })];
    if t.find("type")
        .is_some_and(|k| matches!(k.text(), Ok("LIQUIDATED" | "DELEVERAGED")))
    {
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

fn trades(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    for t in body.get("trades")?.list()? {
        for event in trade(hint.symbol.unwrap_or_default(), &t)? {
            match event {
                Event::Trade(t) => out.trades.push((t.time, t.side, t.price, t.size)),
                Event::Liquidation(l) => out.liquidations.push((l.time, l.side, l.price, l.size)),
                _ => {}
            }
        }
    }
    out.trades.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.liquidations.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}
