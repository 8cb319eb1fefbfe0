//! `cargo xtask …`: everything a fresh machine needs, in two commands. No dependency, so that it compiles in seconds.

mod build;
mod serve;
mod setup;
mod shell;
mod test;

use std::process::ExitCode;

const HELP: &str = "cargo xtask <command>

  serve     set up what is missing, build if needed, serve the page on http://127.0.0.1:8080 (PORT to change)
  test      every test: format, lints, native, wasm in headless Chromium, end-to-end in a real browser
  build     the static site in dist/ (relative addresses: any folder of any static host will do)
  dev       serve with rebuild on change (trunk serve)
  bench     native and browser benchmarks
  record    write docs/track-record.md from the data shipped with the page
  replay    write docs/replay.md from the library of events shipped with the page
  setup     only the set-up: wasm target, pinned tools, npm packages, Chromium
  engine    only the engine package in target/engine (run by Trunk's hook)
  finish    only the content policy and sizes of a finished build (run by Trunk's hook)";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let result = match command.as_str() {
        "serve" => serve::serve(),
        "test" => test::test(),
        "build" => build::build(),
        "dev" => build::dev(),
        "bench" => test::bench(),
        "record" => test::record(),
        "replay" => test::replay(),
        "setup" => setup::everything(),
        "engine" => build::engine(),
        "finish" => build::finish(),
        _ => {
            println!("{HELP}");
            return if matches!(command.as_str(), "" | "help" | "--help" | "-h") {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(2)
            };
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
