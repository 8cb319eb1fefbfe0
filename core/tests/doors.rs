//! Bad input gives an error that names the field, and the command line keeps its promises.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

use headroom_core::evaluate_json;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

fn ask(text: &str) -> Value {
    serde_json::from_str(&evaluate_json(text, &mut |_| {})).unwrap()
}

fn example() -> Value {
    json!({"op": "liquidation", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [
        {"symbol": "BTCUSDT", "side": "long", "size": 0.5, "entry_price": 60000, "mark_price": 60500, "leverage": 3}]}})
}

/// The error of the example with one value replaced (`null` by removal when `value` is None).
fn with(pointer: &str, value: Option<Value>) -> (String, String, String) {
    let mut request = example();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let map = request.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(v) => map.insert(key.to_owned(), v),
        None => map.remove(key),
    };
    let answer = ask(&request.to_string());
    let part = |k: &str| {
        answer["error"][k]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {answer}"))
            .to_owned()
    };
    (part("code"), part("field"), part("message"))
}

#[test]
fn each_fault_names_its_field() {
    let position = "/account/positions/0";
    let cases = [
        (
            format!("{position}/size"),
            Some(json!(-0.5)),
            "invalid_input",
            "account.positions[0].size",
        ),
        (
            format!("{position}/size"),
            Some(json!("0.5")),
            "invalid_input",
            "account.positions[0].size",
        ),
        (
            format!("{position}/size"),
            Some(Value::Null),
            "invalid_input",
            "account.positions[0].size",
        ),
        (
            format!("{position}/size"),
            None,
            "invalid_input",
            "account.positions[0].size",
        ),
        (
            format!("{position}/size"),
            Some(json!(0)),
            "invalid_input",
            "account.positions[0].size",
        ),
        (
            format!("{position}/leverage"),
            Some(json!(0)),
            "invalid_input",
            "account.positions[0].leverage",
        ),
        (
            format!("{position}/leverage"),
            None,
            "invalid_input",
            "account.positions[0].leverage",
        ),
        (
            format!("{position}/side"),
            Some(json!("up")),
            "invalid_input",
            "account.positions[0].side",
        ),
        (
            format!("{position}/mark_price"),
            Some(json!(1e300)),
            "invalid_input",
            "account.positions[0].mark_price",
        ),
        (
            format!("{position}/entry_price"),
            None,
            "invalid_input",
            "account.positions[0].entry_price",
        ),
        (
            format!("{position}/symbol"),
            Some(json!("NOSUCHUSDT")),
            "unknown_symbol",
            "account.positions[0].symbol",
        ),
        (
            format!("{position}/instrument"),
            Some(json!({"kind": "linear", "tiers": []})),
            "insufficient_data",
            "account.positions[0].instrument.tiers",
        ),
        (
            format!("{position}/instrument"),
            Some(json!({"kind": "linear", "tiers": [{"floor": 0, "maintenance_margin_rate": 2, "max_leverage": 5}]})),
            "invalid_input",
            "account.positions[0].instrument.tiers[0].maintenance_margin_rate",
        ),
        (
            format!("{position}/liquidation"),
            Some(json!(1)),
            "invalid_input",
            "account.positions[0].liquidation",
        ),
        (
            "/account/venue".to_owned(),
            Some(json!("mtgox")),
            "invalid_input",
            "account.venue",
        ),
        (
            "/account/positions".to_owned(),
            Some(json!([])),
            "insufficient_data",
            "account.positions",
        ),
        (
            "/account/margin_mode".to_owned(),
            Some(json!("cross")),
            "invalid_input",
            "account.wallet_balance",
        ),
        ("/op".to_owned(), Some(json!("divine")), "unsupported", "op"),
        ("/op".to_owned(), None, "invalid_input", "op"),
        ("/explain".to_owned(), Some(json!("yes")), "invalid_input", "explain"),
    ];
    for (pointer, value, code, field) in cases {
        let (c, f, m) = with(&pointer, value.clone());
        assert_eq!((c.as_str(), f.as_str()), (code, field), "{pointer} = {value:?}: {m}");
        assert!(!m.is_empty());
    }
    for text in ["", "null", "[]", "{", "\"x\"", "{\"op\":\"liquidation\"", "NaN"] {
        assert_eq!(ask(text)["error"]["code"], "invalid_input", "{text}");
    }
}

#[test]
fn one_account_cannot_hold_two_collaterals() {
    let leg = |symbol: &str, kind: &str| {
        json!({"symbol": symbol, "side": "long", "size": 1, "entry_price": 100, "mark_price": 100,
        "instrument": {"kind": kind, "contract_size": 1, "tiers": [{"floor": 0, "maintenance_margin_rate": 0.01, "max_leverage": 50}]}})
    };
    for (a, b) in [
        (("BTCUSDT", "linear"), ("BTCUSD", "inverse")),
        (("BTCUSD", "inverse"), ("ETHUSD", "inverse")),
    ] {
        let answer = ask(&json!({"op": "liquidation", "account": {"venue": "binance", "margin_mode": "cross", "wallet_balance": 10, "positions": [leg(a.0, a.1), leg(b.0, b.1)]}}).to_string());
        assert_eq!(answer["error"]["code"], "unsupported");
        assert_eq!(answer["error"]["field"], "account.positions[1].symbol");
    }
}

