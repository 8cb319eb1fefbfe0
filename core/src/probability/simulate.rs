//! Survival of margin pools along simulated paths.

use super::paths::Bridge;
use crate::margin::{Holding, Leg, Payoff};
use libm::{exp, log};

/// A set of positions that live and die together: one isolated position, or a cross account.
#[derive(Clone, Debug)]
pub struct Pool {
    pub holdings: Vec<Holding>,
    /// Asset of each holding.
    pub assets: Vec<usize>,
    /// Collateral without profit and loss, less what unlisted positions require.
    pub cash: f64,
}

/// Constant funding of one asset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Funding {
    /// Fraction of mark notional at each payment; positive: longs pay.
    pub rate: f64,
    pub interval_hours: f64,
}

/// Everything a simulation needs. Volatilities and drifts are annual, of the arithmetic price.
#[derive(Clone, Debug)]
pub struct Job {
    pub pools: Vec<Pool>,
    pub volatility: Vec<f64>,
    pub drift: Vec<f64>,
    pub funding: Vec<Option<Funding>>,
    /// Lower triangle of the correlation's Cholesky factor, row by row.
    pub cholesky: Vec<Vec<f64>>,
    /// Hours at which survival is reported, ascending.
    pub report_hours: Vec<f64>,
    pub target_standard_error: f64,
    /// Most points a scramble may use.
    pub max_points: u32,
    pub seed: u32,
}

/// Liquidation probability at each reported hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    pub probability: Vec<f64>,
    pub standard_error: Vec<f64>,
    /// Probability that each pool is liquidated by the last hour.
    pub by_pool: Vec<f64>,
    pub paths: u32,
    pub steps: usize,
    pub reached_target: bool,
}

/// Independent scrambles: enough for an honest standard error.
const SCRAMBLES: u32 = 16;
/// Points of the first round of each scramble.
const FIRST_ROUND: u32 = 128;
const YEAR: f64 = 365.0 * 24.0;
/// Path-steps after which no further round is started, so that a long horizon with a fine target ends in seconds; the
/// answer then says that the target was not reached.
const MOST_WORK: f64 = 1e8;
/// Longest step in hours where the crossing between grid points is only approximated (several assets in a pool).
const FINE_STEP: f64 = 1.0;

/// What a pool needs on every step.
struct Walker<'a> {
    pool: &'a Pool,
    /// The asset of a pool whose crossing between grid points is exact.
    single: Option<usize>,
}

impl<'a> Walker<'a> {
    fn new(pool: &'a Pool) -> Self {
        // One leg: its barrier is one price, constant between payments.
        let single = if pool.holdings.len() == 1 {
            Some(pool.assets[0])
        } else {
            None
        };
        Self { pool, single }
    }

    /// Liquidation price of a single leg at this cash, on the side where danger lies; `None` if there is none.
    fn barrier(&self, cash: f64) -> Option<f64> {
        let leg = &self.pool.holdings[0].leg;
        leg.rows.iter().enumerate().find_map(|(k, row)| {
            let (a, b) = leg.line(k);
            let x = -(a + cash) / b;
            let top = leg.rows.get(k + 1).map_or(f64::INFINITY, |next| next.floor);
            let notional = leg.units * x;
            (x > 0.0 && notional >= row.floor * (1.0 - 1e-12) && notional < top).then(|| leg.payoff.x(x))
        })
    }

    /// +1 where the barrier lies below the price, −1 where above.
    fn side(&self) -> f64 {
        let leg = &self.pool.holdings[0].leg;
        let (_, slope) = leg.line(leg.row_index(leg.mark_x));
        let sign = if slope > 0.0 { 1.0 } else { -1.0 };
        if leg.payoff == Payoff::Inverse { -sign } else { sign }
    }

    /// Equity less requirement at these prices, and its sensitivity to the log price of each asset.
    fn gap(&self, cash: f64, price: &[f64], slopes: &mut [f64]) -> f64 {
        slopes.fill(0.0);
        let mut gap = cash;
        for (h, &asset) in self.pool.holdings.iter().zip(&self.pool.assets) {
            let leg = &h.leg;
            let x = leg.payoff.x(price[asset]);
            let (a, b) = leg.line(leg.row_index(x));
            gap += a + b * x;
            slopes[asset] += b * x * if leg.payoff == Payoff::Inverse { -1.0 } else { 1.0 };
        }
        gap
    }

    /// What funding of `asset` takes from the pool at this price.
    fn payment(&self, asset: usize, rate: f64, price: f64) -> f64 {
        let pays = |leg: &Leg, sign: f64| sign * rate * leg.notional(leg.payoff.x(price));
        self.pool
            .holdings
            .iter()
            .zip(&self.pool.assets)
            .filter(|(_, a)| **a == asset)
            .map(|(h, _)| pays(&h.leg, h.side.sign()))
            .sum()
    }
}

