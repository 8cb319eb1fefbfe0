//! One walk through the past of a market, from old to new: forecasts with what was known, outcomes when they were.

use super::combine::{Map, Weights};
use super::members::{Asked, MONTH, NAMES, State, Window};
use crate::market::Candles;
use crate::units::Side;
use libm::log;
use std::collections::VecDeque;

/// Half-life of the evidence for weights, in days.
const MEMORY_DAYS: f64 = 60.0;
/// Days between fits of the calibration map.
const REMAP_DAYS: f64 = 7.0;
/// Share of a window's bars that must be there for its outcome to count.
const COMPLETE: f64 = 0.9;

/// What is forecast: every combination of these.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    pub leverages: Vec<f64>,
    pub sides: Vec<Side>,
    pub horizons_hours: Vec<f64>,
    /// Hours between forecasts, counted from midnight UTC.
    pub every_hours: f64,
    pub maintenance_margin_rate: f64,
}

impl Grid {
    /// What the page keeps a record of.
    pub fn usual() -> Self {
        Self {
            leverages: vec![2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 25.0],
            sides: vec![Side::Long, Side::Short],
            horizons_hours: vec![4.0, 24.0, 72.0, 168.0],
            every_hours: 8.0,
            maintenance_margin_rate: 0.005,
        }
    }

    /// Log distance of an isolated linear position's liquidation price from its entry; `None` where no price liquidates.
    pub fn distance(&self, leverage: f64, side: Side) -> Option<f64> {
        let (s, m) = (side.sign(), self.maintenance_margin_rate);
        let level = (1.0 - s / leverage) / (1.0 - s * m);
        // Beyond the largest leverage that the maintenance rate allows, a position is liquidated as it is opened.
        (level > 0.0 && s * (level - 1.0) < 0.0).then(|| log(level))
    }
}

/// One leverage, side and horizon: what was said, time after time, and what happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub leverage: f64,
    pub side: Side,
    pub horizon: usize,
    /// Close of the bar at which it was said, ms.
    pub times: Vec<f64>,
    /// `[member][forecast]`, members as [`NAMES`].
    pub members: Vec<Vec<f64>>,
    pub combined: Vec<f64>,
    /// Combined and mapped.
    pub auto: Vec<f64>,
    /// Frequency of the same cell in windows that were over.
    pub climatology: Vec<f64>,
    /// 1 where the level was touched.
    pub outcomes: Vec<f64>,
}

/// State of a horizon's weights and map from a time on.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub time: f64,
    pub weights: Vec<f64>,
    pub map: Map,
}

/// Where a window ended, in the forecast distribution made before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// Close of the bar at which it was said, ms.
    pub time: f64,
    /// Chance that was given to an end at or below the one that came, combined and plain.
    pub rank: f64,
    pub plain_rank: f64,
}

/// What is said of a level at the last bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub horizon: usize,
    pub distance: f64,
    pub members: [f64; NAMES.len()],
    pub auto: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub cells: Vec<Cell>,
    /// By horizon.
    pub ends: Vec<Vec<End>>,
    /// By horizon, a row a week.
    pub marks: Vec<Vec<Mark>>,
    /// As they stand at the end, by horizon.
    pub now: Vec<(Vec<f64>, Map)>,
    /// Statements of the last bar, whose windows are to come; empty where there are too few bars.
    pub last: Vec<Said>,
}

/// A forecast whose window is not over.
struct Open {
    /// Its place in the list of forecasts, and its bar.
    number: usize,
    bar: usize,
    /// Expected deviation over the horizon.
    expected: f64,
}

