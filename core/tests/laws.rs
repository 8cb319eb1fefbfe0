//! Laws that hold for every venue, side and mode, on generated accounts, through the JSON door.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use proptest::prelude::*;
use serde_json::{Value, json};

fn ask(account: &Value) -> Value {
    let request = json!({"op": "liquidation", "account": account});
    serde_json::from_str(&evaluate_json(&request.to_string(), &mut |_| {})).unwrap()
}

fn liquidation_price(account: &Value) -> Option<f64> {
    let answer = ask(account);
    assert!(answer["error"].is_null(), "{answer} for {account}");
    answer["positions"][0]["liquidation_price"].as_f64()
}

/// Ascending tiers over a notional scale, rates rising as every venue's do.
fn tiers(scale: f64, unit: f64) -> Value {
    let rows = [
        (0.0, 0.004, 100.0),
        (0.3, 0.0065, 75.0),
        (1.0, 0.01, 50.0),
        (4.0, 0.025, 20.0),
        (20.0, 0.1, 5.0),
    ];
    let list: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(k, (floor, rate, lev))| {
            json!({"floor": floor * scale * unit, "cap": rows.get(k + 1).map(|r| r.0 * scale * unit), "maintenance_margin_rate": rate, "max_leverage": lev})
        })
        .collect();
    json!(list)
}

#[derive(Clone, Debug)]
struct Draw {
    venue: &'static str,
    inverse: bool,
    long: bool,
    size: f64,
    entry: f64,
    leverage: f64,
    scale: f64,
    /// Mark over entry.
    drift: f64,
    extra: f64,
}

impl Draw {
    fn instrument(&self) -> Value {
        match self.venue {
            "gmx" => json!({"kind": "pool", "min_collateral_factor": 0.005, "min_collateral_usd": 1.0}),
            "okx" => {
                json!({"kind": self.kind(), "contract_size": if self.inverse { 100.0 } else { 0.01 }, "taker_fee": 0.0005, "tiers": tiers(self.scale, 1.0)})
            }
            _ if self.inverse => json!({"kind": "inverse", "contract_size": 100.0, "tiers": tiers(self.scale, 1.0)}),
            _ => json!({"kind": "linear", "tiers": tiers(self.scale, self.entry)}),
        }
    }
    fn kind(&self) -> &'static str {
        if self.inverse { "inverse" } else { "linear" }
    }
    fn side(&self) -> &'static str {
        if self.long { "long" } else { "short" }
    }
    fn position(&self) -> Value {
        json!({"symbol": "BTCUSD", "side": self.side(), "size": self.size, "entry_price": self.entry, "mark_price": self.entry * self.drift,
               "leverage": self.leverage, "extra_margin": self.extra, "instrument": self.instrument()})
    }
    fn isolated(&self) -> Value {
        json!({"venue": self.venue, "margin_mode": "isolated", "positions": [self.position()]})
    }
    fn margin(&self) -> f64 {
        let notional = if self.inverse {
            self.size * 100.0 / self.entry
        } else {
            self.size * self.entry
        };
        notional / self.leverage
    }
}

fn draws() -> impl Strategy<Value = Draw> {
    let venue = prop_oneof![
        Just("binance"),
        Just("bybit"),
        Just("okx"),
        Just("hyperliquid"),
        Just("dydx"),
        Just("kraken"),
        Just("gmx")
    ];
    (
        venue,
        any::<bool>(),
        any::<bool>(),
        -3.0..4.0f64,
        -4.0..5.0f64,
        1.0..80.0f64,
        -1.0..3.0f64,
        0.99..1.01f64,
        0.0..1.0f64,
    )
        .prop_map(|(venue, inverse, long, size, entry, leverage, scale, drift, extra)| {
            let inverse = inverse && matches!(venue, "binance" | "bybit" | "okx");
            let (size, entry) = (10f64.powf(size), 10f64.powf(entry));
            // GMX closes what is under 1 USD: keep its positions above that.
            let size = if venue == "gmx" {
                (size * 1000.0 / entry).max(1000.0 / entry)
            } else {
                size
            };
            let extra = if extra < 0.5 {
                0.0
            } else {
                extra * if inverse { size * 100.0 / entry } else { size * entry } / leverage
            };
            Draw {
                venue,
                inverse,
                long,
                size,
                entry,
                leverage,
                scale: 10f64.powf(scale),
                drift,
                extra,
            }
        })
}

