//! From the request's markets to the model of prices and funding, with a reason for everything that had to be taken.

use crate::api::request::ProbabilityRequest;
use crate::error::{EngineError, ErrorCode};
use crate::funding::{fit_reversion, interval_of};
use crate::margin::Holding;
use crate::market::{Candles, GarchLaw, Market};
use crate::probability::{Funding, Jumps, Model, Reversion};
use crate::units::{self, HOURS_PER_YEAR};
use crate::volatility::garch::{Fit, Shape};
use crate::volatility::{Garch, bootstrap, close_to_close, correlation, gaps, garch, jumps, returns};
use libm::sqrt;
use nalgebra::{DMatrix, SymmetricEigen};
use std::sync::Arc;

/// Annual volatility beyond which an estimate is taken for a fault in the data.
const ABSURD: f64 = 20.0;
/// Bars of candles that are read.
const MOST_BARS: usize = 200_000;

/// One market as the model takes it.
pub(super) struct Asset {
    pub symbol: String,
    /// Annual, over the longest horizon.
    pub volatility: f64,
    pub source: String,
    pub drift: f64,
    pub funding: Option<Funding>,
    pub mark: f64,
}

/// Everything about prices.
pub(super) struct Markets {
    pub assets: Vec<Asset>,
    pub model: Model,
    pub factor: Vec<Vec<f64>>,
    pub kind: &'static str,
    /// Why this model, where another was asked for or a choice was left.
    pub chosen: Option<String>,
}

pub(super) fn build(
    request: &ProbabilityRequest,
    holdings: &[Holding],
    longest: f64,
    notes: &mut Vec<String>,
) -> Result<Markets, EngineError> {
    let mut assets = Vec::<Asset>::new();
    for (i, h) in holdings.iter().enumerate() {
        if assets.iter().any(|a| a.symbol == h.symbol) {
            continue;
        }
        let field = format!("markets.{}", h.symbol);
        let market = request
            .markets
            .get(&h.symbol)
            .ok_or_else(|| EngineError::insufficient(&field, "is missing: a volatility or candles are needed"))?;
        check(market, &field)?;
        let listed = request.account.positions[i]
            .instrument
            .as_ref()
            .and_then(|i| i.funding_interval_hours);
        assets.push(Asset {
            funding: funding(market, listed, &field, &h.symbol, notes)?,
            symbol: h.symbol.clone(),
            volatility: 0.0,
            source: String::new(),
            drift: market.drift.unwrap_or(0.0),
            mark: h.leg.payoff.x(h.leg.mark_x),
        });
    }
    let pick = |kind: &'static str, assets: &mut Vec<Asset>, notes: &mut Vec<String>| {
        model(request, kind, longest, assets, notes).map(|m| (kind, m))
    };
    let mut chosen = None;
    let (kind, model) = match request.model.kind.as_str() {
        "gbm" => pick("gbm", &mut assets, notes)?,
        "garch" => pick("garch", &mut assets, notes)?,
        "filtered_historical" => pick("filtered_historical", &mut assets, notes)?,
        "jump_diffusion" => pick("jump_diffusion", &mut assets, notes)?,
        "auto" => {
            if assets
                .iter()
                .all(|a| request.markets.get(&a.symbol).is_some_and(|m| m.candles.is_none()))
            {
                chosen = Some("no candles: constant volatility".to_owned());
                pick("gbm", &mut assets, notes)?
            } else {
                let before = notes.len();
                match pick("filtered_historical", &mut assets, notes) {
                    Ok(m) => {
                        chosen = Some("candles are there: past shocks with changing volatility".to_owned());
                        m
                    }
                    Err(e) => {
                        notes.truncate(before);
                        chosen = Some(format!("constant volatility, since past shocks cannot be used: {e}"));
                        pick("gbm", &mut assets, notes)?
                    }
                }
            }
        }
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err(EngineError::unsupported(
                "model.kind",
                format!("'{shown}' is not one of gbm, garch, filtered_historical, jump_diffusion, auto"),
            ));
        }
    };
    let factor = factor(request, &assets)?;
    Ok(Markets {
        assets,
        model,
        factor,
        kind,
        chosen,
    })
}

