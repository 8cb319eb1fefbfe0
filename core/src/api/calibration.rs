//! Operation `calibration`: the record of a model on one market's past, walked forward.

use super::Progress;
use super::probability::markets::candles as check_candles;
use super::request::CalibrationRequest;
use crate::error::EngineError;
use crate::forecast::members::{MONTH, NAMES};
use crate::forecast::scores::{
    brier, decompose, expected_calibration_error, log_loss, log_score, reliability, skill_interval,
};
use crate::forecast::walk::{Cell, Grid, walk};
use crate::units::{self, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Groups of a reliability diagram.
const GROUPS: usize = 10;
/// Touches from which an interval of the skill is told: with fewer, drawing days again mostly draws none.
const LEAST_EVENTS: usize = 20;
/// Misses told.
const MISSES: usize = 10;
/// Cells of one request, and forecasts of each.
const MOST_CELLS: usize = 400;
const MOST_TIMES: f64 = 20_000.0;

/// The record of one leverage, side and horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct CellScore {
    pub leverage: f64,
    pub side: Side,
    pub horizon_hours: f64,
    pub forecasts: usize,
    /// How many were liquidated.
    pub events: usize,
    pub mean_forecast: f64,
    pub brier: f64,
    /// Of the running frequency of the same cell, and of the plain model.
    pub brier_climatology: f64,
    pub brier_gbm: f64,
    /// One less the ratio to them; null where nothing happened or they are 0.
    pub skill_climatology: Option<f64>,
    pub skill_gbm: Option<f64>,
    /// 5 % and 95 % of `skill_gbm`, days drawn again; null with fewer than 20 days or touches.
    pub skill_gbm_interval: Option<[f64; 2]>,
    /// `brier = miscalibration − discrimination + uncertainty`.
    pub miscalibration: f64,
    pub discrimination: f64,
    pub uncertainty: f64,
    pub log_loss: f64,
    pub log_loss_gbm: f64,
    pub expected_calibration_error: f64,
    /// Rows of `[mean forecast, observed frequency, count]`.
    pub reliability: Vec<[f64; 3]>,
}

/// What each model carried from a time on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct WeightRow {
    /// Milliseconds since 1970.
    pub time: f64,
    /// In the order of `members`.
    pub weights: Vec<f64>,
    /// `logit q = a·ln p − b·ln(1 − p) + c`: a, b, c of the calibration map.
    pub map: [f64; 3],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct WeightPath {
    pub horizon_hours: f64,
    /// A row a week; the last is in force at the end.
    pub rows: Vec<WeightRow>,
}

/// A forecast that went badly wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Miss {
    pub time: f64,
    pub leverage: f64,
    pub side: Side,
    pub horizon_hours: f64,
    pub forecast: f64,
    pub happened: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct CalibrationResponse {
    pub model: String,
    pub scores: Vec<CellScore>,
    /// Over all cells together.
    pub brier: f64,
    pub log_loss: f64,
    pub skill_gbm: Option<f64>,
    pub skill_gbm_interval: Option<[f64; 2]>,
    /// Whether that interval lies above 0.
    pub has_skill: bool,
    /// Models that compete.
    pub members: Vec<String>,
    pub weights: Vec<WeightPath>,
    /// Worst first, at most one of a time.
    pub misses: Vec<Miss>,
    /// First and last forecast, ms.
    pub from: f64,
    pub until: f64,
    pub assumptions: Vec<String>,
}