/// The positions of `account` with the mark of the first set to `price`.
fn marked_at(account: &Value, price: f64) -> Value {
    let mut moved = account.clone();
    moved["positions"][0]["mark_price"] = json!(price);
    moved
}

/// Equity and everything it must cover, of the first position at its mark.
fn equity_and_requirement(account: &Value) -> (f64, f64) {
    let p = &ask(account)["positions"][0];
    let f = |k: &str| p[k].as_f64().unwrap_or_else(|| panic!("{k}: {p}"));
    (f("equity"), f("maintenance_margin") + f("fee_reserve"))
}

fn close(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * scale
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn at_the_returned_price_equity_equals_maintenance_isolated(d in draws()) {
        let account = d.isolated();
        if let Some(price) = liquidation_price(&account) {
            let (equity, requirement) = equity_and_requirement(&marked_at(&account, price));
            // Relative to the amounts that were subtracted to get there: the notional.
            let notional = d.margin() * d.leverage * if d.inverse { d.entry / price } else { price / d.entry };
            prop_assert!(close(equity, requirement, requirement.max(notional * 1e-3)), "{equity} against {requirement} at {price}");
        }
    }

    #[test]
    fn at_the_returned_price_equity_equals_maintenance_cross(d in draws(), o in draws(), wallet in 0.02..2.0f64) {
        prop_assume!(d.venue != "gmx");
        let mut other = Draw { venue: d.venue, inverse: d.inverse, ..o }.position();
        other["symbol"] = json!("BTCUSD_2"); // the same coin, another contract
        let whole = d.margin() * d.leverage;
        let account = json!({"venue": d.venue, "margin_mode": "cross", "wallet_balance": wallet * whole, "positions": [d.position(), other]});
        let before = ask(&account);
        prop_assert!(before["error"].is_null(), "{before}");
        // Under a trillionth nothing is quoted, and amounts of coins leave the range that is read.
        if let Some(price) = before["positions"][0]["liquidation_price"].as_f64().filter(|p| *p >= 1e-12) {
            let after = &ask(&marked_at(&account, price))["account"];
            let f = |k: &str| after[k].as_f64().unwrap();
            let (equity, requirement) = (f("equity"), f("maintenance_margin") + f("fee_reserve"));
            let size = whole.max(before["positions"][1]["notional"].as_f64().unwrap()) * if d.inverse { d.entry / price } else { price / d.entry }.max(1.0);
            prop_assert!(close(equity, requirement, requirement.max(size)), "{equity} against {requirement}");
        }
        // The common move: every mark by the same fraction brings the account to its requirement.
        for key in ["market_move_down", "market_move_up"] {
            if let (Some(x), false) = (before["account"][key].as_f64(), before["account"]["liquidatable_now"] == json!(true)) {
                let mut moved = account.clone();
                for p in moved["positions"].as_array_mut().unwrap() {
                    p["mark_price"] = json!(p["mark_price"].as_f64().unwrap() * (1.0 + x));
                }
                let after = ask(&moved);
                if after["error"].is_null() {
                    let f = |k: &str| after["account"][k].as_f64().unwrap();
                    let size = whole.max(after["positions"][0]["notional"].as_f64().unwrap()).max(after["positions"][1]["notional"].as_f64().unwrap());
                    prop_assert!(close(f("equity"), f("maintenance_margin") + f("fee_reserve"), size), "{key} {x}");
                }
            }
        }
    }

    #[test]
    fn more_margin_never_brings_liquidation_nearer(d in draws(), share in 0.001..2.0f64) {
        let d = Draw { extra: 0.0, ..d };
        let more = Draw { extra: d.margin() * share, ..d.clone() };
        let (near, far) = (liquidation_price(&d.isolated()), liquidation_price(&more.isolated()));
        match (near, far) {
            (Some(n), Some(f)) => prop_assert!(if d.long { f <= n * (1.0 + 1e-12) } else { f >= n * (1.0 - 1e-12) }, "{n} then {f}"),
            (None, Some(f)) => prop_assert!(false, "safe before, {f} after"),
            _ => {}
        }
    }

    #[test]
    fn an_inverse_short_mirrors_a_linear_long(long in any::<bool>(), size in 0.1..100.0f64, entry in 0.01..100.0f64, leverage in 1.0..50.0f64) {
        // Profit in coin of an inverse position is that of the opposite linear position in the price 1/P.
        let flat = json!([{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 100}]);
        let (a, b) = if long { ("long", "short") } else { ("short", "long") };
        let linear = json!({"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": a, "size": size, "entry_price": entry, "mark_price": entry,
            "leverage": leverage, "instrument": {"kind": "linear", "tiers": flat}}]});
        let inverse = json!({"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": b, "size": size, "entry_price": 1.0 / entry, "mark_price": 1.0 / entry,
            "leverage": leverage, "instrument": {"kind": "inverse", "contract_size": 1, "tiers": flat}}]});
        match (liquidation_price(&linear), liquidation_price(&inverse)) {
            (Some(p), Some(q)) => prop_assert!((p * q - 1.0).abs() < 1e-9, "{p} and {q}"),
            (p, q) => prop_assert_eq!(p.is_none(), q.is_none()),
        }
    }

    #[test]
    fn long_and_short_mirror_around_entry(size in 0.1..100.0f64, entry in 0.01..1e5f64, leverage in 1.5..50.0f64, rate in 0.001..0.02f64) {
        // Without maintenance the two bankruptcy prices are symmetric; with it, both give up `rate` of the price at liquidation.
        let at = |side: &str| json!({"venue": "hyperliquid", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": side, "size": size, "entry_price": entry,
            "mark_price": entry, "leverage": leverage, "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": rate, "max_leverage": 50}]}}]});
        let (down, up) = (liquidation_price(&at("long")).unwrap(), liquidation_price(&at("short")).unwrap());
        prop_assert!((entry - down * (1.0 - rate) - (up * (1.0 + rate) - entry)).abs() < 1e-9 * entry);
    }

    #[test]
    fn the_price_is_continuous_across_tier_edges(edge in 10.0..1e6f64, leverage in 2.0..20.0f64, long in any::<bool>()) {
        let at = |size: f64| liquidation_price(&json!({"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": if long { "long" } else { "short" }, "size": size,
            "entry_price": 100.0, "mark_price": 100.0, "leverage": leverage, "instrument": {"kind": "linear", "tiers": [
                {"floor": 0, "cap": edge, "maintenance_margin_rate": 0.004, "max_leverage": 100}, {"floor": edge, "maintenance_margin_rate": 0.02, "max_leverage": 20}]}}]})).unwrap();
        // The size whose notional at its own liquidation price is exactly the edge.
        let price = at(edge / 100.0 / 1e6);
        let size = edge / price;
        prop_assert!((at(size * (1.0 - 1e-9)) - at(size * (1.0 + 1e-9))).abs() < 1e-5);
    }

    #[test]
    fn no_finite_input_makes_a_panic_or_a_null_number(numbers in prop::collection::vec(prop_oneof![-1e308..1e308f64, -1e3..1e3f64, Just(0.0), Just(f64::MIN_POSITIVE), 1e-30..1e-10f64, 1e10..1e20f64], 12), which in 0..6usize, cross in any::<bool>(), inverse in any::<bool>()) {
        let venue = ["binance", "bybit", "okx", "hyperliquid", "dydx", "gmx"][which];
        let n = &numbers;
        let kind = if venue == "gmx" { "pool" } else if inverse { "inverse" } else { "linear" };
        let account = json!({"venue": venue, "margin_mode": if cross { "cross" } else { "isolated" }, "wallet_balance": n[0], "other_maintenance_margin": n[1].abs(), "positions": [
            {"symbol": "X", "side": "long", "size": n[2].abs(), "entry_price": n[3].abs(), "mark_price": n[4].abs(), "leverage": n[5].abs(), "margin": n[6].abs(), "extra_margin": n[7].abs(),
             "instrument": {"kind": kind, "contract_size": n[8].abs(), "taker_fee": 0.0005, "min_collateral_factor": 0.01, "tiers": [{"floor": 0, "maintenance_margin_rate": n[9].abs().fract(), "maintenance_amount": n[10], "max_leverage": 20}]}}]});
        let answer = ask(&account);
        if answer["error"].is_null() {
            let p = &answer["positions"][0];
            for key in ["notional", "unrealised_pnl", "initial_margin", "maintenance_margin", "fee_reserve", "equity"] {
                prop_assert!(p[key].is_number(), "{key} of {p}");
            }
            prop_assert!(answer["account"]["equity"].is_number() && answer["account"]["maintenance_margin"].is_number());
            if let Some(price) = p["liquidation_price"].as_f64() {
                prop_assert!(price > 0.0);
            }
        } else {
            prop_assert!(!answer["error"]["field"].as_str().unwrap().is_empty());
        }
    }
}

