//! Alerts that can be trusted: told when a state changes, not while it lasts. A value has to cross one level to raise and another to
//! clear (hysteresis), stay there for a while, and rest after it was told (cool-down); what belongs together is one message; quiet hours
//! and a number a day bound what is told, and nothing is lost: what was not told is in the log, and is
//! told later if it still stands.
//!
//! The state is plain data that outlives a reload. No clock here: time is given.

use crate::error::EngineError;
use crate::units;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// Chance of liquidation within the watch's horizon.
    LiquidationProbability,
    /// Requirement over equity: liquidation at 1.
    MarginRatio,
    /// Chance of a sharp move within half an hour.
    Warning,
    /// Cost of holding a day, as a fraction of equity.
    Funding,
    /// Distance of the hedge from its band, as a fraction of the position.
    HedgeDrift,
    /// Age of the price, seconds.
    Staleness,
}

impl Watched {
    pub const ALL: [Self; 6] = [
        Self::LiquidationProbability,
        Self::MarginRatio,
        Self::Warning,
        Self::Funding,
        Self::HedgeDrift,
        Self::Staleness,
    ];
}

/// When one kind of thing is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub watched: Watched,
    /// Raised at or beyond this.
    pub raise: f64,
    /// Cleared at or before this.
    pub clear: f64,
    /// How long it has to stay beyond either, seconds.
    #[serde(default)]
    pub hold_seconds: f64,
    /// How long after it was told it is not told again, seconds.
    #[serde(default)]
    pub cool_down_seconds: f64,
}

/// Rules as shipped; docs/alerts.md says what they caught and how often.
pub const RULES: [Rule; 6] = [
    Rule {
        watched: Watched::LiquidationProbability,
        raise: 0.10,
        clear: 0.06,
        hold_seconds: 60.0,
        cool_down_seconds: 14_400.0,
    },
    Rule {
        watched: Watched::MarginRatio,
        raise: 0.6,
        clear: 0.5,
        hold_seconds: 10.0,
        cool_down_seconds: 3_600.0,
    },
    Rule {
        watched: Watched::Warning,
        raise: 0.02,
        clear: 0.006,
        hold_seconds: 0.0,
        cool_down_seconds: 14_400.0,
    },
    Rule {
        watched: Watched::Funding,
        raise: 0.01,
        clear: 0.006,
        hold_seconds: 600.0,
        cool_down_seconds: 28_800.0,
    },
    Rule {
        watched: Watched::HedgeDrift,
        raise: 0.10,
        clear: 0.05,
        hold_seconds: 300.0,
        cool_down_seconds: 14_400.0,
    },
    Rule {
        watched: Watched::Staleness,
        raise: 120.0,
        clear: 20.0,
        hold_seconds: 0.0,
        cool_down_seconds: 1_800.0,
    },
];

/// A value of one position at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// ms.
    pub time: f64,
    pub position: String,
    pub watched: Watched,
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Raised,
    Cleared,
}

/// A change of state, told or only written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Alert {
    pub time: f64,
    pub position: String,
    pub watched: Watched,
    pub change: Change,
    pub value: f64,
    /// Whether it is a message, and if not why: `quiet_hours`, `cool_down`, `daily_limit`, `cleared`.
    pub told: bool,
    pub reason: String,
}

/// When nothing is told: from and until, minutes after midnight of the user's day; a day's minutes after UTC's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    pub from_minute: f64,
    pub until_minute: f64,
    #[serde(default)]
    pub utc_offset_minutes: f64,
}

impl Quiet {
    fn holds(&self, time: f64) -> bool {
        let minute = (time / 60_000.0 + self.utc_offset_minutes).rem_euclid(1440.0);
        if self.from_minute <= self.until_minute {
            (self.from_minute..self.until_minute).contains(&minute)
        } else {
            minute >= self.from_minute || minute < self.until_minute
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub rules: Vec<Rule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// Messages a position and day.
    pub most_a_day: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: RULES.to_vec(),
            quiet: None,
            most_a_day: 3,
        }
    }
}

impl Settings {
    pub fn check(&self) -> Result<(), EngineError> {
        if self.rules.len() > 20 {
            return Err(EngineError::invalid("settings.rules", "at most 20 rules"));
        }
        for (i, r) in self.rules.iter().enumerate() {
            let at = |name: &str| format!("settings.rules[{i}].{name}");
            units::money(at("raise"), r.raise)?;
            units::money(at("clear"), r.clear)?;
            units::between(at("hold_seconds"), r.hold_seconds, 0.0, 1e6)?;
            units::between(at("cool_down_seconds"), r.cool_down_seconds, 0.0, 1e7)?;
            if r.clear >= r.raise {
                return Err(EngineError::invalid(
                    at("clear"),
                    "must be under raise: otherwise a value that trembles tells without end",
                ));
            }
            if self.rules[..i].iter().any(|b| b.watched == r.watched) {
                return Err(EngineError::invalid(at("watched"), "is listed twice"));
            }
        }
        if let Some(q) = &self.quiet {
            units::between("settings.quiet.from_minute", q.from_minute, 0.0, 1440.0)?;
            units::between("settings.quiet.until_minute", q.until_minute, 0.0, 1440.0)?;
            units::between("settings.quiet.utc_offset_minutes", q.utc_offset_minutes, -900.0, 900.0)?;
        }
        Ok(())
    }
}

