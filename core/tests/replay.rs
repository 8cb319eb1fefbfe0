//! The replay: money is conserved, a static position is the one of a plain loop, nothing looks ahead, the past is as recorded.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

mod common;

use common::{Dice, ask, n};
use serde_json::{Value, json};

type Row = [f64; 6];
const START: f64 = 1_700_006_400_000.0;

/// Hourly bars that wander, with gaps between close and open, missing bars, and a coin that follows another.
fn market(dice: &mut Dice, bars: usize, volatility: f64) -> (Vec<Row>, Vec<Row>, Vec<[f64; 2]>) {
    let (mut a, mut b) = (100.0f64, 50.0f64);
    let (mut one, mut two, mut funding) = (Vec::new(), Vec::new(), Vec::new());
    for k in 0..bars {
        let time = START + 3_600_000.0 * k as f64;
        let mut row = |price: &mut f64, moved: f64| {
            // Every now and then the market opens somewhere else.
            let gap = if k % 29 == 3 { 2.5 } else { 0.1 };
            let open = *price * (gap * volatility * dice.normal()).exp();
            let close = open * moved.exp();
            let high = open.max(close) * (1.0 + volatility * dice.uniform() * 0.5);
            let low = open.min(close) / (1.0 + volatility * dice.uniform() * 0.5);
            *price = close;
            [time, open, high, low, close, 1000.0 * dice.uniform()]
        };
        let common = volatility * (dice_normal(k) * 0.8);
        let x = row(&mut a, common);
        let y = row(&mut b, 1.3 * common);
        if k % 37 != 5 {
            one.push(x);
        }
        if k % 41 != 7 {
            two.push(y);
        }
        if k % 8 == 0 {
            funding.push([time, 0.0003 * dice.normal()]);
        }
    }
    (one, two, funding)
}

/// A fixed sequence for the common part, so that the closure above borrows the dice alone.
fn dice_normal(k: usize) -> f64 {
    let mut d = Dice(k as u64 * 7919 + 13);
    d.uniform();
    d.normal()
}

fn request(dice: &mut Dice, policy: Value, side: &str, leverage: f64, volatility: f64) -> Value {
    let (one, two, funding) = market(dice, 400, volatility);
    json!({"op": "replay", "markets": {
            "AAA": {"candles": {"interval": "1h", "rows": two}, "funding": funding},
            "BBB": {"candles": {"interval": "1h", "rows": one}, "funding": funding}},
        "symbol": "AAA", "equity": 10000, "leverage": leverage, "side": side, "policy": policy,
        "costs": {"taker_fee": 0.0005, "slippage": 0.0002, "impact": 0.001}, "maintenance_margin_rate": 0.01})
}

fn policies() -> Vec<Value> {
    vec![
        json!({"kind": "static"}),
        json!({"kind": "volatility_target", "target_volatility": 0.9}),
        json!({"kind": "probability_cap", "max_liquidation_probability": 0.02, "horizon_hours": 24}),
        json!({"kind": "static", "hedge": "BBB", "band": 0.2}),
        json!({"kind": "static", "hedge": "BBB", "check_every_hours": 24, "target_delta": 0.5}),
        json!({"kind": "probability_cap", "hedge": "BBB", "band": 0.3, "check_every_hours": 4}),
    ]
}