#[test]
fn hedged_legs_share_one_price_found_by_bisection() {
    // Binance hedge mode, cross: both legs of one symbol. The reference is a plain bisection of equity − maintenance.
    let tiers = json!([{"floor": 0, "cap": 300_000, "maintenance_margin_rate": 0.004, "max_leverage": 100}, {"floor": 300_000, "maintenance_margin_rate": 0.02, "max_leverage": 20}]);
    let leg = |side: &str, size: f64, entry: f64| json!({"symbol": "BTCUSDT", "side": side, "size": size, "entry_price": entry, "mark_price": 60_000, "instrument": {"kind": "linear", "tiers": tiers}});
    let account = json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": 40_000, "positions": [leg("long", 10.0, 61_000.0), leg("short", 4.0, 59_500.0)]});
    let answer = ask(&account);
    let mm = |q: f64, p: f64| {
        let n = q * p;
        if n < 300_000.0 {
            n * 0.004
        } else {
            n * 0.02 - 300_000.0 * 0.016
        }
    };
    let gap = |p: f64| 40_000.0 + 10.0 * (p - 61_000.0) - 4.0 * (p - 59_500.0) - mm(10.0, p) - mm(4.0, p);
    let (mut low, mut high) = (1.0, 60_000.0);
    assert!(gap(low) < 0.0 && gap(high) > 0.0);
    for _ in 0..200 {
        let mid = 0.5 * (low + high);
        if gap(mid) > 0.0 { high = mid } else { low = mid }
    }
    for k in 0..2 {
        let got = answer["positions"][k]["liquidation_price"].as_f64().unwrap();
        assert!((got - high).abs() < 1e-6, "leg {k}: {got} against {high}");
    }
}

