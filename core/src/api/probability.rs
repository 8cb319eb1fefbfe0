//! Operation `probability`.

use super::Progress;
use super::explain::Step;
use super::liquidation::{Prepared, prepare};
use super::request::ProbabilityRequest;
use super::response::{
    HorizonProbability, MarketUsed, ModelUsed, PoolProbability, PriceFan, ProbabilityResponse, Sensitivity,
};
use crate::error::EngineError;
use crate::funding::interval_of;
use crate::margin::{Holding, room};
use crate::market::{Account, Candles, Market};
use crate::probability::closed_form::hit_probability;
use crate::probability::normal::quantile;
use crate::probability::{Estimate, Funding, Job, Pool, run};
use crate::units::{self, HOURS_PER_YEAR, MarginMode};
use crate::volatility::{close_to_close, correlation};
use libm::{exp, log, sqrt};

const DEFAULT_TARGET: f64 = 0.001;
/// Points of the Sobol sequence a scramble may use.
const MAX_POINTS: u32 = 65_536;
/// Longest run of funding payments, each of which is a grid point: more than a year of hours.
const MOST_PAYMENTS: f64 = 10_000.0;
/// Points for each side of a sensitivity: the same random numbers on both, so few are enough.
const SENSITIVITY_POINTS: u32 = 64;
/// Points of the survival curve and of the fan.
const CURVE: usize = 24;
const FAN: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// One market as the model takes it.
struct Asset {
    symbol: String,
    volatility: f64,
    source: String,
    drift: f64,
    funding: Option<Funding>,
}

