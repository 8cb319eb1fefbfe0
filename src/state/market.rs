//! What is known of each instrument, with where it came from and when.

use crate::format;
use headroom_core::market::{Candles, FundingRow, Instrument, InstrumentKind, Listing, Quote, Tier, Venue};
use headroom_core::venue::wire::PoolState;
use std::collections::HashMap;
use std::sync::Arc;

/// Venue and symbol.
pub(crate) type Key = (Venue, String);

/// Where a figure came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// Fetched by this page at this time (ms).
    Live(f64),
    /// An answer of the venue that the user pasted or dropped, at this time.
    Given(f64),
    /// Of another venue, which stands in by the user's choice, fetched at this time.
    Instead { venue: Venue, at: f64 },
    /// Shipped with the page: of which venue, up to when (ms).
    Recorded { venue: String, until: f64 },
}

impl Origin {
    /// When it was got; of a recording, its end.
    pub(crate) fn time(&self) -> f64 {
        match self {
            Self::Live(t) | Self::Given(t) | Self::Instead { at: t, .. } | Self::Recorded { until: t, .. } => *t,
        }
    }

    /// In words, for a time now.
    pub(crate) fn told(&self, now: f64) -> String {
        match self {
            Self::Live(t) => format!("fetched {} ago", format::age(now - t)),
            Self::Given(t) => format!("given by you {} ago", format::age(now - t)),
            Self::Instead { venue, at } => format!("of {} instead, {} ago", venue.title(), format::age(now - at)),
            Self::Recorded { venue, until } => format!("recorded on {venue}, until {}", format::date(until - 1.0)),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MarketData {
    pub quote: Option<(Quote, Origin)>,
    pub candles: Option<(Arc<Candles>, Origin)>,
    pub funding: Option<(Arc<Vec<FundingRow>>, Origin)>,
    pub tick: Option<f64>,
    pub funding_interval_hours: Option<f64>,
    /// Of a pool venue: its markets, the largest first.
    pub pools: Vec<PoolState>,
}

impl MarketData {
    pub(crate) fn mark(&self) -> Option<f64> {
        self.quote.as_ref().and_then(|(q, _)| q.mark_price)
    }
}

/// Where the tiers in use came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TierOrigin {
    Typed,
    Live(f64),
    Snapshot { date: String, source: String },
    Missing,
}

/// Everything listed on a venue: from the shipped snapshot, replaced by the venue's own list once fetched.
#[derive(Clone, Debug, Default)]
pub(crate) struct VenueBook {
    pub listings: HashMap<String, Listing>,
    pub snapshot: HashMap<String, (Arc<Vec<Tier>>, String, String)>,
    pub live_tiers: HashMap<String, (Arc<Vec<Tier>>, f64)>,
}

impl VenueBook {
    /// Symbols for the picker, best known first, then by name.
    pub(crate) fn symbols(&self) -> Vec<String> {
        let mut all: Vec<String> = self.listings.keys().cloned().collect();
        let rank = |s: &str| {
            ["BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "HYPE"]
                .iter()
                .position(|c| super::scenario::coin(s) == *c)
                .unwrap_or(99)
        };
        let quote = |s: &str| usize::from(!s.contains("USDT"));
        all.sort_by(|a, b| {
            rank(a)
                .cmp(&rank(b))
                .then_with(|| quote(a).cmp(&quote(b)))
                .then_with(|| a.cmp(b))
        });
        all
    }

    /// The instrument as the engine takes it, with tiers by preference: typed, live, snapshot.
    pub(crate) fn instrument(&self, venue: Venue, symbol: &str, typed: Option<&Vec<Tier>>) -> (Instrument, TierOrigin) {
        let listing = self.listings.get(symbol);
        let kind = listing.map_or(
            if venue.facts().pool {
                InstrumentKind::Pool
            } else {
                InstrumentKind::Linear
            },
            |l| l.instrument.kind,
        );
        let mut instrument = listing.map_or_else(|| Instrument::bare(kind), |l| l.instrument.clone());
        // OKX lists tiers by family, which is the symbol without its last part.
        let live = self
            .live_tiers
            .get(symbol)
            .or_else(|| symbol.strip_suffix("-SWAP").and_then(|f| self.live_tiers.get(f)));
        let origin = if let Some(tiers) = typed {
            instrument.tiers.clone_from(tiers);
            TierOrigin::Typed
        } else if let Some((tiers, at)) = live {
            instrument.tiers = tiers.to_vec();
            TierOrigin::Live(*at)
        } else if let Some((tiers, date, source)) = self.snapshot.get(symbol) {
            instrument.tiers = tiers.to_vec();
            TierOrigin::Snapshot {
                date: date.clone(),
                source: source.clone(),
            }
        } else {
            TierOrigin::Missing
        };
        (instrument, origin)
    }
}