/// Everything that must hold of a market whatever the model.
fn check(market: &Market, field: &str) -> Result<(), EngineError> {
    if let Some(d) = market.drift {
        units::between(format_args!("{field}.drift"), d, -20.0, 20.0)?;
    }
    if let Some(v) = market.implied_volatility {
        units::between(format_args!("{field}.implied_volatility"), v, 1e-3, ABSURD)?;
    }
    if let Some(v) = market.volatility {
        units::between(format_args!("{field}.volatility"), v, 0.0, ABSURD)?;
    }
    if let Some(j) = market.jumps {
        units::between(format_args!("{field}.jumps.intensity"), j.intensity, 0.0, 10_000.0)?;
        units::between(format_args!("{field}.jumps.mean"), j.mean, -2.0, 2.0)?;
        units::between(format_args!("{field}.jumps.deviation"), j.deviation, 0.0, 2.0)?;
    }
    if let Some(c) = &market.candles {
        candles(c, &format!("{field}.candles"))?;
    }
    Ok(())
}

/// Prices positive and in order, times ascending.
pub(crate) fn candles(c: &Candles, field: &str) -> Result<(), EngineError> {
    if c.rows.len() > MOST_BARS {
        return Err(EngineError::invalid(
            format!("{field}.rows"),
            format!("at most {MOST_BARS} bars; got {}", c.rows.len()),
        ));
    }
    for (k, row) in c.rows.iter().enumerate() {
        let at = |column: usize| format!("{field}.rows[{k}][{column}]");
        units::millis(at(0), row.0)?;
        for (column, price) in [(1, row.1), (2, row.2), (3, row.3), (4, row.4)] {
            units::price(at(column), price)?;
        }
        if row.2 < row.1.max(row.4) || row.3 > row.1.min(row.4) {
            return Err(EngineError::invalid(at(2), "high and low must enclose open and close"));
        }
        if k > 0 && row.0 <= c.rows[k - 1].0 {
            return Err(EngineError::invalid(at(0), "times must ascend"));
        }
    }
    Ok(())
}

/// Bars in thirty days.
fn month(candles: &Candles) -> usize {
    (30.0 * 86_400_000.0 / candles.interval.millis()) as usize
}

