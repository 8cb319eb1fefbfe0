//! Reading an exchange's JSON as hostile input: every value is looked for by path, checked for type, size and range, and
//! an error names the path.

use crate::error::{EngineError, ErrorCode};
use crate::market::{Account, Book, Candles, FundingRow, Held, Interval, Listing, Quote, Tier, Wallet};
use crate::units::{self, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest list read from one answer.
pub const MAX_ROWS: usize = 100_000;

/// Facts the answer itself may not carry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hint<'a> {
    pub interval: Option<Interval>,
    /// Keep only rows of this symbol.
    pub symbol: Option<&'a str>,
}

impl Hint<'_> {
    /// Whether a row is of the symbol asked for; a row that does not name one is.
    pub fn wants(&self, row: &Wire, name: &str) -> bool {
        match (self.symbol, row.find(name)) {
            (Some(symbol), Some(found)) => found.text() == Ok(symbol),
            _ => true,
        }
    }
}

/// Tiers of one symbol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct SymbolTiers {
    pub symbol: String,
    pub tiers: Vec<Tier>,
}

/// `[time, side, price, size]`.
#[cfg_attr(feature = "wasm", tsify::declare)]
pub type Print = (f64, Side, f64, f64);

/// An option as its exchange quotes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct OptionQuote {
    pub symbol: String,
    pub asset: String,
    /// ms.
    pub expiry: f64,
    pub strike: f64,
    pub call: bool,
    /// A year, as a fraction.
    pub implied_volatility: f64,
    /// Price of the future it is priced on.
    pub underlying: f64,
}

/// A pool's market now. Rates a year as fractions of notional; a positive one is paid by that side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct PoolState {
    pub symbol: String,
    /// The pool's address, and what it holds.
    pub market: String,
    pub name: String,
    /// USD.
    pub open_interest: [f64; 2],
    /// USD that can still be opened.
    pub available: [Option<f64>; 2],
    pub funding_rate: [f64; 2],
    pub borrow_rate: [f64; 2],
}

/// What one answer contained, in our words. Lists that the endpoint does not give are empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Normalised {
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub listings: Vec<Listing>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tiers: Vec<SymbolTiers>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub quotes: Vec<Quote>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub candles: Option<Candles>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub funding: Vec<FundingRow>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub open_interest: Vec<(f64, f64)>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub book: Option<Book>,
    /// Number of the last change in the book, where the venue numbers them: a stream goes on from there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub book_number: Option<f64>,
    /// `[time, side of the taker, price, size]`, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub trades: Vec<Print>,
    /// `[time, side of the position, price, size]`, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub liquidations: Vec<Print>,
    /// `[time, share]` of accounts that are long, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub long_share: Vec<(f64, f64)>,
    /// `[time, volatility a year]` of an index of implied volatility, as a fraction.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub volatility_index: Vec<(f64, f64)>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub options: Vec<OptionQuote>,
    /// Rates and sizes of a pool's market.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub pools: Vec<PoolState>,
    /// The venue's clock, ms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub venue_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<Account>,
    /// Positions of the wallet asked for, in all margin modes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub held: Vec<Held>,
    /// Open positions of all wallets in the instrument asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub wallets: Vec<Wallet>,
    /// Wallets that an answer names, each once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub addresses: Vec<String>,
    /// Where the next page starts, if the venue said there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
    /// What was left out or assumed while reading, in words.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
}

/// A JSON value and the path that led to it.
#[derive(Clone, Debug)]
pub struct Wire<'a> {
    path: String,
    value: &'a Value,
}

type Read<T> = Result<T, EngineError>;

