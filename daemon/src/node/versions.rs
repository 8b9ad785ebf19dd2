//! What runs on a node, and whether it goes with the control plane.

use super::part::{Part, PartName};
use crate::diagnose::Object;
use crate::diagnose::fields::{brief, text};

/// Minor versions that a kubelet may be older than the API server, and before the version that
/// was the first to be allowed so many (kubernetes.io, "Version Skew Policy", kubelet).
const OLDER: u64 = 3;
const OLDER_BEFORE: (u64, u64) = (25, 2);

/// What a node's kubelet tells of what runs on it; empty where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The kubelet's.
    pub kubelet: String,
    /// The container runtime, and its version.
    pub container_runtime: String,
    /// The kernel's.
    pub kernel: String,
    /// The distribution.
    pub os_image: String,
    /// Such as `linux`.
    pub operating_system: String,
    /// Such as `amd64`.
    pub architecture: String,
}

impl Versions {
    /// What a node's status tells.
    #[must_use]
    pub fn of(node: &Object) -> Self {
        let of = |field: &str| brief(text(&node.value, &format!("/status/nodeInfo/{field}")));
        Self {
            kubelet: of("kubeletVersion"),
            container_runtime: of("containerRuntimeVersion"),
            kernel: of("kernelVersion"),
            os_image: of("osImage"),
            operating_system: of("operatingSystem"),
            architecture: of("architecture"),
        }
    }
}

pub(super) fn judge(node: &Object, control_plane: Option<&str>) -> Part {
    let name = PartName::Versions;
    let Versions { kubelet, container_runtime, kernel, os_image, .. } = Versions::of(node);
    if kubelet.is_empty() {
        return Part::missing(name, "its kubelet has not reported its version yet");
    }
    if container_runtime.is_empty() {
        return Part::missing(name, format!("kubelet {kubelet} has not reported its container runtime yet"));
    }
    let kernel = if kernel.is_empty() { kernel } else { format!("kernel {kernel}") };
    let all = [format!("kubelet {kubelet}"), container_runtime, kernel, os_image];
    let told = all.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ");
    let Some(server) = control_plane else {
        return Part::not_visible(name, format!("{told}; the API server's version is not known"));
    };
    match skew(&kubelet, server) {
        Some(Ok(())) => Part::ok(name, format!("{told}; the API server is {server}")),
        Some(Err(problem)) => Part::missing(name, format!("{problem}; {told}")),
        None => Part::not_visible(
            name,
            format!("{told}: whether that is compatible with the API server, {server}, is not known"),
        ),
    }
}

/// Whether a kubelet goes with an API server, and if not, why: it may not be newer, and only so much
/// older (kubernetes.io, "Version Skew Policy", kubelet). `None` if either is no version.
fn skew(kubelet: &str, server: &str) -> Option<Result<(), String>> {
    let (old, new) = (minor(kubelet)?, minor(server)?);
    if old > new {
        return Some(Err(format!("kubelet {kubelet} is newer than the API server, {server}")));
    }
    if old.0 != new.0 {
        return None;
    }
    let allowed = if old.1 < OLDER_BEFORE.0 { OLDER_BEFORE.1 } else { OLDER };
    let older = new.1 - old.1;
    let problem = || {
        format!(
            "kubelet {kubelet} is {older} minor versions older than the API server, {server}: {allowed} are allowed"
        )
    };
    Some(if older > allowed { Err(problem()) } else { Ok(()) })
}

/// `(1, 36)` of `v1.36.3+k3s1`.
fn minor(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.strip_prefix('v').unwrap_or(version).split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?;
    let end = minor.find(|char: char| !char.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor.get(..end)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_is_no_newer_than_the_api_server_and_not_much_older() {
        for (kubelet, server, goes) in [
            ("v1.36.0", "v1.36.3", Some(true)),
            ("v1.36.9", "v1.36.3", Some(true)),
            ("v1.33.0", "v1.36.3+k3s1", Some(true)),
            ("v1.32.9", "v1.36.3", Some(false)),
            ("v1.37.0", "v1.36.3", Some(false)),
            ("v1.24.0", "v1.26.0", Some(true)),
            ("v1.24.0", "v1.27.0", Some(false)),
            ("v1.25.0", "v1.28.0", Some(true)),
            ("1.36", "v1.36+", Some(true)),
            ("v2.0.0", "v1.36.0", Some(false)),
            ("v1.36.0", "v2.0.0", None),
            ("fake", "v1.36.0", None),
            ("v1", "v1.36.0", None),
            ("v1.99999999999999999999999", "v1.36.0", None),
            ("v1.é", "v1.36.0", None),
        ] {
            assert_eq!(skew(kubelet, server).map(|it| it.is_ok()), goes, "{kubelet} {server}");
        }
    }
}
