//! Operation `calibration`: the record of a model on one market's past, walked forward.

use super::Progress;
use super::checks;
use super::request::CalibrationRequest;
use crate::error::EngineError;
use crate::forecast::members::SIMULATED;
use crate::forecast::members::{MONTH, NAMES};
use crate::forecast::scores::{
    brier, decompose, expected_calibration_error, log_loss, log_score, reliability, reliability_bands, skill_interval,
};
use crate::forecast::standing::{Standing, StandingHorizon, StandingLevel};
use crate::forecast::tails::{christoffersen, coverage, histogram, kupiec};
use crate::forecast::walk::{Cell, End, Grid, Record, walk};
use crate::market::{Candles, Interval};
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
    pub mean_forecast_gbm: f64,
    pub brier: f64,
    /// Of the running frequency of the same cell, and of the plain model.
    pub brier_climatology: f64,
    pub brier_gbm: f64,
    /// One less the ratio to them; null where nothing happened or they are 0.
    pub skill_climatology: Option<f64>,
    pub skill_gbm: Option<f64>,
    /// 5 % and 95 % of `skill_gbm`, days drawn again; null with fewer than 12 blocks of days or 20 touches.
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
    /// Of each row, where the frequency would lie nine times out of ten were the forecasts right: days drawn again.
    pub reliability_bands: Vec<[f64; 2]>,
}

/// All leverages and sides of one horizon together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct HorizonScore {
    pub horizon_hours: f64,
    pub forecasts: usize,
    pub events: usize,
    pub brier: f64,
    pub brier_gbm: f64,
    pub skill_gbm: Option<f64>,
    pub skill_gbm_interval: Option<[f64; 2]>,
    pub reliability: Vec<[f64; 3]>,
    pub reliability_bands: Vec<[f64; 2]>,
    /// Of the plain model.
    pub reliability_gbm: Vec<[f64; 3]>,
}

/// The forecast distribution of the price at the end of a horizon against where it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct FanScore {
    pub horizon_hours: f64,
    pub forecasts: usize,
    /// Share of ends within the central half, and within the central nine tenths; and of the plain model.
    pub coverage_50: f64,
    pub coverage_90: f64,
    pub coverage_50_gbm: f64,
    pub coverage_90_gbm: f64,
    /// How many ends fell into each tenth of the distribution made before: equal where it is right.
    pub histogram: [usize; 10],
    /// Forecasts whose windows do not overlap: how many, and how many ended in the lower and the upper 1 %.
    pub apart: usize,
    pub below_1: usize,
    pub above_1: usize,
    /// p-values of Kupiec's test that either tail holds 1 %, and of Christoffersen's that a violation (either tail) says
    /// nothing of the next.
    pub kupiec_below: f64,
    pub kupiec_above: f64,
    pub christoffersen: f64,
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
    pub horizons: Vec<HorizonScore>,
    /// Of the combination, whatever `model` is.
    pub fan: Vec<FanScore>,
    /// As of the last bar: what `probability` takes as `market.record`.
    pub standing: Standing,
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
    checks::candles(candles, "market.candles")?;
    let grid = grid(request, candles.interval.millis() / 3_600_000.0)?;
    let kind = request.model.kind.as_str();
    let pick: fn(&Cell) -> &Vec<f64> = match kind {
        "auto" => |c| &c.auto,
        "gbm" => |c| &c.members[0],
        "ewma" => |c| &c.members[1],
        "garch" => |c| &c.members[2],
        "past_touches" => |c| &c.members[3],
        "learned" => |c| &c.members[4],
        "filtered_historical" => |c| &c.members[SIMULATED],
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
        return Err(too_short(candles));
    };
    let all = Pooled::of(cells.iter().copied(), pick);
    let longest = grid.horizons_hours.iter().copied().fold(0.0, f64::max);
    let interval = all.skill_interval(longest);
    let horizons = (0..grid.horizons_hours.len())
        .map(|k| horizon(k, &cells, pick, &grid))
        .collect();
    Ok(CalibrationResponse {
        model: kind.to_owned(),
        brier: brier(&all.said, &all.outcomes),
        log_loss: log_loss(&all.said, &all.outcomes),
        skill_gbm: ratio(brier(&all.said, &all.outcomes), brier(&all.plain, &all.outcomes)),
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
        scores: cells.iter().map(|c| score(c, pick(c), &grid)).collect(),
        horizons,
        fan: grid
            .horizons_hours
            .iter()
            .zip(&record.ends)
            .filter(|(_, ends)| !ends.is_empty())
            .map(|(h, ends)| fan(*h, ends))
            .collect(),
        standing: standing(candles, &record, &grid).ok_or_else(|| too_short(candles))?,
        from,
        until,
        assumptions: vec![
            "entry at the close, level of an isolated linear position, fixed: funding and fees are not counted"
                .to_owned(),
            "touched: the high or low of a later bar within the horizon reaches the level".to_owned(),
        ],
    })
}

