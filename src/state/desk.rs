//! The page's signals, in one place.

use super::cascading::Cascading;
use super::chance::{self, COMPUTING, Chance};
use super::comparing::Comparing;
use super::market::{Key, MarketData, VenueBook};
use super::planning::{HedgeWishes, Paper, Planned, Wishes, load_paper};
use super::record::Record;
use super::replaying::{Past, ReplayWishes, Replaying};
use super::scenario::Scenario;
use super::watching::Watching;
use crate::engine::Fault;
use headroom_core::api::hedge::HedgeResponse;
use headroom_core::api::replay::ReplayResponse;
use headroom_core::api::size::SizeResponse;
use headroom_core::api::{FundingResponse, LiquidationResponse, ProbabilityResponse};
use headroom_core::forecast::standing::Standing;
use headroom_core::margin::PositionRoom;
use headroom_core::market::Venue;
use headroom_core::venue::stream::Liquidation;
use leptos::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// The last good result, and what is wrong with the present input if it is older than that.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub room: Option<Arc<LiquidationResponse>>,
    /// By position, or why not.
    pub funding: Vec<Result<FundingResponse, String>>,
    pub fault: Option<Fault>,
    /// The scenario that `room` answers.
    pub of: Option<Arc<Scenario>>,
    /// Marks that `room` was computed at, by position.
    pub marks: Vec<f64>,
}

/// State of one thing that is fetched.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FeedState {
    pub host: String,
    pub last_ok: Option<f64>,
    pub error: Option<String>,
    pub fails: u32,
    pub every_seconds: u32,
    /// Whose price it tells: an instrument's, or all (empty); `None`: nobody's.
    pub price_of: Option<String>,
}

/// How long a venue took to answer, ms, or why it did not; `None`: it is being asked.
pub(crate) type Reached = Option<Result<f64, String>>;

/// State of one stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LinkState {
    pub state: String,
    pub open: bool,
    /// When something came last.
    pub last: Option<f64>,
    pub messages: u64,
    /// What could not be read, what came faster than it could be, how often a book began anew.
    pub unread: u64,
    pub dropped: u64,
    pub resyncs: u64,
    pub fault: Option<String>,
}

/// Positions closed by force, as the streams told them since the page was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Forced {
    /// The newest at the end.
    pub told: VecDeque<(Venue, Liquidation)>,
}

impl Forced {
    const MOST: usize = 5000;

    pub(crate) fn take(&mut self, venue: Venue, found: Vec<Liquidation>) {
        for l in found {
            // A new connection may begin with what an older one has told.
            if !self.told.iter().any(|(v, k)| *v == venue && *k == l) {
                let at = self.told.partition_point(|(_, k)| k.time <= l.time);
                self.told.insert(at, (venue, l));
            }
        }
        while self.told.len() > Self::MOST {
            self.told.pop_front();
        }
    }
}

/// An instrument whose market is shipped with the page.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub(crate) struct RecordedEntry {
    pub venue: Venue,
    pub symbol: String,
    pub candles: String,
    pub candles_venue: String,
    pub until: f64,
    pub mark_price: f64,
    pub tick_size: f64,
    pub funding: Option<String>,
    pub funding_interval_hours: Option<f64>,
    /// A year of hours.
    pub history: Option<String>,
    /// Open interest of the last weeks, Binance's.
    pub interest: Option<String>,
}

/// What the page shows under the headline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Page {
    #[default]
    Desk,
    Size,
    Hedge,
    Cascade,
    Venues,
    Watch,
    Replay,
    Record,
}

