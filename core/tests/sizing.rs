//! Sizes against brute force in Python, and what no size can meet.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::dependence;
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
        // Error of the size from that of the chance.
        let limit = request["limits"]["max_liquidation_probability"].as_f64();
        let own = match (case["binding"].as_str().unwrap(), limit) {
            ("max_liquidation_probability", Some(limit)) => {
                // By the slope of the chance at that size, as the reference found it.
                let slope = n(case, "probability_standard_error") / n(case, "standard_error");
                assert!(
                    (n(&answer, "liquidation_probability") / limit - 1.0).abs() < 1e-3,
                    "{name}: {answer}"
                );
                n(&answer, "standard_error").max(1e-6) / slope
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

#[test]
fn shrinkage_is_that_of_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("vectors/dependence.json")).unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let returns: Vec<Vec<f64>> = serde_json::from_value(case["returns"].clone()).unwrap();
        let want: Vec<Vec<f64>> = serde_json::from_value(case["covariance"].clone()).unwrap();
        let (got, shrinkage) = dependence::ledoit_wolf(&returns).unwrap();
        let scale = want.iter().flatten().fold(0.0f64, |a, x| a.max(x.abs()));
        for (i, row) in want.iter().enumerate() {
            for (j, w) in row.iter().enumerate() {
                assert!((got[(i, j)] - w).abs() <= 1e-12 * scale, "{} {w}", got[(i, j)]);
            }
        }
        assert!((shrinkage - n(&case, "shrinkage")).abs() < 1e-12);
    }
}

/// Deterministic normals.
struct Normal(u64);

