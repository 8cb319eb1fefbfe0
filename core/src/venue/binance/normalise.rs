//! Binance futures REST answers to our words. Both families: USDⓈ-M and COIN-M differ by `contractSize` and by
//! `premiumIndex` being a list on the latter.

use crate::error::EngineError;
use crate::market::{Instrument, InstrumentKind, Listing, Quote};
use crate::units::{self, Side};
use crate::venue::wire::{self, Hint, Normalised, TOHLCV, Wire};

type Read<T> = Result<T, EngineError>;

pub(super) fn normalise(endpoint: &str, body: &Wire, hint: &Hint) -> Option<Read<Normalised>> {
    let read = match endpoint {
        "exchange_info" => exchange_info,
        "premium_index" => premium_index,
        "klines" | "mark_price_klines" => |b: &Wire, h: &Hint| {
            let mut out = Normalised::default();
            out.candles = Some(wire::candles(
                b,
                TOHLCV,
                h.interval.or(kline_interval(b)),
                &mut out.notes,
            )?);
            Ok(out)
        },
        "funding_rate" => funding_rate,
        "funding_info" => funding_info,
        "open_interest" => open_interest,
        "open_interest_hist" => open_interest_hist,
        "depth" => |b: &Wire, _: &Hint| {
            let mut out = Normalised::default();
            out.book = Some(wire::book(&b.get("bids")?, &b.get("asks")?, &mut out.notes)?);
            out.book_number = b.opt("lastUpdateId", Wire::amount)?;
            Ok(out)
        },
        "agg_trades" => agg_trades,
        "long_short_ratio" => long_share,
        "time" => |b: &Wire, _: &Hint| {
            Ok(Normalised {
                venue_time: Some(b.get("serverTime")?.millis()?),
                ..Normalised::default()
            })
        },
        _ => return None,
    };
    Some(refused(body).and_then(|()| read(body, hint)))
}

/// An error answer: `{"code": -1121, "msg": "Invalid symbol."}`.
fn refused(body: &Wire) -> Read<()> {
    match (body.find("code"), body.find("msg")) {
        (Some(code), Some(msg)) => Err(EngineError::invalid(
            code.path(),
            format!("Binance answered {}: {}", code.number()?, msg.text()?),
        )),
        _ => Ok(()),
    }
}

fn exchange_info(body: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut other = 0;
    for s in body.get("symbols")?.list()? {
        let perpetual = s
            .find("contractType")
            .is_none_or(|t| t.text().is_ok_and(|t| t == "PERPETUAL" || t == "TRADIFI_PERPETUAL"));
        let status = s.find("status").or_else(|| s.find("contractStatus"));
        if !perpetual || status.is_some_and(|t| t.text().is_ok_and(|t| t != "TRADING")) {
            other += 1;
            continue;
        }
        let contract_size = s.opt("contractSize", Wire::amount)?;
        let mut instrument = Instrument::bare(if contract_size.is_some() {
            InstrumentKind::Inverse
        } else {
            InstrumentKind::Linear
        });
        instrument.contract_size = contract_size;
        instrument.liquidation_fee = s.opt("liquidationFee", Wire::rate)?;
        let (mut lot_size, mut min_size) = (None, None);
        for f in s.get("filters")?.list()? {
            match f.get("filterType")?.text()? {
                "PRICE_FILTER" => instrument.tick_size = f.opt_price("tickSize")?,
                "LOT_SIZE" => {
                    lot_size = f.opt("stepSize", Wire::amount)?;
                    min_size = f.opt("minQty", Wire::amount)?;
                }
                _ => {}
            }
        }
        out.listings.push(Listing {
            symbol: s.get("symbol")?.text()?.to_owned(),
            base: s.get("baseAsset")?.text()?.to_owned(),
            quote: s.get("quoteAsset")?.text()?.to_owned(),
            settle: s.get("marginAsset")?.text()?.to_owned(),
            lot_size,
            min_size,
            max_leverage: None,
            instrument,
        });
    }
    if other > 0 {
        out.notes.push(format!(
            "{other} symbols that are not perpetual or not trading were left out"
        ));
    }
    Ok(out)
}

