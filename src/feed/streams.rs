//! Streams of the venue on the desk: opened by the engine's list, opened again when they close or fall silent, their messages read by
//! a worker that keeps the books. What a stream tells is put where the answers of requests go.

use super::apply;
use super::request::fill;
use crate::engine;
use crate::state::Desk;
use crate::state::desk::LinkState;
use crate::state::market::{Key, Origin};
use headroom_core::market::{Book, InstrumentKind, Venue};
use headroom_core::venue::endpoint::{self, Role, Socket};
use headroom_core::venue::stream::Taken;
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{future_to_promise, spawn_local};

#[wasm_bindgen(module = "/src/js/socket.js")]
extern "C" {
    #[wasm_bindgen(js_name = openSocket)]
    fn open_socket(
        url: &str,
        hello: Vec<String>,
        ping: Option<&str>,
        ping_ms: u32,
        heard: &Closure<dyn FnMut(js_sys::Array, f64) -> js_sys::Promise>,
        turned: &Closure<dyn FnMut(String, String)>,
    ) -> js_sys::Function;
}

/// Venues end a connection after a day: it is opened anew before, ms.
const LIFE: f64 = 23.0 * 3_600_000.0;
/// A stream that has said nothing for so long does not speak for the prices, ms.
const FRESH: f64 = 10_000.0;
/// A book older than this is asked for again, ms.
const BOOK_FRESH: f64 = 5_000.0;
/// A hidden page listens on for so long, ms.
const HIDDEN: f64 = 600_000.0;
/// How soon a lost book is asked for again, ms.
const RESYNC: f64 = 2_000.0;
/// A stream that has been open for so long stands, ms.
const STEADY: f64 = 60_000.0;

struct Link {
    socket: &'static Socket,
    symbols: Vec<String>,
    number: u32,
    end: Option<js_sys::Function>,
    _heard: Closure<dyn FnMut(js_sys::Array, f64) -> js_sys::Promise>,
    _turned: Closure<dyn FnMut(String, String)>,
    opened: f64,
    /// By instrument: failures in a row, and when the list may be asked for again; never while it is under way.
    resynced: HashMap<String, (u32, f64)>,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(end) = &self.end {
            let _ = end.call0(&JsValue::NULL);
        }
        engine::forget_stream(self.number);
    }
}

#[derive(Default)]
struct Streams {
    links: HashMap<String, Link>,
    /// By name: failures in a row, and when to try again.
    waits: HashMap<String, (u32, f64)>,
    books: HashMap<Key, (Book, f64)>,
    numbers: u32,
    hidden_since: Option<f64>,
}

thread_local! {
    static STREAMS: RefCell<Streams> = RefCell::default();
}

/// The book of an instrument as its stream has it now.
pub(crate) fn book(key: &Key, now: f64) -> Option<Book> {
    STREAMS.with(|s| {
        let s = s.borrow();
        let (book, at) = s.books.get(key)?;
        (now - at < BOOK_FRESH && !book.bids.is_empty() && !book.asks.is_empty()).then(|| book.clone())
    })
}

/// Whether streams speak for the prices of the desk.
pub(super) fn fresh(desk: Desk, now: f64) -> bool {
    let (venue, symbols) = super::wanted(desk);
    desk.links
        .with_untracked(|l| l.values().any(|l| l.open && l.last.is_some_and(|t| now - t < FRESH)))
        && desk.markets.with_untracked(|m| {
            symbols.iter().all(|s| {
                m.get(&(venue, s.clone()))
                    .and_then(|m| m.quote.as_ref())
                    .is_some_and(|q| matches!(q.1, Origin::Live(t) if now - t < FRESH))
            })
        })
}

