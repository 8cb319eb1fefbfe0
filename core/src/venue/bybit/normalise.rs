//! Bybit v5 public answers to our words.

use crate::error::EngineError;
use crate::market::{Instrument, InstrumentKind, Listing, Quote, Tier};
use crate::venue::wire::{self, Hint, Normalised, SymbolTiers, TOHLCV, Wire};

type Read<T> = Result<T, EngineError>;

pub(super) fn normalise(endpoint: &str, body: &Wire, hint: &Hint) -> Option<Read<Normalised>> {
    let read = match endpoint {
        "instruments_info" => instruments_info,
        "risk_limit" => risk_limit,
        "tickers" => tickers,
        "kline" => |r: &Wire, h: &Hint| {
            let mut out = Normalised::default();
            out.candles = Some(wire::candles(&r.get("list")?, TOHLCV, h.interval, &mut out.notes)?);
            Ok(out)
        },
        "funding_history" => |r: &Wire, h: &Hint| {
            let rows = r.get("list")?.list()?;
            let funding: Read<Vec<_>> = rows
                .iter()
                .filter(|f| h.wants(f, "symbol"))
                .map(|f| Ok((f.get("fundingRateTimestamp")?.millis()?, f.get("fundingRate")?.rate()?)))
                .collect();
            Ok(Normalised {
                funding: wire::ordered(funding?),
                ..Normalised::default()
            })
        },
        "open_interest" => open_interest,
        // Rows without volume.
        "mark_price_kline" => |r: &Wire, h: &Hint| {
            let mut out = Normalised::default();
            let columns = wire::Columns { volume: None, ..TOHLCV };
            out.candles = Some(wire::candles(&r.get("list")?, columns, h.interval, &mut out.notes)?);
            Ok(out)
        },
        "recent_trade" => |r: &Wire, h: &Hint| {
            let mut out = Normalised::default();
            for t in r.get("list")?.list()?.iter().filter(|t| h.wants(t, "symbol")) {
                let taker = super::stream::side(&t.get("side")?)?;
                out.trades.push((
                    t.get("time")?.millis()?,
                    taker,
                    t.get("price")?.price()?,
                    t.get("size")?.amount()?,
                ));
            }
            out.trades.sort_by(|a, b| a.0.total_cmp(&b.0));
            Ok(out)
        },
        "account_ratio" => |r: &Wire, h: &Hint| {
            let rows: Read<Vec<_>> = r
                .get("list")?
                .list()?
                .iter()
                .filter(|t| h.wants(t, "symbol"))
                .map(|t| {
                    let long = t.get("buyRatio")?;
                    let share = crate::units::between(long.path(), long.number()?, 0.0, 1.0)?;
                    Ok((t.get("timestamp")?.millis()?, share))
                })
                .collect();
            Ok(Normalised {
                long_share: wire::ordered(rows?),
                ..Normalised::default()
            })
        },
        "time" => |r: &Wire, _: &Hint| {
            Ok(Normalised {
                venue_time: Some(r.get("timeNano")?.number()? / 1e6),
                ..Normalised::default()
            })
        },
        "orderbook" => |r: &Wire, _: &Hint| {
            let mut out = Normalised::default();
            out.book = Some(wire::book(&r.get("b")?, &r.get("a")?, &mut out.notes)?);
            Ok(out)
        },
        _ => return None,
    };
    Some(wire::unwrapped(body, "Bybit", "retCode", "retMsg", "result").and_then(|r| read(&r, hint)))
}

fn cursor(result: &Wire) -> Read<Option<String>> {
    Ok(result.opt("nextPageCursor", Wire::text)?.map(str::to_owned))
}

fn instruments_info(r: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised {
        next_cursor: cursor(r)?,
        ..Normalised::default()
    };
    let mut other = 0;
    for s in r.get("list")?.list()? {
        let kind = match s.get("contractType")?.text()? {
            "LinearPerpetual" => InstrumentKind::Linear,
            "InversePerpetual" => InstrumentKind::Inverse,
            _ => {
                other += 1;
                continue;
            }
        };
        let mut instrument = Instrument::bare(kind);
        if kind == InstrumentKind::Inverse {
            instrument.contract_size = Some(1.0);
        }
        instrument.tick_size = s.get("priceFilter")?.opt_price("tickSize")?;
        instrument.funding_interval_hours = s.opt("fundingInterval", Wire::number)?.map(|minutes| minutes / 60.0);
        let lot = s.get("lotSizeFilter")?;
        out.listings.push(Listing {
            symbol: s.get("symbol")?.text()?.to_owned(),
            base: s.get("baseCoin")?.text()?.to_owned(),
            quote: s.get("quoteCoin")?.text()?.to_owned(),
            settle: match s.find("settleCoin") {
                Some(coin) => coin.text()?.to_owned(),
                None => s
                    .get(if kind == InstrumentKind::Inverse {
                        "baseCoin"
                    } else {
                        "quoteCoin"
                    })?
                    .text()?
                    .to_owned(),
            },
            lot_size: lot.opt("qtyStep", Wire::amount)?,
            min_size: lot.opt("minOrderQty", Wire::amount)?,
            max_leverage: s
                .find("leverageFilter")
                .map(|f| f.opt("maxLeverage", Wire::leverage))
                .transpose()?
                .flatten(),
            instrument,
        });
    }
    if other > 0 {
        out.notes
            .push(format!("{other} contracts that are not perpetual were left out"));
    }
    Ok(out)
}

