//! Operation `hawkes`: how far liquidations set each other off.

use super::Step;
use crate::error::EngineError;
use crate::units::{self, Side};
use crate::warning::hawkes::{self, Event, Fit, Law};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MOST_EVENTS: usize = 300_000;
const MOST_SYMBOLS: usize = 4;
/// Minutes ahead for which events are foretold.
const AHEAD: [f64; 2] = [15.0, 30.0];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct HawkesRequest {
    /// Rows of `[time, side, notional]` in milliseconds, oldest first; "long": a long was liquidated.
    pub events: Vec<(f64, Side, f64)>,
    /// End of the window in which every event was seen.
    pub end: f64,
    /// Its beginning; the first event's time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    /// Whether large events excite more.
    #[serde(default)]
    pub marked: bool,
    /// Instrument of each event, for several that excite each other; at most four different ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct EventType {
    /// Empty where no symbols were given.
    pub symbol: String,
    pub side: Side,
    pub events: usize,
}

/// Null: at the edge of its range, or not told by the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct HawkesErrors {
    pub baseline: Vec<Option<f64>>,
    pub excitation: Vec<Vec<Option<f64>>>,
    pub decay: Option<f64>,
    pub mark_power: Option<f64>,
    pub branching_ratio: Option<f64>,
}

