//! Operation `volatility` and its models against Python's `arch`, numpy and statsmodels (`tools/reference_models.py`).
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use headroom_core::market::Candles;
use headroom_core::volatility::garch::{self, Garch, Shape};
use headroom_core::volatility::{bootstrap, returns};
use serde_json::{Value, json};

fn reference() -> Value {
    serde_json::from_str(include_str!("vectors/models.json")).unwrap()
}

fn candles(name: &str) -> Candles {
    let path = format!("{}/../www/data/candles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn ask(request: &Value) -> Value {
    serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap()
}

fn number(v: &Value) -> f64 {
    v.as_f64().unwrap_or_else(|| panic!("no number: {v}"))
}

#[test]
fn the_likelihood_is_that_of_arch() {
    for (name, want) in reference()["candles"].as_object().unwrap() {
        let r = returns(&candles(name));
        for key in ["garch_t_fixed_loglik", "gjr_t_fixed_loglik"] {
            let p = &want[key]["params"];
            let g = Garch {
                omega: number(&p["omega"]),
                alpha: number(&p["alpha"]),
                gamma: p["gamma"].as_f64().unwrap_or(0.0),
                beta: number(&p["beta"]),
                degrees_of_freedom: number(&p["nu"]),
                variance_now: 0.0,
            };
            let got = garch::log_likelihood(&r, number(&p["mu"]), &g).unwrap();
            assert!((got - number(&want[key]["loglik"])).abs() < 1e-7, "{name} {key}: {got}");
        }
    }
}

#[test]
fn the_optimum_is_not_below_that_of_arch() {
    let mut assets = 0;
    for (name, want) in reference()["candles"].as_object().unwrap() {
        let r = returns(&candles(name));
        for (key, shape) in [("garch_t", Shape::Symmetric), ("gjr_t", Shape::Gjr)] {
            let fit = garch::fit(&r, shape).unwrap();
            let loglik = number(&want[key]["loglik"]);
            // The task allows 1e-3 relative, which is whole units; this is a ten-thousandth of a unit relative.
            assert!(
                fit.converged && fit.log_likelihood > loglik - 2e-3,
                "{name} {key}: {} against {loglik}, {fit:?}",
                fit.log_likelihood
            );
            let bound = want[key]["at_bound"].as_bool().unwrap();
            assert_eq!(fit.at_bound.is_some(), bound, "{name} {key}: {fit:?}");
            if bound {
                assert!(fit.standard_errors.is_none());
                continue;
            }
            let errors = fit.standard_errors.unwrap();
            let got = [
                fit.mean,
                fit.garch.omega,
                fit.garch.alpha,
                fit.garch.gamma,
                fit.garch.beta,
                fit.garch.degrees_of_freedom,
            ];
            for (k, p) in ["mu", "omega", "alpha", "gamma", "beta", "nu"].iter().enumerate() {
                let Some(value) = want[key]["params"][p].as_f64() else {
                    continue;
                };
                let error = number(&want[key]["std_err"][p]);
                assert!(
                    (got[k] - value).abs() < 0.03 * error,
                    "{name} {key} {p}: {} against {value} ± {error}",
                    got[k]
                );
                assert!(
                    (errors[k] / error - 1.0).abs() < 0.02,
                    "{name} {key} {p}: ± {} against ± {error}",
                    errors[k]
                );
            }
        }
        assets += 1;
    }
    assert!(assets >= 6, "{assets}");
}

#[test]
fn the_targeted_model_keeps_the_samples_variance_and_loses_little_likelihood() {
    for name in reference()["candles"].as_object().unwrap().keys() {
        let r = returns(&candles(name));
        let (free, held) = (
            garch::fit(&r, Shape::Gjr).unwrap(),
            garch::fit(&r, Shape::Targeted).unwrap(),
        );
        let n = r.len() as f64;
        let mean = r.iter().sum::<f64>() / n;
        let variance = r.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let g = held.garch;
        if 1.0 - g.persistence() > 1e-6 {
            assert!(
                (g.omega / (1.0 - g.persistence()) / variance - 1.0).abs() < 1e-6,
                "{name}"
            );
        }
        assert!(held.log_likelihood <= free.log_likelihood + 1e-3, "{name}");
        // Whatever the horizon, the expected variance stays between now's and the sample's.
        let far = g.mean_variance(720.0);
        let (low, high) = (variance.min(g.variance_now), variance.max(g.variance_now));
        assert!(
            far > 0.99 * low && far < 1.01 * high,
            "{name}: {far} outside {low}..{high}"
        );
    }
}

#[test]
fn estimators_agree_with_numpy() {
    for (name, want) in reference()["candles"].as_object().unwrap() {
        let answer = ask(&json!({"op": "volatility", "market": {"candles": candles(name)}, "horizon_hours": 24}));
        let estimators = answer["estimators"].as_array().unwrap_or_else(|| panic!("{answer}"));
        for (key, value) in want["estimators"].as_object().unwrap() {
            let got = estimators
                .iter()
                .find(|e| e["name"] == *key)
                .unwrap_or_else(|| panic!("no {key}"));
            let got = number(&got["volatility"]);
            assert!(
                (got / number(value) - 1.0).abs() < 1e-9,
                "{name} {key}: {got} against {value}"
            );
        }
        let models = answer["models"].as_array().unwrap();
        let har = models.iter().find(|m| m["name"] == "har").unwrap();
        for k in 0..4 {
            let p = &har["parameters"][k];
            let (c, e) = (number(&want["har"]["coef"][k]), number(&want["har"]["std_err"][k]));
            assert!((number(&p["value"]) - c).abs() < 1e-6 * e, "{name} har {k}: {p}");
            assert!(
                (number(&p["standard_error"]) / e - 1.0).abs() < 1e-6,
                "{name} har {k}: {p}"
            );
        }
        let day = number(&har["forecast"]);
        assert!(
            (day / number(&want["har"]["forecast_volatility"]) - 1.0).abs() < 1e-6,
            "{name}: {day}"
        );
        for m in models {
            assert!(
                m["reason"].is_string() || m["forecast"].as_f64().is_some_and(|f| f > 0.0 && f < 20.0),
                "{m}"
            );
        }
    }
}

#[test]
fn block_lengths_are_those_of_arch() {
    for (name, want) in reference()["candles"].as_object().unwrap() {
        let squares: Vec<f64> = returns(&candles(name)).iter().map(|r| r * r).collect();
        let got = bootstrap::block_length(&squares).unwrap();
        let want = number(&want["block_length"]["squared_returns"]);
        assert!((got / want - 1.0).abs() < 1e-6, "{name}: {got} against {want}");
    }
}

/// A GARCH path with known parameters, from a plain generator: the fit must find them within its own errors.
#[test]
fn parameters_are_recovered_from_a_simulated_series() {
    let mut state = 88_172_645_463_325_252u64;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    // Student-t with 6 degrees from sums of squares: the definition.
    let mut normal = move || (-2.0 * unit().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
    let (omega, alpha, gamma, beta) = (2e-6, 0.06, 0.08, 0.86);
    let mut h = omega / (1.0 - alpha - 0.5 * gamma - beta);
    let r: Vec<f64> = (0..12_000)
        .map(|_| {
            let chi: f64 = (0..6).map(|_| normal().powi(2)).sum();
            let e = (h * 4.0 / 6.0f64).sqrt() * normal() / (chi / 6.0).sqrt();
            h = omega + (alpha + if e < 0.0 { gamma } else { 0.0 }) * e * e + beta * h;
            e
        })
        .collect();
    let fit = garch::fit(&r, Shape::Gjr).unwrap();
    let e = fit.standard_errors.unwrap();
    let g = fit.garch;
    for (k, (got, want)) in [
        (fit.mean, 0.0),
        (g.omega, omega),
        (g.alpha, alpha),
        (g.gamma, gamma),
        (g.beta, beta),
        (g.degrees_of_freedom, 6.0),
    ]
    .into_iter()
    .enumerate()
    {
        assert!((got - want).abs() < 4.0 * e[k], "{k}: {got} ± {} against {want}", e[k]);
    }
}

#[test]
fn too_little_or_faulty_history_is_refused_by_name() {
    let rows = |n: usize, price: &dyn Fn(usize) -> f64| -> Vec<Value> {
        (0..n)
            .map(|i| {
                let (p, q) = (price(i), price(i + 1));
                json!([1.7e12 + i as f64 * 3.6e6, p, p.max(q), p.min(q), q, 1.0])
            })
            .collect()
    };
    let code = |rows: Vec<Value>| {
        let a = ask(
            &json!({"op": "volatility", "market": {"candles": {"interval": "1h", "rows": rows}}, "horizon_hours": 24}),
        );
        (a["error"]["code"].as_str().unwrap_or("none").to_owned(), a)
    };
    for (what, rows) in [
        ("one row", rows(1, &|_| 100.0)),
        ("constant", rows(400, &|_| 100.0)),
        ("absurd", rows(400, &|i| if i % 2 == 0 { 1.0 } else { 1e6 })),
        (
            "every other bar",
            rows(400, &|i| 100.0 + (i % 7) as f64).into_iter().step_by(2).collect(),
        ),
    ] {
        assert_eq!(code(rows).0, "insufficient_data", "{what}");
    }
    // A short history keeps its estimators, and each model says what it lacks.
    let (none, a) = code(rows(100, &|i| 100.0 + ((i * 37) % 11) as f64));
    assert_eq!(none, "none", "{a}");
    assert_eq!(a["model"], "close_to_close");
    for m in a["models"].as_array().unwrap() {
        assert!(m["reason"].as_str().is_some_and(|r| !r.is_empty()), "{m}");
    }
    // Implied volatility is an anchor: half each in variance.
    let a = ask(
        &json!({"op": "volatility", "market": {"candles": candles("binance-ADA"), "implied_volatility": 0.5}, "horizon_hours": 24}),
    );
    let own = a["models"]
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["name"] == "gjr_garch_targeted")
        .unwrap()["forecast"]
        .clone();
    let want = (0.5 * (number(&own).powi(2) + 0.25)).sqrt();
    assert!((number(&a["forecast"]) - want).abs() < 1e-12, "{a}");
}