impl<'a> Wire<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            path: "body".to_owned(),
            value,
        }
    }

    fn fail<T>(&self, message: impl std::fmt::Display) -> Read<T> {
        Err(EngineError::invalid(&self.path, message))
    }

    fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// A field that must be there.
    #[inline(never)]
    pub fn get(&self, name: &str) -> Read<Wire<'a>> {
        match self.value {
            Value::Object(map) => match map.get(name) {
                Some(value) => Ok(Wire {
                    path: format!("{}.{name}", self.path),
                    value,
                }),
                None => Err(EngineError::invalid(format!("{}.{name}", self.path), "is missing")),
            },
            _ => self.fail(format!("must be an object; got {}", self.kind())),
        }
    }

    /// A field that may be absent, null or empty text.
    #[inline(never)]
    pub fn find(&self, name: &str) -> Option<Wire<'a>> {
        let value = self.value.as_object()?.get(name)?;
        let empty = value.is_null() || value.as_str().is_some_and(str::is_empty);
        (!empty).then(|| Wire {
            path: format!("{}.{name}", self.path),
            value,
        })
    }

    /// Whether a field is `true`.
    #[inline(never)]
    pub fn flag(&self, name: &str) -> bool {
        self.find(name).is_some_and(|w| w.value == &Value::Bool(true))
    }

    #[inline(never)]
    pub fn list(&self) -> Read<Vec<Wire<'a>>> {
        let Value::Array(items) = self.value else {
            return self.fail(format!("must be a list; got {}", self.kind()));
        };
        if items.len() > MAX_ROWS {
            return self.fail(format!("has {} rows; at most {MAX_ROWS} are read", items.len()));
        }
        Ok(items
            .iter()
            .enumerate()
            .map(|(i, value)| Wire {
                path: format!("{}[{i}]", self.path),
                value,
            })
            .collect())
    }

    /// The `i`th item of a list.
    #[inline(never)]
    pub fn item(&self, i: usize) -> Read<Wire<'a>> {
        match self.value {
            Value::Array(items) => match items.get(i) {
                Some(value) => Ok(Wire {
                    path: format!("{}[{i}]", self.path),
                    value,
                }),
                None => Err(EngineError::invalid(format!("{}[{i}]", self.path), "is missing")),
            },
            _ => self.fail(format!("must be a list; got {}", self.kind())),
        }
    }

    /// Key and value of every field of an object.
    #[inline(never)]
    pub fn entries(&self) -> Read<Vec<(&'a str, Wire<'a>)>> {
        match self.value {
            Value::Object(map) => Ok(map
                .iter()
                .map(|(k, value)| {
                    (
                        k.as_str(),
                        Wire {
                            path: format!("{}.{k}", self.path),
                            value,
                        },
                    )
                })
                .collect()),
            _ => self.fail(format!("must be an object; got {}", self.kind())),
        }
    }

    #[inline(never)]
    pub fn text(&self) -> Read<&'a str> {
        match self.value {
            Value::String(s) if s.len() <= 200 => Ok(s),
            Value::String(_) => self.fail("is longer than 200 characters"),
            _ => self.fail(format!("must be text; got {}", self.kind())),
        }
    }

    /// A finite number, written as a number or as decimal text: venues do both.
    #[inline(never)]
    pub fn number(&self) -> Read<f64> {
        let n = match self.value {
            Value::Number(n) => n.as_f64(),
            Value::String(s) if s.len() <= 60 && s.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
                s.parse().ok()
            }
            _ => None,
        };
        match n {
            Some(n) if n.is_finite() && n.abs() <= 1e30 => Ok(n),
            _ => self.fail(format!("must be a number; got {}", self.shown())),
        }
    }

    /// A whole number in units of 10^−decimals, as chains write amounts; may be below zero.
    #[inline(never)]
    pub fn scaled(&self, decimals: i32) -> Read<f64> {
        let n = match self.value {
            Value::Number(n) => n.as_f64(),
            Value::String(s)
                if s.len() <= 60 && s.strip_prefix('-').unwrap_or(s).bytes().all(|b| b.is_ascii_digit()) =>
            {
                s.parse().ok()
            }
            _ => None,
        };
        match n.map(|n: f64| n / 10f64.powi(decimals)) {
            Some(n) if n.is_finite() && n.abs() <= 1e30 => Ok(n),
            _ => self.fail(format!("must be a whole number; got {}", self.shown())),
        }
    }

    fn shown(&self) -> String {
        let text = self.value.to_string();
        if text.chars().count() > 40 {
            format!("{}…", text.chars().take(40).collect::<String>())
        } else {
            text
        }
    }

    #[inline(never)]
    pub fn price(&self) -> Read<f64> {
        units::price(&self.path, self.number()?)
    }
    /// Zero or more.
    #[inline(never)]
    pub fn amount(&self) -> Read<f64> {
        units::non_negative_money(&self.path, self.number()?)
    }
    #[inline(never)]
    pub fn millis(&self) -> Read<f64> {
        units::millis(&self.path, self.number()?)
    }
    /// A time written as ISO 8601 in UTC, "2025-12-08T16:00:00.219Z", in ms.
    #[inline(never)]
    pub fn iso_millis(&self) -> Read<f64> {
        match iso(self.text()?) {
            Some(ms) => units::millis(&self.path, ms),
            None => self.fail(format!(
                "must be a time like 2025-12-08T16:00:00.219Z; got {}",
                self.shown()
            )),
        }
    }
    /// A funding rate: within ±100 % an interval.
    #[inline(never)]
    pub fn rate(&self) -> Read<f64> {
        units::between(&self.path, self.number()?, -1.0, 1.0)
    }
    #[inline(never)]
    pub fn leverage(&self) -> Read<f64> {
        units::leverage(&self.path, self.number()?)
    }

    /// Optional field through a reader: absent is `None`, present must be right.
    pub fn opt<T>(&self, name: &str, read: impl Fn(&Wire<'a>) -> Read<T>) -> Read<Option<T>> {
        self.find(name).map(|w| read(&w)).transpose()
    }

    /// Like [`Self::opt`] for a price that venues write as 0 when they have none.
    #[inline(never)]
    pub fn opt_price(&self, name: &str) -> Read<Option<f64>> {
        match self.find(name) {
            Some(w) if w.number()? == 0.0 => Ok(None),
            Some(w) => w.price().map(Some),
            None => Ok(None),
        }
    }

    pub fn path(&self) -> &str {
        &self.path
    }
}

