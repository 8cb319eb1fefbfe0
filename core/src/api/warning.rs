//! Operation `warning`: the chance of a sharp move within the next minutes, from what is known at a time.

use super::hawkes::{HawkesRequest, hawkes};
use super::{Progress, Step, checks};
use crate::error::EngineError;
use crate::market::Market;
use crate::units;
use crate::warning::adjust::{Adjustment, Outcome, PRIORS, Values, adjust};
use crate::warning::features::{DAY, FIVE, Known, Walker, five_minutes};
use crate::warning::touch::{Asked, GROUPS, Model, Standing, bars_of, sigmoid};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const THRESHOLD: f64 = -0.02;
const HORIZONS: [f64; 2] = [15.0, 30.0];
const MOST_TIMES: usize = 200_000;
const MOST_OUTCOMES: usize = 100_000;
/// Bars without which half a day's mean says little.
const LEAST_BARS: usize = 36;

/// What is warned of: a bar whose low (below 0) or high (above 0) is this far from the close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct WarningEvent {
    pub return_threshold: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[serde(deny_unknown_fields)]
pub struct WarningRequest {
    /// With candles of one or five minutes; with `liquidations` the intensity of forced selling is told beside.
    pub market: Market,
    /// Closes of bars, as times; the last bar if absent. Nothing after a time is used for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<f64>,
    /// 15 and 30 if absent.
    #[serde(
        default,
        alias = "horizon_minutes",
        deserialize_with = "one_or_more",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[cfg_attr(feature = "wasm", tsify(type = "number | number[]", optional))]
    pub horizons_minutes: Vec<f64>,
    /// A fall of 2 % if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<WarningEvent>,
    /// What may move the chance and is too little recorded to be fitted, by the names in `adjustments`: what the candles do not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provisional: Values,
    /// What came of forecasts told with such values, oldest first: the weights learn from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
}

