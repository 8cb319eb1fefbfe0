//! Asks the exchanges, by the engine's list of endpoints, and puts what the engine read from their answers into the
//! markets. The network stays on this thread so that tests can answer for it; reading is the worker's.

mod apply;
mod budget;
pub(crate) mod compare;
pub(crate) mod depth;
pub(crate) mod events;
pub(crate) mod history;
mod http;
pub(crate) mod interest;
mod recorded;
pub(crate) mod wallets;

use crate::engine::{self, Lane};
use crate::state::Desk;
use crate::state::desk::FeedState;
use crate::state::market::VenueBook;
use budget::Budget;
use headroom_core::api::NormalizeResponse;
use headroom_core::api::response::SnapshotGroup;
use headroom_core::market::{InstrumentKind, Venue};
use headroom_core::venue::endpoint::{ENDPOINTS, Endpoint, HOSTS};
use leptos::prelude::*;
use serde_json::json;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

pub(crate) use recorded::use_recorded;

/// What the desk wants of each endpoint, besides what `{symbol}` says.
const WANTED: &[&str] = &[
    "exchange_info",
    "premium_index",
    "klines",
    "funding_rate",
    "funding_info",
    "instruments_info",
    "risk_limit",
    "tickers",
    "kline",
    "funding_history",
    "instruments",
    "position_tiers",
    "mark_price",
    "index_tickers",
    "candles",
    "funding_rate_history",
    "meta_and_asset_ctxs",
    "candle_snapshot",
];

/// One request that is made again and again.
struct Job {
    endpoint: &'static Endpoint,
    symbol: String,
    url: String,
    body: Option<String>,
}

impl Job {
    fn key(&self) -> String {
        format!(
            "{} {} {}",
            self.endpoint.source,
            self.url,
            self.body.as_deref().unwrap_or_default()
        )
    }
    /// How the feed is called on the page: what is asked, and of which instrument or family.
    fn name(&self) -> String {
        let about = if self.symbol.is_empty() && self.endpoint.family != "all" {
            self.endpoint.family
        } else {
            &self.symbol
        };
        format!("{} {about}", self.endpoint.source)
    }
    fn host(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }
}

#[derive(Default)]
struct Session {
    due: HashMap<String, f64>,
    fails: HashMap<String, u32>,
    running: HashSet<String>,
    budgets: HashMap<&'static str, Budget>,
}

