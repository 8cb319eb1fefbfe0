//! The time grid of a simulation, and the skeleton of a path: a few knots that quasi-random points decide, between which
//! ordinary random numbers fill in the detail. The first points decide where a path ends, the later ones less and less.

use super::job::{Job, Model};
use super::lanes::{F, Random, quantile, splat};
use super::sobol::{DIMENSIONS, Sobol};
use crate::units::HOURS_PER_YEAR;
use std::collections::BTreeMap;

/// Jumps expected in a step, at most.
const JUMPS_A_STEP: f64 = 0.02;
/// Steps of a grid that jumps may ask for, at most.
const MOST_STEPS: f64 = 4000.0;
/// Parts of a step of several positions that are walked only where liquidation is near, at most.
const PARTS: f64 = 8.0;
/// Knots of a skeleton.
const KNOTS: usize = 16;

pub(super) struct Step {
    /// Length in years, and its root.
    pub dt: f32,
    pub root: f32,
    /// Time from now, years.
    pub time: f32,
    /// Towards the segment's knot: `W = keep·W + pull·knot + spread·z`, `keep` 1 − `pull`.
    pub pull: f32,
    pub keep: f32,
    pub spread: f32,
    pub segment: u32,
    /// Where a crossing in the step is too near to be judged by its ends alone, it is walked in this many parts.
    pub parts: u32,
}

/// What happens when a step has been walked.
#[derive(Default)]
pub(super) struct Event {
    pub after: usize,
    /// Assets that pay funding, and how many payments.
    pub due: Vec<(usize, f32)>,
    /// Reports that are taken, after payments.
    pub reports: Vec<usize>,
}

pub(super) struct Grid {
    pub steps: Vec<Step>,
    /// In order; the last step has one.
    pub events: Vec<Event>,
    /// Some step does not end on a knot.
    pub has_detail: bool,
    fills: Vec<Fill>,
}

/// Each sets one knot between two that are known.
struct Fill {
    at: usize,
    left: Option<usize>,
    right: Option<usize>,
    weight_left: f32,
    weight_right: f32,
    spread: f32,
}

impl Grid {
    pub(super) fn new(job: &Job) -> Self {
        let hours = hours(job);
        let years: Vec<f64> = hours.iter().map(|h| h / HOURS_PER_YEAR).collect();
        let knots: Vec<usize> = {
            let k = hours.len().min(KNOTS);
            (1..=k).map(|i| i * hours.len() / k - 1).collect()
        };
        // What falls between grid points waits for the next one.
        let slot = |h: f64| {
            hours
                .partition_point(|x| *x < h - 1e-9)
                .min(hours.len().saturating_sub(1))
        };
        let mut steps: Vec<Step> = Vec::with_capacity(hours.len());
        let mut segment = 0;
        let several = approximated(job);
        let finest = match &job.model {
            Model::Diffusion { .. } if several => job.approximate_step,
            // Bars of a model are walked in parts too, by the bridge inside them.
            Model::Garch { step_hours, .. } | Model::Bootstrap { step_hours, .. } if several => step_hours / PARTS,
            _ => f64::INFINITY,
        };
        for i in 0..hours.len() {
            let (t0, t1) = (if i == 0 { 0.0 } else { years[i - 1] }, years[i]);
            let knot = years[knots[segment]];
            let ends_segment = i == knots[segment];
            steps.push(Step {
                dt: (t1 - t0) as f32,
                root: (t1 - t0).sqrt() as f32,
                time: t1 as f32,
                pull: ((t1 - t0) / (knot - t0)) as f32,
                keep: ((knot - t1) / (knot - t0)) as f32,
                spread: ((t1 - t0) * (knot - t1) / (knot - t0)).max(0.0).sqrt() as f32,
                segment: segment as u32,
                parts: (((t1 - t0) * HOURS_PER_YEAR / finest - 1e-9).ceil()).max(1.0) as u32,
            });
            segment += usize::from(ends_segment);
        }
        let end = hours.last().copied().unwrap_or(0.0);
        let mut events: BTreeMap<usize, Event> = BTreeMap::new();
        for (asset, funding) in job.funding.iter().enumerate() {
            let Some(f) = funding.filter(|f| !f.is_idle() && used(job, asset)) else {
                continue;
            };
            for k in 1..=(end / f.interval_hours + 1e-9).floor() as usize {
                let due = &mut events.entry(slot(k as f64 * f.interval_hours)).or_default().due;
                match due.iter_mut().find(|d| d.0 == asset) {
                    Some(d) => d.1 += 1.0,
                    None => due.push((asset, 1.0)),
                }
            }
        }
        for (r, h) in job.report_hours.iter().enumerate() {
            events.entry(slot(*h)).or_default().reports.push(r);
        }
        let events = events.into_iter().map(|(after, e)| Event { after, ..e }).collect();
        let fills = fills(&knots.iter().map(|k| years[*k]).collect::<Vec<_>>());
        Self {
            has_detail: steps.len() > knots.len(),
            steps,
            events,
            fills,
        }
    }

