//! Open interest of the last weeks, asked for once when the map of liquidations wants it.

use super::{fill, http, recorded};
use crate::engine::{self, Lane};
use crate::state::Desk;
use crate::state::cascading::Interest;
use crate::state::market::{Key, Origin};
use headroom_core::api::NormalizeResponse;
use headroom_core::market::Venue;
use headroom_core::venue::endpoint::ENDPOINTS;
use leptos::prelude::*;
use serde_json::json;

/// Endpoints that tell the past of it.
const PAST: [&str; 3] = [
    "binance.open_interest_hist",
    "bybit.open_interest",
    "okx.open_interest_history",
];

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
    live.map(|rows| (rows, Origin::Live(js_sys::Date::now())))
}

async fn live(key: &Key) -> Result<Interest, String> {
    let endpoint = ENDPOINTS
        .iter()
        .find(|e| e.venue == key.0 && PAST.contains(&e.source))
        .ok_or_else(|| {
            format!(
                "{} tells no open interest of the past; drop a file of wallets, or choose another venue",
                key.0
            )
        })?;
    let job = fill(endpoint, &key.1, js_sys::Date::now());
    let text = http::text(
        endpoint.method,
        &job.url,
        job.body.as_deref(),
        endpoint.max_bytes,
        job.host(),
    )
    .await?;
    let request = json!({"op": "normalize", "source": endpoint.source, "body": text, "symbol": key.1}).to_string();
    let rows = engine::read::<NormalizeResponse>(&engine::ask(Lane::Read, &request).await)
        .map_err(|f| f.message)?
        .found
        .open_interest;
    if rows.is_empty() {
        Err(format!("{} answered without open interest", job.host()))
    } else {
        Ok(rows)
    }
}
