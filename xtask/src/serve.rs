//! `cargo xtask serve`.

use crate::build;
use crate::setup;
use crate::shell::{Outcome, root, run, say};
use std::env;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What the page is made from.
const SOURCES: &[&str] = &[
    "src",
    "core/src",
    "core/data",
    "core/Cargo.toml",
    "www",
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
    "package-lock.json",
    ".cargo",
    "xtask/src",
];

pub(crate) fn serve() -> Outcome {
    setup::for_build()?;
    build_if_stale()?;
    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    say("live data where the exchanges can be reached from the browser, recorded data where not");
    run("node", &["tests/e2e/lib/server.mjs", "dist", &port])
}

/// Builds unless `dist` is newer than everything it is made from.
pub(crate) fn build_if_stale() -> Outcome {
    let built = fs::metadata(root().join("dist/index.html"))
        .and_then(|m| m.modified())
        .ok();
    let newest = SOURCES.iter().filter_map(|s| newest(&root().join(s))).max();
    if built.is_some() && built > newest {
        return Ok(());
    }
    build::build()
}

fn newest(path: &Path) -> Option<SystemTime> {
    let own = fs::metadata(path).and_then(|m| m.modified()).ok();
    let Ok(entries) = fs::read_dir(path) else { return own };
    // The copied chart library is renewed by each set-up: its version is in package-lock.json.
    entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| !p.ends_with("www/vendor"))
        .filter_map(|p| newest(&p))
        .max()
}