/// Starts the engine, fills the books from its snapshot, and keeps the markets of the scenario fresh.
pub(crate) fn start(desk: Desk) {
    let session = Rc::new(RefCell::new(Session::default()));
    for h in HOSTS {
        // Half of what the venue allows: the person may have other tabs and tools on the same address.
        session.borrow_mut().budgets.insert(
            h.host,
            Budget::new(f64::from(h.weight_per_minute) / 2.0, js_sys::Date::now()),
        );
    }
    spawn_local(async move {
        match engine::read::<Described>(&engine::ask(Lane::Calculate, r#"{"op":"describe"}"#).await) {
            Ok(d) => fill_books(desk, d),
            Err(fault) => desk.notes.update(|n| n.push(fault.message)),
        }
        recorded::load_index(desk).await;
        tick(desk, &session);
        set_interval(move || tick(desk, &session), Duration::from_secs(1));
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
    for job in jobs(desk, now) {
        let key = job.name();
        wanted.insert(key.clone());
        let mut s = session.borrow_mut();
        let due = s.due.get(&key).copied().unwrap_or(0.0);
        if now < due || s.running.contains(&key) || (hidden && job.endpoint.every_seconds < 60) {
            continue;
        }
        let host = job.host().to_owned();
        if !s
            .budgets
            .get_mut(host.as_str())
            .is_none_or(|b| b.take(f64::from(job.endpoint.weight), now))
        {
            continue;
        }
        s.running.insert(key.clone());
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
    // Venues without a live feed yet show recorded data at once.
    if matches!(desk.scenario.with_untracked(|s| s.venue), Venue::Dydx | Venue::Gmx) {
        use_recorded(desk);
    }
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
    for endpoint in ENDPOINTS
        .iter()
        .filter(|e| e.venue == venue && e.source.split_once('.').is_some_and(|(_, name)| WANTED.contains(&name)))
    {
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
            if names_symbol(endpoint) && endpoint.family != "all" && endpoint.family != family {
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

/// Whether a request is about one instrument.
fn names_symbol(e: &Endpoint) -> bool {
    let named = |t: &str| t.contains("{symbol}") || t.contains("{family}");
    named(e.url) || e.body.is_some_and(named)
}

/// An hour in the venue's own word.
fn hour(venue: Venue) -> &'static str {
    match venue {
        Venue::Bybit => "60",
        Venue::Okx => "1H",
        _ => "1h",
    }
}

/// Fills an endpoint's templates; what has a start begins a thousand hours ago.
fn fill(endpoint: &'static Endpoint, symbol: &str, now: f64) -> Job {
    // A round hour, so that the request is the same for a while.
    let start = ((now / 3_600_000.0).floor() * 3_600_000.0 - 1000.0 * 3_600_000.0).max(0.0);
    fill_between(endpoint, symbol, start, now)
}

/// The same from a start on.
fn fill_between(endpoint: &'static Endpoint, symbol: &str, start: f64, now: f64) -> Job {
    let family = symbol.strip_suffix("-SWAP").unwrap_or(symbol);
    let end = (start + 999.0 * 3_600_000.0).min(now);
    let put = |template: &str, encode: bool| {
        let text = |s: &str| {
            if encode {
                String::from(js_sys::encode_uri_component(s))
            } else {
                s.replace(['"', '\\'], "")
            }
        };
        template
            .replace("{symbol}", &text(symbol))
            .replace("{family}", &text(family))
            .replace("{interval}", hour(endpoint.venue))
            .replace("{start}", &format!("{start:.0}"))
            .replace("{end}", &format!("{end:.0}"))
    };
    Job {
        endpoint,
        symbol: if names_symbol(endpoint) {
            symbol.to_owned()
        } else {
            String::new()
        },
        url: put(endpoint.url, true),
        body: endpoint.body.map(|b| put(b, false)),
    }
}

/// Fetches one answer, lets the worker read it, and applies it.
async fn fetch(desk: Desk, job: &Job) -> Result<(), String> {
    let text = http::text(
        job.endpoint.method,
        &job.url,
        job.body.as_deref(),
        job.endpoint.max_bytes,
        job.host(),
    )
    .await?;
    let request = json!({"op": "normalize", "source": job.endpoint.source, "body": text, "interval": "1h"}).to_string();
    drop(text);
    let answer = engine::ask(Lane::Read, &request).await;
    let read = engine::read::<NormalizeResponse>(&answer)
        .map_err(|f| format!("{} answered something unusable. {}: {}", job.host(), f.field, f.message))?;
    apply::apply(desk, job.endpoint.venue, &job.symbol, read.found, js_sys::Date::now());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn templates_are_filled_and_symbols_cannot_break_out() {
        let find = |source: &str| ENDPOINTS.iter().find(|e| e.source == source).unwrap();
        assert!(
            fill(find("okx.position_tiers"), "BTC-USDT-SWAP", 0.0)
                .url
                .ends_with("instFamily=BTC-USDT")
        );
        assert!(fill(find("bybit.kline"), "BTCUSDT", 0.0).url.contains("interval=60"));
        let hl = fill(find("hyperliquid.candle_snapshot"), "BTC\",\"x\":\"", 1.772e12);
        let body: serde_json::Value = serde_json::from_str(hl.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["req"]["coin"], "BTC,x:");
        assert_eq!(body["req"]["startTime"].as_f64().unwrap() % 3_600_000.0, 0.0);
        assert!(
            fill(find("binance.klines"), "A&limit=5", 0.0)
                .url
                .contains("symbol=A%26limit%3D5&")
        );
        for e in ENDPOINTS {
            let job = fill(e, "X", 1.772e12);
            assert!(!job.url.contains('{') && job.url.starts_with("https://"), "{}", job.url);
            if let Some(body) = job.body {
                serde_json::from_str::<serde_json::Value>(&body).unwrap();
            }
            assert!(
                HOSTS
                    .iter()
                    .any(|h| job.url.starts_with(&format!("https://{}/", h.host))),
                "{} has no limit",
                job.url
            );
        }
    }

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
