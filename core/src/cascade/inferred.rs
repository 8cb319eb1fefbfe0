//! Where positions that nobody shows would be liquidated: opens read from increases of open interest, at the prices of that
//! interval, at a mix of leverages, aged and closed since.
//!
//! Every open has two sides: longs and shorts grow alike. A fall of open interest closes positions of all ages in proportion.
//! Levels that the price has crossed are gone. In the end both sides are scaled to the open interest that is told.

use crate::market::Candles;
use libm::{exp, log};

/// Cells of the price grid, and how far it reaches beyond the prices seen, in logarithms.
const CELLS: usize = 4000;
const BEYOND: f64 = 1.4;
/// Points at which an interval's opens are spread between its low and its high.
const POINTS: usize = 5;

/// The cells at one time.
pub struct Snapshot {
    pub time: f64,
    /// As [`Inferred::cells`], scaled to the open interest known then.
    pub cells: Vec<(f64, f64, f64)>,
}

pub struct Inferred {
    /// At most as many as were asked for, evenly through the bars, the last at the end.
    pub through_time: Vec<Snapshot>,
    /// `[liquidation price, long size, short size]`, ascending, without empty cells.
    pub cells: Vec<(f64, f64, f64)>,
    /// Share of the size opened since the beginning whose level was crossed.
    pub crossed: f64,
    pub opened: f64,
}

/// A leverage and the share of opened size at it.
pub type Mix = [(f64, f64)];

/// `maintenance(leverage)`: the rate that a position of that leverage has to keep.
pub fn infer(
    candles: &Candles,
    open_interest: &[(f64, f64)],
    mix: &Mix,
    maintenance: &dyn Fn(f64) -> f64,
    half_life_hours: f64,
    snapshots: usize,
) -> Option<Inferred> {
    let rows = &candles.rows;
    let step = candles.interval.millis();
    let last = open_interest.last()?.1;
    let (low, high) = rows
        .iter()
        .fold((f64::MAX, 0.0f64), |a, r| (a.0.min(r.3), a.1.max(r.2)));
    if rows.is_empty() || last <= 0.0 {
        return None;
    }
    let (from, to) = (log(low) - BEYOND, log(high) + BEYOND);
    let width = (to - from) / CELLS as f64;
    let cell = |price: f64| (((log(price) - from) / width) as isize).clamp(0, CELLS as isize - 1) as usize;
    let mut sides = [vec![0.0; CELLS], vec![0.0; CELLS]];
    let total: f64 = mix.iter().map(|m| m.1).sum();
    let keep = exp(-std::f64::consts::LN_2 * step / 3_600_000.0 / half_life_hours);
    // Longs at a leverage that no price liquidates: in no cell, and yet part of the open interest.
    let mut safe = 0.0;
    let open = |sides: &mut [Vec<f64>; 2], safe: &mut f64, row: &(f64, f64, f64, f64, f64, f64), size: f64| {
        for k in 0..POINTS {
            let price = row.3 + (row.2 - row.3) * (k as f64 + 0.5) / POINTS as f64;
            for (leverage, share) in mix {
                let part = size * share / total / POINTS as f64;
                let rate = maintenance(*leverage);
                let long = price * (1.0 - 1.0 / leverage) / (1.0 - rate);
                let short = price * (1.0 + 1.0 / leverage) / (1.0 + rate);
                if long > exp(from) {
                    sides[0][cell(long)] += part;
                } else {
                    *safe += part;
                }
                sides[1][cell(short)] += part;
            }
        }
    };
    let (mut crossed, mut opened) = (0.0, 0.0);
    let mut at = 0;
    let mut known = open_interest[0].1;
    let mut through_time: Vec<Snapshot> = Vec::new();
    let price = |k: usize| exp(from + (k as f64 + 0.5) * width);
    // Each side scaled to an open interest.
    let scaled = |sides: &[Vec<f64>; 2], safe: f64, interest: f64| {
        let sums = [sides[0].iter().sum::<f64>() + safe, sides[1].iter().sum::<f64>()];
        let scale = sums.map(|sum| if sum > 0.0 { interest / sum } else { 0.0 });
        (0..CELLS)
            .filter(|k| sides[0][*k] > 0.0 || sides[1][*k] > 0.0)
            .map(|k| (price(k), sides[0][k] * scale[0], sides[1][k] * scale[1]))
            .collect::<Vec<_>>()
    };
    for (k, row) in rows.iter().enumerate() {
        if k == 0 {
            open(&mut sides, &mut safe, row, known);
            opened += known;
            continue;
        }
        let due = snapshots > 0 && (k + 1) * snapshots / rows.len() > k * snapshots / rows.len();
        // Ageing: what was opened is closed and opened again at today's prices.
        let aged: f64 = known * (1.0 - keep);
        for side in &mut sides {
            for x in side.iter_mut() {
                *x *= keep;
            }
        }
        safe *= keep;
        let mut change = 0.0;
        while at < open_interest.len() && open_interest[at].0 <= row.0 + step {
            change += open_interest[at].1 - known;
            known = open_interest[at].1;
            at += 1;
        }
        if change < 0.0 && known - change > 0.0 {
            let left = known / (known - change);
            safe *= left;
            for side in &mut sides {
                for x in side.iter_mut() {
                    *x *= left;
                }
            }
        }
        let fresh = aged + change.max(0.0);
        open(&mut sides, &mut safe, row, fresh);
        opened += fresh;
        // Longs at or above the low, shorts at or below the high.
        for x in &mut sides[0][cell(row.3)..] {
            crossed += *x;
            *x = 0.0;
        }
        for x in &mut sides[1][..=cell(row.2)] {
            crossed += *x;
            *x = 0.0;
        }
        if due {
            through_time.push(Snapshot {
                time: row.0 + step,
                cells: scaled(&sides, safe, known),
            });
        }
    }
    Some(Inferred {
        through_time,
        cells: scaled(&sides, safe, last),
        crossed: if opened > 0.0 { crossed / (2.0 * opened) } else { 0.0 },
        opened,
    })
}
