//! Puts what an answer contained into books and markets.

use crate::state::Desk;
use crate::state::market::{MarketData, Origin};
use headroom_core::market::{Quote, Venue};
use headroom_core::venue::wire::Normalised;
use leptos::prelude::*;
use std::sync::Arc;

/// `symbol` is the one asked for; empty where the answer names its symbols itself.
pub(crate) fn apply(desk: Desk, venue: Venue, symbol: &str, found: Normalised, now: f64) {
    let Normalised {
        listings,
        tiers,
        quotes,
        candles,
        funding,
        ..
    } = found;
    if !listings.is_empty() || !tiers.is_empty() {
        desk.books.update(|books| {
            let book = books.entry(venue).or_default();
            for l in listings {
                if !l.instrument.tiers.is_empty() {
                    book.live_tiers
                        .insert(l.symbol.clone(), (Arc::new(l.instrument.tiers.clone()), now));
                }
                book.listings.insert(l.symbol.clone(), l);
            }
            for t in tiers {
                book.live_tiers.insert(t.symbol, (Arc::new(t.tiers), now));
            }
        });
    }
    let (_, wanted) = super::wanted(desk);
    desk.markets.update(|markets| {
        for quote in quotes {
            // An index is told by family: it belongs to the swaps of that family.
            for symbol in wanted
                .iter()
                .filter(|w| **w == quote.symbol || w.strip_suffix("-SWAP") == Some(&quote.symbol))
            {
                merge(markets.entry((venue, symbol.clone())).or_default(), &quote, now);
            }
        }
        if !symbol.is_empty() {
            let m = markets.entry((venue, symbol.to_owned())).or_default();
            if let Some(c) = candles {
                m.candles = Some((Arc::new(c), Origin::Live(now)));
            }
            if !funding.is_empty() {
                let spacing = headroom_core::funding::interval_of(&funding);
                m.funding_interval_hours = m.funding_interval_hours.or(spacing);
                m.funding = Some((Arc::new(funding), Origin::Live(now)));
            }
        }
        desk.books.with_untracked(|books| {
            for symbol in &wanted {
                let (Some(m), Some(l)) = (
                    markets.get_mut(&(venue, symbol.clone())),
                    books.get(&venue).and_then(|b| b.listings.get(symbol)),
                ) else {
                    continue;
                };
                m.funding_interval_hours = l.instrument.funding_interval_hours.or(m.funding_interval_hours);
            }
        });
    });
}

/// Fields that an answer did not carry keep their last live value; a recorded quote is replaced as a whole.
fn merge(m: &mut MarketData, new: &Quote, now: f64) {
    let base = match &m.quote {
        Some((q, Origin::Live(_))) => q.clone(),
        _ => Quote::default(),
    };
    let merged = Quote {
        symbol: new.symbol.clone(),
        mark_price: new.mark_price.or(base.mark_price),
        index_price: new.index_price.or(base.index_price),
        last_price: new.last_price.or(base.last_price),
        funding_rate: new.funding_rate.or(base.funding_rate),
        funding_interval_hours: new.funding_interval_hours.or(base.funding_interval_hours),
        next_funding_time: new.next_funding_time.or(base.next_funding_time),
        funding_cap: new.funding_cap.or(base.funding_cap),
        funding_floor: new.funding_floor.or(base.funding_floor),
        open_interest: new.open_interest.or(base.open_interest),
        time: new.time.or(base.time),
    };
    m.funding_interval_hours = merged.funding_interval_hours.or(m.funding_interval_hours);
    // An answer without a mark does not make a recorded mark live.
    if merged.mark_price.is_some() {
        m.quote = Some((
            merged,
            Origin::Live(if new.mark_price.is_some() {
                now
            } else {
                live_since(m).unwrap_or(now)
            }),
        ));
    }
}

fn live_since(m: &MarketData) -> Option<f64> {
    match m.quote.as_ref()?.1 {
        Origin::Live(t) => Some(t),
        Origin::Recorded { .. } => None,
    }
}
