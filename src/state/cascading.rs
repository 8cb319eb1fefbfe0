//! The page Cascade: where forced selling would start, who is there, how far it would run.

use super::desk::{Desk, Page};
use super::latest;
use super::market::{Key, MarketData, Origin};
use super::planning::{Planned, show};
use super::recalc::{account, text};
use super::wallets::Wallets;
use crate::engine::{self, Lane};
use crate::feed::{depth, interest};
use crate::format;
use headroom_core::api::cascade::{
    CascadeOptions, CascadeRequest, CascadeResponse, Impact, LevelMap, OwnPosition, Shock, Uncertainty,
};
use headroom_core::api::liquidation_map::{
    LiquidationMapRequest, LiquidationMapResponse, MIX, OPENED, OPENED_HALF_LIFE,
};
use headroom_core::market::{Book, Candles, InstrumentKind, Market, Tier, TierUnit};
use headroom_core::units::{HOURS_PER_YEAR, Side};
use headroom_core::volatility::close_to_close;
use leptos::prelude::*;
use std::cell::Cell;
use std::sync::Arc;
use std::thread::LocalKey;
use wasm_bindgen_futures::spawn_local;

/// Rows of time and open interest in coins.
pub(crate) type Interest = Vec<(f64, f64)>;
/// Something fetched for an instrument, with where it is from; or why there is none.
pub(crate) type Fetched<T> = Option<(Key, Result<(Arc<T>, Origin), String>)>;

const BINS: usize = 300;
/// The levels reach this far from the price; what is further stands in the last.
const WITHIN: f64 = 0.7;
/// Pictures of the map through the candles' time.
const PICTURES: usize = 140;
/// Bars of candles that the map is made from.
const BARS: usize = 500;
/// Older answers of a venue are asked for again, ms.
const STALE: f64 = 120_000.0;
/// Who takes the other side of forced orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takers {
    /// The book as it stands, and nobody after it: the darkest case.
    Book,
    /// The book is refilled as usual while the orders come: price goes with the root of what is traded.
    Usual,
}

/// Notional that moves the price by 1 %, over what is traded in a day: seen in the one deep book that is recorded (Binance
/// BTCUSDT, 2024-08-08: 24 million within 0.24 %, 27.7 billion traded).
const DEPTH_PER_TURNOVER: f64 = 0.0035;

/// Everything the page shows, one signal each.
#[derive(Clone, Copy)]
pub(crate) struct Cascading {
    pub interest: RwSignal<Fetched<Interest>>,
    pub book: RwSignal<Fetched<Book>>,
    pub wallets: RwSignal<Wallets>,
    pub map: RwSignal<Planned<LiquidationMapResponse>>,
    /// Where the price is pushed to, as a fraction of it.
    pub push: RwSignal<f64>,
    pub pushed: RwSignal<Planned<CascadeResponse>>,
    pub chance: RwSignal<Planned<CascadeResponse>>,
    /// Every leverage of the mix times this.
    pub leverage_factor: RwSignal<f64>,
    pub takers: RwSignal<Takers>,
    /// The same push with the other takers.
    pub otherwise: RwSignal<Option<f64>>,
    /// Typed: notional that moves the price by 1 %; else from the book or from turnover.
    pub depth: RwSignal<Option<f64>>,
}

impl Cascading {
    pub(crate) fn new() -> Self {
        Self {
            interest: RwSignal::new(None),
            book: RwSignal::new(None),
            wallets: RwSignal::new(Wallets::default()),
            map: RwSignal::new(Planned::default()),
            push: RwSignal::new(-0.1),
            pushed: RwSignal::new(Planned::default()),
            chance: RwSignal::new(Planned::default()),
            leverage_factor: RwSignal::new(1.0),
            takers: RwSignal::new(Takers::Usual),
            otherwise: RwSignal::new(None),
            depth: RwSignal::new(None),
        }
    }
}

