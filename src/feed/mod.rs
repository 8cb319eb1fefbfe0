//! Asks the exchanges, by the engine's list of endpoints, and puts what the engine read from their answers into the
//! markets. The network stays on this thread so that tests can answer for it; reading is the worker's.

mod apply;
mod budget;
pub(crate) mod compare;
pub(crate) mod depth;
pub(crate) mod events;
pub(crate) mod history;
mod http;
pub(crate) mod implied;
pub(crate) mod interest;
pub(crate) mod minutes;
pub(crate) mod notify;
pub(crate) mod reach;
mod recorded;
mod request;
mod store;
pub(crate) mod streams;
pub(crate) mod wallets;

use crate::engine::{self, Lane};
use crate::state::Desk;
use crate::state::desk::FeedState;
use crate::state::market::{Origin, VenueBook};
use headroom_core::api::response::SnapshotGroup;
use headroom_core::market::{InstrumentKind, Venue};
use headroom_core::venue::endpoint::Role;
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

pub(crate) use recorded::use_recorded;
use request::{Job, fill};
pub(crate) use store::{clear as clear_history, size as history_size};

/// What the desk wants of a venue.
const WANTED: [Role; 7] = [
    Role::Listings,
    Role::Tiers,
    Role::Quote,
    Role::Terms,
    Role::Candles,
    Role::Funding,
    Role::Time,
];
/// While a stream tells the prices they are asked for this often, in seconds.
const STREAMED: u32 = 60;

#[derive(Default)]
struct Session {
    due: HashMap<String, f64>,
    /// When it was asked last.
    last: HashMap<String, f64>,
    fails: HashMap<String, u32>,
    running: HashSet<String>,
}

