//! The cascade through several markets, against a simulation written for these tests alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
use common::{Dice, ask, n};
use serde_json::{Value, json};

struct Case {
    prices: Vec<f64>,
    moves: Vec<f64>,
    depth: Vec<f64>,
    rate: f64,
    share: f64,
    accounts: Vec<Held>,
}

/// Collateral and `(market, signed size, entry)`.
type Held = (f64, Vec<(usize, f64, f64)>);

fn case(r: &mut Dice, markets: usize, count: usize) -> Case {
    let prices: Vec<f64> = (0..markets).map(|_| 10.0 + 200.0 * r.uniform()).collect();
    let accounts = (0..count)
        .map(|_| {
            let held: Vec<(usize, f64, f64)> = (0..1 + (2.0 * r.uniform()) as usize)
                .map(|_| {
                    let k = (markets as f64 * r.uniform()) as usize;
                    let sign = if r.uniform() < 0.75 { 1.0 } else { -1.0 };
                    (
                        k,
                        sign * (100.0 + 1000.0 * r.uniform()) / prices[k],
                        prices[k] * (0.95 + 0.1 * r.uniform()),
                    )
                })
                .collect();
            let notional: f64 = held.iter().map(|p| p.1.abs() * prices[p.0]).sum();
            (notional / (2.0 + 15.0 * r.uniform()), held)
        })
        .collect();
    Case {
        moves: (0..markets)
            .map(|k| {
                if k == 0 {
                    -0.02 - 0.15 * r.uniform()
                } else {
                    -0.03 * r.uniform()
                }
            })
            .collect(),
        depth: (0..markets).map(|_| 200.0 + 2500.0 * r.uniform()).collect(),
        prices,
        rate: 0.005 + 0.02 * r.uniform(),
        share: if r.uniform() < 0.5 { 1.0 } else { r.uniform() },
        accounts,
    }
}

fn request(c: &Case) -> Value {
    let name = |k: usize| format!("M{k}");
    json!({"op": "linked_cascade",
        "markets": (0..c.prices.len()).map(|k| json!({"symbol": name(k), "price": c.prices[k], "move": c.moves[k],
            "impact": {"notional_per_percent": c.depth[k]}, "maintenance_margin_rate": c.rate, "mark_share": c.share})).collect::<Vec<_>>(),
        "accounts": c.accounts.iter().enumerate().map(|(i, a)| json!({"id": format!("w{i}"), "collateral": a.0,
            "positions": a.1.iter().map(|p| json!({"symbol": name(p.0), "side": if p.1 > 0.0 {"long"} else {"short"}, "size": p.1.abs(), "entry_price": p.2})).collect::<Vec<_>>()})).collect::<Vec<_>>()})
}

/// Round by round: the book of a market is a straight line, size per price, on both sides of the shocked price.
fn brute(c: &Case) -> (Vec<f64>, Vec<bool>, f64) {
    let m = c.prices.len();
    let start: Vec<f64> = (0..m).map(|k| c.prices[k] * (1.0 + c.moves[k])).collect();
    // The price goes by this for each unit sold.
    let slope: Vec<f64> = (0..m).map(|k| 0.01 * start[k] / (c.depth[k] / c.prices[k])).collect();
    let mut net = vec![0.0; m];
    let mut closed = vec![false; c.accounts.len()];
    let mut short = 0.0;
    loop {
        let price = |k: usize, net: f64| (start[k] - slope[k] * net).max(start[k] * 0.001);
        let marks: Vec<f64> = (0..m)
            .map(|k| start[k] + c.share * (price(k, net[k]) - start[k]))
            .collect();
        let due: Vec<usize> = (0..c.accounts.len())
            .filter(|i| {
                let (cash, held) = &c.accounts[*i];
                let equity = cash + held.iter().map(|p| p.1 * (marks[p.0] - p.2)).sum::<f64>();
                !closed[*i] && equity <= held.iter().map(|p| c.rate * p.1.abs() * marks[p.0]).sum::<f64>()
            })
            .collect();
        if due.is_empty() {
            return ((0..m).map(|k| price(k, net[k])).collect(), closed, short);
        }
        let mut order = vec![0.0; m];
        for p in due.iter().flat_map(|i| &c.accounts[*i].1) {
            order[p.0] += p.1;
        }
        // On a straight line the average price of an order is that of its middle.
        let fill: Vec<f64> = (0..m).map(|k| price(k, net[k] + order[k] / 2.0)).collect();
        for i in due {
            closed[i] = true;
            let (cash, held) = &c.accounts[i];
            short += (-(cash + held.iter().map(|p| p.1 * (fill[p.0] - p.2)).sum::<f64>())).max(0.0);
        }
        for k in 0..m {
            net[k] += order[k];
        }
    }
}

