//! Operation `volatility`: every estimator and model on one market's candles, and a forecast.

use super::checks;
use super::explain::Step;
use super::probability::markets::LEAST_DEGREES;
use super::request::VolatilityRequest;
use crate::error::{EngineError, ErrorCode};
use crate::market::GarchLaw;
use crate::units;
use crate::volatility::estimators::{self, LEAST_BARS};
use crate::volatility::garch::{self, Fit, Shape};
use crate::volatility::{bootstrap, gaps, har, jumps, returns};
use libm::sqrt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One estimator over all candles of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct EstimatorResult {
    pub name: String,
    /// Annual; null where it cannot be used.
    pub volatility: Option<f64>,
    /// Why not.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct Parameter {
    pub name: String,
    pub value: f64,
    /// Null at a bound or where it is not estimated.
    pub standard_error: Option<f64>,
}

/// A model fitted to the candles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct ModelFit {
    /// "garch", "gjr_garch", "gjr_garch_targeted" (what simulations use), "filtered_historical", "jump_diffusion", "har" or
    /// "implied".
    pub name: String,
    /// Empty where it cannot be used.
    pub parameters: Vec<Parameter>,
    pub log_likelihood: Option<f64>,
    pub converged: bool,
    /// Annual volatility it expects over the horizon; null where it makes no forecast.
    pub forecast: Option<f64>,
    /// Why it cannot be used, or what to know about the fit.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
pub struct Weight {
    pub name: String,
    pub weight: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "wasm", derive(tsify::Tsify))]
#[cfg_attr(feature = "wasm", tsify(missing_as_null))]
pub struct VolatilityResponse {
    pub estimators: Vec<EstimatorResult>,
    pub models: Vec<ModelFit>,
    /// Name of the model that simulations would use here.
    pub model: String,
    /// Its variance model, to be given to `probability` as `markets.X.garch` so that it need not be fitted again.
    pub garch: Option<GarchLaw>,
    /// Annual, over the horizon: the weighted mean in variance.
    pub forecast: f64,
    pub weights: Vec<Weight>,
    pub bars: usize,
    pub gaps: usize,
    pub assumptions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub explanation: Option<Vec<Step>>,
}

/// A law a simulation can take, from a fit.
fn law(fit: &Fit, step_hours: f64) -> GarchLaw {
    GarchLaw {
        step_hours,
        mean: fit.mean,
        omega: fit.garch.omega,
        alpha: fit.garch.alpha,
        gamma: fit.garch.gamma,
        beta: fit.garch.beta,
        // No simulation takes fewer.
        degrees_of_freedom: Some(fit.garch.degrees_of_freedom.max(LEAST_DEGREES)),
        variance_now: fit.garch.variance_now,
    }
}

fn unusable(name: &str, reason: String) -> ModelFit {
    ModelFit {
        name: name.to_owned(),
        parameters: Vec::new(),
        log_likelihood: None,
        converged: false,
        forecast: None,
        reason: Some(reason),
    }
}

fn parameter(name: &str, value: f64, standard_error: Option<f64>) -> Parameter {
    Parameter {
        name: name.to_owned(),
        value,
        standard_error,
    }
}

fn of_garch(name: &str, fit: &Fit, shape: Shape, annual: f64, bars: f64) -> ModelFit {
    let g = &fit.garch;
    let values = [fit.mean, g.omega, g.alpha, g.gamma, g.beta, g.degrees_of_freedom];
    let names = ["mean", "omega", "alpha", "gamma", "beta", "degrees_of_freedom"];
    ModelFit {
        name: name.to_owned(),
        parameters: (0..6)
            .filter(|k| *k != 3 || shape != Shape::Symmetric)
            .map(|k| {
                let error = fit.standard_errors.map(|e| e[k]).filter(|e| *e > 0.0);
                parameter(names[k], values[k], error)
            })
            .collect(),
        log_likelihood: Some(fit.log_likelihood),
        converged: fit.converged,
        forecast: Some(sqrt(g.mean_variance(bars) * annual)),
        reason: fit.at_bound.map(str::to_owned),
    }
}

