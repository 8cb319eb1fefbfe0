//! Filtered historical simulation as a member of the record: paths of shocks drawn in blocks from the bars that the variance
//! model was fitted to, with the high and the low of each bar, so that touches inside a bar count.

use crate::volatility::Garch;
use libm::{log, sqrt};

/// Mean length of a block in bars.
const BLOCK: f64 = 24.0;
/// Paths, and bars of all of them together: long horizons get fewer.
const MOST_PATHS: usize = 1024;
const LEAST_PATHS: usize = 64;
const WORK: usize = 175_000;
/// Paths that the formula is worth beside those that are drawn.
const PRIOR: f64 = 6.0;

/// A bar of the past over the deviation expected of it: where it closed, its high and its low, from the close before.
pub type Shock = [f32; 3];

/// Where paths went within one horizon: furthest down, furthest up and end, log price, each ascending.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    down: Vec<f32>,
    up: Vec<f32>,
    end: Vec<f32>,
}

/// Walks paths from now through the longest horizon; horizons in bars, ascending or not.
pub fn simulate(shocks: &[Shock], garch: &Garch, bars: &[usize], seed: u64) -> Vec<Reached> {
    let longest = bars.iter().copied().max().unwrap_or(0);
    let paths = (WORK / longest.max(1)).clamp(LEAST_PATHS, MOST_PATHS);
    let mut out = vec![Reached::default(); bars.len()];
    let mut state = seed | 1;
    let mut next = || {
        // xorshift64*: Marsaglia (2003), Vigna (2016).
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    };
    let unit = 1.0 / f64::from(u32::MAX);
    let decay = log(1.0 - 1.0 / BLOCK);
    let (omega, beta) = (garch.omega as f32, garch.beta as f32);
    let (calm, lever) = (garch.alpha as f32, (garch.alpha + garch.gamma) as f32);
    for _ in 0..paths {
        let (mut x, mut down, mut up) = (0.0f32, 0.0f32, 0.0f32);
        let mut h = garch.variance_now as f32;
        let (mut at, mut left) = (0, 0usize);
        for k in 1..=longest {
            if left == 0 {
                at = ((next() * shocks.len() as u64) >> 32) as usize;
                left = 1 + (log((next() as f64 + 0.5) * unit) / decay) as usize;
            }
            let z = shocks[at];
            at = if at + 1 == shocks.len() { 0 } else { at + 1 };
            left -= 1;
            let root = h.sqrt();
            let move_ = root * z[0];
            down = down.min(x + root * z[2]);
            up = up.max(x + root * z[1]);
            x += move_ - 0.5 * h;
            h = omega + if move_ < 0.0 { lever } else { calm } * move_ * move_ + beta * h;
            for (reached, n) in out.iter_mut().zip(bars) {
                if *n == k {
                    reached.down.push(down);
                    reached.up.push(up);
                    reached.end.push(x);
                }
            }
        }
    }
    for list in out.iter_mut().flat_map(|r| [&mut r.down, &mut r.up, &mut r.end]) {
        list.sort_by(f32::total_cmp);
    }
    out
}

impl Reached {
    /// Share of paths that touch the level at this log distance, with `formula` for the share that no path shows.
    pub fn touch(&self, distance: f64, formula: f64) -> f64 {
        let hits = if distance < 0.0 {
            self.down.partition_point(|x| f64::from(*x) <= distance)
        } else {
            self.up.len() - self.up.partition_point(|x| f64::from(*x) < distance)
        };
        (hits as f64 + PRIOR * formula) / (self.down.len() as f64 + PRIOR)
    }

    /// Share of paths that end at or below this log price.
    pub fn below(&self, x: f64, formula: f64) -> f64 {
        let n = self.end.partition_point(|e| f64::from(*e) <= x);
        (n as f64 + PRIOR * formula) / (self.end.len() as f64 + PRIOR)
    }
}

/// The shocks of these moves: `[close, high, low]` over the close before, in logs, and the variances expected of them.
pub fn shocks(moves: &[[f64; 3]], mean: f64, variances: &[f64]) -> Vec<Shock> {
    let over = |m: &[f64; 3], h: &f64| m.map(|x| (x - mean) / sqrt(*h));
    let centre = moves.iter().zip(variances).map(|(m, h)| over(m, h)[0]).sum::<f64>() / moves.len().max(1) as f64;
    moves
        .iter()
        .zip(variances)
        .map(|(m, h)| over(m, h).map(|z| (z - centre) as f32))
        .collect()
}
