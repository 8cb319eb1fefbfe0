//! The cascade with the venue's machinery, as a distribution, and the map of what nobody shows.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

mod common;

use common::{Dice, ask, n};
use headroom_core::cascade::queue::{Candidate, close, rank};
use headroom_core::market::Venue;
use headroom_core::units::Side;
use serde_json::{Value, json};

/// Longs below 100 and shorts above it.
fn wallets(r: &mut Dice, count: usize) -> Vec<Value> {
    (0..count)
        .map(|i| {
            let long = r.uniform() < 0.6;
            let away = 0.01 + 0.3 * r.uniform();
            json!({"id": format!("w{i}"), "side": if long { "long" } else { "short" }, "size": 1.0 + 50.0 * r.uniform() * r.uniform(), "entry_price": 100,
                "liquidation_price": if long { 100.0 * (1.0 - away) } else { 100.0 * (1.0 + away) }})
        })
        .collect()
}

fn request(wallets: &[Value], depth: f64, shock: f64, options: Value) -> Value {
    json!({"op": "cascade", "price": 100, "wallets": wallets, "impact": {"notional_per_percent": depth}, "shock": {"move": shock}, "options": options})
}

/// Whole liquidations against a linear law, rounds by hand: everyone due at the mark, then the price after all sold so far.
fn brute(wallets: &[Value], depth: f64, shock: f64, mark_share: f64) -> (f64, f64, usize) {
    let start = 100.0 * (1.0 + shock);
    let long = shock < 0.0;
    let side = if long { "long" } else { "short" };
    let mut left: Vec<(f64, f64)> = wallets
        .iter()
        .filter(|w| w["side"] == side)
        .map(|w| (n(&w["size"]), n(&w["liquidation_price"])))
        .collect();
    let (mut price, mut mark, mut sold, mut count) = (start, start, 0.0, 0);
    loop {
        let due: Vec<(f64, f64)> = left
            .iter()
            .copied()
            .filter(|w| if long { mark <= w.1 } else { mark >= w.1 })
            .collect();
        if due.is_empty() {
            return (price, sold, count);
        }
        left.retain(|w| if long { mark > w.1 } else { mark < w.1 });
        sold += due.iter().map(|w| w.0).sum::<f64>();
        count += due.len();
        // One percent for every `depth` of notional at 100.
        let moved = 0.01 * sold / (depth / 100.0);
        price = if long {
            start * (1.0 - moved.min(0.999))
        } else {
            start * (1.0 + moved)
        };
        mark = start + mark_share * (price - start);
    }
}

#[test]
fn full_mode_with_everything_off_is_that_of_brute_force() {
    let mut r = Dice(1);
    let mut deep = 0;
    for case in 0..1000 {
        let count = 1 + (r.uniform() * 300.0) as usize;
        let w = wallets(&mut r, count);
        let depth = 4_000.0 + 60_000.0 * r.uniform();
        let shock = (0.01 + 0.15 * r.uniform()) * if case % 2 == 0 { -1.0 } else { 1.0 };
        let share = if case % 3 == 0 { 0.4 } else { 1.0 };
        let a = ask(&request(&w, depth, shock, json!({"mark_share": share})));
        let (price, sold, hit) = brute(&w, depth, shock, share);
        assert!(
            (n(&a["final_price"]) - price).abs() < 1e-9 * price,
            "{case}: {a} {price}"
        );
        assert!((n(&a["liquidated_size"]) - sold).abs() < 1e-9 * sold.max(1.0));
        assert_eq!(a["liquidated_wallets"], json!(hit));
        deep += usize::from(n(&a["round_count"]) > 2.0);
        assert!(n(&a["amplification"]) >= 1.0 - 1e-12);
        // The order of wallets says nothing; a deeper book never deepens it; a mark that follows less reaches fewer.
        let mut turned = w.clone();
        turned.reverse();
        assert_eq!(
            ask(&request(&turned, depth, shock, json!({"mark_share": share})))["final_price"],
            a["final_price"]
        );
        assert!(
            n(&ask(&request(&w, 2.0 * depth, shock, json!({"mark_share": share})))["amplification"])
                <= n(&a["amplification"]) + 1e-12
        );
        assert!(
            n(&ask(&request(&w, depth, shock, json!({"mark_share": 0.5 * share})))["liquidated_size"]) <= sold + 1e-9
        );
        let thin = ask(&request(
            &w,
            depth,
            shock,
            json!({"mark_share": share, "evaporation": 5}),
        ));
        assert!(n(&thin["amplification"]) >= n(&a["amplification"]) - 1e-12);
    }
    assert!(deep > 150, "{deep} cascades of more than two rounds");
}