#[test]
fn money_is_conserved() {
    let mut dice = Dice(1);
    let (mut dead, mut alive) = (0, 0);
    for round in 0..40 {
        for policy in policies() {
            let side = if round % 2 == 0 { "long" } else { "short" };
            let mut r = request(
                &mut dice,
                policy,
                side,
                2.0 + f64::from(round % 7) * 2.0,
                0.01 + 0.002 * f64::from(round % 5),
            );
            if round % 3 == 0 {
                r["costs"]["liquidation_fee"] = json!(0.01);
            }
            if round % 4 == 0 {
                r["tiers"] = json!([{"floor": 0, "cap": 15000, "maintenance_margin_rate": 0.01, "max_leverage": 50},
                    {"floor": 15000, "cap": 60000, "maintenance_margin_rate": 0.02, "max_leverage": 25},
                    {"floor": 60000, "cap": null, "maintenance_margin_rate": 0.03, "max_leverage": 20}]);
                r["partial_liquidation"] = json!(true);
            }
            let a = ask(&r);
            for one in [&a, &a["static"]] {
                let parts = 10000.0 + n(&one["price_pnl"]) + n(&one["funding"])
                    - n(&one["fees"])
                    - n(&one["slippage"])
                    - n(&one["liquidation_loss"]);
                let told = n(&one["final_equity"]);
                assert!((parts - told).abs() < 1e-9 * 10000.0, "{parts} {told}: {}", r["policy"]);
                let curve = one["equity_curve"].as_array().unwrap();
                assert!((n(&curve.last().unwrap()[1]) - told).abs() < 1e-9 * 10000.0);
                // The trades tell the same story: what was bought is sold again, and their costs are the costs.
                let trades = one["trades"].as_array().unwrap();
                for symbol in ["AAA", "BBB"] {
                    let net: f64 = trades
                        .iter()
                        .filter(|t| t["symbol"] == symbol)
                        .map(|t| n(&t["size"]) * if t["side"] == "buy" { 1.0 } else { -1.0 })
                        .sum();
                    assert!(net.abs() < 1e-6, "{symbol} {net}");
                }
                let paid: f64 = trades.iter().map(|t| n(&t["fee"])).sum();
                assert!((paid - n(&one["fees"])).abs() < 1e-9 * 10000.0);
                // Cash flow of all trades at their prices is the price's profit.
                let flow: f64 = trades
                    .iter()
                    .map(|t| n(&t["size"]) * n(&t["price"]) * if t["side"] == "buy" { -1.0 } else { 1.0 })
                    .sum();
                assert!(
                    (flow - n(&one["price_pnl"])).abs() < 1e-6,
                    "{flow} {}",
                    one["price_pnl"]
                );
                if one["liquidated_at"].is_null() {
                    alive += 1
                } else {
                    dead += 1
                }
            }
        }
    }
    assert!(dead > 50 && alive > 50, "{dead} {alive}");
}

/// The static position by a plain loop, from the words of the contract.
fn plain(r: &Value) -> (f64, Option<f64>, f64) {
    let rows: Vec<Row> = serde_json::from_value(r["markets"]["AAA"]["candles"]["rows"].clone()).unwrap();
    let funding: Vec<[f64; 2]> = serde_json::from_value(r["markets"]["AAA"]["funding"].clone()).unwrap();
    let s = if r["side"] == "long" { 1.0 } else { -1.0 };
    let (fee, slip, rate) = (0.0005, 0.0002, n(&r["maintenance_margin_rate"]));
    let entry = rows[0][4];
    let q = 10000.0 * n(&r["leverage"]) / entry;
    let mut cash = 10000.0 - q * entry * (fee + slip);
    let (mut peak, mut drawdown) = (10000.0f64, 0.0f64);
    let mut seen = |equity: f64| {
        peak = peak.max(equity);
        drawdown = drawdown.max(1.0 - equity / peak);
    };
    seen(cash);
    let mut last = START;
    for (k, row) in rows.iter().enumerate() {
        if k == 0 {
            last = row[0] + 3_600_000.0;
            continue;
        }
        // All payments since the last bar's close, at this bar's open.
        let due: f64 = paid_between(&funding, last, row[0] + 3_600_000.0);
        cash -= s * q * row[1] * due;
        last = row[0] + 3_600_000.0;
        // s·q·(P − E) + cash = rate·q·P.
        let level = (s * q * entry - cash) / (q * (s - rate));
        let (worst, gapped) = if s > 0.0 {
            (row[3], row[1] <= level)
        } else {
            (row[2], row[1] >= level)
        };
        if s * (worst - level) <= 0.0 {
            let at = if gapped { row[1] } else { level };
            let left = cash + s * q * (at - entry);
            seen(0.0);
            return (left, Some(row[0]), drawdown);
        }
        let mut equity = cash + s * q * (row[4] - entry);
        if k + 1 == rows.len() {
            equity -= q * row[4] * (fee + slip);
        }
        seen(equity);
        if k + 1 == rows.len() {
            return (equity, None, drawdown);
        }
    }
    panic!("no bars");
}

fn paid_between(rows: &[[f64; 2]], from: f64, to: f64) -> f64 {
    rows.iter().filter(|f| f[0] >= from && f[0] < to).map(|f| f[1]).sum()
}