/// Grid of hours: every report, every payment, and fine steps where crossings between are approximated.
fn grid(job: &Job) -> Vec<f64> {
    let Some(&end) = job.report_hours.last() else {
        return Vec::new();
    };
    let mut hours: Vec<f64> = job.report_hours.clone();
    let mut every = |step: f64| {
        let count = (end / step).floor() as usize;
        hours.extend((1..=count).map(|k| k as f64 * step));
    };
    for (asset, funding) in job.funding.iter().enumerate() {
        if let Some(f) = funding
            && f.rate != 0.0
            && job.pools.iter().any(|p| p.assets.contains(&asset))
        {
            every(f.interval_hours);
        }
    }
    if job.pools.iter().any(|p| p.holdings.len() > 1) {
        every(FINE_STEP.max(end / 2000.0));
    }
    hours.retain(|h| *h > 0.0);
    hours.sort_by(f64::total_cmp);
    hours.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    hours
}

/// Runs until the largest standard error among the reported hours is at the target, or the points are used up.
pub fn run(job: &Job, progress: &mut dyn FnMut(f64)) -> Estimate {
    let hours = grid(job);
    let bridge = Bridge::new(&hours.iter().map(|h| h / YEAR).collect::<Vec<_>>());
    let walkers: Vec<Walker> = job.pools.iter().map(Walker::new).collect();
    let reports = job.report_hours.len();
    let scrambles = SCRAMBLES as usize;
    // Sums of liquidation probability: [scramble][report], and by pool at the end.
    let mut sums = vec![vec![0.0; reports]; scrambles];
    let mut by_pool = vec![0.0; job.pools.len()];
    let affordable = (MOST_WORK / (f64::from(SCRAMBLES) * hours.len().max(1) as f64)) as u32;
    let most = job.max_points.min(affordable.max(FIRST_ROUND));
    let mut points = 0;
    let mut path = Path::new(job, &hours);
    loop {
        let next = if points == 0 { FIRST_ROUND } else { points * 2 }.min(most);
        for (s, sum) in sums.iter_mut().enumerate() {
            let seed = job.seed.wrapping_mul(0x9e37_79b9).wrapping_add(s as u32 + 1);
            for index in points..next {
                path.walk(job, &walkers, &bridge, index, seed, sum, &mut by_pool);
            }
        }
        points = next;
        let estimate = summarise(&sums, &by_pool, points, hours.len(), job);
        progress(f64::from(points) / f64::from(most));
        if estimate.reached_target || points >= most {
            return estimate;
        }
    }
}

fn summarise(sums: &[Vec<f64>], by_pool: &[f64], points: u32, steps: usize, job: &Job) -> Estimate {
    let (n, r) = (f64::from(points), sums.len() as f64);
    let column = |k: usize| sums.iter().map(move |s| s[k] / n);
    let probability: Vec<f64> = (0..job.report_hours.len())
        .map(|k| column(k).sum::<f64>() / r)
        .collect();
    let standard_error: Vec<f64> = probability
        .iter()
        .enumerate()
        .map(|(k, mean)| (column(k).map(|p| (p - mean).powi(2)).sum::<f64>() / (r - 1.0) / r).sqrt())
        .collect();
    let worst = standard_error.iter().copied().fold(0.0, f64::max);
    Estimate {
        by_pool: by_pool.iter().map(|p| p / (n * r)).collect(),
        paths: points * sums.len() as u32,
        steps,
        reached_target: worst <= job.target_standard_error,
        probability,
        standard_error,
    }
}

/// Working memory of one path.
struct Path {
    hours: Vec<f64>,
    brownian: Vec<Vec<f64>>,
    log_start: Vec<f64>,
    /// Hour index to report index.
    report_at: Vec<Option<usize>>,
    /// Payments due at each hour: assets.
    due: Vec<Vec<usize>>,
    /// Covariance of log prices a year.
    covariance: Vec<Vec<f64>>,
}