/// "2025-12-08T16:00:00.219Z" in ms since 1970.
pub fn iso(text: &str) -> Option<f64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let digits = |s: &str, width: usize| -> Option<i64> {
        (s.len() == width && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok())?
    };
    let mut date = date.split('-');
    let (year, month, day) = (
        digits(date.next()?, 4)?,
        digits(date.next()?, 2)?,
        digits(date.next()?, 2)?,
    );
    let (clock, part) = time.split_once('.').unwrap_or((time, ""));
    let mut clock = clock.split(':');
    let (hour, minute, second) = (
        digits(clock.next()?, 2)?,
        digits(clock.next()?, 2)?,
        digits(clock.next()?, 2)?,
    );
    let ranges = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !ranges || date.next().is_some() || clock.next().is_some() || part.len() > 9 {
        return None;
    }
    let part = if part.is_empty() {
        0.0
    } else {
        format!("0.{part}").parse::<f64>().ok()?
    };
    // Days since 1970 in the Gregorian calendar, years counted from March (Hinnant, "chrono-compatible low-level date algorithms").
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) as f64 * 1000.0 + (part * 1000.0).floor())
}

/// The data inside a venue's wrapper, or its refusal: a `code` other than 0, with its `message`.
pub fn unwrapped<'a>(body: &Wire<'a>, venue: &str, code: &str, message: &str, data: &str) -> Read<Wire<'a>> {
    let code = body.get(code)?;
    if code.number()? != 0.0 {
        let words = body.find(message).and_then(|m| m.text().ok()).unwrap_or("no message");
        return Err(EngineError::invalid(
            code.path(),
            format!("{venue} answered {}: {words}", code.number()?),
        ));
    }
    body.get(data)
}

/// Columns of a candle row.
#[derive(Clone, Copy)]
pub struct Columns {
    pub time: usize,
    pub open: usize,
    pub high: usize,
    pub low: usize,
    pub close: usize,
    pub volume: Option<usize>,
}

/// The order most venues use.
pub const TOHLCV: Columns = Columns {
    time: 0,
    open: 1,
    high: 2,
    low: 3,
    close: 4,
    volume: Some(5),
};

/// One candle from five or six readings, checked to be a candle.
#[inline(never)]
pub fn candle(
    row: &Wire,
    time: f64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
) -> Read<(f64, f64, f64, f64, f64, f64)> {
    if low > open.min(close) || high < open.max(close) {
        return Err(EngineError::invalid(
            row.path(),
            format!("is no candle: open {open}, high {high}, low {low}, close {close}"),
        ));
    }
    Ok((time, open, high, low, close, volume))
}

