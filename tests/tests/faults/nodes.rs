//! Nodes whose view lags.

use daymark_proto::v1::node_readiness_service_client::NodeReadinessServiceClient;
use daymark_proto::v1::{NodePartResult, NodeReport, State, WatchNodesRequest, WatchNodesResponse};
use daymark_tests::fake_apiserver::{Collection, FakeApiServer};
use daymark_tests::process::PATIENCE;
use serde_json::json;
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::Setup;

const NODES: Collection = Collection::Nodes;

/// A node that lacks nothing, but is cordoned or not.
fn put(cluster: &FakeApiServer, unschedulable: bool) {
    let status = json!({
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
        "nodeInfo": {"kubeletVersion": "v1.36.0", "containerRuntimeVersion": "containerd://2.2.0"},
    });
    let spec = json!({"unschedulable": unschedulable});
    cluster.put(NODES, json!({"metadata": {"name": "n1"}, "spec": spec, "status": status}));
}

async fn watch(channel: Channel) -> Streaming<WatchNodesResponse> {
    let request = WatchNodesRequest { names: vec!["n1".into()], ..WatchNodesRequest::default() };
    NodeReadinessServiceClient::new(channel).watch_nodes(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<WatchNodesResponse>) -> WatchNodesResponse {
    timeout(PATIENCE, stream.message()).await.expect("it comes").unwrap().expect("the stream goes on")
}

fn missing(node: &NodeReport) -> Vec<&str> {
    let missing = node.parts.iter().filter(|part| part.result() == NodePartResult::Missing);
    missing.map(|part| part.name.as_str()).collect()
}

/// The view says that the node is usable, as it was before the question, for as long as the watch
/// is held back; the API server itself says otherwise.
#[tokio::test]
async fn a_node_is_not_usable_by_what_was_before_the_question() {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.serve_nodes();
    put(&cluster, false);
    let setup = Setup::of(cluster).await;
    let mut stream = watch(setup.daemon.channel().await).await;
    let good = next(&mut stream).await;
    assert!(good.passed && good.nodes[0].status.as_ref().unwrap().state() == State::Ready, "{good:?}");
    setup.cluster.hold_events(NODES);
    put(&setup.cluster, true);
    let gets = setup.cluster.counts().gets(NODES);
    let asked = tokio::spawn(watch(setup.daemon.channel().await));
    setup.cluster.until("the proof", |counts| counts.gets(NODES) > gets).await;
    assert!(!asked.is_finished(), "it is answered by what was before it");
    setup.cluster.release_events(NODES);
    let mut other = timeout(PATIENCE, asked).await.expect("it is answered").unwrap();
    let told = next(&mut other).await;
    assert_eq!((told.passed, missing(&told.nodes[0])), (false, vec!["schedulable"]), "{told:?}");
    // Whoever watches already is told, too, and of the end of it.
    let told = next(&mut stream).await;
    assert_eq!((told.passed, missing(&told.nodes[0])), (false, vec!["schedulable"]), "{told:?}");
    put(&setup.cluster, false);
    assert!(next(&mut stream).await.passed && next(&mut other).await.passed);
    drop((stream, other));
    setup.daemon.stop().await;
}