thread_local! {
    static PAUSE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static PUSHED: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static CHANCE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static NEWEST: Cell<u32> = const { Cell::new(0) };
    static NEWEST_CHANCE: Cell<u32> = const { Cell::new(0) };
    static NEWEST_PUSH: Cell<u32> = const { Cell::new(0) };
}

/// Keeps the map and the cascade true to the desk while their page is in view.
pub(crate) fn keep(desk: Desk) {
    let key = Memo::new(move |_| desk.key(desk.index()));
    // Candles, not every tick of the price.
    let bars = Memo::new(move |_| {
        desk.market(desk.index(), |m| {
            m.candles
                .as_ref()
                .map(|c| (c.0.rows.len(), c.0.rows.last().map(|r| r.0)))
        })
    });
    let read = Memo::new(move |_| desk.cascading.wallets.with(super::wallets::Wallets::read));
    Effect::new(move |_| {
        let page = desk.page.get();
        let _ = (key.get(), bars.get(), read.get(), desk.recorded.with(Vec::len));
        desk.cascading.leverage_factor.track();
        // The check-in tells the heaviest level, and the warning what is due before its own.
        if matches!(page, Page::Cascade | Page::Watch) {
            latest::once_quiet(&PAUSE, 200, move || spawn_local(refresh(desk)));
        }
    });
    // What the chance is asked for: the side and the level of the position beside the map.
    let mine = Memo::new(move |_| {
        let i = desk.index();
        (
            desk.scenario.with(|s| s.lines.get(i).map(|l| l.side)),
            desk.position_room(i).and_then(|r| r.liquidation_price),
        )
    });
    Effect::new(move |_| {
        let c = desk.cascading;
        let page = desk.page.get();
        let _ = mine.get();
        c.map.track();
        c.takers.track();
        c.depth.track();
        if page == Page::Cascade {
            latest::once_quiet(&CHANCE, 300, move || spawn_local(chance(desk)));
        }
    });
    Effect::new(move |_| {
        let c = desk.cascading;
        let page = desk.page.get();
        c.push.track();
        c.depth.track();
        c.takers.track();
        c.map.track();
        if page == Page::Cascade {
            latest::once_quiet(&PUSHED, 20, move || spawn_local(push(desk)));
        }
    });
}

/// The price the map is about, with where it is from.
pub(crate) fn price(desk: Desk) -> Option<f64> {
    desk.mark(desk.index())
}

/// The next number of a kind of work, and whether none has come since.
fn number(of: &'static LocalKey<Cell<u32>>) -> impl Fn() -> bool {
    let mine = of.with(|n| {
        n.set(n.get().wrapping_add(1));
        n.get()
    });
    move || of.with(|n| n.get() == mine)
}

async fn refresh(desk: Desk) {
    let newest = number(&NEWEST);
    let c = desk.cascading;
    let Some(key) = untrack(|| desk.key(desk.index())) else {
        return;
    };
    let another = c.interest.with_untracked(|i| i.as_ref().is_some_and(|i| i.0 != key));
    if another {
        c.map.set(Planned::default());
        c.pushed.set(Planned::default());
        c.chance.set(Planned::default());
        c.otherwise.set(None);
    }
    if older(&c.interest.get_untracked(), &key) {
        let found = interest::load(desk, &key).await;
        if !newest() {
            return;
        }
        c.interest
            .set(Some((key.clone(), found.map(|(rows, from)| (Arc::new(rows), from)))));
    }
    if older(&c.book.get_untracked(), &key) {
        let found = depth::load(&key).await;
        if !newest() {
            return;
        }
        c.book.set(Some((
            key.clone(),
            found.map(|b| (Arc::new(b), Origin::Live(js_sys::Date::now()))),
        )));
    }
    let found = match untrack(|| map_request(desk, &key)) {
        Ok(request) => {
            engine::read::<LiquidationMapResponse>(&engine::ask(Lane::Plan, &text("liquidation_map", &request)).await)
        }
        Err(why) => Err(engine::Fault::of("market", &why)),
    };
    if newest() {
        show(c.map, found, true);
    }
}

