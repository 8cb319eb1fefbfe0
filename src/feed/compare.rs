//! One asset on every venue, asked for once when the comparison wants it: price, candles, funding, book and tiers of each, live or
//! recorded, with what failed.

use super::recorded;
use super::request::fill;
use crate::state::Desk;
use crate::state::market::{Key, Origin};
use headroom_core::market::{Book, Candles, FundingRow, Instrument, Tier, TierUnit, Venue};
use headroom_core::venue::endpoint::Role;
use headroom_core::venue::wire::{Normalised, PoolState};
use leptos::prelude::*;

/// What is asked of each venue.
const WANTED: [Role; 6] = [
    Role::Quote,
    Role::Terms,
    Role::Candles,
    Role::Funding,
    Role::Book,
    Role::Tiers,
];

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
    /// Of a pool venue: its markets, the largest first.
    pub pools: Vec<PoolState>,
    pub faults: Vec<String>,
}

/// Everything of one venue, live or recorded.
pub(crate) async fn load(desk: Desk, venue: Venue, asset: &str) -> Compared {
    let mut out = load_live(venue, asset).await;
    let key = (venue, out.symbol.clone());
    recorded_parts(desk, key, &mut out).await;
    out
}

/// Everything that a venue tells now.
pub(crate) async fn load_live(venue: Venue, asset: &str) -> Compared {
    let facts = venue.facts();
    let name = facts.symbol(asset);
    let mut out = Compared {
        symbol: name.clone(),
        ..Compared::default()
    };
    let mut tiers: Vec<Tier> = Vec::new();
    // Where tiers count contracts, what a contract is has to be known.
    let wanted =
        |role: Role| WANTED.contains(&role) || (role == Role::Listings && facts.tier_unit == TierUnit::Contracts);
    for endpoint in facts
        .endpoints
        .iter()
        .filter(|e| wanted(e.role) && matches!(e.family, "linear" | "all"))
    {
        match fill(endpoint, &name, js_sys::Date::now()).ask().await {
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
    out.pools.extend(found.pools.into_iter().filter(|p| p.symbol == name));
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