/// One watched value of one position.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Level {
    pub raised: bool,
    /// Since when the value has been beyond the level that would change this, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond_since: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<f64>,
    /// Time of the last value, ms: older ones change nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<f64>,
    /// Raised, and not told yet.
    #[serde(default)]
    pub owed: bool,
}

/// What is remembered, by position and what is watched, and the messages of the last day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct State {
    #[cfg_attr(feature = "wasm", tsify(type = "Record<string, Record<string, Level>>"))]
    pub levels: BTreeMap<String, BTreeMap<Watched, Level>>,
    /// Times of messages by position, ms.
    pub told: BTreeMap<String, Vec<f64>>,
}

const DAY: f64 = 86_400_000.0;
/// Values further apart than this are not one stay, ms.
const PAUSE: f64 = 600_000.0;
/// Messages about one position this close together are one, ms.
const TOGETHER: f64 = 60_000.0;

/// Takes one value; the change of state that it made, if it made one. Values that are no numbers, and older ones than were seen, make none.
pub fn step(settings: &Settings, state: &mut State, seen: &Observation) -> Option<Alert> {
    let rule = settings.rules.iter().find(|r| r.watched == seen.watched)?;
    if !seen.value.is_finite() {
        return None;
    }
    let levels = state.levels.entry(seen.position.clone()).or_default();
    let level = levels.entry(seen.watched).or_default();
    if level.seen.is_some_and(|t| seen.time < t) {
        return None;
    }
    // After a pause in which nothing was seen, nobody knows that the value stayed beyond.
    if level.seen.is_some_and(|t| seen.time - t > PAUSE) {
        level.beyond_since = None;
    }
    level.seen = Some(seen.time);
    let beyond = if level.raised {
        seen.value <= rule.clear
    } else {
        seen.value >= rule.raise
    };
    let mut changed = None;
    if beyond {
        let since = *level.beyond_since.get_or_insert(seen.time);
        if seen.time - since >= rule.hold_seconds * 1000.0 {
            level.raised = !level.raised;
            level.beyond_since = None;
            level.owed = level.raised;
            changed = Some(if level.raised { Change::Raised } else { Change::Cleared });
        }
    } else {
        level.beyond_since = None;
    }
    // A raise that was not told is told as soon as it may be, if it still stands.
    if changed.is_none() && (!level.owed || beyond) {
        return None;
    }
    if changed == Some(Change::Cleared) {
        return Some(alert(seen, Change::Cleared, false, "cleared"));
    }
    let told = state.told.entry(seen.position.clone()).or_default();
    told.retain(|t| seen.time - t < DAY);
    let together = told.last().is_some_and(|t| seen.time - t < TOGETHER);
    let reason = if settings.quiet.is_some_and(|q| q.holds(seen.time)) {
        "quiet_hours"
    } else if level
        .told_at
        .is_some_and(|t| seen.time - t < rule.cool_down_seconds * 1000.0)
    {
        "cool_down"
    } else if seen.watched != Watched::Staleness && told.len() >= settings.most_a_day as usize && !together {
        "daily_limit"
    } else {
        ""
    };
    if reason.is_empty() {
        level.owed = false;
        level.told_at = Some(seen.time);
        // News of the data takes no place from news of the position.
        if !together && seen.watched != Watched::Staleness {
            told.push(seen.time);
        }
        return Some(alert(
            seen,
            Change::Raised,
            true,
            if together { "together" } else { "" },
        ));
    }
    // Written down once, when the state changed.
    changed.map(|c| alert(seen, c, false, reason))
}

