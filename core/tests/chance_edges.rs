//! Corners of the liquidation probability that a review found wrong once: each has an answer that is known without the engine.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use headroom_core::probability::closed_form::hit_probability;
use serde_json::{Value, json};

fn ask(request: &Value) -> Value {
    serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap()
}

fn chance(request: &Value) -> (f64, f64) {
    let answer = ask(request);
    assert!(answer["error"].is_null(), "{answer}");
    let last = answer["horizons"].as_array().unwrap().last().unwrap();
    (
        last["probability"].as_f64().unwrap(),
        last["standard_error"].as_f64().unwrap(),
    )
}

fn field(request: &Value) -> (String, String) {
    let answer = ask(request);
    let part = |name: &str| {
        answer["error"][name]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    };
    (part("code"), part("field"))
}

fn tiers() -> Value {
    json!([{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 200}])
}

/// One isolated position at price 1.
fn request(side: &str, leverage: f64, market: Value, kind: &str, hours: f64) -> Value {
    json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
            {"symbol": "X", "side": side, "size": 1, "entry_price": 1, "mark_price": 1, "leverage": leverage,
             "instrument": {"kind": "linear", "tiers": tiers()}}]},
        "markets": {"X": market}, "horizons_hours": [hours], "model": {"kind": kind}, "target_standard_error": 0.001, "seed": 3})
}

fn calm(step_hours: f64) -> Value {
    json!({"step_hours": step_hours, "omega": 5e-12 * step_hours, "alpha": 0.0, "gamma": 0.0, "beta": 0.5, "variance_now": 1e-11 * step_hours})
}

/// Two positions that are one: perfectly correlated, same side. The nearer decides.
#[test]
fn positions_that_move_as_one_are_lost_as_one() {
    let two = |first: f64, second: f64| {
        let position = |symbol: &str, leverage: f64| {
            json!({"symbol": symbol, "side": "long", "size": 1, "entry_price": 1, "mark_price": 1, "leverage": leverage,
                "instrument": {"kind": "linear", "tiers": tiers()}})
        };
        json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [position("A", first), position("B", second)]},
            "markets": {"A": {"volatility": 0.8}, "B": {"volatility": 0.8}}, "correlations": [["A", "B", 1.0]],
            "horizons_hours": [720], "model": {"kind": "gbm"}, "target_standard_error": 0.0005, "seed": 3})
    };
    for (first, second, nearer) in [(5.0, 5.0, 5.0), (8.0, 8.0, 8.0), (3.0, 5.0, 5.0), (9.0, 4.0, 9.0)] {
        let exact = chance(&request("long", nearer, json!({"volatility": 0.8}), "gbm", 720.0)).0;
        let (p, e) = chance(&two(first, second));
        assert!(
            (p - exact).abs() < 3.0 * e + 5e-4,
            "{first}x and {second}x: {p} ± {e} against {exact}"
        );
    }
}

/// A horizon a hair longer than a bar is no reason to stop.
#[test]
fn horizons_that_miss_a_bar_by_a_rounding_are_answered() {
    for (step, hours) in [(24.0, 24.000_000_02), (1.0, 23.999_999_999), (0.999_999_999_1, 24.0)] {
        let law =
            json!({"step_hours": step, "omega": 1e-6, "alpha": 0.05, "gamma": 0, "beta": 0.9, "variance_now": 1e-4});
        let mut r = request(
            "long",
            5.0,
            json!({"garch": law, "funding_rate": 0.0001, "funding_interval_hours": 8}),
            "garch",
            hours,
        );
        r["leverages"] = json!([3]);
        chance(&r);
    }
}

/// Hourly payments of a rate that falls by a fifth each time take 0.5 % in all, whatever the bars: less than the room of
/// 50x at 0.5 % maintenance, 1.5 %. Three times the rate takes more.
#[test]
fn payments_within_a_bar_each_move_the_rate() {
    for step in [1.0, 4.0, 8.0, 24.0] {
        for (start, expected) in [(0.001, 0.0), (0.004, 1.0)] {
            let market = json!({"garch": calm(step), "funding_rate": start, "funding_interval_hours": 1,
                "funding_process": {"mean": 0, "persistence": 0.8, "deviation": 0, "correlation": 0}});
            let (p, _) = chance(&request("long", 50.0, market, "garch", 72.0));
            assert!((p - expected).abs() < 1e-6, "{step} h, {start}: {p}");
        }
    }
}

