//! Whether a forecast distribution holds: coverage of its intervals, where outcomes fall in it, and tests of its 1 % tails.
//!
//! Sources: Kupiec (1995), unconditional coverage; Christoffersen (1998), independence of violations; Dawid (1984), the
//! probability integral transform.

use libm::{erfc, log, sqrt};

/// Counts of ranks in tenths, from 0 to 1.
pub fn histogram(ranks: &[f64]) -> [usize; 10] {
    let mut out = [0; 10];
    for u in ranks {
        out[((u * 10.0) as usize).min(9)] += 1;
    }
    out
}

/// Share of ranks in the central interval of this probability.
pub fn coverage(ranks: &[f64], probability: f64) -> f64 {
    let tail = 0.5 * (1.0 - probability);
    let inside = ranks.iter().filter(|u| **u >= tail && **u <= 1.0 - tail).count();
    inside as f64 / ranks.len().max(1) as f64
}

/// `k·ln p`, 0 where k is.
fn times_log(k: f64, p: f64) -> f64 {
    if k > 0.0 { k * log(p) } else { 0.0 }
}

/// Chance that a chi-square variable with one degree of freedom is larger.
fn beyond(statistic: f64) -> f64 {
    erfc(sqrt(statistic.max(0.0) / 2.0))
}

/// p-value of Kupiec's likelihood-ratio test that violations come with this probability.
pub fn kupiec(violations: usize, observations: usize, probability: f64) -> f64 {
    let (x, n) = (violations as f64, observations as f64);
    if observations == 0 {
        return 1.0;
    }
    let likelihood = |p: f64| times_log(x, p) + times_log(n - x, 1.0 - p);
    beyond(2.0 * (likelihood(x / n) - likelihood(probability)))
}

/// p-value of Christoffersen's likelihood-ratio test that a violation says nothing about the next one. 1 where violations
/// are too few to follow each other.
pub fn christoffersen(violated: &[bool]) -> f64 {
    let mut n = [[0.0f64; 2]; 2];
    for w in violated.windows(2) {
        n[usize::from(w[0])][usize::from(w[1])] += 1.0;
    }
    let [calm, after] = n.map(|row| row[0] + row[1]);
    let hits = n[0][1] + n[1][1];
    if hits == 0.0 || after == 0.0 || calm == 0.0 {
        return 1.0;
    }
    let all = hits / (calm + after);
    let alone = times_log(n[0][0] + n[1][0], 1.0 - all) + times_log(hits, all);
    let state = |row: [f64; 2], total: f64| {
        let p = row[1] / total;
        times_log(row[0], 1.0 - p) + times_log(row[1], p)
    };
    beyond(2.0 * (state(n[0], calm) + state(n[1], after) - alone))
}