fn alert(seen: &Observation, change: Change, told: bool, reason: &str) -> Alert {
    Alert {
        time: seen.time,
        position: seen.position.clone(),
        watched: seen.watched,
        change,
        value: seen.value,
        told,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64, value: f64) -> Observation {
        Observation {
            time: 1.772e12 + seconds * 1000.0,
            position: "BTC".to_owned(),
            watched: Watched::Warning,
            value,
        }
    }

    fn settings(hold: f64, rest: f64, most: u32) -> Settings {
        Settings {
            rules: vec![Rule {
                watched: Watched::Warning,
                raise: 0.1,
                clear: 0.05,
                hold_seconds: hold,
                cool_down_seconds: rest,
            }],
            quiet: None,
            most_a_day: most,
        }
    }

    #[test]
    fn a_state_is_told_once_and_trembling_is_not() {
        let (s, mut state) = (settings(0.0, 0.0, 100), State::default());
        let told: Vec<_> = (0..1000)
            .filter_map(|i| step(&s, &mut state, &at(f64::from(i), if i % 2 == 0 { 0.11 } else { 0.09 })))
            .collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].told && told[0].change == Change::Raised);
        assert_eq!(
            step(&s, &mut state, &at(1001.0, 0.05)).map(|a| a.change),
            Some(Change::Cleared)
        );
    }

    #[test]
    fn holds_rests_and_a_number_a_day_are_kept() {
        let (s, mut state) = (settings(60.0, 600.0, 2), State::default());
        assert_eq!(step(&s, &mut state, &at(0.0, 0.2)), None);
        assert_eq!(step(&s, &mut state, &at(30.0, 0.01)), None);
        assert_eq!(step(&s, &mut state, &at(60.0, 0.2)), None);
        assert!(step(&s, &mut state, &at(120.0, 0.2)).is_some_and(|a| a.told));
        // Cleared and raised again within the rest: written down, and told when the rest is over.
        step(&s, &mut state, &at(130.0, 0.0));
        assert!(step(&s, &mut state, &at(190.0, 0.0)).is_some_and(|a| a.change == Change::Cleared));
        step(&s, &mut state, &at(200.0, 0.2));
        assert!(step(&s, &mut state, &at(260.0, 0.2)).is_some_and(|a| !a.told && a.reason == "cool_down"));
        assert_eq!(step(&s, &mut state, &at(300.0, 0.2)), None);
        assert!(step(&s, &mut state, &at(721.0, 0.2)).is_some_and(|a| a.told));
        // The third of the day is not told until the first is a day old.
        for t in [2000.0, 2060.0] {
            step(&s, &mut state, &at(t, 0.0));
        }
        step(&s, &mut state, &at(3000.0, 0.2));
        assert!(step(&s, &mut state, &at(3060.0, 0.2)).is_some_and(|a| a.reason == "daily_limit"));
        assert!(step(&s, &mut state, &at(86_521.0, 0.2)).is_some_and(|a| a.told));
    }

    #[test]
    fn quiet_hours_keep_what_still_stands_for_the_morning() {
        let mut s = settings(0.0, 0.0, 3);
        // 1.772e12 is 06:13:20 UTC; quiet from 22:00 to 07:00.
        s.quiet = Some(Quiet {
            from_minute: 1320.0,
            until_minute: 420.0,
            utc_offset_minutes: 0.0,
        });
        let mut state = State::default();
        assert!(step(&s, &mut state, &at(0.0, 0.2)).is_some_and(|a| !a.told && a.reason == "quiet_hours"));
        assert_eq!(step(&s, &mut state, &at(600.0, 0.2)), None);
        assert!(step(&s, &mut state, &at(2_900.0, 0.2)).is_some_and(|a| a.told));
    }

    #[test]
    fn what_is_owed_is_not_told_once_it_is_over_and_a_pause_is_no_stay() {
        let mut s = settings(60.0, 0.0, 3);
        s.quiet = Some(Quiet {
            from_minute: 1320.0,
            until_minute: 420.0,
            utc_offset_minutes: 0.0,
        });
        let mut state = State::default();
        step(&s, &mut state, &at(0.0, 0.2));
        assert!(step(&s, &mut state, &at(60.0, 0.2)).is_some_and(|a| a.reason == "quiet_hours"));
        // The morning comes with a harmless value: nothing is told while it waits to be cleared.
        assert_eq!(step(&s, &mut state, &at(3_000.0, 0.01)), None);
        assert!(step(&s, &mut state, &at(3_060.0, 0.01)).is_some_and(|a| a.change == Change::Cleared));
        // Above the level in the evening and in the morning, and nobody looked between.
        assert_eq!(step(&s, &mut state, &at(4_000.0, 0.2)), None);
        assert_eq!(step(&s, &mut state, &at(40_000.0, 0.2)), None);
        assert!(step(&s, &mut state, &at(40_060.0, 0.2)).is_some_and(|a| a.told));
    }

    #[test]
    fn what_is_older_or_no_number_changes_nothing_and_a_reload_repeats_nothing() {
        let (s, mut state) = (settings(0.0, 0.0, 100), State::default());
        assert!(step(&s, &mut state, &at(10.0, 0.2)).is_some());
        assert_eq!(step(&s, &mut state, &at(5.0, 0.0)), None);
        assert_eq!(step(&s, &mut state, &at(11.0, f64::NAN)), None);
        let kept = serde_json::to_string(&state).unwrap_or_default();
        let mut again: State = serde_json::from_str(&kept).unwrap_or_default();
        assert_eq!(again, state);
        assert_eq!(step(&s, &mut again, &at(12.0, 0.2)), None);
    }
}