/// The return that moves the funding rate has mean 0, jumps included: with rates that only noise moves, nothing is lost.
#[test]
fn jumps_do_not_push_the_funding_rate() {
    for (side, mean) in [("long", 0.02), ("short", -0.02)] {
        let market = json!({"volatility": 0.05, "jumps": {"intensity": 200, "mean": mean, "deviation": 0.0},
            "funding_rate": 0, "funding_interval_hours": 8,
            "funding_process": {"mean": 0, "persistence": 0, "deviation": 0.002, "correlation": 0.95}});
        // 2.5x: 39 % of room; 90 payments of mean 0 and deviation 0.2 % take 2 %, the price moves by some 8 %.
        let (p, _) = chance(&request(side, 2.5, market, "jump_diffusion", 720.0));
        assert!(p < 0.003, "{side}: {p}");
    }
}

/// A history of 8-hourly payments used for hourly ones: an eighth of the size, eight times as often.
#[test]
fn a_history_of_another_interval_is_taken_by_the_hour() {
    let history: Vec<(f64, f64)> = (0..60).map(|k| (1.7e12 + 28_800_000.0 * f64::from(k), 0.001)).collect();
    let at = |interval: f64| {
        let market = json!({"volatility": 0.8, "funding": history, "funding_interval_hours": interval});
        chance(&request("long", 8.0, market, "gbm", 240.0)).0
    };
    let want = at(8.0);
    for interval in [1.0, 4.0, 24.0] {
        assert!(
            (at(interval) - want).abs() < 0.012,
            "{interval} h: {} against {want}",
            at(interval)
        );
    }
}

/// Tables that begin above nothing, or jump at an edge: the simulation meets the barrier that the closed form meets.
#[test]
fn odd_tables_have_the_same_barrier_in_the_simulation() {
    for (side, leverage, v, tiers) in [
        (
            "long",
            2.0,
            2.0,
            json!([{"floor": 60, "maintenance_margin_rate": 0.005, "max_leverage": 100}]),
        ),
        (
            "short",
            5.0,
            0.8,
            json!([{"floor": 0, "cap": 103, "maintenance_margin_rate": 0.005, "maintenance_amount": 0, "max_leverage": 100},
                {"floor": 103, "maintenance_margin_rate": 0.5, "maintenance_amount": 0, "max_leverage": 100}]),
        ),
    ] {
        let mut r = request(side, leverage, json!({"volatility": v}), "gbm", 720.0);
        let position = &mut r["account"]["positions"][0];
        (position["entry_price"], position["mark_price"]) = (json!(100), json!(100));
        position["instrument"]["tiers"] = tiers;
        let exact = ask(&r);
        if exact["error"].is_object() {
            continue; // A table that is refused is no barrier either.
        }
        let exact = exact["horizons"][0]["probability"].as_f64().unwrap();
        r["model"]["step_hours"] = json!(24);
        let (p, e) = chance(&r);
        assert!((p - exact).abs() < 4.0 * e + 1e-3, "{side}: {p} ± {e} against {exact}");
    }
}

/// Where no price liquidates, none does, however far it goes.
#[test]
fn no_barrier_is_never_met() {
    for steps in [json!(null), json!(500)] {
        let mut r = request("long", 0.5, json!({"volatility": 15}), "gbm", 8760.0);
        r["account"]["positions"][0]["leverage"] = json!(null);
        r["account"]["positions"][0]["margin"] = json!(2);
        r["model"]["step_hours"] = steps;
        assert_eq!(chance(&r).0, 0.0);
    }
}

/// A short pays out of its margin when its price stands still: volatility 0 leaves no noise in the rate.
#[test]
fn a_price_without_noise_moves_no_rate() {
    for drift in [0.0, 0.15, 0.2, 0.3] {
        let market = json!({"volatility": 0, "drift": drift, "funding_rate": 0, "funding_interval_hours": 8,
            "funding_process": {"mean": 0, "persistence": 0.9, "deviation": 0.001, "correlation": 1}});
        let (p, _) = chance(&request("long", 50.0, market, "gbm", 240.0));
        assert_eq!(p, 0.0, "{drift}");
    }
}

/// Shorter than the first payment, funding changes nothing: the closed form answers.
#[test]
fn before_the_first_payment_funding_is_nothing() {
    let with = ask(&request(
        "long",
        20.0,
        json!({"volatility": 0.8, "funding_rate": 0.01, "funding_interval_hours": 8}),
        "gbm",
        7.0,
    ));
    assert_eq!(with["model"]["method"], "closed_form");
    let (level, v) = ((0.95f64 / 0.995).ln(), 0.8);
    let exact = hit_probability(level, -0.5 * v * v, v, 7.0 / 8760.0);
    assert!((with["horizons"][0]["probability"].as_f64().unwrap() - exact).abs() < 1e-9);
}

