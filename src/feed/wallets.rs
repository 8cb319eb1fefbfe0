//! Wallets: a census where a venue's indexer gives one (GMX); of Hyperliquid, which shows everybody's: addresses from the trades of the coin, positions one wallet after the other,
//! slowly enough for the venue.

use super::budget::Budget;
use super::request::fill;
use crate::state::Desk;
use crate::state::desk::Page;
use headroom_core::market::Venue;
use headroom_core::venue::endpoint::{self, Endpoint, Role};
use headroom_core::venue::wire::Normalised;
use leptos::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

/// A quarter of what the venue allows: the desk's own requests need another half.
const WEIGHT_PER_MINUTE: f64 = 300.0;
const TRADES_EVERY: f64 = 60_000.0;
const CENSUS_EVERY: f64 = 300_000.0;

thread_local! {
    static BUDGET: RefCell<Budget> = RefCell::new(Budget::new(WEIGHT_PER_MINUTE, 0.0));
    static TRADES: Cell<f64> = const { Cell::new(0.0) };
    static COUNTED: RefCell<HashMap<String, f64>> = RefCell::default();
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Reads wallets while the page Cascade shows a market whose positions anybody may look up.
pub(crate) fn start(desk: Desk) {
    set_interval(
        move || {
            let venue = desk.scenario.with_untracked(|s| s.venue);
            let pool = venue.facts().pool;
            let wanted = desk.page.get_untracked() == Page::Cascade
                && (venue == Venue::Hyperliquid || pool)
                && !document().hidden();
            if wanted && !RUNNING.replace(true) {
                spawn_local(async move {
                    if pool {
                        counted(desk, venue).await;
                    } else {
                        step(desk).await;
                    }
                    RUNNING.set(false);
                });
            }
        },
        Duration::from_millis(500),
    );
}

fn endpoint(source: &str) -> Option<&'static Endpoint> {
    endpoint::all().find(|e| e.source == source)
}

fn affordable(e: &Endpoint) -> bool {
    BUDGET.with(|b| b.borrow_mut().take(f64::from(e.weight), js_sys::Date::now()))
}

async fn ask(source: &str, about: &str) -> Result<Normalised, String> {
    let e = endpoint(source).ok_or("no such endpoint")?;
    fill(e, about, js_sys::Date::now()).ask().await
}

/// Counts anew every five minutes, once the venue has told its markets.
async fn counted(desk: Desk, venue: Venue) {
    let Some((_, symbol)) = untrack(|| desk.key(desk.index())) else {
        return;
    };
    let now = js_sys::Date::now();
    let known = desk
        .markets
        .with_untracked(|m| m.get(&(venue, symbol.clone())).is_some_and(|m| !m.pools.is_empty()));
    if known && now - COUNTED.with(|c| c.borrow().get(&symbol).copied().unwrap_or(0.0)) > CENSUS_EVERY {
        COUNTED.with(|c| c.borrow_mut().insert(symbol.clone(), now));
        census(desk, venue, symbol).await;
    }
}

/// Every position of a pool's markets, by its indexer: a census.
async fn census(desk: Desk, venue: Venue, symbol: String) {
    let wallets = desk.cascading.wallets;
    let markets = desk
        .markets
        .with_untracked(|m| m.get(&(venue, symbol.clone())).map(|m| m.pools.clone()));
    let (Some(e), Some(markets)) = (endpoint::find(venue, Role::Positions, "all"), markets) else {
        return;
    };
    let mut all = Vec::new();
    for pool in markets {
        match fill(e, &symbol, js_sys::Date::now())
            .of_market(&pool.market)
            .ask()
            .await
        {
            Ok(found) => all.extend(found.wallets),
            Err(why) => return wallets.update(|w| w.fault = Some(why)),
        }
    }
    if !all.is_empty() {
        wallets.update(|w| w.set_census(venue, &symbol, all, js_sys::Date::now()));
    }
}

async fn step(desk: Desk) {
    let Some((_, symbol)) = untrack(|| desk.key(desk.index())) else {
        return;
    };
    let now = js_sys::Date::now();
    let wallets = desk.cascading.wallets;
    if now - TRADES.get() > TRADES_EVERY && endpoint("hyperliquid.recent_trades").is_some_and(affordable) {
        TRADES.set(now);
        match ask("hyperliquid.recent_trades", &symbol).await {
            Ok(found) => wallets.update(|w| {
                w.fault = None;
                w.found(found.addresses);
            }),
            Err(why) => wallets.update(|w| w.fault = Some(why)),
        }
    }
    for _ in 0..4 {
        // Untracked: a wallet that is asked for changes nothing that is shown.
        let mut next = None;
        if endpoint("hyperliquid.clearinghouse_state").is_some_and(affordable) {
            wallets.update_untracked(|w| next = w.next(now));
        }
        let Some(address) = next else { return };
        match ask("hyperliquid.clearinghouse_state", &address).await {
            Ok(found) => wallets.update(|w| w.put(address, now, found.held)),
            Err(why) => {
                wallets.update(|w| {
                    w.back(address);
                    w.fault = Some(why);
                });
                return;
            }
        }
    }
}

/// Addresses of the largest accounts: one answer of some 30 megabytes, so only when asked for.
pub(crate) fn leaders(desk: Desk) {
    spawn_local(async move {
        let found = ask("hyperliquid.leaderboard", "").await;
        desk.cascading.wallets.update(|w| match found {
            Ok(found) => {
                w.fault = None;
                w.found(found.addresses);
            }
            Err(why) => w.fault = Some(why),
        });
    });
}
