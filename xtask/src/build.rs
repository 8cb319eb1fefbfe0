//! The engine package, the page around it, and what a finished site needs: content policy and a size check.

use crate::setup;
use crate::shell::{Outcome, root, run, say, step};
use std::fs;
use std::path::Path;
use std::process::Command;

/// wasm-opt's view of what rustc emitted; symbols go here and not in rustc, or wasm-opt could not read the module.
const WASM_OPT: &[&str] = &[
    "-O3",
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
    "--strip-debug",
    "--strip-producers",
];

/// Largest files in gzipped bytes, checked after each build.
const BUDGET: &[(&str, &str, u64)] = &[
    ("engine WASM", "engine/headroom_core_bg.wasm", 900_000),
    ("page WASM", "headroom-page", 800_000),
];

pub(crate) fn build() -> Outcome {
    setup::for_build()?;
    step("building the page", || {
        run("trunk", &["build", "--release", "--offline=false"])
    })
}

pub(crate) fn dev() -> Outcome {
    setup::for_build()?;
    run("trunk", &["serve", "--release"])
}

/// `target/engine`: the engine for any page, worker or Node, with its types, the worker that serves it and the pool of such workers.
pub(crate) fn engine() -> Outcome {
    run(
        "cargo",
        &[
            "build",
            "--release",
            "--quiet",
            "--target",
            "wasm32-unknown-unknown",
            "-p",
            "headroom-core",
            "--lib",
            "--features",
            "wasm",
        ],
    )?;
    let fresh = root().join("target/engine-new");
    let out = fresh.display().to_string();
    run(
        "wasm-bindgen",
        &[
            "--target",
            "web",
            "--out-dir",
            &out,
            "target/wasm32-unknown-unknown/release/headroom_core.wasm",
        ],
    )?;
    let wasm = fresh.join("headroom_core_bg.wasm").display().to_string();
    let arguments: Vec<&str> = WASM_OPT
        .iter()
        .copied()
        .chain([wasm.as_str(), "-o", wasm.as_str()])
        .collect();
    run("wasm-opt", &arguments)?;
    // Needs a newer TypeScript library than the rest: `free()` does the same.
    let types = fresh.join("headroom_core.d.ts");
    let declared = fs::read_to_string(&types).map_err(|e| format!("{}: {e}", types.display()))?;
    let kept: Vec<&str> = declared.lines().filter(|l| !l.contains("[Symbol.dispose]")).collect();
    fs::write(&types, kept.join("\n") + "\n").map_err(|e| format!("{}: {e}", types.display()))?;
    let engine = root().join("target/engine");
    let io = |e: std::io::Error| format!("engine package: {e}");
    fs::create_dir_all(&engine).map_err(io)?;
    for script in ["worker.js", "pool.js"] {
        fs::copy(root().join("www").join(script), fresh.join(script)).map_err(io)?;
    }
    for entry in fs::read_dir(&fresh).map_err(io)?.flatten() {
        let to = engine.join(entry.file_name());
        // Trunk watches this folder: a file that did not change is left alone.
        let bytes = fs::read(entry.path()).map_err(io)?;
        if fs::read(&to).ok().as_deref() != Some(&bytes) {
            fs::write(to, bytes).map_err(io)?;
        }
    }
    Ok(())
}

/// Origins that the page may talk to, read from the venues' own lists of addresses.
fn hosts() -> Outcome<Vec<String>> {
    let folder = root().join("core/src/venue");
    let mut found = std::collections::BTreeSet::new();
    for venue in fs::read_dir(&folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .flatten()
    {
        let Ok(source) = fs::read_to_string(venue.path().join("endpoints.rs")) else {
            continue;
        };
        for scheme in ["https://", "wss://"] {
            let start = format!("\"{scheme}");
            let hosts = source
                .split(&start)
                .skip(1)
                .filter_map(|rest| rest.split(['/', '"', '?']).next());
            found.extend(hosts.map(|host| format!("{scheme}{host}")));
        }
    }
    if found.is_empty() {
        Err("no addresses found in core/src/venue".to_owned())
    } else {
        Ok(found.into_iter().collect())
    }
}

/// Trunk's post-build hook: the content policy goes into index.html, and sizes are checked.
pub(crate) fn finish() -> Outcome {
    let dist = std::env::var_os("TRUNK_STAGING_DIR").map_or_else(|| root().join("dist"), Into::into);
    let page = dist.join("index.html");
    let html = fs::read_to_string(&page).map_err(|e| format!("{}: {e}", page.display()))?;
    // Trunk's own server injects a reload script and socket, which a strict policy would refuse.
    let serving = std::env::var("TRUNK_PROFILE").is_ok_and(|p| p == "debug") || html.contains("TRUNK_WEBSOCKET");
    if !serving && !html.contains("Content-Security-Policy") {
        let policy = format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' {}; worker-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'none'",
            hosts()?.join(" ")
        );
        let html = html.replacen(
            "<meta charset",
            &format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n<meta charset"),
            1,
        );
        fs::write(&page, html).map_err(|e| format!("{}: {e}", page.display()))?;
    }
    for (name, start, most) in BUDGET {
        let size = gzipped(&dist, start)?;
        say(&format!("{name}: {size} bytes gzipped, {most} allowed"));
        if size > *most {
            return Err(format!("{name} is {size} bytes gzipped; {most} are allowed"));
        }
    }
    Ok(())
}

/// Gzipped size of the WASM file whose path starts like this, by the machine's gzip.
fn gzipped(dist: &Path, start: &str) -> Outcome<u64> {
    let (folder, prefix) = start
        .rsplit_once('/')
        .map_or((dist.to_path_buf(), start), |(f, p)| (dist.join(f), p));
    let file = fs::read_dir(&folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .flatten()
        .map(|e| e.path())
        .find(|p| {
            p.extension().is_some_and(|x| x == "wasm")
                && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix))
        })
        .ok_or_else(|| format!("no {start}*.wasm in the build"))?;
    let out = Command::new("gzip")
        .args(["-9", "-c"])
        .arg(&file)
        .output()
        .map_err(|e| format!("gzip: {e}"))?;
    Ok(out.stdout.len() as u64)
}
