//! The page Replay: the selected position entered in the past, left alone and kept by a rule, over a year of hours.

use super::desk::{Desk, Page};
use super::latest;
use super::market::{Key, Origin};
use super::planning::{Planned, show};
use super::recalc::{account, text};
use crate::engine::{self, Fault, Lane};
use crate::feed::history;
use crate::format;
use headroom_core::api::replay::{ReplayCosts, ReplayPolicy, ReplayRequest, ReplayResponse, Sweep};
use headroom_core::market::{Candles, InstrumentKind, Market, Venue};
use leptos::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

const HOUR: f64 = 3_600_000.0;
/// Hours within which a fall or rise is looked for, and for which it is then lived through.
const STORM: usize = 72;
const LIVED: usize = 720;

/// What keeps the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Cap,
    Volatility,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ReplayWishes {
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

/// The year of one instrument, and what stands out in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Past {
    pub key: Key,
    pub candles: Arc<Candles>,
    pub origin: Origin,
    pub windows: Vec<Window>,
}

thread_local! {
    static PAUSE: Cell<Option<TimeoutHandle>> = const { Cell::new(None) };
    static NEWEST: Cell<u32> = const { Cell::new(0) };
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
        if page == Page::Replay {
            latest::once_quiet(&PAUSE, 150, move || spawn_local(replay(desk)));
        }
    });
}

/// Largest falls and rises within three days, a week apart at least, then the whole.
fn windows(candles: &Candles) -> Vec<Window> {
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

async fn replay(desk: Desk) {
    let number = NEWEST.with(|n| {
        n.set(n.get().wrapping_add(1));
        n.get()
    });
    let newest = move || NEWEST.with(|n| n.get() == number);
    desk.swept.set(Planned::default());
    let Some(key) = untrack(|| desk.key(desk.index())) else {
        return;
    };
    if desk.past.with_untracked(|p| p.as_ref().is_none_or(|p| p.key != key)) {
        desk.replayed.set(Planned::default());
        match history::load(desk, &key).await {
            Ok((candles, origin)) if candles.rows.len() > 2 * STORM => {
                if !newest() {
                    return;
                }
                desk.past.set(Some(Past {
                    windows: windows(&candles),
                    key: key.clone(),
                    candles,
                    origin,
                }));
            }
            Ok(_) => return refuse(desk, "too few hours are known"),
            Err(why) => return refuse(desk, &why),
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

fn request(desk: Desk) -> Result<ReplayRequest, Fault> {
    let scenario = desk.scenario.get_untracked();
    let wishes = desk.replay_wishes.get_untracked();
    let index = desk.index();
    let line = scenario
        .lines
        .get(index)
        .ok_or_else(|| Fault::of("account.positions", "there is no position"))?;
    // The venue's own tiers where the account is known; one of half a percent where it is not.
    let tiers = account(&desk, &scenario)
        .ok()
        .and_then(|a| a.positions.get(index)?.instrument.clone())
        // Tiers of these count the same unit as the replay: notional.
        .filter(|i| i.kind == InstrumentKind::Linear && scenario.venue != Venue::Okx)
        .map(|i| i.tiers)
        .unwrap_or_default();
    let (candles, window, key) = desk
        .past
        .with_untracked(|p| {
            let p = p.as_ref()?;
            let window = p.windows.get(wishes.window).or(p.windows.last())?.clone();
            Some((p.candles.clone(), window, p.key.clone()))
        })
        .ok_or_else(|| Fault::of("markets", "no past is known yet"))?;
    let funding = desk.market(index, |m| m.funding.as_ref().map(|f| f.0.to_vec()));
    let capped = wishes.rule == Rule::Cap;
    Ok(ReplayRequest {
        markets: BTreeMap::from([(
            key.1.clone(),
            Market {
                candles: Some((*candles).clone()),
                funding,
                ..Market::default()
            },
        )]),
        symbol: Some(key.1),
        equity: 10_000.0,
        leverage: line.leverage,
        side: line.side,
        policy: ReplayPolicy {
            kind: if capped { "probability_cap" } else { "volatility_target" }.to_owned(),
            target_volatility: (!capped).then_some(wishes.target),
            max_liquidation_probability: capped.then_some(wishes.limit),
            horizon_hours: capped.then_some(24.0),
            check_every_hours: Some(1.0),
            hedge: None,
            target_delta: None,
            band: None,
        },
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

/// The same position entered once a day through the whole year, each held for thirty days.
pub(crate) fn sweep(desk: Desk) {
    spawn_local(async move {
        let Ok(mut request) = untrack(|| request(desk)) else {
            return;
        };
        desk.swept.set(Planned::default());
        request.sweep = Some(Sweep {
            every_hours: 24.0,
            hold_hours: Some(LIVED as f64),
        });
        let last = desk
            .past
            .with_untracked(|p| p.as_ref().and_then(|p| p.windows.last().cloned()));
        if let Some(whole) = last {
            (request.from, request.until) = (Some(whole.from), Some(whole.until));
        }
        let found = engine::read::<ReplayResponse>(&engine::ask(Lane::Plan, &text("replay", &request)).await);
        show(desk.swept, found, true);
    });
}
