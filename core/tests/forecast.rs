//! Scores against scikit-learn, the walk against its own past, and the record against data whose law is known.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use headroom_core::forecast::scores::{brier, decompose, isotonic, log_loss, reliability};
use headroom_core::forecast::tails::{christoffersen, coverage, histogram, kupiec};
use headroom_core::forecast::touch;
use headroom_core::forecast::walk::{Grid, walk};
use headroom_core::market::{Candles, Interval};
use headroom_core::units::Side;
use serde_json::{Value, json};

#[test]
fn scores_are_those_of_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("vectors/scores.json")).unwrap();
    assert_eq!(cases.len(), 6);
    for case in &cases {
        let list = |key: &str| -> Vec<f64> {
            case[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_f64().unwrap())
                .collect()
        };
        let n = |key: &str| case[key].as_f64().unwrap();
        let (p, y) = (list("forecasts"), list("outcomes"));
        for (got, want) in isotonic(&p, &y).iter().zip(list("isotonic")) {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
        let d = decompose(&p, &y);
        for (got, want) in [
            (brier(&p, &y), n("brier")),
            (log_loss(&p, &y), n("log_loss")),
            (d.miscalibration, n("miscalibration")),
            (d.discrimination, n("discrimination")),
            (d.uncertainty, n("uncertainty")),
        ] {
            assert!((got - want).abs() < 1e-12, "{got} {want}");
        }
        assert!((d.miscalibration - d.discrimination + d.uncertainty - brier(&p, &y)).abs() < 1e-15);
        assert!(d.miscalibration >= -1e-15 && d.discrimination >= -1e-15);
        let rows = reliability(&p, &y, 10);
        assert_eq!(rows.iter().map(|r| r[2]).sum::<f64>() as usize, p.len());
        assert!(rows.windows(2).all(|w| w[0][0] < w[1][0]));
    }
}

/// The learned layer against the Python that trained it (`tools/train_touch.py`).
#[test]
fn the_learned_layer_is_what_was_trained() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/touch.json")).unwrap();
    let mut compared = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let bars: Vec<Vec<f64>> = serde_json::from_value(case["bars"].clone()).unwrap();
        let v: Vec<f64> = bars
            .windows(2)
            .map(|w| touch::variance(w[0][4], w[1][2], w[1][3], w[1][4]))
            .collect();
        let close = |back: usize| bars[bars.len() - 1 - back][4].ln();
        let summary = touch::Summary {
            variances: touch::WINDOWS.map(|k| v[v.len() - k..].iter().sum::<f64>() / k as f64),
            moves: [close(0) - close(24), close(0) - close(168)],
        };
        for f in case["forecasts"].as_array().unwrap() {
            let n = |key: &str| f[key].as_f64().unwrap();
            let side = if f["side"] == "long" { Side::Long } else { Side::Short };
            let distance = grid().distance(n("leverage"), side).unwrap();
            let p = touch::probability(&summary, distance, n("hours")).unwrap();
            assert!((p - n("probability")).abs() < 1e-9, "{f}: {p}");
            compared += 1;
        }
        assert_eq!(touch::probability(&summary, -0.1, 3.9), None);
    }
    assert_eq!(compared, 30);
}