#[test]
fn money_is_conserved_through_fund_and_deleveraging() {
    let mut r = Dice(2);
    let (mut with_queue, mut with_backstop) = (0, 0);
    for case in 0..400 {
        let w = wallets(&mut r, 80);
        let venue = ["binance", "bybit", "okx", "hyperliquid", "dydx"][case % 5];
        let fund = 2000.0 * r.uniform();
        let shock = -(0.03 + 0.25 * r.uniform());
        let a = ask(&request(
            &w,
            3_000.0 + 20_000.0 * r.uniform(),
            shock,
            json!({"venue": venue, "insurance_fund": fund, "maintenance_margin_rate": 0.01}),
        ));
        assert!(a["error"].is_null(), "{a}");
        let m = &a["machinery"];
        let to_fund = if venue == "hyperliquid" { 0.0 } else { n(&m["surplus"]) };
        let after = fund + to_fund - n(&m["shortfall"]);
        assert!(
            (n(&m["insurance_fund"]) - after).abs() < 1e-9 * fund.max(1.0) * 100.0,
            "{m} {fund}"
        );
        assert!(n(&m["insurance_fund"]) >= -1e-6, "{m}");
        // What is closed against winners is taken from winners, as long as there are any.
        let queued: f64 = m["deleveraged"].as_array().unwrap().iter().map(|d| n(&d["size"])).sum();
        let winners: f64 = w.iter().filter(|w| w["side"] == "short").map(|w| n(&w["size"])).sum();
        assert!((queued - n(&m["deleveraged_size"]).min(winners)).abs() < 1e-6, "{m}");
        let longs: f64 = w.iter().filter(|w| w["side"] == "long").map(|w| n(&w["size"])).sum();
        assert!(n(&a["liquidated_size"]) <= longs * (1.0 + 1e-9));
        with_queue += usize::from(n(&m["deleveraged_size"]) > 0.0);
        with_backstop += usize::from(n(&m["backstop_size"]) > 0.0);
        // The same account of money from the other side: what the fund carried is what fills were worse than bankruptcy.
        if n(&m["deleveraged_size"]) > 0.0 {
            assert!(m["first_deleveraging"].is_u64());
            let unlimited = ask(&request(
                &w,
                1e12,
                shock,
                json!({"venue": venue, "insurance_fund": 1e12, "maintenance_margin_rate": 0.01}),
            ));
            assert_eq!(unlimited["machinery"]["deleveraged_size"], json!(0.0));
        }
    }
    assert!(with_queue > 50 && with_backstop > 20, "{with_queue} {with_backstop}");
}

#[test]
fn the_fund_carries_all_that_it_can() {
    // One position of 1,000 units, bankrupt at 90·0.99, into a straight book from 88 on: no surplus, so what is sold takes the
    // whole fund and no more.
    let w = [json!({"id": "a", "side": "long", "size": 1000, "entry_price": 100, "liquidation_price": 90})];
    let a = ask(&request(
        &w,
        10_000.0,
        -0.12,
        json!({"insurance_fund": 2000, "maintenance_margin_rate": 0.01}),
    ));
    let m = &a["machinery"];
    // 88·0.01 per (10,000 / 100) units: sold·(89.1 − 88 + sold·0.0088/2) = 2,000.
    let sold = (-1.1 + (1.1f64 * 1.1 + 4.0 * 0.0044 * 2000.0).sqrt()) / 0.0088;
    assert!((n(&m["deleveraged_size"]) - (1000.0 - sold)).abs() < 1e-6, "{a} {sold}");
    assert!(n(&m["insurance_fund"]).abs() < 1e-6, "{a}");
    assert!((n(&m["shortfall"]) - 2000.0).abs() < 1e-6, "{a}");
}

