//! Self-exciting events: simulated ones are recovered, the likelihood is the double sum's, refusals name their field.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

mod common;

use common::{Dice, ask, n};
use serde_json::{Value, json};

/// By its definition as families: immigrants, each event's children after exponential delays. Seconds.
fn families(
    dice: &mut Dice,
    baseline: [f64; 2],
    n: [[f64; 2]; 2],
    decay: f64,
    end: f64,
    mark_power: f64,
) -> Vec<(f64, usize, f64)> {
    // Marks are exponential of mean 1; the mean of their power is Γ(1 + p), 1 for p = 0 and 1.
    let mut todo: Vec<(f64, usize)> = Vec::new();
    for (kind, rate) in baseline.iter().enumerate() {
        let mut t = dice.exponential() / rate;
        while t < end {
            todo.push((t, kind));
            t += dice.exponential() / rate;
        }
    }
    let mut out = Vec::new();
    while let Some((t, kind)) = todo.pop() {
        let mark = dice.exponential();
        for (child, rate) in n.iter().enumerate() {
            for _ in 0..dice.poisson(rate[kind] * mark.powf(mark_power)) {
                let at = t + dice.exponential() / decay;
                if at < end {
                    todo.push((at, child));
                }
            }
        }
        out.push((t, kind, mark));
    }
    out.sort_by(|a, b| a.0.total_cmp(&b.0));
    out
}

const EPOCH: f64 = 1_700_000_000_000.0;

fn request(events: &[(f64, usize, f64)], end: f64, marked: bool) -> Value {
    let rows: Vec<Value> = events
        .iter()
        .map(|e| json!([EPOCH + e.0 * 1000.0, (["long", "short"][e.1]), e.2 * 5000.0]))
        .collect();
    json!({"op": "hawkes", "events": rows, "start": EPOCH, "end": EPOCH + end * 1000.0, "marked": marked})
}

/// The likelihood as a double sum over pairs of events, straight from the definition.
fn double_sum(a: &Value, events: &[(f64, usize, f64)], end: f64) -> f64 {
    let (decay, power, mean) = (n(&a["decay"]), n(&a["mark_power"]), n(&a["mark_mean"]));
    let g = |m: f64| (m * 5000.0).powf(power) / mean;
    let mut sum = 0.0;
    for (k, e) in events.iter().enumerate() {
        let mut rate = n(&a["baseline"][e.1]);
        for s in events[..k].iter().filter(|s| s.0 < e.0) {
            rate += n(&a["excitation"][e.1][s.1]) * g(s.2) * decay * (-decay * (e.0 - s.0)).exp();
        }
        sum += rate.ln();
    }
    for i in 0..2 {
        sum -= n(&a["baseline"][i]) * end;
        for s in events {
            sum -= n(&a["excitation"][i][s.1]) * g(s.2) * (1.0 - (-decay * (end - s.0)).exp());
        }
    }
    sum
}

const N: [[f64; 2]; 2] = [[0.6, 0.2], [0.1, 0.7]];

#[test]
fn fifty_thousand_events_of_branching_ratio_four_fifths_are_recovered() {
    // Eigenvalues of N: 0.65 ± 0.15, so 0.8; in the mean (0.02, 0.02)·(I − N)⁻¹ = 0.25 + ... events a second.
    for (seed, decay) in [(1, 0.5), (2, 0.05)] {
        let mut dice = Dice(seed);
        let end = 50_000.0 / 0.2;
        let events = families(&mut dice, [0.02, 0.02], N, decay, end, 0.0);
        assert!(events.len() > 45_000, "{}", events.len());
        let a = ask(&request(&events, end, false));
        let ratio = n(&a["branching_ratio"]);
        assert!((ratio - 0.8).abs() < 0.02, "{ratio} of {} events", events.len());
        assert!((n(&a["decay"]) / decay - 1.0).abs() < 0.05, "{}", a["decay"]);
        let e = &a["standard_errors"];
        for i in 0..2 {
            let error = n(&e["baseline"][i]);
            assert!(
                (n(&a["baseline"][i]) - 0.02).abs() < 4.0 * error && error < 0.002,
                "{} ± {error}",
                a["baseline"]
            );
            for j in 0..2 {
                let error = n(&e["excitation"][i][j]);
                assert!(
                    (n(&a["excitation"][i][j]) - N[i][j]).abs() < 4.0 * error && error < 0.02,
                    "{i} {j}: {a:.300}"
                );
            }
        }
        assert!((ratio - 0.8).abs() < 4.0 * n(&e["branching_ratio"]));
        let p = n(&a["residual_ks_p_value"]);
        assert!(p > 0.05, "{p}");
        assert_eq!(a["converged"], json!(true));
        assert!(n(&a["log_likelihood"]) > n(&a["log_likelihood_poisson"]) + 1000.0);
    }
}

