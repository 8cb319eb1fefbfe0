//! What a fresh machine lacks, added once: the wasm target, pinned tools in a per-user cache, npm packages, Chromium.

use crate::shell::{Outcome, command, find, finish, output, root, run, say, step};
use std::env;
use std::fs;
use std::path::PathBuf;
use std::thread;

/// Newer trunk wants a newer rustc than the pinned one.
const TRUNK: &str = "0.21.14";

/// The command must be the version of the crate to the digit: it is read from Cargo.lock.
fn wasm_bindgen_version() -> Outcome<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).map_err(|e| format!("Cargo.lock: {e}"))?;
    lock.split("[[package]]")
        .find(|p| p.contains("name = \"wasm-bindgen\"\n"))
        .and_then(|p| p.split("version = \"").nth(1))
        .and_then(|v| v.split('"').next())
        .map(str::to_owned)
        .ok_or_else(|| "Cargo.lock names no wasm-bindgen".to_owned())
}

fn tools() -> Outcome<Vec<(&'static str, String, &'static str)>> {
    Ok(vec![
        ("trunk", TRUNK.to_owned(), "trunk"),
        ("wasm-bindgen-cli", wasm_bindgen_version()?, "wasm-bindgen"),
    ])
}

/// The cache is keyed by version and shared by every clone of this user. HEADROOM_TOOLS names another folder.
fn cache() -> PathBuf {
    if let Some(folder) = env::var_os("HEADROOM_TOOLS") {
        return folder.into();
    }
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache")));
    base.unwrap_or_else(|| root().join("target")).join("headroom/tools")
}

/// Folders of the pinned commands.
pub(crate) fn tool_folders() -> Vec<PathBuf> {
    tools()
        .unwrap_or_default()
        .into_iter()
        .map(|(name, version, _)| cache().join(format!("{name}-{version}/bin")))
        .collect()
}

pub(crate) fn everything() -> Outcome {
    wasm_target()?;
    pinned_tools()?;
    npm()?;
    chromium()
}

/// All that a build needs (no browser).
pub(crate) fn for_build() -> Outcome {
    wasm_target()?;
    pinned_tools()?;
    npm()
}

fn wasm_target() -> Outcome {
    let there = output(
        "rustc",
        &["--print", "target-libdir", "--target", "wasm32-unknown-unknown"],
    )
    .is_some_and(|d| PathBuf::from(d).is_dir());
    if there {
        return Ok(());
    }
    step("adding the wasm32 target to the toolchain", || {
        run("rustup", &["target", "add", "wasm32-unknown-unknown"])
    })
}

/// Installs what is missing, side by side. Optimising the tools themselves would cost more than it saves.
fn pinned_tools() -> Outcome {
    let missing: Vec<_> = tools()?
        .into_iter()
        .map(|(name, version, file)| (name, version.clone(), cache().join(format!("{name}-{version}")), file))
        .filter(|(_, _, folder, file)| !folder.join("bin").join(file).is_file())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|(n, v, ..)| format!("{n} {v}")).collect();
    step(
        &format!(
            "installing {} (once for this user; about 5 to 15 minutes)",
            names.join(" and ")
        ),
        || {
            let jobs: Vec<_> = missing
                .into_iter()
                .map(|(name, version, folder, _)| {
                    thread::spawn(move || {
                        let folder = folder.display().to_string();
                        let arguments = [
                            "install",
                            name,
                            "--version",
                            &version,
                            "--locked",
                            "--root",
                            &folder,
                            "--quiet",
                        ];
                        let mut c = command("cargo", &arguments);
                        c.env("CARGO_PROFILE_RELEASE_LTO", "off")
                            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
                            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
                        finish("cargo", &arguments, &mut c)
                    })
                })
                .collect();
            jobs.into_iter()
                .try_for_each(|j| j.join().unwrap_or_else(|_| Err("an installer stopped".to_owned())))
        },
    )
}

/// npm packages as the lock file has them, and the chart library beside the page's own files.
fn npm() -> Outcome {
    let (lock, installed) = (
        root().join("package-lock.json"),
        root().join("node_modules/.package-lock.json"),
    );
    let modified = |p: &PathBuf| fs::metadata(p).and_then(|m| m.modified()).ok();
    if find("node").is_none() {
        return Err("Node.js 20 or newer is needed and was not found".to_owned());
    }
    if modified(&installed).is_none() || modified(&installed) < modified(&lock) {
        step("npm ci", || {
            run("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        })?;
    }
    let vendor = root().join("www/vendor");
    let library = root().join("node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.mjs");
    fs::create_dir_all(&vendor)
        .and_then(|()| fs::copy(&library, vendor.join("lightweight-charts.mjs")))
        .map_err(|e| format!("{}: {e}", library.display()))?;
    Ok(())
}

/// Chromium and its driver, from Debian's packages where we may.
fn chromium() -> Outcome {
    if browser().is_some() && find("chromedriver").is_some() {
        return Ok(());
    }
    if find("apt-get").is_none() {
        return Err("Chromium and chromedriver are needed for the browser tests: install them, or set CHROME and put chromedriver on PATH".to_owned());
    }
    step("installing Chromium and its driver through apt", || {
        let root_user = output("id", &["-u"]).as_deref() == Some("0");
        let apt = |arguments: &[&str]| {
            if root_user {
                run("apt-get", arguments)
            } else {
                let all: Vec<&str> = [&["-n", "apt-get"], arguments].concat();
                run("sudo", &all)
            }
        };
        apt(&["update", "-qq"])
            .and_then(|()| {
                apt(&[
                    "install",
                    "-y",
                    "-qq",
                    "--no-install-recommends",
                    "chromium",
                    "chromium-driver",
                    "fonts-dejavu-core",
                ])
            })
            .inspect_err(|_| say("apt did not work; install chromium and chromium-driver by hand"))
    })
}

/// The browser for tests: CHROME, or the usual names.
pub(crate) fn browser() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("CHROME") {
        return Some(chosen.into());
    }
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|name| find(name))
}

/// A Python with the pinned packages of `tests/bench/requirements.txt`, in an environment under `target/`. `None`, said aloud,
/// where there is no Python or its packages cannot be had.
pub(crate) fn bench_python() -> Outcome<Option<String>> {
    let folder = root().join("target/bench-python");
    let python = folder.join("bin/python").display().to_string();
    let wanted =
        fs::read_to_string(root().join("tests/bench/requirements.txt")).map_err(|e| format!("requirements: {e}"))?;
    let mark = folder.join("requirements.txt");
    if fs::read_to_string(&mark).is_ok_and(|have| have == wanted) {
        return Ok(Some(python));
    }
    let place = folder.display().to_string();
    let made = run("python3", &["-m", "venv", &place]).and_then(|()| {
        run(
            &python,
            &["-m", "pip", "install", "--quiet", "-r", "tests/bench/requirements.txt"],
        )
    });
    if let Err(why) = made {
        say(&format!("no Python to compare with: {why}"));
        return Ok(None);
    }
    fs::write(&mark, wanted).map_err(|e| format!("{}: {e}", mark.display()))?;
    Ok(Some(python))
}