async fn chance(desk: Desk) {
    let newest = number(&NEWEST_CHANCE);
    let Some(request) = untrack(|| chance_request(desk)) else {
        return desk.cascading.chance.set(Planned::default());
    };
    let found = engine::read::<CascadeResponse>(&engine::ask(Lane::Plan, &text("cascade", &request)).await);
    if newest() {
        show(desk.cascading.chance, found, true);
    }
}

/// Of another instrument, fetched long ago, or not there.
fn older<T>(fetched: &Fetched<T>, key: &Key) -> bool {
    match fetched {
        Some((of, Ok((_, Origin::Live(t))))) if of == key => js_sys::Date::now() - t > STALE,
        Some((of, Ok(_))) => of != key,
        // Recorded figures may have come since.
        Some((_, Err(_))) | None => true,
    }
}

fn of_key<T>(fetched: &Fetched<T>, key: &Key) -> Option<Arc<T>> {
    fetched
        .as_ref()
        .filter(|(of, _)| of == key)
        .and_then(|(_, f)| f.as_ref().ok().map(|f| f.0.clone()))
}

fn candles(desk: Desk) -> Option<Candles> {
    let all = desk.market(desk.index(), |m| m.candles.as_ref().map(|c| c.0.clone()))?;
    Some(Candles {
        interval: all.interval,
        rows: all.rows[all.rows.len().saturating_sub(BARS)..].to_vec(),
    })
}

/// The venue's own tiers, where they count notional.
fn tiers(desk: Desk) -> Vec<Tier> {
    let scenario = desk.scenario.get_untracked();
    account(&desk, &scenario)
        .ok()
        .and_then(|a| a.positions.get(desk.index())?.instrument.clone())
        .filter(|i| i.kind == InstrumentKind::Linear && scenario.venue.facts().tier_unit != TierUnit::Contracts)
        .map(|i| i.tiers)
        .unwrap_or_default()
}

fn map_request(desk: Desk, key: &Key) -> Result<LiquidationMapRequest, String> {
    let c = desk.cascading;
    let wallets = c.wallets.with_untracked(|w| w.of(&key.1));
    let candles = candles(desk);
    let interest = c.interest.with_untracked(|i| of_key(i, key));
    if wallets.is_empty() && (candles.is_none() || interest.is_none()) {
        let why = c
            .interest
            .with_untracked(|i| i.as_ref().and_then(|i| i.1.as_ref().err().cloned()));
        return Err(why.unwrap_or_else(|| "no candles are known yet".to_owned()));
    }
    let factor = c.leverage_factor.get_untracked();
    // Where wallets are seen, the mix seen over them; elsewhere that of what is opened and closed within the day.
    let seen = key.0.facts().positions_public;
    let (mix, half_life) = if seen {
        (MIX.to_vec(), None)
    } else {
        (OPENED.to_vec(), Some(OPENED_HALF_LIFE))
    };
    Ok(LiquidationMapRequest {
        wallets,
        market: Some(Market {
            candles,
            open_interest: interest.map(|i| i.to_vec()),
            book: c.book.with_untracked(|b| of_key(b, key)).map(|b| (*b).clone()),
            ..Market::default()
        }),
        bins: Some(BINS),
        within: price(desk).map(|_| WITHIN),
        side: None,
        price: price(desk),
        leverage_mix: if seen && factor == 1.0 {
            Vec::new()
        } else {
            mix.iter().map(|(l, s)| ((l * factor).clamp(1.0, 125.0), *s)).collect()
        },
        maintenance_margin_rate: None,
        tiers: tiers(desk),
        position_notional: None,
        through_time: Some(PICTURES),
        half_life_hours: half_life,
    })
}