fn one_or_more<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(f64),
        More(Vec<f64>),
    }
    match Given::deserialize(d) {
        Ok(Given::One(x)) => Ok(vec![x]),
        Ok(Given::More(x)) => Ok(x),
        Err(_) => Err(serde::de::Error::custom(
            "must be a number of minutes or a list of them",
        )),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct WarningForecast {
    pub time: f64,
    pub horizon_minutes: f64,
    pub probability: f64,
    /// From the volatility of the last 20 and 50 minutes alone.
    pub baseline: f64,
    /// Before the correction by this history's own past forecasts.
    pub uncorrected: f64,
    /// Close time of the last bar used.
    pub known_until: f64,
}

/// A group of inputs of the first forecast at the last time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Driver {
    pub name: String,
    /// Change of the log-odds against the same market with these inputs at what is usual; above 0 raises the chance.
    pub part: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct WarningModel {
    pub name: String,
    pub version: u32,
    pub return_threshold: f64,
    /// Touches in this history so far, and those foretold before they were known, both fading: what `probability` is corrected
    /// by, for each horizon.
    pub happened: Vec<f64>,
    pub foretold: Vec<f64>,
    /// The level in half a day's mean ranges of five minutes, at the last time.
    pub distance: f64,
    pub card: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct WarningResponse {
    pub forecasts: Vec<WarningForecast>,
    /// Of the last time, first horizon.
    pub probability: f64,
    pub drivers: Vec<Driver>,
    /// Of the same forecast: parts with stated priors, which learn from `outcomes`; they are not in `probability`.
    pub adjustments: Vec<Adjustment>,
    /// `probability` with these parts. Null where none of them is known.
    pub provisional_probability: Option<f64>,
    pub model: WarningModel,
    /// Liquidations a second at the end of their stream, longs and shorts, and how many others each sets off; null without at
    /// least ten liquidations of each kind that occurs.
    pub intensity: Option<[f64; 2]>,
    pub branching_ratio: Option<f64>,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

struct Question {
    threshold: f64,
    minutes: Vec<f64>,
}

fn check(request: &WarningRequest) -> Result<Question, EngineError> {
    let threshold = request.event.map_or(THRESHOLD, |e| e.return_threshold);
    units::between("event.return_threshold", threshold, -0.5, 1.0)?;
    if threshold.abs() < 0.001 {
        return Err(EngineError::invalid(
            "event.return_threshold",
            format!("must be 0.001 away from 0 at least; got {threshold}"),
        ));
    }
    let minutes = if request.horizons_minutes.is_empty() {
        HORIZONS.to_vec()
    } else {
        request.horizons_minutes.clone()
    };
    if minutes.len() > 10 {
        return Err(EngineError::invalid("horizons_minutes", "at most 10 horizons"));
    }
    for (k, m) in minutes.iter().enumerate() {
        units::between(format_args!("horizons_minutes[{k}]"), *m, 5.0, 240.0)?;
    }
    if request.provisional.len() > 20 {
        return Err(EngineError::invalid("provisional", "at most 20 values"));
    }
    let named = |at: String, v: &(String, f64)| -> Result<(), EngineError> {
        if !PRIORS.iter().any(|p| p.0 == v.0) {
            let names: Vec<&str> = PRIORS.iter().map(|p| p.0).collect();
            return Err(EngineError::invalid(at, format!("is none of {}", names.join(", "))));
        }
        units::money(at, v.1).map(|_| ())
    };
    for (i, v) in request.provisional.iter().enumerate() {
        named(format!("provisional[{i}]"), v)?;
    }
    if request.outcomes.len() > MOST_OUTCOMES {
        return Err(EngineError::invalid("outcomes", format!("at most {MOST_OUTCOMES}")));
    }
    for (i, o) in request.outcomes.iter().enumerate() {
        units::between(format_args!("outcomes[{i}].log_odds"), o.log_odds, -50.0, 50.0)?;
        for (k, v) in o.values.iter().enumerate() {
            named(format!("outcomes[{i}].values[{k}]"), v)?;
        }
    }
    if request.times.len() > MOST_TIMES {
        return Err(EngineError::invalid("times", format!("at most {MOST_TIMES} times")));
    }
    for (k, t) in request.times.iter().enumerate() {
        units::millis(format_args!("times[{k}]"), *t)?;
    }
    Ok(Question { threshold, minutes })
}

/// A forecast whose window has not ended.
struct Open {
    bar: usize,
    probability: f64,
}

pub(super) fn warning(
    request: &WarningRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<WarningResponse, EngineError> {
    let question = check(request)?;
    let candles = request.market.candles.as_ref().ok_or_else(|| {
        EngineError::insufficient("market.candles", "is missing: one- or five-minute candles are needed")
    })?;
    checks::candles(candles, "market.candles")?;
    let rows = five_minutes(candles).ok_or_else(|| {
        EngineError::unsupported(
            "market.candles.interval",
            "must be 1m or 5m: the model reads five-minute bars",
        )
    })?;
    let model =
        Model::shipped().ok_or_else(|| EngineError::unsupported("model", "the shipped model cannot be read"))?;
    if rows.len() < LEAST_BARS {
        return Err(EngineError::insufficient(
            "market.candles.rows",
            format!(
                "three hours of five-minute bars at least ({LEAST_BARS}); got {}",
                rows.len()
            ),
        ));
    }
    let asked: Vec<Asked> = question
        .minutes
        .iter()
        .map(|m| Asked {
            bars: bars_of(*m),
            threshold: question.threshold,
        })
        .collect();
    // In order of time; told in the order asked.
    let last_close = rows[rows.len() - 1].0 + FIVE;
    let times: Vec<f64> = if request.times.is_empty() {
        vec![last_close]
    } else {
        request.times.clone()
    };
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
    let first_known = rows[LEAST_BARS - 1].0 + FIVE;
    if let Some(k) = order.first().filter(|k| times[**k] < first_known) {
        return Err(EngineError::insufficient(
            format!("times[{k}]"),
            "three hours of bars must lie before it",
        ));
    }
    let latest = times[order[order.len() - 1]];
    if latest > last_close + 24.0 * 3_600_000.0 {
        return Err(EngineError::insufficient(
            format!("times[{}]", order[order.len() - 1]),
            "lies more than a day after the last bar",
        ));
    }
    let mut next = 0;
    let mut told: Vec<Option<WarningForecast>> = vec![None; times.len() * asked.len()];
    let mut standings = vec![Standing::default(); asked.len()];
    let mut open: Vec<std::collections::VecDeque<Open>> =
        asked.iter().map(|_| std::collections::VecDeque::new()).collect();
    let mut walker = Walker::new(&rows);
    let mut bar = 0;
    let mut at_last: Option<Known> = None;
    while let Some(known) = walker.step() {
        let close_time = known.time + FIVE;
        // What is asked between this close and the next one knows this bar.
        let until = rows.get(bar + 1).map_or(f64::INFINITY, |r| r.0 + FIVE);
        let wanted = next < order.len() && times[order[next]] < until;
        for (h, a) in asked.iter().enumerate() {
            settle(&rows, bar, a, &mut open[h], &mut standings[h], &model);
            let log_odds = (bar >= DAY || wanted).then(|| model.touch(&known, *a));
            if let Some(e) = log_odds.filter(|_| bar >= DAY) {
                open[h].push_back(Open {
                    bar,
                    probability: sigmoid(e),
                });
            }
            if let (true, Some(e)) = (wanted, log_odds) {
                let corrected = if bar >= DAY {
                    e + standings[h].correction(&model.online)
                } else {
                    e
                };
                for k in order[next..].iter().take_while(|k| times[**k] < until) {
                    told[k * asked.len() + h] = Some(WarningForecast {
                        time: times[*k],
                        horizon_minutes: question.minutes[h],
                        probability: sigmoid(corrected),
                        baseline: model.baseline(&known, *a),
                        uncorrected: sigmoid(e),
                        known_until: close_time,
                    });
                }
            }
        }
        if wanted {
            next += order[next..].iter().take_while(|k| times[**k] < until).count();
            at_last = Some(known);
        }
        if next == order.len() {
            break;
        }
        bar += 1;
        if bar % 4096 == 0 {
            progress(Progress {
                share: bar as f64 / rows.len() as f64,
            });
        }
    }
    let forecasts: Vec<WarningForecast> = told.into_iter().flatten().collect();
    let known = at_last.ok_or_else(|| EngineError::insufficient("times", "no bar is known at any of them"))?;
    let last = order[order.len() - 1] * asked.len();
    let mut notes = notes(&rows, &times, known.time + FIVE, latest);
    let (intensity, branching_ratio) = stream(request, latest, &mut notes);
    let distance = libm::log(1.0 + question.threshold).abs() / known.usual_range();
    let (adjustments, shift) = adjust(&request.provisional, &request.outcomes);
    let known_parts = adjustments.iter().any(|a| a.value.is_some());
    let told_odds = log_odds(forecasts[last].probability);
    let explanation = explain.then(|| {
        vec![Step::new(
            "chance of a touch",
            "1 / (1 + exp(−(log-odds + ln((happened + κ) / (foretold + κ)))))",
            &[
                ("uncorrected", forecasts[last].uncorrected),
                ("happened", standings[0].happened),
                ("foretold", standings[0].foretold),
                ("κ", model.online.kappa),
                ("level in usual ranges", distance),
            ],
            Some(forecasts[last].probability),
            "fraction",
            "two-stage shrunk logistic model, docs/early-warning.md",
        )]
    });
    Ok(WarningResponse {
        probability: forecasts[last].probability,
        drivers: GROUPS
            .iter()
            .zip(model.parts(&known, asked[0]))
            .map(|((name, ..), part)| Driver {
                name: (*name).to_owned(),
                part,
            })
            .collect(),
        model: WarningModel {
            name: "touch of a level by two-stage shrunk logistic regression, pooled over assets".to_owned(),
            version: model.version,
            return_threshold: question.threshold,
            happened: standings.iter().map(|s| s.happened).collect(),
            foretold: standings.iter().map(|s| s.foretold).collect(),
            distance,
            card: "docs/early-warning.md".to_owned(),
        },
        forecasts,
        adjustments,
        provisional_probability: known_parts.then(|| sigmoid(told_odds + shift)),
        intensity,
        branching_ratio,
        assumptions: notes,
        explanation,
    })
}

fn log_odds(p: f64) -> f64 {
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    libm::log(p / (1.0 - p))
}

type Rows = [(f64, f64, f64, f64, f64, f64)];

/// Forecasts whose window ends with this bar become part of the record.
fn settle(
    rows: &Rows,
    bar: usize,
    asked: &Asked,
    open: &mut std::collections::VecDeque<Open>,
    standing: &mut Standing,
    model: &Model,
) {
    let bars = asked.bars.round().max(1.0) as usize;
    while open.front().is_some_and(|o| o.bar + bars <= bar) {
        let Some(o) = open.pop_front() else { break };
        let end = o.bar + bars;
        // A window with a gap in it says nothing.
        if rows[end].0 - rows[o.bar].0 != bars as f64 * FIVE {
            continue;
        }
        let level = rows[o.bar].4 * (1.0 + asked.threshold);
        let happened = rows[o.bar + 1..=end].iter().any(|r| {
            if asked.threshold < 0.0 {
                r.3 <= level
            } else {
                r.2 >= level
            }
        });
        standing.learn(&model.online, o.probability, happened);
    }
}

fn notes(rows: &Rows, times: &[f64], known_until: f64, latest: f64) -> Vec<String> {
    let mut out = Vec::new();
    let gaps = rows.windows(2).filter(|w| w[1].0 - w[0].0 != FIVE).count();
    if gaps > 0 {
        out.push(format!(
            "{gaps} gaps in the candles are read over as if the bars were neighbours"
        ));
    }
    if rows.len() < DAY {
        out.push(
            "less than a day of bars: the time of day is the average market's, and nothing is corrected".to_owned(),
        );
    }
    if latest >= known_until + FIVE {
        out.push(format!(
            "the last bar known closed {:.0} minutes before the last time asked",
            (latest - known_until) / 60_000.0
        ));
    }
    if times.iter().any(|t| (t / FIVE).fract() != 0.0) {
        out.push("a time between two closes knows the bar that closed before it".to_owned());
    }
    out
}

/// What the stream of liquidations up to the last time adds: told, not yet in the chance.
fn stream(request: &WarningRequest, latest: f64, notes: &mut Vec<String>) -> (Option<[f64; 2]>, Option<f64>) {
    let Some(rows) = &request.market.liquidations else {
        notes.push("no stream of liquidations is given: intensity and branching ratio are not told".to_owned());
        return (None, None);
    };
    let events: Vec<_> = rows
        .iter()
        .filter(|r| r.0 <= latest)
        .map(|r| (r.0, r.1, r.2 * r.3))
        .collect();
    let asked = HawkesRequest {
        events,
        end: latest,
        start: None,
        marked: false,
        symbols: Vec::new(),
    };
    match hawkes(&asked, false, &mut |_| {}) {
        Ok(found) => {
            notes.push("the stream of liquidations is told beside the chance and does not enter it: too little of it is recorded to fit".to_owned());
            (
                Some([found.intensity[0], found.intensity[1]]),
                Some(found.branching_ratio),
            )
        }
        Err(e) => {
            notes.push(format!(
                "the stream of liquidations cannot be used: {} {}",
                e.field, e.message
            ));
            (None, None)
        }
    }
}
