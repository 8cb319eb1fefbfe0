//! `cargo xtask test` and `cargo xtask bench`.

use crate::serve;
use crate::setup;
use crate::shell::{Outcome, command, find, finish, root, run, step};
use std::fs;

pub(crate) fn test() -> Outcome {
    setup::everything()?;
    step("format", || run("cargo", &["fmt", "--all", "--check"]))?;
    step("lints, native", || {
        run(
            "cargo",
            &[
                "clippy",
                "--quiet",
                "-p",
                "headroom-core",
                "-p",
                "xtask",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        )
    })?;
    step("lints, wasm", || {
        let wasm = ["clippy", "--quiet", "--target", "wasm32-unknown-unknown"];
        run(
            "cargo",
            &[
                &wasm[..],
                &[
                    "-p",
                    "headroom-core",
                    "--lib",
                    "--features",
                    "wasm",
                    "--",
                    "-D",
                    "warnings",
                ],
            ]
            .concat(),
        )?;
        run(
            "cargo",
            &[&wasm[..], &["-p", "headroom-app", "--", "-D", "warnings"]].concat(),
        )
    })?;
    step("native tests", || {
        run("cargo", &["test", "--quiet", "-p", "headroom-core", "-p", "xtask"])
    })?;
    step("wasm tests in headless Chromium", wasm_tests)?;
    step("build", serve::build_if_stale)?;
    step("end-to-end tests", || node(&["--test", "tests/e2e/"]))
}

/// Debian's browser pair, quiet on a closed network. The file is written where the runner looks for it.
fn wasm_tests() -> Outcome {
    let browser = setup::browser().ok_or("no Chromium found")?;
    let driver = find("chromedriver").ok_or("no chromedriver found")?;
    let capabilities = format!(
        r#"{{"goog:chromeOptions":{{"binary":"{}","args":["--headless=new","--no-sandbox","--disable-gpu","--disable-dev-shm-usage","--disable-background-networking","--disable-component-update","--disable-sync","--no-first-run"]}}}}"#,
        browser.display()
    );
    for folder in ["", "core"] {
        fs::write(root().join(folder).join("webdriver.json"), &capabilities)
            .map_err(|e| format!("webdriver.json: {e}"))?;
    }
    for arguments in [
        &[
            "test",
            "--target",
            "wasm32-unknown-unknown",
            "-p",
            "headroom-core",
            "--features",
            "wasm",
            "--test",
            "web",
        ][..],
        &[
            "test",
            "--target",
            "wasm32-unknown-unknown",
            "-p",
            "headroom-app",
            "--lib",
        ][..],
    ] {
        let mut c = command("cargo", arguments);
        c.env("CHROMEDRIVER", &driver)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "180")
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
            .env("WASM_BINDGEN_TEST_NO_ORIGIN_ISOLATION", "1");
        finish("cargo", arguments, &mut c)?;
    }
    Ok(())
}

fn node(arguments: &[&str]) -> Outcome {
    let browser = setup::browser().ok_or("no Chromium found")?;
    finish("node", arguments, command("node", arguments).env("CHROME", browser))
}

/// The published record of the models.
pub(crate) fn record() -> Outcome {
    step("command line", || {
        run("cargo", &["build", "--release", "--quiet", "-p", "headroom-core"])
    })?;
    step("walking through every series", || node(&["tools/track_record.mjs"]))
}

/// The published replay of the library of events.
pub(crate) fn replay() -> Outcome {
    step("command line", || {
        run("cargo", &["build", "--release", "--quiet", "-p", "headroom-core"])
    })?;
    step("living through every event", || node(&["tools/replay_report.mjs"]))
}

pub(crate) fn bench() -> Outcome {
    setup::everything()?;
    step("native benchmarks", || {
        run(
            "cargo",
            &["bench", "--quiet", "-p", "headroom-core", "--bench", "engine"],
        )
    })?;
    step("build", serve::build_if_stale)?;
    step("browser benchmarks", || node(&["tests/bench/browser.mjs"]))?;
    step("cascades, native and WebAssembly", || {
        let example = [
            "--release",
            "--quiet",
            "-p",
            "headroom-core",
            "--example",
            "cascade_kernel",
        ];
        run("cargo", &[&["build"], &example[..]].concat())?;
        // A program exports nothing by itself.
        let wasm = [
            "--target",
            "wasm32-unknown-unknown",
            "--",
            "-Clink-args=--export=make --export=sort --export=cascade --export=stochastic",
        ];
        run("cargo", &[&["rustc"], &example[..], &wasm[..]].concat())?;
        node(&[
            "tests/bench/cascade.mjs",
            "target/release/examples/cascade_kernel",
            "target/wasm32-unknown-unknown/release/examples/cascade_kernel.wasm",
        ])
    })?;
    let python = step("Python for comparison", setup::bench_python)?;
    step("simulation against numpy, numba, QuantLib and JavaScript", || {
        let table = ["tests/bench/table.mjs"].into_iter().map(str::to_owned);
        let arguments: Vec<String> = table.chain(python).collect();
        node(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    })
}
