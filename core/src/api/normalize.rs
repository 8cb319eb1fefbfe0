//! Operation `normalize`.

use super::explain::Step;
use super::request::NormalizeRequest;
use super::response::NormalizeResponse;
use crate::error::{EngineError, ErrorCode};
use crate::venue::wire::{Hint, Normalised, Wire};
use serde_json::Value;
use std::borrow::Cow;

/// Longest answer read.
const MAX_BODY: usize = 64_000_000;

pub(super) fn normalize(request: &NormalizeRequest, explain: bool) -> Result<NormalizeResponse, EngineError> {
    let body: Cow<Value> = match &request.body {
        // A stream is recorded as a message a line.
        Value::String(text) if request.source.ends_with(".stream") => Cow::Owned(lines(text)?),
        Value::String(text) => Cow::Owned(parse(text)?),
        Value::Null => {
            return Err(EngineError::new(
                ErrorCode::InsufficientData,
                "body",
                "is null: there is no answer to read",
            ));
        }
        other => Cow::Borrowed(other),
    };
    let mut found = crate::venue::normalise(
        &request.source,
        &Wire::root(&body),
        &Hint {
            interval: request.interval,
            symbol: request.symbol.as_deref(),
        },
    )?;
    if let Some(symbol) = &request.symbol {
        found.listings.retain(|l| l.symbol == *symbol);
        // OKX tells an index by family, which a swap's symbol starts with.
        found
            .quotes
            .retain(|q| q.symbol == *symbol || symbol.strip_suffix("-SWAP") == Some(&q.symbol));
        // OKX lists tiers by family, which a swap's symbol starts with.
        found
            .tiers
            .retain(|t| t.symbol == *symbol || symbol.strip_suffix("-SWAP") == Some(&t.symbol));
    }
    Ok(NormalizeResponse {
        explanation: explain.then(|| steps(&request.source, &found)),
        source: request.source.clone(),
        found,
    })
}

/// How many rows of each kind the answer gave.
fn steps(source: &str, found: &Normalised) -> Vec<Step> {
    let count = |label: &str, rows: usize| {
        (rows > 0).then(|| {
            Step::new(
                label,
                "rows read and found in range",
                &[],
                Some(rows as f64),
                "rows",
                source,
            )
        })
    };
    [
        count("instruments", found.listings.len()),
        count("tiers", found.tiers.iter().map(|t| t.tiers.len()).sum()),
        count("quotes", found.quotes.len()),
        count("candles", found.candles.as_ref().map_or(0, |c| c.rows.len())),
        count("funding payments", found.funding.len()),
        count("open interest", found.open_interest.len()),
        count(
            "book levels",
            found.book.as_ref().map_or(0, |b| b.bids.len() + b.asks.len()),
        ),
        count("trades", found.trades.len()),
        count("liquidations", found.liquidations.len()),
        count("wallets", found.wallets.len() + found.addresses.len()),
        count("options", found.options.len()),
        count("pools", found.pools.len()),
        count("positions", found.account.as_ref().map_or(0, |a| a.positions.len())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Messages of a stream, one a line; what is not JSON there (an answer to a ping) is no message.
fn lines(text: &str) -> Result<Value, EngineError> {
    if text.len() > MAX_BODY {
        return parse(text);
    }
    let mut out = Vec::new();
    for (i, line) in text
        .lines()
        .map(str::trim)
        .enumerate()
        .filter(|(_, l)| !l.is_empty() && *l != "pong")
    {
        let value = parse(line).map_err(|e| EngineError::new(e.code, format!("body[{i}]"), e.message))?;
        match value {
            // A line may hold a list of them.
            Value::Array(list) => out.extend(list),
            one => out.push(one),
        }
    }
    if out.is_empty() {
        return Err(EngineError::insufficient("body", "holds no message"));
    }
    Ok(Value::Array(out))
}

/// Text to JSON, telling apart the ways in which an exchange's answer is not JSON.
fn parse(text: &str) -> Result<Value, EngineError> {
    let invalid = |m: String| Err(EngineError::invalid("body", m));
    if text.len() > MAX_BODY {
        return invalid(format!("is {} bytes long; at most {MAX_BODY} are read", text.len()));
    }
    let start = text.trim_start();
    if start.is_empty() {
        return Err(EngineError::insufficient("body", "is empty"));
    }
    if start.starts_with('<') {
        return invalid("is HTML, not JSON: a block page or an error page of the venue".to_owned());
    }
    serde_json::from_str(text).or_else(|e| {
        invalid(if e.is_eof() {
            format!("is cut short after {} bytes", text.len())
        } else {
            format!("is not JSON: {e}")
        })
    })
}