#[test]
fn linked_markets_are_those_of_brute_force() {
    let mut r = Dice(41);
    let (mut deep, mut spread, mut compared) = (0, 0, 0);
    for _ in 0..1000 {
        let markets = 2 + (2.0 * r.uniform()) as usize;
        let c = case(&mut r, markets, 40);
        let (prices, closed, short) = brute(&c);
        let a = ask(&request(&c));
        let ends: Vec<f64> = a["markets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| n(&m["final_price"]))
            .collect();
        // Below a hundredth of the price the line of the test and the law of the engine end differently.
        if prices.iter().zip(&c.prices).any(|(p, q)| *p < 0.05 * q) {
            continue;
        }
        compared += 1;
        for (ours, theirs) in ends.iter().zip(&prices) {
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{a} {prices:?}");
        }
        assert_eq!(
            n(&a["liquidated_accounts"]) as usize,
            closed.iter().filter(|c| **c).count()
        );
        assert!((n(&a["shortfall"]) - short).abs() < 1e-7 * (1.0 + short), "{a} {short}");
        deep += usize::from(n(&a["round_count"]) > 2.0);
        spread += usize::from(a["liquidated_accounts"] != a["liquidated_accounts_apart"]);
    }
    assert!(
        compared > 800 && deep > 150 && spread > 150,
        "{compared} {deep} {spread}"
    );
}

#[test]
fn neither_the_order_of_accounts_nor_of_markets_matters() {
    let mut r = Dice(8);
    for _ in 0..100 {
        let c = case(&mut r, 3, 30);
        let mut q = request(&c);
        let before = ask(&q);
        q["accounts"].as_array_mut().unwrap().reverse();
        q["markets"].as_array_mut().unwrap().reverse();
        let after = ask(&q);
        for k in 0..3 {
            let (a, b) = (
                n(&before["markets"][k]["final_price"]),
                n(&after["markets"][2 - k]["final_price"]),
            );
            assert!((a / b - 1.0).abs() < 1e-9, "{before} {after}");
        }
        assert_eq!(before["liquidated_accounts"], after["liquidated_accounts"]);
    }
}

#[test]
fn a_link_carries_a_fall_into_a_market_that_nothing_hit() {
    // One account: long A and long B on one collateral. A falls, B does not.
    let q = |collateral: f64| {
        ask(&json!({"op": "linked_cascade", "markets": [
            {"symbol": "A", "price": 100, "move": -0.2, "impact": {"notional_per_percent": 1000}, "maintenance_margin_rate": 0.01},
            {"symbol": "B", "price": 50, "impact": {"notional_per_percent": 1000}, "maintenance_margin_rate": 0.01}],
            "accounts": [{"id": "w", "collateral": collateral, "positions": [
                {"symbol": "A", "side": "long", "size": 10, "entry_price": 100}, {"symbol": "B", "side": "long", "size": 20, "entry_price": 50}]}]}))
    };
    // Equity after the fall: 217 − 200 = 17 against 0.01 · (800 + 1000) = 18.
    let a = q(217.0);
    assert_eq!(a["liquidated_accounts"], 1);
    // 20 units into a book of 20 units a percent: 1 %.
    assert!((n(&a["markets"][1]["final_price"]) - 49.5).abs() < 1e-9, "{a}");
    // Half of it filled: A at 80·(1 − 0.5 %·…): 10 units of 10 a percent of the shocked price.
    assert!((n(&a["markets"][0]["final_price"]) - 79.2).abs() < 1e-9, "{a}");
    // 217 + 10·(79.6 − 100) + 20·(49.75 − 50) = 8: nothing is missing.
    assert_eq!(n(&a["shortfall"]), 0.0);
    assert_eq!(q(219.0)["liquidated_accounts"], 0);
}

#[test]
fn refusals_name_their_field() {
    let market = json!({"symbol": "A", "price": 100, "impact": {"notional_per_percent": 1000}});
    let held = json!({"id": "w", "collateral": 10, "positions": [{"symbol": "A", "side": "long", "size": 1, "entry_price": 100}]});
    let with = |markets: Value, accounts: Value| {
        ask(&json!({"op": "linked_cascade", "markets": markets, "accounts": accounts}))
    };
    assert_eq!(with(json!([market]), json!([held]))["liquidated_accounts"], 0);
    let mut unknown = held.clone();
    unknown["positions"][0]["symbol"] = json!("C");
    let mut bare = market.clone();
    bare.as_object_mut().unwrap().remove("impact");
    let mut crossed = bare.clone();
    crossed["book"] = json!({"bids": [[101, 1]], "asks": [[100, 1]]});
    let mut empty = bare.clone();
    empty["book"] = json!({"bids": [], "asks": [[100, 1]]});
    for (answer, kind, field) in [
        (with(json!([]), json!([held])), "invalid_input", "markets"),
        (
            with(json!([market, market]), json!([held])),
            "invalid_input",
            "markets[1].symbol",
        ),
        (with(json!([market]), json!([])), "insufficient_data", "accounts"),
        (
            with(json!([market]), json!([unknown])),
            "invalid_input",
            "accounts[0].positions[0].symbol",
        ),
        (
            with(json!([bare]), json!([held])),
            "insufficient_data",
            "markets[0].book",
        ),
        (
            with(json!([crossed]), json!([held])),
            "invalid_input",
            "markets[0].book.bids[0][0]",
        ),
        (
            with(json!([empty]), json!([held])),
            "insufficient_data",
            "markets[0].book",
        ),
    ] {
        assert_eq!(answer["error"]["code"], kind, "{answer}");
        assert_eq!(answer["error"]["field"], field, "{answer}");
    }
}
