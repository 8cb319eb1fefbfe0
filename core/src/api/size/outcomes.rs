//! What a book gains and loses by the end of a horizon, path by path, and its expected shortfall.

use crate::api::probability::Plan;
use crate::probability::{Block, Job, Kernel, SCRAMBLES};
use libm::exp;

/// Points of each scramble: 32,768 paths.
const POINTS: u32 = 2048;

/// Profit of each holding on each path from its mark, were nothing liquidated and nothing paid in between.
pub(super) struct Outcomes {
    /// `[holding][path]`.
    gains: Vec<Vec<f64>>,
}

impl Outcomes {
    /// Simulates the horizon's end once. Profits are proportional to sizes.
    pub(super) fn new(job: &Job) -> Self {
        let mut alone = Job {
            pools: Vec::new(),
            without_funding: None,
            ..job.clone()
        };
        alone.funding.iter_mut().for_each(|f| *f = None);
        let kernel = Kernel::new(&alone);
        let mut ends: Vec<Vec<f32>> = vec![Vec::new(); job.drift.len()];
        let last = job.report_hours.len() - 1;
        for scramble in 0..SCRAMBLES {
            for from in (0..POINTS).step_by(1024) {
                let block = Block {
                    scramble,
                    from,
                    to: from + 1024,
                };
                kernel.run(
                    block,
                    Some(&mut |report, x, _| {
                        if report == last {
                            for (end, lanes) in ends.iter_mut().zip(x) {
                                end.extend_from_slice(lanes);
                            }
                        }
                    }),
                );
            }
        }
        let gains = job
            .pools
            .iter()
            .flat_map(|p| p.holdings.iter().zip(&p.assets))
            .map(|(h, a)| {
                let now = h.leg.value(h.leg.mark_x);
                let mark = h.leg.payoff.x(h.leg.mark_x);
                ends[*a]
                    .iter()
                    .map(|x| h.leg.value(h.leg.payoff.x(mark * exp(f64::from(*x)))) - now)
                    .collect()
            })
            .collect();
        Self { gains }
    }

    /// Losses of the whole book, each holding at this multiple of the size it was simulated with.
    fn losses(&self, factors: &[f64]) -> Vec<f64> {
        let paths = self.gains.first().map_or(0, Vec::len);
        (0..paths)
            .map(|k| -self.gains.iter().zip(factors).map(|(g, f)| g[k] * f).sum::<f64>())
            .collect()
    }

    /// Mean loss in the worst `1 − confidence` of the paths.
    pub(super) fn shortfall(&self, factors: &[f64], confidence: f64) -> f64 {
        let losses = self.losses(factors);
        tail(&losses, confidence).iter().map(|(k, w)| losses[*k] * w).sum()
    }

    /// Standard error of the shortfall, from the scatter between scrambles.
    pub(super) fn shortfall_error(&self, factors: &[f64], confidence: f64) -> f64 {
        let losses = self.losses(factors);
        let size = losses.len() / SCRAMBLES as usize;
        let each: Vec<f64> = losses
            .chunks(size.max(1))
            .map(|c| tail(c, confidence).iter().map(|(k, w)| c[*k] * w).sum::<f64>())
            .collect();
        let n = each.len() as f64;
        let mean = each.iter().sum::<f64>() / n;
        let variance = each.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
        libm::sqrt(variance / n)
    }

    /// Each holding's part of the shortfall: its mean loss on the same paths. They add up to the whole (Euler).
    pub(super) fn contributions(&self, factors: &[f64], confidence: f64) -> Vec<f64> {
        let worst = tail(&self.losses(factors), confidence);
        self.gains
            .iter()
            .zip(factors)
            .map(|(g, f)| -worst.iter().map(|(k, w)| g[*k] * f * w).sum::<f64>())
            .collect()
    }
}

/// The worst paths with their weights, which add up to 1; the last counts in part.
fn tail(losses: &[f64], confidence: f64) -> Vec<(usize, f64)> {
    let wanted = ((1.0 - confidence) * losses.len() as f64).max(1.0);
    let whole = (wanted.ceil() as usize).min(losses.len());
    if whole == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..losses.len()).collect();
    let worse = |a: &usize, b: &usize| losses[*b].total_cmp(&losses[*a]).then(a.cmp(b));
    order.select_nth_unstable_by(whole - 1, worse);
    order[..whole].sort_unstable();
    let least = order[..whole]
        .iter()
        .copied()
        .min_by(|a, b| losses[*a].total_cmp(&losses[*b]).then(b.cmp(a)));
    let part = wanted - (whole as f64 - 1.0);
    order[..whole]
        .iter()
        .map(|k| (*k, if Some(*k) == least { part } else { 1.0 } / wanted))
        .collect()
}

/// The plan's job with the horizon's end as its only report.
pub(super) fn to_the_end(plan: &Plan) -> Job {
    let mut job = plan.job.clone();
    job.report_hours = job.report_hours.last().copied().into_iter().collect();
    job.judged = vec![0];
    job
}
