//! Open interest of the last weeks, asked for once when the map of liquidations wants it.

use super::recorded;
use super::request::fill;
use crate::state::Desk;
use crate::state::cascading::Interest;
use crate::state::market::{Key, Origin};
use headroom_core::market::Venue;
use headroom_core::venue::endpoint::{self, Role};
use leptos::prelude::*;

/// Rows of time and coins, oldest first: the venue's, else one value of now, else recorded ones.
pub(crate) async fn load(desk: Desk, key: &Key) -> Result<(Interest, Origin), String> {
    let live = live(key).await;
    if let Ok(rows) = live {
        return Ok((rows, Origin::Live(js_sys::Date::now())));
    }
    // Hyperliquid tells no past of it: all of today's is taken as opened at the beginning and turned over since.
    let now = desk.markets.with_untracked(|m| {
        m.get(key)
            .and_then(|m| m.quote.as_ref().and_then(|q| Some((q.0.open_interest?, q.1.clone()))))
    });
    let first = desk
        .markets
        .with_untracked(|m| m.get(key).and_then(|m| Some(m.candles.as_ref()?.0.rows.first()?.0)));
    if let (Some((value, origin)), Some(first)) = (now, first) {
        return Ok((vec![(first, value)], origin));
    }
    let entry = desk
        .recorded
        .with_untracked(|r| r.iter().find(|e| e.venue == key.0 && e.symbol == key.1).cloned());
    if let Some(path) = entry.as_ref().and_then(|e| e.interest.as_ref())
        && let Some(rows) = recorded::read::<Interest>(path).await
    {
        return Ok((
            rows,
            Origin::Recorded {
                venue: Venue::Binance.word().to_owned(),
                until: entry.map_or(0.0, |e| e.until),
            },
        ));
    }
    // Whatever failed, there is a way on.
    live.map(|rows| (rows, Origin::Live(js_sys::Date::now())))
        .map_err(|why| {
            let end = if why.ends_with('.') { "" } else { "." };
            format!("{why}{end} What can be done: drop a file of wallets, or choose another venue.")
        })
}

async fn live(key: &Key) -> Result<Interest, String> {
    let endpoint = endpoint::find(key.0, Role::InterestHistory, "linear")
        .ok_or_else(|| format!("{} tells no open interest of the past.", key.0))?;
    let job = fill(endpoint, &key.1, js_sys::Date::now());
    let rows = job.ask().await?.open_interest;
    if rows.is_empty() {
        Err(format!("{} answered without open interest", job.host()))
    } else {
        Ok(rows)
    }
}