fn too_short(candles: &Candles) -> EngineError {
    EngineError::insufficient(
        "market.candles",
        format!(
            "holds {} bars: more than {MONTH} that move are needed before the first forecast, and a whole horizon after it",
            candles.rows.len()
        ),
    )
}

/// Fewest hourly bars from which a record is made where none is given: a month, and twelve weeks to tell a skill from.
const LEAST_RECORD: usize = 2880;

/// The record that `probability` makes itself where it gets long hourly candles and no record: over the grid of the page.
pub(super) fn own_standing(candles: &Candles) -> Option<Standing> {
    if candles.interval != Interval::H1 || candles.rows.len() < LEAST_RECORD {
        return None;
    }
    let grid = Grid::usual();
    standing(candles, &walk(candles, &grid, &mut |_| ()), &grid)
}

fn standing(candles: &Candles, record: &Record, grid: &Grid) -> Option<Standing> {
    let until = candles.rows.last()?.0 + candles.interval.millis();
    let all = Pooled::of(record.cells.iter(), |c| &c.auto);
    let longest = grid.horizons_hours.iter().copied().fold(0.0, f64::max);
    let interval = all.skill_interval(longest);
    let mut order: Vec<usize> = (0..grid.horizons_hours.len()).collect();
    order.sort_by(|a, b| grid.horizons_hours[*a].total_cmp(&grid.horizons_hours[*b]));
    Some(Standing {
        from: *all.times.first()?,
        until,
        forecasts: record.cells.iter().map(|c| c.times.len()).max()?,
        skill_gbm: ratio(brier(&all.said, &all.outcomes), brier(&all.plain, &all.outcomes)),
        skill_gbm_interval: interval,
        has_skill: interval.is_some_and(|i| i[0] > 0.0),
        members: NAMES.iter().map(|n| (*n).to_owned()).collect(),
        horizons: order
            .into_iter()
            .filter_map(|k| {
                let (weights, map) = &record.now[k];
                let leader = |w: &[f64]| (0..w.len()).max_by(|a, b| w[*a].total_cmp(&w[*b]));
                let leading = leader(weights)?;
                let since = record.marks[k]
                    .iter()
                    .rev()
                    .take_while(|m| leader(&m.weights) == Some(leading))
                    .last();
                Some(StandingHorizon {
                    horizon_hours: grid.horizons_hours[k],
                    weights: weights.clone(),
                    map: [map.a, map.b, map.c],
                    leading: NAMES[leading].to_owned(),
                    since: since.map_or(until, |m| m.time),
                    levels: record
                        .last
                        .iter()
                        .filter(|s| s.horizon == k)
                        .map(|s| StandingLevel {
                            distance: s.distance,
                            simulated: s.members[SIMULATED],
                            auto: s.auto,
                        })
                        .collect(),
                })
            })
            .collect(),
    })
}

/// Forecasts of several cells, time by time, so that days stay whole.
struct Pooled {
    times: Vec<f64>,
    said: Vec<f64>,
    plain: Vec<f64>,
    outcomes: Vec<f64>,
}

