//! One calculation at a time: what changed while it ran is calculated next, what changed twice is calculated once.

use std::cell::Cell;
use std::future::Future;
use std::thread::LocalKey;
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
