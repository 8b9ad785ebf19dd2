//! What dumps hold of nodes, whatever their kubelets answer.

use daymark_proto::v1::DumpRequest;
use daymark_tests::fake_apiserver::FakeApiServer;
use daymark_tests::in_process::Sharing;
use serde_json::json;

use crate::dumps::{Dumped, dumped, everything};
use crate::rights::Shared;
use crate::{Collection, Setup};

fn path(node: &str) -> String {
    format!("/api/v1/nodes/{node}/proxy/stats/summary")
}

/// A cluster that serves nodes; it is to be known before a daemon asks for its kinds.
async fn with_nodes() -> FakeApiServer {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.serve_nodes();
    cluster
}

fn add(cluster: &FakeApiServer, node: &str, status: u16, summary: &str) {
    cluster.put(Collection::Nodes, json!({"metadata": {"name": node}}));
    cluster.serve_text(&path(node), status, summary);
}

/// What of nodes is refused: the node, and why.
fn refused(dumped: &Dumped) -> Vec<(String, String)> {
    let of_nodes = dumped.refused.iter().filter(|it| it.kind == "nodes/proxy");
    let mut refused: Vec<_> = of_nodes.map(|it| (it.name.clone(), it.reason.clone())).collect();
    refused.sort();
    refused
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, reason)| ((*name).to_owned(), (*reason).to_owned())).collect()
}

#[tokio::test]
async fn each_node_has_its_summary_or_a_reason() {
    let setup = Setup::of(with_nodes().await).await;
    let summary = r#"{"node": {"nodeName": "a", "cpu": {"usageNanoCores": 7}}, "token": "hunter2"}"#;
    add(&setup.cluster, "a", 200, summary);
    add(&setup.cluster, "b", 503, "no kubelet");
    add(&setup.cluster, "c", 200, "{");
    add(&setup.cluster, "d", 404, "");
    add(&setup.cluster, "e", 200, &format!("\"{}\"", "x".repeat(4 << 20)));
    let dumped = self::dumped(setup.daemon.channel().await, everything(), None).await.unwrap();
    let expected = summary.replace("hunter2", "[redacted]");
    assert_eq!(dumped.text("node_stats/a_summary.json"), format!("{expected}\n"));
    assert_eq!(dumped.files.keys().filter(|path| path.starts_with("node_stats/")).count(), 1);
    let away = "CLUSTER_UNREACHABLE";
    assert_eq!(refused(&dumped), pairs(&[("b", away), ("c", away), ("d", "NOT_SERVED"), ("e", away)]));

    let had = DumpRequest { have: vec!["nodes".into()], ..everything() };
    let dumped = self::dumped(setup.daemon.channel().await, had, None).await.unwrap();
    assert!(!dumped.files.contains_key("node_stats/a_summary.json") && refused(&dumped).is_empty());
    setup.daemon.stop().await;
}

#[tokio::test]
async fn what_the_daemon_may_not_ask_is_told_once() {
    let setup = Setup::of(with_nodes().await).await;
    for number in 0..30 {
        add(&setup.cluster, &format!("n{number}"), 403, "{}");
    }
    let dumped = self::dumped(setup.daemon.channel().await, everything(), None).await.unwrap();
    assert_eq!(refused(&dumped), pairs(&[("", "KIND_FORBIDDEN")]));
    let asked: usize = (0..30).map(|number| setup.cluster.texts_asked(&path(&format!("n{number}")))).sum();
    assert!(asked < 30, "{asked} nodes were asked");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn kubelets_are_asked_for_whom_may_ask_them() {
    let shared = Shared::of(with_nodes().await, Sharing::default()).await;
    add(&shared.cluster, "a", 200, "{}");
    for user in ["jane", "joe"] {
        shared.rbac.grant(user, "list", "nodes", "*");
    }
    shared.rbac.grant("joe", "get", "nodes/proxy", "*");
    let jane = dumped(shared.channel().await, everything(), Some("jane")).await.unwrap();
    assert_eq!(refused(&jane), pairs(&[("", "PERMISSION_DENIED")]));
    assert_eq!(shared.cluster.texts_asked(&path("a")), 0);
    let joe = dumped(shared.channel().await, everything(), Some("joe")).await.unwrap();
    assert_eq!((&*joe.text("node_stats/a_summary.json"), refused(&joe)), ("{}\n", Vec::new()));
    shared.daemon.stop().await;
}
