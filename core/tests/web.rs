//! The venue vectors and the error contract through the WASM module's JavaScript door, in a dedicated worker.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by stopping")]

mod support;

use headroom_core::wasm;
use js_sys::{JSON, Reflect};
use serde_json::{Value, json};
use support::{Outcome, all, check};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn to_js(value: &Value) -> JsValue {
    JSON::parse(&value.to_string()).unwrap()
}

fn from_js(value: &JsValue) -> Value {
    serde_json::from_str(&JSON::stringify(value).unwrap().as_string().unwrap()).unwrap()
}

#[wasm_bindgen_test]
fn every_vector_passes_through_the_module() {
    let door = |request: Value| from_js(&wasm::evaluate(&to_js(&request), None).unwrap());
    let through = all()
        .iter()
        .filter(|v| check(v, &door) == Outcome::Passed(true))
        .count();
    assert!(through >= 20, "{through}");
}

#[wasm_bindgen_test]
fn typed_functions_answer_as_the_one_door_does() {
    let account = json!({"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "BTCUSDT", "side": "long", "size": 0.5, "entry_price": 60000, "mark_price": 60500, "leverage": 3}]});
    let request = to_js(&json!({"account": account, "explain": true}));
    let typed = from_js(&wasm::liquidation(&request).unwrap());
    let mut whole = from_js(&request);
    whole["op"] = json!("liquidation");
    assert_eq!(typed, from_js(&wasm::evaluate(&to_js(&whole), None).unwrap()));
    assert_eq!(
        typed,
        from_js(&JSON::parse(&wasm::evaluate_json(&whole.to_string(), None)).unwrap())
    );
    // The caller's object is left as it was.
    assert!(Reflect::get(&request, &"op".into()).unwrap().is_undefined());
}

#[wasm_bindgen_test]
fn a_refusal_is_thrown_with_its_code_and_field() {
    let request = to_js(
        &json!({"op": "liquidation", "account": {"venue": "binance", "margin_mode": "isolated", "positions": [{"symbol": "BTCUSDT", "side": "long", "size": -1, "entry_price": 1, "mark_price": 1, "leverage": 3}]}}),
    );
    let error = wasm::evaluate(&request, None).unwrap_err();
    let part = |name: &str| Reflect::get(&error, &name.into()).unwrap().as_string().unwrap();
    assert_eq!(
        (part("code").as_str(), part("field").as_str()),
        ("invalid_input", "account.positions[0].size")
    );
    assert_eq!(part("name"), "EngineError");
    assert!(part("message").contains("above 0"));
    // NaN and undefined become null on the way and are refused by name.
    let nan = to_js(&json!({"op": "funding", "horizon_hours": 1}));
    Reflect::set(&nan, &"horizon_hours".into(), &f64::NAN.into()).unwrap();
    assert!(wasm::evaluate(&nan, None).is_err());
    assert!(wasm::evaluate(&JsValue::UNDEFINED, None).is_err());
}