    /// Dimensions of the sequence that the skeleton of this many factors uses.
    pub(super) fn dimensions(&self, factors: usize) -> usize {
        (self.fills.len() * factors).min(DIMENSIONS)
    }

    /// Fills `knots[knot·factors + factor]` with independent Brownian motions for eight points.
    pub(super) fn skeleton(&self, sobol: &Sobol, first: u32, random: &mut Random, factors: usize, knots: &mut [F]) {
        for (level, f) in self.fills.iter().enumerate() {
            for j in 0..factors {
                let dimension = level * factors + j;
                let z = if dimension < DIMENSIONS {
                    quantile(sobol.points(first, dimension))
                } else {
                    random.normal()
                };
                let known = |i: Option<usize>| i.map_or(splat(0.0), |i| knots[i * factors + j]);
                knots[f.at * factors + j] =
                    known(f.left) * splat(f.weight_left) + known(f.right) * splat(f.weight_right) + z * splat(f.spread);
            }
        }
    }
}

/// Whether the ends of a step do not say all about it: several positions in a pool, or several pools.
fn approximated(job: &Job) -> bool {
    job.pools.len() > 1 || job.pools.iter().any(|p| p.holdings.len() > 1)
}

fn used(job: &Job, asset: usize) -> bool {
    job.pools.iter().any(|p| p.assets.contains(&asset))
}

/// Grid of hours: every report, every payment, and fine steps where crossings between are approximated; whole bars for
/// models that move in bars.
fn hours(job: &Job) -> Vec<f64> {
    let Some(&end) = job.report_hours.last() else {
        return Vec::new();
    };
    if let Model::Garch { step_hours, .. } | Model::Bootstrap { step_hours, .. } = &job.model {
        let bars = (end / step_hours - 1e-9).ceil().max(1.0) as usize;
        return (1..=bars).map(|k| k as f64 * step_hours).collect();
    }
    let mut hours: Vec<f64> = job.report_hours.clone();
    let mut every = |step: f64| {
        let count = (end / step + 1e-9).floor() as usize;
        hours.extend((1..=count).map(|k| k as f64 * step));
    };
    for (asset, funding) in job.funding.iter().enumerate() {
        if let Some(f) = funding.filter(|f| !f.is_idle() && used(job, asset)) {
            every(f.interval_hours);
        }
    }
    let mut fine = job.finest_step;
    if approximated(job) {
        fine = fine.min(PARTS * job.approximate_step);
    }
    if let Model::Diffusion { jumps, .. } = &job.model {
        let most = jumps.iter().flatten().map(|j| j.intensity).fold(0.0, f64::max);
        if most > 0.0 {
            if approximated(job) {
                fine = fine.min(job.approximate_step);
            }
            // At most one jump a step is drawn: a second within it must be rare. Never so short that work explodes.
            fine = fine.min((JUMPS_A_STEP / most * HOURS_PER_YEAR).max(end / MOST_STEPS));
        }
    }
    if fine < end {
        every(fine);
    }
    hours.retain(|h| *h > 0.0);
    hours.sort_by(f64::total_cmp);
    hours.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    hours
}

/// The last knot first, then halves, breadth first: coarse before fine.
fn fills(times: &[f64]) -> Vec<Fill> {
    let n = times.len();
    let time = |i: Option<usize>| i.map_or(0.0, |i| times[i]);
    let mut fills = Vec::with_capacity(n);
    if n > 0 {
        fills.push(Fill {
            at: n - 1,
            left: None,
            right: None,
            weight_left: 0.0,
            weight_right: 0.0,
            spread: times[n - 1].sqrt() as f32,
        });
    }
    let mut queue = std::collections::VecDeque::from([(None, n.saturating_sub(1))]);
    while let Some((left, right)) = queue.pop_front() {
        let first = left.map_or(0, |l: usize| l + 1);
        if first >= right {
            continue;
        }
        let at = (first + right) / 2;
        let (tl, t, tr) = (time(left), times[at], times[right]);
        fills.push(Fill {
            at,
            left,
            right: Some(right),
            weight_left: ((tr - t) / (tr - tl)) as f32,
            weight_right: ((t - tl) / (tr - tl)) as f32,
            spread: ((t - tl) * (tr - t) / (tr - tl)).sqrt() as f32,
        });
        queue.push_back((left, at));
        queue.push_back((Some(at), right));
    }
    fills
}