#[test]
fn a_static_position_is_that_of_a_plain_loop() {
    let mut dice = Dice(2);
    let (mut dead, mut gapped) = (0, 0);
    for round in 0..300 {
        let side = if round % 2 == 0 { "long" } else { "short" };
        let mut r = request(
            &mut dice,
            json!({"kind": "static"}),
            side,
            2.0 + f64::from(round % 10),
            0.006 + 0.004 * f64::from(round % 9),
        );
        r["costs"]["impact"] = json!(0);
        let a = ask(&r);
        let (left, at, drawdown) = plain(&r);
        assert_eq!(a["liquidated_at"].as_f64(), at, "round {round}");
        assert!(
            (n(&a["max_drawdown"]) - drawdown).abs() < 1e-9,
            "{} {drawdown}",
            a["max_drawdown"]
        );
        if at.is_some() {
            dead += 1;
            assert!(
                (n(&a["liquidation_loss"]) - left).abs() < 1e-6,
                "{} {left}",
                a["liquidation_loss"]
            );
            assert!(n(&a["final_equity"]).abs() < 1e-9);
            gapped += usize::from(left < 0.0);
        } else {
            assert!((n(&a["final_equity"]) - left).abs() < 1e-6);
        }
    }
    assert!(dead > 40 && dead < 260, "{dead}");
    assert!(gapped > 0, "some gap went through the level to below zero");
}

#[test]
fn nothing_looks_ahead() {
    let mut dice = Dice(3);
    for policy in policies() {
        let r = request(&mut dice, policy, "long", 3.0, 0.008);
        let cut = START + 300.0 * 3_600_000.0;
        let mut other = r.clone();
        for symbol in ["AAA", "BBB"] {
            for row in other["markets"][symbol]["candles"]["rows"].as_array_mut().unwrap() {
                if n(&row[0]) >= cut {
                    for k in 1..5 {
                        row[k] = json!(n(&row[k]) * 1.7);
                    }
                }
            }
            for row in other["markets"][symbol]["funding"].as_array_mut().unwrap() {
                if n(&row[0]) >= cut {
                    row[1] = json!(0.01);
                }
            }
        }
        let before = |a: &Value| -> (Vec<Value>, Vec<Value>) {
            let early = |list: &Value, time: &dyn Fn(&Value) -> f64| {
                list.as_array()
                    .unwrap()
                    .iter()
                    .filter(|t| time(t) <= cut)
                    .cloned()
                    .collect::<Vec<Value>>()
            };
            (
                early(&a["trades"], &|t| n(&t["time"])),
                early(&a["equity_curve"], &|p| n(&p[0])),
            )
        };
        let (one, two) = (ask(&r), ask(&other));
        assert_ne!(one["final_equity"], two["final_equity"]);
        assert_eq!(before(&one), before(&two), "{}", r["policy"]);
        assert!(before(&one).1.len() > 250);
    }
}

#[test]
fn policies_do_what_they_say() {
    let mut dice = Dice(4);
    // A calm market that turns wild: the capped plan cuts and lives on less.
    let mut r = request(
        &mut dice,
        json!({"kind": "probability_cap", "max_liquidation_probability": 0.01, "horizon_hours": 24}),
        "long",
        5.0,
        0.004,
    );
    let (wild, _, _) = market(&mut dice, 400, 0.012);
    let rows = r["markets"]["AAA"]["candles"]["rows"].as_array_mut().unwrap();
    let last = n(&rows.last().unwrap()[4]);
    for row in wild {
        let f = last / 100.0;
        rows.push(json!([
            row[0] + 400.0 * 3_600_000.0,
            row[1] * f,
            row[2] * f,
            row[3] * f,
            row[4] * f,
            row[5]
        ]));
    }
    let a = ask(&r);
    assert!(
        a["trades"]
            .as_array()
            .unwrap()
            .iter()
            .any(|t| t["reason"] == "cut" && n(&t["time"]) > START + 400.0 * 3_600_000.0),
        "{}",
        a["trades"]
    );
    // Hedged to nothing with itself: what is left are costs.
    let mut r = request(&mut dice, json!({"kind": "static", "hedge": "BBB"}), "long", 1.0, 0.01);
    r["markets"]["BBB"] = r["markets"]["AAA"].clone();
    r["markets"]["BBB"]["funding"] = json!([]);
    r["from"] = json!(START + 60.0 * 3_600_000.0);
    let a = ask(&r);
    let worth = n(&a["static"]["price_pnl"]).abs();
    assert!(n(&a["price_pnl"]).abs() < 0.05 * worth, "{} {worth}", a["price_pnl"]);
    // Partial liquidation steps down a tier and lives.
    let rows = json!([
        [START, 100, 100, 100, 100, 1],
        [START + 3.6e6, 100, 100, 92, 95, 1],
        [START + 7.2e6, 95, 96, 94, 95, 1]
    ]);
    let tiers = json!([{"floor": 0, "cap": 50000, "maintenance_margin_rate": 0.005, "max_leverage": 50},
        {"floor": 50000, "cap": null, "maintenance_margin_rate": 0.05, "max_leverage": 10}]);
    let base = json!({"op": "replay", "markets": {"AAA": {"candles": {"interval": "1h", "rows": rows}}}, "equity": 10000, "leverage": 8,
        "side": "long", "policy": {"kind": "static"}, "costs": {"taker_fee": 0}, "tiers": tiers});
    // 800 units: MM = 0.05·N − 2250. Equity 10000 − 800·(100 − P) meets it at P = 67750/760 = 89.14: not reached by 92.
    assert!(ask(&base)["liquidated_at"].is_null());
    let mut deeper = base.clone();
    deeper["markets"]["AAA"]["candles"]["rows"][1][3] = json!(88.9);
    assert!(!ask(&deeper)["liquidated_at"].is_null());
    deeper["partial_liquidation"] = json!(true);
    let a = ask(&deeper);
    assert_eq!(a["partial_liquidations"], json!(1));
    assert!(a["liquidated_at"].is_null());
    let level = 67750.0 / 760.0;
    let t = a["trades"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["reason"] == "partial liquidation")
        .unwrap();
    assert!(
        (n(&t["price"]) - level).abs() < 1e-9 && (n(&t["size"]) - (800.0 - 50000.0 / level)).abs() < 1e-3,
        "{t}"
    );
    // 560.9 units left: equity at the close is what was left at the level plus their share of the way back.
    let want = 10000.0 - 800.0 * (100.0 - level) + 50000.0 / level * (95.0 - level);
    assert!(
        (n(&a["final_equity"]) - want).abs() < 1e-3,
        "{} {want}",
        a["final_equity"]
    );
}

