//! The market shipped with the page: used, and labelled, where no live figure has come.

use super::http;
use crate::state::Desk;
use crate::state::desk::RecordedEntry;
use crate::state::market::{MarketData, Origin};
use crate::state::scenario::coin;
use headroom_core::market::{Candles, FundingRow, Instrument, InstrumentKind, Listing, Quote};
use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

thread_local! {
    static ASKED: RefCell<HashSet<String>> = RefCell::new(HashSet::new());
}

pub(super) async fn read<T: serde::de::DeserializeOwned>(path: &str) -> Option<T> {
    let text = http::text("GET", &format!("data/{path}"), None, 4_000_000, "this page")
        .await
        .ok()?;
    serde_json::from_str(&text).ok()
}

pub(crate) async fn load_index(desk: Desk) {
    if let Some(index) = read::<Vec<RecordedEntry>>("index.json").await {
        // A venue whose own list has not come yet still offers what is recorded.
        desk.books.update(|books| {
            for e in &index {
                let listings = &mut books.entry(e.venue).or_default().listings;
                listings.entry(e.symbol.clone()).or_insert_with(|| listing(e));
            }
        });
        desk.recorded.set(index);
    }
}

fn listing(e: &RecordedEntry) -> Listing {
    let mut instrument = Instrument::bare(InstrumentKind::Linear);
    instrument.tick_size = Some(e.tick_size);
    Listing {
        symbol: e.symbol.clone(),
        base: coin(&e.symbol).to_owned(),
        quote: "USDT".to_owned(),
        settle: "USDT".to_owned(),
        lot_size: None,
        min_size: None,
        max_leverage: None,
        instrument,
    }
}

/// Fills what has no live figure and whose feed has failed, or has none, from the recordings.
pub(crate) fn use_recorded(desk: Desk) {
    let (venue, symbols) = super::wanted(desk);
    for symbol in symbols {
        let key = (venue, symbol.clone());
        let (quote, candles, funding) = desk.markets.with_untracked(|m| {
            m.get(&key).map_or((false, false, false), |m| {
                (m.quote.is_some(), m.candles.is_some(), m.funding.is_some())
            })
        });
        let Some(entry) = desk
            .recorded
            .with_untracked(|r| r.iter().find(|e| e.venue == venue && e.symbol == symbol).cloned())
        else {
            continue;
        };
        if quote && candles && (funding || entry.funding.is_none()) {
            continue;
        }
        // Live answers may be under way: only what has been asked for and has failed is replaced.
        let failed = desk.feeds.with_untracked(|f| {
            let own: Vec<_> = f
                .values()
                .filter(|s| s.price_of.as_ref().is_some_and(|of| of.is_empty() || *of == symbol))
                .collect();
            own.iter().all(|s| s.last_ok.is_none() && s.error.is_some()) && !own.is_empty()
        });
        if !failed || !ASKED.with(|a| a.borrow_mut().insert(format!("{venue} {symbol}"))) {
            continue;
        }
        spawn_local(async move { fill(desk, entry).await });
    }
}

async fn fill(desk: Desk, entry: RecordedEntry) {
    let candles = read::<Candles>(&entry.candles).await;
    let funding = match &entry.funding {
        Some(path) => read::<Vec<FundingRow>>(path).await,
        None => None,
    };
    let origin = Origin::Recorded {
        venue: entry.candles_venue.clone(),
        until: entry.until,
    };
    desk.markets.update(|markets| {
        let m: &mut MarketData = markets.entry((entry.venue, entry.symbol.clone())).or_default();
        m.tick = m.tick.or(Some(entry.tick_size));
        m.funding_interval_hours = m.funding_interval_hours.or(entry.funding_interval_hours);
        if m.quote.is_none() {
            let rate = funding.as_ref().and_then(|f| f.last()).map(|r| r.1);
            m.quote = Some((
                Quote {
                    symbol: entry.symbol.clone(),
                    mark_price: Some(entry.mark_price),
                    funding_rate: rate,
                    time: Some(entry.until),
                    ..Quote::default()
                },
                origin.clone(),
            ));
        }
        if let (None, Some(c)) = (&m.candles, candles) {
            m.candles = Some((Arc::new(c), origin.clone()));
        }
        if let (None, Some(f)) = (&m.funding, funding) {
            m.funding = Some((
                Arc::new(f),
                Origin::Recorded {
                    venue: entry.venue.word().to_owned(),
                    until: entry.until,
                },
            ));
        }
    });
}
