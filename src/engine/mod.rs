//! The workers that run the engine. Text in, text out; the main thread never computes.
//!
//! Three lanes: recalculation must not wait behind the reading of a five-megabyte answer or behind the fit of a model.
//! Simulations have workers of their own ([`pool`]).

pub(crate) mod pool;

use js_sys::{Object, Promise, Reflect};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Results a person waits for.
    Calculate,
    /// Answers of exchanges.
    Read,
    /// Models fitted to past prices, which may take a tenth of a second.
    Fit,
}

thread_local! {
    static LANES: [RefCell<Option<Client>>; 3] = const { [RefCell::new(None), RefCell::new(None), RefCell::new(None)] };
    static NEXT_ID: Cell<u32> = const { Cell::new(1) };
}

type Pending = std::rc::Rc<RefCell<HashMap<u32, js_sys::Function>>>;

struct Client {
    worker: Worker,
    pending: Pending,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Client {
    fn start(lane: Lane) -> Result<Self, JsValue> {
        let folder = folder();
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        // The version keeps a page from talking to an older engine in the browser's cache.
        let worker = Worker::new_with_options(
            &format!("{folder}/engine/worker.js?v={}", env!("CARGO_PKG_VERSION")),
            &options,
        )?;
        let pending: Pending = Pending::default();
        let on_message = Closure::new({
            let pending = pending.clone();
            move |event: MessageEvent| {
                let field = |name: &str| Reflect::get(&event.data(), &name.into()).unwrap_or(JsValue::UNDEFINED);
                if let Some(id) = field("id").as_f64()
                    && let Some(resolve) = pending.borrow_mut().remove(&(id as u32))
                {
                    let _ = resolve.call1(&JsValue::NULL, &field("text"));
                }
                if let Some(reason) = field("failed").as_string() {
                    fail(
                        lane,
                        &format!("The engine stopped ({reason}) and is being started again."),
                    );
                }
            }
        });
        let on_error = Closure::new(move |event: ErrorEvent| {
            fail(
                lane,
                &format!("The engine stopped ({}) and is being started again.", event.message()),
            )
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            pending,
            _on_message: on_message,
            _on_error: on_error,
        })
    }
}

/// Address of the page's folder, without a slash at its end.
fn folder() -> String {
    let base = web_sys::window()
        .and_then(|w| w.document())
        .and_then(|d| d.base_uri().ok().flatten())
        .unwrap_or_default();
    let cut = base.split(['#', '?']).next().unwrap_or_default();
    cut.rsplit_once('/').map_or(cut, |(f, _)| f).to_owned()
}

/// Answers everything that was waiting with an error, and lets the next request start a new worker.
fn fail(lane: Lane, reason: &str) {
    // Dropped after this turn: the closure that called us belongs to the client.
    let Some(client) = LANES.with(|l| l[lane as usize].borrow_mut().take()) else {
        return;
    };
    client.worker.terminate();
    let answer =
        serde_json::json!({"error": {"code": "unsupported", "field": "engine", "message": reason}}).to_string();
    let waiting: Vec<_> = client
        .pending
        .borrow_mut()
        .drain()
        .map(|(_, resolve)| resolve)
        .collect();
    for resolve in waiting {
        let _ = resolve.call1(&JsValue::NULL, &answer.as_str().into());
    }
    wasm_bindgen_futures::spawn_local(async move { drop(client) });
}

/// Sends a request and waits for its answer.
pub(crate) async fn ask(lane: Lane, request: &str) -> String {
    let promise = Promise::new(&mut |resolve, _| {
        let sent = LANES.with(|lanes| {
            let mut slot = lanes[lane as usize].borrow_mut();
            if slot.is_none() {
                *slot = Some(Client::start(lane)?);
            }
            let Some(client) = slot.as_ref() else { return Ok(()) };
            let id = NEXT_ID.with(|n| n.replace(n.get().wrapping_add(1)));
            client.pending.borrow_mut().insert(id, resolve.clone());
            let message = Object::new();
            Reflect::set(&message, &"id".into(), &id.into())?;
            Reflect::set(&message, &"text".into(), &request.into())?;
            client.worker.post_message(&message)
        });
        if sent.is_err() {
            let answer = r#"{"error":{"code":"unsupported","field":"engine","message":"This browser refused to start the engine's worker."}}"#;
            let _ = resolve.call1(&JsValue::NULL, &answer.into());
        }
    });
    JsFuture::from(promise)
        .await
        .ok()
        .and_then(|v| v.as_string())
        .unwrap_or_default()
}

/// An answer of the engine that is not one of its errors.
pub(crate) fn read<T: serde::de::DeserializeOwned>(answer: &str) -> Result<T, Fault> {
    #[derive(serde::Deserialize)]
    struct Refused {
        error: Fault,
    }
    if answer.starts_with("{\"error\"") {
        return Err(
            serde_json::from_str::<Refused>(answer).map_or_else(|e| Fault::of("engine", &e.to_string()), |r| r.error)
        );
    }
    serde_json::from_str(answer).map_err(|e| Fault::of("engine", &e.to_string()))
}

/// The engine's error as the page keeps it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub(crate) struct Fault {
    pub field: String,
    pub message: String,
}

impl Fault {
    pub(crate) fn of(field: &str, message: &str) -> Self {
        Self {
            field: field.to_owned(),
            message: message.to_owned(),
        }
    }
}