/// Reads a list of candle rows in either order.
pub fn candles(list: &Wire, columns: Columns, interval: Option<Interval>, notes: &mut Vec<String>) -> Read<Candles> {
    let mut rows = Vec::new();
    for row in list.list()? {
        let volume = match columns.volume {
            Some(v) => row.item(v)?.amount()?,
            None => 0.0,
        };
        rows.push(candle(
            &row,
            row.item(columns.time)?.millis()?,
            row.item(columns.open)?.price()?,
            row.item(columns.high)?.price()?,
            row.item(columns.low)?.price()?,
            row.item(columns.close)?.price()?,
            volume,
        )?);
    }
    arrange(list, rows, interval, notes)
}

/// Oldest first, one row a time, interval known.
#[inline(never)]
pub fn arrange(
    list: &Wire,
    mut rows: Vec<(f64, f64, f64, f64, f64, f64)>,
    interval: Option<Interval>,
    notes: &mut Vec<String>,
) -> Read<Candles> {
    if rows.is_empty() {
        return Err(EngineError::new(
            ErrorCode::InsufficientData,
            list.path(),
            "has no candles",
        ));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let before = rows.len();
    rows.dedup_by(|later, kept| later.0 == kept.0);
    if rows.len() < before {
        notes.push(format!(
            "{} rows with a time already seen were left out",
            before - rows.len()
        ));
    }
    let spacing = rows.windows(2).map(|w| w[1].0 - w[0].0).min_by(f64::total_cmp);
    let seen = spacing.and_then(Interval::from_millis);
    let interval = match (interval, spacing) {
        (Some(told), _) if seen.is_some_and(|s| s != told) => {
            notes.push("the candles' own spacing was taken, not the interval given".to_owned());
            seen.unwrap_or(told)
        }
        (Some(i), _) => i,
        (None, Some(s)) => Interval::from_millis(s).ok_or_else(|| {
            EngineError::unsupported(
                list.path(),
                format!(
                    "candles are {} minutes apart; 1m, 3m, 5m, 15m, 30m, 1h, 4h and 1d are read",
                    s / 60_000.0
                ),
            )
        })?,
        (None, None) => {
            notes.push("one candle only and no interval given: 1h assumed".to_owned());
            Interval::H1
        }
    };
    let missing: f64 = rows
        .windows(2)
        .map(|w| ((w[1].0 - w[0].0) / interval.millis()).round() - 1.0)
        .sum();
    if missing > 0.0 {
        notes.push(format!("{missing} candles are missing inside the range"));
    }
    Ok(Candles { interval, rows })
}

/// `[time, value]` rows, oldest first, one a time.
#[inline(never)]
pub fn ordered(mut rows: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.dedup_by(|later, kept| later.0 == kept.0);
    rows
}

/// A side of a book from rows of `[price, size, …]`: empty levels dropped, best first.
pub fn levels(
    list: &Wire,
    price: impl Fn(&Wire) -> Read<f64>,
    size: impl Fn(&Wire) -> Read<f64>,
    bids: bool,
) -> Read<Vec<(f64, f64)>> {
    let mut out = Vec::new();
    for row in list.list()? {
        let level = (price(&row)?, size(&row)?);
        if level.1 > 0.0 {
            out.push(level);
        }
    }
    out.sort_by(|a, b| if bids { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) });
    Ok(out)
}

/// `[price, size, …]` rows as they are: size 0 takes a level away.
pub fn levels_kept(list: &Wire) -> Read<Vec<(f64, f64)>> {
    list.list()?
        .iter()
        .map(|r| Ok((r.item(0)?.price()?, r.item(1)?.amount()?)))
        .collect()
}

/// `[price, size, …]` levels on both sides. A crossed book is told, not mended.
pub fn book(bids: &Wire, asks: &Wire, notes: &mut Vec<String>) -> Read<Book> {
    let side = |w: &Wire, is_bid| levels(w, |r| r.item(0)?.price(), |r| r.item(1)?.amount(), is_bid);
    let book = Book {
        bids: side(bids, true)?,
        asks: side(asks, false)?,
    };
    check_book(&book, notes);
    Ok(book)
}

pub fn check_book(book: &Book, notes: &mut Vec<String>) {
    if book.bids.is_empty() || book.asks.is_empty() {
        notes.push("the book has an empty side".to_owned());
    }
    if let (Some(b), Some(a)) = (book.bids.first(), book.asks.first())
        && b.0 >= a.0
    {
        notes.push(format!("the book is crossed: bid {} at or above ask {}", b.0, a.0));
    }
}
