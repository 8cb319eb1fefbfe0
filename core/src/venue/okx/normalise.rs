//! OKX v5 public answers to our words. Every value is text there; sizes are contracts.

use crate::error::EngineError;
use crate::market::{Instrument, InstrumentKind, Listing, Quote, Tier};
use crate::venue::wire::{self, Hint, Normalised, SymbolTiers, TOHLCV, Wire};

type Read<T> = Result<T, EngineError>;

pub(super) fn normalise(endpoint: &str, body: &Wire, hint: &Hint) -> Option<Read<Normalised>> {
    let read = match endpoint {
        "instruments" => instruments,
        "position_tiers" => position_tiers,
        "mark_price" => |d: &Wire, _: &Hint| {
            quotes(d, |q| {
                Ok(Quote {
                    mark_price: Some(q.get("markPx")?.price()?),
                    ..Quote::default()
                })
            })
        },
        "index_tickers" => |d: &Wire, _: &Hint| {
            quotes(d, |q| {
                Ok(Quote {
                    index_price: Some(q.get("idxPx")?.price()?),
                    ..Quote::default()
                })
            })
        },
        "funding_rate" => funding_rate,
        "funding_rate_history" => funding_rate_history,
        "open_interest" => |d: &Wire, _: &Hint| quotes(d, interest_quote),
        // Rows of [time, contracts, coins, dollars].
        "open_interest_history" => |d: &Wire, _: &Hint| {
            let rows: Read<Vec<_>> = d
                .list()?
                .iter()
                .map(|r| Ok((r.item(0)?.millis()?, r.item(2)?.amount()?)))
                .collect();
            Ok(Normalised {
                open_interest: wire::ordered(rows?),
                ..Normalised::default()
            })
        },
        "candles" => candles,
        "mark_price_candles" => mark_candles,
        "books" => books,
        "trades" => trades,
        "liquidation_orders" => liquidation_orders,
        "long_short_account_ratio" => long_share,
        "time" => |d: &Wire, _: &Hint| {
            let now = d.item(0)?.get("ts")?.millis()?;
            Ok(Normalised {
                venue_time: Some(now),
                ..Normalised::default()
            })
        },
        _ => return None,
    };
    Some(wire::unwrapped(body, "OKX", "code", "msg", "data").and_then(|d| read(&d, hint)))
}

/// Inverse swaps are quoted in plain USD.
fn is_inverse(row: &Wire) -> Read<bool> {
    Ok(row.get("instId")?.text()?.split('-').nth(1) == Some("USD"))
}

fn quotes(data: &Wire, read: impl Fn(&Wire) -> Read<Quote>) -> Read<Normalised> {
    let quotes = data.list()?.into_iter().map(|q| {
        Ok(Quote {
            symbol: q.get("instId")?.text()?.to_owned(),
            time: q.opt("ts", Wire::millis)?,
            ..read(&q)?
        })
    });
    Ok(Normalised {
        quotes: quotes.collect::<Read<_>>()?,
        ..Normalised::default()
    })
}

fn instruments(data: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut other = 0;
    for s in data.list()? {
        let symbol = s.get("instId")?.text()?;
        let swap = s.get("instType")?.text()? == "SWAP" && s.find("state").is_none_or(|x| x.text() == Ok("live"));
        let kind = match s.find("ctType").map(|t| t.text()).transpose()? {
            Some("linear") if swap => InstrumentKind::Linear,
            Some("inverse") if swap => InstrumentKind::Inverse,
            _ => {
                other += 1;
                continue;
            }
        };
        let mut instrument = Instrument::bare(kind);
        instrument.contract_size = Some(s.get("ctVal")?.amount()? * s.opt("ctMult", Wire::amount)?.unwrap_or(1.0));
        instrument.tick_size = s.opt_price("tickSz")?;
        let unit = if kind == InstrumentKind::Linear {
            instrument.contract_size.unwrap_or(1.0)
        } else {
            1.0
        };
        let mut parts = symbol.split('-');
        let (base, quote) = (parts.next().unwrap_or(symbol), parts.next().unwrap_or("USD"));
        out.listings.push(Listing {
            symbol: symbol.to_owned(),
            base: base.to_owned(),
            quote: quote.to_owned(),
            settle: s.get("settleCcy")?.text()?.to_owned(),
            // The venue counts contracts; sizes here are base units for linear swaps.
            lot_size: s.opt("lotSz", Wire::amount)?.map(|n| n * unit),
            min_size: s.opt("minSz", Wire::amount)?.map(|n| n * unit),
            max_leverage: s.opt("lever", Wire::leverage)?,
            instrument,
        });
    }
    if other > 0 {
        out.notes
            .push(format!("{other} instruments that are not live swaps were left out"));
    }
    Ok(out)
}

