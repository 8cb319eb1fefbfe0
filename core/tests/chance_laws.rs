//! Laws of the liquidation probability on generated accounts, and refusals where the data do not carry a model.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use proptest::prelude::*;
use serde_json::{Value, json};

fn ask(request: &Value) -> Value {
    serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap()
}

/// Probability and standard error at the last horizon.
fn chance(request: &Value) -> (f64, f64) {
    let answer = ask(request);
    assert!(answer["error"].is_null(), "{answer} for {request}");
    let last = answer["horizons"].as_array().unwrap().last().unwrap();
    let p = last["probability"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&p), "{answer}");
    (p, last["standard_error"].as_f64().unwrap())
}

#[derive(Clone, Debug)]
struct Draw {
    long: bool,
    leverage: f64,
    volatility: f64,
    hours: f64,
    /// Paid by the position.
    rate: f64,
    kind: &'static str,
}

impl Draw {
    fn request(&self) -> Value {
        let sign = if self.long { 1.0 } else { -1.0 };
        let hourly = self.volatility * self.volatility / 8760.0;
        json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
                {"symbol": "X", "side": if self.long { "long" } else { "short" }, "size": 1, "entry_price": 1, "mark_price": 1, "leverage": self.leverage,
                 "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 200}]}}]},
            "markets": {"X": {"volatility": self.volatility, "funding_rate": sign * self.rate, "funding_interval_hours": 8,
                "jumps": {"intensity": 12, "mean": -0.02, "deviation": 0.06},
                "garch": {"step_hours": 1, "omega": hourly * 0.02, "alpha": 0.06, "gamma": 0.0, "beta": 0.92, "degrees_of_freedom": 5, "variance_now": hourly}}},
            "horizons_hours": [self.hours], "model": {"kind": self.kind}, "target_standard_error": 0.002, "seed": 11})
    }

    /// `more` is not less likely than `self`, as far as the errors tell.
    fn rises(&self, more: &Self, what: &str) {
        let ((p, e), (q, f)) = (chance(&self.request()), chance(&more.request()));
        assert!(
            q - p > -3.0 * (e * e + f * f).sqrt() - 1e-12,
            "{what}: {p} ± {e} then {q} ± {f} for {self:?}"
        );
    }
}

