//! The watch: the warning gauge of the selected market, alerts and their log, and the check-in twice a day.

use super::desk::Desk;
use super::market::{Key, Origin};
use super::planning::Planned;
use super::recalc::text;
use crate::engine::{self, Lane};
use crate::feed::minutes;
use headroom_core::alerts::{self, Alert, Change, Observation, Settings, State, Watched};
use headroom_core::api::warning::{WarningEvent, WarningRequest, WarningResponse};
use headroom_core::market::{Candles, Market};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

const SETTINGS: &str = "headroom.alerts";
const MEMORY: &str = "headroom.alerts.state";
const LOG: &str = "headroom.alerts.log";
const CHECKS: &str = "headroom.checks";
/// Entries of the log that are kept.
const MOST: usize = 200;
/// How often the gauge and the alerts look, seconds.
const EVERY: u64 = 60;
const MINUTE: f64 = 60_000.0;
const DAY: f64 = 86_400_000.0;

/// An alert with the price then and what came after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logged {
    pub alert: Alert,
    pub mark: Option<f64>,
    /// Lowest and highest price of the half hour after, as fractions of the price then.
    pub after: Option<(f64, f64)>,
}

/// When to look, in minutes after midnight here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checks {
    pub at: [f64; 2],
    /// The last look, and the one before.
    pub last: Option<Snapshot>,
    pub before: Option<Snapshot>,
}

/// What stood at a check-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub time: f64,
    pub symbol: String,
    pub mark: Option<f64>,
    pub liquidation_price: Option<f64>,
    pub probability: Option<(f64, f64)>,
    pub margin_ratio: Option<f64>,
    /// Cost of holding over the week, and the rate a year.
    pub funding_week: Option<f64>,
    pub funding_year: Option<f64>,
    /// Chance of a fall and of a rise by 2 % within half an hour.
    pub warning: Option<(f64, f64)>,
    /// Heaviest level of the map on the way to liquidation, and its notional.
    pub cluster: Option<(f64, f64)>,
    /// What the hedge page would trade, quote units.
    pub hedge: Option<f64>,
}

