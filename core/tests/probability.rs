//! Operation `probability` against closed forms, independent simulations and laws.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use headroom_core::probability::closed_form::hit_probability;
use serde_json::{Value, json};

/// `tools/brute_force_probability.py`: leverage, rate, interval, hours, probability, its standard error.
const BRUTE_SHORTS: [(f64, f64, f64, f64, f64, f64); 3] = [
    (3.0, -0.001, 8.0, 720.0, 0.27385, 0.00223),
    (3.0, 0.0005, 8.0, 720.0, 0.14945, 0.00178),
    (5.0, -0.0001, 1.0, 240.0, 0.20557, 0.00202),
];
/// The same script: sizes, wallet, probability, its standard error. Two longs, then a hedged pair.
const BRUTE_CROSS: [([f64; 2], f64, f64, f64); 2] = [
    ([1.0, 1.0], 0.4, 0.08610, 0.00162),
    ([1.0, -1.0], 0.15, 0.14563, 0.00204),
];

fn ask(request: &Value) -> Value {
    let answer: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    answer
}

fn position(symbol: &str, side: &str, size: f64, leverage: f64, mmr: f64) -> Value {
    json!({"symbol": symbol, "side": side, "size": size, "entry_price": 1, "mark_price": 1, "leverage": leverage,
           "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": mmr, "max_leverage": 100}]}})
}

fn isolated(side: &str, leverage: f64, market: Value, hours: f64, target: f64) -> Value {
    json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [position("X", side, 1.0, leverage, 0.005)]},
           "markets": {"X": market}, "horizons_hours": [hours], "target_standard_error": target, "seed": 11})
}

fn cross(sizes: [f64; 2], wallet: f64, rho: f64, target: f64) -> Value {
    let leg =
        |symbol: &str, size: f64| position(symbol, if size > 0.0 { "long" } else { "short" }, size.abs(), 3.0, 0.01);
    json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": wallet, "positions": [leg("A", sizes[0]), leg("B", sizes[1])]},
           "markets": {"A": {"volatility": 0.8, "funding_rate": 0.0003, "funding_interval_hours": 8}, "B": {"volatility": 1.0, "funding_rate": 0.0001, "funding_interval_hours": 8}},
           "correlations": [["A", "B", rho]], "horizons_hours": [168], "target_standard_error": target, "seed": 5})
}

fn result(answer: &Value) -> (f64, f64) {
    let h = &answer["horizons"][0];
    (
        h["probability"].as_f64().unwrap(),
        h["standard_error"].as_f64().unwrap(),
    )
}

#[test]
fn without_funding_one_position_is_the_closed_form() {
    let mut cases = 0;
    for side in ["long", "short"] {
        for leverage in [1.5, 3.0, 5.0, 10.0, 20.0] {
            for volatility in [0.3, 0.8, 1.5] {
                for (hours, drift) in [(24.0, 0.0), (168.0, 0.5), (720.0, -0.5), (2160.0, 0.0)] {
                    let s = if side == "long" { 1.0 } else { -1.0 };
                    let liquidation: f64 = (s - 1.0 / leverage) / (s - 0.005);
                    if liquidation <= 0.0 {
                        continue;
                    }
                    let expected = hit_probability(
                        liquidation.ln(),
                        drift - 0.5 * volatility * volatility,
                        volatility,
                        hours / 8760.0,
                    );
                    let answer = ask(&isolated(
                        side,
                        leverage,
                        json!({"volatility": volatility, "drift": drift}),
                        hours,
                        0.001,
                    ));
                    assert_eq!(answer["model"]["method"], "closed_form");
                    assert!((result(&answer).0 - expected).abs() < 1e-12);
                    cases += 1;
                }
            }
        }
    }
    assert!(cases >= 100, "{cases}");
}

#[test]
fn the_simulation_agrees_with_the_closed_form_where_both_apply() {
    // A rate too small to matter sends the same question through the simulation.
    for side in ["long", "short"] {
        for (leverage, volatility, hours) in [
            (3.0, 0.8, 720.0),
            (10.0, 0.8, 72.0),
            (5.0, 1.5, 168.0),
            (2.0, 0.5, 2160.0),
            (20.0, 0.6, 24.0),
        ] {
            let exact = result(&ask(&isolated(
                side,
                leverage,
                json!({"volatility": volatility}),
                hours,
                0.001,
            )))
            .0;
            let answer = ask(&isolated(
                side,
                leverage,
                json!({"volatility": volatility, "funding_rate": 1e-13, "funding_interval_hours": 8}),
                hours,
                0.0008,
            ));
            assert_eq!(answer["model"]["method"], "quasi_monte_carlo");
            let (p, e) = result(&answer);
            assert!(
                (p - exact).abs() < 4.0 * e + 1e-6,
                "{side} {leverage}x {volatility}: {p} ± {e} against {exact}"
            );
        }
    }
}