pub(super) fn probability(
    request: &ProbabilityRequest,
    explain: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<ProbabilityResponse, EngineError> {
    if request.model.kind != "gbm" {
        let shown: String = request.model.kind.chars().take(40).collect();
        return Err(EngineError::unsupported(
            "model.kind",
            format!("'{shown}' is not in this version: gbm is"),
        ));
    }
    let horizons = &request.horizons_hours;
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
    if request.account.positions.len() > 50 {
        return Err(EngineError::invalid(
            "account.positions",
            format!("at most 50 positions; got {}", request.account.positions.len()),
        ));
    }

    let Prepared {
        holdings,
        assumptions: mut notes,
        cash,
        other,
        ..
    } = prepare(&request.account)?;
    let assets = assets(request, &holdings, &mut notes)?;
    let cholesky = cholesky(request, &assets)?;
    let longest = horizons.iter().copied().fold(0.0, f64::max);
    for asset in &assets {
        let payments = asset
            .funding
            .filter(|f| f.rate != 0.0)
            .map_or(0.0, |f| longest / f.interval_hours);
        if payments > MOST_PAYMENTS {
            return Err(EngineError::invalid(
                "horizons_hours",
                format!(
                    "{longest} hours hold {payments:.0} funding payments of {}: at most {MOST_PAYMENTS} are simulated",
                    asset.symbol
                ),
            ));
        }
    }
    let mut report_hours: Vec<f64> = (1..=CURVE)
        .map(|k| longest * k as f64 / CURVE as f64)
        .chain(horizons.iter().copied())
        .collect();
    report_hours.sort_by(f64::total_cmp);
    report_hours.dedup_by(|a, b| (*a - *b).abs() < 1e-9);

    let job = Job {
        pools: pools(&request.account, holdings, &assets, cash - other),
        volatility: assets.iter().map(|a| a.volatility).collect(),
        drift: assets.iter().map(|a| a.drift).collect(),
        funding: assets.iter().map(|a| a.funding).collect(),
        cholesky,
        report_hours,
        target_standard_error: target,
        max_points: MAX_POINTS,
        seed: request.seed,
    };
    let closed = closed_form(&job);
    let method = if closed.is_some() {
        "closed_form"
    } else {
        "quasi_monte_carlo"
    };
    let estimate = closed.unwrap_or_else(|| run(&job, &mut |share| progress(Progress { share })));
    let at = |hours: f64| {
        job.report_hours
            .iter()
            .position(|r| (r - hours).abs() < 1e-9)
            .unwrap_or(0)
    };
    let horizons: Vec<_> = horizons
        .iter()
        .map(|&hours| HorizonProbability {
            hours,
            probability: estimate.probability[at(hours)],
            standard_error: estimate.standard_error[at(hours)],
        })
        .collect();
    let explanation = explain.then(|| steps(&job, &assets, &horizons, method));
    Ok(ProbabilityResponse {
        survival: std::iter::once((0.0, 1.0 - due_now(&job)))
            .chain(
                job.report_hours
                    .iter()
                    .zip(&estimate.probability)
                    .map(|(h, p)| (*h, 1.0 - p)),
            )
            .collect(),
        price_fan: fans(&job, &assets),
        sensitivities: sensitivities(&job),
        pools: job
            .pools
            .iter()
            .zip(&estimate.by_pool)
            .map(|(p, q)| PoolProbability {
                symbols: p.holdings.iter().map(|h| h.symbol.clone()).collect(),
                probability: *q,
            })
            .collect(),
        model: ModelUsed {
            kind: "gbm".to_owned(),
            method: method.to_owned(),
            reason: if method == "closed_form" {
                "one position and no funding: the first-passage formula is exact"
            } else {
                "funding or several positions move the barrier: paths are simulated"
            }
            .to_owned(),
            markets: assets
                .iter()
                .map(|a| MarketUsed {
                    symbol: a.symbol.clone(),
                    volatility: a.volatility,
                    volatility_source: a.source.clone(),
                    drift: a.drift,
                    funding_rate: a.funding.map(|f| f.rate),
                    funding_interval_hours: a.funding.map(|f| f.interval_hours),
                })
                .collect(),
            paths: estimate.paths,
            steps: estimate.steps,
            reached_target: estimate.reached_target,
        },
        horizons,
        assumptions: notes,
        explanation,
    })
}

/// Each symbol's volatility, drift and funding, with where they came from.
fn assets(
    request: &ProbabilityRequest,
    holdings: &[Holding],
    notes: &mut Vec<String>,
) -> Result<Vec<Asset>, EngineError> {
    let mut out: Vec<Asset> = Vec::new();
    for (i, h) in holdings.iter().enumerate() {
        if out.iter().any(|a| a.symbol == h.symbol) {
            continue;
        }
        let field = format!("markets.{}", h.symbol);
        let market = request
            .markets
            .get(&h.symbol)
            .ok_or_else(|| EngineError::insufficient(&field, "is missing: a volatility or candles are needed"))?;
        let (volatility, source) = volatility(market, &field)?;
        let drift = market.drift.map_or(Ok(0.0), |d| {
            units::between(format_args!("{field}.drift"), d, -20.0, 20.0)
        })?;
        let listed = request.account.positions[i]
            .instrument
            .as_ref()
            .and_then(|i| i.funding_interval_hours);
        let funding = funding(market, listed, &field, &h.symbol, notes)?;
        out.push(Asset {
            symbol: h.symbol.clone(),
            volatility,
            source,
            drift,
            funding,
        });
    }
    Ok(out)
}

/// Bars in thirty days.
fn month(candles: &Candles) -> usize {
    (30.0 * 86_400_000.0 / candles.interval.millis()) as usize
}

fn volatility(market: &Market, field: &str) -> Result<(f64, String), EngineError> {
    if let Some(v) = market.volatility {
        return Ok((
            units::between(format_args!("{field}.volatility"), v, 0.0, 20.0)?,
            "given".to_owned(),
        ));
    }
    let Some(candles) = &market.candles else {
        return Err(EngineError::insufficient(
            format!("{field}.volatility"),
            "is missing: give a volatility, or candles to estimate it from",
        ));
    };
    for (k, row) in candles.rows.iter().enumerate() {
        units::price(format_args!("{field}.candles.rows[{k}][4]"), row.4)?;
    }
    let estimate = close_to_close(candles, month(candles)).ok_or_else(|| {
        EngineError::insufficient(
            format!("{field}.candles"),
            format!(
                "holds {} bars: at least 21 consecutive ones are needed",
                candles.rows.len()
            ),
        )
    })?;
    units::between(format_args!("{field}.candles"), estimate, 0.0, 20.0)?;
    Ok((
        estimate,
        "close-to-close over the last 30 days of the candles".to_owned(),
    ))
}

fn funding(
    market: &Market,
    listed: Option<f64>,
    field: &str,
    symbol: &str,
    notes: &mut Vec<String>,
) -> Result<Option<Funding>, EngineError> {
    let history = market.funding.as_deref().unwrap_or(&[]);
    let interval = market
        .funding_interval_hours
        .or(listed)
        .or_else(|| interval_of(history));
    let rate = match market.funding_rate {
        Some(r) => Some(r),
        None if history.len() > 1 => {
            notes.push(format!("{symbol}: funding held at the mean of the history"));
            Some(history.iter().map(|r| r.1).sum::<f64>() / history.len() as f64)
        }
        None => {
            notes.push(format!("{symbol}: no funding known, none is counted"));
            None
        }
    };
    let Some(rate) = rate else { return Ok(None) };
    units::between(format_args!("{field}.funding_rate"), rate, -0.1, 0.1)?;
    let interval = interval.ok_or_else(|| {
        EngineError::invalid(
            format!("{field}.funding_interval_hours"),
            "is missing: how often the rate is paid",
        )
    })?;
    units::between(format_args!("{field}.funding_interval_hours"), interval, 0.25, 168.0)?;
    Ok(Some(Funding {
        rate,
        interval_hours: interval,
    }))
}

/// Cholesky factor of the correlation: given pairs first, then the candles.
fn cholesky(request: &ProbabilityRequest, assets: &[Asset]) -> Result<Vec<Vec<f64>>, EngineError> {
    let n = assets.len();
    let mut matrix = vec![vec![0.0; n]; n];
    for (k, (_, _, rho)) in request.correlations.iter().enumerate() {
        units::between(format_args!("correlations[{k}][2]"), *rho, -1.0, 1.0)?;
    }
    for i in 0..n {
        matrix[i][i] = 1.0;
        for j in 0..i {
            let (a, b) = (&assets[i].symbol, &assets[j].symbol);
            let given = request
                .correlations
                .iter()
                .find(|c| (c.0 == *a && c.1 == *b) || (c.0 == *b && c.1 == *a))
                .map(|c| c.2);
            let candles = |s: &str| request.markets.get(s).and_then(|m| m.candles.as_ref());
            let estimated = || {
                candles(a)
                    .zip(candles(b))
                    .and_then(|(x, y)| correlation(x, y, month(x)))
            };
            matrix[i][j] = given.or_else(estimated).ok_or_else(|| {
                EngineError::insufficient(
                    "correlations",
                    format!("{b} with {a} is missing: give the correlation, or candles of both that overlap"),
                )
            })?;
        }
    }
    let mut factor = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let rest: f64 = matrix[i][j] - (0..j).map(|k| factor[i][k] * factor[j][k]).sum::<f64>();
            if i == j {
                if rest < -1e-9 {
                    return Err(EngineError::invalid(
                        "correlations",
                        "cannot all hold together: the matrix has a negative eigenvalue",
                    ));
                }
                factor[i][i] = sqrt(rest.max(0.0));
            } else {
                // A pivot of 0 is an asset that is fully explained by those before it.
                factor[i][j] = if factor[j][j] > 1e-7 { rest / factor[j][j] } else { 0.0 };
                if factor[j][j] <= 1e-7 && rest.abs() > 1e-6 {
                    return Err(EngineError::invalid(
                        "correlations",
                        "cannot all hold together: the matrix has a negative eigenvalue",
                    ));
                }
            }
        }
    }
    Ok(factor)
}

