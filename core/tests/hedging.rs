//! The hedge: ratio, band and its law, the trade, the frontier, what is refused.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use serde_json::{Value, json};

fn n(v: &Value, key: &str) -> f64 {
    v[key].as_f64().unwrap_or_else(|| panic!("{key} of {v}"))
}

fn instrument() -> Value {
    json!({"kind": "linear", "taker_fee": 0.0005, "tiers": [{"floor": 0, "cap": null, "maintenance_margin_rate": 0.005, "max_leverage": 100}]})
}

fn answer(policy: Value, more: Value) -> Value {
    let mut request = json!({"op": "hedge", "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": 20000, "positions": [
        {"symbol": "ETHUSDT", "side": "long", "size": 10, "entry_price": 3000, "mark_price": 3000, "instrument": instrument()}]},
        "markets": {"ETHUSDT": {"volatility": 0.8}, "BTCUSDT": {"volatility": 0.6, "funding_rate": 0.0001, "funding_interval_hours": 8}},
        "correlations": [["BTCUSDT", "ETHUSDT", 0.75]],
        "hedge_instrument": {"symbol": "BTCUSDT", "venue": "binance", "price": 60000, "instrument": instrument()},
        "policy": {"target_delta": 0, "cost": 0.0006, "risk_aversion": 1.0, "check_every_hours": 12}, "seed": 4});
    for (k, v) in policy.as_object().unwrap() {
        request["policy"][k] = v.clone();
    }
    for (k, v) in more.as_object().unwrap() {
        request[k] = v.clone();
    }
    serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap()
}

fn band(a: &Value) -> f64 {
    0.5 * (a["band"][1].as_f64().unwrap() - a["band"][0].as_f64().unwrap())
}

fn row<'a>(a: &'a Value, list: &str, name: &str) -> &'a Value {
    a[list].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap()
}

#[test]
fn ratio_target_and_trade_are_those_of_the_arithmetic() {
    let a = answer(json!({}), json!({}));
    // rho·sigma_a/sigma_h, and the exposure through it.
    assert!((n(&a, "hedge_ratio") - 0.75 * 0.8 / 0.6).abs() < 1e-12);
    assert!((n(&a, "exposure") - 30000.0).abs() < 1e-6);
    assert!((n(&a, "target") + 30000.0).abs() < 1e-6 && n(&a, "held") == 0.0);
    assert!((n(&a, "net_delta") - 1.5).abs() < 1e-9);
    // b³ = 3εv²/(2γσ²), v² of a leg of 1.5 against −1.5 of the hedge.
    let v2 = 2.25 * (0.64 + 0.36 - 2.0 * 0.75 * 0.8 * 0.6);
    let want = (1.5 * 0.0006 * v2 / 0.36f64).cbrt();
    assert!((band(&a) / want - 1.0).abs() < 1e-9, "{} {want}", band(&a));
    // To the near edge.
    let trade = &a["trade_now"];
    assert_eq!(trade["side"], "short");
    assert!((n(trade, "notional") - (30000.0 - want * 20000.0)).abs() < 1e-6);
    assert!((n(trade, "size") - n(trade, "notional") / 60000.0).abs() < 1e-12);
    assert!((n(&a["cost"], "now") - 0.0006 * n(trade, "notional")).abs() < 1e-9);
    // A short receives positive funding: cost is negative.
    assert!((n(&a["cost"], "funding_a_year") + n(trade, "notional") * 0.0001 * 1095.0 / 20000.0).abs() < 1e-9);
    let order = &a["orders"][0];
    assert_eq!(
        (order["side"].as_str(), order["venue"].as_str()),
        (Some("sell"), Some("binance"))
    );
    assert!((n(order, "limit") - 60000.0 * (1.0 - 0.0006)).abs() < 1e-6);
    // Safer with it, and the pair can still be killed on either leg.
    assert!(n(&a, "probability_after") < n(&a, "probability_before"));
    let kills = a["kills"].as_array().unwrap();
    assert!(
        kills.len() == 2 && kills.iter().all(|k| k["move_to_liquidation"].is_number()),
        "{kills:?}"
    );
    assert!(n(&kills[0], "move_to_liquidation") < 0.0 && n(&kills[1], "move_to_liquidation") > 0.0);
}