#[test]
fn funding_moves_the_barrier_as_independent_simulations_say() {
    // Long: brute force given with the task (each ± 0.0004). 3x, 80 %, 30 days, paid every 8 hours.
    for (rate, expected) in [(0.0001, 0.1071), (0.0005, 0.1468), (0.001, 0.2084)] {
        let (p, e) = result(&ask(&isolated(
            "long",
            3.0,
            json!({"volatility": 0.8, "funding_rate": rate, "funding_interval_hours": 8}),
            720.0,
            0.0003,
        )));
        assert!(
            (p - expected).abs() < 0.0004 + 3.0 * e,
            "{rate}: {p} ± {e} against {expected}"
        );
    }
    // Shorts and hourly payments: tools/brute_force_probability.py, with its standard errors.
    for (leverage, rate, interval, hours, expected, error) in BRUTE_SHORTS {
        let (p, e) = result(&ask(&isolated(
            "short",
            leverage,
            json!({"volatility": 0.8, "funding_rate": rate, "funding_interval_hours": interval}),
            hours,
            0.0005,
        )));
        assert!(
            (p - expected).abs() < 3.0 * (error * error + e * e).sqrt(),
            "{rate}: {p} ± {e} against {expected} ± {error}"
        );
    }
}

#[test]
fn cross_accounts_agree_with_an_independent_simulation_on_a_finer_grid() {
    for (sizes, wallet, expected, error) in BRUTE_CROSS {
        let (p, e) = result(&ask(&cross(sizes, wallet, 0.8, 0.0008)));
        assert!(
            (p - expected).abs() < 3.0 * (error * error + e * e).sqrt(),
            "{sizes:?}: {p} ± {e} against {expected} ± {error}"
        );
    }
}

/// `tools/brute_force_models.py`: plain simulation of every model, payoff and funding law, written independently.
#[test]
fn every_model_agrees_with_brute_force() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("vectors/brute_force.json")).unwrap();
    for case in &cases {
        let answer = ask(&case["request"]);
        let (p, e) = result(&answer);
        let n = |key: &str| case[key].as_f64().unwrap();
        let (want, error) = (n("probability"), n("standard_error"));
        let joint = (error * error + e * e).sqrt();
        println!(
            "{:<60} {p:.5} ± {e:.5} against {want:.5} ± {error:.5}: {:+.1}",
            case["name"],
            (p - want) / joint
        );
        assert!(
            (p - want).abs() < 3.0 * joint + 1e-4,
            "{}: {p} ± {e} against {want} ± {error}",
            case["name"]
        );
        if let Some(alone) = case["by_pool"].as_array() {
            let errors = case["by_pool_standard_error"].as_array().unwrap();
            for (k, (q, s)) in alone.iter().zip(errors).enumerate() {
                let got = answer["pools"][k]["probability"].as_f64().unwrap();
                let (q, s) = (q.as_f64().unwrap(), s.as_f64().unwrap());
                assert!(
                    (got - q).abs() < 3.0 * (s * s + e * e).sqrt() + 1e-4,
                    "{}: pool {k} {got} against {q}",
                    case["name"]
                );
            }
            let first = case["share_first"].as_array().unwrap();
            for (k, share) in first.iter().enumerate() {
                let got = answer["causes"][k]["probability"].as_f64().unwrap() / p;
                // As of a share counted among (p/e)² lost paths.
                assert!(
                    (got - share.as_f64().unwrap()).abs() < 1.5 * e / p + 0.005,
                    "{}: first {k} {got} against {share}",
                    case["name"]
                );
            }
        }
    }
    assert!(cases.len() >= 20);
}

/// The stated error is that of the answers: over many seeds, stopping rule included, distances from the closed form have the
/// size it says.
#[test]
fn standard_errors_are_honest() {
    let request = |side: &str, kind: Value, seed: u32| {
        json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
                {"symbol": "X", "side": side, "size": 1, "entry_price": 1, "mark_price": 1, "margin": 0.15,
                 "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0, "max_leverage": 100}]}}]},
            "markets": {"X": {"volatility": 0.8}}, "horizons_hours": [240], "model": kind,
            "target_standard_error": if seed == 0 { 0.1 } else { 0.002 }, "seed": seed})
    };
    for side in ["long", "short"] {
        let exact = result(&ask(&request(side, json!({"kind": "gbm"}), 0))).0;
        let z: Vec<f64> = (1..=150)
            .map(|seed| {
                let (p, e) = result(&ask(&request(side, json!({"kind": "gbm", "step_hours": 2}), seed)));
                (p - exact) / e
            })
            .collect();
        let n = z.len() as f64;
        let root_mean_square = (z.iter().map(|z| z * z).sum::<f64>() / n).sqrt();
        let beyond = z.iter().filter(|z| z.abs() > 3.0).count();
        let mean = z.iter().sum::<f64>() / n;
        println!("{side}: rms {root_mean_square:.2}, mean {mean:.2}, {beyond} of 150 beyond three");
        // A t with 15 degrees of freedom has a deviation of 1.07, and one in a hundred beyond three.
        assert!((0.75..1.35).contains(&root_mean_square), "{side}: {root_mean_square}");
        assert!(beyond <= 6 && mean.abs() < 0.35, "{side}: {beyond} {mean}");
    }
}