#[test]
fn a_shock_beyond_the_book() {
    let w = [json!({"id": "a", "side": "long", "size": 10, "entry_price": 100, "liquidation_price": 90})];
    let with = |bids: Value| {
        ask(
            &json!({"op": "cascade", "price": 100, "mode": "full", "wallets": w, "shock": {"move": -0.12}, "book": {"bids": bids, "asks": [[101, 1]]}}),
        )
    };
    // Two levels say a law: 5 units a percent, all the way.
    let a = with(json!([[99, 5], [98, 5]]));
    assert!((n(&a["final_price"]) - 86.0).abs() < 1e-9, "{a}");
    assert_eq!((&a["book_exhausted"], n(&a["unfilled_size"])), (&json!(false), 0.0));
    // One level at the price says none: nobody is there to take it.
    let a = with(json!([[100, 5]]));
    assert_eq!(
        (&a["book_exhausted"], n(&a["unfilled_size"])),
        (&json!(true), 10.0),
        "{a}"
    );
    assert_eq!(n(&a["final_price"]), 88.0);
}

#[test]
fn slices_steps_and_the_backstop_by_hand() {
    // One long of 2,000 at 100, level 90, maintenance 1 %: 180,000 of notional when it is due, so a fifth goes first. The book is
    // so deep that nothing moves. At a mark m equity is 0.9 − (90 − m) a unit; 400 are sold; the rest's level is
    // (m − 1.25·(m − 89.1))/0.99, which m itself has passed where m ≤ 111.375/1.24 = 89.8185.
    let w = vec![json!({"id": "a", "side": "long", "size": 2000, "entry_price": 100, "liquidation_price": 90})];
    let at = |shock: f64, venue: &str| {
        ask(&request(
            &w,
            1e15,
            shock,
            json!({"venue": venue, "maintenance_margin_rate": 0.01}),
        ))
    };
    let a = at(-0.1, "hyperliquid");
    assert!((n(&a["liquidated_size"]) - 400.0).abs() < 1e-6, "{a}");
    let a = at(-0.1018, "hyperliquid");
    assert!((n(&a["liquidated_size"]) - 400.0).abs() < 1e-6, "{a}");
    // 89.81: past the second level too, above two thirds of the requirement: the rest goes whole.
    let a = at(-0.1019, "hyperliquid");
    assert!(
        (n(&a["liquidated_size"]) - 2000.0).abs() < 1e-6 && n(&a["machinery"]["backstop_size"]) == 0.0,
        "{a}"
    );
    // Two thirds of maintenance: (90·0.99)/(1 − 0.02/3) = 89.698; below that no order is sent.
    let a = at(-0.1031, "hyperliquid");
    assert!(
        (n(&a["machinery"]["backstop_size"]) - 2000.0).abs() < 1e-9 && n(&a["liquidated_notional"]) == 0.0,
        "{a}"
    );
    // Steps: at 89.8 equity is 0.9 − 0.2 = 0.7 a unit of 0.898 required: 1 − 0.7/0.898 = 22 % is enough.
    let a = at(-0.102, "binance");
    let first = n(&a["rounds"][0]["size"]);
    assert!((first - 2000.0 * (1.0 - 0.7 / 0.898)).abs() < 1e-6, "{a}");
    // A pool: the price stays where the oracle puts it.
    let a = ask(
        &json!({"op": "cascade", "price": 100, "wallets": w, "shock": {"drop": 0.12}, "mode": "pool", "options": {"maintenance_margin_rate": 0.01}}),
    );
    assert_eq!((n(&a["final_price"]), n(&a["amplification"])), (88.0, 1.0));
    // Bankrupt at 90·0.99 = 89.1: 1.1 a unit is the pool's.
    assert!((n(&a["machinery"]["pool_loss"]) - 2000.0 * 1.1).abs() < 1e-6, "{a}");
}

#[test]
fn the_queue_ranks_as_the_venues_say() {
    let c = |size: f64, entry_price: f64, margin: f64| Candidate {
        size,
        entry_price,
        margin,
    };
    // Shorts at a mark of 80. Profit 20 % on 1,000 of margin for 100 units: leverage 8000/3000.
    let a = c(100.0, 100.0, 1000.0);
    let want = 0.2 * (8000.0 / 3000.0);
    assert!((rank(Venue::Binance, Side::Short, 80.0, &a).unwrap() - want).abs() < 1e-12);
    // Hyperliquid: entry over mark for a short, times notional over account value.
    assert!((rank(Venue::Hyperliquid, Side::Short, 80.0, &a).unwrap() - 1.25 * 8000.0 / 3000.0).abs() < 1e-12);
    // More leverage first among winners, a loser after every winner, one without equity never.
    let all = [c(10.0, 100.0, 2000.0), a, c(10.0, 70.0, 500.0), c(10.0, 60.0, 100.0)];
    let closed = close(Venue::Bybit, Side::Short, 80.0, &all, 115.0);
    assert_eq!(closed, vec![(1, 100.0), (0, 10.0), (2, 5.0)]);
}

