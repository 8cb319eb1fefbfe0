//! What an answer tells beside the probability: each is a variation of the job on the same random numbers, and a piece of
//! work of its own that any worker can do.

use super::plan::{Plan, compare, on_points, pool_due};
use super::types::{LeverageRow, PriceFan, Remedy};
use crate::probability::normal::quantile;
use crate::probability::{Block, Job, Kernel, Model, Pool, SCRAMBLES};
use crate::units::HOURS_PER_YEAR;
use libm::{exp, sqrt};

const FAN: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];
/// Points a scramble for another leverage, which is told by itself: at most a point of error.
const LEVERAGE_POINTS: u32 = 192;
/// Paths a scramble behind each fan that has no formula.
const FAN_POINTS: u32 = 128;
/// Halvings in the search for a margin or a size: to a thousandth of the range.
const HALVINGS: usize = 12;

/// One input moved a little up and down.
pub(super) const SENSITIVITIES: [(&str, &str); 5] = [
    ("volatility", "volatility 1 point higher (0.01 a year)"),
    ("margin", "collateral 1 % higher"),
    ("leverage", "sizes 1 % larger on the same collateral"),
    ("price", "every mark 1 % higher"),
    ("funding", "funding rate 0.0001 higher at each payment"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extra {
    /// Number and sign.
    Sensitivity(usize, f64),
    /// The job itself on the grid of comparisons, and without funding.
    Base,
    WithoutFunding,
    Leverage(usize),
    /// By asset.
    Fan,
    /// By pool.
    Remedy(usize),
}

pub(super) fn list(plan: &Plan) -> Vec<Extra> {
    let mut out: Vec<Extra> = (0..SENSITIVITIES.len())
        .flat_map(|k| [Extra::Sensitivity(k, 1.0), Extra::Sensitivity(k, -1.0)])
        .collect();
    if plan.job.funding.iter().flatten().any(|f| !f.is_idle()) {
        out.extend([Extra::Base, Extra::WithoutFunding]);
    }
    out.extend((0..plan.leverages.len()).map(Extra::Leverage));
    out.push(Extra::Fan);
    if plan.target_probability.is_some() {
        out.extend((0..plan.job.pools.len()).map(Extra::Remedy));
    }
    out
}

/// How many numbers a piece has.
pub(super) fn width(plan: &Plan, extra: Extra) -> usize {
    let reports = plan.job.report_hours.len();
    match extra {
        Extra::Sensitivity(..) => 1,
        Extra::Base | Extra::WithoutFunding => reports,
        Extra::Leverage(_) => reports + 1,
        Extra::Fan => plan.job.drift.len() * reports * FAN.len(),
        Extra::Remedy(_) => 3,
    }
}

/// The numbers of one piece.
pub(super) fn run(plan: &Plan, extra: Extra) -> Vec<f64> {
    match extra {
        Extra::Sensitivity(k, sign) => {
            let mut job = plan.coarse();
            job.report_hours = job.report_hours.last().copied().into_iter().collect();
            bump(&mut job, plan, SENSITIVITIES[k].0, sign);
            compare(&job).0
        }
        Extra::Base => compare(&plan.coarse()).0,
        Extra::WithoutFunding => {
            let mut job = plan.coarse();
            // The same grid, so that the same random numbers meet the same steps.
            for f in job.funding.iter_mut().flatten() {
                (f.floor, f.cap) = (0.0, 0.0);
            }
            compare(&job).0
        }
        Extra::Leverage(k) => {
            let mut job = plan.coarse();
            for p in &mut job.pools {
                set_leverage(p, plan.leverages[k]);
            }
            let (mut p, error) = on_points(&job, LEVERAGE_POINTS);
            p.push(error);
            p
        }
        Extra::Fan => fan(plan),
        Extra::Remedy(pool) => remedy(plan, pool),
    }
}

fn bump(job: &mut Job, plan: &Plan, input: &str, sign: f64) {
    match input {
        "volatility" => {
            let markets = &plan.markets.assets;
            let moved = |i: usize| (markets[i].volatility + 0.01 * sign).max(0.0);
            if let Model::Diffusion { volatility, jumps } = &mut job.model {
                // The whole moves by a point: jumps stay, the diffusion makes up for it.
                for (i, (v, j)) in volatility.iter_mut().zip(jumps.iter()).enumerate() {
                    *v = sqrt((moved(i) * moved(i) - j.map_or(0.0, |j| j.variance())).max(0.0));
                }
            } else {
                job.model.scale_volatility(&|i| {
                    let v = markets[i].volatility;
                    if v > 0.0 { moved(i) / v } else { 1.0 }
                });
            }
        }
        "margin" => {
            for p in &mut job.pools {
                p.cash += 0.01 * sign * p.cash.abs();
                // Collateral in the coin itself.
                p.holdings.iter_mut().for_each(|h| h.leg.held *= 1.0 + 0.01 * sign);
            }
        }
        "leverage" => job.pools.iter_mut().for_each(|p| resize(p, 1.0 + 0.01 * sign)),
        "price" => {
            for h in job.pools.iter_mut().flat_map(|p| &mut p.holdings) {
                h.leg.mark_x = h.leg.payoff.x(h.leg.payoff.x(h.leg.mark_x) * (1.0 + 0.01 * sign));
            }
            job.mark.iter_mut().for_each(|m| *m *= 1.0 + 0.01 * sign);
        }
        _ => {
            for f in job.funding.iter_mut().flatten() {
                f.rate += 0.0001 * sign;
                if let Some(p) = &mut f.process {
                    p.mean += 0.0001 * sign;
                }
            }
        }
    }
}

/// Every position of the pool at another size, as if the difference were traded at mark: equity stays what it is.
fn resize(pool: &mut Pool, factor: f64) {
    for h in &mut pool.holdings {
        let value = h.leg.value(h.leg.mark_x);
        h.leg.units *= factor;
        h.leg.reserve *= factor;
        pool.cash += value - h.leg.value(h.leg.mark_x);
    }
}

fn equity(pool: &Pool) -> f64 {
    pool.cash + pool.holdings.iter().map(|h| h.leg.value(h.leg.mark_x)).sum::<f64>()
}

fn notional(pool: &Pool) -> f64 {
    pool.holdings.iter().map(|h| h.leg.notional(h.leg.mark_x)).sum()
}

/// Collateral such that notional over equity is this.
fn set_leverage(pool: &mut Pool, leverage: f64) {
    pool.cash += notional(pool) / leverage - equity(pool);
}

/// Quantiles at every report, asset by asset: lognormal where that is exact, else of simulated prices.
fn fan(plan: &Plan) -> Vec<f64> {
    let job = &plan.job;
    if let Model::Diffusion { volatility, jumps } = &job.model
        && jumps.iter().all(Option::is_none)
    {
        return (0..job.drift.len())
            .flat_map(|i| {
                let (v, mark, drift) = (volatility[i], job.mark[i], job.drift[i]);
                job.report_hours.iter().flat_map(move |hours| {
                    let t = hours / HOURS_PER_YEAR;
                    FAN.map(|p| mark * exp((drift - 0.5 * v * v) * t + v * sqrt(t) * quantile(p)))
                })
            })
            .collect();
    }
    let mut alone = plan.coarse();
    alone.pools.clear();
    let kernel = Kernel::new(&alone);
    let (assets, reports) = (job.drift.len(), job.report_hours.len());
    let mut seen: Vec<Vec<f32>> = vec![Vec::new(); assets * reports];
    for scramble in 0..SCRAMBLES {
        kernel.run(
            Block {
                scramble,
                from: 0,
                to: FAN_POINTS,
            },
            Some(&mut |report, x, _| {
                for (a, lanes) in x.iter().enumerate() {
                    seen[a * reports + report].extend_from_slice(lanes);
                }
            }),
        );
    }
    seen.iter_mut()
        .enumerate()
        .flat_map(|(k, x)| {
            x.sort_by(f32::total_cmp);
            let mark = job.mark[k / reports];
            FAN.map(|p| {
                let at = p * x.len().saturating_sub(1) as f64;
                let low = x.get(at as usize).copied().map_or(0.0, f64::from);
                let high = x.get(at as usize + 1).copied().map_or(low, f64::from);
                mark * exp(low + (high - low) * (at - at.floor()))
            })
        })
        .collect()
}

pub(super) fn fans(plan: &Plan, numbers: &[f64]) -> Vec<PriceFan> {
    let reports = plan.job.report_hours.len();
    plan.markets
        .assets
        .iter()
        .zip(numbers.chunks(reports * FAN.len()))
        .map(|(a, rows)| PriceFan {
            symbol: a.symbol.clone(),
            rows: plan
                .job
                .report_hours
                .iter()
                .zip(rows.chunks(FAN.len()))
                .map(|(h, q)| [*h, q[0], q[1], q[2], q[3], q[4]])
                .collect(),
        })
        .collect()
}

pub(super) fn leverage_row(plan: &Plan, k: usize, numbers: &[f64]) -> LeverageRow {
    LeverageRow {
        leverage: plan.leverages[k],
        rows: plan
            .job
            .report_hours
            .iter()
            .zip(numbers)
            .map(|(h, p)| [*h, *p])
            .collect(),
        standard_error: numbers.last().copied().unwrap_or(0.0),
    }
}

/// `[probability now, margin to add or NaN, share to cut or NaN]`: numbers inside the engine only.
fn remedy(plan: &Plan, pool: usize) -> Vec<f64> {
    let wanted = plan.target_probability.unwrap_or(1.0);
    let target = plan.lenses.as_ref().map_or(wanted, |l| l.invert(wanted));
    let mut job = plan.coarse();
    job.report_hours = job.report_hours.last().copied().into_iter().collect();
    job.pools = vec![plan.job.pools[pool].clone()];
    let probability = |change: &dyn Fn(&mut Pool)| {
        let mut j = job.clone();
        change(&mut j.pools[0]);
        if pool_due(&j.pools[0]) {
            1.0
        } else {
            compare(&j).0.last().copied().unwrap_or(0.0)
        }
    };
    let now = probability(&|_| {});
    if now <= target {
        return vec![now, 0.0, 0.0];
    }
    // The smallest amount in (0, most) that suffices.
    let solve = |most: f64, change: &dyn Fn(&mut Pool, f64)| {
        if probability(&|p| change(p, most)) > target {
            return f64::NAN;
        }
        let (mut low, mut high) = (0.0, most);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if probability(&|p| change(p, middle)) > target {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    };
    let whole = notional(&job.pools[0]);
    vec![
        now,
        solve(whole, &|p, x| p.cash += x),
        solve(0.999, &|p, x| resize(p, 1.0 - x)),
    ]
}

pub(super) fn remedy_of(plan: &Plan, pool: usize, numbers: &[f64]) -> Remedy {
    let known = |k: usize| numbers.get(k).copied().filter(|x| x.is_finite());
    Remedy {
        symbols: plan.job.pools[pool].holdings.iter().map(|h| h.symbol.clone()).collect(),
        probability: known(0).unwrap_or(0.0),
        target: plan.target_probability.unwrap_or(1.0),
        margin_to_add: known(1),
        size_to_cut: known(2),
    }
}