pub(super) fn volatility(request: &VolatilityRequest, explain: bool) -> Result<VolatilityResponse, EngineError> {
    let horizon = units::horizon_hours("horizon_hours", request.horizon_hours)?;
    let market = &request.market;
    let candles = market
        .candles
        .as_ref()
        .ok_or_else(|| EngineError::insufficient("market.candles", "are missing: volatility is measured on them"))?;
    checks::candles(candles, "market.candles")?;
    if let Some(v) = market.implied_volatility {
        units::between("market.implied_volatility", v, 1e-3, 20.0)?;
    }
    let r = returns(candles);
    if r.len() < LEAST_BARS {
        return Err(EngineError::insufficient(
            "market.candles",
            format!(
                "holds {} bars and {} returns between neighbours: at least {LEAST_BARS} returns are needed",
                candles.rows.len(),
                r.len()
            ),
        ));
    }
    if r.iter().all(|r| *r == 0.0) {
        return Err(EngineError::insufficient(
            "market.candles",
            "holds prices that do not move",
        ));
    }
    let estimators: Vec<EstimatorResult> = estimators::all(candles)
        .into_iter()
        .map(|f| {
            let (volatility, reason) = match f.value {
                Ok(v) => (Some(v), None),
                Err(why) => (None, Some(why)),
            };
            EstimatorResult {
                name: f.name.to_owned(),
                volatility,
                reason,
            }
        })
        .collect();
    let step_hours = candles.interval.millis() / 3_600_000.0;
    let annual = units::HOURS_PER_YEAR / step_hours;
    let bars = horizon / step_hours;
    let mut models = Vec::new();
    for (name, shape) in [("garch", Shape::Symmetric), ("gjr_garch", Shape::Gjr)] {
        models.push(match garch::fit(&r, shape) {
            Ok(fit) => of_garch(name, &fit, shape, annual, bars),
            Err(why) => unusable(name, why),
        });
    }
    let lost = gaps(candles);
    let targeted = if lost * 5 > candles.rows.len() {
        Err(format!("{lost} gaps in {} bars", candles.rows.len()))
    } else {
        garch::fit(&r, Shape::Targeted)
    };
    match &targeted {
        Ok(fit) => {
            models.push(of_garch("gjr_garch_targeted", fit, Shape::Targeted, annual, bars));
            models.push(match bootstrap::history(&[(candles, fit)]) {
                Ok((history, g)) => ModelFit {
                    name: "filtered_historical".to_owned(),
                    parameters: vec![
                        parameter("bars", history.shocks.len() as f64, None),
                        parameter("block_length", history.block_length, None),
                        parameter("skewness", history.cumulants[0].0, None),
                        parameter("excess_kurtosis", history.cumulants[0].1, None),
                    ],
                    log_likelihood: None,
                    converged: fit.converged,
                    forecast: Some(sqrt(g[0].mean_variance(bars) * annual)),
                    reason: None,
                },
                Err(why) => unusable("filtered_historical", why),
            });
        }
        Err(why) => {
            models.push(unusable("gjr_garch_targeted", why.clone()));
            models.push(unusable("filtered_historical", why.clone()));
        }
    }
    models.push(match jumps::fit(&r, annual) {
        Ok(f) => ModelFit {
            name: "jump_diffusion".to_owned(),
            parameters: vec![
                parameter("volatility", f.volatility, None),
                parameter("jump_intensity", f.jumps.intensity, f.standard_errors[0]),
                parameter("jump_mean", f.jumps.mean, f.standard_errors[1]),
                parameter("jump_deviation", f.jumps.deviation, f.standard_errors[2]),
            ],
            log_likelihood: None,
            converged: true,
            forecast: Some(sqrt(f.volatility * f.volatility + f.jumps.variance())),
            reason: None,
        },
        Err(why) => unusable("jump_diffusion", why),
    });
    models.push(match har::fit(candles) {
        Ok(h) => ModelFit {
            name: "har".to_owned(),
            parameters: ["constant", "day", "week", "month"]
                .iter()
                .enumerate()
                .map(|(k, name)| parameter(name, h.coefficients[k], Some(h.standard_errors[k])))
                .collect(),
            log_likelihood: None,
            converged: true,
            forecast: Some(h.volatility(horizon / 24.0)),
            reason: None,
        },
        Err(why) => unusable("har", why),
    });
    models.push(match market.implied_volatility {
        Some(v) => ModelFit {
            name: "implied".to_owned(),
            parameters: vec![parameter("volatility", v, None)],
            log_likelihood: None,
            converged: true,
            forecast: Some(v),
            reason: None,
        },
        None => unusable("implied", "no implied volatility was given".to_owned()),
    });
    // What a simulation of this market would expect: the targeted model, or close-to-close where it cannot be fitted.
    let usable = targeted.as_ref().ok().filter(|f| f.converged);
    let (model, own) = match usable {
        Some(fit) => ("gjr_garch_targeted", fit.garch.mean_variance(bars) * annual),
        None => {
            let v = estimators.first().and_then(|e| e.volatility).unwrap_or(0.0);
            ("close_to_close", v * v)
        }
    };
    let weights = match market.implied_volatility {
        Some(_) => vec![(model, 0.5), ("implied", 0.5)],
        None => vec![(model, 1.0)],
    };
    let forecast = sqrt(market.implied_volatility.map_or(own, |i| 0.5 * (own + i * i)));
    if !forecast.is_finite() || forecast > 20.0 {
        return Err(EngineError::new(
            ErrorCode::InsufficientData,
            "market.candles",
            format!("gives a volatility of {forecast:.3e} a year, which no market has: the candles are faulty"),
        ));
    }
    let explanation = explain.then(|| {
        let mut steps: Vec<Step> = estimators
            .iter()
            .filter_map(|e| {
                Some(Step::new(
                    e.name.clone(),
                    "see the method page",
                    &[("bars", candles.rows.len() as f64)],
                    Some(e.volatility?),
                    "fraction a year",
                    "candles of the request",
                ))
            })
            .collect();
        steps.push(Step::new(
            "forecast over the horizon",
            "√(Σ weight·σ²)",
            &[("own model", sqrt(own)), ("hours", horizon)],
            Some(forecast),
            "fraction a year",
            model,
        ));
        steps
    });
    Ok(VolatilityResponse {
        estimators,
        models,
        model: model.to_owned(),
        garch: usable.map(|f| law(f, step_hours)),
        forecast,
        weights: weights
            .into_iter()
            .map(|(name, weight)| Weight {
                name: name.to_owned(),
                weight,
            })
            .collect(),
        bars: candles.rows.len(),
        gaps: lost,
        assumptions: if lost > 0 {
            vec![format!("returns across {lost} gaps are left out")]
        } else {
            Vec::new()
        },
        explanation,
    })
}
