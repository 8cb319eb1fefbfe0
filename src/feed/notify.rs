//! Notifications of the browser.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/js/notify.js")]
extern "C" {
    #[wasm_bindgen(js_name = allowed)]
    fn js_allowed() -> String;
    #[wasm_bindgen(js_name = allow)]
    async fn js_allow() -> JsValue;
    #[wasm_bindgen(js_name = show)]
    fn js_show(title: &str, body: &str);
}

/// "granted", "denied", "default" or "unsupported".
pub(crate) fn allowed() -> String {
    js_allowed()
}

/// Asks the user; what was said.
pub(crate) async fn allow() -> String {
    js_allow().await.as_string().unwrap_or_default()
}

pub(crate) fn show(title: &str, body: &str) {
    js_show(title, body);
}