/// First passage by QuantLib and mpmath (`tools/reference_models.py`), asked of the simulation, not of the closed form.
#[test]
fn the_simulation_has_no_bias_over_a_grid_of_first_passages() {
    let models: Value = serde_json::from_str(include_str!("vectors/models.json")).unwrap();
    let cases = models["one_touch"].as_array().unwrap();
    let mut worst = (0.0, String::new());
    for case in cases {
        let n = |key: &str| case[key].as_f64().unwrap();
        let (barrier, want, long) = (n("barrier"), n("probability"), case["side"] == "long");
        let margin = if long { 1.0 - barrier } else { barrier - 1.0 };
        let request = json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
                {"symbol": "X", "side": case["side"], "size": 1, "entry_price": 1, "mark_price": 1, "margin": margin,
                 "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0, "max_leverage": 100}]}}]},
            "markets": {"X": {"volatility": n("volatility"), "drift": n("drift")}}, "horizons_hours": [n("hours")],
            "model": {"kind": "gbm", "step_hours": n("hours") / 24.0}, "target_standard_error": 2.5e-5_f64.max(want * 0.00125), "seed": 1});
        let answer = ask(&request);
        assert_eq!(answer["model"]["method"], "quasi_monte_carlo");
        let p = result(&answer).0;
        let share = (p - want).abs() / (0.005 * want).max(1e-4);
        if share > worst.0 {
            worst = (share, format!("{case}: {p}"));
        }
        assert!(
            share < 1.0,
            "{case}: {p} ± {} of {}",
            result(&answer).1,
            answer["model"]["paths"]
        );
    }
    println!(
        "{} cases, worst at {:.2} of what is allowed: {}",
        cases.len(),
        worst.0,
        worst.1
    );
    assert!(cases.len() >= 200);
}

/// Barrier calls from the engine's own paths: payoff times the chance to have touched (in) or not (out), against
/// QuantLib's analytic engine, on 131,072 paths (QuantLib's own test takes 131,071).
#[test]
fn barrier_options_of_babsiri_and_noel_are_priced_to_a_thousandth() {
    use headroom_core::probability::{Block, Job, Kernel, Model, SCRAMBLES};
    let models: Value = serde_json::from_str(include_str!("vectors/models.json")).unwrap();
    for row in models["babsiri"].as_array().unwrap() {
        let n = |key: &str| row[key].as_f64().unwrap();
        let (spot, strike, rate, dividend, sigma) = (n("spot"), n("strike"), n("rate"), n("dividend"), n("volatility"));
        // A leg whose liquidation price is the barrier.
        let side = if n("barrier") < spot { "long" } else { "short" };
        let pool = headroom_core::probability::Pool::with_barrier(side == "long", n("barrier") / spot);
        let job = Job {
            pools: vec![pool],
            model: Model::Diffusion {
                volatility: vec![sigma],
                jumps: vec![None],
            },
            drift: vec![rate - dividend],
            mark: vec![1.0],
            factor: vec![vec![1.0]],
            funding: vec![None],
            report_hours: vec![8760.0],
            // Constant barrier and volatility: one step and the bridge are exact, as in the paper.
            finest_step: f64::INFINITY,
            approximate_step: 1.0,
            without_funding: None,
            judged: vec![0],
            target_standard_error: 1.0,
            max_points: 8192,
            seed: 4,
        };
        let kernel = Kernel::new(&job);
        let (mut sum, mut paths) = (0.0, 0u32);
        for scramble in 0..SCRAMBLES {
            kernel.run(
                Block {
                    scramble,
                    from: 0,
                    to: 8192,
                },
                Some(&mut |_, x, alive| {
                    for (x, alive) in x[0].iter().zip(alive) {
                        let payoff = (spot * f64::from(*x).exp() - strike).max(0.0);
                        sum += payoff * (1.0 - f64::from(alive));
                        paths += 1;
                    }
                }),
            );
        }
        let price = (-rate).exp() * sum / f64::from(paths);
        assert_eq!(paths, 131_072);
        println!("{row}: {price}");
        assert!((price / n("price") - 1.0).abs() < 1e-3, "{row}: {price}");
    }
}