#[test]
fn the_band_follows_its_law() {
    let one = band(&answer(json!({}), json!({})));
    assert!((band(&answer(json!({"cost": 0.0048}), json!({}))) / one - 2.0).abs() < 0.02);
    assert!((band(&answer(json!({"risk_aversion": 8.0}), json!({}))) / one - 0.5).abs() < 0.01);
    let free = answer(json!({"cost": 0}), json!({}));
    assert_eq!(band(&free), 0.0);
    assert!((n(&free["trade_now"], "notional") - 30000.0).abs() < 1e-6);
}

/// Simulated, not by the law: no width on a grid is better than the one chosen by more than two standard errors, and at
/// the cost of each fixed clock the band leaves no more beside the target.
#[test]
fn no_other_width_is_better() {
    let at = |policy: Value| {
        let a = answer(policy, json!({}));
        let s = row(&a, "schedules", "band").clone();
        (n(&s, "objective"), n(&s, "objective_standard_error"), a)
    };
    let (best, error, a) = at(json!({"check_every_hours": 1}));
    let chosen = band(&a);
    for factor in [0.25, 0.5, 0.7, 0.85, 1.2, 1.5, 2.0, 4.0] {
        let (other, own, _) = at(json!({"check_every_hours": 1, "band": chosen * factor}));
        assert!(
            other > best - 2.0 * (error * error + own * own).sqrt(),
            "{factor}: {other} {best} ± {error}"
        );
        if !(0.4..=2.5).contains(&factor) {
            assert!(
                other > best * 1.1,
                "{factor}: the objective has a bottom: {other} {best}"
            );
        }
    }
    let banded = row(&a, "schedules", "band");
    for name in ["hourly", "every 4 h", "every 12 h", "daily", "weekly"] {
        let clock = row(&a, "schedules", name);
        let (cheaper, tighter) = (
            n(banded, "cost_a_year") <= n(clock, "cost_a_year"),
            n(banded, "tracking") <= n(clock, "tracking"),
        );
        assert!(cheaper || tighter, "{name}: {clock} {banded}");
        // On the frontier by the measure that is minimised.
        assert!(n(banded, "objective") <= n(clock, "objective") + 2.0 * error, "{name}");
    }
}

#[test]
fn inside_the_band_there_is_nothing_to_do() {
    let account = json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": 20000, "positions": [
        {"symbol": "ETHUSDT", "side": "long", "size": 10, "entry_price": 3000, "mark_price": 3000, "instrument": instrument()},
        {"symbol": "BTCUSDT", "side": "short", "size": 0.49, "entry_price": 60000, "mark_price": 60000, "instrument": instrument()}]});
    let a = answer(json!({}), json!({"account": account}));
    assert!(a["trade_now"]["side"].is_null() && a["orders"].as_array().unwrap().is_empty());
    assert!(
        a["trade_now"]["reason"].as_str().unwrap().contains("inside the band"),
        "{}",
        a["trade_now"]
    );
    assert!((n(&a, "held") + 29400.0).abs() < 1e-6 && (n(&a, "exposure") - 600.0).abs() < 1e-6);
    assert_eq!(a["probability_before"], a["probability_after"]);
    // Beyond it, part of what is on is traded away.
    let mut account = account;
    account["positions"][1]["size"] = json!(0.8);
    let a = answer(json!({}), json!({"account": account}));
    assert_eq!(a["trade_now"]["side"], "long");
    assert!(
        a["trade_now"]["reason"].as_str().unwrap().contains("takes off"),
        "{}",
        a["trade_now"]
    );
    assert!(n(&a, "probability_after") <= n(&a, "probability_before") + 0.01);
}

/// The exposure that leaves the band as the market moves: checked by moving it there.
#[test]
fn the_price_at_which_the_band_is_left_is_where_it_is_left() {
    // One coin hedged with itself up to a target of one times equity: equity moves with the price.
    let account = |mark: f64| {
        json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": 20000, "positions": [
            {"symbol": "BTCUSDT", "side": "long", "size": 0.4, "entry_price": 60000, "mark_price": mark, "instrument": instrument()}]})
    };
    let ask = |mark: f64| {
        answer(
            json!({"target_delta": 1.0, "band": 0.3}),
            json!({"account": account(mark), "markets": {"BTCUSDT": {"volatility": 0.6}}, "correlations": [],
                "hedge_instrument": {"symbol": "BTCUSDT", "venue": "binance", "price": mark, "instrument": instrument()}}),
        )
    };
    let a = ask(60000.0);
    assert!(a["trade_now"]["side"].is_null(), "{}", a["trade_now"]);
    let low = a["band_prices"][0].as_f64().unwrap();
    assert!(ask(low * 1.001)["trade_now"]["side"].is_null());
    assert!(!ask(low * 0.999)["trade_now"]["side"].is_null(), "{low}");
}

