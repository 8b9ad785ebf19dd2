//! Where things are in a dump: where `kubectl cluster-info dump` has them, and the rest
//! likewise.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::kind::Kind;

/// Files that kubectl names otherwise than by resource and group
/// (k8s.io/kubectl `pkg/cmd/clusterinfo`).
const KUBECTLS: &[(&str, &str, &str)] = &[
    ("", "replicationcontrollers", "replication-controllers"),
    ("apps", "daemonsets", "daemonsets"),
    ("apps", "deployments", "deployments"),
    ("apps", "replicasets", "replicasets"),
];
/// File systems take names of 255 bytes; what is behind this and `.json` has to fit, too.
pub(super) const LONGEST: usize = 200;

/// The name of a kind's files, without `.json`.
pub(super) fn stem(kind: &Kind) -> String {
    let named = KUBECTLS.iter().find(|(group, resource, _)| *group == kind.group && *resource == kind.resource);
    let name = named.map_or_else(|| kind.to_string(), |(.., name)| (*name).to_owned());
    if name.len() <= LONGEST {
        return name;
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    format!("{}-{:016x}", &name[..name.floor_char_boundary(LONGEST)], hasher.finish())
}

/// A kind's file in a namespace, which is empty where the kind has none; the first, or one further.
pub(super) fn objects(namespace: &str, stem: &str, part: u32) -> String {
    let folder = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    match part {
        0 | 1 => format!("{folder}{stem}.json"),
        more => format!("{folder}{stem}.{more}.json"),
    }
}

/// The log of a container, or of its run before.
pub(super) fn log(namespace: &str, pod: &str, container: &str, previous: bool) -> String {
    // A pod may be called as a file beside it is; none has an underline in its name.
    let folder = if pod.ends_with(".json") { "_" } else { "" };
    let run = if previous { ".previous" } else { "" };
    format!("{namespace}/{pod}{folder}/{container}{run}.log")
}

/// What a node's kubelet tells. No namespace and no kind has an underline in its name.
pub(super) fn summary(node: &str) -> String {
    format!("node_stats/{node}_summary.json")
}

/// Whether that can be a folder's name, or part of a file's: objects' names are (RFC 1123), and an
/// API server that says otherwise is not believed.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    name.len() <= 253
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, resource: &str) -> Kind {
        Kind { group: group.into(), resource: resource.into(), ..crate::kind::samples().swap_remove(0) }
    }

    #[test]
    fn kubectls_files_are_where_kubectl_has_them() {
        for (group, resource, file) in [
            ("", "pods", "shop/pods.json"),
            ("", "replicationcontrollers", "shop/replication-controllers.json"),
            ("apps", "deployments", "shop/deployments.json"),
            ("apps", "statefulsets", "shop/statefulsets.apps.json"),
            ("events.k8s.io", "events", "shop/events.events.k8s.io.json"),
        ] {
            assert_eq!(objects("shop", &stem(&kind(group, resource)), 1), file);
        }
        assert_eq!(objects("", &stem(&kind("", "nodes")), 1), "nodes.json");
        assert_eq!(objects("a", "pods", 3), "a/pods.3.json");
        assert_eq!(log("a", "web-1", "main", true), "a/web-1/main.previous.log");
        assert_eq!(log("a", "pods.json", "main", false), "a/pods.json_/main.log");
    }

    #[test]
    fn no_name_leaves_the_folder_or_is_too_long_for_it() {
        for name in ["", "..", ".", "a/b", "/a", ".a", "a\\b", "a\n", "é", &"a".repeat(254)] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name("a") && is_name("web-1.x"));
        let long = |letter: &str| stem(&kind(&letter.repeat(250), "widgets"));
        assert!(long("a").len() < 240 && long("a") != stem(&kind(&"a".repeat(251), "widgets")));
    }
}
