//! The comparison: each row is what the other operations say of the venue by itself; a venue that fails fails alone.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

mod common;

use common::{ask, n};
use serde_json::{Value, json};

fn near(a: &Value, b: &Value) {
    assert!((n(a) - n(b)).abs() <= 1e-9 * n(b).abs().max(1.0), "{a} {b}");
}

fn tier(rate: f64, leverage: f64) -> Value {
    json!([{"floor": 0, "cap": null, "maintenance_margin_rate": rate, "max_leverage": leverage}])
}

fn request() -> Value {
    let market =
        |rate: f64, hours: f64| json!({"volatility": 0.6, "funding_rate": rate, "funding_interval_hours": hours});
    let mut okx = market(0.0002, 8.0);
    okx["book"] = json!({"bids": [[59990, 0.4], [59900, 3]], "asks": [[60010, 5]]});
    json!({"op": "venues", "candidate": {"asset": "BTC", "side": "long", "notional": 60000, "margin": 6000, "horizon_hours": 168, "price": 60000},
        "markets": {"binance": market(0.0001, 8.0), "bybit": market(0.0001, 8.0), "okx": okx, "hyperliquid": market(0.0000125, 1.0),
            "dydx": market(0.00001, 1.0), "gmx": market(0.00002, 1.0)},
        "terms": {"bybit": {"instrument": {"kind": "linear", "tiers": tier(0.005, 100.0)}},
            "okx": {"instrument": {"kind": "linear", "contract_size": 1, "tiers": tier(0.004, 100.0)}},
            "gmx": {"instrument": {"kind": "pool", "tiers": [], "min_collateral_factor": 0.01}, "borrow_rate": 0.00001, "price_impact": -25}},
        "seed": 3})
}

#[test]
fn each_row_is_what_the_venue_says_by_itself() {
    let r = request();
    let a = ask(&r);
    assert!(a["error"].is_null(), "{a}");
    let rows = a["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        assert!(row["error"].is_null(), "{row}");
        let venue = row["venue"].as_str().unwrap();
        let mut position = json!({"symbol": row["symbol"], "side": "long", "size": 1, "entry_price": 60000, "mark_price": 60000, "margin": 6000, "leverage": 10});
        if venue == "gmx" {
            position = json!({"symbol": row["symbol"], "side": "long", "size": 1, "entry_price": 60000, "mark_price": 60000,
                "collateral": {"token": "stable", "amount": 6000, "price": 1}, "price_impact": -25});
        }
        if let Some(i) = r["terms"][venue].get("instrument") {
            position["instrument"] = i.clone();
        }
        let account = json!({"venue": venue, "margin_mode": "isolated", "positions": [position]});
        let own = ask(&json!({"op": "liquidation", "account": account}));
        near(&row["liquidation_price"], &own["positions"][0]["liquidation_price"]);
        near(&row["distance"], &own["positions"][0]["distance"]);
        let mut market = r["markets"][venue].clone();
        let funding = ask(
            &json!({"op": "funding", "position": position, "market": market, "horizon_hours": 168, "venue": venue}),
        );
        near(&row["funding_cost"], &funding["expected_cost"]);
        if venue == "gmx" {
            // Borrowing is paid by the hour beside the funding, and shortens the position's life with it.
            market["funding_rate"] = json!(0.00003);
            assert!((n(&row["borrow_cost"]) - 0.00001 * 60000.0 * 168.0).abs() < 1e-9);
            assert!((n(&row["exit_cost"]) - 25.0).abs() < 1e-12);
        }
        let chance = ask(
            &json!({"op": "probability", "account": account, "markets": {row["symbol"].as_str().unwrap(): market},
            "horizons_hours": [168], "model": {"kind": "gbm"}, "target_standard_error": 0.002, "seed": 3}),
        );
        assert_eq!(row["probability"], chance["horizons"][0]["probability"], "{venue}");
        let parts: f64 = ["funding_cost", "borrow_cost", "fees", "exit_cost"]
            .iter()
            .filter_map(|k| row[k].as_f64())
            .sum();
        assert!((n(&row["total_cost"]) - parts).abs() < 1e-9);
    }
    // By hand: one coin sold into OKX's book, 0.4 at 10 under the middle and 0.6 at 100 under it.
    let okx = rows.iter().find(|r| r["venue"] == "okx").unwrap();
    assert!(
        (n(&okx["exit_cost"]) - (0.4 * 10.0 + 0.6 * 100.0)).abs() < 1e-9,
        "{}",
        okx["exit_cost"]
    );
    // The rules matter: 0.4 % maintenance on one venue, 1.25 % on another.
    let distance = |v: &str| n(&rows.iter().find(|r| r["venue"] == v).unwrap()["distance"]);
    assert!(distance("binance") > distance("hyperliquid") + 0.005);
    let words = a["differences"].to_string();
    assert!(
        words.contains("Liquidation is nearest on") && words.contains("Funding over the horizon runs"),
        "{words}"
    );
}