#[test]
fn a_sweep_is_its_runs() {
    let mut dice = Dice(5);
    let mut r = request(&mut dice, policies()[2].clone(), "long", 6.0, 0.012);
    r["sweep"] = json!({"every_hours": 24, "hold_hours": 96});
    let a = ask(&r);
    let rows = r["markets"]["AAA"]["candles"]["rows"].as_array().unwrap().clone();
    let mut dead = 0;
    let mut sum = 0.0;
    let mut starts = 0;
    let mut k = 0;
    while k + 96 < rows.len() {
        let mut one = r.clone();
        one.as_object_mut().unwrap().remove("sweep");
        one["from"] = json!(n(&rows[k][0]) + 3_600_000.0);
        one["until"] = json!(n(&rows[k + 96][0]) + 3_600_000.0);
        let b = ask(&one);
        dead += usize::from(!b["static"]["liquidated_at"].is_null());
        sum += n(&b["static"]["final_equity"]) / 10000.0 - 1.0;
        starts += 1;
        k += 24;
    }
    assert_eq!(a["sweep"]["starts"], json!(starts));
    assert_eq!(a["sweep"]["static"]["liquidated"], json!(dead));
    assert!((n(&a["sweep"]["static"]["mean_return"]) - sum / f64::from(starts)).abs() < 1e-12);
}

#[test]
fn refusals_name_their_field() {
    let mut dice = Dice(6);
    let base = request(&mut dice, json!({"kind": "static"}), "long", 3.0, 0.01);
    let cases: [(&str, Value, &str, &str); 9] = [
        ("/symbol", json!("CCC"), "insufficient_data", "markets.CCC"),
        ("/symbol", Value::Null, "invalid_input", "symbol"),
        ("/leverage", json!(0), "invalid_input", "leverage"),
        ("/leverage", json!(500), "invalid_input", "leverage"),
        ("/policy/kind", json!("hope"), "unsupported", "policy.kind"),
        (
            "/policy/kind",
            json!("volatility_target"),
            "invalid_input",
            "policy.target_volatility",
        ),
        ("/costs/taker_fee", json!(0.5), "invalid_input", "costs.taker_fee"),
        ("/from", json!(START + 1e10), "insufficient_data", "from"),
        (
            "/markets/AAA/candles/rows/3/0",
            json!(START),
            "invalid_input",
            "markets.AAA.candles.rows[3][0]",
        ),
    ];
    for (pointer, value, code, field) in cases {
        let mut r = base.clone();
        if r.pointer(pointer).is_none() {
            r[pointer.trim_start_matches('/')] = json!(0);
        }
        *r.pointer_mut(pointer).unwrap() = value;
        let a = ask(&r);
        assert_eq!(
            (&a["error"]["code"], &a["error"]["field"]),
            (&json!(code), &json!(field)),
            "{pointer}: {a:.300}"
        );
    }
}

