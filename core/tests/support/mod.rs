//! Shared by the native and the browser tests: every venue vector, put to the engine as a request wherever it is one.

use headroom_core::market::{Tier, TierUnit, Tiers};
use headroom_core::venue::gmx::pool::{self, AdaptiveFunding, ImpactTerms};
use headroom_core::venue::{binance, bybit, dydx, hyperliquid, okx};
use serde_json::{Value, json};

pub(crate) const CEX: &str = include_str!("../vectors/vectors-cex.json");
pub(crate) const DEX: &str = include_str!("../vectors/vectors-dex.json");

/// A request to the engine and its answer, through whichever door is under test.
pub(crate) type Door<'a> = &'a dyn Fn(Value) -> Value;

#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Checked; true when the number came through the door and not from a typed function.
    Passed(bool),
    NotApplicable(&'static str),
}

pub(crate) fn all() -> Vec<Value> {
    [CEX, DEX]
        .iter()
        .flat_map(|t| serde_json::from_str::<Vec<Value>>(t).unwrap())
        .collect()
}

fn num(v: &Value, key: &str) -> f64 {
    v[key].as_f64().unwrap_or_else(|| panic!("{key} is no number in {v}"))
}

fn num_or(v: &Value, key: &str, other: f64) -> f64 {
    v[key].as_f64().unwrap_or(other)
}

/// A vector under test: compares each expected figure with what was computed, to its stated tolerance.
struct Case<'a> {
    v: &'a Value,
}

impl Case<'_> {
    fn is(&self, key: &str, got: impl Into<Option<f64>>) {
        let id = &self.v["id"];
        let expected = &self.v["expected"][key];
        let tolerance = self.v["tolerance"]
            .as_f64()
            .unwrap_or_else(|| num(&self.v["tolerance"], key));
        match (expected.as_f64(), got.into()) {
            (Some(e), Some(g)) => assert!(
                (g - e).abs() <= tolerance,
                "{id} {key}: expected {e}, got {g}, tolerance {tolerance}"
            ),
            (None, None) if expected.is_null() => {}
            (_, g) => panic!("{id} {key}: expected {expected}, got {g:?}"),
        }
    }
    fn is_bool(&self, key: &str, got: bool) {
        assert_eq!(self.v["expected"][key].as_bool(), Some(got), "{} {key}", self.v["id"]);
    }
}

fn one_tier(mmr: f64, amount: f64) -> Value {
    json!([{"floor": 0, "maintenance_margin_rate": mmr, "maintenance_amount": amount, "max_leverage": 125}])
}

fn tiers_of(rows: &Value, floor: &str, cap: &str) -> Vec<Tier> {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|b| Tier {
            floor: num(b, floor),
            cap: b[cap].as_f64(),
            maintenance_margin_rate: b["mmr"].as_f64().unwrap_or_else(|| 0.5 / num(b, "max_leverage")),
            maintenance_amount: None,
            max_leverage: num_or(b, "max_leverage", num_or(b, "maxLever", 1.0)),
        })
        .collect()
}

/// Tiers with caps filled from the next floor.
fn chained(rows: &Value, floor: &str) -> Vec<Tier> {
    let mut tiers = tiers_of(rows, floor, "cap");
    for k in 1..tiers.len() {
        let next = tiers[k].floor;
        tiers[k - 1].cap = Some(next);
    }
    tiers
}

fn side(signed: f64) -> &'static str {
    if signed < 0.0 { "short" } else { "long" }
}

fn first(door: Door, account: Value) -> Value {
    let answer = door(json!({"op": "liquidation", "account": account}));
    assert!(answer["error"].is_null(), "{answer}");
    answer["positions"][0].clone()
}

fn price(position: &Value) -> Option<f64> {
    position["liquidation_price"].as_f64()
}

