//! What a venue's stream says, message by message: books kept whole by their sequence, each liquidation once, older news
//! after newer dropped. A [`Reader`] is one connection; it knows no clock and does no I/O.

use super::Venue;
use super::facts::ReadMessage;
use super::wire::{Normalised, Wire, check_book};
use crate::error::EngineError;
use crate::market::{Book, Interval, Quote};
use crate::units::Side;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

type Row = (f64, f64, f64, f64, f64, f64);

/// A position that a venue closed by force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Liquidation {
    pub symbol: String,
    pub time: f64,
    /// Of the position, not of the order that closes it.
    pub side: Side,
    pub price: f64,
    /// Base units, or contracts where the venue counts those.
    pub size: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Trade {
    pub symbol: String,
    pub time: f64,
    /// Who took: a long bought.
    pub side: Side,
    pub price: f64,
    pub size: f64,
}

/// Levels that changed, or all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct BookChange {
    pub symbol: String,
    pub whole: bool,
    /// The venue's number of this change, and of the change it follows, where it numbers them.
    pub number: Option<f64>,
    pub follows: Option<f64>,
    /// Size 0 takes a level away.
    pub bids: Vec<(f64, f64)>,
    pub asks: Vec<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Fields that the message did not carry are absent.
    Quote(Quote),
    Book(BookChange),
    Candle(String, Interval, Row),
    Liquidation(Liquidation),
    Trade(Trade),
    /// A wallet that traded.
    Trader(String),
    /// Number of a message in its connection: each is one more than the one before.
    Numbered(f64),
    /// The venue would not do what was asked, in its words.
    Refused(String),
}

/// Levels kept a side.
const LEVELS: usize = 1000;
/// Changes kept while a book waits for its beginning.
const WAITING: usize = 2000;
/// Liquidations remembered, so that one told twice counts once.
const REMEMBERED: usize = 20_000;
/// Instruments kept on one connection.
const SYMBOLS: usize = 1000;
/// Messages after which a missing number is taken for lost.
const PATIENCE: f64 = 100.0;
/// Faults told of one batch.
const FAULTS: usize = 5;

/// An order book kept by its changes.
#[derive(Default)]
struct LocalBook {
    /// By the bits of the price, which sort like prices above zero.
    bids: BTreeMap<u64, f64>,
    asks: BTreeMap<u64, f64>,
    state: State,
    /// Since it was last told.
    changed: bool,
}

enum State {
    /// Changes wait for the whole that they belong to.
    Waiting(VecDeque<BookChange>),
    /// The number of the last change in it; `spanned`: the next one may begin before it (a snapshot lies within a change).
    Known { number: Option<f64>, spanned: bool },
}

impl Default for State {
    fn default() -> Self {
        Self::Waiting(VecDeque::new())
    }
}

impl LocalBook {
    fn write(&mut self, change: &BookChange) {
        for (side, levels) in [(&mut self.bids, &change.bids), (&mut self.asks, &change.asks)] {
            if change.whole {
                side.clear();
            }
            for (price, size) in levels {
                if *size > 0.0 {
                    side.insert(price.to_bits(), *size);
                } else {
                    side.remove(&price.to_bits());
                }
            }
        }
        while self.bids.len() > LEVELS {
            self.bids.pop_first();
        }
        while self.asks.len() > LEVELS {
            self.asks.pop_last();
        }
        self.changed = true;
    }

    /// False where a change is missing: the book is no longer known and has to begin anew.
    fn take(&mut self, change: BookChange) -> bool {
        if change.whole {
            self.write(&change);
            self.state = State::Known {
                number: change.number,
                spanned: false,
            };
            return true;
        }
        let State::Known { number, spanned } = self.state else {
            if let State::Waiting(waiting) = &mut self.state {
                if waiting.len() == WAITING {
                    waiting.pop_front();
                }
                waiting.push_back(change);
            }
            return true;
        };
        if let (Some(last), Some(follows)) = (number, change.follows)
            && follows != last
        {
            // Told again, or from before the whole.
            if change.number.is_some_and(|new| new <= last) {
                return true;
            }
            if !(spanned && follows < last) {
                *self = Self::default();
                return false;
            }
        }
        self.write(&change);
        self.state = State::Known {
            number: change.number.or(number),
            spanned: false,
        };
        true
    }

    /// A whole from another place than the stream, for venues that send only changes. False where what waited does not join it.
    fn begin(&mut self, book: Book, number: f64) -> bool {
        let State::Waiting(waiting) = std::mem::take(&mut self.state) else {
            return true;
        };
        self.write(&BookChange {
            symbol: String::new(),
            whole: true,
            number: Some(number),
            follows: None,
            bids: book.bids,
            asks: book.asks,
        });
        self.state = State::Known {
            number: Some(number),
            spanned: true,
        };
        waiting.into_iter().all(|change| self.take(change))
    }