/// Notional traded in the last day.
fn turnover(c: &Candles) -> f64 {
    let bars = (86_400_000.0 / c.interval.millis()) as usize;
    c.rows.iter().rev().take(bars).map(|r| r.5 * r.4).sum()
}

/// Depth as typed, else by who takes the other side; with words on which.
pub(crate) fn depth_of(desk: Desk, takers: Takers) -> (Option<Book>, Option<Impact>, String) {
    let law = |notional: f64, power: Option<f64>| {
        Some(Impact {
            notional_per_percent: notional.max(1000.0),
            power,
        })
    };
    if let Some(notional) = desk.cascading.depth.get() {
        return (
            None,
            law(notional, None),
            "the depth you typed, a straight line".to_owned(),
        );
    }
    let candles = candles(desk);
    let per_day = candles.as_ref().map_or(0.0, turnover);
    let daily = candles
        .as_ref()
        .and_then(|c| close_to_close(c, c.rows.len()))
        .map_or(0.03, |v| v * (24.0 / HOURS_PER_YEAR).sqrt());
    if takers == Takers::Usual {
        // Price = σ·√(Q/V): what moves it by 1 % is V·(1 %/σ)².
        let notional = per_day * (0.01 / daily).powi(2);
        let words = format!(
            "the square-root law of impact, as measured for large orders worked through refilled books (Tóth and others 2011): daily volatility {} × √(forced / turnover of a day)",
            format::percent(daily, 1)
        );
        return (None, law(notional, Some(2.0)), words);
    }
    let key = desk.key(desk.index());
    let book = key.and_then(|k| desk.cascading.book.with(|b| of_key(b, &k)));
    if let Some(book) = book.filter(|b| !b.bids.is_empty() && !b.asks.is_empty()) {
        let words = format!(
            "the venue's order book ({} bids, {} asks) and a law fitted to it beyond; nobody refills it",
            book.bids.len(),
            book.asks.len()
        );
        return (Some((*book).clone()), None, words);
    }
    (
        None,
        law(per_day * DEPTH_PER_TURNOVER, None),
        "0.35 % of a day's turnover for each percent of price, as in one recorded book; nobody refills it".to_owned(),
    )
}

fn options(desk: Desk) -> CascadeOptions {
    let venue = desk.scenario.with_untracked(|s| s.venue);
    CascadeOptions {
        venue: (!venue.facts().pool).then_some(venue),
        // Hyperliquid marks by a median in which its own book is one of three.
        mark_share: Some(venue.facts().mark_share).filter(|s| *s > 0.0 && *s < 1.0),
        maintenance_margin_rate: None,
        insurance_fund: None,
        evaporation: Some(5.0),
        pool: None,
    }
}

/// The map's levels; those in the step that holds the price stand just beyond it, on their own side.
fn levels(desk: Desk, price: f64) -> Option<LevelMap> {
    const BESIDE: f64 = 1e-4;
    desk.cascading.map.with(|m| {
        m.answer.as_ref().map(|a| LevelMap {
            levels: a
                .levels
                .iter()
                .flat_map(|[level, long, short]| {
                    [
                        [level.min(price * (1.0 - BESIDE)), *long, 0.0],
                        [level.max(price * (1.0 + BESIDE)), 0.0, *short],
                    ]
                })
                .filter(|l| l[1] + l[2] > 0.0)
                .collect(),
        })
    })
}

fn own(desk: Desk, hurt: Side) -> Option<OwnPosition> {
    let room = desk.position_room(desk.index())?;
    let side = desk.scenario.with(|s| s.lines.get(desk.index()).map(|l| l.side))?;
    Some(OwnPosition {
        side,
        liquidation_price: room.liquidation_price?,
    })
    .filter(|_| side == hurt)
}