fn model(
    request: &ProbabilityRequest,
    kind: &str,
    longest: f64,
    assets: &mut [Asset],
    notes: &mut Vec<String>,
) -> Result<Model, EngineError> {
    let market = |a: &Asset| &request.markets[&a.symbol];
    match kind {
        "garch" | "filtered_historical" => {
            let historical = kind == "filtered_historical";
            let mut fits = Vec::new();
            let mut step_hours = None;
            for a in assets.iter() {
                let field = format!("markets.{}", a.symbol);
                let (fit, hours) = variance_model(market(a), &field, historical)?;
                if step_hours.is_some_and(|s: f64| (s - hours).abs() > 1e-9) {
                    return Err(EngineError::invalid(
                        format!("{field}.candles.interval"),
                        "must be that of the other markets",
                    ));
                }
                step_hours = Some(hours);
                fits.push(fit);
            }
            let step_hours = step_hours.unwrap_or(1.0);
            let mut model = if historical {
                let pairs: Vec<(&Candles, &Fit)> = assets
                    .iter()
                    .zip(&fits)
                    .filter_map(|(a, f)| Some((market(a).candles.as_ref()?, f)))
                    .collect();
                let (history, garch) =
                    bootstrap::history(&pairs).map_err(|why| EngineError::insufficient("markets", why))?;
                notes.push(format!(
                    "past shocks: {} bars, drawn in blocks of {:.1} on average",
                    history.shocks.len() / assets.len().max(1),
                    history.block_length
                ));
                Model::Bootstrap {
                    step_hours,
                    assets: garch,
                    history: Arc::new(history),
                }
            } else {
                Model::Garch {
                    step_hours,
                    assets: fits.iter().map(|f| f.garch).collect(),
                }
            };
            let what = if historical {
                "past shocks under a GARCH variance"
            } else {
                "GARCH with Student-t shocks"
            };
            let bars = longest / step_hours;
            let scales: Vec<f64> = assets
                .iter_mut()
                .zip(&fits)
                .map(|(a, f)| {
                    let own = f.garch.mean_variance(bars) * HOURS_PER_YEAR / step_hours;
                    let (anchored, source) = anchor(own, request.markets[&a.symbol].implied_volatility, what);
                    (a.volatility, a.source) = (sqrt(anchored), source);
                    sqrt(anchored / own)
                })
                .collect();
            model.scale_volatility(&|i| scales[i]);
            for a in assets.iter() {
                sane(a.volatility, &format!("markets.{}.candles", a.symbol))?;
            }
            Ok(model)
        }
        _ => {
            let mut found = Vec::new();
            for a in assets.iter_mut() {
                let field = format!("markets.{}", a.symbol);
                let market = &request.markets[&a.symbol];
                let (volatility, source) = volatility(market, &field)?;
                (a.volatility, a.source) = (volatility, source);
                let mut jump = None;
                if kind == "jump_diffusion" {
                    let (diffusive, law, source) = jump_law(market, volatility, &field, notes)?;
                    (a.volatility, a.source, jump) = (diffusive, source, law);
                }
                found.push(jump);
            }
            let model = Model::Diffusion {
                volatility: assets.iter().map(|a| a.volatility).collect(),
                jumps: found.clone(),
            };
            // What is told is the whole, jumps included.
            for (a, j) in assets.iter_mut().zip(found) {
                a.volatility = sqrt(a.volatility * a.volatility + j.map_or(0.0, |j| j.variance()));
            }
            Ok(model)
        }
    }
}

fn sane(volatility: f64, field: &str) -> Result<(), EngineError> {
    if (1e-4..=ABSURD).contains(&volatility) {
        Ok(())
    } else {
        Err(EngineError::insufficient(
            field,
            format!("gives a volatility of {volatility:.3e} a year, which no market has: the candles are faulty"),
        ))
    }
}

/// Half-way in variance between the model's own forecast and the options market's, where there is one.
fn anchor(own: f64, implied: Option<f64>, what: &str) -> (f64, String) {
    match implied {
        Some(i) => (
            0.5 * (own + i * i),
            format!(
                "{what} ({:.3}) and implied volatility ({i:.3}), half each in variance",
                sqrt(own)
            ),
        ),
        None => (own, what.to_owned()),
    }
}

fn volatility(market: &Market, field: &str) -> Result<(f64, String), EngineError> {
    if let Some(v) = market.volatility {
        return Ok((v, "given".to_owned()));
    }
    let Some(candles) = &market.candles else {
        if let Some(v) = market.implied_volatility {
            return Ok((v, "implied by options".to_owned()));
        }
        return Err(EngineError::insufficient(
            format!("{field}.volatility"),
            "is missing: give a volatility, or candles to estimate it from",
        ));
    };
    let field = format!("{field}.candles");
    let estimate = close_to_close(candles, month(candles)).ok_or_else(|| {
        EngineError::insufficient(
            &field,
            format!(
                "holds {} bars: at least 21 consecutive ones are needed",
                candles.rows.len()
            ),
        )
    })?;
    sane(estimate, &field)?;
    let what = "close-to-close over the last 30 days of the candles";
    let (v, source) = anchor(estimate * estimate, market.implied_volatility, what);
    Ok((sqrt(v), source))
}

