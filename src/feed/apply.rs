//! Puts what an answer contained into books and markets.

use crate::state::Desk;
use crate::state::market::{MarketData, Origin};
use headroom_core::market::{Quote, Venue};
use headroom_core::venue::wire::Normalised;
use leptos::prelude::*;
use std::sync::Arc;

/// `symbol` is the one asked for; empty where the answer names its symbols itself.
pub(crate) fn apply(desk: Desk, venue: Venue, symbol: &str, found: Normalised, origin: Origin) {
    let now = origin.time();
    let Normalised {
        listings,
        tiers,
        quotes,
        candles,
        funding,
        pools,
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
                merge(markets.entry((venue, symbol.clone())).or_default(), &quote, &origin);
            }
        }
        for (symbol, pools) in wanted
            .iter()
            .map(|w| (w, pools.iter().filter(|p| p.symbol == *w).cloned().collect::<Vec<_>>()))
        {
            if !pools.is_empty() {
                markets.entry((venue, symbol.clone())).or_default().pools = pools;
            }
        }
        if !symbol.is_empty() {
            let m = markets.entry((venue, symbol.to_owned())).or_default();
            if let Some(c) = candles {
                m.candles = Some((Arc::new(c), origin.clone()));
            }
            if !funding.is_empty() {
                let spacing = headroom_core::funding::interval_of(&funding);
                // Another venue may have stood in: the rows themselves say how far apart they are.
                m.funding_interval_hours = spacing.or(m.funding_interval_hours);
                m.funding = Some((Arc::new(funding), origin.clone()));
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

/// Fields that an answer did not carry keep their last value from the venue; a recorded quote is replaced as a whole.
pub(super) fn merge(m: &mut MarketData, new: &Quote, origin: &Origin) {
    let before = m.quote.take();
    let base = match &before {
        Some((q, Origin::Live(_) | Origin::Given(_))) => q.clone(),
        _ => Quote::default(),
    };
    let merged = new.clone().over(&base);
    m.funding_interval_hours = merged.funding_interval_hours.or(m.funding_interval_hours);
    // An answer without a mark does not make a recorded mark live.
    m.quote = match (new.mark_price, before) {
        (Some(_), _) => Some((merged, origin.clone())),
        (None, Some((_, of @ (Origin::Live(_) | Origin::Given(_))))) => Some((merged, of)),
        (None, before) => before,
    };
}
