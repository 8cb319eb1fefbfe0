//! One asset on every venue, asked for once when the comparison wants it: price, candles, funding, book and tiers of each, live or
//! recorded, with what failed.

use super::{fill, http, recorded};
use crate::engine::{self, Lane};
use crate::state::Desk;
use crate::state::market::{Key, Origin};
use headroom_core::api::NormalizeResponse;
use headroom_core::market::{Book, Candles, FundingRow, Instrument, Tier, Venue};
use headroom_core::venue::endpoint::{ENDPOINTS, Endpoint};
use headroom_core::venue::wire::Normalised;
use leptos::prelude::*;
use serde_json::json;

/// What is asked of the venues that a browser may ask.
const WANTED: [&str; 18] = [
    "binance.premium_index",
    "binance.klines",
    "binance.funding_rate",
    "binance.depth",
    "bybit.tickers",
    "bybit.kline",
    "bybit.funding_history",
    "bybit.orderbook",
    "bybit.risk_limit",
    "okx.instruments",
    "okx.mark_price",
    "okx.candles",
    "okx.funding_rate_history",
    "okx.books",
    "okx.position_tiers",
    "hyperliquid.meta_and_asset_ctxs",
    "hyperliquid.candle_snapshot",
    "hyperliquid.funding_history",
];
const BOOKS: &str = "hyperliquid.l2_book";

/// The market of one venue as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Compared {
    pub symbol: String,
    pub price: Option<(f64, Origin)>,
    pub candles: Option<Candles>,
    pub funding: Option<Vec<FundingRow>>,
    pub funding_interval_hours: Option<f64>,
    pub book: Option<Book>,
    pub instrument: Option<Instrument>,
    pub faults: Vec<String>,
}

/// The perpetual of an asset as its venue names it.
fn symbol(venue: Venue, asset: &str) -> String {
    match venue {
        Venue::Binance | Venue::Bybit => format!("{asset}USDT"),
        Venue::Okx => format!("{asset}-USDT-SWAP"),
        Venue::Dydx | Venue::Gmx => format!("{asset}-USD"),
        Venue::Hyperliquid => asset.to_owned(),
    }
}

async fn ask(endpoint: &'static Endpoint, symbol: &str) -> Result<Normalised, String> {
    let job = fill(endpoint, symbol, js_sys::Date::now());
    let text = http::text(
        endpoint.method,
        &job.url,
        job.body.as_deref(),
        endpoint.max_bytes,
        job.host(),
    )
    .await?;
    let request =
        json!({"op": "normalize", "source": endpoint.source, "body": text, "interval": "1h", "symbol": symbol})
            .to_string();
    Ok(
        engine::read::<NormalizeResponse>(&engine::ask(Lane::Read, &request).await)
            .map_err(|f| format!("{} answered something unusable. {}: {}", job.host(), f.field, f.message))?
            .found,
    )
}

/// Everything of one venue.
pub(crate) async fn load(desk: Desk, venue: Venue, asset: &str) -> Compared {
    let name = symbol(venue, asset);
    let mut out = Compared {
        symbol: name.clone(),
        ..Compared::default()
    };
    let mut tiers: Vec<Tier> = Vec::new();
    for endpoint in ENDPOINTS.iter().filter(|e| {
        e.venue == venue && (WANTED.contains(&e.source) || e.source == BOOKS) && matches!(e.family, "linear" | "all")
    }) {
        match ask(endpoint, &name).await {
            Ok(found) => take(&mut out, &mut tiers, found, &name),
            Err(why) => {
                if !out.faults.contains(&why) {
                    out.faults.push(why);
                }
                // A host that is not reached is not asked again and again.
                if out.price.is_none() && out.candles.is_none() {
                    break;
                }
            }
        }
    }
    if !tiers.is_empty() {
        let mut instrument = out
            .instrument
            .take()
            .unwrap_or_else(|| Instrument::bare(headroom_core::market::InstrumentKind::Linear));
        instrument.tiers = tiers;
        out.instrument = Some(instrument);
    }
    // A listing without tiers says less than the shipped snapshot.
    out.instrument = out.instrument.filter(|i| !i.tiers.is_empty());
    recorded_parts(desk, (venue, name), &mut out).await;
    out
}

fn take(out: &mut Compared, tiers: &mut Vec<Tier>, found: Normalised, name: &str) {
    let family = name.strip_suffix("-SWAP").unwrap_or(name);
    let now = js_sys::Date::now();
    if let Some(q) = found.quotes.into_iter().find(|q| q.symbol == name) {
        if let Some(mark) = q.mark_price {
            out.price = Some((mark, Origin::Live(now)));
        }
        out.funding_interval_hours = q.funding_interval_hours.or(out.funding_interval_hours);
    }
    if let Some(l) = found.listings.into_iter().find(|l| l.symbol == name) {
        out.funding_interval_hours = l.instrument.funding_interval_hours.or(out.funding_interval_hours);
        out.instrument = Some(l.instrument);
    }
    if let Some(t) = found.tiers.into_iter().find(|t| t.symbol == name || t.symbol == family) {
        *tiers = t.tiers;
    }
    out.candles = found.candles.or(out.candles.take());
    if !found.funding.is_empty() {
        out.funding = Some(found.funding);
    }
    out.book = found.book.or(out.book.take());
}

/// What did not come is taken from the recordings, if they hold it.
async fn recorded_parts(desk: Desk, key: Key, out: &mut Compared) {
    let entry = desk
        .recorded
        .with_untracked(|r| r.iter().find(|e| e.venue == key.0 && e.symbol == key.1).cloned());
    let Some(entry) = entry else { return };
    let origin = Origin::Recorded {
        venue: entry.candles_venue.clone(),
        until: entry.until,
    };
    if out.price.is_none() {
        out.price = Some((entry.mark_price, origin));
    }
    if out.candles.is_none() {
        out.candles = recorded::read::<Candles>(&entry.candles).await;
    }
    if let (None, Some(path)) = (&out.funding, &entry.funding) {
        out.funding = recorded::read::<Vec<FundingRow>>(path).await;
        out.funding_interval_hours = out.funding_interval_hours.or(entry.funding_interval_hours);
    }
}
