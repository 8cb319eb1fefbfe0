//! A request checked and turned into a job, and the variations of it that an answer needs.

use super::markets::{self, Markets};
use super::record::Lenses;
use crate::api::liquidation::{Prepared, prepare};
use crate::api::request::ProbabilityRequest;
use crate::error::EngineError;
use crate::margin::{Holding, room};
use crate::market::Account;
use crate::probability::closed_form::hit_probability;
use crate::probability::{Block, Estimate, Job, Kernel, Model, Pool, SCRAMBLES, on_top, standard_error};
use crate::units::{self, HOURS_PER_YEAR, MarginMode};
use libm::log;

const DEFAULT_TARGET: f64 = 0.001;
/// Points of the Sobol sequence a scramble may use.
const MAX_POINTS: u32 = 1 << 17;
/// Longest run of funding payments, each of which is a grid point: more than a year of hours.
const MOST_PAYMENTS: f64 = 10_000.0;
/// Points a scramble for a variation: the same random numbers as what it is compared with, so few are enough.
const VARIATION_POINTS: u32 = 64;
/// Points of the survival curve and of the fan.
const CURVE: usize = 24;
/// Steps of a variation's grid where crossings between grid points are approximated.
const COARSE_STEPS: f64 = 96.0;
const MOST_LEVERAGES: usize = 40;

#[derive(Clone)]
pub(crate) struct Plan {
    pub horizons: Vec<f64>,
    pub job: Job,
    /// The closed form's answer where it is exact.
    pub closed: Option<Estimate>,
    pub(crate) markets: Markets,
    pub notes: Vec<String>,
    /// How chances are read, where a record says so.
    pub lenses: Option<Lenses>,
    pub leverages: Vec<f64>,
    pub target_probability: Option<f64>,
    /// Standard error asked for.
    pub target: f64,
    pub explain: bool,
}

impl Plan {
    pub(crate) fn new(request: &ProbabilityRequest, explain: bool) -> Result<Self, EngineError> {
        let horizons = request.horizons_hours.clone();
        if horizons.is_empty() || horizons.len() > 50 {
            return Err(EngineError::invalid(
                "horizons_hours",
                format!("must hold 1 to 50 horizons; got {}", horizons.len()),
            ));
        }
        for (i, h) in horizons.iter().enumerate() {
            units::horizon_hours(format_args!("horizons_hours[{i}]"), *h)?;
        }
        let target = request.target_standard_error.map_or(Ok(DEFAULT_TARGET), |t| {
            units::between("target_standard_error", t, 1e-5, 0.5)
        })?;
        if let Some(p) = request.target_probability {
            units::between("target_probability", p, 1e-5, 0.99)?;
        }
        if request.leverages.len() > MOST_LEVERAGES {
            return Err(EngineError::invalid(
                "leverages",
                format!("at most {MOST_LEVERAGES}; got {}", request.leverages.len()),
            ));
        }
        for (i, l) in request.leverages.iter().enumerate() {
            units::leverage(format_args!("leverages[{i}]"), *l)?;
        }
        if request.account.positions.len() > 50 {
            return Err(EngineError::invalid(
                "account.positions",
                format!("at most 50 positions; got {}", request.account.positions.len()),
            ));
        }
        let longest = horizons.iter().copied().fold(0.0, f64::max);
        let fine = match request.model.step_hours {
            Some(s) => units::between("model.step_hours", s, (longest / MOST_PAYMENTS).min(1e6), 1e6)?,
            None => f64::INFINITY,
        };
        let Prepared {
            holdings,
            assumptions: mut notes,
            cash,
            other,
            ..
        } = prepare(&request.account)?;
        let markets = markets::build(request, &holdings, longest, &mut notes)?;
        // Rates of 0 count too: what funding would change is told beside the answer.
        let payments: f64 = markets
            .assets
            .iter()
            .filter_map(|a| a.funding)
            .map(|f| longest / f.interval_hours)
            .sum();
        if payments > MOST_PAYMENTS {
            return Err(EngineError::invalid(
                "horizons_hours",
                format!("{longest} hours hold {payments:.0} funding payments: at most {MOST_PAYMENTS} are simulated"),
            ));
        }
        if let Model::Garch { step_hours, .. } | Model::Bootstrap { step_hours, .. } = &markets.model {
            if longest / step_hours > MOST_PAYMENTS {
                return Err(EngineError::invalid(
                    "horizons_hours",
                    format!("{longest} hours hold more than {MOST_PAYMENTS} bars of this model: give longer candles"),
                ));
            }
            if horizons
                .iter()
                .any(|h| (h / step_hours - (h / step_hours).round()).abs() > 1e-9)
            {
                notes.push(format!(
                    "horizons and payments are taken at the end of bars of {step_hours} h"
                ));
            }
        }
        let mut report_hours: Vec<f64> = (1..=CURVE)
            .map(|k| longest * k as f64 / CURVE as f64)
            .chain(horizons.iter().copied())
            .collect();
        report_hours.sort_by(f64::total_cmp);
        report_hours.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
        let mut job = Job {
            pools: pools(&request.account, holdings, &markets, cash - other),
            model: markets.model.clone(),
            drift: markets.assets.iter().map(|a| a.drift).collect(),
            mark: markets.assets.iter().map(|a| a.mark).collect(),
            factor: markets.factor.clone(),
            funding: markets.assets.iter().map(|a| a.funding).collect(),
            without_funding: None,
            judged: (0..report_hours.len())
                .filter(|k| horizons.iter().any(|h| (h - report_hours[*k]).abs() < 1e-9))
                .collect(),
            report_hours,
            finest_step: fine,
            approximate_step: 1.0f64.max(longest / 2000.0),
            target_standard_error: target,
            max_points: MAX_POINTS,
            seed: request.seed,
        };
        job.without_funding = without_funding(&job);
        let lenses = markets.mapped.then(|| Lenses::new(&markets.records, &job));
        job.target_standard_error = target / lenses.as_ref().map_or(1.0, Lenses::gain);
        Ok(Self {
            horizons,
            // A step asked for is a simulation asked for.
            closed: if request.model.step_hours.is_some() {
                None
            } else {
                closed_form(&job)
            },
            job,
            markets,
            notes,
            lenses,
            target,
            leverages: request.leverages.clone(),
            target_probability: request.target_probability,
            explain,
        })
    }