    fn told(&mut self) -> Option<Book> {
        if !self.changed || !matches!(self.state, State::Known { .. }) {
            return None;
        }
        self.changed = false;
        let level = |(price, size): (&u64, &f64)| (f64::from_bits(*price), *size);
        Some(Book {
            bids: self.bids.iter().rev().map(level).collect(),
            asks: self.asks.iter().map(level).collect(),
        })
    }
}

/// Trades of one instrument since the last batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traded {
    pub symbol: String,
    pub until: f64,
    pub last_price: f64,
    /// Taken by buyers and by sellers.
    pub bought: f64,
    pub sold: f64,
}

/// What a batch of messages came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    pub quotes: Vec<Quote>,
    /// Books that changed.
    pub books: Vec<(String, Book)>,
    pub candles: Vec<(String, Interval, Row)>,
    /// Oldest first, none of them told before.
    pub liquidations: Vec<Liquidation>,
    pub traded: Vec<Traded>,
    pub traders: Vec<String>,
    /// Instruments whose book lost its sequence, or has not begun.
    pub resync: Vec<String>,
    pub refused: Vec<String>,
    /// What could not be read, the first few, and how many in all.
    pub faults: Vec<String>,
    pub unread: usize,
    pub messages: usize,
    /// Latest time of a quote, ms: trades and liquidations may be of long ago.
    pub venue_time: Option<f64>,
}

/// One connection's memory.
pub struct Reader {
    venue: Venue,
    books: HashMap<String, LocalBook>,
    /// Venue's time of the newest quote, by instrument and what it told: a rate may be told less often than a price.
    quoted: HashMap<(String, u8), f64>,
    told: HashSet<(u64, u64, u64, u64)>,
    order: VecDeque<(u64, u64, u64, u64)>,
    number: Option<f64>,
    holes: Vec<f64>,
}

impl Reader {
    pub fn new(venue: Venue) -> Self {
        Self {
            venue,
            books: HashMap::new(),
            quoted: HashMap::new(),
            told: HashSet::new(),
            order: VecDeque::new(),
            number: None,
            holes: Vec::new(),
        }
    }

    /// Reads messages in the order in which they came.
    pub fn take<'a>(&mut self, frames: impl IntoIterator<Item = &'a str>) -> Taken {
        let mut out = Taken::default();
        let mut lost = Vec::new();
        for frame in frames {
            out.messages += 1;
            // The answer to a ping, where it is not JSON.
            if frame == "pong" {
                continue;
            }
            let events = match (serde_json::from_str::<Value>(frame), self.venue.code().message) {
                (Ok(value), Some(read)) => read(&Wire::root(&value)).map_err(|e| format!("{}: {}", e.field, e.message)),
                (Err(e), _) => Err(format!("not JSON: {e}")),
                (_, None) => Err("this venue has no stream here".to_owned()),
            };
            match events {
                Ok(events) => events.into_iter().for_each(|e| self.apply(e, &mut out, &mut lost)),
                Err(fault) => {
                    out.unread += 1;
                    if out.faults.len() < FAULTS && !out.faults.contains(&fault) {
                        out.faults.push(fault);
                    }
                }
            }
        }
        for (symbol, book) in &mut self.books {
            if let Some(book) = book.told() {
                out.books.push((symbol.clone(), book));
            }
            if matches!(&book.state, State::Waiting(w) if !w.is_empty()) {
                lost.push(symbol.clone());
            }
        }
        lost.sort();
        lost.dedup();
        out.resync = lost;
        out.books.sort_by(|a, b| a.0.cmp(&b.0));
        out.liquidations.sort_by(|a, b| a.time.total_cmp(&b.time));
        out
    }

    /// A whole book from the venue's own list, with the number of the last change in it.
    pub fn begin(&mut self, symbol: &str, book: Book, number: f64) -> bool {
        let known = self.books.entry(symbol.to_owned()).or_default();
        let joined = known.begin(book, number);
        if !joined {
            *known = LocalBook::default();
        }
        joined
    }

    /// Whether a message of a numbered connection stays missing. The answer to a subscription may come after later ones: a hole counts
    /// when [`PATIENCE`] messages have passed it.
    fn missed(&mut self, number: f64) -> bool {
        let last = self.number.unwrap_or(number - 1.0);
        if number <= last {
            self.holes.retain(|h| *h != number);
            return false;
        }
        if number - last > PATIENCE {
            self.holes.clear();
            self.number = Some(number);
            return true;
        }
        let mut next = last + 1.0;
        while next < number {
            self.holes.push(next);
            next += 1.0;
        }
        self.number = Some(number);
        let lasting = self.holes.iter().any(|h| number - h > PATIENCE);
        if lasting {
            self.holes.clear();
        }
        lasting
    }

    fn apply(&mut self, event: Event, out: &mut Taken, lost: &mut Vec<String>) {
        let mut seen = |time: f64| out.venue_time = Some(out.venue_time.map_or(time, |t| t.max(time)));
        match event {
            Event::Quote(quote) => {
                if let Some(time) = quote.time {
                    seen(time);
                    let told = [
                        quote.mark_price,
                        quote.index_price,
                        quote.funding_rate,
                        quote.open_interest,
                    ];
                    let parts = told
                        .iter()
                        .enumerate()
                        .fold(0, |s, (i, p)| s | (u8::from(p.is_some()) << i));
                    let newest = self.quoted.entry((quote.symbol.clone(), parts)).or_insert(time);
                    if time < *newest {
                        return;
                    }
                    *newest = time;
                }
                match out.quotes.iter().position(|q| q.symbol == quote.symbol) {
                    Some(i) => out.quotes[i] = quote.over(&out.quotes[i]),
                    None if out.quotes.len() < SYMBOLS => out.quotes.push(quote),
                    None => {}
                }
            }
            Event::Book(change) => {
                if self.books.len() >= SYMBOLS && !self.books.contains_key(&change.symbol) {
                    return;
                }
                let symbol = change.symbol.clone();
                if !self.books.entry(symbol.clone()).or_default().take(change) {
                    lost.push(symbol);
                }
            }
            Event::Candle(symbol, interval, row) => {
                match out
                    .candles
                    .iter_mut()
                    .find(|c| c.0 == symbol && c.1 == interval && c.2.0 == row.0)
                {
                    Some(c) => c.2 = row,
                    None => out.candles.push((symbol, interval, row)),
                }
            }
            Event::Liquidation(l) => {
                let key = (
                    l.time.to_bits(),
                    l.price.to_bits(),
                    l.size.to_bits(),
                    name(&l.symbol, l.side),
                );
                if self.told.insert(key) {
                    self.order.push_back(key);
                    if self.order.len() > REMEMBERED
                        && let Some(oldest) = self.order.pop_front()
                    {
                        self.told.remove(&oldest);
                    }
                    out.liquidations.push(l);
                }
            }
            Event::Trade(t) => {
                let sum = match out.traded.iter_mut().position(|s| s.symbol == t.symbol) {
                    Some(i) => &mut out.traded[i],
                    None => {
                        out.traded.push(Traded {
                            symbol: t.symbol,
                            until: t.time,
                            last_price: t.price,
                            bought: 0.0,
                            sold: 0.0,
                        });
                        let last = out.traded.len() - 1;
                        &mut out.traded[last]
                    }
                };
                if t.time >= sum.until {
                    (sum.until, sum.last_price) = (t.time, t.price);
                }
                match t.side {
                    Side::Long => sum.bought += t.size,
                    Side::Short => sum.sold += t.size,
                }
            }
            Event::Trader(address) => {
                if out.traders.len() < SYMBOLS && !out.traders.contains(&address) {
                    out.traders.push(address);
                }
            }
            Event::Numbered(number) => {
                if self.missed(number) {
                    lost.extend(self.books.keys().cloned());
                    self.books.values_mut().for_each(|b| *b = LocalBook::default());
                }
            }
            Event::Refused(words) => {
                if out.refused.len() < FAULTS {
                    out.refused.push(words);
                }
            }
        }
    }
}

