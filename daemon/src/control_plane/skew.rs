//! Which versions of kubelets go together with an API server.

/// Minor versions that a kubelet may be older than the API server, and what they were before
/// kubelets of 1.25 (<https://kubernetes.io/releases/version-skew-policy/>, "kubelet").
const OLDER: u32 = 3;
const OLDER_BEFORE: (u32, u32) = (2, 25);

/// How a kubelet's version is to the API server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// One of them is not known.
    Unknown,
    /// The two are supported together.
    Supported,
    /// The kubelet is older than that.
    TooOld,
    /// The kubelet is newer than the API server, which it must not be.
    TooNew,
}

/// How the version of a kubelet is to that of the API server, both such as `v1.36.3`.
#[must_use]
pub fn skew(api_server: &str, kubelet: &str) -> Skew {
    let (Some(server), Some(kubelet)) = (minor(api_server), minor(kubelet)) else { return Skew::Unknown };
    let (older, before) = OLDER_BEFORE;
    let older = if kubelet < (1, before) { older } else { OLDER };
    match (server.0.cmp(&kubelet.0), server.1.checked_sub(kubelet.1)) {
        (std::cmp::Ordering::Less, _) | (std::cmp::Ordering::Equal, None) => Skew::TooNew,
        (std::cmp::Ordering::Equal, Some(behind)) if behind <= older => Skew::Supported,
        _ => Skew::TooOld,
    }
}

/// Major and minor version. What is behind them differs by who has built it: `v1.33.4-gke.100`.
#[must_use]
pub fn minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix('v').unwrap_or(version).split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.trim_end_matches('+').parse().ok()?;
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubelets_may_be_three_minor_versions_older_and_never_newer() {
        let cases = [
            ("v1.36.0", "v1.36.3", Skew::Supported),
            ("v1.36.0", "v1.33.9-eks-1234", Skew::Supported),
            ("v1.36.0", "v1.32.9", Skew::TooOld),
            ("v1.36.0", "v1.37.0-alpha.1", Skew::TooNew),
            ("v1.27.0", "v1.24.17", Skew::TooOld),
            ("v1.26.0", "v1.24.17", Skew::Supported),
            ("v1.28.0", "v1.25.1", Skew::Supported),
            ("v2.0.0", "v1.36.0", Skew::TooOld),
            ("v1.36.0", "v2.0.0", Skew::TooNew),
            ("1.21+", "1.21", Skew::Supported),
            ("", "v1.36.0", Skew::Unknown),
            ("v1.36.0", "fake", Skew::Unknown),
            ("v1.36.0", "v1", Skew::Unknown),
        ];
        for (server, kubelet, expected) in cases {
            assert_eq!(skew(server, kubelet), expected, "{server} {kubelet}");
        }
    }
}
