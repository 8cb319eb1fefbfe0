//! The map and the plain cascade against brute force, wallet by wallet, and their laws.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::cascade::concentration::concentration;
use serde_json::{Value, json};

mod common;
use common::{Dice, ask};

fn n(v: &Value, key: &str) -> f64 {
    v[key].as_f64().unwrap_or_else(|| panic!("{key} of {v}"))
}

/// The contract's words, step by step, position by position, looking at everybody again after every order.
fn brute(
    price: f64,
    shock: f64,
    wallets: &[(bool, f64, f64)],
    bids: &[(f64, f64)],
    asks: &[(f64, f64)],
) -> (f64, f64, usize, bool) {
    let falling = shock < 0.0;
    let mut at = price * (1.0 + shock);
    let mut book: Vec<(f64, f64)> = if falling { bids } else { asks }
        .iter()
        .copied()
        .filter(|l| if falling { l.0 <= at } else { l.0 >= at })
        .collect();
    let mut done = vec![false; wallets.len()];
    let (mut size, mut count) = (0.0, 0);
    loop {
        let next = (0..wallets.len()).find(|&i| {
            let (long, _, level) = wallets[i];
            !done[i] && long == falling && if falling { at <= level } else { at >= level }
        });
        let Some(i) = next else { return (at, size, count, false) };
        if book.is_empty() {
            return (at, size, count, true);
        }
        done[i] = true;
        count += 1;
        size += wallets[i].1;
        let mut wanted = wallets[i].1;
        while wanted > 1e-12 {
            let Some(level) = book.first_mut() else {
                return (at, size, count, true);
            };
            let taken = wanted.min(level.1);
            wanted -= taken;
            level.1 -= taken;
            at = level.0;
            if level.1 <= 1e-12 {
                book.remove(0);
            }
        }
    }
}

#[test]
fn the_cascade_is_that_of_brute_force() {
    let mut r = Dice(1);
    let mut long_ones = 0;
    for case in 0..2000 {
        let falling = case % 2 == 0;
        let count = 1 + (r.uniform() * 40.0) as usize;
        // Sizes and depths in eighths: sums are exact in whatever order.
        let eighths = |x: f64| (x * 8.0).ceil() / 8.0;
        let wallets: Vec<(bool, f64, f64)> = (0..count)
            .map(|_| {
                let long = (r.uniform() < 0.7) == falling;
                let away = 0.01 + 0.25 * r.uniform();
                (
                    long,
                    eighths(5.0 * r.uniform()),
                    if long {
                        100.0 * (1.0 - away)
                    } else {
                        100.0 * (1.0 + away)
                    },
                )
            })
            .collect();
        let depth = 0.5 + 8.0 * r.uniform();
        let levels = 1 + (r.uniform() * 60.0) as usize;
        let mut book = |sign: f64| -> Vec<(f64, f64)> {
            (1..=levels)
                .map(|k| (100.0 + sign * 0.5 * k as f64, eighths(depth * r.uniform())))
                .collect()
        };
        let (bids, asks) = (book(-1.0), book(1.0));
        let shock = (0.01 + 0.1 * r.uniform()) * if falling { -1.0 } else { 1.0 };
        let listed: Vec<Value> = wallets
            .iter()
            .enumerate()
            .map(|(i, w)| json!({"id": i.to_string(), "side": if w.0 { "long" } else { "short" }, "size": w.1, "entry_price": 100, "liquidation_price": w.2}))
            .collect();
        let request = json!({"op": "cascade", "price": 100, "wallets": listed, "book": {"bids": bids, "asks": asks}, "shock": {"move": shock}, "mode": "plain"});
        let a = ask(&request);
        assert!(a["error"].is_null(), "{a}");
        let (price, size, hit, exhausted) = brute(100.0, shock, &wallets, &bids, &asks);
        assert_eq!(a["book_exhausted"], exhausted, "{case}: {a}");
        assert!((n(&a, "final_price") - price).abs() < 1e-9, "{case}: {a} {price}");
        // Who is left when the book ends depends on the order; where it does not end, nothing does.
        if !exhausted {
            assert!(
                (n(&a, "liquidated_size") - size).abs() < 1e-9 && n(&a, "liquidated_wallets") as usize == hit,
                "{case}: {a}"
            );
        }
        assert!(n(&a, "amplification") >= 1.0 - 1e-12);
        long_ones += usize::from(a["rounds"].as_array().unwrap().len() > 2);
        // A deeper book never deepens it, and the order of wallets says nothing.
        let mut deeper = request.clone();
        for side in ["bids", "asks"] {
            for level in deeper["book"][side].as_array_mut().unwrap() {
                level[1] = json!(level[1].as_f64().unwrap() * 2.0);
            }
        }
        assert!(n(&ask(&deeper), "amplification") <= n(&a, "amplification") + 1e-12);
        let mut turned = request.clone();
        turned["wallets"].as_array_mut().unwrap().reverse();
        assert_eq!(ask(&turned)["final_price"], a["final_price"]);
        // A larger shock never ends higher.
        let mut harder = request;
        harder["shock"]["move"] = json!(shock * 1.2);
        let far = |a: &Value| (100.0 - n(a, "final_price")).abs();
        assert!(far(&ask(&harder)) >= far(&a) - 1e-9, "{case}");
    }
    assert!(long_ones > 200, "{long_ones}");
}