fn pools(account: &Account, holdings: Vec<Holding>, assets: &[Asset], cash: f64) -> Vec<Pool> {
    let asset = |h: &Holding| assets.iter().position(|a| a.symbol == h.symbol).unwrap_or(0);
    match account.margin_mode {
        MarginMode::Isolated => holdings
            .into_iter()
            .map(|h| Pool {
                assets: vec![asset(&h)],
                cash: h.cash,
                holdings: vec![h],
            })
            .collect(),
        MarginMode::Cross => vec![Pool {
            assets: holdings.iter().map(asset).collect(),
            holdings,
            cash,
        }],
    }
}

/// 1 when some pool is already under its requirement.
fn due_now(job: &Job) -> f64 {
    let due = job.pools.iter().any(|p| {
        p.cash
            + p.holdings
                .iter()
                .map(|h| h.leg.value(h.leg.mark_x) - h.leg.requirement(h.leg.mark_x))
                .sum::<f64>()
            <= 0.0
    });
    f64::from(due)
}

/// Exact where one leg stands alone and pays nothing.
fn closed_form(job: &Job) -> Option<Estimate> {
    let [pool] = job.pools.as_slice() else { return None };
    let [h] = pool.holdings.as_slice() else { return None };
    let asset = pool.assets[0];
    if job.funding[asset].is_some_and(|f| f.rate != 0.0) {
        return None;
    }
    let alone = Holding {
        cash: pool.cash,
        ..h.clone()
    };
    let (positions, ..) = room::room(MarginMode::Isolated, 0.0, 0.0, std::slice::from_ref(&alone));
    let position = positions.first()?;
    let (v, mark) = (job.volatility[asset], h.leg.payoff.x(h.leg.mark_x));
    let mu = job.drift[asset] - 0.5 * v * v;
    let probability: Vec<f64> = job
        .report_hours
        .iter()
        .map(|hours| match position.liquidation_price {
            _ if position.liquidatable_now => 1.0,
            None => 0.0,
            Some(p) => hit_probability(log(p / mark), mu, v, hours / HOURS_PER_YEAR),
        })
        .collect();
    Some(Estimate {
        standard_error: vec![0.0; probability.len()],
        by_pool: vec![probability.last().copied().unwrap_or(0.0)],
        probability,
        paths: 0,
        steps: 0,
        reached_target: true,
    })
}