#[test]
fn ids_are_echoed_and_explanations_can_be_redone_by_hand() {
    let mut request = example();
    request["id"] = json!({"any": [1]});
    request["explain"] = json!(true);
    let answer = ask(&request.to_string());
    assert_eq!(answer["id"], json!({"any": [1]}));
    let steps = answer["explanation"].as_array().unwrap();
    let step = steps
        .iter()
        .find(|s| s["label"].as_str().unwrap().contains("liquidation price"))
        .unwrap();
    let input = |name: &str| {
        step["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|i| i["name"] == name)
            .unwrap()["value"]
            .as_f64()
            .unwrap()
    };
    // The formula in the step, worked with the numbers in the step.
    assert_eq!(
        step["formula"],
        "(s · units · entry − cash − amount + reserve) / (units · (s − rate − fee) + held)"
    );
    let redone = (input("s") * input("units") * input("entry") - input("cash") - input("amount") + input("reserve"))
        / (input("units") * (input("s") - input("rate") - input("fee")) + input("held"));
    assert!((redone - answer["positions"][0]["liquidation_price"].as_f64().unwrap()).abs() < 1e-9);
}

#[test]
fn every_operation_explains_itself() {
    let account = example()["account"].clone();
    let market = json!({"BTCUSDT": {"volatility": 0.8}});
    let requests = [
        json!({"op": "liquidation", "account": account}),
        json!({"op": "funding", "position": account["positions"][0], "market": {"funding_rate": 0.0001, "funding_interval_hours": 8}, "horizon_hours": 24}),
        json!({"op": "probability", "account": account, "markets": market, "horizons_hours": [24]}),
        json!({"op": "normalize", "source": "binance.depth", "body": {"bids": [["1", "1"]], "asks": [["2", "1"]]}}),
        json!({"op": "describe"}),
    ];
    for mut r in requests {
        assert!(ask(&r.to_string())["explanation"].is_null(), "{r}");
        r["explain"] = json!(true);
        let answer = ask(&r.to_string());
        let steps = answer["explanation"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert!(
            !steps.is_empty()
                && steps
                    .iter()
                    .all(|s| ["label", "formula", "inputs", "value", "unit", "source"]
                        .iter()
                        .all(|k| s.get(k).is_some())),
            "{answer}"
        );
    }
}

#[test]
fn describe_lists_every_operation_with_its_schema() {
    let answer = ask(r#"{"op":"describe"}"#);
    let ops: Vec<&str> = answer["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["op"].as_str().unwrap())
        .collect();
    assert_eq!(
        ops,
        [
            "liquidation",
            "funding",
            "volatility",
            "probability",
            "calibration",
            "size",
            "hedge",
            "liquidation_map",
            "cascade",
            "linked_cascade",
            "hawkes",
            "replay",
            "venues",
            "warning",
            "alerts",
            "normalize",
            "describe"
        ]
    );
    assert_eq!(
        answer["operations"][0]["request"]["properties"]["account"]["$ref"],
        "#/$defs/Account"
    );
    // Each name stands beside its own schema.
    for (k, field) in [(2, "horizon_hours"), (3, "horizons_hours")] {
        assert!(answer["operations"][k]["request"]["properties"].get(field).is_some());
    }
    let binance = answer["snapshot"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["venue"] == "binance")
        .unwrap();
    assert_eq!(binance["date"], "2026-03-05");
    assert!(binance["listings"].as_array().unwrap().len() > 600);
}

fn run(arguments: &[&str], input: &[u8]) -> (String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_headroom"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    (String::from_utf8(out.stdout).unwrap(), out.status.code().unwrap())
}

#[test]
fn the_command_line_answers_line_by_line_and_goes_on_after_a_bad_line() {
    let good = example().to_string();
    let (out, code) = run(&[], format!("{good}\n\n{good}").as_bytes());
    assert_eq!((out.lines().count(), code), (2, 0));
    let (out, code) = run(
        &[],
        format!("{good}\nnot json\n{{\"id\":3,\"op\":\"liquidation\"}}\n{good}\n").as_bytes(),
    );
    let lines: Vec<Value> = out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(code, 1);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["error"]["code"], "invalid_input");
    assert_eq!(
        (&lines[2]["id"], &lines[2]["error"]["field"]),
        (&json!(3), &json!("account"))
    );
    assert!(lines[3]["positions"][0]["liquidation_price"].is_number());
    assert_eq!(run(&["--nonsense"], b"").1, 2);
    assert_eq!(run(&["/no/such/file"], b"").1, 2);
}

#[test]
fn ten_megabytes_of_garbage_are_refused() {
    let garbage = "x".repeat(10_000_000);
    let (out, code) = run(&[], garbage.as_bytes());
    assert_eq!(code, 1);
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap()["error"]["field"],
        "request"
    );
    let answer = ask(&json!({"op": "normalize", "source": "binance.klines", "body": garbage}).to_string());
    assert_eq!(answer["error"]["field"], "body");
    let (_, code) = run(&[], &[0xff, 0xfe, b'\n']);
    assert_eq!(code, 1);
    let deep = format!(
        "{{\"op\":\"normalize\",\"source\":\"binance.klines\",\"body\":{}{}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert_eq!(ask(&deep)["error"]["code"], "invalid_input");
}

/// `schemas.json` is what the types say. `HEADROOM_WRITE=1 cargo test -p headroom-core --test doors schemas` writes it anew.
#[test]
fn shipped_schemas_are_those_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/schemas.json");
    let made = serde_json::to_string(&headroom_core::api::schema::operations()).unwrap() + "\n";
    if std::env::var_os("HEADROOM_WRITE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == made,
        "schemas.json is stale: run with HEADROOM_WRITE=1"
    );
}