impl Path {
    fn new(job: &Job, hours: &[f64]) -> Self {
        let assets = job.volatility.len();
        let mut log_start = vec![0.0; assets];
        for p in &job.pools {
            for (h, &a) in p.holdings.iter().zip(&p.assets) {
                log_start[a] = log(h.leg.payoff.x(h.leg.mark_x));
            }
        }
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let report_at = hours
            .iter()
            .map(|h| job.report_hours.iter().position(|r| near(*r, *h)))
            .collect();
        let due = hours
            .iter()
            .map(|h| {
                let pays = |f: &Option<Funding>| {
                    f.is_some_and(|f| f.rate != 0.0 && near((h / f.interval_hours).round() * f.interval_hours, *h))
                };
                (0..assets).filter(|a| pays(&job.funding[*a])).collect()
            })
            .collect();
        let covariance = (0..assets)
            .map(|i| {
                (0..assets)
                    .map(|j| {
                        job.volatility[i]
                            * job.volatility[j]
                            * (0..=i.min(j))
                                .map(|k| job.cholesky[i][k] * job.cholesky[j][k])
                                .sum::<f64>()
                    })
                    .collect()
            })
            .collect();
        Self {
            hours: hours.to_vec(),
            brownian: vec![vec![0.0; hours.len()]; assets],
            log_start,
            report_at,
            due,
            covariance,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the two sums are the caller's, one a scramble and one for all"
    )]
    fn walk(
        &mut self,
        job: &Job,
        walkers: &[Walker],
        bridge: &Bridge,
        index: u32,
        seed: u32,
        sum: &mut [f64],
        by_pool: &mut [f64],
    ) {
        bridge.draw(index, seed, &mut self.brownian);
        let assets = job.volatility.len();
        let mut log_price = self.log_start.clone();
        let mut before = log_price.clone();
        let mut price: Vec<f64> = log_price.iter().map(|l| exp(*l)).collect();
        let mut cash: Vec<f64> = job.pools.iter().map(|p| p.cash).collect();
        let mut alive = vec![1.0; walkers.len()];
        let mut barrier: Vec<Option<f64>> = walkers
            .iter()
            .zip(&cash)
            .map(|(w, c)| w.single.and_then(|_| w.barrier(*c)).map(log))
            .collect();
        let mut slopes = vec![vec![0.0; assets]; walkers.len()];
        let mut new_slopes = vec![0.0; assets];
        let mut gap: Vec<f64> = walkers
            .iter()
            .zip(&cash)
            .zip(&mut slopes)
            .map(|((w, c), s)| w.gap(*c, &price, s))
            .collect();
        let mut last = 0.0;
        for (k, &hour) in self.hours.iter().enumerate() {
            let (t, dt) = (hour / YEAR, (hour - last) / YEAR);
            last = hour;
            before.copy_from_slice(&log_price);
            for i in 0..assets {
                let w: f64 = (0..=i).map(|j| job.cholesky[i][j] * self.brownian[j][k]).sum();
                let v = job.volatility[i];
                log_price[i] = self.log_start[i] + (job.drift[i] - 0.5 * v * v) * t + v * w;
                price[i] = exp(log_price[i]);
            }
            for (i, w) in walkers.iter().enumerate() {
                if alive[i] == 0.0 {
                    continue;
                }
                if let Some(a) = w.single {
                    if let Some(b) = barrier[i] {
                        let side = w.side();
                        let (from, to) = (side * (before[a] - b), side * (log_price[a] - b));
                        alive[i] *= stay(from, to, job.volatility[a].powi(2) * dt);
                    }
                } else {
                    let now = w.gap(cash[i], &price, &mut new_slopes);
                    // The gap's own variance over the step, with sensitivities half-way.
                    let mut variance = 0.0;
                    for p in 0..assets {
                        for q in 0..assets {
                            let (sp, sq) = (
                                0.5 * (slopes[i][p] + new_slopes[p]),
                                0.5 * (slopes[i][q] + new_slopes[q]),
                            );
                            variance += sp * sq * self.covariance[p][q];
                        }
                    }
                    alive[i] *= stay(gap[i], now, variance * dt);
                    gap[i] = now;
                    slopes[i].copy_from_slice(&new_slopes);
                }
                let paid: f64 = self.due[k]
                    .iter()
                    .map(|&a| w.payment(a, job.funding[a].map_or(0.0, |f| f.rate), price[a]))
                    .sum();
                if paid != 0.0 && alive[i] > 0.0 {
                    cash[i] -= paid;
                    if let Some(a) = w.single {
                        barrier[i] = w.barrier(cash[i]).map(log);
                        if barrier[i].is_some_and(|b| w.side() * (log_price[a] - b) <= 0.0) {
                            alive[i] = 0.0;
                        }
                    } else {
                        gap[i] -= paid;
                        if gap[i] <= 0.0 {
                            alive[i] = 0.0;
                        }
                    }
                }
            }
            if let Some(r) = self.report_at[k] {
                sum[r] += 1.0 - alive.iter().product::<f64>();
            }
        }
        for (total, a) in by_pool.iter_mut().zip(&alive) {
            *total += 1.0 - a;
        }
    }
}

/// Chance that a Brownian bridge from `from` to `to` over a step of this variance stays above 0.
fn stay(from: f64, to: f64, variance: f64) -> f64 {
    if from <= 0.0 || to <= 0.0 {
        0.0
    } else if variance <= 0.0 {
        1.0
    } else {
        1.0 - exp(-2.0 * from * to / variance)
    }
}