fn history(name: &str, bars: usize) -> Value {
    let path = format!("{}/../www/data/history/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let mut c: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let rows = c["rows"].as_array().unwrap();
    c["rows"] = json!(rows[rows.len() - bars..]);
    json!({"candles": c})
}

#[test]
fn on_the_past_the_band_keeps_the_risk_off_for_less() {
    let markets = json!({"ETHUSDT": history("binance-ETH", 8000), "BTCUSDT": history("binance-BTC", 8000)});
    for kind in ["ewma", "shrunk", "kalman"] {
        let a = answer(
            json!({"beta": kind}),
            json!({"markets": markets, "correlations": [], "model": {"kind": "gbm"}}),
        );
        assert!(a["error"].is_null(), "{a}");
        let beta = &a["betas"][0];
        assert!(
            n(beta, "beta") > 0.7 && n(beta, "beta") < 2.0 && n(beta, "standard_error") > 0.0,
            "{beta}"
        );
        let (band, daily) = (row(&a, "history", "band"), row(&a, "history", "daily"));
        assert!(
            n(band, "variance_reduction") > 0.9 * n(daily, "variance_reduction"),
            "{band} {daily}"
        );
        assert!(n(band, "cost_a_year") < 0.5 * n(daily, "cost_a_year"), "{band} {daily}");
    }
    // What comes later does not change what was done before: the past with its end cut off has the same beginning.
    let short = json!({"ETHUSDT": history("binance-ETH", 8000), "BTCUSDT": {"candles": null}});
    assert_eq!(
        answer(json!({}), json!({"markets": short}))["error"]["code"],
        "insufficient_data"
    );
}

#[test]
fn another_venue_stands_on_margin_of_its_own() {
    let other = json!({"symbol": "BTCUSDT", "venue": "bybit", "price": 60000, "leverage": 5, "instrument": instrument(), "cost": 0.0003});
    let a = answer(
        json!({}),
        json!({"hedge_instrument": other, "alternatives": [
        {"symbol": "BTCUSDT", "price": 60000, "instrument": instrument()},
        {"symbol": "ETHUSDT", "price": 3000, "instrument": instrument()}]}),
    );
    assert!(a["error"].is_null(), "{a}");
    // The account itself is as it was; the hedge's own chance comes on top.
    let leg = n(&a, "hedge_leg_probability");
    assert!(
        leg > 0.0 && (n(&a, "probability_after") - n(&a, "probability_before") - leg).abs() < 0.01,
        "{a}"
    );
    let list = a["alternatives"].as_array().unwrap();
    assert_eq!(list.len(), 2);
    // The coin itself leaves nothing; another coin leaves what does not go together.
    assert!(
        n(&list[1], "residual_volatility") < 1e-9 && n(&list[0], "residual_volatility") > 0.3,
        "{list:?}"
    );
}

#[test]
fn what_cannot_be_hedged_is_refused() {
    let field = |policy: Value, more: Value| {
        answer(policy, more)["error"]["field"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    assert_eq!(field(json!({"cost": -1}), json!({})), "policy.cost");
    assert_eq!(field(json!({"beta": "magic"}), json!({})), "policy.beta");
    assert_eq!(
        field(json!({"check_every_hours": 0}), json!({})),
        "policy.check_every_hours"
    );
    assert_eq!(
        field(json!({}), json!({"markets": {"ETHUSDT": {"volatility": 0.8}}})),
        "markets.BTCUSDT"
    );
    assert_eq!(
        field(
            json!({}),
            json!({"markets": {"ETHUSDT": {"volatility": 0.8}, "BTCUSDT": {"volatility": 0}}})
        ),
        "markets.BTCUSDT.volatility"
    );
    assert_eq!(
        field(
            json!({}),
            json!({"hedge_instrument": {"symbol": "BTCUSDT", "price": 0}})
        ),
        "hedge_instrument.price"
    );
    assert_eq!(field(json!({}), json!({"hedge_instrument": []})), "hedge_instrument");
}

/// Findings of a review, each kept from coming back.
#[test]
fn corners_that_a_review_found() {
    // A coin hedged with itself on another venue: what is open is what is hedged.
    let other =
        json!({"symbol": "ETHUSDT", "venue": "bybit", "price": 3000, "leverage": 5, "instrument": instrument()});
    let a = answer(json!({}), json!({"hedge_instrument": other}));
    assert!(n(&a, "held") == 0.0 && (n(&a, "target") + 30000.0).abs() < 1e-6, "{a}");
    assert_eq!(a["trade_now"]["side"], "short");
    assert!(n(&a, "hedge_leg_probability") > 0.0);
    assert!((n(&a, "leverage") - 1.5).abs() < 1e-12, "{}", a["leverage"]);
    assert!(n(row(&a, "schedules", "never"), "tracking") > 0.5);
    // Prices at which the band is left hold the price now where the trade ends on an edge.
    let a = answer(json!({}), json!({}));
    assert!(
        a["band_prices"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p.as_f64() == Some(60000.0)),
        "{}",
        a["band_prices"]
    );
    // A book that is wiped out loses no more than it had.
    let account = json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": 4000, "positions": [
        {"symbol": "ETHUSDT", "side": "short", "size": 10, "entry_price": 3000, "mark_price": 3000, "instrument": instrument()}]});
    let a = answer(json!({}), json!({"account": account}));
    for s in a["schedules"].as_array().unwrap() {
        assert!(n(s, "drawdown_95") <= 1.0, "{s}");
    }
    // Inverse hedges: contracts of 100 dollars.
    let inverse = json!({"kind": "inverse", "contract_size": 100, "taker_fee": 0.0005, "tiers": [{"floor": 0, "cap": null, "maintenance_margin_rate": 0.005, "max_leverage": 100}]});
    let account = json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": 1, "positions": [
        {"symbol": "BTCUSD_A", "side": "long", "size": 600, "entry_price": 60000, "mark_price": 60000, "instrument": inverse}]});
    let a = answer(
        json!({"cost": 0}),
        json!({"account": account, "correlations": [["BTCUSD_A", "BTCUSD_B", 0.99]], "markets": {"BTCUSD_A": {"volatility": 0.6}, "BTCUSD_B": {"volatility": 0.6}},
            "hedge_instrument": {"symbol": "BTCUSD_B", "price": 60000, "instrument": inverse}}),
    );
    assert!((n(&a["trade_now"], "size") - 594.0).abs() < 1e-6, "{}", a["trade_now"]);
    // Hedged nearly whole, the account is far safer: the order's contracts were taken for what they are.
    assert!(n(&a, "probability_after") < 0.01, "{a}");
}