#[test]
fn a_venue_that_fails_fails_alone_and_one_that_lies_is_named() {
    let mut r = request();
    r["terms"].as_object_mut().unwrap().remove("bybit");
    r["terms"]["dydx"] = json!({"price": 78000});
    let a = ask(&r);
    let rows = a["rows"].as_array().unwrap();
    let bybit = rows.iter().find(|r| r["venue"] == "bybit").unwrap();
    assert_eq!(bybit["error"]["code"], "unknown_symbol");
    assert!(bybit["probability"].is_null() && !bybit["fees"].is_null());
    assert_eq!(rows.iter().filter(|r| r["error"].is_null()).count(), 5);
    assert_eq!(a["out_of_line"], json!(["dydx"]));
}

#[test]
fn volatile_collateral_brings_the_pool_nearer() {
    let stable = ask(&request());
    let mut r = request();
    r["terms"]["gmx"]["collateral_token"] = json!("index");
    let index = ask(&r);
    let row = |a: &Value| {
        a["rows"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["venue"] == "gmx")
            .unwrap()
            .clone()
    };
    assert!(n(&row(&index)["distance"]) < n(&row(&stable)["distance"]) - 0.003);
    assert!(n(&row(&index)["probability"]) > n(&row(&stable)["probability"]));
}

#[test]
fn borrowing_is_paid_beside_a_history_as_beside_a_rate() {
    let mut given = request();
    given["terms"]["gmx"]["borrow_rate"] = json!(0.0005);
    let mut past = given.clone();
    // The same constant rate, told by a month of payments.
    let rows: Vec<Value> = (0..720)
        .map(|k| json!([1_700_000_000_000.0 + 3.6e6 * f64::from(k), 0.00002]))
        .collect();
    past["markets"]["gmx"] = json!({"volatility": 0.6, "funding": rows, "funding_interval_hours": 1});
    let p = |r: &Value| n(&ask(r)["rows"][5]["probability"]);
    let (a, b) = (p(&given), p(&past));
    assert!((a - b).abs() < 0.008, "{a} {b}");
    assert!(a > p(&request()) + 0.01);
}

#[test]
fn a_split_is_two_smaller_positions() {
    let mut r = request();
    r["split"] = json!([["binance", 0.25], ["hyperliquid", 0.75]]);
    let a = ask(&r);
    let rows = a["split"]["rows"].as_array().unwrap();
    // Same leverage and one flat tier each: the same chances as whole positions, money by share.
    let whole = |v: &str| {
        a["rows"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["venue"] == v)
            .unwrap()
            .clone()
    };
    near(&rows[0]["distance"], &whole("binance")["distance"]);
    assert!((n(&rows[1]["fees"]) - 0.75 * n(&whole("hyperliquid")["fees"])).abs() < 1e-9);
    let (p, q) = (n(&rows[0]["probability"]), n(&rows[1]["probability"]));
    assert_eq!(a["split"]["any_probability"], json!([p.max(q), p + q]));
    assert!((n(&a["split"]["expected_share_liquidated"]) - (0.25 * p + 0.75 * q)).abs() < 1e-12);
}