#[test]
fn the_likelihood_is_the_double_sum() {
    for (seed, marked) in [(3, false), (4, true), (5, false)] {
        let mut dice = Dice(seed);
        let end = 9000.0;
        let events = families(&mut dice, [0.03, 0.02], N, 0.3, end, if marked { 1.0 } else { 0.0 });
        assert!(events.len() > 300);
        let a = ask(&request(&events, end, marked));
        let (told, want) = (n(&a["log_likelihood"]), double_sum(&a, &events, end));
        // Times go through milliseconds of an epoch: a grain of 2e-7 s.
        assert!((told / want - 1.0).abs() < 1e-9, "{told} {want}");
        // No neighbour is better: it is a maximum.
        for (path, i) in [("baseline", 0), ("baseline", 1)] {
            for f in [0.97, 1.03] {
                let mut other = a.clone();
                other[path][i] = json!(n(&a[path][i]) * f);
                assert!(double_sum(&other, &events, end) < want);
            }
        }
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for f in [0.95, 1.05] {
                let mut other = a.clone();
                other["excitation"][i][j] = json!(n(&a["excitation"][i][j]) * f + (f - 0.95) * 0.01);
                assert!(double_sum(&other, &events, end) < want, "{i} {j} {f}");
            }
        }
        for f in [0.9, 1.1] {
            let mut other = a.clone();
            other["decay"] = json!(n(&a["decay"]) * f);
            assert!(double_sum(&other, &events, end) < want);
        }
    }
}

#[test]
fn marks_that_matter_are_found_and_a_wrong_law_is_told() {
    let mut dice = Dice(6);
    let end = 60_000.0;
    let events = families(&mut dice, [0.03, 0.03], [[0.4, 0.1], [0.1, 0.4]], 0.2, end, 1.0);
    let a = ask(&request(&events, end, true));
    let (power, error) = (n(&a["mark_power"]), n(&a["standard_errors"]["mark_power"]));
    assert!((power - 1.0).abs() < 4.0 * error && error < 0.2, "{power} ± {error}");
    let blind = ask(&request(&events, end, false));
    assert!(n(&a["log_likelihood"]) > n(&blind["log_likelihood"]) + 20.0);
    // Events on a clock are no such process.
    let clock: Vec<(f64, usize, f64)> = (0..500).map(|k| (k as f64 * 10.0, (k % 2) as usize, 1.0)).collect();
    let a = ask(&request(&clock, 5000.0, false));
    assert!(n(&a["residual_ks_p_value"]) < 1e-6, "{}", a["residual_ks_p_value"]);
}

