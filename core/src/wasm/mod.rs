//! The same door in JavaScript's types. Nothing is computed here: arguments become JSON, the answer becomes an object.
//!
//! Going through JSON text keeps every door on one parser, so that a wrong field gives the same error everywhere.

use crate::api::{self, Progress};
use crate::market::{Book, Venue};
use crate::venue::stream::Reader;
use js_sys::{Error, Function, JSON, Reflect};
use wasm_bindgen::prelude::*;

/// Version of the engine.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Answers a request given as JSON text with JSON text, errors included. For workers: strings cross cheaply.
#[wasm_bindgen(js_name = evaluateJson)]
pub fn evaluate_json(
    request: &str,
    #[wasm_bindgen(js_name = onProgress, unchecked_optional_param_type = "(share: number) => void")]
    on_progress: Option<Function>,
) -> String {
    api::evaluate_json(request, &mut |p: Progress| {
        if let Some(f) = &on_progress {
            // A listener that throws must not stop the calculation.
            let _ = f.call1(&JsValue::NULL, &p.share.into());
        }
    })
}

/// Answers any request. Throws an `Error` with `code` and `field` when the engine refuses.
#[wasm_bindgen(unchecked_return_type = "EngineResponse & { id?: unknown }")]
pub fn evaluate(
    #[wasm_bindgen(unchecked_param_type = "EngineRequest & { id?: unknown; explain?: boolean }")] request: &JsValue,
    #[wasm_bindgen(js_name = onProgress, unchecked_optional_param_type = "(share: number) => void")]
    on_progress: Option<Function>,
) -> Result<JsValue, JsValue> {
    run(request, None, on_progress.as_ref())
}

/// A probability whose work is shared between workers: each makes a run from the same text and does pieces of it; one
/// merges all numbers. The answer does not depend on who did what. `pool.js` does all this.
#[wasm_bindgen]
pub struct Run(api::Run);

#[wasm_bindgen]
impl Run {
    /// From a request as JSON text. Throws the text of the engine's error.
    #[wasm_bindgen(constructor)]
    pub fn new(request: &str) -> Result<Run, JsValue> {
        api::Run::start(request).map(Run).map_err(JsValue::from)
    }

    /// Numbers of the pieces that are wanted next; empty when all is done.
    pub fn pending(&self) -> Vec<u32> {
        self.0.pending()
    }

    /// The numbers of a piece.
    pub fn piece(&self, number: u32) -> Vec<f64> {
        self.0.piece(number)
    }

    /// Steps of paths that a piece walks.
    #[wasm_bindgen(js_name = pathSteps)]
    pub fn path_steps(&self, number: u32) -> f64 {
        self.0.path_steps(number) as f64
    }

    /// Takes the numbers of all pending pieces, in order; true when nothing is left to do. Throws for other numbers.
    pub fn merge(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Float64Array[]")] numbers: Vec<js_sys::Float64Array>,
    ) -> Result<bool, JsValue> {
        let numbers = numbers.iter().map(js_sys::Float64Array::to_vec).collect();
        self.0
            .merge(numbers)
            .map_err(|e| Error::new(&format!("{}: {}", e.field, e.message)).into())
    }

    /// Share of the work done, 0 to 1.
    pub fn share(&self) -> f64 {
        self.0.share()
    }

    /// The answer so far as JSON text.
    pub fn answer(&self) -> String {
        self.0.answer()
    }
}

/// What one connection to a venue has said: its books and what was told already. For workers.
#[wasm_bindgen]
pub struct StreamReader(Reader);

#[wasm_bindgen]
impl StreamReader {
    /// For a venue by its word. Throws for one that is not known.
    #[wasm_bindgen(constructor)]
    pub fn new(venue: &str) -> Result<StreamReader, JsValue> {
        Venue::of(venue)
            .map(|v| StreamReader(Reader::new(v)))
            .ok_or_else(|| Error::new(&format!("venue: {venue} is not known")).into())
    }

    /// Messages in the order in which they came; what they came to, as JSON text.
    pub fn take(&mut self, frames: Vec<String>) -> String {
        serde_json::to_string(&self.0.take(frames.iter().map(String::as_str))).unwrap_or_default()
    }