impl Default for Checks {
    fn default() -> Self {
        // Before the US open (09:00 in New York in winter) and before the Asian session (08:30 in Tokyo).
        let offset = -js_sys::Date::new_0().get_timezone_offset();
        let local = |utc: f64| (utc + offset).rem_euclid(1440.0);
        Self {
            at: [local(14.0 * 60.0), local(23.5 * 60.0)],
            last: None,
            before: None,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Watching {
    /// Of a fall and of a rise by 2 %.
    pub fall: RwSignal<Planned<WarningResponse>>,
    pub rise: RwSignal<Planned<WarningResponse>>,
    /// The bars that the gauge reads.
    pub bars: RwSignal<Option<(Key, Arc<Candles>, Origin)>>,
    pub settings: RwSignal<Settings>,
    pub log: RwSignal<Vec<Logged>>,
    pub checks: RwSignal<Checks>,
}

fn load<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    let text = window().local_storage().ok().flatten()?.get_item(name).ok().flatten()?;
    serde_json::from_str(&text).ok()
}

fn save<T: Serialize>(name: &str, value: &T) {
    if let (Ok(Some(s)), Ok(text)) = (window().local_storage(), serde_json::to_string(value)) {
        // A full or forbidden storage forgets at the next visit, nothing else.
        let _ = s.set_item(name, &text);
    }
}

impl Watching {
    pub(crate) fn new() -> Self {
        let settings: Option<Settings> = load(SETTINGS);
        Self {
            fall: RwSignal::new(Planned::default()),
            rise: RwSignal::new(Planned::default()),
            bars: RwSignal::new(None),
            settings: RwSignal::new(settings.filter(|s| s.check().is_ok()).unwrap_or_default()),
            log: RwSignal::new(load(LOG).unwrap_or_default()),
            checks: RwSignal::new(load(CHECKS).unwrap_or_default()),
        }
    }
}

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Looks once a minute, and at once when the page or the market changes.
pub(crate) fn keep(desk: Desk) {
    let key = Memo::new(move |_| desk.key(desk.index()));
    Effect::new(move |_| {
        key.track();
        desk.page.track();
        desk.recorded.track();
        look(desk);
    });
    set_interval(move || look(desk), Duration::from_secs(EVERY));
    Effect::new(move |_| desk.watching.settings.with(|s| save(SETTINGS, s)));
    Effect::new(move |_| desk.watching.checks.with(|c| save(CHECKS, c)));
}

fn look(desk: Desk) {
    if BUSY.replace(true) {
        return;
    }
    spawn_local(async move {
        gauge(desk).await;
        observe(desk);
        follow(desk);
        BUSY.set(false);
    });
}

/// Five-minute bars of the selected market, and the chance of a sharp move from them.
async fn gauge(desk: Desk) {
    let w = desk.watching;
    let Some(key) = untrack(|| desk.key(desk.index())) else {
        return;
    };
    match minutes::load(desk, &key).await {
        Ok((candles, origin)) => w.bars.set(Some((key.clone(), Arc::new(candles), origin))),
        Err(why) => {
            w.bars.set(None);
            for side in [w.fall, w.rise] {
                side.set(Planned {
                    fault: Some(why.clone()),
                    ..Planned::default()
                });
            }
            return;
        }
    }
    let Some((_, candles, _)) = w.bars.get_untracked() else {
        return;
    };
    let liquidations: Vec<_> = desk.forced.with_untracked(|f| {
        f.told
            .iter()
            .filter(|(v, l)| *v == key.0 && l.symbol == key.1)
            .map(|(_, l)| (l.time, l.side, l.price, l.size))
            .collect()
    });
    for (side, threshold) in [(w.fall, -0.02), (w.rise, 0.02)] {
        let request = WarningRequest {
            market: Market {
                candles: Some((*candles).clone()),
                liquidations: Some(liquidations.clone()).filter(|l| l.len() >= 20),
                ..Market::default()
            },
            times: Vec::new(),
            horizons_minutes: vec![15.0, 30.0],
            event: Some(WarningEvent {
                return_threshold: threshold,
            }),
        };
        let found = engine::read::<WarningResponse>(&engine::ask(Lane::Fit, &text("warning", &request)).await);
        side.set(match found {
            Ok(answer) => Planned {
                answer: Some(Arc::new(answer)),
                fine: true,
                fault: None,
            },
            Err(fault) => Planned {
                fault: Some(format!("{}: {}", fault.field, fault.message)),
                ..Planned::default()
            },
        });
    }
}

/// The larger chance of the two sides within half an hour.
pub(crate) fn warned(w: Watching) -> Option<(f64, f64)> {
    let of = |p: RwSignal<Planned<WarningResponse>>| {
        p.with(|p| {
            p.answer.as_ref().and_then(|a| {
                a.forecasts
                    .iter()
                    .find(|f| f.horizon_minutes == 30.0)
                    .map(|f| f.probability)
            })
        })
    };
    Some((of(w.fall)?, of(w.rise)?))
}

/// Gives the alerts what is seen now.
fn observe(desk: Desk) {
    let now = js_sys::Date::now();
    let seen = untrack(|| values(desk, now));
    let settings = desk.watching.settings.get_untracked();
    let mut state: State = load(MEMORY).unwrap_or_default();
    let mark = untrack(|| desk.mark(desk.index()));
    let mut told = Vec::new();
    for o in seen {
        if let Some(alert) = alerts::step(&settings, &mut state, &o) {
            told.push(Logged {
                alert,
                mark,
                after: None,
            });
        }
    }
    save(MEMORY, &state);
    if told.is_empty() {
        return;
    }
    let messages: Vec<String> = told
        .iter()
        .filter(|l| l.alert.told)
        .map(|l| sentence(&l.alert))
        .collect();
    if !messages.is_empty() {
        crate::feed::notify::show("Headroom", &messages.join("\n"));
    }
    desk.watching.log.update(|log| {
        log.extend(told);
        let over = log.len().saturating_sub(MOST);
        log.drain(..over);
    });
    desk.watching.log.with_untracked(|l| save(LOG, l));
}

fn values(desk: Desk, now: f64) -> Vec<Observation> {
    let mut out = Vec::new();
    let Some((venue, symbol)) = desk.key(desk.index()) else {
        return out;
    };
    let position = format!("{symbol} on {}", venue.title());
    let mut add = |watched: Watched, value: Option<f64>| {
        if let Some(value) = value.filter(|v| v.is_finite()) {
            out.push(Observation {
                time: now,
                position: position.clone(),
                watched,
                value,
            });
        }
    };
    add(
        Watched::LiquidationProbability,
        desk.whole_chance()
            .ok()
            .and_then(|c| Some(c.horizons.first()?.probability)),
    );
    add(
        Watched::MarginRatio,
        desk.position_room(desk.index()).and_then(|r| r.margin_ratio),
    );
    // Recorded or given prices are no news.
    let live = desk
        .watching
        .bars
        .with(|b| b.as_ref().is_some_and(|b| matches!(b.2, Origin::Live(_))));
    add(
        Watched::Warning,
        warned(desk.watching).filter(|_| live).map(|(a, b)| a.max(b)),
    );
    let equity = desk.position_room(desk.index()).map(|r| r.equity).filter(|e| *e > 0.0);
    let week = desk.funding(desk.index()).and_then(Result::ok).map(|f| f.expected_cost);
    add(Watched::Funding, equity.zip(week).map(|(e, w)| w / 7.0 / e));
    let drift = desk.hedged.with(|h| {
        h.answer.as_ref().map(|a| {
            let (low, high) = (a.band[0], a.band[1]);
            (low - a.exposure).max(a.exposure - high).max(0.0)
        })
    });
    add(Watched::HedgeDrift, drift);
    add(
        Watched::Staleness,
        desk.market(desk.index(), |m| match m.quote.as_ref()?.1 {
            Origin::Live(t) => Some((now - t) / 1000.0),
            _ => None,
        }),
    );
    out
}

/// What an alert says.
pub(crate) fn sentence(a: &Alert) -> String {
    let percent = |x: f64| crate::format::fine_percent(x);
    if a.change == Change::Cleared {
        return match a.watched {
            Watched::Staleness => format!("{}: prices come again.", a.position),
            _ => format!("{}: {} is back at {}.", a.position, name(a.watched), shown(a)),
        };
    }
    match a.watched {
        Watched::LiquidationProbability => {
            format!("{}: the chance of liquidation is {}.", a.position, percent(a.value))
        }
        Watched::MarginRatio => format!(
            "{}: the requirement is {} of equity; liquidation at 100 %.",
            a.position,
            percent(a.value)
        ),
        Watched::Warning => format!(
            "{}: a move of 2 % within half an hour has a chance of {}, either way.",
            a.position,
            percent(a.value)
        ),
        Watched::Funding => format!("{}: holding costs {} of equity a day.", a.position, percent(a.value)),
        Watched::HedgeDrift => format!(
            "{}: the exposure is {} of equity outside the hedge's band.",
            a.position,
            percent(a.value)
        ),
        Watched::Staleness => format!(
            "{}: the price is {} old.",
            a.position,
            crate::format::age(a.value * 1000.0)
        ),
    }
}

pub(crate) fn name(w: Watched) -> &'static str {
    match w {
        Watched::LiquidationProbability => "chance of liquidation",
        Watched::MarginRatio => "requirement over equity",
        Watched::Warning => "chance of a sharp move",
        Watched::Funding => "cost of holding a day",
        Watched::HedgeDrift => "distance from the hedge's band",
        Watched::Staleness => "age of the price",
    }
}

fn shown(a: &Alert) -> String {
    match a.watched {
        Watched::Staleness => crate::format::age(a.value * 1000.0),
        _ => crate::format::fine_percent(a.value),
    }
}

/// Writes down what came in the half hour after each alert, from bars that have ended.
fn follow(desk: Desk) {
    let Some((key, candles, _)) = desk.watching.bars.get_untracked() else {
        return;
    };
    let position = format!("{} on {}", key.1, key.0.title());
    let last = candles.rows.last().map_or(0.0, |r| r.0);
    let mut changed = false;
    desk.watching.log.update_untracked(|log| {
        for l in log
            .iter_mut()
            .filter(|l| l.after.is_none() && l.alert.position == position)
        {
            let (Some(mark), true) = (l.mark, last >= l.alert.time + 30.0 * MINUTE) else {
                continue;
            };
            let window: Vec<_> = candles
                .rows
                .iter()
                .filter(|r| r.0 >= l.alert.time && r.0 < l.alert.time + 30.0 * MINUTE)
                .collect();
            if window.is_empty() {
                continue;
            }
            let low = window.iter().map(|r| r.3).fold(f64::INFINITY, f64::min);
            let high = window.iter().map(|r| r.2).fold(0.0, f64::max);
            l.after = Some((low / mark - 1.0, high / mark - 1.0));
            changed = true;
        }
    });
    if changed {
        desk.watching.log.notify();
        desk.watching.log.with_untracked(|l| save(LOG, l));
    }
}

/// What stands now.
pub(crate) fn snapshot(desk: Desk) -> Option<Snapshot> {
    let (_, symbol) = desk.key(desk.index())?;
    let room = desk.position_room(desk.index());
    let chance = desk.whole_chance().ok();
    let funding = desk.funding(desk.index()).and_then(Result::ok);
    let cluster = desk.cascading.map.with(|m| {
        let answer = m.answer.as_ref()?;
        let heaviest = answer.clusters.first()?;
        Some((heaviest.price, heaviest.notional))
    });
    Some(Snapshot {
        time: js_sys::Date::now(),
        symbol,
        mark: desk.mark(desk.index()),
        liquidation_price: room.as_ref().and_then(|r| r.liquidation_price),
        probability: chance.and_then(|c| c.horizons.first().map(|h| (h.hours, h.probability))),
        margin_ratio: room.and_then(|r| r.margin_ratio),
        funding_week: funding.as_ref().map(|f| f.expected_cost),
        funding_year: funding.map(|f| f.annualised_rate),
        warning: warned(desk.watching),
        cluster,
        hedge: desk.hedged.with(|h| h.answer.as_ref().map(|a| a.trade_now.notional)),
    })
}

/// Takes what stands now as checked.
pub(crate) fn check_in(desk: Desk) {
    if let Some(now) = untrack(|| snapshot(desk)) {
        desk.watching.checks.update(|c| {
            c.before = c.last.take();
            c.last = Some(now);
        });
    }
}

/// The next of the two times after `now`, ms.
pub(crate) fn next_check(checks: &Checks, now: f64) -> f64 {
    let offset = -js_sys::Date::new(&now.into()).get_timezone_offset() * MINUTE;
    let midnight = ((now + offset) / DAY).floor() * DAY - offset;
    let mut times: Vec<f64> = (0..2)
        .flat_map(|day| checks.at.map(|m| midnight + f64::from(day) * DAY + m * MINUTE))
        .filter(|t| *t > now)
        .collect();
    times.sort_by(f64::total_cmp);
    times.first().copied().unwrap_or(now + DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn the_next_check_is_the_nearer_of_two_times() {
        let checks = Checks {
            at: [540.0, 1380.0],
            last: None,
            before: None,
        };
        let now = 1_772_323_200_000.0;
        let first = next_check(&checks, now);
        assert!(first > now && first - now <= DAY);
        let second = next_check(&checks, first);
        let third = next_check(&checks, second);
        assert!(((second - first) / MINUTE - 840.0).abs() < 1e-6 || ((second - first) / MINUTE - 600.0).abs() < 1e-6);
        assert!((third - first - DAY).abs() < 1e-6);
    }
}