fn request(desk: Desk, shock: Shock, hurt: Side, takers: Takers) -> Option<CascadeRequest> {
    let (book, impact, _) = depth_of(desk, takers);
    let price = price(desk)?;
    Some(CascadeRequest {
        price,
        wallets: Vec::new(),
        map: Some(levels(desk, price)?),
        book,
        impact,
        shock,
        mode: Some(
            if desk.scenario.with(|s| s.venue).facts().pool && shock.volatility.is_none() {
                "pool".to_owned()
            } else {
                "full".to_owned()
            },
        ),
        options: Some(options(desk)),
        uncertainty: None,
        runs: None,
        seed: 1,
        larger_than: None,
        own: own(desk, hurt),
    })
}

async fn push(desk: Desk) {
    let newest = number(&NEWEST_PUSH);
    desk.cascading.otherwise.set(None);
    let fraction = desk.cascading.push.get_untracked();
    if fraction == 0.0 {
        return desk.cascading.pushed.set(Planned::default());
    }
    let hurt = if fraction < 0.0 { Side::Long } else { Side::Short };
    let shock = Shock {
        fraction: Some(fraction),
        ..Shock::default()
    };
    let takers = desk.cascading.takers.get_untracked();
    let other = if takers == Takers::Usual {
        Takers::Book
    } else {
        Takers::Usual
    };
    let Some(wanted) = untrack(|| request(desk, shock, hurt, takers)) else {
        return;
    };
    let found = engine::read::<CascadeResponse>(&engine::ask(Lane::Calculate, &text("cascade", &wanted)).await);
    if newest() {
        show(desk.cascading.pushed, found, true);
    }
    let Some(wanted) = untrack(|| request(desk, shock, hurt, other)).filter(|_| newest()) else {
        return;
    };
    let found = engine::read::<CascadeResponse>(&engine::ask(Lane::Calculate, &text("cascade", &wanted)).await);
    if newest() {
        desk.cascading.otherwise.set(found.ok().map(|a| a.final_price));
    }
}

/// Shocks against the side of the selected position, at the volatility of the last month.
fn chance_request(desk: Desk) -> Option<CascadeRequest> {
    let side = desk.scenario.with(|s| s.lines.get(desk.index()).map(|l| l.side))?;
    let all = desk.market(desk.index(), |m: &MarketData| m.candles.as_ref().map(|c| c.0.clone()))?;
    let bars = (30.0 * 86_400_000.0 / all.interval.millis()) as usize;
    let volatility = close_to_close(&all, bars)?;
    let shock = Shock {
        volatility: Some(volatility.clamp(0.05, HOURS_PER_YEAR / 1000.0)),
        hurts: Some(side),
        ..Shock::default()
    };
    let mut request = request(desk, shock, side, desk.cascading.takers.get())?;
    // What is not seen is in the map as inferred: its levels are drawn, the more the less is seen; its size is not.
    let coverage = desk.cascading.map.with(|m| {
        m.answer
            .as_ref()
            .and_then(|a| a.coverage)
            .map(|c| if side == Side::Long { c.long } else { c.short })
    });
    request.uncertainty = Some(Uncertainty {
        coverage: None,
        size: Some(0.0),
        depth: None,
        // Less is known of levels where nobody is seen.
        levels: Some(if coverage.unwrap_or(1.0) < 0.5 { 0.2 } else { 0.1 }),
    });
    Some(request)
}

/// Notional that is due nearer than a level on its side, and its share of the side's.
pub(crate) fn nearer(levels: &[[f64; 3]], side: Side, level: f64) -> (f64, f64) {
    let column = if side == Side::Long { 1 } else { 2 };
    let all: f64 = levels.iter().map(|l| l[column]).sum();
    let before: f64 = levels
        .iter()
        .filter(|l| if side == Side::Long { l[0] > level } else { l[0] < level })
        .map(|l| l[column])
        .sum();
    (before, if all > 0.0 { before / all } else { 0.0 })
}