/// Tiers by symbol. The venue writes rates as fractions for linear and, in its own example, as percentages for inverse:
/// `initialMargin·maxLeverage` tells which, being 1 or 100.
fn risk_limit(r: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised {
        next_cursor: cursor(r)?,
        ..Normalised::default()
    };
    for row in r.get("list")?.list()? {
        let symbol = row.get("symbol")?.text()?;
        let max_leverage = row.get("maxLeverage")?.leverage()?;
        let product = row.get("initialMargin")?.number()? * max_leverage;
        let scale = if (0.9..=1.1).contains(&product) {
            1.0
        } else if (90.0..=110.0).contains(&product) {
            0.01
        } else {
            return Err(EngineError::invalid(
                row.path(),
                format!("initialMargin·maxLeverage is {product}, neither 1 nor 100: the scale of the rates is unclear"),
            ));
        };
        let tier = Tier {
            floor: 0.0,
            cap: Some(row.get("riskLimitValue")?.amount()?),
            maintenance_margin_rate: row.get("maintenanceMargin")?.number()? * scale,
            maintenance_amount: row.opt("mmDeduction", Wire::number)?,
            max_leverage,
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
        t.tiers
            .sort_by(|a, b| a.cap.unwrap_or(f64::MAX).total_cmp(&b.cap.unwrap_or(f64::MAX)));
        let caps: Vec<_> = t.tiers.iter().map(|x| x.cap.unwrap_or(0.0)).collect();
        for (tier, cap) in t.tiers.iter_mut().skip(1).zip(caps) {
            tier.floor = cap;
        }
        if t.tiers.iter().skip(1).any(|x| x.maintenance_amount.is_none()) {
            out.notes.push(format!(
                "{}: mmDeduction absent on some tiers, derived from the tier before",
                t.symbol
            ));
        }
    }
    Ok(out)
}

fn tickers(r: &Wire, _: &Hint) -> Read<Normalised> {
    let quotes = r.get("list")?.list()?.into_iter().map(|q| {
        Ok(Quote {
            symbol: q.get("symbol")?.text()?.to_owned(),
            mark_price: Some(q.get("markPrice")?.price()?),
            index_price: q.opt_price("indexPrice")?,
            last_price: q.opt_price("lastPrice")?,
            funding_rate: q.opt("fundingRate", Wire::rate)?,
            funding_interval_hours: q.opt("fundingIntervalHour", Wire::number)?,
            next_funding_time: q
                .find("nextFundingTime")
                .filter(|t| t.number() != Ok(0.0))
                .map(|t| t.millis())
                .transpose()?,
            funding_cap: q.opt("fundingCap", Wire::rate)?,
            // One side only where the venue tells it; the older field sums both sides.
            open_interest: match q.opt("singleOpenInterest", Wire::amount)? {
                Some(one_side) => Some(one_side),
                None => q.opt("openInterest", Wire::amount)?,
            },
            ..Quote::default()
        })
    });
    Ok(Normalised {
        quotes: quotes.collect::<Read<_>>()?,
        ..Normalised::default()
    })
}

fn open_interest(r: &Wire, _: &Hint) -> Read<Normalised> {
    let rows = r.get("list")?.list()?;
    let values: Read<Vec<_>> = rows
        .iter()
        .map(|o| {
            let value = o.find("singleOpenInterest").map_or_else(|| o.get("openInterest"), Ok)?;
            Ok((o.get("timestamp")?.millis()?, value.amount()?))
        })
        .collect();
    let both_sides = rows.iter().any(|o| o.find("singleOpenInterest").is_none());
    Ok(Normalised {
        notes: if both_sides {
            vec!["open interest is the sum of both sides, as the venue documents this field".to_owned()]
        } else {
            Vec::new()
        },
        open_interest: wire::ordered(values?),
        next_cursor: cursor(r)?,
        ..Normalised::default()
    })
}
