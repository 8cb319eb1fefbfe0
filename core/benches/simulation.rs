//! What the simulation's kernels cost natively: one JSON line a request of `tests/bench/requests.json`, for the table of
//! `cargo xtask bench`. The browser's and Node's lines come from `tests/bench/simulation.mjs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark stops at anything unexpected"
)]

use headroom_core::api::Run;
use serde_json::{Value, json};
use std::time::Instant;

fn main() {
    let requests: Value = serde_json::from_str(include_str!("../../tests/bench/requests.json")).unwrap();
    // `cargo bench --bench simulation -- GARCH` runs what has this in its name.
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    for (name, request) in requests.as_object().unwrap() {
        if wanted.as_ref().is_some_and(|w| !name.contains(w.as_str())) {
            continue;
        }
        let text = request.to_string();
        let best = (0..5)
            .map(|_| once(&text))
            .min_by(|a, b| a.sampling.total_cmp(&b.sampling))
            .unwrap();
        let answer: Value = serde_json::from_str(&best.answer).unwrap();
        let last = answer["horizons"].as_array().unwrap().last().unwrap().clone();
        println!(
            "{}",
            json!({
                "name": "native", "work": name, "path_steps_per_second": best.path_steps as f64 / best.kernel,
                "time_to_error": best.sampling, "whole_answer": best.whole,
                "paths": answer["model"]["paths"], "steps": answer["model"]["steps"],
                "probability": last["probability"], "standard_error": last["standard_error"],
            })
        );
    }
}

struct Timing {
    path_steps: u64,
    /// Seconds in the kernels, to the target error, and to the whole answer.
    kernel: f64,
    sampling: f64,
    whole: f64,
    answer: String,
}

fn once(text: &str) -> Timing {
    let start = Instant::now();
    let mut run = Run::start(text).unwrap_or_else(|e| panic!("{e}"));
    let (mut path_steps, mut kernel, mut sampling) = (0, 0.0, 0.0);
    loop {
        let pending = run.pending();
        path_steps += pending.iter().map(|p| run.path_steps(*p)).sum::<u64>();
        let extras = pending.iter().any(|p| p >> 31 == 1);
        let begin = Instant::now();
        let numbers = pending.into_iter().map(|p| run.piece(p)).collect();
        if !extras {
            kernel += begin.elapsed().as_secs_f64();
        }
        let last = run.merge(numbers).unwrap();
        if !extras {
            sampling = start.elapsed().as_secs_f64();
        }
        if last {
            return Timing {
                path_steps,
                kernel,
                sampling,
                whole: start.elapsed().as_secs_f64(),
                answer: run.answer(),
            };
        }
    }
}
