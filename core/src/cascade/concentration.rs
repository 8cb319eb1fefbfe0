//! How much of a whole a few hold.
//!
//! Sources: Herfindahl (1950) and Hirschman (1945); Gini (1912); Lorenz (1905).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Shares are of the total, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Concentration {
    pub wallets: usize,
    pub total: f64,
    /// Sum of squared shares, and the number of equal wallets that have the same.
    pub hhi: f64,
    pub effective_wallets: f64,
    /// 0: all equal; near 1: one holds everything.
    pub gini: f64,
    pub top_1_share: f64,
    pub top_10_share: f64,
    pub top_100_share: f64,
    /// Points of `[share of wallets, share of the total]`, the smallest wallets first; at most 101.
    pub lorenz: Vec<[f64; 2]>,
}

/// Of amounts that are not negative; `None` where they add up to nothing.
pub fn concentration(amounts: &[f64]) -> Option<Concentration> {
    let mut sorted = amounts.to_vec();
    sorted.sort_by(f64::total_cmp);
    let total: f64 = sorted.iter().sum();
    let n = sorted.len();
    if total.is_nan() || total <= 0.0 {
        return None;
    }
    let hhi: f64 = sorted.iter().map(|x| (x / total) * (x / total)).sum();
    let ranked: f64 = sorted.iter().enumerate().map(|(i, x)| (i as f64 + 1.0) * x).sum();
    let top = |k: usize| sorted.iter().rev().take(k).sum::<f64>() / total;
    let mut cumulative = Vec::with_capacity(n + 1);
    let mut sum = 0.0;
    cumulative.push(0.0);
    for x in &sorted {
        sum += x;
        cumulative.push(sum / total);
    }
    let points = n.min(100);
    Some(Concentration {
        wallets: n,
        total,
        hhi,
        effective_wallets: 1.0 / hhi,
        gini: (2.0 * ranked / (n as f64 * total) - (n as f64 + 1.0) / n as f64).max(0.0),
        top_1_share: top(1),
        top_10_share: top(10),
        top_100_share: top(100),
        lorenz: (0..=points)
            .map(|k| {
                let at = k * n / points;
                [at as f64 / n as f64, cumulative[at]]
            })
            .collect(),
    })
}
