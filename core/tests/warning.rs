//! The early warning: the forecaster of the Python reference, nothing from the future, one feed is enough.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

mod common;

use common::{ask, n};
use headroom_core::warning::features::new_york;
use serde_json::{Value, json};

/// Made by `tools/reference_warning.py`.
fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/warning.json")).unwrap()
}

fn request(rows: &Value, times: &[f64], minutes: &[f64], threshold: f64) -> Value {
    json!({"op": "warning", "market": {"candles": {"interval": "5m", "rows": rows}}, "times": times, "horizons_minutes": minutes,
        "event": {"return_threshold": threshold}})
}

#[test]
fn every_forecast_is_that_of_the_reference() {
    let v = vectors();
    let mut compared = 0;
    for case in v["cases"].as_array().unwrap() {
        let rows = case["rows"].as_array().unwrap();
        let times: Vec<f64> = rows.iter().map(|r| n(&r[0])).collect();
        let a = ask(&request(
            &v["candles"],
            &times,
            &[n(&case["minutes"])],
            n(&case["threshold"]),
        ));
        assert!(a["error"].is_null(), "{a}");
        for (told, want) in a["forecasts"].as_array().unwrap().iter().zip(rows) {
            assert_eq!(n(&told["time"]), n(&want[0]));
            for (key, k) in [("uncorrected", 1), ("probability", 2), ("baseline", 3)] {
                let (x, y) = (n(&told[key]), n(&want[k]));
                assert!((x - y).abs() <= 1e-9 * y.max(1e-6) + 1e-12, "{key} {x} {y} {case:.80}");
            }
            compared += 1;
        }
    }
    assert!(compared > 200);
}

#[test]
fn nothing_after_a_time_is_used_for_it() {
    let v = vectors();
    let rows = v["candles"].as_array().unwrap();
    let times: Vec<f64> = (300..500).step_by(7).map(|k| n(&rows[k][0]) + 300_000.0).collect();
    let whole = ask(&request(&v["candles"], &times, &[15.0, 30.0], -0.01));
    let last = times[times.len() - 1];
    let mut changed = rows.clone();
    for row in &mut changed {
        if n(&row[0]) + 300_000.0 > last {
            for k in 1..6 {
                row[k] = json!(n(&row[k]) * 3.0);
            }
        }
    }
    assert_eq!(
        ask(&request(&json!(changed), &times, &[15.0, 30.0], -0.01))["forecasts"],
        whole["forecasts"]
    );
    let cut: Vec<Value> = rows.iter().filter(|r| n(&r[0]) + 300_000.0 <= last).cloned().collect();
    assert_eq!(
        ask(&request(&json!(cut), &times, &[15.0, 30.0], -0.01))["forecasts"],
        whole["forecasts"]
    );
    // One at a time, in any order, live as in replay: the same.
    let one = ask(&request(&v["candles"], &times[5..6], &[15.0, 30.0], -0.01));
    assert_eq!(
        one["forecasts"].as_array().unwrap()[..],
        whole["forecasts"].as_array().unwrap()[10..12]
    );
    let mut turned = times.clone();
    turned.reverse();
    let back = ask(&request(&v["candles"], &turned, &[15.0, 30.0], -0.01));
    assert_eq!(back["forecasts"][0], whole["forecasts"][2 * times.len() - 2]);
    // Without times: the last bar.
    let now = ask(
        &json!({"op": "warning", "market": {"candles": {"interval": "5m", "rows": cut}}, "event": {"return_threshold": -0.01}}),
    );
    assert_eq!(
        now["forecasts"],
        json!(whole["forecasts"].as_array().unwrap()[2 * times.len() - 2..])
    );
    assert_eq!(now["probability"], now["forecasts"][0]["probability"]);
}

#[test]
fn minutes_are_put_together_to_the_same_bars() {
    let v = vectors();
    let rows = v["candles"].as_array().unwrap();
    // Each bar as five minutes with the same open, extremes, close and volume.
    let minutes: Vec<Value> = rows
        .iter()
        .flat_map(|r| {
            let [t, o, h, l, c, v] = [0, 1, 2, 3, 4, 5].map(|k| n(&r[k]));
            [
                (0.0, o, o.max(h), o),
                (1.0, h, h, h),
                (2.0, l, l, l),
                (3.0, c, c, c),
                (4.0, c, c, c),
            ]
            .map(|(k, open, high, low)| {
                let close = if k == 0.0 { o } else { open };
                json!([t + k * 60_000.0, open, high.max(close), low.min(close), close, v / 5.0])
            })
        })
        .collect();
    let five = ask(&json!({"op": "warning", "market": {"candles": {"interval": "5m", "rows": rows}}}));
    let one = ask(&json!({"op": "warning", "market": {"candles": {"interval": "1m", "rows": minutes}}}));
    let (a, b) = (n(&five["probability"]), n(&one["probability"]));
    assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
}