fn draws() -> impl Strategy<Value = Draw> {
    (
        any::<bool>(),
        2.0..30.0f64,
        0.3..1.5f64,
        12.0..400.0f64,
        -0.0004..0.0004f64,
        prop_oneof![Just("gbm"), Just("jump_diffusion"), Just("garch")],
    )
        .prop_map(|(long, leverage, volatility, hours, rate, kind)| Draw {
            long,
            leverage,
            volatility,
            hours,
            rate,
            kind,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_rises_with_leverage_horizon_volatility_and_funding(d in draws()) {
        d.rises(&Draw { leverage: d.leverage * 1.3, ..d.clone() }, "leverage");
        d.rises(&Draw { hours: d.hours * 1.5, ..d.clone() }, "horizon");
        d.rises(&Draw { rate: d.rate + 0.0005, ..d.clone() }, "funding");
        if d.kind != "jump_diffusion" {
            d.rises(&Draw { volatility: d.volatility * 1.3, ..d.clone() }, "volatility");
        }
    }

    /// A long inverse contract on x is a short linear contract on 1/x, whose drift is σ² − μ and whose funding has the other sign.
    #[test]
    fn it_mirrors_under_inversion_of_the_price(leverage in 2.0..20.0f64, v in 0.3..1.2f64, drift in -1.0..1.0f64, rate in -0.0005..0.0005f64, funded in any::<bool>()) {
        let rate = if funded { rate } else { 0.0 };
        let request = |kind: &str, side: &str, drift: f64, rate: f64| json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
                {"symbol": "X", "side": side, "size": 1, "entry_price": 1, "mark_price": 1, "margin": 1.0 / leverage,
                 "instrument": {"kind": kind, "contract_size": 1, "tiers": [{"floor": 0, "maintenance_margin_rate": 0.004, "max_leverage": 200}]}}]},
            "markets": {"X": {"volatility": v, "drift": drift, "funding_rate": rate, "funding_interval_hours": 8}},
            "horizons_hours": [240], "model": {"kind": "gbm"}, "target_standard_error": 0.001, "seed": 5});
        let (p, e) = chance(&request("inverse", "long", drift, rate));
        let (q, f) = chance(&request("linear", "short", v * v - drift, -rate));
        let allowed = if rate == 0.0 { 1e-9 } else { 4.0 * (e * e + f * f).sqrt() };
        prop_assert!((p - q).abs() <= allowed, "{p} ± {e} against {q} ± {f}");
    }

    #[test]
    fn a_hedged_pair_is_safer_than_either_leg_but_not_safe(v in 0.6..1.2f64, leverage in 6.0..12.0f64) {
        let request = |sides: &[(&str, &str)]| {
            let positions: Vec<Value> = sides.iter().map(|(symbol, side)| json!({"symbol": symbol, "side": side, "size": 1, "entry_price": 1, "mark_price": 1, "leverage": 3,
                "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 200}]}})).collect();
            json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": 1.0 / leverage, "positions": positions},
                "markets": {"A": {"volatility": v}, "B": {"volatility": v}}, "correlations": [["A", "B", 0.8]],
                "horizons_hours": [720], "model": {"kind": "gbm"}, "target_standard_error": 0.002, "seed": 2})
        };
        let (pair, e) = chance(&request(&[("A", "long"), ("B", "short")]));
        for leg in [("A", "long"), ("B", "short")] {
            let (alone, f) = chance(&request(&[leg]));
            prop_assert!(alone - pair > 2.0 * (e + f), "{pair} against {alone}");
        }
        prop_assert!(pair > 0.01, "{pair}");
    }

    #[test]
    fn curves_only_fall_and_parts_add_up(d in draws()) {
        let mut request = d.request();
        request["horizons_hours"] = json!([d.hours / 3.0, d.hours]);
        request["leverages"] = json!([2, 10]);
        request["target_probability"] = json!(0.01);
        let answer = ask(&request);
        prop_assert!(answer["error"].is_null(), "{}", answer);
        let survival = answer["survival"].as_array().unwrap();
        for pair in survival.windows(2) {
            prop_assert!(pair[1][0].as_f64() > pair[0][0].as_f64() && pair[1][1].as_f64().unwrap() <= pair[0][1].as_f64().unwrap() + 3e-3, "{:?}", pair);
        }
        let p = answer["horizons"][1]["probability"].as_f64().unwrap();
        let causes: f64 = answer["causes"].as_array().unwrap().iter().map(|c| c["probability"].as_f64().unwrap()).sum();
        prop_assert!((causes - p).abs() < 1e-9, "{} {}", causes, p);
        let rows = |k: usize| answer["leverage_map"][k]["rows"].as_array().unwrap().last().unwrap()[1].as_f64().unwrap();
        prop_assert!(rows(0) <= rows(1) + 0.01);
        let fan = answer["price_fan"][0]["rows"].as_array().unwrap();
        prop_assert!(fan.iter().all(|r| (1..5).all(|k| r[k].as_f64().unwrap() <= r[k + 1].as_f64().unwrap())));
        let remedy = &answer["remedies"][0];
        prop_assert!(remedy["margin_to_add"].as_f64().is_none_or(|m| m >= 0.0) && remedy["size_to_cut"].as_f64().is_none_or(|c| (0.0..=1.0).contains(&c)));
    }
}

/// Margin falls the chance, strictly, where the formula is exact.
#[test]
fn more_margin_is_safer() {
    let mut before = 1.0;
    for margin in [0.02, 0.05, 0.1, 0.2, 0.4, 0.8] {
        let request = json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
                {"symbol": "X", "side": "long", "size": 1, "entry_price": 1, "mark_price": 1, "margin": margin,
                 "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 200}]}}]},
            "markets": {"X": {"volatility": 0.8}}, "horizons_hours": [720], "model": {"kind": "gbm"}});
        let (p, _) = chance(&request);
        assert!(p < before, "{margin}: {p} {before}");
        before = p;
    }
}

