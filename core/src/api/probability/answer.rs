//! The answer and its explanation, from the estimate and the extras.

use super::extras::{self, Extra, SENSITIVITIES};
use super::plan::{Plan, lone_price, pool_due};
use super::record;
use super::types::{
    Cause, FundingEffect, HorizonProbability, MarketUsed, ModelUsed, PoolProbability, ProbabilityResponse, Sensitivity,
    TimeToLiquidation,
};
use crate::api::explain::Step;
use crate::probability::Estimate;
use crate::units::HOURS_PER_YEAR;
use libm::log;

pub(super) fn compose(plan: &Plan, estimate: Estimate, extras: &[Extra], found: &[Vec<f64>]) -> ProbabilityResponse {
    let closed = plan.closed.is_some();
    // What has not been computed yet is left empty, not shown as nothing.
    let whole = !found.is_empty();
    let job = &plan.job;
    let method = if closed { "closed_form" } else { "quasi_monte_carlo" };
    let at = |hours: f64| {
        job.report_hours
            .iter()
            .position(|r| (r - hours).abs() < 1e-9)
            .unwrap_or(0)
    };
    let horizons: Vec<_> = plan
        .horizons
        .iter()
        .map(|&hours| HorizonProbability {
            hours,
            probability: estimate.probability[at(hours)],
            standard_error: estimate.standard_error[at(hours)],
        })
        .collect();
    let due = job.pools.iter().any(pool_due);
    let survival: Vec<(f64, f64)> = std::iter::once((0.0, if due { 0.0 } else { 1.0 }))
        .chain(
            job.report_hours
                .iter()
                .zip(&estimate.probability)
                .map(|(h, p)| (*h, 1.0 - p)),
        )
        .collect();
    let numbers = |wanted: Extra| {
        extras
            .iter()
            .position(|e| *e == wanted)
            .and_then(|i| found.get(i))
            .map(Vec::as_slice)
            .unwrap_or(&[])
    };
    let last = |wanted: Extra| numbers(wanted).last().copied().unwrap_or(0.0);
    let sensitivities = SENSITIVITIES
        .iter()
        .filter(|_| whole)
        .enumerate()
        .map(|(k, (input, change))| Sensitivity {
            input: (*input).to_owned(),
            change: (*change).to_owned(),
            probability_change: 0.5 * (last(Extra::Sensitivity(k, 1.0)) - last(Extra::Sensitivity(k, -1.0))),
        })
        .collect();
    let (with, without) = (numbers(Extra::Base), numbers(Extra::WithoutFunding));
    let funding_effect = if with.is_empty() {
        Vec::new()
    } else {
        plan.horizons
            .iter()
            .map(|&hours| FundingEffect {
                hours,
                added: with[at(hours)] - without[at(hours)],
            })
            .collect()
    };
    let holdings = || job.pools.iter().flat_map(|p| &p.holdings);
    ProbabilityResponse {
        time_to_liquidation: time_to(&survival),
        causes: holdings()
            .zip(&estimate.by_holding)
            .map(|(h, p)| Cause {
                symbol: h.symbol.clone(),
                side: h.side,
                probability: *p,
            })
            .collect(),
        price_fan: extras::fans(plan, numbers(Extra::Fan)),
        sensitivities,
        funding_effect,
        pools: job
            .pools
            .iter()
            .zip(&estimate.by_pool)
            .map(|(p, q)| PoolProbability {
                symbols: p.holdings.iter().map(|h| h.symbol.clone()).collect(),
                probability: *q,
            })
            .collect(),
        leverage_map: (0..plan.leverages.len())
            .filter(|_| whole)
            .map(|k| extras::leverage_row(plan, k, numbers(Extra::Leverage(k))))
            .collect(),
        remedies: plan
            .target_probability
            .filter(|_| whole)
            .map(|_| {
                (0..job.pools.len())
                    .map(|k| extras::remedy_of(plan, k, numbers(Extra::Remedy(k))))
                    .collect()
            })
            .unwrap_or_default(),
        model: model_used(plan, &estimate, method),
        explanation: plan.explain.then(|| steps(plan, &horizons, method)),
        survival,
        horizons,
        assumptions: plan.notes.clone(),
    }
}

/// The model of a plan whose chance another operation asks for.
pub(crate) fn plan_model(plan: &Plan) -> ModelUsed {
    let none = Estimate {
        probability: Vec::new(),
        standard_error: Vec::new(),
        by_pool: Vec::new(),
        by_holding: Vec::new(),
        paths: 0,
        steps: 0,
        reached_target: true,
    };
    let method = if plan.closed.is_some() {
        "closed_form"
    } else {
        "quasi_monte_carlo"
    };
    model_used(plan, &none, method)
}

