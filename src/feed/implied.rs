//! What options imply of the volatility to come: Deribit's index, for the coins it has one of.

use super::request::fill;
use crate::state::Desk;
use crate::state::scenario::coin;
use headroom_core::venue::endpoint::{self, Role};
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

/// Coins that have an index.
const COINS: [&str; 2] = ["BTC", "ETH"];
/// How often it is asked for, ms.
const EVERY: f64 = 600_000.0;

thread_local! {
    static ASKED: RefCell<HashMap<&'static str, f64>> = RefCell::default();
}

/// Asks for the coins of the account, now and then.
pub(crate) fn start(desk: Desk) {
    ask(desk);
    set_interval(move || ask(desk), Duration::from_secs(30));
}

fn ask(desk: Desk) {
    if document().hidden() {
        return;
    }
    let now = js_sys::Date::now();
    let held: Vec<String> = desk
        .scenario
        .with_untracked(|s| s.lines.iter().map(|l| coin(&l.symbol).to_owned()).collect());
    for asset in COINS.into_iter().filter(|c| held.iter().any(|h| h == c)) {
        let due = ASKED.with(|a| now - a.borrow().get(asset).copied().unwrap_or(0.0) > EVERY);
        let Some(e) = endpoint::all()
            .find(|e| e.role == Role::VolatilityIndex)
            .filter(|_| due)
        else {
            continue;
        };
        ASKED.with(|a| a.borrow_mut().insert(asset, now));
        spawn_local(async move {
            // Without it nothing is missing: the chance does not rest on it.
            if let Ok(found) = fill(e, asset, now).ask().await
                && let Some((time, volatility)) = found.volatility_index.last()
            {
                desk.implied.update(|i| {
                    i.insert(asset, (*volatility, *time));
                });
            }
        });
    }
}