#[test]
fn probability_rises_with_what_is_dangerous() {
    let p = |leverage: f64, volatility: f64, rate: f64, hours: f64| {
        result(&ask(&isolated(
            "long",
            leverage,
            json!({"volatility": volatility, "funding_rate": rate, "funding_interval_hours": 8}),
            hours,
            0.002,
        )))
        .0
    };
    let base = p(5.0, 0.8, 0.0002, 168.0);
    assert!(
        p(6.0, 0.8, 0.0002, 168.0) > base
            && p(5.0, 0.9, 0.0002, 168.0) > base
            && p(5.0, 0.8, 0.0006, 168.0) > base
            && p(5.0, 0.8, 0.0002, 240.0) > base
    );
    // A hedged pair in one account is safer than either leg alone with the same wallet, but not safe.
    let pair = result(&ask(&cross([1.0, -1.0], 0.15, 0.8, 0.002))).0;
    let alone = |side: &str, v: f64| {
        result(&ask(&isolated(
            side,
            1.0 / 0.15,
            json!({"volatility": v}),
            168.0,
            0.002,
        )))
        .0
    };
    assert!(
        pair > 0.0 && pair < alone("long", 0.8) && pair < alone("short", 1.0),
        "{pair}"
    );
    // The survival curve never rises, and starts at 1.
    let answer = ask(&cross([1.0, 1.0], 0.4, 0.8, 0.002));
    let curve: Vec<f64> = answer["survival"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r[1].as_f64().unwrap())
        .collect();
    assert!(curve[0] == 1.0 && curve.windows(2).all(|w| w[1] <= w[0]), "{curve:?}");
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_another_sample() {
    let request = cross([1.0, 1.0], 0.4, 0.8, 0.002);
    let first = evaluate_json(&request.to_string(), &mut |_| {});
    assert_eq!(first, evaluate_json(&request.to_string(), &mut |_| {}));
    let mut other = request.clone();
    other["seed"] = json!(6);
    let (a, e) = result(&serde_json::from_str(&first).unwrap());
    let (b, _) = result(&ask(&other));
    assert!(a != b && (a - b).abs() < 6.0 * e, "{a} {b} ± {e}");
}

#[test]
fn a_target_out_of_reach_ends_and_says_so() {
    let answer = ask(&isolated(
        "long",
        2.0,
        json!({"volatility": 0.8, "funding_rate": 0.00001, "funding_interval_hours": 1}),
        8760.0,
        1e-5,
    ));
    assert_eq!(answer["model"]["reached_target"], false);
    assert!(result(&answer).1 > 1e-5);
}

#[test]
fn what_is_missing_is_named() {
    let fault = |change: &dyn Fn(&mut Value)| {
        let mut r = cross([1.0, 1.0], 0.4, 0.8, 0.01);
        change(&mut r);
        let a: Value = serde_json::from_str(&evaluate_json(&r.to_string(), &mut |_| {})).unwrap();
        (
            a["error"]["code"].as_str().unwrap_or_else(|| panic!("{a}")).to_owned(),
            a["error"]["field"].as_str().unwrap().to_owned(),
        )
    };
    let is =
        |got: (String, String), code: &str, field: &str| assert_eq!((got.0.as_str(), got.1.as_str()), (code, field));
    is(
        fault(&|r| {
            r["markets"].as_object_mut().unwrap().remove("B");
        }),
        "insufficient_data",
        "markets.B",
    );
    is(
        fault(&|r| {
            r["markets"]["A"].as_object_mut().unwrap().remove("volatility");
        }),
        "insufficient_data",
        "markets.A.volatility",
    );
    is(
        fault(&|r| r["markets"]["A"] = json!({"candles": {"interval": "1h", "rows": [[1.7e12, 1, 1, 1, 1, 0]]}})),
        "insufficient_data",
        "markets.A.candles",
    );
    is(
        fault(&|r| r["correlations"] = json!([])),
        "insufficient_data",
        "correlations",
    );
    is(
        fault(&|r| r["correlations"] = json!([["A", "B", 1.5]])),
        "invalid_input",
        "correlations[0][2]",
    );
    is(
        fault(&|r| r["horizons_hours"] = json!([])),
        "invalid_input",
        "horizons_hours",
    );
    is(
        fault(&|r| r["horizons_hours"] = json!([-1])),
        "invalid_input",
        "horizons_hours[0]",
    );
    is(
        fault(&|r| r["model"] = json!({"kind": "crystal"})),
        "unsupported",
        "model.kind",
    );
    is(
        fault(&|r| r["markets"]["A"]["volatility"] = json!(99)),
        "invalid_input",
        "markets.A.volatility",
    );
}
