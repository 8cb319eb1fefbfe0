//! Log returns of several markets over the bars that all of them have.

use crate::market::Candles;
use std::collections::BTreeMap;

/// A bar that did not move and had no trade is no price: more of them than this share, and the market is said to be stale.
const STALE: f64 = 0.05;

#[derive(Clone, Debug, PartialEq)]
pub struct Aligned {
    /// Open of each bar whose return is there, ms.
    pub times: Vec<f64>,
    /// `[bar][market]`.
    pub returns: Vec<Vec<f64>>,
    /// Bars of each market that did not meet a bar of every other.
    pub left_out: Vec<usize>,
    /// Share of each market's bars without a move or a trade.
    pub stale: Vec<f64>,
}

impl Aligned {
    /// What a reader should know of the data.
    pub fn notes(&self, names: &[String]) -> Vec<String> {
        let mut out = Vec::new();
        for (i, name) in names.iter().enumerate() {
            if self.left_out[i] > 0 {
                out.push(format!(
                    "{name}: {} bars that not all markets have are left out; {} are used",
                    self.left_out[i],
                    self.returns.len()
                ));
            }
            if self.stale[i] > STALE {
                out.push(format!(
                    "{name}: {:.0} % of its bars have no trade: prices are stale, correlations too low",
                    100.0 * self.stale[i]
                ));
            }
        }
        out
    }

    /// Returns of one market.
    pub fn column(&self, k: usize) -> Vec<f64> {
        self.returns.iter().map(|r| r[k]).collect()
    }
}

/// Aligns by time. `None` where intervals differ or there is no market.
pub fn align(markets: &[&Candles]) -> Option<Aligned> {
    let first = markets.first()?;
    if markets.iter().any(|c| c.interval != first.interval) {
        return None;
    }
    let step = first.interval.millis();
    // Return of each bar that follows its neighbour, by time.
    let series: Vec<BTreeMap<u64, f64>> = markets
        .iter()
        .map(|c| {
            c.rows
                .windows(2)
                .filter(|w| (w[1].0 - w[0].0 - step).abs() < 1.0)
                .map(|w| (w[1].0 as u64, libm::log(w[1].4 / w[0].4)))
                .collect()
        })
        .collect();
    let times: Vec<u64> = series[0]
        .keys()
        .copied()
        .filter(|t| series.iter().all(|s| s.contains_key(t)))
        .collect();
    Some(Aligned {
        returns: times
            .iter()
            .map(|t| series.iter().filter_map(|s| s.get(t).copied()).collect())
            .collect(),
        left_out: series.iter().map(|s| s.len() - times.len()).collect(),
        stale: markets
            .iter()
            .map(|c| {
                let dead = c.rows.iter().filter(|r| r.5 == 0.0 && r.2 == r.3).count();
                dead as f64 / c.rows.len().max(1) as f64
            })
            .collect(),
        times: times.into_iter().map(|t| t as f64).collect(),
    })
}
