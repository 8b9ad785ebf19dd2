//! What shells are answered, of a real cluster.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::awaited;

use crate::kinds::{define_for, definition};
use crate::wait::deployment;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "completion::offers_what_the_cluster_has", needs: &[Need::Controllers], run: Run::Shared(offers) },
    Test { name: "completion::knows_custom_kinds", needs: &[], run: Run::Shared(custom) },
];

/// What a line is completed to, as fish is answered.
fn complete(daemon: &Daemon, line: &str) -> Vec<String> {
    let mut words: Vec<_> = line.split(' ').collect();
    let current = format!("--current={}", words.pop().unwrap_or_default());
    let args: Vec<_> = ["__complete", "fish", &current, "--"].into_iter().chain(words).collect();
    let answer = daemon.cli().env("DAYMARK_COMPLETION_TIMEOUT", "60s").start_words(&args).finish();
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""), "{line}: {answer:?}");
    let mut lines = answer.stdout.lines();
    assert_eq!(lines.next(), Some("words"), "{line}");
    lines.map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

/// The names that kubectl lists.
fn listed(namespace: &Namespace<'_>, kind: &str) -> Vec<String> {
    let names = namespace.kubectl(["get", kind, "-o", "jsonpath={.items[*].metadata.name}"]);
    names.split_whitespace().map(str::to_owned).collect()
}

fn offers(cluster: &Cluster, daemon: &Daemon) {
    let (here, there) = (cluster.namespace(), cluster.namespace());
    here.apply(&deployment("web", 3, "ready", "1s", ""));
    there.apply(&deployment("elsewhere", 1, "ready", "1s", ""));
    for name in ["one", "two"] {
        here.kubectl(["create", "configmap", name]);
        here.kubectl(["create", "secret", "generic", name]);
    }
    let n = &here.name;
    assert_eq!(daemon.cli().run(&format!("wait -n {n} deploy/web --timeout 60s")).code, Some(0));
    for kind in ["pods", "cm", "secrets", "deployments.apps", "rs"] {
        assert!(!listed(&here, kind).is_empty(), "{kind}");
        comes_to_offer(daemon, &format!("get {kind} -n {n} "), || listed(&here, kind));
    }
    assert_eq!(complete(daemon, &format!("get -n {n} cm t")), ["two"]);
    assert_eq!(complete(daemon, &format!("wait -n {n} deploy/w")), ["deploy/web"]);
    comes_to_offer(daemon, &format!("get -n {n} cm,deploy "), || listed_all(&here, &["cm", "deploy"]));
    assert_eq!(complete(daemon, &format!("get pods -n {n}")), [n.as_str()]);
    // Other tests' nodes come and go.
    comes_to_offer(daemon, "get nodes ", || listed(&here, "nodes"));
    assert!(complete(daemon, &format!("get pods -n {n} -l pod-te")).contains(&"pod-template-hash".to_owned()));
    assert_eq!(complete(daemon, "get configm"), ["configmaps"]);
    assert_eq!(complete(daemon, "get deployments.a"), ["deployments.apps"]);
    assert!(complete(daemon, "get frobnicators x").is_empty());
}

/// What the daemon knows it offers: of what is new, that is later than kubectl lists it.
fn comes_to_offer(daemon: &Daemon, line: &str, listed: impl Fn() -> Vec<String>) {
    awaited(line, || (complete(daemon, line), listed()), |(ours, theirs)| ours == theirs);
}

fn listed_all(namespace: &Namespace<'_>, kinds: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = kinds.iter().flat_map(|kind| listed(namespace, kind)).collect();
    names.sort();
    names
}

fn custom(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let group = format!("{}.example.com", namespace.name);
    define_for(daemon, &namespace, &group, &definition(&group, "xyz"));
    namespace.apply(&format!("{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: w}}}}"));
    // Somebody has to have asked for a kind that is new.
    let kind = format!("widgets.{group}");
    assert_eq!(daemon.cli().run(&format!("get {kind} -n {}", namespace.name)).code, Some(0));
    assert_eq!(complete(daemon, &format!("get widgets.{}", namespace.name)), [kind.as_str()]);
    comes_to_offer(daemon, &format!("get -n {} {kind} ", namespace.name), || vec!["w".to_owned()]);
    assert_eq!(complete(daemon, &format!("get -n {} {kind}/", namespace.name)), [format!("{kind}/w")]);
}