    /// A chance at the last report, and its error, as the record has it read.
    pub(crate) fn read_last(&self, p: f64, error: f64) -> (f64, f64) {
        match &self.lenses {
            Some(l) => l.read_last(p, error),
            None => (p, error),
        }
    }

    /// The part of the error of a chance as it is read that no more paths take away.
    pub(crate) fn lens_error(&self, q: f64) -> f64 {
        self.lenses.as_ref().map_or(0.0, |l| l.own_error(l.invert(q)))
    }

    /// The same plan with chances left as they are simulated.
    pub(crate) fn unmapped(&self) -> Self {
        Self {
            lenses: None,
            ..self.clone()
        }
    }

    /// Correlation of two assets' logs, from the factors in use.
    pub(crate) fn correlation(&self, a: usize, b: usize) -> f64 {
        let rows = &self.job.factor;
        rows[a].iter().zip(&rows[b]).map(|(x, y)| x * y).sum()
    }

    /// The job on a coarser grid, for comparisons.
    pub(super) fn coarse(&self) -> Job {
        let mut job = self.job.clone();
        job.approximate_step = job
            .approximate_step
            .max(job.report_hours.last().map_or(0.0, |h| h / COARSE_STEPS));
        job.finest_step = f64::INFINITY;
        job
    }
}

fn pools(account: &Account, holdings: Vec<Holding>, markets: &Markets, cash: f64) -> Vec<Pool> {
    let asset = |h: &Holding| markets.assets.iter().position(|a| a.symbol == h.symbol).unwrap_or(0);
    match account.margin_mode {
        MarginMode::Isolated => holdings
            .into_iter()
            .map(|h| Pool {
                assets: vec![asset(&h)],
                cash: h.cash,
                holdings: vec![h],
            })
            .collect(),
        MarginMode::Cross => {
            vec![Pool {
                assets: holdings.iter().map(asset).collect(),
                holdings,
                cash,
            }]
        }
    }
}

