//! The watch: the warning gauge of the selected market, alerts and their log, and the check-in twice a day.

use super::desk::Desk;
use super::latest::{self, Latest};
use super::market::{Key, Origin};
use super::planning::Planned;
use super::recalc::text;
use crate::engine::{self, Lane};
use crate::feed::{minutes, streams};
use headroom_core::alerts::{self, Alert, Change, Observation, Settings, State, Watched};
use headroom_core::api::warning::{WarningEvent, WarningRequest, WarningResponse};
use headroom_core::market::{Candles, Market};
use headroom_core::warning::adjust::{Outcome, Values};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const SETTINGS: &str = "headroom.alerts";
const MEMORY: &str = "headroom.alerts.state";
const LOG: &str = "headroom.alerts.log";
const CHECKS: &str = "headroom.checks";
const LEARNED: [&str; 2] = ["headroom.warning.fall", "headroom.warning.rise"];
const MOST_OUTCOMES: usize = 1500;
/// The move that is warned of.
const MOVE: f64 = 0.02;
/// Entries of the log that are kept.
const MOST: usize = 200;
/// How often the gauge and the alerts look, seconds.
const EVERY: u64 = 60;
const MINUTE: f64 = 60_000.0;
/// A price older than this decides no alert, seconds.
const FRESH: f64 = 300.0;
const DAY: f64 = 86_400_000.0;

/// An alert with the price then and what came after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logged {
    pub alert: Alert,
    pub mark: Option<f64>,
    /// Lowest and highest price of the half hour after, as fractions of the price then.
    pub after: Option<(f64, f64)>,
}

/// A forecast whose half hour is not over, and those whose is, for one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Learned {
    pending: Vec<Pending>,
    pub outcomes: Vec<Outcome>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pending {
    symbol: String,
    time: f64,
    close: f64,
    log_odds: f64,
    values: Values,
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
        // Before the US open (08:00 or 09:00 in New York) and before the Asian session (08:30 in Tokyo).
        let offset = -js_sys::Date::new_0().get_timezone_offset();
        let local = |utc: f64| (utc + offset).rem_euclid(1440.0);
        Self {
            at: [local(13.0 * 60.0), local(23.5 * 60.0)],
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
    /// What came of what was told, by side.
    pub learned_fall: RwSignal<Learned>,
    pub learned_rise: RwSignal<Learned>,
    pub settings: RwSignal<Settings>,
    /// What the alerts remember; kept by the browser where it lets us.
    pub memory: RwSignal<State>,
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
            learned_fall: RwSignal::new(load(LEARNED[0]).unwrap_or_default()),
            learned_rise: RwSignal::new(load(LEARNED[1]).unwrap_or_default()),
            settings: RwSignal::new(settings.filter(|s| s.check().is_ok()).unwrap_or_default()),
            memory: RwSignal::new(load(MEMORY).unwrap_or_default()),
            log: RwSignal::new(load(LOG).unwrap_or_default()),
            checks: RwSignal::new(load(CHECKS).unwrap_or_default()),
        }
    }
}