impl Page {
    pub(crate) const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Desk, "desk", "Desk"),
        (Self::Size, "size", "Size"),
        (Self::Hedge, "hedge", "Hedge"),
        (Self::Cascade, "cascade", "Cascade"),
        (Self::Venues, "venues", "Venues"),
        (Self::Watch, "watch", "Watch"),
        (Self::Replay, "replay", "Replay"),
        (Self::Record, "record", "Track record"),
    ];

    /// In the address.
    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|p| p.0 == self).map_or("desk", |p| p.1)
    }

    /// The page that an address names.
    pub(crate) fn of_hash(hash: &str) -> Self {
        let word = hash
            .trim_start_matches(['#', '/'])
            .split(['?', '/'])
            .next()
            .unwrap_or_default();
        Self::ALL.iter().find(|p| p.1 == word).map_or(Self::Desk, |p| p.0)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Desk {
    pub page: RwSignal<Page>,
    pub scenario: RwSignal<Scenario>,
    pub selected: RwSignal<usize>,
    pub books: RwSignal<HashMap<Venue, VenueBook>>,
    pub markets: RwSignal<HashMap<Key, MarketData>>,
    pub recorded: RwSignal<Vec<RecordedEntry>>,
    pub feeds: RwSignal<BTreeMap<String, FeedState>>,
    /// Streams by name, and what they told of forced closings.
    pub links: RwSignal<BTreeMap<String, LinkState>>,
    pub forced: RwSignal<Forced>,
    /// By coin: the volatility a year that options imply, and when, ms.
    pub implied: RwSignal<HashMap<&'static str, (f64, f64)>>,
    /// Venue's clock less this device's, ms.
    pub clocks: RwSignal<HashMap<Venue, f64>>,
    /// Which venues this browser can reach, and what stands in for one it cannot.
    pub reach: RwSignal<Vec<(Venue, Reached)>>,
    pub instead: RwSignal<Option<Venue>>,
    pub outcome: RwSignal<Outcome>,
    pub chance: RwSignal<Chance>,
    /// By instrument: the record as far as it is made, and what stands of it.
    pub records: RwSignal<HashMap<Key, Record>>,
    pub standings: RwSignal<HashMap<Key, Arc<Standing>>>,
    /// Plans: what is wished, and the last answers.
    pub wishes: RwSignal<Wishes>,
    pub sized: RwSignal<Planned<SizeResponse>>,
    pub hedge_wishes: RwSignal<HedgeWishes>,
    pub hedged: RwSignal<Planned<HedgeResponse>>,
    pub paper: RwSignal<Paper>,
    pub cascading: Cascading,
    pub comparing: Comparing,
    pub watching: Watching,
    /// The past that is replayed, what is wished of it, the last answers.
    pub past: RwSignal<Option<Past>>,
    pub replay_wishes: RwSignal<ReplayWishes>,
    pub replayed: RwSignal<Planned<ReplayResponse>>,
    pub swept: RwSignal<Planned<ReplayResponse>>,
    pub replaying: Replaying,
    /// Symbols whose markets are wanted beside those of the account.
    pub also: RwSignal<Vec<String>>,
    /// Chance of liquidation within the longest horizon that remedies are asked for.
    pub target: RwSignal<f64>,
    /// Milliseconds since 1970, once a second.
    pub now: RwSignal<f64>,
    pub dark: RwSignal<bool>,
    /// Long and short in green and red instead of blue and orange.
    pub green_red: RwSignal<bool>,
    pub notes: RwSignal<Vec<String>>,
    pub explaining: RwSignal<Option<Explaining>>,
    /// Fields whose text could not be read as a number.
    pub unread: RwSignal<BTreeSet<String>>,
    pub engine_version: RwSignal<Option<String>>,
}

/// What the drawer explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explaining {
    Liquidation,
    Funding,
    Chance,
}

impl Desk {
    pub(crate) fn new(scenario: Scenario, notes: Vec<String>, dark: bool, green_red: bool) -> Self {
        Self {
            page: RwSignal::new(Page::Desk),
            scenario: RwSignal::new(scenario),
            selected: RwSignal::new(0),
            books: RwSignal::new(HashMap::new()),
            markets: RwSignal::new(HashMap::new()),
            recorded: RwSignal::new(Vec::new()),
            feeds: RwSignal::new(BTreeMap::new()),
            links: RwSignal::new(BTreeMap::new()),
            forced: RwSignal::new(Forced::default()),
            implied: RwSignal::new(HashMap::new()),
            clocks: RwSignal::new(HashMap::new()),
            reach: RwSignal::new(Vec::new()),
            instead: RwSignal::new(None),
            outcome: RwSignal::new(Outcome::default()),
            chance: RwSignal::new(Chance::default()),
            records: RwSignal::new(HashMap::new()),
            standings: RwSignal::new(HashMap::new()),
            wishes: RwSignal::new(Wishes::default()),
            sized: RwSignal::new(Planned::default()),
            hedge_wishes: RwSignal::new(HedgeWishes::default()),
            hedged: RwSignal::new(Planned::default()),
            paper: RwSignal::new(load_paper()),
            cascading: Cascading::new(),
            comparing: Comparing::new(),
            watching: Watching::new(),
            past: RwSignal::new(None),
            replay_wishes: RwSignal::new(ReplayWishes::default()),
            replayed: RwSignal::new(Planned::default()),
            swept: RwSignal::new(Planned::default()),
            replaying: Replaying::new(),
            also: RwSignal::new(Vec::new()),
            target: RwSignal::new(0.05),
            now: RwSignal::new(js_sys::Date::now()),
            dark: RwSignal::new(dark),
            green_red: RwSignal::new(green_red),
            notes: RwSignal::new(notes),
            explaining: RwSignal::new(None),
            unread: RwSignal::new(BTreeSet::new()),
            engine_version: RwSignal::new(None),
        }
    }