pub(super) fn calibration(
    request: &CalibrationRequest,
    progress: &mut dyn FnMut(Progress),
) -> Result<CalibrationResponse, EngineError> {
    let candles = request
        .market
        .candles
        .as_ref()
        .ok_or_else(|| EngineError::insufficient("market.candles", "are missing: the record is walked on them"))?;
    check_candles(candles, "market.candles")?;
    let grid = grid(request, candles.interval.millis() / 3_600_000.0)?;
    let kind = request.model.kind.as_str();
    let pick: fn(&Cell) -> &Vec<f64> = match kind {
        "auto" => |c| &c.auto,
        "gbm" => |c| &c.members[0],
        "ewma" => |c| &c.members[1],
        "garch" => |c| &c.members[2],
        "past_touches" => |c| &c.members[3],
        "learned" => |c| &c.members[4],
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(EngineError::unsupported(
                "model.kind",
                format!("'{shown}' is not one of auto, {}", NAMES.join(", ")),
            ));
        }
    };
    let hours = candles.rows.last().map_or(0.0, |l| l.0 - candles.rows[0].0) / 3_600_000.0;
    if hours / grid.every_hours > MOST_TIMES {
        return Err(EngineError::invalid(
            "every_hours",
            format!("makes more than {MOST_TIMES} forecasts of these candles"),
        ));
    }
    let record = walk(candles, &grid, &mut |share| progress(Progress { share }));
    let cells: Vec<&Cell> = record.cells.iter().filter(|c| !c.times.is_empty()).collect();
    let Some((from, until)) = cells
        .iter()
        .map(|c| (c.times[0], c.times[c.times.len() - 1]))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    else {
        return Err(EngineError::insufficient(
            "market.candles",
            format!(
                "holds {} bars: more than {MONTH} that move are needed before the first forecast, and a whole horizon after it",
                candles.rows.len()
            ),
        ));
    };
    let scores: Vec<CellScore> = cells.iter().map(|c| score(c, pick(c), &grid)).collect();
    // All cells together, time by time, so that days stay whole.
    let mut all: Vec<(f64, f64, f64, f64)> = Vec::new();
    for c in &cells {
        for (k, y) in c.outcomes.iter().enumerate() {
            all.push((c.times[k], pick(c)[k], c.members[0][k], *y));
        }
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let said: Vec<f64> = all.iter().map(|a| a.1).collect();
    let plain: Vec<f64> = all.iter().map(|a| a.2).collect();
    let outcomes: Vec<f64> = all.iter().map(|a| a.3).collect();
    let times: Vec<f64> = all.iter().map(|a| a.0).collect();
    let longest = grid.horizons_hours.iter().copied().fold(0.0, f64::max);
    let interval = skill_of(&said, &plain, &outcomes, &times, longest);
    Ok(CalibrationResponse {
        model: kind.to_owned(),
        brier: brier(&said, &outcomes),
        log_loss: log_loss(&said, &outcomes),
        skill_gbm: ratio(brier(&said, &outcomes), brier(&plain, &outcomes)),
        skill_gbm_interval: interval,
        has_skill: interval.is_some_and(|i| i[0] > 0.0),
        members: NAMES.iter().map(|n| (*n).to_owned()).collect(),
        weights: grid
            .horizons_hours
            .iter()
            .zip(&record.marks)
            .map(|(h, rows)| WeightPath {
                horizon_hours: *h,
                rows: rows
                    .iter()
                    .map(|m| WeightRow {
                        time: m.time,
                        weights: m.weights.clone(),
                        map: [m.map.a, m.map.b, m.map.c],
                    })
                    .collect(),
            })
            .collect(),
        misses: misses(&cells, pick, &grid),
        scores,
        from,
        until,
        assumptions: vec![
            "entry at the close, level of an isolated linear position, fixed: funding and fees are not counted"
                .to_owned(),
            "touched: the high or low of a later bar within the horizon reaches the level".to_owned(),
        ],
    })
}

fn grid(request: &CalibrationRequest, step_hours: f64) -> Result<Grid, EngineError> {
    let lists: [(&str, &[f64]); 2] = [
        ("leverages", &request.leverages),
        ("horizons_hours", &request.horizons_hours),
    ];
    for (name, list) in lists {
        if list.is_empty() || list.len() > 40 {
            return Err(EngineError::invalid(
                name,
                format!("must hold 1 to 40 numbers; got {}", list.len()),
            ));
        }
    }
    for (i, l) in request.leverages.iter().enumerate() {
        units::leverage(format_args!("leverages[{i}]"), *l)?;
    }
    for (i, h) in request.horizons_hours.iter().enumerate() {
        units::between(format_args!("horizons_hours[{i}]"), *h, step_hours, 24.0 * 90.0)?;
    }
    let sides = if request.sides.is_empty() {
        vec![Side::Long, Side::Short]
    } else {
        request.sides.clone()
    };
    if sides.len() * request.leverages.len() * request.horizons_hours.len() > MOST_CELLS {
        return Err(EngineError::invalid(
            "leverages",
            format!("with sides and horizons make more than {MOST_CELLS} cells"),
        ));
    }
    Ok(Grid {
        leverages: request.leverages.clone(),
        sides,
        horizons_hours: request.horizons_hours.clone(),
        every_hours: units::between(
            "every_hours",
            request.every_hours.unwrap_or(8.0),
            step_hours,
            24.0 * 30.0,
        )?,
        maintenance_margin_rate: units::between(
            "maintenance_margin_rate",
            request.maintenance_margin_rate.unwrap_or(0.005),
            0.0,
            0.5,
        )?,
    })
}