impl Normal {
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    fn next(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[test]
fn betas_and_changing_correlation_find_what_was_put_in() {
    let mut z = Normal(3);
    let on: Vec<f64> = (0..4000).map(|_| 0.01 * z.next()).collect();
    // A beta that walks from 0.8 to 1.6.
    let of: Vec<f64> = on
        .iter()
        .enumerate()
        .map(|(t, x)| (0.8 + 0.8 * t as f64 / 4000.0) * x + 0.004 * z.next())
        .collect();
    let plain = dependence::beta::ewma(&of, &on, 200.0).unwrap();
    assert!(
        (plain.value - 1.55).abs() < 4.0 * plain.standard_error + 0.03,
        "{plain:?}"
    );
    let walked = dependence::beta::kalman(&of, &on).unwrap();
    assert!((walked.value - 1.6).abs() < 0.1, "{walked:?}");
    // Everything equally weighted: the least-squares slope.
    let ols = of.iter().zip(&on).map(|(y, x)| x * y).sum::<f64>() / on.iter().map(|x| x * x).sum::<f64>();
    assert!((dependence::beta::ewma(&of, &on, 1e12).unwrap().value - ols).abs() < 1e-6);
    let shrunk = dependence::beta::shrunk(plain, 1.0, 0.3);
    assert!(shrunk.value < plain.value && shrunk.value > 1.0);
    assert!((dependence::beta::shrunk(plain, 1.0, 1e6).value - plain.value).abs() < 1e-6);
    // Correlation that stands at 0.2 and then at 0.8.
    let shocks: Vec<Vec<f64>> = (0..1500)
        .map(|t| {
            let rho: f64 = if t < 1000 { 0.2 } else { 0.8 };
            let x = z.next();
            vec![x, rho * x + (1.0 - rho * rho).sqrt() * z.next()]
        })
        .collect();
    let dcc = dependence::dcc::fit(&shocks).unwrap();
    assert!((dcc.now[(0, 1)] - 0.8).abs() < 0.12, "{dcc:?}");
    assert!(dcc.a > 0.0 && dcc.a + dcc.b < 1.0);
    // Falls that come together, and tails.
    let (a, b): (Vec<f64>, Vec<f64>) = shocks.iter().map(|s| (s[0], s[1])).unzip();
    assert_eq!(dependence::downside_correlation(&a, &a), Some(1.0));
    assert_eq!(dependence::tail_dependence(&a, &a, 0.05), Some(1.0));
    let tail = dependence::tail_dependence(&a, &b, 0.05).unwrap();
    assert!(tail > 0.1 && tail < 0.7, "{tail}");
    let interval = dependence::correlation_interval(0.5, 103.0).unwrap();
    // Fisher: tanh(atanh 0.5 ± 1.645/10).
    assert!(
        (interval[0] - 0.366_5).abs() < 1e-3 && (interval[1] - 0.613_1).abs() < 1e-3,
        "{interval:?}"
    );
}

fn instrument() -> Value {
    json!({"kind": "linear", "taker_fee": 0.0005, "tiers": [{"floor": 0, "cap": null, "maintenance_margin_rate": 0.005, "max_leverage": 100}]})
}

fn sized(held: f64, rho: f64, limits: Value, more: Value) -> Value {
    let mut request = json!({"op": "size", "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": 10000, "positions": [
        {"symbol": "AUSDT", "side": "long", "size": held, "entry_price": 100, "mark_price": 100, "instrument": instrument()}]},
        "candidate": {"symbol": "BUSDT", "side": "long", "entry_price": 100, "instrument": instrument()},
        "markets": {"AUSDT": {"volatility": 0.8}, "BUSDT": {"volatility": 0.8}}, "correlations": [["AUSDT", "BUSDT", rho]],
        "model": {"kind": "gbm"}, "limits": limits, "seed": 5});
    for (k, v) in more.as_object().unwrap() {
        request[k] = v.clone();
    }
    serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap()
}

#[test]
fn sizes_meet_their_limit_and_the_neighbours_break_it() {
    let limits = json!({"max_liquidation_probability": 0.02, "horizon_hours": 168, "max_leverage": 50});
    let answer = sized(100.0, 0.7, limits.clone(), json!({}));
    let size = n(&answer, "size");
    assert!(
        (n(&answer, "liquidation_probability") / 0.02 - 1.0).abs() < 1e-3
            && n(&answer, "liquidation_probability") <= 0.02
    );
    // Just above it, the probability of the whole account on an answer of its own is above the limit.
    let chance = |size: f64| {
        let request = json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": 10000, "positions": [
            {"symbol": "AUSDT", "side": "long", "size": 100, "entry_price": 100, "mark_price": 100, "instrument": instrument()},
            {"symbol": "BUSDT", "side": "long", "size": size, "entry_price": 100, "mark_price": 100, "instrument": instrument()}]},
            "markets": {"AUSDT": {"volatility": 0.8}, "BUSDT": {"volatility": 0.8}}, "correlations": [["AUSDT", "BUSDT", 0.7]],
            "model": {"kind": "gbm"}, "horizons_hours": [168], "target_standard_error": 0.0003, "seed": 99});
        let answer = ask(&request);
        (
            n(&answer["horizons"][0], "probability"),
            n(&answer["horizons"][0], "standard_error"),
        )
    };
    let (at, error) = chance(size);
    assert!((at - 0.02).abs() < 4.0 * (error + n(&answer, "standard_error")), "{at}");
    assert!(chance(size * 1.06).0 > 0.02 && chance(size * 0.94).0 < 0.02);
    // Parts of the risk add up.
    let parts = |key: &str| {
        answer["risk_contributions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| n(c, key))
            .sum::<f64>()
    };
    assert!((parts("expected_shortfall") / n(&answer, "expected_shortfall") - 1.0).abs() < 1e-9);
    assert!((parts("volatility") / n(&answer, "volatility") - 1.0).abs() < 1e-9);
    // Markets that go together leave less room than if they did not, which is told beside.
    assert!(n(&answer["references"], "independent") > size);
    // One bet: with correlation 1 both together are as large as one alone may be.
    let one = sized(1e-9, 1.0, limits.clone(), json!({}));
    let two = sized(100.0, 1.0, limits.clone(), json!({}));
    assert!(
        ((n(&two, "size") + 100.0) / n(&one, "size") - 1.0).abs() < 0.03,
        "{} {}",
        two["size"],
        one["size"]
    );
    // The other way round it frees size.
    assert!(n(&sized(100.0, -1.0, limits, json!({})), "size") > n(&one, "size") * 1.1);
}

