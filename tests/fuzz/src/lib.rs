//! What several targets need.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use daymarkd::kind::Kind;
use tokio::runtime::{Builder, Runtime};

/// What stands before the first zero byte, and what stands behind it.
pub fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    let (before, behind) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    (before, behind.get(1..).unwrap_or_default())
}

/// A file of this process's own.
pub fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("daymark-fuzz-{}-{name}", std::process::id()))
}

/// Where a target's tasks run, all by turns.
///
/// # Panics
/// If the system has no room for it.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime needs little")
}

/// Pods, or Secrets.
pub fn kind(of_secrets: bool) -> Kind {
    let [resource, singular, kind] = if of_secrets { ["secrets", "secret", "Secret"] } else { ["pods", "pod", "Pod"] };
    Kind {
        group: String::new(),
        version: "v1".into(),
        resource: resource.into(),
        singular: singular.into(),
        kind: kind.into(),
        short_names: Vec::new(),
        namespaced: true,
    }
}
