//! The binaries under test, built once by cargo.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binaries under test.
#[derive(Debug)]
pub struct Binaries {
    /// The daemon.
    pub daymarkd: PathBuf,
    /// The client.
    pub daymark: PathBuf,
}

/// Builds the binaries, in the profile of the program that asks, or finds them
/// up to date.
///
/// # Errors
/// If they do not build.
pub fn build() -> Result<&'static Binaries, String> {
    static BUILT: OnceLock<Result<Binaries, String>> = OnceLock::new();
    BUILT.get_or_init(run_cargo).as_ref().map_err(Clone::clone)
}

fn run_cargo() -> Result<Binaries, String> {
    let folder = profile_folder()?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "daymarkd", "--package", "daymark"]).current_dir(crate::workspace());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = folder.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let status = cargo.status().map_err(|e| format!("cargo cannot be run: {e}"))?;
    if !status.success() {
        return Err("daymarkd and daymark do not build: see above".into());
    }
    Ok(Binaries { daymarkd: folder.join("daymarkd"), daymark: folder.join("daymark") })
}

/// `target/debug` or `target/release`: where this program lies, or above it.
fn profile_folder() -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let is_profile = |folder: &&Path| folder.ends_with("debug") || folder.ends_with("release");
    let folder = program.ancestors().find(is_profile);
    folder.map(Path::to_owned).ok_or_else(|| format!("{} is in no target folder", program.display()))
}