impl Pooled {
    fn of<'a>(cells: impl Iterator<Item = &'a Cell>, pick: fn(&Cell) -> &Vec<f64>) -> Self {
        let mut all: Vec<(f64, f64, f64, f64)> = cells
            .flat_map(|c| (0..c.times.len()).map(move |k| (c.times[k], pick(c)[k], c.members[0][k], c.outcomes[k])))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            times: all.iter().map(|a| a.0).collect(),
            said: all.iter().map(|a| a.1).collect(),
            plain: all.iter().map(|a| a.2).collect(),
            outcomes: all.iter().map(|a| a.3).collect(),
        }
    }

    fn skill_interval(&self, horizon: f64) -> Option<[f64; 2]> {
        skill_of(&self.said, &self.plain, &self.outcomes, &self.times, horizon)
    }
}

fn horizon(k: usize, cells: &[&Cell], pick: fn(&Cell) -> &Vec<f64>, grid: &Grid) -> HorizonScore {
    let p = Pooled::of(cells.iter().copied().filter(|c| c.horizon == k), pick);
    let hours = grid.horizons_hours[k];
    let events = p.outcomes.iter().filter(|y| **y > 0.5).count();
    let (own, plain) = (brier(&p.said, &p.outcomes), brier(&p.plain, &p.outcomes));
    HorizonScore {
        horizon_hours: hours,
        forecasts: p.said.len(),
        events,
        brier: own,
        brier_gbm: plain,
        skill_gbm: ratio(own, plain).filter(|_| events > 0),
        skill_gbm_interval: (events >= LEAST_EVENTS).then(|| p.skill_interval(hours)).flatten(),
        reliability: reliability(&p.said, &p.outcomes, GROUPS),
        reliability_bands: reliability_bands(&p.said, &p.outcomes, &days(&p.times, hours), GROUPS, 1),
        reliability_gbm: reliability(&p.plain, &p.outcomes, GROUPS),
    }
}

fn fan(hours: f64, ends: &[End]) -> FanScore {
    let ranks: Vec<f64> = ends.iter().map(|e| e.rank).collect();
    let plain: Vec<f64> = ends.iter().map(|e| e.plain_rank).collect();
    let mut apart: Vec<f64> = Vec::new();
    let mut free = f64::NEG_INFINITY;
    for e in ends {
        if e.time >= free {
            apart.push(e.rank);
            free = e.time + hours * 3_600_000.0 - 1.0;
        }
    }
    let count = |tail: &dyn Fn(f64) -> bool| apart.iter().filter(|u| tail(**u)).count();
    let (below, above) = (count(&|u| u < 0.01), count(&|u| u > 0.99));
    let violated: Vec<bool> = apart.iter().map(|u| !(0.01..=0.99).contains(u)).collect();
    FanScore {
        horizon_hours: hours,
        forecasts: ends.len(),
        coverage_50: coverage(&ranks, 0.5),
        coverage_90: coverage(&ranks, 0.9),
        coverage_50_gbm: coverage(&plain, 0.5),
        coverage_90_gbm: coverage(&plain, 0.9),
        histogram: histogram(&ranks),
        apart: apart.len(),
        below_1: below,
        above_1: above,
        kupiec_below: kupiec(below, apart.len(), 0.01),
        kupiec_above: kupiec(above, apart.len(), 0.01),
        christoffersen: christoffersen(&violated),
    }
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
    skill_interval(&squares(said), &squares(plain), &days(times, horizon), 1)
}

fn days(times: &[f64], horizon: f64) -> Vec<u32> {
    let length = 86_400_000.0 * (horizon / 24.0).max(1.0);
    times.iter().map(|t| (t / length) as u32).collect()
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
        mean_forecast_gbm: c.members[0].iter().sum::<f64>() / said.len() as f64,
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
        reliability_bands: reliability_bands(said, &c.outcomes, &days(&c.times, horizon), GROUPS, 1),
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