#[test]
fn refusals_name_their_field() {
    let cases: [(&str, Value, &str, &str); 7] = [
        ("/candidate/notional", json!(-1), "invalid_input", "candidate.notional"),
        ("/candidate/margin", json!(0), "invalid_input", "candidate.margin"),
        (
            "/candidate/horizon_hours",
            json!(0),
            "invalid_input",
            "candidate.horizon_hours",
        ),
        ("/candidate/asset", json!(""), "invalid_input", "candidate.asset"),
        ("/markets", json!({}), "insufficient_data", "markets"),
        (
            "/markets",
            json!({"bitmex": {"volatility": 1}}),
            "invalid_input",
            "markets.bitmex",
        ),
        ("/split", json!([["binance", 0.5]]), "invalid_input", "split"),
    ];
    for (pointer, value, code, field) in cases {
        let mut r = request();
        if r.pointer(pointer).is_none() {
            r["split"] = json!([]);
        }
        *r.pointer_mut(pointer).unwrap() = value;
        let a = ask(&r);
        assert_eq!(
            (&a["error"]["code"], &a["error"]["field"]),
            (&json!(code), &json!(field)),
            "{pointer}: {a:.300}"
        );
    }
    let mut r = request();
    r["markets"]["okx"]["book"]["bids"][0][0] = json!(70000);
    let a = ask(&r);
    assert_eq!(
        a["rows"][2]["error"]["field"], "markets.okx.book.bids[0][0]",
        "{}",
        a["rows"][2]
    );
}

/// Rows of the comparison against what venues, their documents and their contracts' tests print.
#[test]
fn rows_agree_with_the_venues_own_examples() {
    let path = format!("{}/tests/vectors/vectors-dex.json", env!("CARGO_MANIFEST_DIR"));
    let all: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = 0;
    for (id, asset, side, price, notional, margin) in [
        ("hl-tier-liq-btc-1900", "BTC", "long", 80_000.0, 152e6, 15.2e6),
        ("dydx-docs-isolated", "ETH", "short", 3_000.0, 9_000.0, 1_000.0),
        ("dydx-abacus-long", "ETH", "long", 1_000.0, 1_000.0, 100.0),
        ("gmx2-test-eth-long", "ETH", "long", 5_000.0, 200_000.0, 50_000.0),
    ] {
        let v = all.iter().find(|v| v["id"] == id).unwrap();
        let i = &v["inputs"];
        let venue = v["venue"].as_str().unwrap();
        let instrument = match venue {
            "hyperliquid" => {
                let steps = i["tiers"].as_array().unwrap();
                // The maintenance rate is half of the initial one at the tier's largest leverage; the amount follows from continuity.
                let tiers: Vec<Value> = steps
                    .iter()
                    .enumerate()
                    .map(|(k, t)| {
                        json!({"floor": t["lower_bound"], "cap": steps.get(k + 1).map(|n| n["lower_bound"].clone()),
                            "maintenance_margin_rate": 0.5 / n(&t["max_leverage"]), "max_leverage": t["max_leverage"]})
                    })
                    .collect();
                json!({"kind": "linear", "tiers": tiers})
            }
            "gmx" => {
                json!({"kind": "pool", "tiers": [], "min_collateral_factor": i["min_collateral_factor"], "min_collateral_usd": i["min_collateral_usd"]})
            }
            _ => json!({"kind": "linear", "tiers": tier(n(&i["mmf"]), 50.0)}),
        };
        let mut terms = json!({"price": price, "taker_fee": 0, "instrument": instrument});
        if venue == "gmx" {
            terms["collateral_token"] = json!("index");
        }
        let a = ask(
            &json!({"op": "venues", "candidate": {"asset": asset, "side": side, "notional": notional, "margin": margin, "horizon_hours": 24},
            "markets": {venue: {"volatility": 0.6}}, "terms": {venue: terms}}),
        );
        let row = &a["rows"][0];
        assert!(row["error"].is_null(), "{id}: {row}");
        let expected = n(&v["expected"]["liquidation_price"]);
        assert!(
            (n(&row["liquidation_price"]) - expected).abs() <= n(&v["tolerance"]).max(1e-9 * expected),
            "{id}: {row}"
        );
        seen += 1;
    }
    assert_eq!(seen, 4);
}
