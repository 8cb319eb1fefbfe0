//! One request with limits, and what went wrong in words a person can act on.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/js/net.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetchText)]
    async fn fetch_text(
        url: &str,
        method: &str,
        body: Option<&str>,
        timeout_ms: u32,
        max_bytes: u32,
    ) -> Result<JsValue, JsValue>;
}

const TIMEOUT_MS: u32 = 10_000;

/// The text of an answer with status 200.
pub(crate) async fn text(
    method: &str,
    url: &str,
    body: Option<&str>,
    max_bytes: u32,
    host: &str,
) -> Result<String, String> {
    let answer = fetch_text(url, method, body, TIMEOUT_MS, max_bytes)
        .await
        .map_err(|e| {
            let why = js_sys::Error::from(e).message().as_string().unwrap_or_default();
            unreachable(host, &why)
        })?;
    let answer = js_sys::Array::from(&answer);
    let status = answer.get(0).as_f64().unwrap_or(0.0) as u16;
    let text = answer.get(1).as_string().unwrap_or_default();
    if status == 200 {
        Ok(text)
    } else {
        Err(refused(host, status, &text))
    }
}

fn unreachable(host: &str, why: &str) -> String {
    match why {
        "timeout" => format!("{host} did not answer within {} s.", TIMEOUT_MS / 1000),
        "size" => format!("{host} sent more than is read from it; the answer was dropped."),
        // A browser tells a page no more than this about a block, a missing permission or a lost connection.
        _ => format!("{host} is blocked or unreachable from this browser."),
    }
}

fn refused(host: &str, status: u16, text: &str) -> String {
    let reason = match status {
        403 => "refuses this address (403)",
        418 | 429 => "says too many requests (429)",
        451 => "is not offered in this place (451)",
        500..=599 => "has an error of its own",
        _ => "refused the request",
    };
    // The venue's own words, if it sent any.
    let words = serde_json::from_str::<serde_json::Value>(text).ok().and_then(|v| {
        ["msg", "retMsg", "message"]
            .iter()
            .find_map(|k| v[*k].as_str().map(str::to_owned))
    });
    let detail: String = words
        .map(|w| format!("It says: {}", w.chars().take(120).collect::<String>()))
        .unwrap_or_default();
    format!("{host} {reason}. Status {status}. {detail}")
        .trim_end()
        .to_owned()
}