/// A deterministic source of uniform numbers.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
    fn normal(&mut self) -> f64 {
        (-2.0 * self.next().ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}

/// Hourly bars of a price whose variance an hour is given bar by bar, each bar walked in 60 steps.
fn simulated(bars: usize, seed: u64, mut variance: impl FnMut(usize, &mut Uniform) -> f64) -> Candles {
    let mut u = Uniform(seed);
    let mut x: f64 = 0.0;
    let rows = (0..bars)
        .map(|k| {
            let v = variance(k, &mut u);
            let (open, mut high, mut low) = (x, x, x);
            for _ in 0..60 {
                x += (v / 60.0).sqrt() * u.normal() - 0.5 * v / 60.0;
                high = high.max(x);
                low = low.min(x);
            }
            (
                1.6e12 + 3_600_000.0 * k as f64,
                100.0 * open.exp(),
                100.0 * high.exp(),
                100.0 * low.exp(),
                100.0 * x.exp(),
                1.0,
            )
        })
        .collect();
    Candles {
        interval: Interval::H1,
        rows,
    }
}

fn grid() -> Grid {
    Grid {
        leverages: vec![5.0, 20.0],
        sides: vec![Side::Long, Side::Short],
        horizons_hours: vec![4.0, 24.0],
        every_hours: 8.0,
        maintenance_margin_rate: 0.005,
    }
}

fn changing(k: usize, u: &mut Uniform) -> f64 {
    let level = 0.5 + 0.4 * (k as f64 / 300.0).sin();
    level * level / 8760.0 * (0.5 + u.next())
}

/// Whatever comes later, what was said stays as it was, to the bit.
#[test]
fn nothing_looks_ahead() {
    let candles = simulated(3000, 1, changing);
    let whole = walk(&candles, &grid(), &mut |_| {});
    for cut in [1500, 2200, 2999] {
        let mut other = candles.clone();
        let mut u = Uniform(cut as u64);
        for row in &mut other.rows[cut..] {
            let factor = 0.3 + 2.0 * u.next();
            (row.1, row.2, row.3, row.4) = (
                row.1 * factor,
                row.2 * factor * 1.5,
                row.3 * factor * 0.5,
                row.4 * factor,
            );
        }
        let changed = walk(&other, &grid(), &mut |_| {});
        let until = candles.rows[cut].0;
        let mut compared = 0;
        for (a, b) in whole.cells.iter().zip(&changed.cells) {
            for (k, time) in a.times.iter().enumerate().take_while(|(_, t)| **t <= until) {
                assert_eq!(*time, b.times[k]);
                for (x, y) in a.members.iter().zip(&b.members) {
                    assert_eq!(x[k].to_bits(), y[k].to_bits(), "{time}");
                }
                for (x, y) in [
                    (&a.combined, &b.combined),
                    (&a.auto, &b.auto),
                    (&a.climatology, &b.climatology),
                ] {
                    assert_eq!(x[k].to_bits(), y[k].to_bits(), "{time}");
                }
                compared += 1;
            }
        }
        for (a, b) in whole.marks.iter().zip(&changed.marks) {
            for (x, y) in a.iter().zip(b).take_while(|(x, _)| x.time <= until) {
                assert_eq!(x, y);
            }
        }
        assert!(compared > 500, "{compared}");
    }
}

/// Outcomes by looking at every later bar.
#[test]
fn outcomes_are_those_of_a_plain_search() {
    let candles = simulated(1500, 2, changing);
    let record = walk(&candles, &grid(), &mut |_| {});
    for cell in &record.cells {
        let distance = grid().distance(cell.leverage, cell.side).unwrap();
        let hours = grid().horizons_hours[cell.horizon];
        for (time, outcome) in cell.times.iter().zip(&cell.outcomes) {
            let at = candles.rows.iter().position(|r| r.0 + 3_600_000.0 == *time).unwrap();
            let level = candles.rows[at].4 * distance.exp();
            let later = &candles.rows[at + 1..=at + hours as usize];
            let touched = later
                .iter()
                .any(|r| if distance < 0.0 { r.3 <= level } else { r.2 >= level });
            assert_eq!(*outcome > 0.5, touched, "{time} {}x", cell.leverage);
        }
    }
}

fn record(candles: &Candles, kind: &str) -> Value {
    let request = json!({"op": "calibration", "market": {"candles": {"interval": "1h", "rows": candles.rows}}, "model": {"kind": kind},
        "leverages": [8, 20], "horizons_hours": [24], "every_hours": 8});
    let answer: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    answer
}

/// Constant volatility: the plain model is the truth. It is found calibrated, and nothing beats it by more than noise.
#[test]
fn a_true_model_is_found_calibrated() {
    let truth = simulated(9000, 3, |_, _| 0.8 * 0.8 / 8760.0);
    for kind in ["gbm", "auto"] {
        let answer = record(&truth, kind);
        for s in answer["scores"].as_array().unwrap() {
            let n = |k: &str| s[k].as_f64().unwrap();
            // Overlapping windows of 24 h every 8 h: a third of the count is independent, a little more.
            let error =
                (n("events") / n("forecasts") * (1.0 - n("events") / n("forecasts")) / (n("forecasts") / 3.0)).sqrt();
            assert!(
                (n("mean_forecast") - n("events") / n("forecasts")).abs() < 3.5 * error,
                "{kind}: {s}"
            );
            assert!(n("miscalibration") < 0.012, "{kind}: {s}");
            assert!(n("skill_gbm").abs() < 0.02, "{kind}: {s}");
        }
        if kind == "auto" {
            assert!(answer["skill_gbm"].as_f64().unwrap().abs() < 0.01, "{answer}");
        }
    }
}

/// Volatility that is asleep most of the time and wide awake on some days, which last: the plain model is found wrong, the
/// others gain on it.
#[test]
fn a_wrong_model_is_found_miscalibrated() {
    let storms = storms(9000, 4);
    let (plain, auto) = (record(&storms, "gbm"), record(&storms, "auto"));
    let at = |a: &Value, k: &str| {
        a["scores"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s[k].as_f64().unwrap())
            .sum::<f64>()
    };
    assert!(
        at(&plain, "miscalibration") > 2.0 * at(&auto, "miscalibration"),
        "{} {}",
        at(&plain, "miscalibration"),
        at(&auto, "miscalibration")
    );
    assert!(
        auto["skill_gbm"].as_f64().unwrap() > 0.05 && auto["has_skill"] == true,
        "{}",
        auto["skill_gbm"]
    );
    assert_eq!(plain["has_skill"], false);
    let last = auto["weights"][0]["rows"].as_array().unwrap().last().unwrap();
    let weights: Vec<f64> = last["weights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w.as_f64().unwrap())
        .collect();
    assert!(
        (weights.iter().sum::<f64>() - 1.0).abs() < 1e-9 && weights[0] < 0.2,
        "{weights:?}"
    );
}

#[test]
fn what_cannot_be_walked_is_refused() {
    let ask = |market: Value, more: Value| {
        let mut request = json!({"op": "calibration", "market": market, "leverages": [3], "horizons_hours": [24]});
        for (k, v) in more.as_object().unwrap() {
            request[k] = v.clone();
        }
        let answer: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
        (
            answer["error"]["code"].as_str().unwrap().to_owned(),
            answer["error"]["field"].as_str().unwrap().to_owned(),
        )
    };
    let short = simulated(700, 5, changing);
    let candles = json!({"candles": {"interval": "1h", "rows": short.rows}});
    let flat: Vec<Value> = short.rows.iter().map(|r| json!([r.0, 1, 1, 1, 1, 0])).collect();
    for (market, more, code, field) in [
        (json!({}), json!({}), "insufficient_data", "market.candles"),
        (candles.clone(), json!({}), "insufficient_data", "market.candles"),
        (
            json!({"candles": {"interval": "1h", "rows": flat}}),
            json!({}),
            "insufficient_data",
            "market.candles",
        ),
        (candles.clone(), json!({"leverages": []}), "invalid_input", "leverages"),
        (
            candles.clone(),
            json!({"horizons_hours": [0.5]}),
            "invalid_input",
            "horizons_hours[0]",
        ),
        (
            candles.clone(),
            json!({"every_hours": 0}),
            "invalid_input",
            "every_hours",
        ),
        (
            candles.clone(),
            json!({"model": {"kind": "oracle"}}),
            "unsupported",
            "model.kind",
        ),
        (
            candles,
            json!({"maintenance_margin_rate": 2}),
            "invalid_input",
            "maintenance_margin_rate",
        ),
    ] {
        assert_eq!(ask(market, more.clone()), (code.to_owned(), field.to_owned()), "{more}");
    }
}

/// Values by scipy 1.x: likelihoods by `binom.logpmf` and `xlogy`, tails by `chi2.sf`.
#[test]
fn tests_of_tails_are_those_of_scipy() {
    for (x, n, want) in [
        (0, 250, 0.024981503053449754),
        (1, 250, 0.2780714900139529),
        (7, 250, 0.01904923089052643),
        (12, 1000, 0.5377314455602774),
        (4, 300, 0.5808718021682183),
    ] {
        assert!((kupiec(x, n, 0.01) - want).abs() < 1e-12, "{x} of {n}");
    }
    for (hits, n, want) in [
        (vec![3, 4, 5, 50, 51], 100, 0.00023703225164281697),
        (vec![10, 30, 55, 80], 120, 0.5978064389704314),
        (vec![7], 60, 0.8526800763716714),
        (vec![1, 2, 3, 4, 5, 6], 40, 1.2287663859156953e-05),
    ] {
        let violated: Vec<bool> = (0..n).map(|i| hits.contains(&i)).collect();
        assert!((christoffersen(&violated) - want).abs() < 1e-12, "{hits:?}");
    }
    assert_eq!(christoffersen(&[false; 30]), 1.0);
    assert_eq!(histogram(&[0.0, 0.05, 0.1, 0.99, 1.0]), [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert!((coverage(&[0.1, 0.3, 0.5, 0.74, 0.76], 0.5) - 0.6).abs() < 1e-15);
}

/// Asleep most of the time, awake on days that last.
fn storms(bars: usize, seed: u64) -> Candles {
    let mut awake = false;
    simulated(bars, seed, move |k, u| {
        if k % 24 == 0 && u.next() < if awake { 0.25 } else { 0.08 } {
            awake = !awake;
        }
        let v: f64 = if awake { 1.6 } else { 0.3 };
        v * v / 8760.0
    })
}

/// Bands hold the truth about nine times in ten, and a wrong model falls out of them. The fan likewise.
#[test]
fn bands_and_fan_tell_a_true_model_from_a_wrong_one() {
    let outside = |answer: &Value| {
        let (mut out, mut all) = (0, 0);
        for h in answer["horizons"].as_array().unwrap() {
            let pairs = |k: &str| h[k].as_array().unwrap().clone();
            for (row, band) in pairs("reliability").iter().zip(pairs("reliability_bands")) {
                let observed = row[1].as_f64().unwrap();
                all += 1;
                out += u32::from(
                    observed < band[0].as_f64().unwrap() - 1e-12 || observed > band[1].as_f64().unwrap() + 1e-12,
                );
            }
        }
        f64::from(out) / f64::from(all)
    };
    let mut true_share = 0.0;
    let mut wrong_share = 0.0;
    for seed in 0..4 {
        true_share += outside(&record(&simulated(6000, 40 + seed, |_, _| 0.8 * 0.8 / 8760.0), "gbm")) / 4.0;
        wrong_share += outside(&record(&storms(6000, 50 + seed), "gbm")) / 4.0;
    }
    assert!(true_share < 0.25, "{true_share}");
    assert!(wrong_share > 0.5, "{wrong_share}");
    let truth = record(&simulated(9000, 3, |_, _| 0.8 * 0.8 / 8760.0), "auto");
    let f = &truth["fan"][0];
    let n = |k: &str| f[k].as_f64().unwrap();
    assert!(
        (n("coverage_50_gbm") - 0.5).abs() < 0.05 && (n("coverage_90_gbm") - 0.9).abs() < 0.03,
        "{f}"
    );
    assert!(
        (n("coverage_50") - 0.5).abs() < 0.06 && (n("coverage_90") - 0.9).abs() < 0.03,
        "{f}"
    );
    assert!(
        n("kupiec_below") > 0.01 && n("kupiec_above") > 0.01 && n("christoffersen") > 0.01,
        "{f}"
    );
    let wrong = record(&storms(9000, 4), "auto");
    let f = &wrong["fan"][0];
    let n = |k: &str| f[k].as_f64().unwrap();
    // A mixture of calm and storm: the plain fan is too wide in its middle.
    assert!(n("coverage_50_gbm") > 0.58, "{f}");
    assert!(
        (n("coverage_50") - 0.5).abs() < (n("coverage_50_gbm") - 0.5).abs(),
        "{f}"
    );
}

/// One isolated position without funding: `probability` says what its own record says, and the same with the record given.
#[test]
fn probability_reads_the_record() {
    let candles = storms(6000, 7);
    let close = candles.rows.last().unwrap().4;
    let ask = |market: Value, side: &str, leverage: f64| -> Value {
        let request = json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
            {"symbol": "AUSDT", "side": side, "size": 1, "entry_price": close, "mark_price": close, "leverage": leverage,
             "instrument": {"kind": "linear", "tiers": [{"floor": 0, "cap": null, "maintenance_margin_rate": 0.005, "max_leverage": 50}]}}]},
            "markets": {"AUSDT": market}, "horizons_hours": [24, 72], "model": {"kind": "auto"}, "target_standard_error": 0.001,
            "target_probability": 0.05, "leverages": [5], "seed": 3});
        let answer: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
        answer
    };
    let rows = json!({"interval": "1h", "rows": candles.rows});
    let request = json!({"op": "calibration", "market": {"candles": rows}, "leverages": [2, 3, 5, 8, 10, 15, 20, 25],
        "horizons_hours": [4, 24, 72, 168], "every_hours": 8});
    let calibration: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
    let standing = &calibration["standing"];
    assert_eq!(standing["has_skill"], true, "{standing}");
    for (side, leverage) in [("long", 10.0), ("short", 20.0), ("long", 20.0)] {
        let own = ask(json!({"candles": rows}), side, leverage);
        let given = ask(json!({"candles": rows, "record": standing}), side, leverage);
        // Numbers that went through text may differ in their last digit.
        for k in 0..2 {
            let at = |a: &Value| a["horizons"][k]["probability"].as_f64().unwrap();
            assert!((at(&own) - at(&given)).abs() < 1e-12);
        }
        let last: Vec<_> = candles.rows[candles.rows.len() - 1000..].to_vec();
        let short = ask(
            json!({"candles": {"interval": "1h", "rows": last}, "record": standing}),
            side,
            leverage,
        );
        let distance = grid()
            .distance(leverage, if side == "long" { Side::Long } else { Side::Short })
            .unwrap();
        for (k, horizon) in [(0, 1), (1, 2)] {
            let level = standing["horizons"][horizon]["levels"]
                .as_array()
                .unwrap()
                .iter()
                .find(|l| (l["distance"].as_f64().unwrap() - distance).abs() < 1e-12)
                .unwrap();
            let want = level["auto"].as_f64().unwrap();
            let got = own["horizons"][k]["probability"].as_f64().unwrap();
            assert!((got / want - 1.0).abs() < 0.08, "{side} {leverage}: {got} {want}");
            // With a month and more of candles the simulation is another; what the record says of the level is not.
            let got = short["horizons"][k]["probability"].as_f64().unwrap();
            assert!(
                (got / want - 1.0).abs() < 0.12,
                "{side} {leverage}, short candles: {got} {want}"
            );
        }
        let used = &own["model"]["records"][0];
        let sum: f64 = used["weights"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| w[1].as_f64().unwrap())
            .sum();
        assert!(
            (sum - 1.0).abs() < 1e-9 && used["since"].as_f64().unwrap() > 1.6e12,
            "{used}"
        );
        let survival: Vec<f64> = own["survival"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s[1].as_f64().unwrap())
            .collect();
        assert!(survival.windows(2).all(|w| w[1] <= w[0]));
        // What brings the chance down to a wish is read by the same record.
        let margin = own["remedies"][0]["margin_to_add"].as_f64().unwrap();
        assert!(margin > 0.0);
    }
    // Nothing to gain over the plain model: it answers, and says why.
    let plain = simulated(4000, 9, |_, _| 0.8 * 0.8 / 8760.0);
    let close = plain.rows.last().unwrap().4;
    let request = json!({"op": "probability", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
        {"symbol": "AUSDT", "side": "long", "size": 1, "entry_price": close, "mark_price": close, "leverage": 10,
         "instrument": {"kind": "linear", "tiers": [{"floor": 0, "cap": null, "maintenance_margin_rate": 0.005, "max_leverage": 50}]}}]},
        "markets": {"AUSDT": {"candles": {"interval": "1h", "rows": plain.rows}}}, "horizons_hours": [24], "model": {"kind": "auto"}});
    let answer: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
    assert_eq!(answer["model"]["kind"], "gbm", "{}", answer["model"]);
    assert!(
        answer["model"]["reason"].as_str().unwrap().contains("record"),
        "{}",
        answer["model"]
    );
    // A record that cannot be is refused by name.
    let mut broken = standing.clone();
    broken["horizons"][1]["levels"][0]["auto"] = json!(1.5);
    let mut request = request;
    request["markets"]["AUSDT"]["record"] = broken;
    let answer: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
    assert_eq!(
        answer["error"]["field"], "markets.AUSDT.record.horizons[1].levels[0].auto",
        "{answer}"
    );
}