/// The chance of liquidation of an account that is left alone: the walk of the frontier against operation `probability`.
#[test]
fn the_walk_of_the_frontier_is_liquidated_as_often_as_the_account() {
    for (side, wallet) in [("long", 7000.0), ("short", 9000.0)] {
        let position = json!({"symbol": "ETHUSDT", "side": side, "size": 10, "entry_price": 3000, "mark_price": 3000, "instrument": instrument()});
        let account =
            json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": wallet, "positions": [position]});
        let request = json!({"op": "probability", "account": account, "markets": {"ETHUSDT": {"volatility": 0.8}},
            "horizons_hours": [720], "model": {"kind": "gbm"}});
        let exact: Value = serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap();
        let exact = n(&exact["horizons"][0], "probability");
        assert!(exact > 0.1 && exact < 0.5, "{exact}");
        // As many paths as it takes to see what falls between two hours: about 0.01.
        const SEEDS: usize = 160;
        let told = (0..SEEDS)
            .map(|seed| {
                let a = answer(json!({}), json!({"account": account, "seed": seed}));
                n(row(&a, "schedules", "never"), "liquidation_probability")
            })
            .sum::<f64>()
            / SEEDS as f64;
        let error = (exact * (1.0 - exact) / (SEEDS as f64 * 192.0)).sqrt();
        assert!((told - exact).abs() < 3.0 * error, "{side}: {told} {exact} ± {error}");
    }
}