    /// A whole book as the venue's own list has it (a `normalize` answer as JSON text), for venues that stream only changes. False
    /// where the changes that waited do not join it.
    pub fn begin(&mut self, symbol: &str, list: &str) -> bool {
        #[derive(serde::Deserialize)]
        struct List {
            book: Option<Book>,
            book_number: Option<f64>,
        }
        match serde_json::from_str(list) {
            Ok(List {
                book: Some(book),
                book_number: Some(number),
            }) => self.0.begin(symbol, book, number),
            _ => false,
        }
    }
}

macro_rules! operations {
    ($($name:ident: $request:literal => $response:literal, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[wasm_bindgen(unchecked_return_type = $response)]
        pub fn $name(#[wasm_bindgen(unchecked_param_type = $request)] request: &JsValue) -> Result<JsValue, JsValue> {
            run(request, Some(stringify!($name)), None)
        }
    )*};
}

operations! {
    liquidation: "LiquidationRequest & { explain?: boolean }" => "LiquidationResponse", "Liquidation prices and room of an account.";
    funding: "FundingRequest & { explain?: boolean }" => "FundingResponse", "What holding a position costs over a horizon.";
    probability: "ProbabilityRequest & { explain?: boolean }" => "ProbabilityResponse", "Chance that an account is liquidated within given horizons.";
    volatility: "VolatilityRequest & { explain?: boolean }" => "VolatilityResponse", "Estimators and models of one market's volatility, and a forecast.";
    calibration: "CalibrationRequest" => "CalibrationResponse", "The record of a model on one market's past, walked forward.";
    size: "SizeRequest & { explain?: boolean }" => "SizeResponse", "The largest position that keeps every limit.";
    hedge: "HedgeRequest & { explain?: boolean }" => "HedgeResponse", "What hedges a book, whether to trade now, and what keeping it costs.";
    linked_cascade: "LinkedCascadeRequest & { explain?: boolean }" => "LinkedCascadeResponse", "A cascade through several markets that accounts link.";
    liquidation_map: "LiquidationMapRequest & { explain?: boolean }" => "LiquidationMapResponse", "Where wallets would be liquidated, and how concentrated they are.";
    cascade: "CascadeRequest & { explain?: boolean }" => "CascadeResponse", "The spiral of liquidations that a shock sets off.";
    hawkes: "HawkesRequest & { explain?: boolean }" => "HawkesResponse", "How far liquidations set each other off.";
    replay: "ReplayRequest & { explain?: boolean }" => "ReplayResponse", "What a position and a plan would have lived through.";
    venues: "VenuesRequest & { explain?: boolean }" => "VenuesResponse", "The same exposure on each venue.";
    warning: "WarningRequest & { explain?: boolean }" => "WarningResponse", "The chance of a sharp move within the next minutes.";
    alerts: "AlertsRequest & { explain?: boolean }" => "AlertsResponse", "Which of a series of values would have been told.";
    normalize: "NormalizeRequest" => "NormalizeResponse", "An exchange's answer in the engine's words.";
    describe: "DescribeRequest" => "DescribeResponse", "Version, venues, snapshot, operations with their schemas.";
}

fn run(request: &JsValue, op: Option<&str>, on_progress: Option<&Function>) -> Result<JsValue, JsValue> {
    let request = match op {
        // The argument is the caller's: `op` goes into a copy.
        Some(op) => {
            let copy = js_sys::Object::assign(&js_sys::Object::new(), request.unchecked_ref());
            Reflect::set(&copy, &"op".into(), &op.into())?;
            copy.into()
        }
        None => request.clone(),
    };
    let text = JSON::stringify(&request)?.as_string().unwrap_or_default();
    let mut report = |p: Progress| {
        if let Some(f) = on_progress {
            // A listener that throws must not stop the calculation.
            let _ = f.call1(&JsValue::NULL, &p.share.into());
        }
    };
    let answer = JSON::parse(&api::evaluate_json(&text, &mut report))?;
    let refused = Reflect::get(&answer, &"error".into())?;
    if refused.is_undefined() {
        return Ok(answer);
    }
    let part = |name: &str| {
        Reflect::get(&refused, &name.into())
            .ok()
            .and_then(|v| v.as_string())
            .unwrap_or_default()
    };
    let error = Error::new(&format!("{}: {}", part("field"), part("message")));
    error.set_name("EngineError");
    for name in ["code", "field"] {
        Reflect::set(&error, &name.into(), &part(name).into())?;
    }
    Err(error.into())
}
