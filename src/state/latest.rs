//! When to calculate: one at a time, so that what changed twice meanwhile is calculated once; or after a pause.

use leptos::prelude::{TimeoutHandle, set_timeout_with_handle};
use std::cell::Cell;
use std::future::Future;
use std::thread::LocalKey;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

/// Whether a calculation runs, and whether another is wanted after it.
#[derive(Default)]
pub(crate) struct Latest {
    busy: Cell<bool>,
    again: Cell<bool>,
}

impl Latest {
    pub(crate) const fn new() -> Self {
        Self {
            busy: Cell::new(false),
            again: Cell::new(false),
        }
    }
}

/// Runs `work` once nothing has asked for it again for `millis`. `slot` is the caller's place for the timer.
pub(crate) fn once_quiet(
    slot: &'static LocalKey<Cell<Option<TimeoutHandle>>>,
    millis: u64,
    work: impl FnOnce() + 'static,
) {
    if let Ok(handle) = set_timeout_with_handle(work, Duration::from_millis(millis))
        && let Some(before) = slot.with(|s| s.replace(Some(handle)))
    {
        before.clear();
    }
}

/// Starts `work`, or has it run once more after the run that is under way.
pub(crate) fn run<F: Future<Output = ()>>(state: &'static LocalKey<Latest>, work: impl Fn() -> F + 'static) {
    if state.with(|l| l.busy.replace(true)) {
        state.with(|l| l.again.set(true));
        return;
    }
    spawn_local(async move {
        loop {
            state.with(|l| l.again.set(false));
            work().await;
            if !state.with(|l| l.again.get()) {
                break;
            }
        }
        state.with(|l| l.busy.set(false));
    });
}