/// Quantiles of each price: lognormal, so exact.
fn fans(job: &Job, assets: &[Asset]) -> Vec<PriceFan> {
    assets
        .iter()
        .enumerate()
        .map(|(i, a)| {
            let mark = job
                .pools
                .iter()
                .flat_map(|p| p.holdings.iter().zip(&p.assets))
                .find(|(_, k)| **k == i)
                .map_or(0.0, |(h, _)| h.leg.payoff.x(h.leg.mark_x));
            let rows =
                job.report_hours
                    .iter()
                    .map(|hours| {
                        let t = hours / HOURS_PER_YEAR;
                        let q = FAN.map(|p| {
                            mark * exp((a.drift - 0.5 * a.volatility * a.volatility) * t
                                + a.volatility * sqrt(t) * quantile(p))
                        });
                        [*hours, q[0], q[1], q[2], q[3], q[4]]
                    })
                    .collect();
            PriceFan {
                symbol: a.symbol.clone(),
                rows,
            }
        })
        .collect()
}

/// Central differences at the longest horizon, the same random numbers on both sides.
fn sensitivities(job: &Job) -> Vec<Sensitivity> {
    let last = |j: &Job| {
        let mut j = j.clone();
        j.report_hours = j.report_hours.last().copied().into_iter().collect();
        j.max_points = SENSITIVITY_POINTS;
        j.target_standard_error = 0.0;
        closed_form(&j)
            .unwrap_or_else(|| run(&j, &mut |_| {}))
            .probability
            .last()
            .copied()
            .unwrap_or(0.0)
    };
    let vary = |input: &str, change: &str, bump: &dyn Fn(&mut Job, f64)| {
        let side = |sign: f64| {
            let mut j = job.clone();
            bump(&mut j, sign);
            last(&j)
        };
        Sensitivity {
            input: input.to_owned(),
            change: change.to_owned(),
            probability_change: 0.5 * (side(1.0) - side(-1.0)),
        }
    };
    vec![
        vary("volatility", "volatility 1 point higher (0.01 a year)", &|j, s| {
            j.volatility.iter_mut().for_each(|v| *v = (*v + 0.01 * s).max(0.0))
        }),
        vary("margin", "collateral 1 % higher", &|j, s| {
            j.pools.iter_mut().for_each(|p| p.cash += 0.01 * s * p.cash.abs())
        }),
        vary("price", "every mark 1 % higher", &|j, s| {
            for h in j.pools.iter_mut().flat_map(|p| &mut p.holdings) {
                h.leg.mark_x = h.leg.payoff.x(h.leg.payoff.x(h.leg.mark_x) * (1.0 + 0.01 * s));
            }
        }),
        vary("funding", "funding rate 0.0001 higher at each payment", &|j, s| {
            j.funding.iter_mut().flatten().for_each(|f| f.rate += 0.0001 * s)
        }),
    ]
}

fn steps(job: &Job, assets: &[Asset], horizons: &[HorizonProbability], method: &str) -> Vec<Step> {
    let mut out: Vec<Step> = assets
        .iter()
        .map(|a| {
            Step::new(
                format!("{}: volatility a year", a.symbol),
                "σ",
                &[("drift", a.drift), ("funding rate", a.funding.map_or(0.0, |f| f.rate))],
                Some(a.volatility),
                "fraction",
                &a.source,
            )
        })
        .collect();
    let source = if method == "closed_form" {
        "first-passage formula of Brownian motion with drift"
    } else {
        "Owen-scrambled Sobol paths in Brownian-bridge order, crossings between grid points by their conditional probability"
    };
    for h in horizons {
        let inputs = match (method, job.pools.first().and_then(|p| p.holdings.first())) {
            ("closed_form", Some(first)) => {
                let alone = Holding {
                    cash: job.pools[0].cash,
                    ..first.clone()
                };
                let (positions, ..) = room::room(MarginMode::Isolated, 0.0, 0.0, std::slice::from_ref(&alone));
                let barrier = positions
                    .first()
                    .and_then(|p| p.liquidation_price)
                    .map_or(0.0, |p| log(p / first.leg.payoff.x(first.leg.mark_x)));
                vec![
                    ("b", barrier),
                    ("μ", assets[0].drift - 0.5 * assets[0].volatility * assets[0].volatility),
                    ("σ", assets[0].volatility),
                    ("T", h.hours / HOURS_PER_YEAR),
                ]
            }
            _ => vec![("hours", h.hours), ("standard error", h.standard_error)],
        };
        let formula = if method == "closed_form" {
            "Φ((b − μT)/(σ√T)) + exp(2μb/σ²)·Φ((b + μT)/(σ√T)), mirrored for b > 0"
        } else {
            "1 − mean over paths of Π over steps (1 − exp(−2·d₀·d₁/(σ²·Δt)))"
        };
        out.push(Step::new(
            format!("probability within {} hours", h.hours),
            formula,
            &inputs,
            Some(h.probability),
            "probability",
            source,
        ));
    }
    out
}