/// Starts the engine, fills the books from its snapshot, and keeps the markets of the scenario fresh.
pub(crate) fn start(desk: Desk) {
    let session = Rc::new(RefCell::new(Session::default()));
    budget::begin(js_sys::Date::now());
    spawn_local(async move {
        match engine::read::<Described>(&engine::ask(Lane::Calculate, r#"{"op":"describe"}"#).await) {
            Ok(d) => fill_books(desk, d),
            Err(fault) => desk.notes.update(|n| n.push(fault.message)),
        }
        recorded::load_index(desk).await;
        tick(desk, &session);
        set_interval(move || tick(desk, &session), Duration::from_secs(1));
        reach::probe(desk).await;
    });
}

/// What the page takes from `describe`.
#[derive(serde::Deserialize)]
struct Described {
    version: String,
    snapshot: Vec<SnapshotGroup>,
}

fn fill_books(desk: Desk, d: Described) {
    desk.engine_version.set(Some(d.version));
    desk.books.update(|books| {
        for venue in Venue::ALL {
            books.entry(venue).or_default();
        }
        for group in d.snapshot {
            let book: &mut VenueBook = books.entry(group.venue).or_default();
            for listing in group.listings {
                let tiers = Arc::new(listing.instrument.tiers.clone());
                book.snapshot.insert(
                    listing.symbol.clone(),
                    (tiers, group.date.clone(), group.source.clone()),
                );
                book.listings.insert(listing.symbol.clone(), listing);
            }
        }
    });
}

/// Starts every request that is due and that its host's budget allows.
fn tick(desk: Desk, session: &Rc<RefCell<Session>>) {
    let now = js_sys::Date::now();
    desk.now.set(now);
    let hidden = document().hidden();
    let mut wanted = HashSet::new();
    let streamed = streams::fresh(desk, now);
    for job in jobs(desk, now) {
        let key = job.name();
        wanted.insert(key.clone());
        let mut s = session.borrow_mut();
        let mut due = s.due.get(&key).copied().unwrap_or(0.0);
        if job.endpoint.role == Role::Quote && streamed && due > 0.0 && s.fails.get(&key).is_none_or(|f| *f == 0) {
            due += f64::from(STREAMED.saturating_sub(job.endpoint.every_seconds)) * 1000.0;
        }
        // A hidden page looks once a minute: alerts go by it.
        if hidden && due > 0.0 {
            due = due.max(s.last.get(&key).copied().unwrap_or(0.0) + 60_000.0);
        }
        if now < due || s.running.contains(&key) {
            continue;
        }
        let host = job.host().to_owned();
        if !budget::affords(&host, f64::from(job.endpoint.weight), now) {
            continue;
        }
        s.running.insert(key.clone());
        s.last.insert(key.clone(), now);
        drop(s);
        let session = session.clone();
        spawn_local(async move {
            let result = fetch(desk, &job).await;
            let now = js_sys::Date::now();
            let mut s = session.borrow_mut();
            s.running.remove(&key);
            let fails = s.fails.entry(key.clone()).or_default();
            *fails = if result.is_ok() { 0 } else { *fails + 1 };
            let wait = next_wait(job.endpoint.every_seconds, *fails, js_sys::Math::random());
            let fails = *fails;
            s.due.insert(key.clone(), now + wait * 1000.0);
            desk.feeds.update(|f| {
                let state = f.entry(key).or_insert_with(|| FeedState {
                    host,
                    every_seconds: job.endpoint.every_seconds,
                    price_of: (job.endpoint.role == Role::Quote).then(|| job.symbol.clone()),
                    ..FeedState::default()
                });
                state.fails = fails;
                match result {
                    Ok(()) => {
                        state.last_ok = Some(now);
                        state.error = None;
                    }
                    Err(e) => state.error = Some(e),
                }
            });
            use_recorded(desk);
        });
    }
    if desk.feeds.with_untracked(|f| f.keys().any(|k| !wanted.contains(k))) {
        desk.feeds.update(|f| f.retain(|k, _| wanted.contains(k)));
    }
    streams::tick(desk, now);
}

/// Seconds to the next try: the cadence after success, else 5, 10, 20 … up to 300 with up to half as much again by chance,
/// so that many pages do not come back to a venue in step.
fn next_wait(cadence: u32, fails: u32, chance: f64) -> f64 {
    if fails == 0 {
        return f64::from(cadence);
    }
    (5.0 * 2f64.powi(fails.min(7) as i32 - 1)).min(300.0) * (1.0 + 0.5 * chance)
}

/// Venue of the scenario, and every symbol whose market the page wants.
fn wanted(desk: Desk) -> (Venue, Vec<String>) {
    let (venue, mut symbols) = desk
        .scenario
        .with_untracked(|s| (s.venue, s.lines.iter().map(|l| l.symbol.clone()).collect::<Vec<_>>()));
    symbols.extend(desk.also.get_untracked());
    (venue, symbols)
}

/// What the page needs, each once.
fn jobs(desk: Desk, now: f64) -> Vec<Job> {
    let (venue, symbols) = wanted(desk);
    let mut out: Vec<Job> = Vec::new();
    for endpoint in venue.facts().endpoints.iter().filter(|e| WANTED.contains(&e.role)) {
        for symbol in &symbols {
            let kind = desk.books.with_untracked(|b| {
                b.get(&venue)
                    .and_then(|b| b.listings.get(symbol))
                    .map(|l| l.instrument.kind)
            });
            let family = if kind == Some(InstrumentKind::Inverse) {
                "inverse"
            } else {
                "linear"
            };
            // Lists of instruments are fetched whatever is held, so that the picker knows every contract of the venue.
            if endpoint.names_symbol() && endpoint.family != "all" && endpoint.family != family {
                continue;
            }
            let job = fill(endpoint, symbol, now);
            if !out.iter().any(|j| j.key() == job.key()) {
                out.push(job);
            }
        }
    }
    out
}

/// Fetches one answer and applies it.
async fn fetch(desk: Desk, job: &Job) -> Result<(), String> {
    let found = job.ask().await?;
    // An empty list is no price.
    if job.endpoint.role == Role::Quote && found.quotes.is_empty() && found.pools.is_empty() {
        return Err(format!("{} answered without {}.", job.host(), job.symbol));
    }
    let now = js_sys::Date::now();
    if let (Some(venue), Some(theirs)) = (request::venue(job.endpoint), found.venue_time) {
        desk.clocks.update(|c| {
            c.insert(venue, theirs - now);
        });
    }
    if let Some(venue) = request::venue(job.endpoint) {
        apply::apply(desk, venue, &job.symbol, found, Origin::Live(now));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn failures_wait_longer_each_time_up_to_a_limit() {
        assert_eq!(next_wait(60, 0, 0.9), 60.0);
        assert_eq!(
            (next_wait(5, 1, 0.0), next_wait(5, 2, 0.0), next_wait(5, 3, 0.0)),
            (5.0, 10.0, 20.0)
        );
        assert_eq!(next_wait(5, 50, 1.0), 450.0);
    }
}