fn position_tiers(data: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    for row in data.list()? {
        // Swap tiers are listed by family; older answers leave it empty and name the instrument.
        let family = ["instFamily", "uly", "instId"].iter().find_map(|k| row.find(k));
        let Some(family) = family else {
            return Err(EngineError::invalid(format!("{}.instFamily", row.path()), "is missing"));
        };
        let symbol = family.text()?;
        let tier = Tier {
            floor: row.get("minSz")?.amount()?,
            cap: row.opt("maxSz", Wire::amount)?,
            maintenance_margin_rate: row.get("mmr")?.number()?,
            maintenance_amount: None,
            max_leverage: row.get("maxLever")?.leverage()?,
        };
        match out.tiers.iter_mut().find(|t| t.symbol == symbol) {
            Some(t) => t.tiers.push(tier),
            None => out.tiers.push(SymbolTiers {
                symbol: symbol.to_owned(),
                tiers: vec![tier],
            }),
        }
    }
    for t in &mut out.tiers {
        t.tiers.sort_by(|a, b| a.floor.total_cmp(&b.floor));
    }
    Ok(out)
}

fn funding_rate(data: &Wire, _: &Hint) -> Read<Normalised> {
    quotes(data, funding_quote)
}

pub(super) fn funding_quote(q: &Wire) -> Read<Quote> {
    let next = q.get("fundingTime")?.millis()?;
    let after = q.opt("nextFundingTime", Wire::millis)?;
    Ok(Quote {
        funding_rate: Some(q.get("fundingRate")?.rate()?),
        next_funding_time: Some(next),
        funding_interval_hours: after.map(|t| (t - next) / 3_600_000.0).filter(|h| *h > 0.0),
        funding_cap: q.opt("maxFundingRate", Wire::rate)?,
        funding_floor: q.opt("minFundingRate", Wire::rate)?,
        ..Quote::default()
    })
}

/// Contracts for inverse swaps, coins for linear ones.
pub(super) fn interest_quote(q: &Wire) -> Read<Quote> {
    Ok(Quote {
        open_interest: Some(q.get(if is_inverse(q)? { "oi" } else { "oiCcy" })?.amount()?),
        ..Quote::default()
    })
}

/// What was charged where the venue tells it, else the predicted rate.
fn funding_rate_history(data: &Wire, hint: &Hint) -> Read<Normalised> {
    let rows: Read<Vec<_>> = data
        .list()?
        .iter()
        .filter(|r| hint.wants(r, "instId"))
        .map(|r| {
            let rate = r.find("realizedRate").map_or_else(|| r.get("fundingRate"), Ok)?;
            Ok((r.get("fundingTime")?.millis()?, rate.rate()?))
        })
        .collect();
    Ok(Normalised {
        funding: wire::ordered(rows?),
        ..Normalised::default()
    })
}

/// Candles; the running one (`confirm` "0") is kept, as on every other venue. Volume is in contracts.
fn candles(data: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    out.candles = Some(wire::candles(data, TOHLCV, hint.interval, &mut out.notes)?);
    out.notes.push("volume is in contracts".to_owned());
    Ok(out)
}

/// Rows without volume.
fn mark_candles(data: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let columns = wire::Columns { volume: None, ..TOHLCV };
    out.candles = Some(wire::candles(data, columns, hint.interval, &mut out.notes)?);
    Ok(out)
}

fn trades(data: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    for t in data.list()?.iter().filter(|t| hint.wants(t, "instId")) {
        let taker = super::stream::side(&t.get("side")?)?;
        out.trades.push((
            t.get("ts")?.millis()?,
            taker,
            t.get("px")?.price()?,
            t.get("sz")?.amount()?,
        ));
    }
    out.trades.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}

/// Of the last days; sizes are contracts.
fn liquidation_orders(data: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    for of in data.list()?.iter().filter(|t| hint.wants(t, "instId")) {
        let found = super::stream::liquidations(of)?;
        out.liquidations
            .extend(found.into_iter().map(|l| (l.time, l.side, l.price, l.size)));
    }
    out.liquidations.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}

/// Rows of [time, accounts long over accounts short].
fn long_share(data: &Wire, _: &Hint) -> Read<Normalised> {
    let rows: Read<Vec<_>> = data
        .list()?
        .iter()
        .map(|r| {
            let ratio = r.item(1)?.amount()?;
            Ok((r.item(0)?.millis()?, ratio / (1.0 + ratio)))
        })
        .collect();
    Ok(Normalised {
        long_share: wire::ordered(rows?),
        ..Normalised::default()
    })
}

fn books(data: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let first = data.item(0)?;
    out.book = Some(wire::book(&first.get("bids")?, &first.get("asks")?, &mut out.notes)?);
    out.notes.push("book sizes are contracts".to_owned());
    Ok(out)
}
