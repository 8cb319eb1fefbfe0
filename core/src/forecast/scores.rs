//! Scores of probability forecasts of events.
//!
//! Sources: Brier (1950); Dimitriadis, Gneiting and Jordan, "Stable reliability diagrams for probabilistic classifiers"
//! (PNAS 118, 2021) for the CORP decomposition by isotonic regression; Ayer and others (1955) for the algorithm.

/// Isotonic regression of outcomes on forecasts: the non-decreasing function of the forecast that is nearest in squares.
/// Returns it at each forecast, in the order given. Equal forecasts share one value.
pub fn isotonic(forecasts: &[f64], outcomes: &[f64]) -> Vec<f64> {
    let n = forecasts.len().min(outcomes.len());
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| forecasts[*a].total_cmp(&forecasts[*b]));
    // Blocks of neighbours: sum of outcomes, count, first place in the order.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    let mut at = 0;
    while at < n {
        let mut block = (0.0, 0.0, at);
        let level = forecasts[order[at]];
        while at < n && forecasts[order[at]] == level {
            block.0 += outcomes[order[at]];
            block.1 += 1.0;
            at += 1;
        }
        // While the block before is higher, both become one.
        while let Some(before) = blocks.last()
            && before.0 * block.1 >= block.0 * before.1
        {
            block = (before.0 + block.0, before.1 + block.1, before.2);
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut fitted = vec![0.0; n];
    for (k, block) in blocks.iter().enumerate() {
        let end = blocks.get(k + 1).map_or(n, |b| b.2);
        for &i in &order[block.2..end] {
            fitted[i] = block.0 / block.1;
        }
    }
    fitted
}

/// Mean squared difference.
pub fn brier(forecasts: &[f64], outcomes: &[f64]) -> f64 {
    mean(forecasts.iter().zip(outcomes).map(|(p, y)| (p - y) * (p - y)))
}

/// Mean of −ln of the probability given to what happened; forecasts are kept 1e-6 away from 0 and 1.
pub fn log_loss(forecasts: &[f64], outcomes: &[f64]) -> f64 {
    mean(forecasts.iter().zip(outcomes).map(|(p, y)| log_score(*p, *y > 0.5)))
}

pub(crate) fn log_score(p: f64, happened: bool) -> f64 {
    let p = p.clamp(1e-6, 1.0 - 1e-6);
    -libm::log(if happened { p } else { 1.0 - p })
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
    if n > 0.0 { sum / n } else { 0.0 }
}

/// `brier = miscalibration − discrimination + uncertainty`, exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decomposition {
    /// What recalibration would gain: 0 for calibrated forecasts.
    pub miscalibration: f64,
    /// What the recalibrated forecasts gain over the base rate.
    pub discrimination: f64,
    /// Brier score of the base rate.
    pub uncertainty: f64,
}

/// CORP decomposition of the Brier score.
pub fn decompose(forecasts: &[f64], outcomes: &[f64]) -> Decomposition {
    let recalibrated = brier(&isotonic(forecasts, outcomes), outcomes);
    let rate = mean(outcomes.iter().copied());
    let uncertainty = mean(outcomes.iter().map(|y| (rate - y) * (rate - y)));
    Decomposition {
        miscalibration: brier(forecasts, outcomes) - recalibrated,
        discrimination: uncertainty - recalibrated,
        uncertainty,
    }
}

/// Groups of equally many forecasts, ascending; equal forecasts are never parted.
fn grouped(forecasts: &[f64], outcomes: &[f64], groups: usize) -> Vec<Vec<usize>> {
    let n = forecasts.len().min(outcomes.len());
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| forecasts[*a].total_cmp(&forecasts[*b]));
    let size = n.div_ceil(groups.max(1)).max(1);
    let mut out = Vec::new();
    let mut at = 0;
    while at < n {
        let mut end = (at + size).min(n);
        while end < n && forecasts[order[end]] == forecasts[order[end - 1]] {
            end += 1;
        }
        out.push(order[at..end].to_vec());
        at = end;
    }
    out
}

