//! The page Venues: the selected exposure on every venue.

use super::desk::{Desk, Page};
use super::latest;
use super::planning::{Planned, show};
use super::recalc::text;
use super::scenario::coin;
use crate::engine::{self, Fault, Lane};
use crate::feed::compare::{self, Compared};
use headroom_core::api::ModelChoice;
use headroom_core::api::venues::{VenueCandidate, VenueTerms, VenuesRequest, VenuesResponse};
use headroom_core::market::{Market, Venue};
use headroom_core::units::Side;
use headroom_core::volatility::close_to_close;
use leptos::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use wasm_bindgen_futures::spawn_local;

/// Older answers are asked for again, ms.
const STALE: f64 = 120_000.0;
/// Hours of the year that a pool's rates are told for.
const HOURS: f64 = 8760.0;
/// Errors of the first look and of the finer one.
const ERRORS: [f64; 2] = [0.01, 0.001];

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CompareWishes {
    pub hours: f64,
    /// The user's taker fee over the usual one.
    pub fee_factor: f64,
    /// Half here, half there; `None`: all on one.
    pub split: Option<[Venue; 2]>,
}

impl Default for CompareWishes {
    fn default() -> Self {
        Self {
            hours: 168.0,
            fee_factor: 1.0,
            split: None,
        }
    }
}

/// The page's signals.
#[derive(Clone, Copy)]
pub(crate) struct Comparing {
    pub wishes: RwSignal<CompareWishes>,
    /// Of which asset, when, and what each venue told; venues come in one by one.
    pub asset: RwSignal<Option<(String, f64)>>,
    pub markets: RwSignal<BTreeMap<&'static str, Compared>>,
    pub compared: RwSignal<Planned<VenuesResponse>>,
}

impl Comparing {
    pub(crate) fn new() -> Self {
        Self {
            wishes: RwSignal::new(CompareWishes::default()),
            asset: RwSignal::new(None),
            markets: RwSignal::new(BTreeMap::new()),
            compared: RwSignal::new(Planned::default()),
        }
    }
}

thread_local! {
    static PAUSE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static NEWEST: Cell<u32> = const { Cell::new(0) };
}

/// Keeps the comparison true to the desk while its page is in view.
pub(crate) fn keep(desk: Desk) {
    let c = desk.comparing;
    let asset = Memo::new(move |_| desk.key(desk.index()).map(|k| coin(&k.1).to_owned()));
    Effect::new(move |_| {
        let page = desk.page.get();
        let known = desk.recorded.with(Vec::len) > 0;
        let Some(asset) = asset.get() else { return };
        let stale = c
            .asset
            .get_untracked()
            .is_none_or(|(of, at)| of != asset || js_sys::Date::now() - at > STALE);
        if page == Page::Venues && known && stale {
            c.asset.set(Some((asset.clone(), js_sys::Date::now())));
            c.markets.set(BTreeMap::new());
            c.compared.set(Planned::default());
            for venue in Venue::ALL {
                let asset = asset.clone();
                spawn_local(async move {
                    let found = compare::load(desk, venue, &asset).await;
                    if c.asset.with_untracked(|a| a.as_ref().is_some_and(|a| a.0 == asset)) {
                        c.markets.update(|m| {
                            m.insert(venue.word(), found);
                        });
                    }
                });
            }
        }
    });
    Effect::new(move |_| {
        let page = desk.page.get();
        c.markets.track();
        c.wishes.track();
        desk.scenario.track();
        desk.selected.track();
        if page == Page::Venues {
            latest::once_quiet(&PAUSE, 200, move || spawn_local(compute(desk)));
        }
    });
}

async fn compute(desk: Desk) {
    let number = NEWEST.with(|n| {
        n.set(n.get().wrapping_add(1));
        n.get()
    });
    let newest = move || NEWEST.with(|n| n.get() == number);
    for error in ERRORS {
        let Some(request) = untrack(|| request(desk, error)) else {
            return;
        };
        let found = match request {
            Ok(request) => engine::read::<VenuesResponse>(&engine::ask(Lane::Plan, &text("venues", &request)).await),
            Err(fault) => Err(fault),
        };
        if !newest() {
            return;
        }
        let failed = found.is_err();
        show(desk.comparing.compared, found, error == ERRORS[1]);
        if failed {
            return;
        }
    }
}

fn request(desk: Desk, error: f64) -> Option<Result<VenuesRequest, Fault>> {
    let c = desk.comparing;
    let wishes = c.wishes.get_untracked();
    let index = desk.index();
    let line = desk.scenario.with(|s| s.lines.get(index).cloned())?;
    let (asset, _) = c.asset.get_untracked()?;
    let all = c.markets.get_untracked();
    if all.is_empty() {
        return None;
    }
    // The price of the desk, else the middle of all venues.
    let mut prices: Vec<f64> = all.values().filter_map(|m| m.price.as_ref().map(|p| p.0)).collect();
    prices.sort_by(f64::total_cmp);
    let price = desk.mark(index).or(prices.get(prices.len() / 2).copied());
    let Some(price) = price else {
        return Some(Err(Fault::of("candidate.price", "no venue's price is known")));
    };
    let notional = line.size * price;
    let mut markets = BTreeMap::new();
    let mut terms = BTreeMap::new();
    for (venue, m) in &all {
        let volatility = m
            .candles
            .as_ref()
            .and_then(|c| close_to_close(c, 720.min(c.rows.len())));
        if m.price.is_none() {
            continue;
        }
        let pool = m.pools.first();
        let side = usize::from(line.side == Side::Short);
        markets.insert(
            (*venue).to_owned(),
            Market {
                volatility,
                funding: m.funding.clone(),
                funding_interval_hours: m.funding_interval_hours,
                // A pool tells each side's own rate; no past is read of it.
                funding_rate: pool.map(|p| line.side.sign() * p.funding_rate[side] / HOURS),
                book: m.book.clone(),
                ..Market::default()
            },
        );
        let usual = Venue::of(venue)?.facts().taker_fee;
        terms.insert(
            (*venue).to_owned(),
            VenueTerms {
                symbol: Some(m.symbol.clone()),
                price: m.price.as_ref().map(|p| p.0),
                instrument: m.instrument.clone(),
                taker_fee: Some(usual * wishes.fee_factor),
                borrow_rate: pool.map(|p| p.borrow_rate[side].max(0.0) / HOURS),
                ..VenueTerms::default()
            },
        );
    }
    let known = |v: Venue| markets.contains_key(v.word());
    Some(Ok(VenuesRequest {
        candidate: VenueCandidate {
            asset,
            side: line.side,
            notional,
            margin: line.margin.unwrap_or(notional / line.leverage),
            horizon_hours: wishes.hours,
            price: Some(price),
        },
        split: wishes
            .split
            .filter(|s| s[0] != s[1] && known(s[0]) && known(s[1]))
            .map_or_else(Vec::new, |s| vec![(s[0], 0.5), (s[1], 0.5)]),
        markets,
        terms,
        model: Some(ModelChoice {
            kind: "gbm".to_owned(),
            step_hours: None,
        }),
        target_standard_error: Some(error),
        seed: 1,
    }))
}
