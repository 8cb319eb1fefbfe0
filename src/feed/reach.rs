//! Which venues this browser can reach, what stands in for one it cannot, and answers that the user brings from elsewhere.

use super::request::{Job, fill};
use super::{apply, compare};
use crate::state::Desk;
use crate::state::market::Origin;
use crate::state::scenario::coin;
use headroom_core::market::Venue;
use headroom_core::venue::endpoint::{Endpoint, Role};
use leptos::prelude::*;
use std::sync::Arc;

/// Asks every venue for one small thing: once, when the page has begun, and when the user wants it again.
pub(crate) async fn probe(desk: Desk) {
    desk.reach.set(Venue::ALL.into_iter().map(|v| (v, None)).collect());
    for venue in Venue::ALL {
        let small = |role: Role| {
            venue
                .facts()
                .endpoints
                .iter()
                .find(|e| e.role == role && e.family != "inverse")
        };
        let Some(endpoint) = small(Role::Time).or_else(|| small(Role::Quote)) else {
            continue;
        };
        let begun = js_sys::Date::now();
        let found = fill(endpoint, &venue.facts().symbol("BTC"), begun).ask().await;
        let now = js_sys::Date::now();
        if let Ok(Some(theirs)) = found.as_ref().map(|f| f.venue_time) {
            desk.clocks.update(|c| {
                c.insert(venue, theirs - now);
            });
        }
        desk.reach.update(|r| {
            if let Some(row) = r.iter_mut().find(|r| r.0 == venue) {
                row.1 = Some(found.map(|_| now - begun));
            }
        });
    }
}

/// Lets another venue's prices, candles and funding stand in for those of the venue on the desk.
pub(crate) async fn stand_in(desk: Desk, other: Venue) {
    let (venue, symbols) = super::wanted(desk);
    for symbol in symbols {
        let found = compare::load_live(other, venue.facts().asset(coin(&symbol))).await;
        let at = js_sys::Date::now();
        let origin = Origin::Instead { venue: other, at };
        let Some((mark, Origin::Live(_))) = found.price else {
            let why = found
                .faults
                .first()
                .cloned()
                .unwrap_or_else(|| "it has no such market".to_owned());
            desk.notes
                .update(|n| n.push(format!("{} cannot stand in for {symbol}: {why}", other.title())));
            continue;
        };
        desk.instead.set(Some(other));
        desk.markets.update(|markets| {
            let m = markets.entry((venue, symbol.clone())).or_default();
            let mut quote = m.quote.take().map(|q| q.0).unwrap_or_default();
            quote.symbol.clone_from(&symbol);
            quote.mark_price = Some(mark);
            quote.index_price = None;
            quote.funding_rate = found.funding.as_ref().and_then(|f| f.last()).map(|r| r.1);
            m.quote = Some((quote, origin.clone()));
            if let Some(c) = found.candles {
                m.candles = Some((Arc::new(c), origin.clone()));
            }
            if let Some(f) = found.funding {
                m.funding_interval_hours = found.funding_interval_hours.or(headroom_core::funding::interval_of(&f));
                m.funding = Some((Arc::new(f), origin.clone()));
            }
        });
    }
}

/// Requests whose answer a user can bring: what it is for, and the address to open.
pub(crate) fn addresses(desk: Desk) -> Vec<(&'static Endpoint, String)> {
    let (venue, symbol) = desk.key(0).unwrap_or((Venue::Binance, String::new()));
    let wanted = [Role::Quote, Role::Candles, Role::Funding, Role::Tiers, Role::Listings];
    venue
        .facts()
        .endpoints
        .iter()
        .filter(|e| wanted.contains(&e.role) && e.family != "inverse" && e.body.is_none())
        .map(|e| (e, fill(e, &symbol, js_sys::Date::now()).url))
        .collect()
}

/// Reads an answer that the user brought, as if it had been fetched; what it held, or why it cannot be read.
pub(crate) async fn bring(desk: Desk, endpoint: &'static Endpoint, text: String) -> Result<String, String> {
    let (venue, symbols) = super::wanted(desk);
    let symbol = symbols.first().cloned().unwrap_or_default();
    let job: Job = fill(endpoint, &symbol, js_sys::Date::now());
    let found = job.read(text).await?;
    let parts: Vec<String> = [
        (found.quotes.len(), "prices"),
        (found.candles.as_ref().map_or(0, |c| c.rows.len()), "candles"),
        (found.funding.len(), "funding payments"),
        (found.tiers.len(), "ladders of tiers"),
        (found.listings.len(), "instruments"),
    ]
    .into_iter()
    .filter(|p| p.0 > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    if parts.is_empty() {
        return Err(format!("Nothing of {symbol} is in it."));
    }
    apply::apply(desk, venue, &job.symbol, found, Origin::Given(js_sys::Date::now()));
    Ok(format!("Read: {}.", parts.join(", ")))
}