/// Where the price went in the bars after each bar that open before `close + horizon`. `None` where the candles end earlier or too many bars are missing.
fn windows(candles: &Candles, horizon_ms: f64) -> Vec<Option<Window>> {
    let (rows, step) = (&candles.rows, candles.interval.millis());
    let bars = horizon_ms / step;
    let (mut low, mut high) = (VecDeque::<usize>::new(), VecDeque::<usize>::new());
    let mut end = 0;
    (0..rows.len())
        .map(|i| {
            let until = rows[i].0 + step + horizon_ms - 1.0;
            while end < rows.len() && rows[end].0 < until {
                while low.back().is_some_and(|b| rows[*b].3 >= rows[end].3) {
                    low.pop_back();
                }
                low.push_back(end);
                while high.back().is_some_and(|b| rows[*b].2 <= rows[end].2) {
                    high.pop_back();
                }
                high.push_back(end);
                end += 1;
            }
            while low.front().is_some_and(|b| *b <= i) {
                low.pop_front();
            }
            while high.front().is_some_and(|b| *b <= i) {
                high.pop_front();
            }
            let over = rows
                .last()
                .is_some_and(|last| last.0 + step >= rows[i].0 + step + horizon_ms - 1.0);
            let (l, h) = (low.front()?, high.front()?);
            let enough = (end - 1 - i) as f64 >= COMPLETE * bars;
            (over && enough).then(|| Window {
                down: log(rows[*l].3 / rows[i].4),
                up: log(rows[*h].2 / rows[i].4),
                end: log(rows[end - 1].4 / rows[i].4),
                last: end - 1,
            })
        })
        .collect()
}