#[test]
fn limits_that_no_size_meets_are_told() {
    let answer = sized(
        400.0,
        0.9,
        json!({"max_liquidation_probability": 0.001, "horizon_hours": 168, "max_leverage": 50}),
        json!({}),
    );
    assert_eq!((n(&answer, "size"), &answer["feasible"]), (0.0, &json!(false)));
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.contains("no size meets the limit") && reason.contains("at 0 the account already has"),
        "{reason}"
    );
    // Leverage used up already.
    let answer = sized(400.0, 0.9, json!({"horizon_hours": 24, "max_leverage": 3}), json!({}));
    assert_eq!(n(&answer, "size"), 0.0);
    assert_eq!(answer["binding_limit"], "max_leverage");
    // Shortfall over its limit already.
    let answer = sized(
        200.0,
        0.9,
        json!({"horizon_hours": 168, "max_leverage": 50, "max_expected_shortfall": 100}),
        json!({}),
    );
    assert_eq!(n(&answer, "size"), 0.0);
    assert!(
        answer["reason"].as_str().unwrap().contains("expected shortfall"),
        "{}",
        answer["reason"]
    );
}

#[test]
fn the_exit_is_read_from_the_book() {
    let book = json!({"bids": [[99.5, 10], [99.0, 20], [98.0, 100]], "asks": [[100.5, 10]]});
    let markets = json!({"AUSDT": {"volatility": 0.5}, "BUSDT": {"volatility": 0.5, "book": book}});
    let limits = json!({"horizon_hours": 24, "max_leverage": 50, "max_exit_cost": 26.5});
    let answer = sized(10.0, 0.5, limits, json!({"markets": markets}));
    // Middle 100: 10 at 0.5, 20 at 1, and fee 0.05 on 100 each: 5 + 20 + 1.5 = 26.5 for 30.
    assert!((n(&answer, "size") - 30.0).abs() < 1e-6, "{}", answer["size"]);
    assert_eq!(answer["binding_limit"], "max_exit_cost");
    let none = sized(10.0, 0.5, json!({"horizon_hours": 24, "max_exit_cost": 1}), json!({}));
    assert_eq!(none["error"]["field"], "markets.BUSDT.book");
    let crossed = json!({"AUSDT": {"volatility": 0.5}, "BUSDT": {"volatility": 0.5, "book": {"bids": [[101, 1]], "asks": [[100, 1]]}}});
    let answer = sized(
        10.0,
        0.5,
        json!({"horizon_hours": 24, "max_exit_cost": 1}),
        json!({"markets": crossed}),
    );
    assert_eq!(answer["error"]["field"], "markets.BUSDT.book.bids[0][0]");
}