#[test]
fn chances_are_chances_and_more_is_less_likely() {
    let v = vectors();
    let rows = v["candles"].as_array().unwrap();
    let times: Vec<f64> = (100..700).step_by(60).map(|k| n(&rows[k][0]) + 300_000.0).collect();
    let at = |threshold: f64| -> Vec<f64> {
        let a = ask(&request(&v["candles"], &times, &[15.0], threshold));
        a["forecasts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| n(&f["uncorrected"]))
            .collect()
    };
    let mut before = at(-0.004);
    for threshold in [-0.008, -0.016, -0.03, -0.06] {
        let now = at(threshold);
        for (p, q) in before.iter().zip(&now) {
            assert!(q < p && *q > 0.0 && *p < 1.0, "{p} {q} at {threshold}");
        }
        before = now;
    }
    let a = ask(&request(&v["candles"], &times, &[15.0, 30.0], -0.02));
    for pair in a["forecasts"].as_array().unwrap().chunks(2) {
        assert!(n(&pair[0]["uncorrected"]) < n(&pair[1]["uncorrected"]), "{pair:?}");
    }
    assert_eq!(a["drivers"].as_array().unwrap().len(), 5);
    assert!(a["intensity"].is_null());
}

#[test]
fn liquidations_are_told_beside() {
    let v = vectors();
    let rows = v["candles"].as_array().unwrap();
    let end = n(&rows[699][0]) + 300_000.0;
    let events: Vec<Value> = (0..60)
        .map(|k| json!([end - 3_600_000.0 + 50_000.0 * f64::from(k), "long", 100, 2.0]))
        .collect();
    let mut r = request(&v["candles"], &[end], &[15.0], -0.02);
    let bare = ask(&r);
    r["market"]["liquidations"] = json!(events);
    let a = ask(&r);
    assert_eq!(a["probability"], bare["probability"]);
    assert!(n(&a["intensity"][0]) > 0.0 && a["branching_ratio"].is_f64(), "{a:.400}");
}

#[test]
fn new_york_keeps_its_own_time() {
    // 2025-03-09 06:59 UTC is 01:59 in winter, 07:00 is 03:00 in summer; a Sunday. 2025-11-02 05:59 is 01:59, 06:00 is 01:00.
    let at = |s: i64| new_york(s as f64 * 1000.0);
    assert_eq!(at(1_741_503_540), (119, 6));
    assert_eq!(at(1_741_503_600), (180, 6));
    assert_eq!(at(1_762_063_140), (119, 6));
    assert_eq!(at(1_762_063_200), (60, 6));
    // 2024-02-29 14:30 UTC, a Thursday: the opening bell.
    assert_eq!(at(1_709_217_000), (570, 3));
}

#[test]
fn refusals_name_their_field() {
    let v = vectors();
    let rows = v["candles"].as_array().unwrap();
    let base = request(&v["candles"], &[n(&rows[300][0])], &[15.0], -0.02);
    let cases: [(&str, Value, &str, &str); 8] = [
        (
            "/market/candles/interval",
            json!("1h"),
            "unsupported",
            "market.candles.interval",
        ),
        (
            "/market/candles/rows",
            json!(rows[..20]),
            "insufficient_data",
            "market.candles.rows",
        ),
        (
            "/market/candles/rows/4/0",
            json!(0),
            "invalid_input",
            "market.candles.rows[4][0]",
        ),
        ("/times", json!([n(&rows[3][0])]), "insufficient_data", "times[0]"),
        (
            "/times",
            json!([n(&rows[699][0]) + 9e8]),
            "insufficient_data",
            "times[0]",
        ),
        ("/horizons_minutes", json!([1]), "invalid_input", "horizons_minutes[0]"),
        ("/horizons_minutes", json!("soon"), "invalid_input", "horizons_minutes"),
        (
            "/event/return_threshold",
            json!(0),
            "invalid_input",
            "event.return_threshold",
        ),
    ];
    for (pointer, value, code, field) in cases {
        let mut r = base.clone();
        *r.pointer_mut(pointer).unwrap() = value;
        let a = ask(&r);
        assert_eq!(
            (&a["error"]["code"], &a["error"]["field"]),
            (&json!(code), &json!(field)),
            "{pointer}: {a:.300}"
        );
    }
}
