//! From the request's markets to the model of prices and funding, with a reason for everything that had to be taken.

use super::record;
use crate::api::checks;
use crate::api::request::ProbabilityRequest;
use crate::error::{EngineError, ErrorCode};
use crate::forecast::standing::Standing;
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
/// Most jumps a year, and most within a horizon: the steps of a simulation must be short beside the time between jumps.
const MOST_INTENSITY: f64 = 10_000.0;
const MOST_JUMPS: f64 = 400.0;
/// Shocks with fewer degrees of freedom have next to all their variance in moves that no path draws.
pub(crate) const LEAST_DEGREES: f64 = 2.3;

/// One market as the model takes it.
#[derive(Clone)]
pub(crate) struct Asset {
    pub symbol: String,
    /// Annual, over the longest horizon.
    pub volatility: f64,
    pub source: String,
    pub drift: f64,
    pub funding: Option<Funding>,
    pub mark: f64,
}

/// Everything about prices.
#[derive(Clone)]
pub(crate) struct Markets {
    pub assets: Vec<Asset>,
    pub model: Model,
    pub factor: Vec<Vec<f64>>,
    pub kind: &'static str,
    /// Why this model, where another was asked for or a choice was left.
    pub chosen: Option<String>,
    /// Of each asset, for `auto`; `mapped` where its chance is read by them.
    pub records: Vec<Option<Standing>>,
    pub mapped: bool,
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
    let finish = |(kind, model), assets: Vec<Asset>, chosen, records, mapped| {
        Ok(Markets {
            factor: factor(request, &assets)?,
            assets,
            model,
            kind,
            chosen,
            records,
            mapped,
        })
    };
    let pick = |kind: &'static str, assets: &mut Vec<Asset>, notes: &mut Vec<String>| {
        model(request, kind, longest, assets, notes).map(|m| (kind, m))
    };
    let mut chosen = None;
    let mut records = Vec::new();
    let mut mapped = false;
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
                records = record::standings(request, &assets, notes)?;
                let known = records.iter().flatten().count();
                let skilled = records.iter().flatten().filter(|r| r.has_skill).count();
                if known > 0 && skilled == 0 {
                    chosen = Some(
                        "constant volatility: on the record of these markets no model is better than it by more than chance"
                            .to_owned(),
                    );
                    return finish(pick("gbm", &mut assets, notes)?, assets, chosen, records, false);
                }
                let before = notes.len();
                match pick("filtered_historical", &mut assets, notes) {
                    Ok(m) => {
                        mapped = skilled > 0;
                        chosen = Some(if mapped {
                            "past shocks with changing volatility, read by the record of all models".to_owned()
                        } else {
                            "candles are there, but no record of the models on them: past shocks with changing volatility"
                                .to_owned()
                        });
                        m
                    }
                    Err(e) if matches!(e.code, ErrorCode::InsufficientData | ErrorCode::NotConverged) => {
                        notes.truncate(before);
                        chosen = Some(format!("constant volatility, since past shocks cannot be used: {e}"));
                        pick("gbm", &mut assets, notes)?
                    }
                    Err(e) => return Err(e),
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
    finish((kind, model), assets, chosen, records, mapped)
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
        // 0 stands for a price that only drifts; what lies between is no volatility but a slip.
        if v != 0.0 {
            units::between(format_args!("{field}.volatility"), v, 1e-6, ABSURD)?;
        }
    }
    if let Some(j) = market.jumps {
        units::between(
            format_args!("{field}.jumps.intensity"),
            j.intensity,
            0.0,
            MOST_INTENSITY,
        )?;
        units::between(format_args!("{field}.jumps.mean"), j.mean, -2.0, 2.0)?;
        units::between(format_args!("{field}.jumps.deviation"), j.deviation, 0.0, 2.0)?;
    }
    if let Some(c) = &market.candles {
        checks::candles(c, &format!("{field}.candles"))?;
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
                if !request.correlations.is_empty() {
                    notes.push(
                        "correlations given are used inside a bar only: the past bars of all markets are replayed together"
                            .to_owned(),
                    );
                }
                // A law that is given says itself where variance stands; a fitted one is led there by the candles.
                let garch = garch
                    .into_iter()
                    .zip(assets.iter())
                    .map(|(g, a)| Garch {
                        variance_now: market(a).garch.map_or(g.variance_now, |law| law.variance_now),
                        ..g
                    })
                    .collect();
                Model::Bootstrap {
                    step_hours,
                    assets: garch,
                    history: Arc::new(history),
                }
            } else {
                Model::Garch {
                    step_hours,
                    assets: fits
                        .iter()
                        .map(|f| Garch {
                            degrees_of_freedom: f.garch.degrees_of_freedom.max(LEAST_DEGREES),
                            ..f.garch
                        })
                        .collect(),
                }
            };
            let what = if historical {
                "past shocks under a GARCH variance"
            } else {
                "GARCH with Student-t shocks"
            };
            let bars = longest / step_hours;
            let laws: Vec<Garch> = match &model {
                Model::Garch { assets, .. } | Model::Bootstrap { assets, .. } => assets.clone(),
                Model::Diffusion { .. } => Vec::new(),
            };
            let scales: Vec<f64> = assets
                .iter_mut()
                .zip(&laws)
                .map(|(a, law)| {
                    let own = law.mean_variance(bars) * HOURS_PER_YEAR / step_hours;
                    let market = &request.markets[&a.symbol];
                    let (anchored, source) = match market.volatility {
                        Some(v) => (v * v, format!("{what}, scaled to the volatility given")),
                        None => anchor(own, market.implied_volatility, what),
                    };
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
                    let law = jump_law(market, &field, notes)?;
                    (a.volatility, a.source) = diffusive(market, law, volatility, &a.source, &field)?;
                    jump = law;
                    let count = law.map_or(0.0, |j| j.intensity) * longest / HOURS_PER_YEAR;
                    if count > MOST_JUMPS {
                        return Err(EngineError::invalid(
                            format!("{field}.jumps.intensity"),
                            format!(
                                "means {count:.0} jumps within {longest} hours: at most {MOST_JUMPS} are simulated"
                            ),
                        ));
                    }
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
    units::between(at("omega"), g.omega, 1e-20, 1.0)?;
    units::between(at("alpha"), g.alpha, 0.0, 1.0)?;
    units::between(at("gamma"), g.gamma, -1.0, 1.0)?;
    units::between(at("beta"), g.beta, 0.0, 1.0)?;
    units::between(at("variance_now"), g.variance_now, 1e-18, 1.0)?;
    let nu = g.degrees_of_freedom.unwrap_or(1e6);
    units::between(at("degrees_of_freedom"), nu, LEAST_DEGREES, 1e6)?;
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

/// The jumps if there are any: given, or found in the candles.
fn jump_law(market: &Market, field: &str, notes: &mut Vec<String>) -> Result<Option<Jumps>, EngineError> {
    if let Some(j) = market.jumps {
        return Ok((j.intensity > 0.0).then_some(Jumps {
            intensity: j.intensity,
            mean: j.mean,
            deviation: j.deviation,
        }));
    }
    let Some(c) = &market.candles else {
        return Err(EngineError::insufficient(
            format!("{field}.jumps"),
            "are missing: give them, or candles to find them in",
        ));
    };
    let bars_a_year = 365.0 * 86_400_000.0 / c.interval.millis();
    match jumps::fit(&returns(c), bars_a_year) {
        Ok(f) if f.jumps.mean.abs() > 2.0 || f.jumps.deviation > 2.0 || f.jumps.intensity > MOST_INTENSITY => {
            Err(EngineError::insufficient(
                format!("{field}.candles"),
                "hold jumps that no market has: the candles are faulty",
            ))
        }
        Ok(f) => {
            notes.push(format!("{field}: {} jumps found in the candles", f.count));
            Ok(Some(f.jumps))
        }
        Err(why) if why.starts_with("no return") => {
            notes.push(format!("{field}: {why}; prices move without jumps"));
            Ok(None)
        }
        Err(why) => Err(EngineError::insufficient(format!("{field}.candles"), why)),
    }
}

/// Volatility of the diffusion beside jumps. Given together with given jumps it is the diffusion's own; everything else is a
/// volatility of the whole, from which the jumps' part is taken.
fn diffusive(
    market: &Market,
    law: Option<Jumps>,
    volatility: f64,
    source: &str,
    field: &str,
) -> Result<(f64, String), EngineError> {
    let Some(j) = law else {
        return Ok((volatility, source.to_owned()));
    };
    if market.volatility.is_some() && market.jumps.is_some() {
        return Ok((volatility, "given beside the jumps given".to_owned()));
    }
    let left = volatility * volatility - j.variance();
    if left <= 0.0 {
        return Err(EngineError::insufficient(
            format!("{field}.jumps"),
            format!(
                "alone have a volatility of {:.3} a year, more than the whole of {volatility:.3}",
                sqrt(j.variance())
            ),
        ));
    }
    Ok((sqrt(left), format!("{source}, jumps counted apart")))
}

fn funding(
    market: &Market,
    listed: Option<f64>,
    field: &str,
    symbol: &str,
    notes: &mut Vec<String>,
) -> Result<Option<Funding>, EngineError> {
    let history = market.funding.as_deref().unwrap_or(&[]);
    checks::funding(history, &format!("{field}.funding"))?;
    let spacing = interval_of(history);
    let interval = market.funding_interval_hours.or(listed).or(spacing);
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
    // A history of another interval than is paid now: rates go with the time they cover.
    let stretch = match (interval, spacing) {
        (Some(i), Some(s)) if market.funding_process.is_none() => i / s,
        _ => 1.0,
    };
    if (stretch - 1.0).abs() > 1e-9 && !history.is_empty() {
        process = process.map(|p| stretched(p, stretch));
        notes.push(format!(
            "{symbol}: past payments every {} h are taken as payments every {} h of the same size an hour",
            spacing.unwrap_or(0.0),
            interval.unwrap_or(0.0)
        ));
    }
    let mean = || stretch * history.iter().map(|r| r.1).sum::<f64>() / history.len() as f64;
    let rate = match (market.funding_rate, process) {
        (Some(r), _) => r,
        (None, Some(p)) => history.last().map_or(p.mean, |r| r.1 * stretch),
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

/// The same process for payments that are `k` times as far apart: rates k times as large, k steps of the return to the mean
/// in one, and the same spread about it in proportion.
fn stretched(p: Reversion, k: f64) -> Reversion {
    let persistence = libm::pow(p.persistence, k);
    let spread = p.deviation / sqrt(1.0 - p.persistence * p.persistence);
    Reversion {
        mean: p.mean * k,
        persistence,
        deviation: k * spread * sqrt(1.0 - persistence * persistence),
        correlation: p.correlation,
    }
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
    // Pairs estimated on different bars may miss by a little: then the nearest matrix of this shape is taken.
    let given = !request.correlations.is_empty();
    if given && eigen.eigenvalues.iter().any(|l| *l < -1e-6) {
        return Err(EngineError::invalid(
            "correlations",
            "cannot all hold together: the matrix has a negative eigenvalue",
        ));
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let mut root: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            order
                .iter()
                .map(|&k| eigen.eigenvectors[(i, k)] * sqrt(eigen.eigenvalues[k].max(0.0)))
                .collect()
        })
        .collect();
    for row in &mut root {
        let length = sqrt(row.iter().map(|x| x * x).sum::<f64>());
        row.iter_mut().for_each(|x| *x /= length);
    }
    Ok(root)
}
