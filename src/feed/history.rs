//! A year of hours of one instrument: from its venue where that has such a list, else as shipped with the page.

use super::request::fill_between;
use super::{recorded, store};
use crate::state::Desk;
use crate::state::market::{Key, Origin};
use headroom_core::market::{Candles, Interval, Venue};
use headroom_core::venue::endpoint::{self, Endpoint, Role};
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOUR: f64 = 3_600_000.0;
const YEAR: f64 = 365.0 * 24.0 * HOUR;
/// Answers asked for, at most.
const PAGES: usize = 12;
/// Fewer bars than these are no history: from fewer no skill can be told.
const LEAST: usize = 2880;

/// The candles and where they came from, or why there are none.
pub(crate) async fn load(desk: Desk, key: &Key) -> Result<(Arc<Candles>, Origin), String> {
    let now = js_sys::Date::now();
    let live = match endpoint(key.0) {
        Some(e) => kept(e, key, ((now - YEAR) / HOUR).floor() * HOUR, now).await,
        None => Err(format!("{} is not asked for a year of hours by this page", key.0)),
    };
    let why = match live {
        Ok(candles) if candles.rows.len() >= LEAST => return Ok((Arc::new(candles), Origin::Live(now))),
        Ok(candles) => format!("{} has {} hours of it", key.0, candles.rows.len()),
        Err(why) => why,
    };
    let entry = desk
        .recorded
        .with_untracked(|r| r.iter().find(|e| e.venue == key.0 && e.symbol == key.1).cloned());
    let recorded = match entry.as_ref().and_then(|e| e.history.as_ref()) {
        Some(path) => recorded::read::<Candles>(path).await,
        None => None,
    };
    match (recorded, entry) {
        (Some(candles), Some(e)) => Ok((
            Arc::new(candles),
            Origin::Recorded {
                venue: e.candles_venue,
                until: e.until,
            },
        )),
        _ => Err(format!("No year of hours of {}: {why}", key.1)),
    }
}

/// The list of past hours, else a list that takes a start.
fn endpoint(venue: Venue) -> Option<&'static Endpoint> {
    let starts = |e: &&Endpoint| e.body.is_some_and(|b| b.contains("{start}")) || e.url.contains("{start_seconds}");
    endpoint::find(venue, Role::History, "linear")
        .or_else(|| endpoint::find(venue, Role::Candles, "linear").filter(starts))
}

/// Hours between two times, as the venue has them.
pub(crate) async fn between(key: &Key, from: f64, until: f64) -> Result<Candles, String> {
    let endpoint = endpoint(key.0).ok_or_else(|| format!("{} is not asked for past hours by this page", key.0))?;
    if until - from < 48.0 * HOUR || until - from > YEAR {
        return Err("Two days to a year can be fetched.".to_owned());
    }
    let from = (from / HOUR).floor() * HOUR;
    let mut candles = fetch(endpoint, &key.1, from, until.min(js_sys::Date::now())).await?;
    candles.rows.retain(|r| r.0 >= from);
    Ok(candles)
}

/// What the device kept of an earlier visit, and what has been traded since.
async fn kept(endpoint: &'static Endpoint, key: &Key, from: f64, now: f64) -> Result<Candles, String> {
    let name = format!("hours {} {}", key.0, key.1);
    let mut rows: Vec<_> = store::get::<Candles>(&name).await.map_or_else(Vec::new, |c| c.rows);
    rows.retain(|r| r.0 >= from);
    // A gap at its beginning is filled by asking for all.
    let next = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) if first.0 < from + 48.0 * HOUR => last.0 + HOUR,
        _ => {
            rows.clear();
            from
        }
    };
    if next + HOUR <= now {
        rows.extend(fetch(endpoint, &key.1, next, now).await?.rows);
    }
    let candles = Candles {
        interval: Interval::H1,
        rows,
    };
    store::put(&name, &candles).await;
    Ok(candles)
}

/// Page after page, until one brings nothing new.
async fn fetch(endpoint: &'static Endpoint, symbol: &str, mut from: f64, now: f64) -> Result<Candles, String> {
    let mut bars = BTreeMap::new();
    for _ in 0..PAGES {
        let job = fill_between(endpoint, symbol, from, now);
        let found = job.ask().await?;
        let before = bars.len();
        for row in found.candles.map(|c| c.rows).unwrap_or_default() {
            bars.insert(row.0 as u64, row);
        }
        let last = bars.keys().next_back().map_or(0.0, |t| *t as f64);
        // A venue that answers by windows has nothing for the time before an instrument was listed.
        let windows = endpoint.url.contains("{end}");
        if (bars.len() == before && !windows) || last.max(from) + HOUR >= now - HOUR {
            break;
        }
        from = if windows { last.max(from + 999.0 * HOUR) } else { last } + HOUR;
    }
    // The hour that is not over yet is no bar.
    let rows = bars.into_values().filter(|r| r.0 + HOUR <= now).collect();
    Ok(Candles {
        interval: Interval::H1,
        rows,
    })
}