/// A variance model as given, or fitted to the candles, with the length of its step.
fn variance_model(market: &Market, field: &str, needs_candles: bool) -> Result<(Fit, f64), EngineError> {
    let missing = || {
        EngineError::insufficient(
            format!("{field}.candles"),
            "are missing: this model is fitted to past prices",
        )
    };
    if let Some(g) = &market.garch {
        let fit = given(g, &format!("{field}.garch"))?;
        if needs_candles {
            let c = market.candles.as_ref().ok_or_else(missing)?;
            if (c.interval.millis() / 3_600_000.0 - g.step_hours).abs() > 1e-9 {
                return Err(EngineError::invalid(
                    format!("{field}.garch.step_hours"),
                    "must be the candles' interval",
                ));
            }
        }
        return Ok((fit, g.step_hours));
    }
    let c = market.candles.as_ref().ok_or_else(missing)?;
    let at = format!("{field}.candles");
    let r = returns(c);
    let lost = gaps(c);
    if lost * 5 > c.rows.len() {
        return Err(EngineError::insufficient(
            at,
            format!("has {lost} gaps in {} bars: too many", c.rows.len()),
        ));
    }
    let fit = garch::fit(&r, Shape::Targeted).map_err(|why| EngineError::insufficient(&at, why))?;
    if !fit.converged {
        return Err(EngineError::new(
            ErrorCode::NotConverged,
            at,
            format!("the variance model did not settle in {} iterations", fit.iterations),
        ));
    }
    Ok((fit, c.interval.millis() / 3_600_000.0))
}

fn given(g: &GarchLaw, field: &str) -> Result<Fit, EngineError> {
    let at = |name: &str| format!("{field}.{name}");
    units::between(at("step_hours"), g.step_hours, 1.0 / 60.0, 24.0)?;
    units::between(at("mean"), g.mean, -0.1, 0.1)?;
    units::between(at("omega"), g.omega, 0.0, 1.0)?;
    units::between(at("alpha"), g.alpha, 0.0, 1.0)?;
    units::between(at("gamma"), g.gamma, -1.0, 1.0)?;
    units::between(at("beta"), g.beta, 0.0, 1.0)?;
    units::between(at("variance_now"), g.variance_now, 1e-18, 1.0)?;
    let nu = g.degrees_of_freedom.unwrap_or(1e6);
    units::between(at("degrees_of_freedom"), nu, 2.05, 1e6)?;
    let garch = Garch {
        omega: g.omega,
        alpha: g.alpha,
        gamma: g.gamma,
        beta: g.beta,
        degrees_of_freedom: nu,
        variance_now: g.variance_now,
    };
    if g.alpha + g.gamma < 0.0 {
        return Err(EngineError::invalid(at("gamma"), "alpha + gamma must not be negative"));
    }
    if garch.persistence() > 1.0 {
        return Err(EngineError::invalid(
            at("beta"),
            "alpha + gamma/2 + beta must be at most 1: variance would explode",
        ));
    }
    Ok(Fit {
        mean: g.mean,
        garch,
        log_likelihood: 0.0,
        standard_errors: None,
        converged: true,
        iterations: 0,
        at_bound: None,
        observations: 0,
    })
}