#[test]
fn each_pair_tells_which_move_of_one_coin_alone_liquidates() {
    let leg = |symbol: &str, side: &str, size: f64, price: f64| {
        json!({"symbol": symbol, "side": side, "size": size, "entry_price": price, "mark_price": price,
        "instrument": {"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 0.01, "max_leverage": 50}]}})
    };
    let account = json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": 1_000, "positions": [leg("BTCUSDT", "long", 0.1, 60_000.0), leg("ETHUSDT", "short", 2.0, 3_000.0)]});
    let answer = ask(&account);
    let pair = &answer["pairs"][0];
    // By hand, notional 6,000 each, wallet 1,000, requirement 1 % of both.
    // BTC alone by x: 1000 + 6000x = 60(1+x) + 60  =>  x = -880/5940.
    assert!((pair["first_alone"].as_f64().unwrap() + 880.0 / 5940.0).abs() < 1e-12);
    // ETH alone by x: 1000 - 6000x = 60 + 60(1+x)  =>  x = 880/6060.
    assert!((pair["second_alone"].as_f64().unwrap() - 880.0 / 6060.0).abs() < 1e-12);
    // Together the profits cancel: 1000 = 120(1+x)  =>  x = 880/120.
    assert!((pair["together"].as_f64().unwrap() - 880.0 / 120.0).abs() < 1e-9);
    assert!((answer["account"]["market_move_up"].as_f64().unwrap() - 880.0 / 120.0).abs() < 1e-9);
    assert!(answer["account"]["market_move_down"].is_null());
    // BTC down x, ETH up x: 1000 + 12000x = 120  =>  x = -880/12000.
    assert!((pair["apart"].as_f64().unwrap() + 880.0 / 12_000.0).abs() < 1e-12);
}

#[test]
fn margin_added_on_bybit_counts_as_the_venue_says() {
    // Help text of 2026-05-27 (inverse) and its linear analogue, worked from the page's formulas: S 60,000 at 50,000, 10x, mmr 0.5 %.
    let at = |side: &str, kind: &str, size: f64, entry: f64, leverage: f64, extra: f64, fee: f64| {
        liquidation_price(&json!({"venue": "bybit", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": side, "size": size, "entry_price": entry, "mark_price": entry,
            "leverage": leverage, "extra_margin": extra, "instrument": {"kind": kind, "taker_fee": fee, "tiers": [{"floor": 0, "maintenance_margin_rate": 0.005, "max_leverage": 100}]}}]})).unwrap()
    };
    let (s, e, l, x, t, m) = (60_000.0, 50_000.0, 10.0, 0.1, 0.00055, 0.005);
    let long = s * (1.0 + m) / (s / e + s / (e * l) + x / (1.0 + t));
    assert!((at("long", "inverse", s, e, l, x, t) - long).abs() < 1e-8);
    let short = s * (1.0 - m) / (s / e - s / (e * l) - x / (1.0 - t));
    assert!((at("short", "inverse", s, e, l, x, t) - short).abs() < 1e-8);
    let (e, l, x, t) = (20_000.0, 50.0, 3_000.0, 0.0006);
    assert!((at("long", "linear", 1.0, e, l, x, t) - (e * (1.0 - 1.0 / l) - x / (1.0 - t)) / (1.0 - m)).abs() < 1e-8);
    assert!((at("short", "linear", 1.0, e, l, x, t) - (e * (1.0 + 1.0 / l) + x / (1.0 + t)) / (1.0 + m)).abs() < 1e-8);
}

#[test]
fn nearly_hedged_legs_are_liquidated_where_a_higher_tier_turns_the_slope() {
    // Long 10, short 9.9 at 100: a rise costs nothing until both legs enter the 5 % tier. By hand: above 1,500 each,
    // 1000 + 0.1(P − 100) = 0.05·19.9·P − 2·0.046·1500  =>  P = (990 + 138)/(0.995 − 0.1).
    let tiers = json!([{"floor": 0, "cap": 1500, "maintenance_margin_rate": 0.004, "max_leverage": 100}, {"floor": 1500, "maintenance_margin_rate": 0.05, "max_leverage": 20}]);
    let leg = |side: &str, size: f64| json!({"symbol": "X", "side": side, "size": size, "entry_price": 100, "mark_price": 100, "instrument": {"kind": "linear", "tiers": tiers}});
    let account = json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": 1000, "positions": [leg("long", 10.0), leg("short", 9.9)]});
    let price = liquidation_price(&account).unwrap();
    assert!((price - 1128.0 / 0.895).abs() < 1e-9, "{price}");
    assert!((ask(&account)["account"]["market_move_up"].as_f64().unwrap() - (price / 100.0 - 1.0)).abs() < 1e-12);
}
