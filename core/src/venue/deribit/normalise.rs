//! Deribit's answers to our words. Volatilities are percent there.

use crate::error::EngineError;
use crate::units;
use crate::venue::wire::{self, Hint, Normalised, OptionQuote, Wire};

type Read<T> = Result<T, EngineError>;

pub(in crate::venue) fn normalise(endpoint: &str, body: &Wire, _: &Hint) -> Option<Read<Normalised>> {
    let read: fn(&Wire) -> Read<Normalised> = match endpoint {
        "volatility_index" => volatility_index,
        "book_summary" => book_summary,
        _ => return None,
    };
    Some(refused(body).and_then(|()| read(&body.get("result")?)))
}

fn refused(body: &Wire) -> Read<()> {
    let Some(error) = body.find("error") else { return Ok(()) };
    let words = error
        .find("message")
        .and_then(|m| m.text().ok())
        .unwrap_or("no reason given");
    Err(EngineError::invalid(error.path(), format!("Deribit answered: {words}")))
}

/// Percent to a fraction; in 2020 the index was told as a fraction.
fn fraction(path: &str, value: f64) -> Read<f64> {
    let fraction = if value < 5.0 { value } else { value / 100.0 };
    units::between(path, fraction, 0.0, 20.0)
}

/// Rows of [time, open, high, low, close]: the close is kept.
fn volatility_index(result: &Wire) -> Read<Normalised> {
    let rows: Read<Vec<_>> = result
        .get("data")?
        .list()?
        .iter()
        .map(|r| {
            let close = r.item(4)?;
            Ok((r.item(0)?.millis()?, fraction(close.path(), close.number()?)?))
        })
        .collect();
    Ok(Normalised {
        volatility_index: wire::ordered(rows?),
        ..Normalised::default()
    })
}

fn book_summary(result: &Wire) -> Read<Normalised> {
    let mut out = Normalised::default();
    let mut other = 0;
    for o in result.list()? {
        let symbol = o.get("instrument_name")?.text()?;
        let parts = parts(symbol);
        let (Some((asset, expiry, strike, call)), Some(volatility)) = (parts, o.find("mark_iv")) else {
            other += 1;
            continue;
        };
        let percent = volatility.number()?;
        // Far from the price some are told as 0.
        if percent <= 0.0 {
            other += 1;
            continue;
        }
        out.options.push(OptionQuote {
            symbol: symbol.to_owned(),
            asset: asset.to_owned(),
            expiry,
            strike,
            call,
            implied_volatility: units::between(volatility.path(), percent / 100.0, 0.0, 20.0)?,
            underlying: o.get("underlying_price")?.price()?,
        });
    }
    if other > 0 {
        out.notes.push(format!(
            "{other} rows that are no option with a volatility were left out"
        ));
    }
    out.options.sort_by(|a, b| {
        a.expiry
            .total_cmp(&b.expiry)
            .then(a.strike.total_cmp(&b.strike))
            .then(a.call.cmp(&b.call))
    });
    Ok(out)
}

/// "BTC-27JUN25-100000-C": asset, expiry (08:00 UTC), strike, whether a call.
fn parts(symbol: &str) -> Option<(&str, f64, f64, bool)> {
    let mut words = symbol.split('-');
    let (asset, date, strike, kind) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !date.is_ascii() || date.len() < 6 {
        return None;
    }
    let (day, rest) = date.split_at(date.len() - 5);
    let (month, year) = rest.split_at(3);
    const MONTHS: [&str; 12] = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ];
    let month = MONTHS.iter().position(|m| *m == month)? + 1;
    let (day, year): (u32, u32) = (day.parse().ok()?, year.parse().ok()?);
    let expiry = wire::iso(&format!("20{year:02}-{month:02}-{day:02}T08:00:00Z"))?;
    // Strikes below 1 are written 0d5.
    let strike: f64 = strike.replace('d', ".").parse().ok()?;
    let call = match kind {
        "C" => true,
        "P" => false,
        _ => return None,
    };
    (strike > 0.0 && strike.is_finite()).then_some((asset, expiry, strike, call))
}