#[test]
fn a_distribution_is_its_runs() {
    let mut r = Dice(5);
    let w = wallets(&mut r, 300);
    let base = json!({"op": "cascade", "price": 100, "wallets": w, "impact": {"notional_per_percent": 30000},
        "shock": {"volatility": 3.0, "horizon_hours": 24}, "runs": 20000, "seed": 9, "larger_than": 20000,
        "uncertainty": {"depth": 0, "size": 0, "levels": 0}, "own": {"side": "long", "liquidation_price": 88}});
    let a = ask(&base);
    assert!(a["error"].is_null(), "{a}");
    let d = &a["distribution"][0];
    // The shock is |t4|·σ√h, scaled to variance 1: by quadrature over the shocks and the deterministic mode for each.
    let sigma = 3.0 * (24.0f64 / 8760.0).sqrt();
    let density = |t: f64| {
        // t of 4 degrees, standardised by √2: f(x) = √2·(3/8)·(1 + x²/2)^(−5/2).
        2.0 * 2f64.sqrt() * 0.375 * (1.0 + t * t / 2.0).powf(-2.5)
    };
    let (mut above, mut own, mut bare, mut sum) = (0.0, 0.0, 0.0, 0.0);
    let step = 0.02;
    for k in 0..2000 {
        let t = (k as f64 + 0.5) * step;
        let weight = density(t) * step;
        sum += weight;
        let shock = 1.0 - (-sigma * t).exp();
        if shock > 0.98 {
            above += weight;
            own += weight;
            bare += weight;
            continue;
        }
        let (price, _, _) = brute(&w, 30000.0, -shock, 1.0);
        let start = 100.0 * (1.0 - shock);
        let forced: f64 = w
            .iter()
            .filter(|w| w["side"] == "long" && n(&w["liquidation_price"]) >= price)
            .map(|w| n(&w["size"]) * n(&w["liquidation_price"]))
            .sum();
        above += if forced > 20000.0 { weight } else { 0.0 };
        own += if price <= 88.0 { weight } else { 0.0 };
        bare += if start <= 88.0 { weight } else { 0.0 };
    }
    assert!((sum - 1.0).abs() < 0.001, "{sum}");
    // In the law of this mode depth lies from the price before the shock on: a fall to it is not paid twice.
    let near = |told: &Value, want: f64, slack: f64| assert!((n(told) - want).abs() < slack, "{told} {want}");
    near(&d["own_without"], bare, 0.012);
    assert!(n(&d["own_with"]) >= n(&d["own_without"]));
    near(&d["probability"], above, 0.03);
    near(&d["own_with"], own, 0.03);
    // Same seed, same numbers; uncertainty spreads them; fifteen minutes hold less than a day.
    assert_eq!(ask(&base), a);
    let mut wide = base.clone();
    wide["uncertainty"] = json!({});
    wide["shock"] = json!({"volatility": 1.0});
    let b = ask(&wide);
    let chances: Vec<f64> = b["distribution"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| n(&d["probability"]))
        .collect();
    assert!(
        chances.len() == 3 && chances[0] <= chances[1] && chances[1] < chances[2],
        "{chances:?}"
    );
    // The trigger price is where the deterministic cascade passes the size.
    let trigger = n(&a["trigger_price"]);
    let forced = |shock: f64| {
        let mut one = base.clone();
        one["shock"] = json!({"volatility": 1e-3, "horizon_hours": 0.001});
        one["larger_than"] = json!(20000);
        let (price, _, _) = brute(&w, 30000.0, -shock, 1.0);
        w.iter()
            .filter(|w| w["side"] == "long" && n(&w["liquidation_price"]) >= price)
            .map(|w| n(&w["size"]) * n(&w["liquidation_price"]))
            .sum::<f64>()
    };
    assert!(
        forced(1.0 - trigger / 100.0 + 0.01) > 20000.0 && forced(1.0 - trigger / 100.0 - 0.01) <= 20000.0,
        "{trigger}"
    );
}