/// Walks once. `progress` hears the share of bars done.
pub fn walk(candles: &Candles, grid: &Grid, progress: &mut dyn FnMut(f64)) -> Record {
    let step = candles.interval.millis();
    let hours: Vec<f64> = grid.horizons_hours.clone();
    let outcomes: Vec<_> = hours.iter().map(|h| windows(candles, h * 3_600_000.0)).collect();
    let overlaps: Vec<f64> = hours.iter().map(|h| (h / grid.every_hours).max(1.0)).collect();
    let mut cells = Vec::new();
    let mut distances = Vec::new();
    for horizon in 0..hours.len() {
        for &leverage in &grid.leverages {
            for &side in &grid.sides {
                let Some(distance) = grid.distance(leverage, side) else {
                    continue;
                };
                distances.push(distance);
                cells.push(Cell {
                    leverage,
                    side,
                    horizon,
                    times: Vec::new(),
                    members: vec![Vec::new(); NAMES.len()],
                    combined: Vec::new(),
                    auto: Vec::new(),
                    climatology: Vec::new(),
                    outcomes: Vec::new(),
                });
            }
        }
    }
    let of_horizon = |k: usize| -> Vec<usize> { (0..cells.len()).filter(|c| cells[*c].horizon == k).collect() };
    let groups: Vec<Vec<usize>> = (0..hours.len()).map(of_horizon).collect();
    let per_day = 24.0 / grid.every_hours;
    let mut weights: Vec<Weights> = overlaps
        .iter()
        .map(|o| Weights::new(NAMES.len(), MEMORY_DAYS * per_day, *o))
        .collect();
    let mut maps = vec![Map::IDENTITY; hours.len()];
    let mut history: Vec<Vec<(f64, bool)>> = vec![Vec::new(); hours.len()];
    let mut mapped_at = vec![0.0; hours.len()];
    let mut marks: Vec<Vec<Mark>> = vec![Vec::new(); hours.len()];
    let mut open: Vec<VecDeque<Open>> = (0..hours.len()).map(|_| VecDeque::new()).collect();
    let mut counts = vec![(0.0, 0.0); cells.len()];
    let mut state = State::new(hours.len(), step);
    let bars: Vec<usize> = hours
        .iter()
        .map(|h| libm::round(h * 3_600_000.0 / step).max(1.0) as usize)
        .collect();
    let mut ends: Vec<Vec<End>> = vec![Vec::new(); hours.len()];
    let mut last = Vec::new();
    for (i, row) in candles.rows.iter().enumerate() {
        state.bar(row);
        let close = row.0 + step;
        for (k, group) in groups.iter().enumerate() {
            // What is over is learned before anything new is said.
            while let Some(o) = open[k].front() {
                let Some(window) = outcomes[k][o.bar] else {
                    open[k].pop_front();
                    continue;
                };
                if window.last > i {
                    break;
                }
                let rows: Vec<(Vec<f64>, f64, bool)> = group
                    .iter()
                    .map(|&c| {
                        let happened = touched(distances[c], &window);
                        counts[c].0 += f64::from(u8::from(happened));
                        counts[c].1 += 1.0;
                        let said = cells[c].members.iter().map(|m| m[o.number]).collect();
                        (said, cells[c].combined[o.number], happened)
                    })
                    .collect();
                weights[k].learn(rows.iter().map(|(said, _, happened)| (said.as_slice(), *happened)));
                history[k].extend(rows.iter().map(|(_, p, happened)| (*p, *happened)));
                state.went(k, &window, o.expected);
                open[k].pop_front();
            }
            if close - mapped_at[k] >= REMAP_DAYS * 86_400_000.0 && !history[k].is_empty() {
                mapped_at[k] = close;
                let share = 1.0 / overlaps[k] / libm::sqrt(group.len() as f64);
                maps[k] = Map::fit(&history[k], share);
                marks[k].push(Mark {
                    time: close,
                    weights: weights[k].weights(),
                    map: maps[k],
                });
            }
        }
        // The first close of each period of the clock.
        let period = |t: f64| libm::floor(t / 3_600_000.0 / grid.every_hours + 1e-9);
        let due = period(close) > period(close - step);
        let at_end = i + 1 == candles.rows.len();
        if (due || at_end) && i >= MONTH {
            let paths = state.simulate(&bars);
            for (k, group) in groups.iter().enumerate() {
                let Some(variances) = state.variances(hours[k] * 3_600_000.0 / step) else {
                    continue;
                };
                let asked = Asked {
                    horizon: k,
                    hours: hours[k],
                    variances,
                    overlap: overlaps[k],
                    paths: paths.as_ref().map(|p| &p[k]),
                };
                let now = weights[k].weights();
                let mix = |said: &[f64]| -> f64 { said.iter().zip(&now).map(|(p, w)| p * w).sum() };
                if at_end {
                    last.extend(group.iter().map(|&c| {
                        let members = state.say(&asked, distances[c]);
                        Said {
                            horizon: k,
                            distance: distances[c],
                            auto: maps[k].apply(mix(&members)),
                            members,
                        }
                    }));
                }
                // Only forecasts whose outcome is there are kept: which they are does not touch what they say.
                let (true, Some(window), Some(&first)) = (due, outcomes[k][i], group.first()) else {
                    continue;
                };
                let below = state.below(&asked, window.end);
                ends[k].push(End {
                    time: close,
                    rank: mix(&below),
                    plain_rank: below[0],
                });
                open[k].push_back(Open {
                    number: cells[first].times.len(),
                    bar: i,
                    expected: libm::sqrt(variances[2]),
                });
                for &c in group {
                    let said = state.say(&asked, distances[c]);
                    let combined = mix(&said);
                    let cell = &mut cells[c];
                    cell.times.push(close);
                    for (list, p) in cell.members.iter_mut().zip(said) {
                        list.push(p);
                    }
                    cell.combined.push(combined);
                    cell.auto.push(maps[k].apply(combined));
                    cell.climatology.push((counts[c].0 + 0.5) / (counts[c].1 + 1.0));
                    cell.outcomes.push(f64::from(u8::from(touched(distances[c], &window))));
                }
            }
        }
        if i % 256 == 0 {
            progress(i as f64 / candles.rows.len() as f64);
        }
    }
    Record {
        cells,
        ends,
        last,
        marks,
        now: weights.iter().zip(maps).map(|(w, m)| (w.weights(), m)).collect(),
    }
}

fn touched(distance: f64, w: &Window) -> bool {
    if distance < 0.0 {
        w.down <= distance
    } else {
        w.up >= distance
    }
}