/// Volatility of the diffusion, the jumps if there are any, and where they are from.
fn jump_law(
    market: &Market,
    volatility: f64,
    field: &str,
    notes: &mut Vec<String>,
) -> Result<(f64, Option<Jumps>, String), EngineError> {
    if let Some(j) = market.jumps {
        let law = Jumps {
            intensity: j.intensity,
            mean: j.mean,
            deviation: j.deviation,
        };
        return Ok((
            volatility,
            (j.intensity > 0.0).then_some(law),
            "given, jumps given".to_owned(),
        ));
    }
    let Some(c) = &market.candles else {
        return Err(EngineError::insufficient(
            format!("{field}.jumps"),
            "are missing: give them, or candles to find them in",
        ));
    };
    let bars_a_year = 365.0 * 86_400_000.0 / c.interval.millis();
    match jumps::fit(&returns(c), bars_a_year) {
        Ok(f) => Ok((
            f.volatility,
            Some(f.jumps),
            format!("diffusion and {} jumps found in the candles", f.count),
        )),
        Err(why) if why.starts_with("no return") => {
            notes.push(format!("{field}: {why}; prices move without jumps"));
            Ok((volatility, None, "close-to-close; no jump found".to_owned()))
        }
        Err(why) => Err(EngineError::insufficient(format!("{field}.candles"), why)),
    }
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
    let at = |name: &str| format!("{field}.{name}");
    let mut process = None;
    if let Some(p) = market.funding_process {
        units::between(at("funding_process.mean"), p.mean, -0.1, 0.1)?;
        units::between(at("funding_process.persistence"), p.persistence, 0.0, 0.9999)?;
        units::between(at("funding_process.deviation"), p.deviation, 0.0, 0.1)?;
        units::between(at("funding_process.correlation"), p.correlation, -1.0, 1.0)?;
        process = Some(Reversion {
            mean: p.mean,
            persistence: p.persistence,
            deviation: p.deviation,
            correlation: p.correlation,
        });
    } else if let Some(p) = fit_reversion(history, market.candles.as_ref()) {
        process = Some(p);
    }
    let mean = || history.iter().map(|r| r.1).sum::<f64>() / history.len() as f64;
    let rate = match (market.funding_rate, process) {
        (Some(r), _) => r,
        (None, Some(p)) => history.last().map_or(p.mean, |r| r.1),
        (None, None) if history.len() > 1 => {
            notes.push(format!("{symbol}: funding held at the mean of a short history"));
            mean()
        }
        (None, None) => {
            notes.push(format!("{symbol}: no funding known, none is counted"));
            return Ok(None);
        }
    };
    units::between(at("funding_rate"), rate, -0.1, 0.1)?;
    let interval = interval
        .ok_or_else(|| EngineError::invalid(at("funding_interval_hours"), "is missing: how often the rate is paid"))?;
    units::between(at("funding_interval_hours"), interval, 0.25, 168.0)?;
    let (floor, cap) = (market.funding_floor.unwrap_or(-1.0), market.funding_cap.unwrap_or(1.0));
    units::between(at("funding_cap"), cap, -1.0, 1.0)?;
    units::between(at("funding_floor"), floor, -1.0, cap)?;
    Ok(Some(Funding {
        rate,
        interval_hours: interval,
        process,
        floor,
        cap,
    }))
}

/// A root of the correlation matrix by its principal axes, the strongest first: given pairs first, then the candles.
fn factor(request: &ProbabilityRequest, assets: &[Asset]) -> Result<Vec<Vec<f64>>, EngineError> {
    let n = assets.len();
    for (k, (_, _, rho)) in request.correlations.iter().enumerate() {
        units::between(format_args!("correlations[{k}][2]"), *rho, -1.0, 1.0)?;
    }
    let mut matrix = DMatrix::<f64>::identity(n, n);
    for i in 0..n {
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
            let rho = given.or_else(estimated).ok_or_else(|| {
                EngineError::insufficient(
                    "correlations",
                    format!("{b} with {a} is missing: give the correlation, or candles of both that overlap"),
                )
            })?;
            (matrix[(i, j)], matrix[(j, i)]) = (rho, rho);
        }
    }
    let eigen = SymmetricEigen::new(matrix);
    if eigen.eigenvalues.iter().any(|l| *l < -1e-6) {
        return Err(EngineError::invalid(
            "correlations",
            "cannot all hold together: the matrix has a negative eigenvalue",
        ));
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    Ok((0..n)
        .map(|i| {
            order
                .iter()
                .map(|&k| eigen.eigenvectors[(i, k)] * sqrt(eigen.eigenvalues[k].max(0.0)))
                .collect()
        })
        .collect())
}
