//! The workers that run the engine. Text in, text out; the main thread never computes.
//!
//! Lanes: recalculation must not wait behind the reading of a five-megabyte answer, the fit of a model or a walk through
//! the past.
//! Simulations have workers of their own ([`pool`]).

pub(crate) mod pool;

use headroom_core::market::Venue;
use js_sys::{Object, Promise, Reflect};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
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
    /// Walks through a year, which take seconds.
    Walk,
    /// Sizes and hedges: a second or two.
    Plan,
    /// Many entries into one past: seconds.
    Sweep,
    /// Messages of streams, a few times a second.
    Stream,
}

thread_local! {
    static LANES: [RefCell<Option<Client>>; 7] = const { [const { RefCell::new(None) }; 7] };
    static NEXT_ID: Cell<u32> = const { Cell::new(1) };
}

/// Who waits for an answer, and who hears of the way there.
struct Waiting {
    resolve: js_sys::Function,
    progress: Option<Rc<dyn Fn(f64)>>,
}

type Pending = Rc<RefCell<HashMap<u32, Waiting>>>;

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
                if let Some(id) = field("id").as_f64() {
                    if let Some(share) = field("share").as_f64() {
                        let heard = pending.borrow().get(&(id as u32)).and_then(|w| w.progress.clone());
                        if let Some(heard) = heard {
                            heard(share);
                        }
                    } else {
                        let waiting = pending.borrow_mut().remove(&(id as u32));
                        if let Some(w) = waiting {
                            let _ = w.resolve.call1(&JsValue::NULL, &field("text"));
                        }
                    }
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
    let waiting: Vec<_> = client.pending.borrow_mut().drain().map(|(_, w)| w.resolve).collect();
    for resolve in waiting {
        let _ = resolve.call1(&JsValue::NULL, &answer.as_str().into());
    }
    wasm_bindgen_futures::spawn_local(async move { drop(client) });
}

/// Stops what a lane is doing; whoever waits gets an error.
pub(crate) fn stop(lane: Lane) {
    fail(lane, "Stopped.");
}

/// Sends a request and waits for its answer.
pub(crate) async fn ask(lane: Lane, request: &str) -> String {
    send(lane, request, None).await
}

/// The same, and hears of the share done on the way.
pub(crate) async fn ask_telling(lane: Lane, request: &str, progress: impl Fn(f64) + 'static) -> String {
    send(lane, request, Some(Rc::new(progress))).await
}

/// Gives messages of a connection to the reader that keeps its books; what they came to, as text.
pub(crate) async fn stream(number: u32, venue: Venue, frames: js_sys::Array) -> String {
    let fields = [
        ("stream", JsValue::from(number)),
        ("venue", venue.word().into()),
        ("frames", frames.into()),
    ];
    post(Lane::Stream, &fields, None).await
}

/// Gives a connection the whole book that its changes go on from; false where they do not join.
pub(crate) async fn begin_book(number: u32, symbol: &str, list: &str) -> bool {
    let fields = [
        ("stream", JsValue::from(number)),
        ("begin", symbol.into()),
        ("text", list.into()),
    ];
    post(Lane::Stream, &fields, None).await == "true"
}

/// Lets the worker forget a connection. Nobody waits.
pub(crate) fn forget_stream(number: u32) {
    LANES.with(|lanes| {
        if let Some(client) = lanes[Lane::Stream as usize].borrow().as_ref() {
            let message = Object::new();
            let set = |name: &str, value: JsValue| Reflect::set(&message, &name.into(), &value);
            if set("stream", number.into()).is_ok() && set("close", true.into()).is_ok() {
                let _ = client.worker.post_message(&message);
            }
        }
    });
}

async fn send(lane: Lane, request: &str, progress: Option<Rc<dyn Fn(f64)>>) -> String {
    let fields = [("progress", progress.is_some().into()), ("text", request.into())];
    post(lane, &fields, progress).await
}

/// Sends a message of these fields and waits for the text of its answer.
async fn post(lane: Lane, fields: &[(&str, JsValue)], progress: Option<Rc<dyn Fn(f64)>>) -> String {
    let promise = Promise::new(&mut |resolve, _| {
        let sent = LANES.with(|lanes| {
            let mut slot = lanes[lane as usize].borrow_mut();
            if slot.is_none() {
                *slot = Some(Client::start(lane)?);
            }
            let Some(client) = slot.as_ref() else { return Ok(()) };
            let id = NEXT_ID.with(|n| n.replace(n.get().wrapping_add(1)));
            let message = Object::new();
            let waiting = Waiting {
                resolve: resolve.clone(),
                progress: progress.clone(),
            };
            client.pending.borrow_mut().insert(id, waiting);
            Reflect::set(&message, &"id".into(), &id.into())?;
            for (name, value) in fields {
                Reflect::set(&message, &(*name).into(), value)?;
            }
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