fn premium_index(body: &Wire, _: &Hint) -> Read<Normalised> {
    let rows = if body.is_list() {
        body.list()?
    } else {
        vec![body.clone()]
    };
    // A symbol that does not trade yet is listed with a mark of 0: left out of a long answer, refused alone.
    let many = rows.len() > 1;
    let trading = |q: &Wire| !many || q.find("markPrice").is_none_or(|m| m.number() != Ok(0.0));
    let untraded = rows.iter().filter(|q| !trading(q)).count();
    let quotes = rows.iter().filter(|q| trading(q)).map(|q| {
        Ok(Quote {
            symbol: q.get("symbol")?.text()?.to_owned(),
            mark_price: Some(q.get("markPrice")?.price()?),
            index_price: q.opt_price("indexPrice")?,
            funding_rate: q.opt("lastFundingRate", Wire::rate)?,
            next_funding_time: q
                .find("nextFundingTime")
                .filter(|t| t.number() != Ok(0.0))
                .map(|t| t.millis())
                .transpose()?,
            time: q.opt("time", Wire::millis)?,
            ..Quote::default()
        })
    });
    Ok(Normalised {
        quotes: quotes.collect::<Read<_>>()?,
        notes: if untraded > 0 {
            vec![format!("{untraded} symbols without a mark price were left out")]
        } else {
            Vec::new()
        },
        ..Normalised::default()
    })
}

/// The interval that the first row's close time tells.
fn kline_interval(body: &Wire) -> Option<crate::market::Interval> {
    let row = body.item(0).ok()?;
    let (open, close) = (row.item(0).ok()?.number().ok()?, row.item(6).ok()?.number().ok()?);
    crate::market::Interval::from_millis(close + 1.0 - open)
}

fn funding_rate(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let rows = body.list()?;
    let funding: Read<Vec<_>> = rows
        .iter()
        .filter(|r| hint.wants(r, "symbol"))
        .map(|r| Ok((r.get("fundingTime")?.millis()?, r.get("fundingRate")?.rate()?)))
        .collect();
    Ok(Normalised {
        funding: wire::ordered(funding?),
        ..Normalised::default()
    })
}

fn funding_info(body: &Wire, _: &Hint) -> Read<Normalised> {
    let quotes = body.list()?.into_iter().map(|q| {
        Ok(Quote {
            symbol: q.get("symbol")?.text()?.to_owned(),
            funding_interval_hours: Some(q.get("fundingIntervalHours")?.number()?),
            funding_cap: q.opt("adjustedFundingRateCap", Wire::rate)?,
            funding_floor: q.opt("adjustedFundingRateFloor", Wire::rate)?,
            ..Quote::default()
        })
    });
    Ok(Normalised {
        quotes: quotes.collect::<Read<_>>()?,
        ..Normalised::default()
    })
}

fn agg_trades(body: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    for t in body.list()? {
        // The maker bought: the taker sold.
        let taker = if t.flag("m") { Side::Short } else { Side::Long };
        out.trades.push((
            t.get("T")?.millis()?,
            taker,
            t.get("p")?.price()?,
            t.get("q")?.amount()?,
        ));
    }
    out.trades.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}

fn long_share(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let rows: Read<Vec<_>> = body
        .list()?
        .iter()
        .filter(|r| hint.wants(r, "symbol"))
        .map(|r| {
            let long = r.get("longAccount")?;
            Ok((
                r.get("timestamp")?.millis()?,
                units::between(long.path(), long.number()?, 0.0, 1.0)?,
            ))
        })
        .collect();
    Ok(Normalised {
        long_share: wire::ordered(rows?),
        ..Normalised::default()
    })
}

fn open_interest_hist(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let rows: Read<Vec<_>> = body
        .list()?
        .iter()
        .filter(|r| hint.wants(r, "symbol"))
        .map(|r| Ok((r.get("timestamp")?.millis()?, r.get("sumOpenInterest")?.amount()?)))
        .collect();
    Ok(Normalised {
        open_interest: wire::ordered(rows?),
        ..Normalised::default()
    })
}

fn open_interest(body: &Wire, _: &Hint) -> Read<Normalised> {
    let quote = Quote {
        symbol: body.get("symbol")?.text()?.to_owned(),
        open_interest: Some(body.get("openInterest")?.amount()?),
        time: body.opt("time", Wire::millis)?,
        ..Quote::default()
    };
    Ok(Normalised {
        quotes: vec![quote],
        ..Normalised::default()
    })
}
