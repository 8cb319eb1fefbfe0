//! Probabilities, whose work a pool of workers shares.

use super::{Fault, folder};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/js/pool.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = shareOut)]
    async fn share_out(
        folder: &str,
        version: &str,
        request: &str,
        on_answer: &Closure<dyn FnMut(String)>,
    ) -> Result<JsValue, JsValue>;
}

/// The answer to a request as JSON text; `so_far` hears of rougher ones on the way. `None` where a newer request took its
/// place.
pub(crate) async fn share(request: &str, so_far: impl FnMut(String) + 'static) -> Result<Option<String>, Fault> {
    let heard = Closure::new(so_far);
    share_out(&folder(), env!("CARGO_PKG_VERSION"), request, &heard)
        .await
        .map(|answer| answer.as_string())
        .map_err(|e| {
            let why = e.dyn_ref::<js_sys::Error>().map(|e| String::from(e.message()));
            Fault::of(
                "engine",
                &why.unwrap_or_else(|| "The engine's workers could not be started.".to_owned()),
            )
        })
}