#[test]
fn the_middle_shock_is_the_middle_on_both_sides() {
    let mut r = Dice(11);
    let w = wallets(&mut r, 50);
    for (hurts, sign) in [("long", -1.0), ("short", 1.0)] {
        // So deep a book that nothing follows the shock: its median is where half of the runs end.
        let a = ask(
            &json!({"op": "cascade", "price": 100, "wallets": w, "impact": {"notional_per_percent": 1e15},
            "shock": {"volatility": 0.9, "horizon_hours": 24, "hurts": hurts}, "runs": 4000, "seed": 2}),
        );
        let middle = n(&a["distribution"][0]["final_price"][2]);
        assert!((n(&a["shocked_price"]) - middle).abs() < 1e-6 * middle, "{hurts}: {a}");
        assert!(sign * (middle - 100.0) > 1.0);
    }
}

#[test]
fn longs_that_no_price_reaches_stay_where_they_are() {
    let mut r = map_request();
    r["leverage_mix"] = json!([[1, 0.9], [10, 0.1]]);
    let levels: Vec<[f64; 3]> = serde_json::from_value(ask(&r)["levels"].clone()).unwrap();
    let size = |k: usize| levels.iter().map(|l| l[k] / l[0]).sum::<f64>();
    // A tenth of 1,940 on the long side, all of it on the short side, where 1x has a level too.
    assert!((size(1) / 194.0 - 1.0).abs() < 0.01, "{}", size(1));
    assert!((size(2) / 1940.0 - 1.0).abs() < 0.01, "{}", size(2));
}

fn map_request() -> Value {
    // A day of bars at 100 that climb to 110, open interest that grows with them.
    let rows: Vec<Value> = (0..48)
        .map(|k| {
            let p = 100.0 + 10.0 * f64::from(k) / 47.0;
            json!([1_700_000_000_000.0 + 3.6e6 * f64::from(k), p, p + 0.3, p - 0.3, p, 10])
        })
        .collect();
    let interest: Vec<Value> = (0..48)
        .map(|k| json!([1_700_000_000_000.0 + 3.6e6 * f64::from(k), 1000.0 + 20.0 * f64::from(k)]))
        .collect();
    json!({"op": "liquidation_map", "market": {"candles": {"interval": "1h", "rows": rows}, "open_interest": interest},
        "leverage_mix": [[10, 1]], "maintenance_margin_rate": 0.005, "half_life_hours": 1e6, "bins": 200})
}