/// The account of a Hyperliquid vector.
fn hyperliquid_account(i: &Value) -> Value {
    let signed = num(i, "szi");
    let mark = num_or(i, "mark_px", num_or(i, "entry_px", 0.0));
    let rate = i["position_max_leverage"].as_f64().map(|l| 0.5 / l);
    let tiers = match rate {
        Some(rate) => one_tier(rate, 0.0),
        None => serde_json::to_value(chained(&i["tiers"], "lower_bound")).unwrap(),
    };
    let entry = num_or(i, "entry_px", mark);
    let mut position = json!({"symbol": i["coin"], "side": side(signed), "size": signed.abs(), "entry_price": entry, "mark_price": mark,
                              "instrument": {"kind": "linear", "tiers": tiers}});
    if i["margin_mode"] == "isolated" {
        position["margin"] = json!(num(i, "raw_usd") + signed * entry);
        return json!({"venue": "hyperliquid", "margin_mode": "isolated", "positions": [position]});
    }
    let own = signed.abs() * mark * rate.unwrap();
    let equity = i["account_value"].as_f64().unwrap_or_else(|| num(i, "spot_usdc_total"));
    json!({"venue": "hyperliquid", "margin_mode": "cross", "account_value": equity,
           "other_maintenance_margin": (num(i, "cross_maintenance_margin_used") - own).max(0.0), "positions": [position]})
}

fn dydx_account(i: &Value) -> Value {
    let signed = num(i, "size");
    json!({"venue": "dydx", "margin_mode": "cross", "account_value": i["equity"], "other_maintenance_margin": i["other_mmr"],
           "positions": [{"symbol": "ETH-USD", "side": side(signed), "size": signed.abs(), "entry_price": i["oracle_price"],
                          "mark_price": i["oracle_price"], "instrument": {"kind": "linear", "tiers": one_tier(num(i, "mmf"), 0.0)}}]})
}

fn gmx_account(i: &Value, mark: f64, collateral_price: f64) -> Value {
    let token = if i["collateral"] == "USDC" {
        "stable"
    } else if i["same_token"] == json!(true) {
        "index"
    } else {
        "other"
    };
    let fees = [
        "closing_fee_usd",
        "pending_borrowing_fee_usd",
        "borrowing_fee_usd",
        "pending_funding_fee_usd",
        "funding_fee_usd",
    ];
    json!({"venue": "gmx", "margin_mode": "isolated", "positions": [{
        "symbol": "MARKET", "side": i["side"], "size": i["size_tokens"], "size_usd": i["size_usd"], "mark_price": mark,
        "collateral": {"token": token, "amount": i["collateral_amount"], "price": collateral_price},
        "accrued_fees": fees.iter().map(|k| num_or(i, k, 0.0)).sum::<f64>(),
        "instrument": {"kind": "pool", "min_collateral_factor": i["min_collateral_factor"], "min_collateral_usd": num_or(i, "min_collateral_usd", 1.0)}}]})
}

fn funding_cost(door: Door, p: (f64, &str), mark: f64, rate: f64) -> f64 {
    let answer = door(
        json!({"op": "funding", "horizon_hours": 8, "market": {"funding_rate": rate, "funding_interval_hours": 8},
        "position": {"symbol": "X", "side": p.1, "size": p.0, "entry_price": mark, "mark_price": mark, "leverage": 1,
                     "instrument": {"kind": "linear", "tiers": one_tier(0.01, 0.0)}}}),
    );
    -answer["expected_cost"].as_f64().unwrap_or_else(|| panic!("{answer}"))
}