#[test]
fn odd_books_get_an_answer() {
    let limits = || json!({"max_liquidation_probability": 0.02, "horizon_hours": 168, "max_leverage": 10});
    // Two markets that are one, a market that does not move, correlations that cannot be.
    let singular = sized(50.0, 1.0, limits(), json!({}));
    assert!(n(&singular, "size") > 0.0);
    let still = sized(
        50.0,
        0.0,
        limits(),
        json!({"markets": {"AUSDT": {"volatility": 0.8}, "BUSDT": {"volatility": 0}}}),
    );
    assert!(still["error"].is_null() && n(&still, "size") > 0.0, "{still}");
    let cannot = sized(50.0, 1.4, limits(), json!({}));
    assert_eq!(cannot["error"]["field"], "correlations[0][2]");
    // One market with a tenth of the other's bars.
    let mut z = Normal(8);
    let mut candles = |bars: usize| {
        let mut price = 100.0;
        let rows: Vec<Value> = (0..bars)
            .map(|k| {
                let open: f64 = price;
                price *= (0.006 * z.next()).exp();
                let time = 1.7e12 + 3.6e6 * (3000 - bars + k) as f64;
                json!([time, open, open.max(price) * 1.001, open.min(price) * 0.999, price, 1.0])
            })
            .collect();
        json!({"candles": {"interval": "1h", "rows": rows}})
    };
    let markets = json!({"AUSDT": candles(3000), "BUSDT": candles(300)});
    let answer = sized(
        50.0,
        0.0,
        limits(),
        json!({"markets": markets, "correlations": [], "model": {"kind": "filtered_historical"}}),
    );
    assert!(n(&answer, "size") > 0.0, "{answer}");
    assert_eq!(answer["correlation"]["estimates"]["bars"], 299);
    // Candidates that cannot be.
    let open = sized(
        50.0,
        0.0,
        limits(),
        json!({"candidate": {"symbol": "AUSDT", "side": "long", "entry_price": 100, "instrument": instrument()}}),
    );
    assert_eq!(open["error"]["field"], "candidate.symbol");
    let elsewhere = sized(
        50.0,
        0.0,
        limits(),
        json!({"candidate": {"symbol": "BUSDT", "side": "long", "venue": "okx", "entry_price": 100, "instrument": instrument()}}),
    );
    assert_eq!(elsewhere["error"]["field"], "candidate.venue");
    let free = sized(
        50.0,
        0.0,
        limits(),
        json!({"candidate": {"symbol": "BUSDT", "side": "long", "entry_price": -1, "instrument": instrument()}}),
    );
    assert_eq!(free["error"]["field"], "candidate.entry_price");
}

/// Findings of a review, each kept from coming back.
#[test]
fn corners_that_a_review_found() {
    // An isolated position whose own chance does not fall with its size.
    let isolated = |limit: f64| {
        let request = json!({"op": "size", "account": {"venue": "binance", "margin_mode": "isolated", "wallet_balance": 10000, "positions": []},
            "candidate": {"symbol": "BUSDT", "side": "long", "entry_price": 100, "leverage": 3, "instrument": instrument()},
            "markets": {"BUSDT": {"volatility": 0.8}}, "model": {"kind": "gbm"},
            "limits": {"max_liquidation_probability": limit, "horizon_hours": 168}});
        ask(&request)
    };
    let answer = isolated(1e-4);
    assert_eq!((n(&answer, "size"), &answer["feasible"]), (0.0, &json!(false)));
    assert!(
        answer["reason"].as_str().unwrap().contains("however small"),
        "{}",
        answer["reason"]
    );
    let answer = isolated(0.5);
    assert_eq!(answer["binding_limit"], "max_leverage");
    assert!((n(&answer, "size") - 300.0).abs() < 1e-6, "{answer}");
    // A hedge that leverage stops before the shortfall is back under its limit: said, not called feasible.
    let mut request = json!({"op": "size", "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": 10000, "positions": [
        {"symbol": "AUSDT", "side": "long", "size": 280, "entry_price": 100, "mark_price": 100, "instrument": instrument()}]},
        "candidate": {"symbol": "BUSDT", "side": "short", "entry_price": 100, "instrument": instrument()},
        "markets": {"AUSDT": {"volatility": 0.8}, "BUSDT": {"volatility": 0.8}}, "correlations": [["AUSDT", "BUSDT", 0.9]],
        "model": {"kind": "gbm"}, "limits": {"max_expected_shortfall": 4000, "horizon_hours": 168, "max_leverage": 3}});
    let answer = ask(&request);
    assert_eq!(answer["feasible"], false, "{answer}");
    assert!(
        answer["reason"].as_str().unwrap().contains("no size meets both"),
        "{}",
        answer["reason"]
    );
    // With room for it the same hedge is found.
    request["limits"]["max_leverage"] = json!(8);
    let answer = ask(&request);
    assert!(
        answer["feasible"] == true && n(&answer, "expected_shortfall") <= 4000.0 * (1.0 + 1e-9),
        "{answer}"
    );
}