    /// The selected position's index, kept inside the list.
    pub(crate) fn index(&self) -> usize {
        self.selected
            .get()
            .min(self.scenario.with(|s| s.lines.len()).saturating_sub(1))
    }

    /// Market key of a position.
    pub(crate) fn key(&self, index: usize) -> Option<Key> {
        self.scenario
            .with(|s| s.lines.get(index).map(|l| (s.venue, l.symbol.clone())))
    }

    /// Something of the market of a position, if there is one.
    pub(crate) fn market<T>(&self, index: usize, read: impl FnOnce(&MarketData) -> Option<T>) -> Option<T> {
        let key = self.key(index)?;
        self.markets.with(|m| m.get(&key).and_then(read))
    }

    /// The last result, as long as it is about the venue, mode and instruments on the desk.
    pub(crate) fn result(&self) -> Option<Arc<LiquidationResponse>> {
        self.outcome.with(|o| {
            let of = o.of.as_ref()?;
            let same = self.scenario.with(|s| {
                s.venue == of.venue
                    && s.mode == of.mode
                    && s.lines.iter().map(|l| &l.symbol).eq(of.lines.iter().map(|l| &l.symbol))
            });
            o.room.clone().filter(|_| same)
        })
    }

    /// The last result of one position.
    pub(crate) fn position_room(&self, index: usize) -> Option<PositionRoom> {
        self.result()?.positions.get(index).cloned()
    }

    /// The last funding figures of one position, or why there are none.
    pub(crate) fn funding(&self, index: usize) -> Option<Result<FundingResponse, String>> {
        self.result()?;
        self.outcome.with(|o| o.funding.get(index).cloned())
    }

    /// The last chance of liquidation, as long as it is about this venue, mode and these instruments; else why not.
    pub(crate) fn chance(&self) -> Result<Arc<ProbabilityResponse>, String> {
        self.chance_as(|c| c.answer.clone())
    }

    /// The same with everything in it, which comes a moment later.
    pub(crate) fn whole_chance(&self) -> Result<Arc<ProbabilityResponse>, String> {
        self.chance_as(|c| c.whole.clone())
    }

    /// Whether a newer or finer chance than the one shown is on its way.
    pub(crate) fn chance_pending(&self) -> bool {
        let of = self.outcome.with(|o| o.of.clone());
        self.standings.track();
        self.chance.with(|c| {
            c.fault.as_deref().is_none_or(|f| f == COMPUTING)
                && (c.of != of || c.answer.is_none() || c.answer != c.whole || c.records != chance::records(*self))
        })
    }

    fn chance_as(
        &self,
        read: impl Fn(&Chance) -> Option<Arc<ProbabilityResponse>>,
    ) -> Result<Arc<ProbabilityResponse>, String> {
        self.chance.with(|c| {
            let same = c.of.as_ref().is_some_and(|of| {
                self.scenario.with(|s| {
                    s.venue == of.venue
                        && s.mode == of.mode
                        && s.lines.iter().map(|l| &l.symbol).eq(of.lines.iter().map(|l| &l.symbol))
                })
            });
            match (read(c), &c.fault) {
                (Some(a), _) if same => Ok(a),
                (_, Some(fault)) => Err(fault.clone()),
                _ => Err(COMPUTING.to_owned()),
            }
        })
    }

    /// Whether figures shown are older than what is typed.
    pub(crate) fn outdated(&self) -> bool {
        self.outcome.with(|o| o.fault.is_some()) || !self.unread.with(BTreeSet::is_empty)
    }

    /// The mark of a position: typed, else fetched or recorded.
    pub(crate) fn mark(&self, index: usize) -> Option<f64> {
        let typed = self.scenario.with(|s| s.lines.get(index).and_then(|l| l.mark));
        typed.or_else(|| self.market(index, MarketData::mark))
    }

    /// The price step of a position's instrument: as listed, else as recorded.
    pub(crate) fn tick(&self, index: usize) -> Option<f64> {
        let (venue, symbol) = self.key(index)?;
        let listed = self.books.with(|b| {
            b.get(&venue)
                .and_then(|b| b.listings.get(&symbol))
                .and_then(|l| l.instrument.tick_size)
        });
        listed.or_else(|| self.market(index, |m| m.tick))
    }
}