#[test]
fn the_inferred_map_is_where_the_opens_were() {
    let a = ask(&map_request());
    assert!(a["error"].is_null(), "{a}");
    let levels: Vec<[f64; 3]> = serde_json::from_value(a["levels"].clone()).unwrap();
    let (long, short): (f64, f64) = levels.iter().fold((0.0, 0.0), |s, l| (s.0 + l[1], s.1 + l[2]));
    // Longs at p·0.9/0.995, shorts at p·1.1/1.005: open interest of 1,940 on each side.
    let size = |k: usize| levels.iter().map(|l| l[k] / l[0]).sum::<f64>();
    assert!(
        (size(1) / 1940.0 - 1.0).abs() < 0.01 && (size(2) / 1940.0 - 1.0).abs() < 0.01,
        "{} {}",
        size(1),
        size(2)
    );
    assert!(long > 0.0 && short > long);
    // The first thousand, opened at 100, is the heaviest long level at 90.45; two and a half opens of 20 follow within half a
    // percent of it.
    let at = |low: f64, high: f64, k: usize| {
        levels
            .iter()
            .filter(|l| l[0] > low && l[0] < high)
            .map(|l| l[k] / l[0])
            .sum::<f64>()
    };
    assert!((at(90.0, 90.95, 1) - 1055.0).abs() < 25.0, "{}", at(90.0, 90.95, 1));
    // Shorts opened at 100 are due at 109.45, which the climb has crossed: gone, and the others scaled up.
    assert!(at(100.0, 110.2, 2) < 1e-9, "{}", at(100.0, 110.2, 2));
    assert_eq!(a["coverage"]["long"], json!(0.0));
    assert!(a["concentration"].is_null());
    // Seen wallets take their place: a tenth of the longs is seen, the inferred longs are nine tenths.
    let mut r = map_request();
    r["wallets"] = json!([{"id": "a", "side": "long", "size": 194, "entry_price": 105, "liquidation_price": 80}]);
    let b = ask(&r);
    assert!((n(&b["coverage"]["long"]) - 0.1).abs() < 1e-12);
    let inferred: Vec<[f64; 3]> = serde_json::from_value(b["inferred"].clone()).unwrap();
    let left: f64 = inferred.iter().map(|l| l[1]).sum();
    assert!((left / long - 0.9).abs() < 0.01, "{left} {long}");
    // Closing takes from all ages; more leverage comes nearer.
    let near: Vec<f64> = a["sensitivity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| n(&s["long_notional_within_5"]))
        .collect();
    assert_eq!(near.len(), 3);
    let mut high = map_request();
    high["leverage_mix"] = json!([[40, 1]]);
    let close_by = ask(&high)["sensitivity"][1]["long_notional_within_5"].clone();
    assert!(n(&close_by) > near[1]);
}

#[test]
fn refusals_name_their_field() {
    let mut r = Dice(3);
    let base = request(&wallets(&mut r, 5), 1e4, -0.05, json!({}));
    let cases: [(&str, Value, &str, &str); 8] = [
        ("shock", json!({}), "invalid_input", "shock"),
        ("shock", json!({"move": 0}), "invalid_input", "shock.move"),
        ("shock", json!({"drop": -0.1}), "invalid_input", "shock.drop"),
        ("impact", Value::Null, "insufficient_data", "book"),
        (
            "impact",
            json!({"notional_per_percent": 0}),
            "invalid_input",
            "impact.notional_per_percent",
        ),
        ("mode", json!("wild"), "unsupported", "mode"),
        (
            "options",
            json!({"mark_share": 2}),
            "invalid_input",
            "options.mark_share",
        ),
        ("wallets", json!([]), "insufficient_data", "wallets"),
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
    let mut crossed = base.clone();
    crossed.as_object_mut().unwrap().remove("impact");
    crossed["book"] = json!({"bids": [[101, 1]], "asks": [[100, 1]]});
    assert_eq!(ask(&crossed)["error"]["field"], "book.bids[0][0]");
    crossed["book"] = json!({"bids": [], "asks": []});
    assert_eq!(ask(&crossed)["error"]["field"], "book");
}

#[test]
fn tiers_move_the_levels_and_the_picture_ends_as_the_map() {
    let mut r = map_request();
    r["maintenance_margin_rate"] = Value::Null;
    // 10x is allowed up to 100,000; half a percent there and 2 % above, continuous.
    r["tiers"] = json!([{"floor": 0, "cap": 100_000, "maintenance_margin_rate": 0.005, "max_leverage": 20},
        {"floor": 100_000, "maintenance_margin_rate": 0.02, "max_leverage": 8}]);
    r["position_notional"] = json!(50_000);
    r["bins"] = json!(200);
    let lower = ask(&r);
    let plain = ask(&map_request());
    assert_eq!(lower["levels"], plain["levels"], "{lower}");
    // A position larger than the tier that allows 10x is counted at its end.
    r["position_notional"] = json!(1e6);
    assert_eq!(ask(&r)["levels"], plain["levels"]);
    // At 8x the larger one has the larger rate: 0.02 less 1,500 over a million.
    r["leverage_mix"] = json!([[8, 1]]);
    let high = ask(&r);
    let mut by_rate = map_request();
    by_rate["leverage_mix"] = json!([[8, 1]]);
    by_rate["maintenance_margin_rate"] = json!(0.02 - 1500.0 / 1e6);
    assert_eq!(high["levels"], ask(&by_rate)["levels"]);

    by_rate["through_time"] = json!(12);
    let a = ask(&by_rate);
    let heat = &a["heat"];
    assert_eq!(heat["times"].as_array().unwrap().len(), 12);
    assert_eq!(n(&heat["times"][11]), 1_700_000_000_000.0 + 48.0 * 3.6e6);
    for (side, k) in [("long", 1), ("short", 2)] {
        let column: f64 = heat[side][11].as_array().unwrap().iter().map(n).sum();
        let all: f64 = a["levels"].as_array().unwrap().iter().map(|l| n(&l[k])).sum();
        assert!((column / all - 1.0).abs() < 1e-3, "{side}: {column} {all}");
    }
    // Open interest of an earlier picture is that of its time.
    let early: f64 = heat["long"][0].as_array().unwrap().iter().map(n).sum();
    let late: f64 = heat["long"][11].as_array().unwrap().iter().map(n).sum();
    assert!(early < 0.6 * late, "{early} {late}");
    by_rate["through_time"] = json!(501);
    assert_eq!(ask(&by_rate)["error"]["field"], "through_time");
}

#[test]
fn what_is_due_is_told_beside_what_the_book_takes() {
    let w = [
        json!({"id": "a", "side": "long", "size": 10, "entry_price": 100, "liquidation_price": 95}),
        json!({"id": "b", "side": "long", "size": 5, "entry_price": 100, "liquidation_price": 90}),
        json!({"id": "c", "side": "short", "size": 5, "entry_price": 100, "liquidation_price": 110}),
    ];
    let a = ask(&request(&w, 1e6, -0.08, json!({})));
    let rows: Vec<[f64; 3]> = serde_json::from_value(a["against_depth"].clone()).unwrap();
    assert_eq!((rows.len(), rows[0]), (61, [92.0, 950.0, 0.0]));
    assert!(rows[60][0] < 90.0);
    for [price, due, taken] in rows {
        let expected = 950.0 + if price <= 90.0 { 450.0 } else { 0.0 };
        assert!((due - expected).abs() < 1e-9, "{price} {due}");
        // 10,000 units a percent of the shocked price, at the middle price of the way.
        let size = (92.0 - price) / 0.92 * 10_000.0;
        assert!(
            (taken - size * (92.0 + price) / 2.0).abs() < 1e-6 * (1.0 + taken),
            "{price} {taken}"
        );
    }
}

#[test]
fn the_trigger_is_where_full_mode_passes_the_size() {
    // With a law that grows, the two modes must count it from the same place.
    let w: Vec<Value> = (1..=40)
        .map(|k| json!({"id": format!("{k}"), "side": "long", "size": 800, "entry_price": 100, "liquidation_price": 100.0 - 0.5 * f64::from(k)}))
        .collect();
    let law = json!({"notional_per_percent": 100_000, "power": 2});
    let a = ask(
        &json!({"op": "cascade", "price": 100, "wallets": w, "impact": law, "shock": {"volatility": 0.8, "horizon_hours": 24}, "larger_than": 500_000}),
    );
    let trigger = n(&a["trigger_price"]);
    let forced = |price: f64| {
        let a = ask(
            &json!({"op": "cascade", "price": 100, "wallets": w, "impact": law, "shock": {"move": price / 100.0 - 1.0}, "mode": "full"}),
        );
        let end = n(&a["final_price"]);
        w.iter()
            .map(|w| n(&w["liquidation_price"]))
            .filter(|l| *l >= end)
            .map(|l| 800.0 * l)
            .sum::<f64>()
    };
    assert!(
        forced(trigger - 0.3) > 500_000.0 && forced(trigger + 0.3) <= 500_000.0,
        "{trigger}"
    );
}

#[test]
fn a_level_at_the_shocked_price_is_still_there() {
    let w = [json!({"id": "a", "side": "long", "size": 4, "entry_price": 100, "liquidation_price": 96})];
    let a = ask(
        &json!({"op": "cascade", "price": 100, "mode": "full", "wallets": w, "shock": {"move": -0.05}, "book": {"bids": [[99, 5], [95, 50], [94, 5]], "asks": []}}),
    );
    assert_eq!(n(&a["final_price"]), 95.0, "{a}");
}

#[test]
fn one_far_level_does_not_swallow_the_rest() {
    let mut w: Vec<Value> = (0..50)
        .map(|k| json!({"id": format!("{k}"), "side": "long", "size": 1, "entry_price": 60_000, "liquidation_price": 54_100 + 100 * k}))
        .collect();
    w.push(json!({"id": "far", "side": "short", "size": 1, "entry_price": 60_000, "liquidation_price": 6_000_000}));
    let a = ask(&json!({"op": "liquidation_map", "wallets": w, "price": 60_000, "bins": 300, "within": 0.7}));
    let rows: Vec<[f64; 3]> = serde_json::from_value(a["levels"].clone()).unwrap();
    assert!(rows.iter().filter(|r| r[1] > 0.0).count() > 15, "{a}");
    assert!(rows.iter().all(|r| r[1] == 0.0 || r[0] < 60_000.0));
    assert_eq!(rows.iter().map(|r| r[2]).sum::<f64>(), 60_000.0);
    assert_eq!(
        ask(&json!({"op": "liquidation_map", "wallets": w, "within": 0.7}))["error"]["field"],
        "price"
    );
}

#[test]
fn a_book_that_evaporates_altogether_is_refused() {
    let w = [json!({"id": "a", "side": "long", "size": 4, "entry_price": 100, "liquidation_price": 96})];
    let a = ask(&request(&w, 1000.0, -0.8, json!({"evaporation": 1000})));
    assert_eq!(a["error"]["field"], "options.evaporation", "{a}");
}

#[test]
fn a_pool_owes_its_winners_and_shifts() {
    // Two longs of 100 units, one of which is closed at 88; shorts of 150 units, entered at 100 and 92.
    let w = [
        json!({"id": "a", "side": "long", "size": 100, "entry_price": 100, "liquidation_price": 90}),
        json!({"id": "b", "side": "long", "size": 100, "entry_price": 100, "liquidation_price": 50}),
        json!({"id": "c", "side": "short", "size": 100, "entry_price": 100, "liquidation_price": 150}),
        json!({"id": "d", "side": "short", "size": 50, "entry_price": 92, "liquidation_price": 150}),
    ];
    let with = |pool: Value| {
        ask(
            &json!({"op": "cascade", "price": 100, "wallets": w, "shock": {"drop": 0.12}, "mode": "pool", "options": {"maintenance_margin_rate": 0.01, "pool": pool}}),
        )
    };
    let a = with(json!({"value": 3000, "max_pnl_factor": 0.4, "min_pnl_factor": 0.3, "impact_factor": 1e-6}));
    let m = &a["machinery"];
    assert!(
        (n(&m["skew"][0]) - 50.0 / 350.0).abs() < 1e-12 && (n(&m["skew"][1]) + 50.0 / 250.0).abs() < 1e-12,
        "{m}"
    );
    // The skew turns round: 50 and 50 units of 88, so what is earned is what is paid.
    assert!(n(&m["price_impact"]).abs() < 1e-9, "{m}");
    // Loss: 100·(90·0.99 − 88) = 110. Owed: 100·12 + 50·4 = 1,400 of 2,890.
    assert!(
        (n(&m["pool_loss"]) - 110.0).abs() < 1e-9 && (n(&m["pnl_factor"]) - 1400.0 / 2890.0).abs() < 1e-12,
        "{m}"
    );
    // Down to 0.3: 1,400 − 867 = 533 of the most profitable, 12 a unit.
    assert_eq!(m["deleveraged"][0]["id"], "c");
    assert!((n(&m["deleveraged_size"]) - 533.0 / 12.0).abs() < 1e-9, "{m}");
    assert_eq!(
        n(&with(json!({"value": 1e6, "max_pnl_factor": 0.4}))["machinery"]["deleveraged_size"]),
        0.0
    );
    assert_eq!(with(json!({"value": 0}))["error"]["field"], "options.pool.value");
    assert_eq!(
        with(json!({"value": 1e6, "max_pnl_factor": 0.2, "min_pnl_factor": 0.4}))["error"]["field"],
        "options.pool.min_pnl_factor"
    );
}

#[test]
fn clusters_tell_who_is_there_and_where_the_largest_would_go() {
    let w = [
        json!({"id": "a", "side": "long", "size": 10, "entry_price": 100, "liquidation_price": 90}),
        json!({"id": "b", "side": "long", "size": 30, "entry_price": 100, "liquidation_price": 90.1}),
        json!({"id": "c", "side": "short", "size": 5, "entry_price": 100, "liquidation_price": 120}),
    ];
    let a =
        ask(&json!({"op": "liquidation_map", "price": 100, "wallets": w, "bins": 10, "maintenance_margin_rate": 0.01}));
    let c = &a["clusters"][0];
    assert_eq!((&c["side"], n(&c["wallets"])), (&json!("long"), 2.0), "{a}");
    assert!((n(&c["largest_share"]) - 0.75).abs() < 1e-12 && (n(&c["hhi"]) - 0.625).abs() < 1e-12);
    // Margin of b, a unit: 0.01·90.1 + 9.9 = 10.801; with twice that 100 − 21.602 = 0.99·P.
    assert!(
        (n(&a["largest"][0]["level_topped_up"]) - (100.0 - 21.602) / 0.99).abs() < 1e-9,
        "{a}"
    );
}