fn ratio(score: f64, reference: f64) -> Option<f64> {
    (reference > 0.0).then(|| 1.0 - score / reference)
}

/// Interval of the skill over the plain model. Blocks are days, or as many as the horizon spans: overlapping windows tell
/// one story.
fn skill_of(said: &[f64], plain: &[f64], outcomes: &[f64], times: &[f64], horizon: f64) -> Option<[f64; 2]> {
    let squares = |p: &[f64]| -> Vec<f64> { p.iter().zip(outcomes).map(|(p, y)| (p - y) * (p - y)).collect() };
    let length = 86_400_000.0 * (horizon / 24.0).max(1.0);
    let blocks: Vec<u32> = times.iter().map(|t| (t / length) as u32).collect();
    skill_interval(&squares(said), &squares(plain), &blocks, 1)
}

fn score(c: &Cell, said: &[f64], grid: &Grid) -> CellScore {
    let d = decompose(said, &c.outcomes);
    let (own, climatology, plain) = (
        brier(said, &c.outcomes),
        brier(&c.climatology, &c.outcomes),
        brier(&c.members[0], &c.outcomes),
    );
    let rows = reliability(said, &c.outcomes, GROUPS);
    let horizon = grid.horizons_hours[c.horizon];
    let events = c.outcomes.iter().filter(|y| **y > 0.5).count();
    CellScore {
        leverage: c.leverage,
        side: c.side,
        horizon_hours: horizon,
        forecasts: said.len(),
        events,
        mean_forecast: said.iter().sum::<f64>() / said.len() as f64,
        brier: own,
        brier_climatology: climatology,
        brier_gbm: plain,
        // Without a single touch every forecast near 0 is as good as any other: a ratio would only look like news.
        skill_climatology: ratio(own, climatology).filter(|_| events > 0),
        skill_gbm: ratio(own, plain).filter(|_| events > 0),
        skill_gbm_interval: if events >= LEAST_EVENTS {
            skill_of(said, &c.members[0], &c.outcomes, &c.times, horizon)
        } else {
            None
        },
        miscalibration: d.miscalibration,
        discrimination: d.discrimination,
        uncertainty: d.uncertainty,
        log_loss: log_loss(said, &c.outcomes),
        log_loss_gbm: log_loss(&c.members[0], &c.outcomes),
        expected_calibration_error: expected_calibration_error(&rows),
        reliability: rows,
    }
}

fn misses(cells: &[&Cell], pick: fn(&Cell) -> &Vec<f64>, grid: &Grid) -> Vec<Miss> {
    let mut all: Vec<(f64, Miss)> = Vec::new();
    for c in cells {
        for (k, y) in c.outcomes.iter().enumerate() {
            let p = pick(c)[k];
            let worse = log_score(p, *y > 0.5);
            if worse > 2.0 {
                all.push((
                    worse,
                    Miss {
                        time: c.times[k],
                        leverage: c.leverage,
                        side: c.side,
                        horizon_hours: grid.horizons_hours[c.horizon],
                        forecast: p,
                        happened: *y > 0.5,
                    },
                ));
            }
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut out: Vec<Miss> = Vec::new();
    for (_, m) in all {
        // Neighbouring times tell of the same move: days apart only.
        if out.iter().all(|o| (o.time - m.time).abs() > 86_400_000.0) {
            out.push(m);
        }
        if out.len() == MISSES {
            break;
        }
    }
    out
}