/// A short word for an instrument's side (FNV-1a).
fn name(symbol: &str, side: Side) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ u64::from(side == Side::Long);
    symbol
        .bytes()
        .fold(start, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// One message, or a list of them, in the words of `normalize`.
pub fn normalise(read: ReadMessage, body: &Wire) -> Result<Normalised, EngineError> {
    let messages = if body.is_list() {
        body.list()?
    } else {
        vec![body.clone()]
    };
    let mut out = Normalised::default();
    let mut book = LocalBook::default();
    for message in &messages {
        for event in read(message)? {
            match event {
                Event::Quote(q) => match out.quotes.iter_mut().find(|o| o.symbol == q.symbol) {
                    Some(o) => *o = q.over(o),
                    None => out.quotes.push(q),
                },
                Event::Book(change) => {
                    // A change alone is shown as it is.
                    let alone = messages.len() == 1 && !change.whole;
                    let change = BookChange {
                        whole: change.whole || alone,
                        ..change
                    };
                    if !book.take(change) {
                        out.notes
                            .push("a change of the book is missing: it begins anew with the next whole".to_owned());
                    }
                }
                Event::Candle(_, interval, row) => {
                    let candles = out.candles.get_or_insert_with(|| crate::market::Candles {
                        interval,
                        rows: Vec::new(),
                    });
                    match candles.rows.last_mut() {
                        Some(last) if last.0 == row.0 => *last = row,
                        _ => candles.rows.push(row),
                    }
                }
                Event::Liquidation(l) => out.liquidations.push((l.time, l.side, l.price, l.size)),
                Event::Trade(t) => out.trades.push((t.time, t.side, t.price, t.size)),
                Event::Trader(address) => {
                    if !out.addresses.contains(&address) {
                        out.addresses.push(address);
                    }
                }
                Event::Numbered(_) => {}
                Event::Refused(words) => out.notes.push(format!("the venue refused: {words}")),
            }
        }
    }
    if let Some(told) = book.told() {
        check_book(&told, &mut out.notes);
        out.book = Some(told);
    }
    out.liquidations.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.trades.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(out)
}