/// Recorded minutes around real events: when a static 3x long from the event's highest close ends, found beforehand by a scan in
/// Python (first low at or under entry·(2/3)/0.995 after the highest close), without costs. `None`: it lives.
const EVENTS: [(&str, f64, Option<f64>); 12] = [
    ("1m_spot_binance_BTCUSDT_2021-05-19", 59500.0, Some(1_621_398_240_000.0)),
    ("1m_spot_binance_ETHUSDT_2021-05-19", 4363.95, Some(1_621_399_260_000.0)),
    ("1m_spot_binance_ADAUSDT_2021-05-19", 2.4614, Some(1_621_399_320_000.0)),
    ("1m_spot_binance_DOGEUSDT_2021-05-19", 0.59, Some(1_621_399_260_000.0)),
    ("1m_spot_binance_LINKUSDT_2021-05-19", 52.95, Some(1_621_224_300_000.0)),
    ("1m_spot_binance_XRPUSDT_2021-05-19", 1.6981, Some(1_621_423_860_000.0)),
    ("1m_spot_binance_AAVEUSDT_2021-05-19", 665.89, Some(1_621_428_600_000.0)),
    ("1m_spot_binance_BTCUSDT_2021-04-18", 64800.0, None),
    ("1m_spot_binance_XRPUSDT_2021-04-18", 1.96471, Some(1_618_716_060_000.0)),
    ("1m_spot_binance_ETHUSDT_2024-08-05", 3396.76, Some(1_722_820_200_000.0)),
    ("1m_spot_binance_BTCUSDT_2024-08-05", 69988.01, None),
    ("5m_perp_binance_BTCUSDT_2025-10", 125986.0, None),
];

/// Rows of a recorded file; `None` where the large data is not there.
fn recorded(name: &str) -> Option<Vec<Row>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/candles")
        .join(format!("{name}.csv.gz"));
    if !path.exists() {
        return None;
    }
    let out = std::process::Command::new("gzip")
        .arg("-dc")
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let mut cells = line.split(',').map(|c| c.parse::<f64>().unwrap());
        std::array::from_fn(|_| cells.next().unwrap())
    });
    Some(rows.collect())
}

#[test]
fn recorded_events_end_in_the_minute_the_data_says() {
    let mut seen = 0;
    for (name, high, dead) in EVENTS {
        let Some(rows) = recorded(name) else {
            println!("SKIPPED: {name} is not on this machine");
            continue;
        };
        seen += 1;
        let top = rows.iter().find(|r| r[4] == high).unwrap();
        let interval = &name[..2];
        let step = if interval == "1m" { 60_000.0 } else { 300_000.0 };
        let a = ask(
            &json!({"op": "replay", "markets": {"X": {"candles": {"interval": interval, "rows": rows}}}, "equity": 1000, "leverage": 3,
            "side": "long", "policy": {"kind": "static"}, "costs": {"taker_fee": 0}, "from": top[0] + step}),
        );
        assert_eq!(a["liquidated_at"].as_f64(), dead, "{name}");
        let lowest = rows
            .iter()
            .filter(|r| r[0] > top[0])
            .map(|r| r[3])
            .fold(f64::MAX, f64::min);
        assert!(
            (n(&a["market_drawdown"][1]) - (1.0 - lowest / high)).abs() < 1e-12,
            "{name}"
        );
        if dead.is_none() {
            assert!(
                (n(&a["final_equity"]) - 1000.0 * (1.0 + 3.0 * (rows.last().unwrap()[4] / high - 1.0))).abs() < 1e-6
            );
        }
    }
    println!("{seen} of {} recorded events replayed", EVENTS.len());
}

#[test]
fn plans_side_by_side_are_the_plans_one_by_one() {
    let mut dice = Dice(77);
    let mut all = request(&mut dice, json!({"kind": "static"}), "long", 3.0, 0.008);
    all["sweep"] = json!({"every_hours": 20, "hold_hours": 60});
    all["beside"] = json!(policies());
    let told = ask(&all);
    assert!(told["error"].is_null(), "{told}");
    for (k, policy) in policies().into_iter().enumerate() {
        let mut one = all.clone();
        one["policy"] = policy;
        one.as_object_mut().unwrap().remove("beside");
        let alone = ask(&one);
        let mine = &told["beside"][k];
        for field in mine.as_object().unwrap().keys() {
            assert_eq!(mine[field], alone[field], "{k} {field}");
        }
        assert_eq!(told["sweep"]["beside"][k], alone["sweep"]["policy"], "{k}");
    }
    all["beside"][0] = json!({"kind": "hope"});
    assert_eq!(ask(&all)["error"]["field"], "beside[0].kind");
    all["beside"] = json!([{"kind": "static", "hedge": "BBB"}, {"kind": "static", "hedge": "CCC"}]);
    assert_eq!(ask(&all)["error"]["field"], "beside");
}