fn model_used(plan: &Plan, estimate: &Estimate, method: &str) -> ModelUsed {
    let how = if method == "closed_form" {
        "one position, constant volatility and no funding to pay: the first-passage formula is exact"
    } else {
        "paths are simulated, since funding, several positions or the model of prices move the barrier or the volatility"
    };
    ModelUsed {
        kind: plan.markets.kind.to_owned(),
        method: method.to_owned(),
        reason: plan
            .markets
            .chosen
            .as_ref()
            .map_or_else(|| how.to_owned(), |why| format!("{why}; {how}")),
        markets: plan
            .markets
            .assets
            .iter()
            .map(|a| MarketUsed {
                symbol: a.symbol.clone(),
                volatility: a.volatility,
                volatility_source: a.source.clone(),
                drift: a.drift,
                funding_rate: a.funding.map(|f| f.rate),
                funding_interval_hours: a.funding.map(|f| f.interval_hours),
                funding_mean: a.funding.and_then(|f| f.process).map(|p| p.mean),
                funding_persistence: a.funding.and_then(|f| f.process).map(|p| p.persistence),
            })
            .collect(),
        paths: estimate.paths,
        steps: estimate.steps,
        reached_target: estimate.reached_target,
        records: record::used(
            &plan.markets.records,
            &plan.markets.assets,
            plan.horizons.iter().copied().fold(0.0, f64::max),
        ),
    }
}

/// From the survival curve, linear between its points.
fn time_to(survival: &[(f64, f64)]) -> TimeToLiquidation {
    let dead = |p: f64| {
        survival.windows(2).find(|w| 1.0 - w[1].1 >= p).map(|w| {
            let (from, to) = (1.0 - w[0].1, 1.0 - w[1].1);
            if to > from {
                w[0].0 + (w[1].0 - w[0].0) * ((p - from) / (to - from)).max(0.0)
            } else {
                w[0].0
            }
        })
    };
    let all = survival.last().map_or(0.0, |s| 1.0 - s.1);
    TimeToLiquidation {
        histogram: survival
            .windows(2)
            .map(|w| [w[0].0, w[1].0, (w[0].1 - w[1].1).max(0.0)])
            .collect(),
        p05: dead(0.05),
        p25: dead(0.25),
        p50: dead(0.5),
        median_if_liquidated: if all > 1e-6 { dead(0.5 * all) } else { None },
    }
}

fn steps(plan: &Plan, horizons: &[HorizonProbability], method: &str) -> Vec<Step> {
    let job = &plan.job;
    let mut out: Vec<Step> = plan
        .markets
        .assets
        .iter()
        .map(|a| {
            let mut inputs = vec![("drift", a.drift)];
            if let Some(f) = a.funding {
                inputs.push(("funding rate", f.rate));
                if let Some(p) = f.process {
                    inputs.extend([("its mean", p.mean), ("its persistence", p.persistence)]);
                }
            }
            Step::new(
                format!("{}: volatility a year", a.symbol),
                "σ",
                &inputs,
                Some(a.volatility),
                "fraction",
                &a.source,
            )
        })
        .collect();
    let closed = method == "closed_form";
    let source = if closed {
        "first-passage formula of Brownian motion with drift"
    } else {
        "randomised Sobol paths in Brownian-bridge order, crossings between grid points by their conditional probability"
    };
    let formula = if closed {
        "Φ((b − μT)/(σ√T)) + exp(2μb/σ²)·Φ((b + μT)/(σ√T)), mirrored for b > 0"
    } else {
        "1 − mean over paths of Π over steps (1 − exp(−2·d₀·d₁/(σ²·Δt)))"
    };
    for h in horizons {
        let inputs = if closed {
            let a = &plan.markets.assets[0];
            let barrier = job.pools.first().and_then(lone_price).map_or(0.0, |p| log(p / a.mark));
            vec![
                ("b", barrier),
                ("μ", a.drift - 0.5 * a.volatility * a.volatility),
                ("σ", a.volatility),
                ("T", h.hours / HOURS_PER_YEAR),
            ]
        } else {
            vec![("hours", h.hours), ("standard error", h.standard_error)]
        };
        out.push(Step::new(
            format!("probability within {} hours", h.hours),
            formula,
            &inputs,
            Some(h.probability),
            "probability",
            source,
        ));
        if let Some(lens) = plan.lenses.as_ref().and_then(|l| l.at(h.hours, &job.report_hours)) {
            out.push(Step::new(
                format!("read by the record of all models, within {} hours", h.hours),
                "the record's chance of the level that the simulation gives p",
                &[("p", lens.invert(h.probability))],
                Some(h.probability),
                "probability",
                "line on logits through what the simulation and what the weighted, calibrated models say of the levels of the record",
            ));
        }
    }
    out
}