thread_local! {
    static INTEREST: RefCell<HashMap<Key, Vec<(f64, f64)>>> = RefCell::default();
    static LATEST: Latest = const { Latest::new() };
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
    latest::run(&LATEST, move || async move {
        gauge(desk).await;
        observe(desk);
        follow(desk);
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
    for (side, learned, name, falling) in [
        (w.fall, w.learned_fall, LEARNED[0], true),
        (w.rise, w.learned_rise, LEARNED[1], false),
    ] {
        let values = provisional(desk, &key, falling);
        let request = WarningRequest {
            market: Market {
                candles: Some((*candles).clone()),
                liquidations: Some(liquidations.clone()).filter(|l| l.len() >= 20),
                ..Market::default()
            },
            times: Vec::new(),
            horizons_minutes: vec![15.0, 30.0],
            event: Some(WarningEvent {
                return_threshold: if falling { -MOVE } else { MOVE },
            }),
            provisional: values.clone(),
            outcomes: learned.with_untracked(|l| l.outcomes.clone()),
        };
        let found = engine::read::<WarningResponse>(&engine::ask(Lane::Fit, &text("warning", &request)).await);
        side.set(match found {
            Ok(answer) => {
                learn(learned, name, &key, &candles, &answer, values, falling);
                Planned {
                    answer: Some(Arc::new(answer)),
                    fine: true,
                    fault: None,
                }
            }
            Err(fault) => Planned {
                fault: Some(format!("{}: {}", fault.field, fault.message)),
                ..Planned::default()
            },
        });
    }
}

/// What is known now of what is too little recorded to be fitted: absent where its feed is missing.
fn provisional(desk: Desk, key: &Key, falling: bool) -> Values {
    let now = js_sys::Date::now();
    let mut out = Values::new();
    let told: Vec<f64> = desk.forced.with_untracked(|f| {
        f.told
            .iter()
            .filter(|(v, l)| *v == key.0 && l.symbol == key.1)
            .map(|(_, l)| l.time)
            .collect()
    });
    let span = told.first().map_or(0.0, |first| now - first) / (15.0 * MINUTE);
    if span >= 2.0 {
        let recent = told.iter().filter(|t| now - **t < 15.0 * MINUTE).count() as f64;
        out.push((
            "forced_selling".to_owned(),
            ((recent + 1.0) / (told.len() as f64 / span + 1.0)).ln(),
        ));
    }
    let quote = desk.markets.with_untracked(|m| {
        m.get(key)
            .and_then(|m| m.quote.as_ref().map(|q| (q.0.clone(), m.funding_interval_hours)))
    });
    if let Some((q, interval)) = quote {
        if let (Some(rate), Some(hours)) = (q.funding_rate, q.funding_interval_hours.or(interval)) {
            out.push(("funding".to_owned(), (rate * 8.0 / hours * 1e4).abs()));
        }
        if let Some(value) = q.open_interest.filter(|v| *v > 0.0) {
            let before = INTEREST.with(|i| {
                let mut i = i.borrow_mut();
                let seen = i.entry(key.clone()).or_default();
                seen.retain(|(t, _)| now - t < 3.0 * 60.0 * MINUTE);
                seen.push((now, value));
                seen.first().copied().filter(|(t, _)| now - t > 55.0 * MINUTE)
            });
            if let Some((_, before)) = before {
                out.push(("open_interest".to_owned(), (value / before - 1.0) * 100.0));
            }
        }
    }
    if let Some(book) = streams::book(key, now)
        && let Some(middle) = book.middle()
    {
        let within = |levels: &[(f64, f64)]| {
            levels
                .iter()
                .filter(|l| (l.0 / middle - 1.0).abs() < 0.01)
                .map(|l| l.1)
                .sum::<f64>()
        };
        let (bids, asks) = (within(&book.bids), within(&book.asks));
        if bids + asks > 0.0 {
            // A fall eats the bids: it runs away from them.
            let thin = (asks - bids) / (bids + asks);
            out.push(("book".to_owned(), if falling { thin } else { -thin }));
        }
    }
    let due = desk.cascading.map.with_untracked(|m| {
        let map = m.answer.as_ref()?;
        let of: f64 = map
            .clusters
            .iter()
            .filter(|c| {
                c.distance.is_some_and(|d| {
                    if falling {
                        d < 0.0 && d > -MOVE
                    } else {
                        d > 0.0 && d < MOVE
                    }
                })
            })
            .map(|c| c.notional)
            .sum();
        let all: f64 = map.levels.iter().map(|l| l[1] + l[2]).sum();
        (all > 0.0).then_some(of / all * 100.0)
    });
    out.extend(due.map(|share| ("map".to_owned(), share)));
    out
}

/// Keeps the forecast until its half hour is over, and learns from those whose is.
fn learn(
    side: RwSignal<Learned>,
    name: &str,
    key: &Key,
    candles: &Candles,
    answer: &WarningResponse,
    values: Values,
    falling: bool,
) {
    let Some(bar) = candles.rows.last() else { return };
    let close_time = bar.0 + candles.interval.millis();
    let Some(f) = answer.forecasts.iter().find(|f| f.horizon_minutes == 30.0) else {
        return;
    };
    let p = f.probability.clamp(1e-9, 1.0 - 1e-9);
    side.update(|s| {
        if !values.is_empty() && !s.pending.iter().any(|w| w.symbol == key.1 && w.time == close_time) {
            s.pending.push(Pending {
                symbol: key.1.clone(),
                time: close_time,
                close: bar.4,
                log_odds: (p / (1.0 - p)).ln(),
                values,
            });
        }
        let mut waiting = Vec::new();
        for w in s.pending.drain(..) {
            let over = w.symbol == key.1 && close_time >= w.time + 30.0 * MINUTE;
            if !over {
                // What could not be followed for a day says nothing any more.
                if close_time - w.time < DAY {
                    waiting.push(w);
                }
                continue;
            }
            let window: Vec<_> = candles
                .rows
                .iter()
                .filter(|r| r.0 >= w.time && r.0 < w.time + 30.0 * MINUTE)
                .collect();
            if window.len() as f64 * candles.interval.millis() < 30.0 * MINUTE {
                continue;
            }
            let happened = window.iter().any(|r| {
                if falling {
                    r.3 <= w.close * (1.0 - MOVE)
                } else {
                    r.2 >= w.close * (1.0 + MOVE)
                }
            });
            s.outcomes.push(Outcome {
                log_odds: w.log_odds,
                values: w.values,
                happened,
            });
        }
        s.pending = waiting;
        let over = s.outcomes.len().saturating_sub(MOST_OUTCOMES);
        s.outcomes.drain(..over);
    });
    side.with_untracked(|s| save(name, s));
}

/// The larger chance of the two sides within half an hour.
pub(crate) fn warned(desk: Desk) -> Option<(f64, f64)> {
    let w = desk.watching;
    // Of the instrument on the desk, not of the one before.
    let key = desk.key(desk.index());
    if !w.bars.with(|b| b.as_ref().is_some_and(|b| Some(&b.0) == key.as_ref())) {
        return None;
    }
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
    let mut settings = desk.watching.settings.get_untracked();
    if let Some(q) = &mut settings.quiet {
        // Summer time moves it.
        q.utc_offset_minutes = -js_sys::Date::new_0().get_timezone_offset();
    }
    let mut state = desk.watching.memory.get_untracked();
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
    desk.watching.memory.set(state);
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
    // Recorded prices, and those of another venue, are no news of this position.
    let typed = desk
        .scenario
        .with(|s| s.lines.get(desk.index()).is_some_and(|l| l.mark.is_some()));
    let age = desk.market(desk.index(), |m| match m.quote.as_ref()?.1 {
        Origin::Live(t) => Some((now - t) / 1000.0),
        _ => None,
    });
    add(Watched::Staleness, age.filter(|_| !typed));
    if !typed && age.is_none_or(|a| a > FRESH) {
        return out;
    }
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
    add(Watched::Warning, warned(desk).map(|(a, b)| a.max(b)));
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
        warning: warned(desk),
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