/// Expected events by type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Expected {
    pub minutes: f64,
    pub events: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct HawkesResponse {
    /// What the entries of `baseline` and `excitation` belong to.
    pub types: Vec<EventType>,
    /// Events a second that nothing before explains.
    pub baseline: Vec<f64>,
    /// `excitation[i][j]`: events of type i that one of type j brings about directly.
    pub excitation: Vec<Vec<f64>>,
    /// A second.
    pub decay: f64,
    /// `g(notional) = notional^mark_power / mark_mean`; 0 where marks do not count.
    pub mark_power: f64,
    pub mark_mean: f64,
    pub kernel: String,
    /// Largest eigenvalue of `excitation`: of all events, the share that others set off.
    pub branching_ratio: f64,
    /// 95 %; null where its error is not known.
    pub branching_interval: Option<[f64; 2]>,
    pub standard_errors: HawkesErrors,
    pub log_likelihood: f64,
    /// Of the same events without excitation.
    pub log_likelihood_poisson: f64,
    /// Kolmogorov–Smirnov on the rescaled times; small: the law does not describe these events.
    pub residual_ks_p_value: Option<f64>,
    /// Events a second at the end of the window, by type.
    pub intensity: Vec<f64>,
    pub expected: Vec<Expected>,
    pub converged: bool,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

/// A time in milliseconds on any clock: only differences count.
fn clock(field: impl std::fmt::Display, value: f64) -> Result<f64, EngineError> {
    units::between(field, value, 0.0, 4_102_444_800_000.0)
}

fn check(request: &HawkesRequest) -> Result<(f64, Vec<String>), EngineError> {
    let rows = &request.events;
    if rows.len() > MOST_EVENTS {
        return Err(EngineError::invalid(
            "events",
            format!("at most {MOST_EVENTS}; got {}", rows.len()),
        ));
    }
    for (i, row) in rows.iter().enumerate() {
        clock(format_args!("events[{i}][0]"), row.0)?;
        units::size(format_args!("events[{i}][2]"), row.2)?;
        if i > 0 && row.0 < rows[i - 1].0 {
            return Err(EngineError::invalid(
                format!("events[{i}][0]"),
                "must not be earlier than the row before",
            ));
        }
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(EngineError::insufficient("events", "is empty: ten events at least"));
    };
    if rows.len() < 10 {
        return Err(EngineError::insufficient(
            "events",
            format!("ten events at least; got {}", rows.len()),
        ));
    }
    if clock("end", request.end)? < last.0 {
        return Err(EngineError::invalid("end", "must not be before the last event"));
    }
    let start = clock("start", request.start.unwrap_or(first.0))?;
    if start > first.0 {
        return Err(EngineError::invalid("start", "must not be after the first event"));
    }
    if request.end <= start {
        return Err(EngineError::insufficient("end", "the window has no length"));
    }
    let symbols = &request.symbols;
    if !symbols.is_empty() && symbols.len() != rows.len() {
        return Err(EngineError::invalid(
            "symbols",
            format!("one for each event: {} for {}", symbols.len(), rows.len()),
        ));
    }
    let mut names: Vec<String> = symbols.clone();
    names.sort();
    names.dedup();
    if names.len() > MOST_SYMBOLS {
        return Err(EngineError::invalid(
            "symbols",
            format!("at most {MOST_SYMBOLS} different ones; got {}", names.len()),
        ));
    }
    if names.is_empty() {
        names.push(String::new());
    }
    Ok((start, names))
}

/// A law of the types that occurred, with the types that did not put back in as what never happens.
fn spread<T: Clone>(of: &[T], present: &[usize], all: usize, absent: T) -> Vec<T> {
    let mut out = vec![absent; all];
    for (value, at) in of.iter().zip(present) {
        out[*at] = value.clone();
    }
    out
}

pub(super) fn hawkes(
    request: &HawkesRequest,
    explain: bool,
    progress: &mut dyn FnMut(super::Progress),
) -> Result<HawkesResponse, EngineError> {
    let (start, names) = check(request)?;
    let kind = |i: usize| {
        let symbol = request
            .symbols
            .get(i)
            .map_or(0, |s| names.iter().position(|n| n == s).unwrap_or(0));
        2 * symbol + usize::from(request.events[i].1 == Side::Short)
    };
    let all = 2 * names.len();
    let mut counts = vec![0; all];
    for i in 0..request.events.len() {
        counts[kind(i)] += 1;
    }
    let present: Vec<usize> = (0..all).filter(|k| counts[*k] > 0).collect();
    let index = |k: usize| present.iter().position(|p| *p == k).unwrap_or(0);
    let events: Vec<Event> = request
        .events
        .iter()
        .enumerate()
        .map(|(i, row)| Event {
            time: (row.0 - start) / 1000.0,
            kind: index(kind(i)),
            mark: row.2,
        })
        .collect();
    let end = (request.end - start) / 1000.0;
    let fit = hawkes::fit(&events, present.len(), end, request.marked, &mut |share| {
        progress(super::Progress { share });
    })
    .ok_or_else(|| EngineError::insufficient("events", "too few to fit"))?;
    Ok(answer(request, &fit, &events, end, &names, &counts, &present, explain))
}

#[expect(clippy::too_many_arguments, reason = "the parts of one answer")]
fn answer(
    request: &HawkesRequest,
    fit: &Fit,
    events: &[Event],
    end: f64,
    names: &[String],
    counts: &[usize],
    present: &[usize],
    explain: bool,
) -> HawkesResponse {
    let law: &Law = &fit.law;
    let (kinds, all) = (present.len(), counts.len());
    let e = &fit.standard_errors;
    let rows_of_errors: Vec<Vec<Option<f64>>> = (0..kinds)
        .map(|i| spread(&e[kinds + i * kinds..kinds + (i + 1) * kinds], present, all, None))
        .collect();
    let excitation: Vec<Vec<f64>> = law.excitation.iter().map(|r| spread(r, present, all, 0.0)).collect();
    let intensity = law.intensity(&law.excited(events, end + 1e-9));
    let branching_ratio = law.branching_ratio();
    let simultaneous = events.windows(2).filter(|w| w[0].time == w[1].time).count();
    let mut assumptions = Vec::new();
    if request.start.is_none() {
        assumptions.push("the window begins at the first event".to_owned());
    }
    if simultaneous > 0 {
        assumptions.push(format!(
            "{simultaneous} events at the same instant as another: these do not excite each other"
        ));
    }
    if fit.held {
        assumptions.push(format!(
            "the best fit would explode: the branching ratio is held at {}",
            hawkes::MOST_BRANCHING
        ));
    }
    if !fit.inside {
        assumptions
            .push("the decay is at the edge of the range searched: these events tell little about it".to_owned());
    }
    let poisson: f64 = counts
        .iter()
        .filter(|n| **n > 0)
        .map(|n| *n as f64 * (libm::log(*n as f64 / end) - 1.0))
        .sum();
    let explanation = explain.then(|| {
        vec![
            Step::new(
                "log-likelihood",
                "Σ log λ(event) − Σ over types of ∫ λ dt",
                &[("events", events.len() as f64), ("seconds", end)],
                Some(fit.log_likelihood),
                "nats",
                "Ogata (1981), in one pass over the events",
            ),
            Step::new(
                "branching ratio",
                "largest eigenvalue of the excitation matrix",
                &[("types", all as f64)],
                Some(branching_ratio),
                "children an event",
                "Hawkes (1971)",
            ),
        ]
    });
    HawkesResponse {
        types: (0..all)
            .map(|k| EventType {
                symbol: names[k / 2].clone(),
                side: if k % 2 == 0 { Side::Long } else { Side::Short },
                events: counts[k],
            })
            .collect(),
        baseline: spread(&law.baseline, present, all, 0.0),
        excitation: spread(&excitation, present, all, vec![0.0; all]),
        decay: law.decay,
        mark_power: law.mark_power,
        mark_mean: law.mark_mean,
        kernel: "excitation[i][j] · g(notional) · decay · exp(−decay · seconds since the event)".to_owned(),
        branching_ratio,
        branching_interval: fit
            .branching_standard_error
            .map(|s| [(branching_ratio - 1.96 * s).max(0.0), branching_ratio + 1.96 * s]),
        standard_errors: HawkesErrors {
            baseline: spread(&e[..kinds], present, all, None),
            excitation: spread(&rows_of_errors, present, all, vec![None; all]),
            decay: e[kinds + kinds * kinds],
            mark_power: e.get(kinds + kinds * kinds + 1).copied().flatten(),
            branching_ratio: fit.branching_standard_error,
        },
        log_likelihood: fit.log_likelihood,
        log_likelihood_poisson: poisson,
        residual_ks_p_value: hawkes::exponential_p_value(&hawkes::residuals(events, end, law)),
        expected: AHEAD
            .into_iter()
            .map(|minutes| Expected {
                minutes,
                events: spread(&law.expected(&intensity, minutes * 60.0), present, all, 0.0),
            })
            .collect(),
        intensity: spread(&intensity, present, all, 0.0),
        converged: fit.inside && !fit.held,
        assumptions,
        explanation,
    }
}
