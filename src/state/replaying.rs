//! The page Replay: the selected position entered in the past, left alone and kept by plans, through a year of hours, an event of the
//! library, or a past of the user's own.

use super::desk::{Desk, Page};
use super::latest;
use super::market::{Key, Origin};
use super::planning::{Planned, show};
use super::recalc::{account, text};
use super::scenario::Line;
use crate::engine::{self, Fault, Lane};
use crate::feed::events::{self, Event};
use crate::feed::history;
use crate::format;
use headroom_core::api::replay::{ReplayCosts, ReplayPolicy, ReplayRequest, ReplayResponse, Sweep};
use headroom_core::market::{Candles, FundingRow, InstrumentKind, Interval, Market, TierUnit, Venue};
use leptos::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

const HOUR: f64 = 3_600_000.0;
/// Hours within which a fall or rise is looked for, and for which it is then lived through.
const STORM: usize = 72;
const LIVED: usize = 720;
/// Entries of a sweep through an event, and how long each is held, hours.
const ENTRIES: f64 = 1000.0;
const HELD: f64 = 72.0;
/// Put behind the position.
pub(crate) const EQUITY: f64 = 10_000.0;

/// What keeps the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Cap,
    Volatility,
    Band,
    Daily,
    Both,
    /// The hedge as wished on the page Hedge, within the band it told last.
    Mine,
}

impl Rule {
    pub(crate) const ALL: [(Self, &'static str); 6] = [
        (Self::Cap, "Capped chance"),
        (Self::Volatility, "Even volatility"),
        (Self::Band, "Hedge, band"),
        (Self::Daily, "Hedge, daily"),
        (Self::Both, "Cap and hedge"),
        (Self::Mine, "Your hedge plan"),
    ];

    pub(crate) fn hedges(self) -> bool {
        matches!(self, Self::Band | Self::Daily | Self::Both | Self::Mine)
    }
}

/// Which past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The last year of the selected instrument, in hours.
    Year,
    /// An event of the library, by its name, and the symbol in it.
    Event(String, String),
    /// A file, or a range of dates asked of the venue.
    Own,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReplayWishes {
    pub source: Source,
    pub rule: Rule,
    /// Chance of liquidation within a day above which the position is cut.
    pub limit: f64,
    /// Annual volatility of the equity that is aimed at.
    pub target: f64,
    pub window: usize,
}

impl Default for ReplayWishes {
    fn default() -> Self {
        Self {
            source: Source::Year,
            rule: Rule::Cap,
            limit: 0.01,
            target: 0.8,
            window: 0,
        }
    }
}

/// A stretch of the past, entry to exit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    pub name: String,
    pub from: f64,
    pub until: f64,
}

/// A past, and what stands out in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Past {
    pub source: Source,
    pub key: Key,
    pub candles: Arc<Candles>,
    pub funding: Option<Vec<FundingRow>>,
    /// The market that a hedge is made with, on the same clock.
    pub hedge: Option<(String, Market)>,
    /// Where it is from, in words.
    pub origin: String,
    pub notes: Vec<String>,
    pub windows: Vec<Window>,
}

/// What the desk would have said at one minute of the past.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Then {
    pub time: f64,
    pub price: f64,
    /// To the level of the position left alone, as a fraction of the price; not above 0: it has been liquidated.
    pub distance: f64,
    pub volatility: f64,
    /// Of liquidation within a day, with its error; or why not.
    pub chance: Result<(f64, f64), String>,
    /// Of a move of 2 % against the position within 15 and 30 minutes; or why not.
    pub warning: Result<(f64, f64), String>,
}

/// The signals of the page beside its answers.
#[derive(Clone, Copy)]
pub(crate) struct Replaying {
    pub library: RwSignal<Vec<Event>>,
    pub own: RwSignal<Option<Past>>,
    pub own_fault: RwSignal<Option<String>>,
    /// Share of the window that has passed, where the person has scrubbed to.
    pub scrub: RwSignal<f64>,
    pub then: RwSignal<Option<Then>>,
    /// Share of a sweep that is done, while one runs.
    pub sweeping: RwSignal<Option<f64>>,
    /// What the sweep that runs or is shown was asked for.
    swept_for: RwSignal<Option<(ReplayWishes, Option<Line>)>>,
}

impl Replaying {
    pub(crate) fn new() -> Self {
        Self {
            library: RwSignal::new(Vec::new()),
            own: RwSignal::new(None),
            own_fault: RwSignal::new(None),
            scrub: RwSignal::new(0.0),
            then: RwSignal::new(None),
            sweeping: RwSignal::new(None),
            swept_for: RwSignal::new(None),
        }
    }
}