/// Opens what is wanted, closes what is not, and ends what has died.
pub(super) fn tick(desk: Desk, now: f64) {
    let (venue, symbols) = super::wanted(desk);
    let hidden = document().hidden();
    let asleep = STREAMS.with(|s| {
        let mut s = s.borrow_mut();
        s.hidden_since = hidden.then(|| s.hidden_since.unwrap_or(now));
        s.hidden_since.is_some_and(|t| now - t > HIDDEN)
    });
    let mut wanted: Vec<(String, &'static Socket, Vec<String>)> = Vec::new();
    for (i, socket) in venue.facts().sockets.iter().enumerate().filter(|_| !asleep) {
        let family = |symbol: &String| {
            let kind = desk
                .books
                .with_untracked(|b| Some(b.get(&venue)?.listings.get(symbol)?.instrument.kind));
            let own = if kind == Some(InstrumentKind::Inverse) {
                "inverse"
            } else {
                "linear"
            };
            socket.family == "all" || socket.family == own
        };
        let mut of: Vec<String> = symbols.iter().filter(|s| family(s)).cloned().collect();
        of.sort();
        of.dedup();
        if !of.is_empty() {
            let which = if venue.facts().sockets.len() > 1 {
                format!(" {}", i + 1)
            } else {
                String::new()
            };
            wanted.push((format!("{}{which}", socket.source), socket, of));
        }
    }
    // Ended: unwanted, of other instruments, silent, or about to be ended by the venue.
    let mut ended: Vec<(String, Option<String>)> = Vec::new();
    STREAMS.with(|s| {
        for (name, link) in &s.borrow().links {
            let same = wanted.iter().any(|w| w.0 == *name && w.2 == link.symbols);
            let heard = desk
                .links
                .with_untracked(|l| l.get(name).and_then(|l| l.last))
                .unwrap_or(link.opened)
                .max(link.opened);
            let silent = now - heard;
            // A clock set back, or a device that slept.
            if !same {
                ended.push((name.clone(), None));
            } else if silent > f64::from(link.socket.silent_seconds) * 1000.0 {
                ended.push((
                    name.clone(),
                    Some(format!("silent for {:.0} s: opened anew", silent / 1000.0)),
                ));
            } else if now - link.opened > LIFE {
                ended.push((name.clone(), Some("open for 23 h: opened anew".to_owned())));
            }
        }
    });
    for (name, why) in ended {
        let link = STREAMS.with(|s| s.borrow_mut().links.remove(&name));
        drop(link);
        match why {
            Some(why) => failed(desk, &name, &why, now),
            None => {
                desk.links.update(|l| {
                    l.remove(&name);
                });
            }
        }
    }
    if desk
        .links
        .with_untracked(|l| l.keys().any(|k| !wanted.iter().any(|w| w.0 == *k)))
    {
        desk.links.update(|l| l.retain(|k, _| wanted.iter().any(|w| w.0 == *k)));
    }
    for (name, socket, symbols) in wanted {
        let waiting = STREAMS.with(|s| {
            let s = s.borrow();
            s.links.contains_key(&name) || s.waits.get(&name).is_some_and(|w| now < w.1)
        });
        if !waiting {
            open(desk, venue, name, socket, symbols, now);
        }
    }
}

fn tell(desk: Desk, name: &str, change: impl FnOnce(&mut LinkState)) {
    desk.links.update(|l| change(l.entry(name.to_owned()).or_default()));
}

/// Notes a failure and when to try again.
fn failed(desk: Desk, name: &str, why: &str, now: f64) {
    let wait = STREAMS.with(|s| {
        let mut s = s.borrow_mut();
        let entry = s.waits.entry(name.to_owned()).or_default();
        entry.0 += 1;
        let wait = super::next_wait(0, entry.0, js_sys::Math::random());
        entry.1 = now + wait * 1000.0;
        wait
    });
    tell(desk, name, |l| {
        l.open = false;
        l.state = format!("closed ({why}); again in {wait:.0} s");
    });
}

/// The messages that begin a stream, and its address.
fn hello(socket: &Socket, symbols: &[String]) -> (String, Vec<String>) {
    let mut said: Vec<String> = Vec::new();
    for symbol in symbols {
        for template in socket.subscribe {
            let clean = symbol.replace(['"', '\\', '/', '?', '&'], "");
            let text = template
                .replace("{symbol}", &clean)
                .replace("{lower}", &clean.to_lowercase())
                .replace("{family}", clean.strip_suffix("-SWAP").unwrap_or(&clean));
            if !said.contains(&text) {
                said.push(text);
            }
        }
    }
    if socket.url.contains("{streams}") {
        (socket.url.replace("{streams}", &said.join("/")), Vec::new())
    } else {
        (socket.url.to_owned(), said)
    }
}

fn open(desk: Desk, venue: Venue, name: String, socket: &'static Socket, symbols: Vec<String>, now: f64) {
    let number = STREAMS.with(|s| {
        let mut s = s.borrow_mut();
        s.numbers += 1;
        s.numbers
    });
    let heard = Closure::new({
        let name = name.clone();
        move |frames: js_sys::Array, dropped: f64| {
            let name = name.clone();
            future_to_promise(async move {
                let answer = engine::stream(number, venue, frames).await;
                match engine::read::<Taken>(&answer) {
                    Ok(taken) => apply_taken(desk, venue, &name, number, taken, dropped as u64),
                    Err(fault) => tell(desk, &name, |l| l.fault = Some(fault.message)),
                }
                Ok(JsValue::UNDEFINED)
            })
        }
    });
    let turned = Closure::new({
        let name = name.clone();
        move |state: String, reason: String| {
            let now = js_sys::Date::now();
            if state == "open" {
                tell(desk, &name, |l| {
                    l.open = true;
                    l.state = "open".to_owned();
                });
                return;
            }
            let name = name.clone();
            // Dropped after this turn: this closure belongs to it.
            spawn_local(async move {
                let link = STREAMS.with(|s| {
                    let mut s = s.borrow_mut();
                    let same = s.links.get(&name).is_some_and(|l| l.number == number);
                    same.then(|| s.links.remove(&name)).flatten()
                });
                if link.is_some() {
                    failed(desk, &name, &reason, now);
                }
                drop(link);
            });
        }
    });
    let (url, hello) = hello(socket, &symbols);
    tell(desk, &name, |l| {
        l.open = false;
        l.state = "connecting".to_owned();
    });
    let (ping, every) = socket.ping.map_or((None, 0), |p| (Some(p.0), p.1 * 1000));
    let end = open_socket(&url, hello, ping, every, &heard, &turned);
    let link = Link {
        socket,
        symbols,
        number,
        end: Some(end),
        _heard: heard,
        _turned: turned,
        opened: now,
        resynced: HashMap::new(),
    };
    STREAMS.with(|s| s.borrow_mut().links.insert(name, link));
}

fn apply_taken(desk: Desk, venue: Venue, name: &str, number: u32, taken: Taken, dropped: u64) {
    let now = js_sys::Date::now();
    // Of a connection that has been replaced meanwhile.
    let current = STREAMS.with(|s| s.borrow().links.get(name).is_some_and(|l| l.number == number));
    if !current {
        return;
    }
    let good = taken.messages > taken.unread;
    // One that has stood for a minute is no longer one that keeps closing.
    STREAMS.with(|s| {
        let mut s = s.borrow_mut();
        if good && s.links.get(name).is_some_and(|l| now - l.opened > STEADY) {
            s.waits.remove(name);
        }
    });
    if let Some(theirs) = taken.venue_time {
        desk.clocks.update(|c| {
            // The news that came soonest tells most of the clock.
            let told = theirs - now;
            let before = c.get(&venue).copied();
            c.insert(
                venue,
                before.map_or(told, |b| if (b - told).abs() > 5_000.0 { told } else { b.max(told) }),
            );
        });
    }
    let (_, wanted) = super::wanted(desk);
    let about = |q: &str| wanted.iter().any(|w| w == q || w.strip_suffix("-SWAP") == Some(q));
    if taken.quotes.iter().any(|q| about(&q.symbol)) {
        desk.markets.update(|markets| {
            for quote in &taken.quotes {
                for symbol in wanted
                    .iter()
                    .filter(|w| **w == quote.symbol || w.strip_suffix("-SWAP") == Some(&quote.symbol))
                {
                    let m = markets.entry((venue, symbol.clone())).or_default();
                    apply::merge(m, quote, &Origin::Live(now));
                }
            }
        });
    }
    STREAMS.with(|s| {
        let mut s = s.borrow_mut();
        for (symbol, book) in taken.books {
            s.books.insert((venue, symbol), (book, now));
        }
        for symbol in &taken.resync {
            s.books.remove(&(venue, symbol.clone()));
        }
    });
    if !taken.traders.is_empty() {
        desk.cascading.wallets.update_untracked(|w| w.found(taken.traders));
    }
    if !taken.liquidations.is_empty() {
        desk.forced.update(|f| f.take(venue, taken.liquidations));
    }
    let begun = taken
        .resync
        .into_iter()
        .filter(|symbol| resync(desk, venue, name, number, symbol.clone(), now))
        .count();
    tell(desk, name, |l| {
        if good {
            l.last = Some(now);
        }
        l.messages += taken.messages as u64;
        l.unread += taken.unread as u64;
        l.dropped += dropped;
        l.resyncs += begun as u64;
        if let Some(words) = taken.refused.into_iter().next() {
            l.fault = Some(format!("the venue refused: {words}"));
        } else if let Some(fault) = taken.faults.into_iter().next() {
            l.fault = Some(fault);
        }
    });
}

/// A book that has lost its sequence: its list is asked for where the venue streams only changes, else the stream begins anew. Whether
/// something was begun.
fn resync(desk: Desk, venue: Venue, name: &str, number: u32, symbol: String, now: f64) -> bool {
    let name = name.to_owned();
    let list = STREAMS.with(|s| {
        let mut s = s.borrow_mut();
        let link = s.links.get_mut(&name)?;
        let (_, until) = link.resynced.entry(symbol.clone()).or_insert((0, f64::NEG_INFINITY));
        if now < *until {
            return None;
        }
        // Not again before this one has come to an end.
        *until = f64::INFINITY;
        Some(endpoint::find(venue, Role::Book, "linear").filter(|_| link.socket.book_from_list))
    });
    let Some(list) = list else { return false };
    spawn_local(async move {
        let Some(e) = list else {
            let link = STREAMS.with(|s| s.borrow_mut().links.remove(&name));
            if link.is_some() {
                drop(link);
                failed(desk, &name, "a change of the book was missing", now);
            }
            return;
        };
        let found = fill(e, &symbol, now).ask().await;
        let joined = match found {
            Ok(found) => {
                let text = serde_json::to_string(&found).unwrap_or_default();
                engine::begin_book(number, &symbol, &text).await
            }
            Err(why) => {
                tell(desk, &name, |l| l.fault = Some(why));
                false
            }
        };
        let now = js_sys::Date::now();
        STREAMS.with(|s| {
            if let Some(link) = s.borrow_mut().links.get_mut(&name)
                && let Some((fails, until)) = link.resynced.get_mut(&symbol)
            {
                *fails = if joined { 0 } else { *fails + 1 };
                *until = now
                    + RESYNC
                    + if joined {
                        0.0
                    } else {
                        super::next_wait(0, *fails, js_sys::Math::random()) * 1000.0
                    };
            }
        });
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn every_stream_says_hello_in_json_or_in_its_address() {
        for socket in endpoint::sockets() {
            let (url, said) = hello(socket, &["BTC-USDT-SWAP".to_owned(), "X\",\"y".to_owned()]);
            assert!(url.starts_with("wss://") && !url.contains('{'), "{url}");
            for text in &said {
                serde_json::from_str::<serde_json::Value>(text).unwrap();
                assert!(!text.contains("{symbol}") && !text.contains("{family}"), "{text}");
            }
            assert!(said.is_empty() == socket.url.contains("{streams}"));
        }
    }
}