/// Rows of `[mean forecast, observed frequency, count]` over groups of equally many forecasts, ascending.
pub fn reliability(forecasts: &[f64], outcomes: &[f64], groups: usize) -> Vec<[f64; 3]> {
    grouped(forecasts, outcomes, groups)
        .iter()
        .map(|members| {
            [
                mean(members.iter().map(|i| forecasts[*i])),
                mean(members.iter().map(|i| outcomes[*i])),
                members.len() as f64,
            ]
        })
        .collect()
}

/// For each row of [`reliability`] the 5 % and 95 % quantiles of how far the frequency would lie from the mean forecast,
/// were the forecasts right: whole blocks of residuals are drawn again and again, their mean taken out. The band stands
/// about the forecast; a row outside of it is off by more than chance.
pub fn reliability_bands(
    forecasts: &[f64],
    outcomes: &[f64],
    blocks: &[u32],
    groups: usize,
    seed: u64,
) -> Vec<[f64; 2]> {
    let mut random = Draw(seed);
    grouped(forecasts, outcomes, groups)
        .iter()
        .map(|members| {
            let forecast = mean(members.iter().map(|i| forecasts[*i]));
            let off = mean(members.iter().map(|i| outcomes[*i] - forecasts[*i]));
            let mut sums = std::collections::BTreeMap::<u32, (f64, f64)>::new();
            for &i in members {
                let s = sums.entry(blocks[i]).or_default();
                s.0 += outcomes[i] - forecasts[i] - off;
                s.1 += 1.0;
            }
            let sums: Vec<(f64, f64)> = sums.into_values().collect();
            let mut drawn: Vec<f64> = (0..DRAWS)
                .map(|_| {
                    let (mut s, mut n) = (0.0, 0.0);
                    for _ in 0..sums.len() {
                        let pick = sums[random.below(sums.len())];
                        s += pick.0;
                        n += pick.1;
                    }
                    s / n
                })
                .collect();
            drawn.sort_by(f64::total_cmp);
            // Residuals of nothing but calm say nothing of a storm: as wide as independent events at least.
            let own = 1.645 * libm::sqrt(forecast * (1.0 - forecast) / members.len() as f64);
            [
                (forecast + quantile(&drawn, 0.05).min(-own)).max(0.0),
                (forecast + quantile(&drawn, 0.95).max(own)).min(1.0),
            ]
        })
        .collect()
}

/// Blocks from which an interval is told.
const LEAST_BLOCKS: usize = 12;
/// Times that blocks are drawn again.
const DRAWS: usize = 400;

struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * n as u64) >> 32) as usize
    }
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[(q * (sorted.len() - 1) as f64) as usize]
}

/// Mean distance of forecast and frequency over the groups of [`reliability`].
pub fn expected_calibration_error(rows: &[[f64; 3]]) -> f64 {
    let n: f64 = rows.iter().map(|r| r[2]).sum();
    if n > 0.0 {
        rows.iter().map(|r| (r[0] - r[1]).abs() * r[2]).sum::<f64>() / n
    } else {
        0.0
    }
}

/// 5 % and 95 % quantiles of `1 − Σa/Σb` when whole blocks are drawn again and again: of a skill, from the scores of a
/// forecast and of its reference. Forecasts of one block (a day) depend on each other; `blocks` numbers them.
pub fn skill_interval(scores: &[f64], reference: &[f64], blocks: &[u32], seed: u64) -> Option<[f64; 2]> {
    let mut sums: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for ((a, b), block) in scores.iter().zip(reference).zip(blocks) {
        if last != Some(*block) {
            sums.push((0.0, 0.0));
            last = Some(*block);
        }
        if let Some(s) = sums.last_mut() {
            s.0 += a;
            s.1 += b;
        }
    }
    if sums.len() < LEAST_BLOCKS {
        return None;
    }
    let mut random = Draw(seed);
    let mut skills: Vec<f64> = (0..DRAWS)
        .filter_map(|_| {
            let (mut a, mut b) = (0.0, 0.0);
            for _ in 0..sums.len() {
                let pick = sums[random.below(sums.len())];
                a += pick.0;
                b += pick.1;
            }
            (b > 0.0).then_some(1.0 - a / b)
        })
        .collect();
    if skills.len() < DRAWS / 2 {
        return None;
    }
    skills.sort_by(f64::total_cmp);
    Some([quantile(&skills, 0.05), quantile(&skills, 0.95)])
}