#[test]
fn odd_cascades() {
    let wallet = |side: &str, size: f64, at: f64| json!({"id": "a", "side": side, "size": size, "entry_price": 100, "liquidation_price": at});
    let ask_with = |wallets: Value, book: Value, shock: f64| {
        ask(&json!({"op": "cascade", "price": 100, "wallets": wallets, "book": book, "shock": {"move": shock}}))
    };
    // Nobody near: no second round.
    let calm = ask_with(
        json!([wallet("long", 5.0, 50.0)]),
        json!({"bids": [[94, 1]], "asks": []}),
        -0.05,
    );
    assert_eq!((n(&calm, "amplification"), n(&calm, "liquidated_wallets")), (1.0, 0.0));
    // Empty book: told, price where the shock left it.
    let empty = ask_with(
        json!([wallet("long", 5.0, 96.0)]),
        json!({"bids": [], "asks": []}),
        -0.05,
    );
    assert_eq!(
        (empty["book_exhausted"].as_bool(), n(&empty, "final_price")),
        (Some(true), 95.0)
    );
    // One wallet with everything.
    let whole = ask_with(
        json!([wallet("long", 100.0, 96.0)]),
        json!({"bids": [[94, 10], [90, 20]], "asks": []}),
        -0.05,
    );
    assert_eq!((n(&whole, "final_price"), n(&whole, "unfilled_size")), (90.0, 70.0));
    // On the wrong side: liquidated at once, and said.
    let wrong = ask_with(
        json!([wallet("long", 1.0, 120.0)]),
        json!({"bids": [[94, 10]], "asks": []}),
        -0.01,
    );
    assert!(wrong["assumptions"].to_string().contains("wrong side"));
    let field = |wallets: Value, book: Value, shock: f64| {
        ask_with(wallets, book, shock)["error"]["field"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let one = json!([wallet("long", 1.0, 90.0)]);
    assert_eq!(
        field(one.clone(), json!({"bids": [[101, 1]], "asks": [[100, 1]]}), -0.05),
        "book.bids[0][0]"
    );
    assert_eq!(field(json!([]), json!({"bids": [], "asks": []}), -0.05), "wallets");
    assert_eq!(field(one.clone(), json!({"bids": [], "asks": []}), 0.0), "shock.move");
    assert_eq!(
        field(
            json!([wallet("long", -1.0, 90.0)]),
            json!({"bids": [], "asks": []}),
            -0.05
        ),
        "wallets[0].size"
    );
}

#[test]
fn concentration_is_that_of_its_definitions() {
    let mut r = Dice(5);
    for _ in 0..50 {
        let x: Vec<f64> = (0..1 + (r.uniform() * 300.0) as usize)
            .map(|_| (8.0 * r.uniform()).exp())
            .collect();
        let c = concentration(&x).unwrap();
        let total: f64 = x.iter().sum();
        let hhi: f64 = x.iter().map(|v| (v / total).powi(2)).sum();
        // Gini by mean absolute difference.
        let pairs: f64 = x.iter().flat_map(|a| x.iter().map(move |b| (a - b).abs())).sum();
        let gini = pairs / (2.0 * (x.len() * x.len()) as f64 * total / x.len() as f64);
        assert!((c.hhi - hhi).abs() < 1e-12 && (c.effective_wallets - 1.0 / hhi).abs() < 1e-9);
        assert!((c.gini - gini).abs() < 1e-10, "{} {gini}", c.gini);
        assert!(c.lorenz.first() == Some(&[0.0, 0.0]) && (c.lorenz.last().unwrap()[1] - 1.0).abs() < 1e-12);
        assert!(c.lorenz.windows(2).all(|w| w[0][0] <= w[1][0] && w[0][1] <= w[1][1]));
        assert!(c.top_1_share <= c.top_10_share && c.top_10_share <= c.top_100_share && c.top_100_share <= 1.0 + 1e-12);
    }
    assert_eq!(concentration(&[]), None);
    assert_eq!(concentration(&[0.0]), None);
    assert!((concentration(&[3.0; 10]).unwrap().gini).abs() < 1e-12);
}

#[test]
fn the_map_holds_every_position() {
    let wallets = json!([
        {"id": "a", "side": "long", "size": 10, "entry_price": 100, "liquidation_price": 80},
        {"id": "a", "side": "short", "size": 5, "entry_price": 100, "liquidation_price": 130},
        {"id": "b", "side": "long", "size": 1, "entry_price": 90, "liquidation_price": 60},
        {"id": "c", "side": "long", "size": 2, "entry_price": 100, "liquidation_price": 0}]);
    let a = ask(&json!({"op": "liquidation_map", "wallets": wallets, "bins": 7}));
    let levels = a["levels"].as_array().unwrap();
    assert_eq!(levels.len(), 7);
    let sum = |k: usize| levels.iter().map(|l| l[k].as_f64().unwrap()).sum::<f64>();
    assert!((sum(1) - 1090.0).abs() < 1e-9 && (sum(2) - 500.0).abs() < 1e-9);
    let c = &a["concentration"];
    let total = 1000.0 + 500.0 + 90.0 + 200.0;
    assert!((n(c, "top_1_share") - 1500.0 / total).abs() < 1e-12 && n(c, "wallets") == 3.0);
    let longs = ask(&json!({"op": "liquidation_map", "wallets": wallets, "side": "long"}));
    assert!((n(&longs["concentration"], "top_1_share") - 1000.0 / 1290.0).abs() < 1e-12);
    let one = ask(&json!({"op": "liquidation_map", "market": {"wallets": [wallets[0]]}, "bins": 3}));
    assert_eq!(n(&one["concentration"], "hhi"), 1.0);
    assert_eq!(ask(&json!({"op": "liquidation_map"}))["error"]["field"], "wallets");
    assert_eq!(
        ask(&json!({"op": "liquidation_map", "wallets": wallets, "bins": 0}))["error"]["field"],
        "bins"
    );
}

/// Development only: the source of these wallets states no licence, so they are not shipped.
#[test]
fn the_wallets_deleveraged_on_10_october_2025_are_as_concentrated_as_published() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/wallets/hyperliquid_2025-10-10_adl_by_wallet.csv.gz");
    if !path.exists() {
        println!("SKIPPED: {} is not there", path.display());
        return;
    }
    let out = std::process::Command::new("gzip")
        .arg("-dc")
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let wallets: Vec<Value> = text
        .lines()
        .skip(1)
        .filter_map(|l| {
            let cells: Vec<&str> = l.split(',').collect();
            let notional: f64 = cells[1].parse().unwrap();
            (notional > 0.0).then(
                || json!({"id": cells[0], "side": "short", "size": notional, "entry_price": 1, "liquidation_price": 2}),
            )
        })
        .collect();
    assert!(wallets.len() > 19_000, "{}", wallets.len());
    let a = ask(&json!({"op": "liquidation_map", "wallets": wallets}));
    let c = &a["concentration"];
    for (field, published) in [
        ("top_1_share", 0.157),
        ("top_10_share", 0.458),
        ("top_100_share", 0.776),
        ("hhi", 0.0446),
    ] {
        assert!((n(c, field) - published).abs() < 0.0005, "{field}: {}", c[field]);
    }
}