#[test]
fn the_events_expected_are_those_that_come() {
    // Many short histories of a known law with the same beginning; what the fitted law of a long one foretells is the mean.
    let mut dice = Dice(7);
    let end = 200_000.0;
    let mut events = families(&mut dice, [0.02, 0.02], N, 0.05, end, 0.0);
    // A burst just before the end.
    events.retain(|e| e.0 < end - 30.0);
    for k in 0..20 {
        events.push((end - 30.0 + 1.5 * k as f64, 0, 1.0));
    }
    let a = ask(&request(&events, end, false));
    let told = &a["expected"][0]["events"];
    // Children of what is known, plus families of immigrants, by brute force with the true law.
    let mut counts = [0.0, 0.0];
    const RUNS: usize = 3000;
    for _ in 0..RUNS {
        let mut todo: Vec<(f64, usize)> = Vec::new();
        for (t, kind, _) in events.iter().filter(|e| e.0 > end - 600.0) {
            for (child, rate) in N.iter().enumerate() {
                for _ in 0..dice.poisson(rate[*kind]) {
                    todo.push((t + dice.exponential() / 0.05, child));
                }
            }
        }
        todo.retain(|e| e.0 > end);
        for kind in 0..2 {
            let mut t = end + dice.exponential() / 0.02;
            while t < end + 900.0 {
                todo.push((t, kind));
                t += dice.exponential() / 0.02;
            }
        }
        while let Some((t, kind)) = todo.pop() {
            if t > end + 900.0 {
                continue;
            }
            counts[kind] += 1.0 / RUNS as f64;
            for (child, rate) in N.iter().enumerate() {
                for _ in 0..dice.poisson(rate[kind]) {
                    todo.push((t + dice.exponential() / 0.05, child));
                }
            }
        }
    }
    for k in 0..2 {
        assert!((n(&told[k]) / counts[k] - 1.0).abs() < 0.06, "{told} {counts:?}");
    }
}

#[test]
fn several_instruments_and_one_side_only() {
    let mut dice = Dice(8);
    let events = families(&mut dice, [0.05, 0.03], [[0.3, 0.4], [0.0, 0.3]], 0.3, 30_000.0, 0.0);
    // The two types become the long side of two coins: what the second does to the first is found under its name.
    let mut r = request(&events, 30_000.0, false);
    r["symbols"] = events.iter().map(|e| ["BTCUSDT", "ETHUSDT"][e.1]).collect();
    for row in r["events"].as_array_mut().unwrap() {
        row[1] = json!("long");
    }
    let a = ask(&r);
    assert_eq!(
        a["types"][2],
        json!({"symbol": "ETHUSDT", "side": "long", "events": events.iter().filter(|e| e.1 == 1).count()})
    );
    assert!((n(&a["excitation"][0][2]) - 0.4).abs() < 0.1, "{}", a["excitation"]);
    assert!(n(&a["excitation"][2][0]) < 0.05, "{}", a["excitation"]);
    // A side without events: nothing expected of it, nothing null that should be a number.
    assert_eq!(a["baseline"][1], json!(0.0));
    assert_eq!(a["expected"][0]["events"][3], json!(0.0));
}

#[test]
fn refusals_name_their_field() {
    let rows: Vec<Value> = (0..20)
        .map(|k| json!([EPOCH + 1000.0 * f64::from(k), "long", 5.0]))
        .collect();
    let base = json!({"op": "hawkes", "events": rows, "end": EPOCH + 60_000.0});
    assert!(ask(&base)["error"].is_null(), "{}", ask(&base));
    let cases: [(&str, Value, &str, &str); 7] = [
        ("end", json!(EPOCH), "invalid_input", "end"),
        ("start", json!(EPOCH + 5000.0), "invalid_input", "start"),
        ("events", json!([]), "insufficient_data", "events"),
        (
            "events",
            json!([[EPOCH, "long", 1], [EPOCH - 1.0, "long", 1]]),
            "invalid_input",
            "events[1][0]",
        ),
        ("events", json!([[EPOCH, "long", -1]]), "invalid_input", "events[0][2]"),
        ("events", json!([[EPOCH, "up", 1]]), "invalid_input", "events[0][1]"),
        ("symbols", json!(["A"]), "invalid_input", "symbols"),
    ];
    for (key, value, code, field) in cases {
        let mut r = base.clone();
        r[key] = value;
        let a = ask(&r);
        assert_eq!(
            (&a["error"]["code"], &a["error"]["field"]),
            (&json!(code), &json!(field)),
            "{key}: {a}"
        );
    }
}