/// Puts one vector to the test; panics with its id when it fails.
#[allow(clippy::too_many_lines, reason = "one arm per kind of vector")]
pub(crate) fn check(v: &Value, door: Door) -> Outcome {
    use Outcome::{NotApplicable, Passed};
    let c = Case { v };
    let i = &v["inputs"];
    let venue = v["venue"].as_str().unwrap();
    let regime = v["regime"].as_str().unwrap_or("");
    let kind = v["kind"].as_str().unwrap();
    if regime == "entry_value_mm" && kind != "im_mm" {
        return NotApplicable(
            "Bybit's rule before 2025-09-02 (maintenance on entry value); the engine holds the rule in force",
        );
    }
    if regime == "legacy" {
        return NotApplicable("Bybit's classic inverse account, closed since; fee counted on the liquidation side");
    }
    if venue == "deribit" {
        return NotApplicable("Deribit perpetuals are not among the six venues");
    }
    match (venue, kind) {
        ("binance-um", "liq_price_isolated") => {
            let p = if i["position"].is_object() { &i["position"] } else { i };
            let margin = match i["isolated_margin"].as_f64() {
                Some(m) => {
                    let wallet = m - num(i, "unrealized_pnl");
                    c.is("isolated_wallet", wallet);
                    wallet
                }
                None => num(i, "wallet_balance"),
            };
            let tiers = if i["brackets"].is_array() {
                serde_json::to_value(chained(&i["brackets"], "floor")).unwrap()
            } else {
                one_tier(num(p, "mmr"), num(p, "cum"))
            };
            let got = first(
                door,
                json!({"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": p["side"], "size": p["qty"],
                "entry_price": p["entry"], "mark_price": p["entry"], "margin": margin, "instrument": {"kind": "linear", "tiers": tiers}}]}),
            );
            c.is("liquidation_price", price(&got));
            if let Some(k) = v["expected"]["bracket_at_liquidation"].as_u64() {
                assert_eq!(got["tier_at_liquidation"]["tier"].as_u64(), Some(k), "{}", v["id"]);
            }
            Passed(true)
        }
        ("binance-um", "liq_price_cross") => {
            let positions: Vec<Value> = i["positions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| {
                    json!({"symbol": p["symbol"], "side": p["side"], "size": p["qty"],
                "entry_price": p["entry"], "mark_price": num_or(p, "mark", num(p, "entry")),
                "instrument": {"kind": "linear", "tiers": one_tier(num(p, "mmr"), num(p, "cum"))}})
                })
                .collect();
            c.is("liquidation_price", price(&first(door, json!({"venue": "binance", "margin_mode": "cross", "wallet_balance": i["cross_wallet_balance"], "positions": positions}))));
            Passed(true)
        }
        ("binance-cm", "notional_and_mm" | "maintenance_margin") => {
            let got = first(
                door,
                json!({"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "BTCUSD_PERP", "side": "long", "size": i["contracts"],
                "entry_price": i["mark"], "mark_price": i["mark"], "leverage": 10,
                "instrument": {"kind": "inverse", "contract_size": i["contract_size_usd"], "tiers": one_tier(num(i, "mmr"), num(i, "cum"))}}]}),
            );
            c.is("notional_coin", got["notional"].as_f64());
            c.is("maintenance_margin_coin", got["maintenance_margin"].as_f64());
            Passed(true)
        }
        ("binance-um", "maintenance_amount") => {
            let t = Tiers::new("t", &tiers_of(&i["brackets"], "floor", "cap"), TierUnit::Notional).unwrap();
            let expected: Vec<f64> = v["expected"]["cum"]
                .as_array()
                .unwrap()
                .iter()
                .map(|x| x.as_f64().unwrap())
                .collect();
            for (row, e) in t.rows().iter().zip(&expected) {
                assert!(
                    (row.amount - e).abs() < num(v, "tolerance"),
                    "{}: {} against {e}",
                    v["id"],
                    row.amount
                );
            }
            assert_eq!(t.rows().len(), expected.len());
            Passed(false)
        }
        ("binance-cm", "maintenance_amount") => {
            // One step of the recursion: a table whose second row starts with the amount before it.
            let before = Tier {
                floor: 0.0,
                cap: Some(num(i, "floor")),
                maintenance_margin_rate: num(i, "prev_mmr"),
                maintenance_amount: Some(num(i, "prev_cum")),
                max_leverage: 10.0,
            };
            let step = Tier {
                floor: num(i, "floor"),
                cap: None,
                maintenance_margin_rate: num(i, "mmr"),
                maintenance_amount: None,
                max_leverage: 10.0,
            };
            c.is(
                "cum",
                Tiers::new("t", &[before, step], TierUnit::Notional).unwrap().rows()[1].amount,
            );
            Passed(false)
        }
        ("binance-um", "maintenance_margin") => {
            let b = &i["bracket"];
            let got = first(
                door,
                json!({"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": "long", "size": i["notional"], "entry_price": 1,
                "mark_price": 1, "leverage": 10, "instrument": {"kind": "linear", "tiers": [{"floor": b["floor"], "maintenance_margin_rate": b["mmr"], "maintenance_amount": b["cum"], "max_leverage": 75}]}}]}),
            );
            c.is("maintenance_margin", got["maintenance_margin"].as_f64());
            Passed(true)
        }
        (_, "tier_lookup") => {
            let (rows, unit, at, low, high) = if venue == "okx" {
                (
                    &i["tiers"],
                    TierUnit::Contracts,
                    num(i, "size_contracts"),
                    "minSz",
                    "maxSz",
                )
            } else {
                (&i["brackets"], TierUnit::Notional, num(i, "notional"), "floor", "cap")
            };
            let row = Tiers::new("t", &tiers_of(rows, low, high), unit).unwrap().row(at);
            c.is("mmr", row.rate);
            if v["expected"]["cum"].is_number() {
                c.is("cum", row.amount);
            }
            Passed(false)
        }
        ("binance-um" | "bybit", "funding_payment") => {
            let side = i["side"].as_str().unwrap();
            let flow = match i["events"].as_array() {
                // Only events after opening, up to and including the moment of closing.
                Some(events) => {
                    let (open, close) = (i["open"].as_str().unwrap(), i["close"].as_str().unwrap());
                    events
                        .iter()
                        .filter(|e| {
                            let t = format!("{}:00", e["time"].as_str().unwrap());
                            t.as_str() > open && t.as_str() <= close
                        })
                        .map(|e| funding_cost(door, (num(i, "qty"), side), num(e, "mark"), num(e, "rate")))
                        .sum()
                }
                None => funding_cost(door, (num(i, "qty"), side), num(i, "mark"), num(i, "rate")),
            };
            c.is("cash_flow", flow);
            Passed(true)
        }
        ("binance-um", "funding_rate") => {
            c.is(
                "rate",
                binance::rule::funding_rate(num(i, "avg_premium"), num(i, "interest_8h"), num(i, "interval_hours")),
            );
            Passed(false)
        }
        ("okx", "funding_rate") => {
            c.is(
                "rate",
                okx::rule::funding_rate(
                    num(i, "avg_premium"),
                    num(i, "interest"),
                    num(i, "floor"),
                    num(i, "cap"),
                ),
            );
            Passed(false)
        }
        ("okx", "liq_price_isolated") => {
            let got = first(
                door,
                json!({"venue": "okx", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": i["side"], "size": i["qty_base"], "entry_price": i["entry"],
                "mark_price": i["entry"], "margin": i["margin"], "instrument": {"kind": "linear", "taker_fee": i["taker_fee"], "tiers": one_tier(num(i, "mmr"), 0.0)}}]}),
            );
            c.is("liquidation_price", price(&got));
            Passed(true)
        }
        ("okx", "notional_and_mm") => {
            let inverse = i["ct_val_usd"].is_number();
            let (size, contract) = if inverse {
                (num(i, "contracts"), i["ct_val_usd"].clone())
            } else {
                (num(i, "contracts") * num(i, "ct_val_base"), i["ct_val_base"].clone())
            };
            let got = first(
                door,
                json!({"venue": "okx", "margin_mode": "cross", "wallet_balance": 1000, "positions": [{"symbol": "BTC-USDT-SWAP", "side": i["side"].as_str().unwrap_or("long"),
                "size": size, "entry_price": i["avg_px"], "mark_price": i["mark"], "leverage": i["leverage"],
                "instrument": {"kind": if inverse { "inverse" } else { "linear" }, "contract_size": contract, "taker_fee": 0.0005, "tiers": one_tier(num(i, "mmr"), 0.0)}}]}),
            );
            c.is("imr", got["initial_margin"].as_f64());
            c.is("mmr_amount", got["maintenance_margin"].as_f64());
            c.is("upl", got["unrealised_pnl"].as_f64());
            Passed(true)
        }
        ("okx", "margin_ratio") => {
            // The older sample has no mark: it follows from the maintenance margin, notional·mmr.
            let notional = num(i, "mmr_amount") / num(i, "mmr");
            let mark = num_or(i, "mark", num(i, "contracts") * num(i, "ct_val_usd") / notional);
            let got = first(
                door,
                json!({"venue": "okx", "margin_mode": "isolated", "positions": [{"symbol": "ETH-USD-SWAP", "side": "long", "size": i["contracts"], "entry_price": i["avg_px"],
                "mark_price": mark, "margin": i["margin"], "instrument": {"kind": "inverse", "contract_size": i["ct_val_usd"], "taker_fee": i["taker_fee"], "tiers": one_tier(num(i, "mmr"), 0.0)}}]}),
            );
            c.is("mgn_ratio", got["venue_margin_ratio"].as_f64());
            if v["expected"]["initial_margin"].is_number() {
                c.is(
                    "initial_margin",
                    num(i, "contracts") * num(i, "ct_val_usd") / num(i, "avg_px") / num(i, "leverage"),
                );
                c.is("initial_margin", got["initial_margin"].as_f64());
            }
            Passed(true)
        }
        ("bybit", "im_mm" | "liq_price_isolated") => {
            let inverse = i["size_usd"].is_number();
            let got = first(
                door,
                json!({"venue": "bybit", "margin_mode": "isolated", "positions": [{"symbol": "X", "side": i["side"], "size": if inverse { &i["size_usd"] } else { &i["qty"] },
                "entry_price": i["entry"], "mark_price": i["entry"], "leverage": i["leverage"], "extra_margin": num_or(i, "extra_margin", 0.0),
                "instrument": {"kind": if inverse { "inverse" } else { "linear" }, "taker_fee": num_or(i, "taker_fee", 0.00055), "tiers": one_tier(num(i, "mmr"), num(i, "mm_deduction"))}}]}),
            );
            if kind == "im_mm" {
                // At mark = entry the older and the present rule agree.
                c.is("initial_margin", got["initial_margin"].as_f64());
                c.is("maintenance_margin", got["maintenance_margin"].as_f64());
            } else {
                c.is("liquidation_price", price(&got));
            }
            Passed(true)
        }
        ("bybit", "adl_trigger") => {
            let (ratio, triggered, amount) = bybit::rule::adl(
                num(i, "symbol_pnl"),
                num(i, "symbol_pnl_max_8h"),
                num(i, "pool_balance"),
                num(i, "pool_max_8h"),
                num(i, "trigger_ratio"),
            );
            c.is("pnl_ratio", ratio);
            c.is_bool("triggered", triggered);
            assert!((amount - num(&v["expected"], "adl_amount")).abs() < 1e-6, "{amount}");
            Passed(false)
        }
        (
            "hyperliquid",
            "liq_price_isolated" | "liq_price_cross" | "liq_price_unified" | "liq_price_isolated_tiered",
        ) => {
            c.is("liquidation_price", price(&first(door, hyperliquid_account(i))));
            Passed(true)
        }
        ("hyperliquid", "available_margin") => {
            c.is(
                "available_after_maintenance",
                num(i, "spot_usdc_total") - num(i, "cross_maintenance_margin_used"),
            );
            Passed(false)
        }
        ("hyperliquid", "maintenance_margin_tier") => {
            let notional = num(i, "notional");
            let tiers = serde_json::to_value(chained(&i["tiers"], "lower_bound")).unwrap();
            let got = first(
                door,
                json!({"venue": "hyperliquid", "margin_mode": "isolated", "positions": [{"symbol": "ETH", "side": "long", "size": notional, "entry_price": 1, "mark_price": 1,
                "leverage": 5, "instrument": {"kind": "linear", "tiers": tiers}}]}),
            );
            c.is("maintenance_margin", got["maintenance_margin"].as_f64());
            c.is("maintenance_rate", got["tier"]["maintenance_margin_rate"].as_f64());
            c.is("deduction", got["tier"]["maintenance_amount"].as_f64());
            Passed(true)
        }
        ("hyperliquid", "funding_rate") => {
            let hour = hyperliquid::rule::funding_rate_1h(num(i, "premium"), num(i, "interest_8h"));
            c.is("rate_1h", hour);
            if let Some(size) = i["position"].as_f64() {
                c.is("rate_8h", hour * 8.0);
                c.is(
                    "payment_1h",
                    funding_cost(door, (size, "long"), num(i, "oracle_px"), hour),
                );
            }
            Passed(false)
        }
        ("hyperliquid", "premium") => {
            c.is(
                "premium",
                hyperliquid::rule::premium(num(i, "oracle_px"), num(i, "impact_bid"), num(i, "impact_ask")),
            );
            Passed(false)
        }
        ("hyperliquid", "funding_payment") => {
            c.is(
                "payment",
                funding_cost(
                    door,
                    (num(i, "szi"), "long"),
                    num(i, "oracle_px"),
                    num(i, "funding_rate"),
                ),
            );
            Passed(true)
        }
        ("hyperliquid", "liquidation_fill") => {
            // Realised profit of a long is size·(price − entry): the engine's own profit at that entry must be the printed one.
            let entry = num(&v["expected"], "entry_px");
            let got = first(
                door,
                json!({"venue": "hyperliquid", "margin_mode": "isolated", "positions": [{"symbol": "SOL", "side": "long", "size": i["size"], "entry_price": entry, "mark_price": i["px"],
                "leverage": 10, "instrument": {"kind": "linear", "tiers": one_tier(0.025, 0.0)}}]}),
            );
            assert!(
                (got["unrealised_pnl"].as_f64().unwrap() - num(i, "closed_pnl")).abs()
                    < num(i, "size") * num(v, "tolerance")
            );
            Passed(true)
        }
        ("hyperliquid", "liquidation_size") => {
            let cases = i["cases"].as_array().unwrap();
            c.is(
                "first_fraction_large",
                hyperliquid::rule::first_liquidation_fraction(num(&cases[0], "position_value")),
            );
            c.is(
                "first_fraction_small",
                hyperliquid::rule::first_liquidation_fraction(num(&cases[1], "position_value")),
            );
            Passed(false)
        }
        ("hyperliquid", "backstop") => {
            let threshold = hyperliquid::rule::backstop_equity(num(i, "maintenance_margin"));
            c.is("threshold", threshold);
            let cases: Vec<bool> = i["equity_cases"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e.as_f64().unwrap() < threshold)
                .collect();
            assert_eq!(cases, [false, true]);
            Passed(false)
        }
        ("gmx-v1", "liq_price") => {
            c.is(
                "liquidation_price",
                pool::v1_liquidation_price(
                    i["side"] == "long",
                    num(i, "size_usd"),
                    num(i, "collateral_usd"),
                    num(i, "average_price"),
                    num(i, "funding_fee_usd"),
                    num(i, "margin_fee"),
                    num(i, "liquidation_fee_usd"),
                    num(i, "max_leverage"),
                ),
            );
            Passed(false)
        }
        ("gmx", "liq_price") => {
            c.is(
                "liquidation_price",
                price(&first(
                    door,
                    gmx_account(i, num(i, "mark_price"), num(i, "collateral_price")),
                )),
            );
            Passed(true)
        }
        ("gmx", "liquidation_check") => {
            if let Some(cases) = i["cases"].as_array() {
                for case in cases {
                    let mark = num_or(case, "price", num_or(i, "index_price", 0.0));
                    let got = first(door, gmx_account(i, mark, num_or(case, "collateral_price", mark)));
                    assert_eq!(got["liquidatable_now"], case["liquidatable"], "{} at {case}", v["id"]);
                    if v["expected"]["liquidation_price"].is_number() {
                        c.is("liquidation_price", price(&got));
                    } else {
                        // The second price, of the collateral token, lies between the two cases.
                        let p = got["collateral_liquidation_price"].as_f64().unwrap();
                        assert!(
                            p > num(&v["expected"], "liquidatable_at") && p < num(&v["expected"], "safe_at"),
                            "{p}"
                        );
                    }
                }
            } else {
                let got = first(
                    door,
                    gmx_account(i, num(i, "index_price_max"), num(i, "collateral_price_min")),
                );
                let t = 1e-6;
                for (key, field) in [
                    ("base_pnl_usd", "unrealised_pnl"),
                    ("remaining_collateral_usd", "equity"),
                    ("min_collateral_usd_required", "maintenance_margin"),
                    ("liquidation_price", "liquidation_price"),
                ] {
                    let (e, g) = (num(&v["expected"], key), got[field].as_f64().unwrap());
                    assert!(
                        (e - g).abs() <= num_or(v, "tolerance", t).max(1e-6),
                        "{} {key}: {e} against {g}",
                        v["id"]
                    );
                }
                assert_eq!(got["liquidatable_now"], v["expected"]["liquidatable"]);
            }
            Passed(true)
        }
        ("gmx", "position_value") => {
            let got = first(
                door,
                json!({"venue": "gmx", "margin_mode": "isolated", "positions": [{"symbol": "M", "side": "long", "size": i["size_tokens"], "size_usd": i["size_usd"], "mark_price": i["index_price"],
                "collateral": {"token": "index", "amount": i["collateral_amount"], "price": i["collateral_price"]}, "accrued_fees": 0, "instrument": {"kind": "pool", "min_collateral_factor": 0.005}}]}),
            );
            c.is("base_pnl_usd", got["unrealised_pnl"].as_f64());
            let price = num(i, "collateral_price");
            let closing = num(i, "size_usd") * num(i, "closing_fee_factor") / price;
            let borrowing = num(i, "borrowing_fee_usd") / price;
            c.is("position_fee_amount", closing);
            c.is("borrowing_fee_amount", borrowing);
            c.is("total_cost_amount", closing + borrowing + num(i, "funding_fee_amount"));
            Passed(true)
        }
        ("gmx", "price_impact") if i["steps"].is_array() => {
            let terms = ImpactTerms {
                positive_factor: num(i, "factor"),
                negative_factor: num(i, "factor"),
                positive_exponent: 2.0,
                negative_exponent: 2.0,
            };
            let step = |k: usize| {
                pool::price_impact(
                    terms,
                    i["steps"][k][0].as_f64().unwrap(),
                    0.0,
                    i["steps"][k][1].as_f64().unwrap(),
                    0.0,
                )
            };
            c.is("first", step(0));
            c.is("second", step(1));
            Passed(false)
        }
        ("gmx", "price_impact") => {
            let terms = ImpactTerms {
                positive_factor: num(i, "positive_factor"),
                negative_factor: num(i, "negative_factor"),
                positive_exponent: num(i, "exponent_positive"),
                negative_exponent: num(i, "exponent_negative"),
            };
            let (l, s, d) = (
                num(i, "open_interest_long"),
                num(i, "open_interest_short"),
                num(i, "size_delta_usd"),
            );
            let (l2, s2) = if i["side"] == "long" { (l + d, s) } else { (l, s + d) };
            c.is("price_impact_usd", pool::price_impact(terms, l, s, l2, s2));
            Passed(false)
        }
        ("gmx", "impact_factor") => {
            c.is(
                "value",
                pool::impact_factor(num(i, "diff_usd"), num(i, "factor"), num(i, "exponent")),
            );
            Passed(false)
        }
        ("gmx", "adaptive_funding") => {
            let a = AdaptiveFunding {
                threshold_stable: num(i, "threshold_stable"),
                threshold_decrease: num(i, "threshold_decrease"),
                increase_per_second: num(i, "increase_factor_per_second"),
                decrease_per_second: num(i, "decrease_factor_per_second"),
            };
            c.is(
                "change_in_saved_rate",
                a.change(1e-3, 1.0, num(i, "imbalance"), num(i, "seconds")),
            );
            Passed(false)
        }
        ("gmx", "static_funding") => {
            let (l, s) = (num(i, "open_interest_long"), num(i, "open_interest_short"));
            let rate = pool::static_funding_rate(num(i, "funding_factor"), l, s, num(i, "exponent"));
            c.is("rate_per_second", rate);
            c.is("long_pays_usd", rate * num(i, "seconds") * l);
            c.is("receive_ratio", pool::funding_split(rate, true, l, s).1 / rate);
            Passed(false)
        }
        ("gmx", "funding_split") => {
            let (longs, shorts) = pool::funding_split(
                num(i, "paying_rate"),
                i["longs_pay_shorts"] == json!(true),
                num(i, "open_interest_long"),
                num(i, "open_interest_short"),
            );
            c.is("rate_for_longs", longs);
            c.is("rate_for_shorts", shorts);
            Passed(false)
        }
        ("gmx", "borrowing_fee") => {
            let rate = pool::borrowing_curve(
                num(i, "borrowing_factor"),
                num(i, "reserved_usd"),
                num(i, "exponent"),
                num(i, "pool_usd"),
            );
            c.is("fee_usd", rate * num(i, "seconds") * num(i, "size_usd"));
            Passed(false)
        }
        ("gmx", "borrowing_rate") => {
            c.is(
                "rate_per_year",
                pool::borrowing_kink(
                    num(i, "usage"),
                    num(i, "optimal_usage"),
                    num(i, "base_factor_per_year"),
                    num(i, "above_optimal_factor_per_year"),
                ),
            );
            Passed(false)
        }
        ("dydx", "liq_price") => {
            c.is("liquidation_price", price(&first(door, dydx_account(i))));
            Passed(true)
        }
        ("dydx", "liquidatable" | "bankruptcy_quote" | "fillable_price") => {
            let p = &i["positions"][0];
            let (size, oracle, mmf) = (num(p, "size"), num(p, "oracle_price"), num(p, "mmf"));
            let (equity, requirement) = (num(i, "quote_balance") + size * oracle, size.abs() * oracle * mmf);
            match kind {
                "liquidatable" => {
                    let got = first(
                        door,
                        dydx_account(
                            &json!({"equity": equity, "size": size, "oracle_price": oracle, "mmf": mmf, "other_mmr": 0}),
                        ),
                    );
                    c.is_bool("liquidatable", got["liquidatable_now"] == json!(true));
                    return Passed(true);
                }
                "bankruptcy_quote" => c.is(
                    "quote_received",
                    dydx::rule::bankruptcy_quote(oracle, num(i, "delta"), mmf, equity, requirement),
                ),
                _ => c.is(
                    "fillable_price",
                    dydx::rule::fillable_price(
                        oracle,
                        size.signum(),
                        mmf,
                        equity,
                        requirement,
                        num(i, "bankruptcy_adjustment"),
                        num(i, "spread_to_maintenance_margin_ratio"),
                    ),
                ),
            }
            Passed(false)
        }
        ("dydx", "margin_requirement") => {
            let (p, base) = (num(i, "oracle_price"), num(i, "initial_margin_fraction"));
            let notional = num(i, "size") * p;
            let imf = dydx::rule::effective_initial_fraction(
                base,
                num(i, "open_interest") * p,
                num(i, "open_interest_lower_cap"),
                num(i, "open_interest_upper_cap"),
            );
            c.is("initial_margin", notional * imf);
            c.is("maintenance_margin", notional * base * num(i, "maintenance_fraction"));
            Passed(false)
        }
        ("dydx", "funding_cap") => {
            c.is(
                "cap_8h",
                dydx::rule::funding_cap_8h(
                    num(i, "initial_margin_fraction"),
                    num(i, "maintenance_margin_fraction"),
                    num(i, "clamp_factor"),
                ),
            );
            Passed(false)
        }
        ("dydx", "funding_index_delta") => {
            c.is(
                "index_delta",
                dydx::rule::funding_index_delta(
                    num(i, "rate_8h_ppm"),
                    num(i, "seconds"),
                    num(i, "price"),
                    num(i, "price_exponent") as i32,
                    num(i, "atomic_resolution") as i32,
                ),
            );
            Passed(false)
        }
        other => panic!("{}: no test for {other:?}", v["id"]),
    }
}