#[test]
fn hostile_markets_are_refused_by_name() {
    let r = |market: Value, kind: &str| field(&request("long", 3.0, market, kind, 168.0));
    let funded =
        |rows: Value| json!({"volatility": 0.8, "funding": rows, "funding_rate": 0.0001, "funding_interval_hours": 8});
    for (market, kind, at) in [
        (
            funded(json!([[1.7e12, 1e200], [1.7e12 + 1.0, 0.0]])),
            "gbm",
            "markets.X.funding[0][1]",
        ),
        (
            funded(json!([[1.7e12, 0.0], [1.7e12, 0.0]])),
            "gbm",
            "markets.X.funding[1][0]",
        ),
        (json!({"volatility": 1e-200}), "gbm", "markets.X.volatility"),
        (
            json!({"volatility": 0.5, "jumps": {"intensity": 9999, "mean": 0, "deviation": 0.5}}),
            "jump_diffusion",
            "",
        ),
        (
            json!({"garch": {"step_hours": 1, "omega": 0, "alpha": 0, "gamma": 0, "beta": 0.5, "variance_now": 0.01}}),
            "garch",
            "markets.X.garch.omega",
        ),
        (
            json!({"garch": {"step_hours": 1, "omega": 1e-6, "alpha": 0.05, "gamma": 0, "beta": 0.9, "degrees_of_freedom": 2.05, "variance_now": 1e-4}}),
            "garch",
            "markets.X.garch.degrees_of_freedom",
        ),
    ] {
        if at.is_empty() {
            let mut many = request("long", 3.0, market, kind, 43_800.0);
            many["target_standard_error"] = json!(0.01);
            assert_eq!(
                field(&many),
                ("invalid_input".to_owned(), "markets.X.jumps.intensity".to_owned())
            );
        } else {
            assert_eq!(r(market, kind), ("invalid_input".to_owned(), at.to_owned()));
        }
    }
    // Work is bounded over all assets together.
    let positions: Vec<Value> = (0..6).map(|k| json!({"symbol": format!("X{k}"), "side": "long", "size": 1, "entry_price": 1, "mark_price": 1, "leverage": 3, "instrument": {"kind": "linear", "tiers": tiers()}})).collect();
    let markets: serde_json::Map<String, Value> = (0..6)
        .map(|k| {
            (
                format!("X{k}"),
                json!({"volatility": 0.8, "funding_rate": 0, "funding_interval_hours": 4.4 + 0.001 * f64::from(k)}),
            )
        })
        .collect();
    let correlations: Vec<Value> = (0..6)
        .flat_map(|k| (0..k).map(move |l| json!([format!("X{k}"), format!("X{l}"), 0.5])))
        .collect();
    let six = json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": positions}, "markets": markets,
        "correlations": correlations, "horizons_hours": [43_800], "model": {"kind": "gbm"}});
    assert_eq!(field(&six).1, "horizons_hours");
    // What is asked wrongly is not answered by another model.
    let mut auto = request(
        "long",
        3.0,
        json!({"candles": {"interval": "1h", "rows": []}, "volatility": 0.5, "garch": {"step_hours": 1, "omega": 5, "alpha": 0, "gamma": 0, "beta": 0, "variance_now": 0.01}}),
        "auto",
        24.0,
    );
    auto["seed"] = json!(1);
    assert_eq!(field(&auto).1, "markets.X.garch.omega");
}

/// Pools already under water share the blame.
#[test]
fn causes_add_up_when_several_are_due_at_once() {
    let position = |symbol: &str| json!({"symbol": symbol, "side": "long", "size": 1, "entry_price": 1, "mark_price": 0.5, "leverage": 3, "instrument": {"kind": "linear", "tiers": tiers()}});
    let r = json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [position("A"), position("B")]},
        "markets": {"A": {"volatility": 0.8}, "B": {"volatility": 0.8}}, "correlations": [["A", "B", 0.5]], "horizons_hours": [24], "model": {"kind": "gbm"}});
    let answer = ask(&r);
    let sum: f64 = answer["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["probability"].as_f64().unwrap())
        .sum();
    assert!(
        (sum - 1.0).abs() < 1e-6 && answer["horizons"][0]["probability"] == 1.0,
        "{answer}"
    );
}

/// A volatility given replaces every estimate, whatever the model.
#[test]
fn a_given_volatility_scales_the_model() {
    let law = json!({"step_hours": 1, "omega": 1e-6, "alpha": 0.05, "gamma": 0, "beta": 0.9, "variance_now": 1e-5});
    for v in [0.4, 0.9] {
        let answer = ask(&request(
            "long",
            5.0,
            json!({"volatility": v, "garch": law}),
            "garch",
            168.0,
        ));
        assert!(
            (answer["model"]["markets"][0]["volatility"].as_f64().unwrap() - v).abs() < 1e-9,
            "{answer}"
        );
        let plain = chance(&request("long", 5.0, json!({"volatility": v}), "gbm", 168.0)).0;
        let p = answer["horizons"][0]["probability"].as_f64().unwrap();
        assert!((p - plain).abs() < 0.02, "{p} against {plain}");
    }
}