thread_local! {
    static PAUSE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static NEWEST: Cell<u32> = const { Cell::new(0) };
    static SCRUB: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static NEWEST_THEN: Cell<u32> = const { Cell::new(0) };
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the replay true to the desk while its page is in view.
pub(crate) fn keep(desk: Desk) {
    // Every tick of a price makes the scenario's accounts anew; the past does not change with it.
    let known = Memo::new(move |_| desk.books.with(|b| b.len()) + desk.recorded.with(Vec::len));
    Effect::new(move |_| {
        let page = desk.page.get();
        let _ = known.get();
        desk.scenario.track();
        desk.selected.track();
        desk.replay_wishes.track();
        desk.replaying.own.track();
        if page == Page::Replay {
            latest::once_quiet(&PAUSE, 150, move || spawn_local(replay(desk)));
            if !ASKED.replace(true) {
                spawn_local(async move {
                    match events::index().await {
                        Ok(all) => desk.replaying.library.set(all),
                        Err(why) => {
                            ASKED.set(false);
                            desk.replaying.own_fault.set(Some(why));
                        }
                    }
                });
            }
        }
    });
    Effect::new(move |_| {
        let page = desk.page.get();
        desk.replaying.scrub.track();
        desk.replayed.track();
        if page == Page::Replay {
            latest::once_quiet(&SCRUB, 30, move || spawn_local(then(desk)));
        }
    });
}

/// Largest falls and rises within three days, a week apart at least, then the whole.
fn windows_of_year(candles: &Candles) -> Vec<Window> {
    let rows = &candles.rows;
    let moved = |k: usize, down: bool| {
        let next = &rows[k + 1..=(k + STORM).min(rows.len() - 1)];
        let extreme = if down {
            next.iter().map(|r| r.3).fold(f64::MAX, f64::min)
        } else {
            next.iter().map(|r| r.2).fold(0.0, f64::max)
        };
        extreme / rows[k].4 - 1.0
    };
    let mut out: Vec<Window> = Vec::new();
    // A year before which nothing is known of a market teaches the rule nothing: two weeks are left at the beginning.
    let first = (14 * 24).min(rows.len() / 2);
    for (down, count) in [(true, 3), (false, 2)] {
        let mut order: Vec<(f64, usize)> = (first..rows.len().saturating_sub(2))
            .map(|k| (moved(k, down), k))
            .collect();
        order.sort_by(|a, b| if down { a.0.total_cmp(&b.0) } else { b.0.total_cmp(&a.0) });
        let mut taken: Vec<usize> = Vec::new();
        for (size, k) in order {
            if taken.len() == count {
                break;
            }
            if taken.iter().all(|t| t.abs_diff(k) > 7 * 24) {
                taken.push(k);
                out.push(Window {
                    name: format!(
                        "{}{} in three days, {}",
                        if down { "" } else { "+" },
                        format::percent(size, 0),
                        format::date(rows[k].0)
                    ),
                    from: rows[k].0 + HOUR,
                    until: rows[(k + LIVED).min(rows.len() - 1)].0 + HOUR,
                });
            }
        }
    }
    out.push(Window {
        name: "Everything".to_owned(),
        from: rows[first].0 + HOUR,
        until: rows[rows.len() - 1].0 + HOUR,
    });
    out
}

/// Around a moment: the worst entry before it, days before it, everything. A day and a half are left for the rules to learn from.
fn windows_around(candles: &Candles, event: f64, crash: bool) -> Vec<Window> {
    let rows = &candles.rows;
    let step = candles.interval.millis();
    let last = rows[rows.len() - 1].0 + step;
    let first = (rows[0].0 + 36.0 * HOUR).min(rows[rows.len() / 2].0 + step);
    let mut out = Vec::new();
    // From the very beginning: what a rule does not know yet it leaves alone, and says so.
    let before = rows.iter().filter(|r| r.0 < event);
    let worst = before.max_by(|a, b| {
        if crash {
            a.4.total_cmp(&b.4)
        } else {
            b.4.total_cmp(&a.4)
        }
    });
    if let Some(w) = worst {
        out.push(Window {
            name: if crash {
                "From the highest close before it"
            } else {
                "From the lowest close before it"
            }
            .to_owned(),
            from: w.0 + step,
            until: last,
        });
    }
    for (days, name) in [(1.0, "From a day before"), (3.0, "From three days before")] {
        let from = event - days * 24.0 * HOUR;
        if from > first {
            out.push(Window {
                name: name.to_owned(),
                from,
                until: last,
            });
        }
    }
    out.push(Window {
        name: "Everything".to_owned(),
        from: first,
        until: last,
    });
    out
}

async fn load(desk: Desk, source: Source, key: Key) -> Result<Past, String> {
    match &source {
        Source::Year => {
            let (candles, origin) = history::load(desk, &key).await?;
            if candles.rows.len() <= 2 * STORM {
                return Err("too few hours are known".to_owned());
            }
            let rows = candles.rows.len();
            let origin = match origin {
                Origin::Live(_) | Origin::Given(_) | Origin::Instead { .. } => {
                    format!("{rows} hours of {}, fetched from {}.", key.1, key.0)
                }
                Origin::Recorded { venue, until } => {
                    format!(
                        "{rows} recorded hours of {} on {venue}, until {}.",
                        key.1,
                        format::date(until - 1.0)
                    )
                }
            };
            let m = desk
                .markets
                .with_untracked(|m| m.get(&key).and_then(|m| m.funding.as_ref().map(|f| f.0.to_vec())));
            Ok(Past {
                windows: windows_of_year(&candles),
                source,
                key,
                candles,
                funding: m,
                hedge: None,
                origin,
                notes: Vec::new(),
            })
        }
        Source::Event(name, symbol) => event(desk, name, symbol, &source).await,
        Source::Own => desk
            .replaying
            .own
            .get_untracked()
            .ok_or_else(|| "Give a file, or fetch a range of dates.".to_owned()),
    }
}

async fn event(desk: Desk, name: &str, symbol: &str, source: &Source) -> Result<Past, String> {
    let found = desk
        .replaying
        .library
        .with_untracked(|l| l.iter().find(|e| e.name() == *name).cloned());
    let event = found.ok_or("The library is being read.")?;
    let series = event
        .series
        .iter()
        .find(|s| s.symbol == *symbol)
        .or(event.series.first())
        .ok_or("The event is empty.")?;
    let mut main = events::load(series).await?;
    let other = if series.symbol.starts_with("BTC") { "ETH" } else { "BTC" };
    let mut hedge = None;
    let mut notes = vec![event.note.clone()];
    let mut candles = main.candles.take().ok_or("The event is empty.")?;
    if let Some(beside) = event.series.iter().find(|s| s.symbol.starts_with(other)) {
        let mut market = events::load(beside).await?;
        // The finer clock goes by the coarser.
        let interval = if beside.interval.millis() > candles.interval.millis() {
            beside.interval
        } else {
            candles.interval
        };
        if candles.interval != interval {
            notes.push(format!(
                "Bars are those of {}, the market to hedge with.",
                beside.symbol
            ));
        }
        candles = events::longer(&candles, interval);
        market.candles = market.candles.as_ref().map(|c| events::longer(c, interval));
        hedge = Some((beside.symbol.clone(), market));
    }
    if series.market == "spot" {
        notes.push("Prices are of the spot market: no perpetual was recorded so finely.".to_owned());
    }
    if series.funding_proxy {
        notes.push("Funding is that of Binance's perpetual.".to_owned());
    }
    if series.missing_bars > 0 {
        notes.push(format!("{} bars are missing.", series.missing_bars));
    }
    Ok(Past {
        windows: windows_around(&candles, event.event, event.kind == "crash"),
        source: source.clone(),
        key: (Venue::Binance, series.symbol.clone()),
        origin: format!(
            "{} bars of {} on {}, until {}.",
            candles.rows.len(),
            series.symbol,
            series.venue,
            format::date(series.to)
        ),
        candles: Arc::new(candles),
        funding: main.funding,
        hedge,
        notes,
    })
}

/// A past of the user's own, around its deepest fall.
pub(crate) fn own(symbol: String, candles: Candles, origin: String, notes: Vec<String>) -> Past {
    let deepest = candles
        .rows
        .iter()
        .skip(candles.rows.len() / 10)
        .min_by(|a, b| (a.3 / a.1).total_cmp(&(b.3 / b.1)))
        .map_or(0.0, |r| r.0);
    Past {
        windows: windows_around(&candles, deepest, true),
        source: Source::Own,
        key: (Venue::Binance, symbol),
        candles: Arc::new(candles),
        funding: None,
        hedge: None,
        origin,
        notes,
    }
}

/// Hours between two dates, of the venue of the desk.
pub(crate) fn fetch_range(desk: Desk, from: f64, until: f64) {
    spawn_local(async move {
        let Some(key) = untrack(|| desk.key(desk.index())) else {
            return;
        };
        desk.replaying.own_fault.set(None);
        match history::between(&key, from, until).await {
            Ok(candles) if candles.rows.len() >= 48 => {
                let origin = format!("{} hours of {}, fetched from {}.", candles.rows.len(), key.1, key.0);
                desk.replaying.own.set(Some(own(key.1, candles, origin, Vec::new())));
                desk.replay_wishes.update(|w| (w.source, w.window) = (Source::Own, 0));
            }
            Ok(candles) => desk.replaying.own_fault.set(Some(format!(
                "{} hours came: two days at least are needed.",
                candles.rows.len()
            ))),
            Err(why) => desk.replaying.own_fault.set(Some(why)),
        }
    });
}

async fn replay(desk: Desk) {
    let number = NEWEST.with(|n| {
        n.set(n.get().wrapping_add(1));
        n.get()
    });
    let newest = move || NEWEST.with(|n| n.get() == number);
    // Numbers of other wishes than those that stand are no answer.
    if desk.replaying.swept_for.get_untracked() != Some(asked(desk)) {
        desk.swept.set(Planned::default());
        if desk.replaying.sweeping.with_untracked(Option::is_some) {
            stop_sweep();
        }
    }
    let source = desk.replay_wishes.with_untracked(|w| w.source.clone());
    let Some(mut key) = untrack(|| desk.key(desk.index())) else {
        return;
    };
    if source != Source::Year {
        key.0 = Venue::Binance;
    }
    let same = |p: &Past| p.source == source && (source != Source::Year || p.key == key) && source != Source::Own;
    if desk.past.with_untracked(|p| !p.as_ref().is_some_and(same)) {
        desk.replayed.set(Planned::default());
        match load(desk, source, key).await {
            Ok(past) => {
                if !newest() {
                    return;
                }
                desk.past.set(Some(past));
            }
            Err(why) if newest() => return refuse(desk, &why),
            Err(_) => return,
        }
    }
    if !newest() {
        return;
    }
    let found = match untrack(|| request(desk)) {
        Ok(request) => engine::read::<ReplayResponse>(&engine::ask(Lane::Plan, &text("replay", &request)).await),
        Err(fault) => Err(fault),
    };
    if newest() {
        show(desk.replayed, found, true);
    }
}

fn refuse(desk: Desk, why: &str) {
    show::<ReplayResponse>(desk.replayed, Err(Fault::of("markets", why)), true);
}

/// The plan of the page Hedge.
#[derive(Clone, Copy)]
struct Mine {
    target_delta: f64,
    /// Half of the band it told last, over equity; half of the equity while it has told none.
    band: f64,
    check_every: f64,
}

fn mine(desk: Desk) -> Mine {
    let wishes = desk.hedge_wishes.get_untracked();
    let told = desk
        .hedged
        .with_untracked(|h| h.answer.as_ref().map(|a| 0.5 * (a.band[1] - a.band[0])));
    Mine {
        target_delta: wishes.target_delta,
        band: told.filter(|b| b.is_finite()).unwrap_or(0.5).clamp(0.0, 100.0),
        check_every: wishes.check_every.clamp(1.0 / 60.0, 8760.0),
    }
}

fn policy(rule: Rule, wishes: &ReplayWishes, hedge: Option<&str>, delta: f64, mine: Mine) -> ReplayPolicy {
    let capped = matches!(rule, Rule::Cap | Rule::Both);
    let even = rule == Rule::Volatility;
    let hedged = rule.hedges();
    ReplayPolicy {
        kind: match rule {
            Rule::Cap | Rule::Both => "probability_cap",
            Rule::Volatility => "volatility_target",
            Rule::Band | Rule::Daily | Rule::Mine => "static",
        }
        .to_owned(),
        target_volatility: even.then_some(wishes.target),
        max_liquidation_probability: capped.then_some(wishes.limit),
        horizon_hours: capped.then_some(24.0),
        check_every_hours: Some(match rule {
            Rule::Daily => 24.0,
            Rule::Mine => mine.check_every,
            _ => 1.0,
        }),
        hedge: hedge.filter(|_| hedged).map(str::to_owned),
        // Half of the exposure stays.
        target_delta: hedged.then_some(if rule == Rule::Mine { mine.target_delta } else { delta }),
        band: hedged.then_some(match rule {
            Rule::Daily => 0.0,
            Rule::Mine => mine.band,
            _ => 0.5,
        }),
    }
}

/// Rules that this past allows: without a second market there is nothing to hedge with.
pub(crate) fn rules(past: Option<&Past>) -> Vec<(Rule, &'static str)> {
    let hedge = past.is_some_and(|p| p.hedge.is_some());
    Rule::ALL.into_iter().filter(|r| hedge || !r.0.hedges()).collect()
}

fn request(desk: Desk) -> Result<ReplayRequest, Fault> {
    let scenario = desk.scenario.get_untracked();
    let wishes = desk.replay_wishes.get_untracked();
    let index = desk.index();
    let line = scenario
        .lines
        .get(index)
        .ok_or_else(|| Fault::of("account.positions", "there is no position"))?;
    let past = desk
        .past
        .get_untracked()
        .ok_or_else(|| Fault::of("markets", "no past is known yet"))?;
    // The venue's own tiers where the account is known; one of half a percent where it is not, or where the past is another market's.
    let tiers = account(&desk, &scenario)
        .ok()
        .filter(|_| past.source == Source::Year)
        .and_then(|a| a.positions.get(index)?.instrument.clone())
        // Tiers of these count the same unit as the replay: notional.
        .filter(|i| i.kind == InstrumentKind::Linear && scenario.venue.facts().tier_unit != TierUnit::Contracts)
        .map(|i| i.tiers)
        .unwrap_or_default();
    let window = past.windows.get(wishes.window).or(past.windows.last());
    let window = window.ok_or_else(|| Fault::of("from", "the past is empty"))?;
    let hedge = past.hedge.as_ref().map(|h| h.0.as_str());
    let all = rules(Some(&past));
    let chosen = all.iter().find(|r| r.0 == wishes.rule).map_or(Rule::Cap, |r| r.0);
    let delta = 0.5 * line.leverage * line.side.sign();
    let mine = mine(desk);
    let mut markets = BTreeMap::from([(
        past.key.1.clone(),
        Market {
            candles: Some((*past.candles).clone()),
            funding: past.funding.clone(),
            ..Market::default()
        },
    )]);
    if let Some((symbol, market)) = &past.hedge {
        markets.insert(symbol.clone(), market.clone());
    }
    Ok(ReplayRequest {
        markets,
        symbol: Some(past.key.1.clone()),
        equity: EQUITY,
        leverage: line.leverage,
        side: line.side,
        policy: policy(chosen, &wishes, hedge, delta, mine),
        beside: all
            .iter()
            .filter(|r| r.0 != chosen)
            .map(|r| policy(r.0, &wishes, hedge, delta, mine))
            .collect(),
        costs: ReplayCosts {
            taker_fee: Some(0.0005),
            slippage: Some(0.0002),
            impact: None,
            liquidation_fee: None,
        },
        maintenance_margin_rate: None,
        tiers,
        partial_liquidation: false,
        from: Some(window.from),
        until: Some(window.until),
        sweep: None,
        curve_points: Some(400),
    })
}

/// The same position entered many times: once a day through a year and held for thirty, a thousand times through an event.
pub(crate) fn sweep(desk: Desk) {
    spawn_local(async move {
        let Ok(mut request) = untrack(|| request(desk)) else {
            return;
        };
        let Some(past) = desk.past.get_untracked() else { return };
        let Some(whole) = past.windows.last() else { return };
        desk.swept.set(Planned::default());
        (request.from, request.until) = (Some(whole.from), Some(whole.until));
        let hours = (whole.until - whole.from) / HOUR;
        let step = past.candles.interval.millis() / HOUR;
        request.sweep = Some(if past.source == Source::Year {
            Sweep {
                every_hours: 24.0,
                hold_hours: Some(LIVED as f64),
            }
        } else {
            let hold = HELD.min(0.5 * hours);
            Sweep {
                every_hours: ((hours - hold) / ENTRIES).max(step),
                hold_hours: Some(hold),
            }
        });
        let mine = Some(asked(desk));
        desk.replaying.swept_for.set(mine.clone());
        let sweeping = desk.replaying.sweeping;
        sweeping.set(Some(0.0));
        let answer = engine::ask_telling(Lane::Sweep, &text("replay", &request), move |share| {
            sweeping.set(Some(share))
        })
        .await;
        sweeping.set(None);
        if desk.replaying.swept_for.get_untracked() != mine || mine != Some(asked(desk)) {
            return;
        }
        show(desk.swept, engine::read::<ReplayResponse>(&answer), true);
    });
}

/// All that a sweep's numbers depend on.
fn asked(desk: Desk) -> (ReplayWishes, Option<Line>) {
    untrack(|| {
        (
            desk.replay_wishes.get(),
            desk.scenario.with(|s| s.lines.get(desk.index()).cloned()),
        )
    })
}

pub(crate) fn stop_sweep() {
    engine::stop(Lane::Sweep);
}

/// What the desk would have said where the person has scrubbed to, from bars up to there alone.
async fn then(desk: Desk) {
    let number = NEWEST_THEN.with(|n| {
        n.set(n.get().wrapping_add(1));
        n.get()
    });
    let Some(past) = desk.past.get_untracked() else { return };
    let wishes = desk.replay_wishes.get_untracked();
    let Some(window) = past.windows.get(wishes.window).or(past.windows.last()) else {
        return;
    };
    let Some(line) = untrack(|| desk.scenario.with(|s| s.lines.get(desk.index()).cloned())) else {
        return;
    };
    let step = past.candles.interval.millis();
    let rows = &past.candles.rows;
    let wanted = window.from + desk.replaying.scrub.get_untracked() * (window.until - window.from);
    let known = rows.partition_point(|r| r.0 + step <= wanted);
    let entered = rows.partition_point(|r| r.0 + step < window.from);
    let (Some(now), Some(entry)) = (known.checked_sub(1).and_then(|k| rows.get(k)), rows.get(entered)) else {
        return;
    };
    let s = line.side.sign();
    let rate = 0.005;
    let died = desk
        .replayed
        .with_untracked(|r| r.answer.as_ref().and_then(|a| a.fixed.liquidated_at))
        .is_some_and(|t| t <= now.0);
    let level = entry.4 * (1.0 - s / line.leverage) / (1.0 - s * rate);
    // Eight weeks are enough for every model here.
    let keep = (56.0 * 24.0 * HOUR / step) as usize;
    let sofar = Candles {
        interval: past.candles.interval,
        rows: rows[known.saturating_sub(keep)..known].to_vec(),
    };
    let bars = (30.0 * 24.0 * HOUR / step) as usize;
    let volatility = headroom_core::volatility::close_to_close(&sofar, bars.min(sofar.rows.len())).unwrap_or(0.0);
    let mut out = Then {
        time: now.0 + step,
        price: now.4,
        distance: if died { -1.0 } else { s * (now.4 - level) / now.4 },
        volatility,
        chance: Err("too little is known before it".to_owned()),
        warning: Err("it needs bars of five minutes or less, and a week of them".to_owned()),
    };
    if volatility > 0.0 && out.distance > 0.0 {
        let request = serde_json::json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [{
            "symbol": past.key.1, "side": line.side, "size": EQUITY * line.leverage / entry.4, "entry_price": entry.4, "mark_price": now.4,
            "leverage": line.leverage, "margin": EQUITY,
            "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": rate, "max_leverage": 125}]}}]},
            "markets": {past.key.1.clone(): {"volatility": volatility}}, "horizons_hours": [24], "model": {"kind": "gbm"}});
        let answer: Result<serde_json::Value, Fault> =
            engine::read(&engine::ask(Lane::Calculate, &request.to_string()).await);
        out.chance = answer.map_err(|f| f.message).and_then(|a| {
            let h = &a["horizons"][0];
            h["probability"]
                .as_f64()
                .zip(h["standard_error"].as_f64())
                .ok_or_else(|| "no answer".to_owned())
        });
    } else if out.distance <= 0.0 {
        out.chance = Err("its level is passed".to_owned());
    }
    if Interval::M5.millis() % step == 0.0 {
        let mut five = events::longer(&sofar, Interval::M5);
        // The last five minutes may not be over.
        five.rows.retain(|r| r.0 + Interval::M5.millis() <= now.0 + step);
        let request = serde_json::json!({"op": "warning", "market": {"candles": five}, "horizons_minutes": [15, 30], "event": {"return_threshold": -0.02 * s}});
        let answer: Result<serde_json::Value, Fault> =
            engine::read(&engine::ask(Lane::Calculate, &request.to_string()).await);
        out.warning = answer.map_err(|f| f.message).and_then(|a| {
            let p = |k: usize| a["forecasts"][k]["probability"].as_f64();
            p(0).zip(p(1)).ok_or_else(|| "no answer".to_owned())
        });
    }
    if NEWEST_THEN.with(|n| n.get() == number) {
        desk.replaying.then.set(Some(out));
    }
}
