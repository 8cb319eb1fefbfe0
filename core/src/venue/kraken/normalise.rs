//! Kraken Futures' answers to our words.

use crate::error::EngineError;
use crate::market::{Instrument, InstrumentKind, Listing, Quote, Tier};
use crate::units::Side;
use crate::venue::wire::{self, Hint, Normalised, Wire};

type Read<T> = Result<T, EngineError>;

pub(super) fn normalise(endpoint: &str, body: &Wire, hint: &Hint) -> Option<Read<Normalised>> {
    let read = match endpoint {
        "instruments" => instruments,
        "tickers" => tickers,
        "candles" => candles,
        "funding_rates" => funding,
        "orderbook" => orderbook,
        "history" => history,
        _ => return None,
    };
    Some(refused(body).and_then(|()| read(body, hint)))
}

/// `{"result": "error", "error": …}`, or a list of `errors`.
fn refused(body: &Wire) -> Read<()> {
    if body.find("result").is_none_or(|r| r.text() != Ok("error")) {
        return Ok(());
    }
    let first = body.find("errors").and_then(|e| e.item(0).ok()?.find("message"));
    let words = body.find("error").or(first);
    Err(EngineError::invalid(
        "body.result",
        format!(
            "Kraken answered: {}",
            words.as_ref().and_then(|w| w.text().ok()).unwrap_or("no reason given")
        ),
    ))
}

fn instruments(body: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut other = 0;
    for s in body.get("instruments")?.list()? {
        let symbol = s.get("symbol")?.text()?;
        // Perpetuals that pay in dollars; dated ones and those that pay in coins are not counted here.
        if !symbol.starts_with("PF_") || !s.flag("tradeable") || s.flag("isExpired") {
            other += 1;
            continue;
        }
        let mut tiers = Vec::new();
        for level in s.get("marginLevels")?.list()? {
            let share = |name: &str| {
                let w = level.get(name)?;
                crate::units::between(w.path(), w.number()?, 0.0, 1.0)
            };
            let initial = share("initialMargin")?;
            if initial <= 0.0 {
                return Err(EngineError::invalid(
                    format!("{}.initialMargin", level.path()),
                    "must be above 0",
                ));
            }
            tiers.push(Tier {
                floor: level.get("numNonContractUnits")?.amount()?,
                cap: None,
                maintenance_margin_rate: share("maintenanceMargin")?,
                // On all of the position, not by slices.
                maintenance_amount: Some(0.0),
                max_leverage: 1.0 / initial,
            });
        }
        tiers.sort_by(|a, b| a.floor.total_cmp(&b.floor));
        for i in 1..tiers.len() {
            tiers[i - 1].cap = Some(tiers[i].floor);
        }
        let step = s
            .opt("contractValueTradePrecision", Wire::number)?
            .map(|n| 10f64.powi(-(n.clamp(-12.0, 12.0) as i32)));
        let mut instrument = Instrument::bare(InstrumentKind::Linear);
        instrument.tick_size = s.opt_price("tickSize")?;
        instrument.funding_interval_hours = Some(1.0);
        let max_leverage = tiers.first().map(|t| t.max_leverage);
        instrument.tiers = tiers;
        out.listings.push(Listing {
            symbol: symbol.to_owned(),
            base: asset(symbol).to_owned(),
            quote: "USD".to_owned(),
            settle: "USD".to_owned(),
            lot_size: step,
            min_size: step,
            max_leverage,
            instrument,
        });
    }
    if other > 0 {
        out.notes
            .push(format!("{other} contracts that are no linear perpetuals were left out"));
    }
    Ok(out)
}

/// "PF_XBTUSD" to "BTC".
fn asset(symbol: &str) -> &str {
    let own = symbol.strip_prefix("PF_").unwrap_or(symbol);
    super::FACTS.asset(own.strip_suffix("USD").unwrap_or(own))
}

fn tickers(body: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    for t in body.get("tickers")?.list()? {
        let symbol = t.get("symbol")?.text()?;
        if !symbol.starts_with("PF_") {
            continue;
        }
        let (mark, index) = (t.opt_price("markPrice")?, t.opt_price("indexPrice")?);
        // The absolute rate is dollars an hour for one coin.
        let relative = match (
            t.opt("relativeFundingRate", Wire::rate)?,
            t.opt("fundingRate", Wire::number)?,
            index.or(mark),
        ) {
            (Some(rate), ..) => Some(rate),
            (None, Some(dollars), Some(price)) => Some(crate::units::between(
                format_args!("{}.fundingRate", t.path()),
                dollars / price,
                -1.0,
                1.0,
            )?),
            _ => None,
        };
        out.quotes.push(Quote {
            symbol: symbol.to_owned(),
            mark_price: mark,
            index_price: index,
            last_price: t.opt_price("last")?,
            funding_rate: relative,
            funding_interval_hours: Some(1.0),
            open_interest: t.opt("openInterest", Wire::amount)?,
            ..Quote::default()
        });
    }
    Ok(out)
}

fn candles(body: &Wire, hint: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let list = body.get("candles")?;
    let mut rows = Vec::new();
    for c in list.list()? {
        let price = |name: &str| c.get(name)?.price();
        rows.push(wire::candle(
            &c,
            c.get("time")?.millis()?,
            price("open")?,
            price("high")?,
            price("low")?,
            price("close")?,
            c.get("volume")?.amount()?,
        )?);
    }
    out.candles = Some(wire::arrange(&list, rows, hint.interval, &mut out.notes)?);
    Ok(out)
}

/// Rates of one hour, each from its time on.
fn funding(body: &Wire, _: &Hint) -> Read<Normalised> {
    let rows: Read<Vec<_>> = body
        .get("rates")?
        .list()?
        .iter()
        .map(|r| Ok((r.get("timestamp")?.iso_millis()?, r.get("relativeFundingRate")?.rate()?)))
        .collect();
    Ok(Normalised {
        funding: wire::ordered(rows?),
        ..Normalised::default()
    })
}

fn orderbook(body: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    let book = body.get("orderBook")?;
    out.book = Some(wire::book(&book.get("bids")?, &book.get("asks")?, &mut out.notes)?);
    Ok(out)
}

/// The taker's side.
pub(super) fn side(w: &Wire) -> Read<Side> {
    match w.text()? {
        "buy" => Ok(Side::Long),
        "sell" => Ok(Side::Short),
        _ => Err(EngineError::invalid(w.path(), "must be buy or sell")),
    }
}

/// Whether a trade closed a position by force.
pub(super) fn forced(t: &Wire) -> bool {
    t.find("type")
        .is_some_and(|k| matches!(k.text(), Ok("liquidation" | "partial liquidation")))
}

fn history(body: &Wire, _: &Hint) -> Read<Normalised> {
    let mut out = Normalised::default();
    for t in body.get("history")?.list()? {
        let print = (
            t.get("time")?.iso_millis()?,
            side(&t.get("side")?)?,
            t.get("price")?.price()?,
            t.get("size")?.amount()?,
        );
        out.trades.push(print);
        if forced(&t) {
            out.liquidations.push((print.0, print.1.other(), print.2, print.3));
        }
    }
    out.trades.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.liquidations.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}