/// Bars of a random walk without a random number: a fixed, irregular sequence.
fn bars(n: usize, step: f64) -> Vec<[f64; 6]> {
    let mut price = 100.0;
    (0..n)
        .map(|k| {
            let open = price;
            price *= f64::exp(step * ((k * k * 7919 + k * 104_729) as f64 * 0.618_034).sin());
            [
                1.7e12 + 3_600_000.0 * k as f64,
                open,
                open.max(price) * (1.0 + 0.2 * step),
                open.min(price) * (1.0 - 0.2 * step),
                price,
                1.0,
            ]
        })
        .collect()
}

fn with_candles(rows: &[[f64; 6]], kind: &str) -> Value {
    json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
            {"symbol": "X", "side": "long", "size": 1, "entry_price": 100, "mark_price": 100, "leverage": 10,
             "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 200}]}}]},
        "markets": {"X": {"candles": {"interval": "1h", "rows": rows}, "funding_rate": 0.0001, "funding_interval_hours": 8}},
        "horizons_hours": [24], "model": {"kind": kind}, "target_standard_error": 0.01})
}

#[test]
fn data_that_carry_no_model_are_refused_with_what_is_missing() {
    let flat: Vec<[f64; 6]> = (0..600)
        .map(|k| [1.7e12 + 3_600_000.0 * f64::from(k), 100.0, 100.0, 100.0, 100.0, 1.0])
        .collect();
    let mut holes = bars(600, 0.01);
    holes
        .iter_mut()
        .enumerate()
        .for_each(|(k, r)| r[0] += 7_200_000.0 * k as f64);
    // Closes that jump about one level: a walk of such steps would leave all prices.
    let wild: Vec<[f64; 6]> = bars(600, 3.0)
        .iter()
        .enumerate()
        .map(|(k, r)| {
            let (open, close) = (
                if k % 2 == 0 { 100.0 } else { 400.0 },
                if k % 2 == 0 { 400.0 } else { 100.0 + (k % 7) as f64 },
            );
            [r[0], open, 450.0, 90.0, close, 1.0]
        })
        .collect();
    for (what, rows) in [
        ("one bar", bars(1, 0.01)),
        ("no bar", Vec::new()),
        ("constant prices", flat),
        ("gaps only", holes),
        ("absurd volatility", wild),
    ] {
        for kind in ["gbm", "garch", "filtered_historical", "auto"] {
            let answer = ask(&with_candles(&rows, kind));
            let code = answer["error"]["code"].as_str().unwrap_or("none");
            assert!(
                ["insufficient_data", "not_converged"].contains(&code),
                "{what}, {kind}: {answer}"
            );
            let (field, message) = (
                answer["error"]["field"].as_str().unwrap(),
                answer["error"]["message"].as_str().unwrap(),
            );
            assert!(
                field.starts_with("markets") && message.len() > 15,
                "{what}, {kind}: {answer}"
            );
        }
        let answer = ask(
            &json!({"op": "volatility", "market": {"candles": {"interval": "1h", "rows": rows}}, "horizon_hours": 24}),
        );
        assert_eq!(answer["error"]["code"], "insufficient_data", "{what}: {answer}");
    }
}

/// Enough for a plain volatility, too little for the others: `auto` answers with the plain one and says so.
#[test]
fn auto_falls_back_and_says_why() {
    let short = bars(60, 0.01);
    let answer = ask(&with_candles(&short, "auto"));
    assert_eq!(answer["model"]["kind"], "gbm", "{answer}");
    let reason = answer["model"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("cannot be used") && reason.contains("250 returns"),
        "{reason}"
    );
    assert_eq!(
        ask(&with_candles(&short, "filtered_historical"))["error"]["code"],
        "insufficient_data"
    );
    assert_eq!(
        ask(&with_candles(&bars(900, 0.01), "auto"))["model"]["kind"],
        "filtered_historical"
    );
}
