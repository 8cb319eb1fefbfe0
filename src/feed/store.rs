//! History kept on this device between visits, with a limit and a way to clear it.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/js/store.js")]
extern "C" {
    #[wasm_bindgen(js_name = readKept)]
    async fn read_kept(name: &str) -> JsValue;
    #[wasm_bindgen(js_name = keep)]
    async fn keep(name: &str, text: &str, limit: f64);
    #[wasm_bindgen(js_name = keptBytes)]
    async fn kept_bytes() -> JsValue;
    #[wasm_bindgen(js_name = forget)]
    async fn forget();
}

/// Bytes kept at most.
pub(crate) const LIMIT: f64 = 20_000_000.0;

/// What was kept under a name, if it still reads.
pub(super) async fn get<T: serde::de::DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_str(&read_kept(name).await.as_string()?).ok()
}

pub(super) async fn put<T: serde::Serialize>(name: &str, value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        keep(name, &text, LIMIT).await;
    }
}

/// Bytes kept now, and the most.
pub(crate) async fn size() -> (f64, f64) {
    (kept_bytes().await.as_f64().unwrap_or(0.0), LIMIT)
}

pub(crate) async fn clear() {
    forget().await;
}
