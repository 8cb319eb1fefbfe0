//! Running commands and saying so.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The repository's root, whatever folder cargo was called from.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Says what is being done.
pub(crate) fn say(text: &str) {
    eprintln!("── {text}");
}

/// Does a step and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    say(name);
    let start = Instant::now();
    let result = work()?;
    say(&format!("{name}: done in {:.1} s", start.elapsed().as_secs_f64()));
    Ok(result)
}

/// A command in the repository's root, with the pinned tools first on PATH.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut c = Command::new(find(program).unwrap_or_else(|| program.into()));
    c.args(arguments).current_dir(root()).env("PATH", path());
    // Cargo's own settings for this process are not meant for the commands it starts.
    for name in [
        "CARGO",
        "RUSTC",
        "CARGO_MANIFEST_DIR",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        c.env_remove(name);
    }
    c
}

/// PATH with the pinned tools and npm's commands in front.
pub(crate) fn path() -> OsString {
    let own = crate::setup::tool_folders()
        .into_iter()
        .chain([root().join("node_modules/.bin")]);
    let inherited = env::var_os("PATH").unwrap_or_default();
    env::join_paths(own.chain(env::split_paths(&inherited))).unwrap_or(inherited)
}

/// First file of that name on the extended PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&path())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> Outcome {
    finish(program, arguments, &mut command(program, arguments))
}

/// Runs a prepared command and turns failure into a sentence.
pub(crate) fn finish(program: &str, arguments: &[&str], command: &mut Command) -> Outcome {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("{program} could not be started: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{program} {}` failed ({status})", arguments.join(" ")))
    }
}

/// What a command prints, or nothing if it fails.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let out = command(program, arguments).stderr(Stdio::null()).output().ok()?;
    out.status
        .success()
        .then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