/// Whether a pool is already under its requirement.
pub(crate) fn pool_due(p: &Pool) -> bool {
    let value: f64 = p
        .holdings
        .iter()
        .map(|h| h.leg.value(h.leg.mark_x) - h.leg.requirement(h.leg.mark_x))
        .sum();
    p.cash + value <= 0.0
}

/// Liquidation price of a pool of one leg, `None` if there is none.
pub(super) fn lone_price(pool: &Pool) -> Option<f64> {
    let alone = Holding {
        cash: pool.cash,
        ..pool.holdings.first()?.clone()
    };
    let (positions, ..) = room::room(MarginMode::Isolated, 0.0, 0.0, std::slice::from_ref(&alone));
    positions.first()?.liquidation_price
}

/// Exact probabilities at each report if no funding were paid, where there is a formula for them.
fn without_funding(job: &Job) -> Option<Vec<f64>> {
    let end = job.report_hours.last().copied().unwrap_or(0.0);
    if !job.funding.iter().flatten().any(|f| f.pays_within(end)) {
        return None;
    }
    let still = Job {
        funding: vec![None; job.funding.len()],
        ..job.clone()
    };
    closed_form(&still).map(|e| e.probability)
}

/// Exact where one leg stands alone under constant volatility and pays nothing.
pub(super) fn closed_form(job: &Job) -> Option<Estimate> {
    let [pool] = job.pools.as_slice() else { return None };
    let ([_], [asset]) = (pool.holdings.as_slice(), pool.assets.as_slice()) else {
        return None;
    };
    let Model::Diffusion { volatility, jumps } = &job.model else {
        return None;
    };
    let end = job.report_hours.last().copied().unwrap_or(0.0);
    if jumps[*asset].is_some() || job.funding[*asset].is_some_and(|f| f.pays_within(end)) {
        return None;
    }
    let (v, mark) = (volatility[*asset], job.mark[*asset]);
    let mu = job.drift[*asset] - 0.5 * v * v;
    let (due, price) = (pool_due(pool), lone_price(pool));
    let probability: Vec<f64> = job
        .report_hours
        .iter()
        .map(|hours| match price {
            _ if due => 1.0,
            None => 0.0,
            Some(p) => hit_probability(log(p / mark), mu, v, hours / HOURS_PER_YEAR),
        })
        .collect();
    let last = probability.last().copied().unwrap_or(0.0);
    Some(Estimate {
        standard_error: vec![0.0; probability.len()],
        by_pool: vec![last],
        by_holding: vec![last],
        probability,
        paths: 0,
        steps: 0,
        reached_target: true,
    })
}

/// Probability at each report and its standard errors, on a fixed number of paths: the same for every variation of a job.
pub(super) fn compare(job: &Job) -> (Vec<f64>, f64) {
    on_points(job, VARIATION_POINTS)
}

/// The same with a number of points a scramble.
pub(crate) fn on_points(job: &Job, points: u32) -> (Vec<f64>, f64) {
    if let Some(exact) = closed_form(job) {
        return (exact.probability, 0.0);
    }
    let job = &Job {
        without_funding: without_funding(job),
        ..job.clone()
    };
    let kernel = Kernel::new(job);
    let reports = job.report_hours.len();
    let n = f64::from(points);
    let means: Vec<Vec<f64>> = (0..SCRAMBLES)
        .map(|scramble| {
            let mut t = kernel.run(
                Block {
                    scramble,
                    from: 0,
                    to: points,
                },
                None,
            );
            t.truncate(reports);
            t.iter_mut().for_each(|t| *t /= n);
            t
        })
        .collect();
    let r = f64::from(SCRAMBLES);
    let mean: Vec<f64> = (0..reports)
        .map(|k| means.iter().map(|m| m[k]).sum::<f64>() / r)
        .collect();
    let error = mean
        .iter()
        .enumerate()
        .map(|(k, p)| {
            let variance = means.iter().map(|m| (m[k] - p) * (m[k] - p)).sum::<f64>() / (r - 1.0);
            standard_error(*p, variance, r, n * r)
        })
        .fold(0.0, f64::max);
    let mean = match &job.without_funding {
        Some(known) => on_top(known, &mean),
        None => mean,
    };
    (mean, error)
}
