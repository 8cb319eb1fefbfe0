//! Sizes against brute force in Python, and what no size can meet.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use serde_json::{Value, json};

fn ask(request: &Value) -> Value {
    let answer: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    answer
}

fn n(v: &Value, key: &str) -> f64 {
    v[key].as_f64().unwrap_or_else(|| panic!("{key} of {v}"))
}

/// `tools/brute_force_size.py`: other bridges, other random numbers, another way to the root.
#[test]
fn sizes_are_those_of_brute_force() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("vectors/size.json")).unwrap();
    assert!(cases.len() >= 8);
    for case in &cases {
        let mut request = case["request"].clone();
        request["target_standard_error"] = json!(4e-4);
        let answer = ask(&request);
        let (got, want) = (n(&answer, "size"), n(case, "size"));
        let name = case["name"].as_str().unwrap();
        assert_eq!(answer["binding_limit"], case["binding"], "{name}");
        // Error of the size from that of the chance, by the slope between 0.98 and 1.02 of it.
        let limit = request["limits"]["max_liquidation_probability"].as_f64();
        let own = match (case["binding"].as_str().unwrap(), limit) {
            ("max_liquidation_probability", Some(limit)) => {
                let error = n(&answer, "standard_error").max(1e-6);
                // The chance rises with at least the size: d ln P / d ln s is 1 or more.
                assert!(
                    (n(&answer, "liquidation_probability") / limit - 1.0).abs() < 1e-3,
                    "{name}: {answer}"
                );
                error / limit * want
            }
            ("max_expected_shortfall", _) => {
                n(&answer, "expected_shortfall_standard_error") / n(&answer, "expected_shortfall") * want
            }
            _ => 1e-9 * want,
        };
        let error = (own * own + n(case, "standard_error").powi(2)).sqrt();
        println!(
            "{name}: {got:.4} against {want:.4} ± {error:.4} ({:+.2})",
            (got - want) / error
        );
        assert!(
            (got - want).abs() < 3.5 * error + 1e-9 * want,
            "{name}: {got} {want} ± {error}"
        );
    }
}
