//! The record of the models on each instrument of the desk: a year of hours walked through in a worker of its own, one
//! instrument after the other, when everything that a person waits for is done.

use super::desk::Desk;
use super::market::{Key, Origin};
use super::recalc::text;
use crate::engine::{self, Lane};
use crate::feed::history;
use headroom_core::api::{CalibrationRequest, CalibrationResponse, ModelChoice};
use headroom_core::forecast::standing::Standing;
use headroom_core::forecast::walk::Grid;
use headroom_core::market::Market;
use leptos::prelude::*;
use std::cell::Cell;
use std::sync::Arc;
use wasm_bindgen_futures::spawn_local;

/// A record kept by the browser is good for a day.
const KEPT: f64 = 86_400_000.0;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Waiting,
    Loading,
    /// Share done.
    Walking(f64),
    Told {
        answer: Arc<CalibrationResponse>,
        origin: Origin,
        bars: usize,
    },
    Failed(String),
}

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn name(key: &Key) -> String {
    format!("headroom.record.{}.{}.{}", env!("CARGO_PKG_VERSION"), key.0, key.1)
}

/// What stands of an instrument's record: computed by this page, or kept by the browser since less than a day.
pub(crate) fn standing(desk: Desk, key: &Key) -> Option<Arc<Standing>> {
    desk.standings.with_untracked(|s| s.get(key).cloned()).or_else(|| {
        let text = storage()?.get_item(&name(key)).ok().flatten()?;
        let (at, standing): (f64, Standing) = serde_json::from_str(&text).ok()?;
        let standing = Arc::new(standing);
        (js_sys::Date::now() - at < KEPT).then(|| {
            desk.standings.update_untracked(|s| {
                s.insert(key.clone(), standing.clone());
            });
            standing
        })
    })
}

fn keep(key: &Key, standing: &Standing) {
    if let (Some(s), Ok(text)) = (storage(), serde_json::to_string(&(js_sys::Date::now(), standing))) {
        // A full or forbidden storage costs a walk at the next visit, nothing else.
        let _ = s.set_item(&name(key), &text);
    }
}

/// Makes the records of the desk that are missing.
pub(crate) fn want_all(desk: Desk) {
    let keys: Vec<Key> = desk
        .scenario
        .with_untracked(|s| s.lines.iter().map(|l| (s.venue, l.symbol.clone())).collect());
    for key in keys {
        if standing(desk, &key).is_none() {
            want(desk, key);
        }
    }
}

/// Puts an instrument on the list, unless it is there.
pub(crate) fn want(desk: Desk, key: Key) {
    if desk.records.with_untracked(|r| r.contains_key(&key)) {
        return;
    }
    set(desk, &key, Record::Waiting);
    work(desk);
}

/// Once more from the beginning.
pub(crate) fn again(desk: Desk, key: Key) {
    desk.records.update(|r| {
        r.remove(&key);
    });
    want(desk, key);
}

/// Stops the walk; what is waiting stays so until it is asked for again.
pub(crate) fn stop() {
    engine::stop(Lane::Walk);
}

fn set(desk: Desk, key: &Key, record: Record) {
    desk.records.update(|r| {
        r.insert(key.clone(), record);
    });
}

fn work(desk: Desk) {
    if BUSY.with(|b| b.replace(true)) {
        return;
    }
    spawn_local(async move {
        loop {
            let next = desk.records.with_untracked(|r| {
                let mut waiting: Vec<&Key> = r
                    .iter()
                    .filter(|(_, v)| **v == Record::Waiting)
                    .map(|(k, _)| k)
                    .collect();
                waiting.sort_by(|a, b| (a.0.word(), &a.1).cmp(&(b.0.word(), &b.1)));
                waiting.first().map(|k| (*k).clone())
            });
            let Some(key) = next else { break };
            make(desk, &key).await;
        }
        BUSY.with(|b| b.set(false));
    });
}

async fn make(desk: Desk, key: &Key) {
    set(desk, key, Record::Loading);
    let (candles, origin) = match history::load(desk, key).await {
        Ok(found) => found,
        Err(why) => return set(desk, key, Record::Failed(why)),
    };
    let bars = candles.rows.len();
    let grid = Grid::usual();
    let request = CalibrationRequest {
        market: Market {
            candles: Some((*candles).clone()),
            ..Market::default()
        },
        model: ModelChoice {
            kind: "auto".to_owned(),
            step_hours: None,
        },
        leverages: grid.leverages,
        sides: grid.sides,
        horizons_hours: grid.horizons_hours,
        every_hours: Some(grid.every_hours),
        maintenance_margin_rate: Some(grid.maintenance_margin_rate),
    };
    set(desk, key, Record::Walking(0.0));
    let walking = key.clone();
    let told = engine::ask_telling(Lane::Walk, &text("calibration", &request), move |share| {
        set(desk, &walking, Record::Walking(share));
    })
    .await;
    match engine::read::<CalibrationResponse>(&told) {
        Ok(answer) => {
            let standing = Arc::new(answer.standing.clone());
            if matches!(origin, Origin::Live(_)) {
                keep(key, &standing);
            }
            desk.standings.update(|s| {
                s.insert(key.clone(), standing);
            });
            set(
                desk,
                key,
                Record::Told {
                    answer: Arc::new(answer),
                    origin,
                    bars,
                },
            );
        }
        Err(fault) => set(desk, key, Record::Failed(fault.message)),
    }
}
