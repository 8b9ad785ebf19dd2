//! What Daymark's tests and demo stand on: the built binaries, a control plane,
//! daemons and clients as processes; for faults a real control plane does not
//! have, a fake API server, a daemon in the test's own process, and the
//! contract of its streams.

pub mod binaries;
pub mod cli;
pub mod cluster;
pub mod contract;
pub mod control_plane;
pub mod daemon;
pub mod fake_apiserver;
pub mod in_process;
pub mod process;
pub mod situation;

use std::path::{Path, PathBuf};

/// The top of the source tree.
#[must_use]
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// The recording that the demo shows: a Deployment that rolls out, one that
/// crash-loops past its deadline, and a Job that fails.
#[must_use]
pub fn demo_recording() -> PathBuf {
    workspace().join("tests/resources/first-light.daymark")
}
