//! `daymark node list`

use daymark_proto::v1::{
    ListNodesResponse, NodePart, NodePartResult, NodeReport, NodeResource, NodeVersions, ObjectRef, State, StaticPod,
    Status,
};
use serde_json::{Value, json};

use crate::fake::{Fake, Script};
use crate::fake_nodes::NodeScript;
use crate::objects::{forbidden, freshness, unreachable};
use crate::process::{against, finish};

/// A node with all its parts as `results` say, the others being there.
pub fn node(name: &str, state: State, results: &[(&str, NodePartResult, &str)]) -> NodeReport {
    const PARTS: [&str; 9] =
        ["registered", "ready", "versions", "lease", "network", "proxy", "schedulable", "capacity", "firstPod"];
    let part = |part: &&str| {
        let found = results.iter().find(|(name, ..)| name == part);
        let (result, message) = found.map_or((NodePartResult::Ok, "it is"), |(_, result, message)| (*result, message));
        NodePart { name: (*part).to_owned(), result: result.into(), message: message.to_owned() }
    };
    let object = ObjectRef { resource: "nodes".into(), name: name.to_owned(), ..ObjectRef::default() };
    let creation_time =
        freshness().and_then(|it| it.time).map(|time| prost_types::Timestamp { seconds: time.seconds - 90, ..time });
    NodeReport {
        status: Some(Status {
            r#ref: Some(object),
            kind: "Node".into(),
            state: state.into(),
            creation_time,
            ..Status::default()
        }),
        usable: !results.iter().any(|(_, result, _)| *result == NodePartResult::Missing),
        parts: PARTS.iter().map(part).collect(),
        ..NodeReport::default()
    }
}

fn whole(name: &str) -> NodeReport {
    let resource = |name: &str, requested: &str, allocatable: &str| NodeResource {
        name: name.to_owned(),
        allocatable: allocatable.to_owned(),
        requested: requested.to_owned(),
    };
    let renewed =
        freshness().and_then(|it| it.time).map(|time| prost_types::Timestamp { seconds: time.seconds - 7, ..time });
    NodeReport {
        roles: vec!["worker".to_owned()],
        versions: Some(NodeVersions {
            kubelet: "v1.36.0".into(),
            container_runtime: "containerd://2.2.0".into(),
            kernel: "6.12.0".into(),
            os_image: "Debian 13".into(),
            operating_system: "linux".into(),
            architecture: "amd64".into(),
        }),
        taints: vec!["gpu=yes:NoSchedule".into(), "old:NoExecute".into()],
        resources: vec![resource("cpu", "1500m", "4"), resource("memory", "", "8Gi"), resource("pods", "7", "110")],
        static_pods: vec![StaticPod { namespace: "kube-system".into(), name: "proxy-n1".into(), ready: true }],
        lease_renew_time: renewed,
        ..node(
            name,
            State::Ready,
            &[
                ("lease", NodePartResult::Missing, "it has run out"),
                ("proxy", NodePartResult::NotVisible, "it is none"),
            ],
        )
    }
}

fn list(nodes: Vec<NodeReport>) -> ListNodesResponse {
    ListNodesResponse { nodes, freshness: freshness(), ..ListNodesResponse::default() }
}

fn fake(pages: impl IntoIterator<Item = Result<ListNodesResponse, tonic::Status>>) -> Fake {
    let nodes = NodeScript { pages: pages.into_iter().collect(), ..NodeScript::default() };
    Fake::new(Script { nodes, ..Script::default() })
}

/// `node.list-table`, `node.list-pages`, `node.list-selector`
#[test]
fn nodes_are_a_table() {
    let first = ListNodesResponse { next_page_token: "n1".into(), ..list(vec![whole("n1")]) };
    let fake = fake([Ok(first), Ok(list(vec![node("n2", State::Failed, &[])]))]);
    finish(&mut against(&fake, &["node", "list", "-l", "pool=a"])).expect(
        0,
        "NAME   STATE    ROLES    VERSION   RUNTIME              PODS    CPU       MEMORY   TAINTS                  LEASE       MISSING\n\
         n1     Ready    worker   v1.36.0   containerd://2.2.0   7/110   1500m/4   ?/8Gi    gpu=yes:NoSchedule,+1   7s          lease\n\
         n2     Failed   <none>                                  ?/?     ?/?       ?/?      <none>                  <unknown>   <none>\n",
        "",
    );
    let seen = fake.seen_nodes();
    let asked: Vec<_> = seen.lists.iter().map(|list| (&*list.label_selector, &*list.page_token)).collect();
    assert_eq!(asked, [("pool=a", ""), ("pool=a", "n1")]);
}

/// `node.list-wide`
#[test]
fn a_wide_table_has_more_columns() {
    let run =
        finish(&mut against(&fake([Ok(list(vec![whole("n1")]))]), &["node", "list", "-o", "wide", "--no-headers"]));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.ends_with("lease   90s   6.12.0   Debian 13   amd64   proxy-n1   proxy\n"), "{run:?}");
}

/// `node.list-json`
#[test]
fn nodes_are_a_document() {
    let run = finish(&mut against(&fake([Ok(list(vec![whole("n1")]))]), &["node", "list", "-o", "json"]));
    let document: Value = serde_json::from_str(&run.out).unwrap();
    let first = &document["nodes"][0];
    assert_eq!((run.code, &first["status"]["ref"]["name"], &first["usable"]), (0, &json!("n1"), &json!(false)));
    assert_eq!(first["parts"][3], json!({"name": "lease", "result": "missing", "message": "it has run out"}));
    assert_eq!(first["parts"][5]["result"], "notVisible");
    assert_eq!(first["versions"]["containerRuntime"], "containerd://2.2.0");
    assert_eq!(first["resources"][1], json!({"name": "memory", "allocatable": "8Gi"}));
    assert_eq!(first["staticPods"][0], json!({"namespace": "kube-system", "name": "proxy-n1", "ready": true}));
    assert!(first["leaseRenewTime"].is_string() && document["notVisible"].as_array().unwrap().is_empty(), "{run:?}");
}

/// `node.list-empty`, `node.list-not-visible`, `node.list-forbidden`
#[test]
fn what_cannot_be_seen_is_said() {
    let left_out = ListNodesResponse { not_visible: vec![unreachable("pods", "PermissionDenied")], ..list(Vec::new()) };
    let fake = fake([Ok(left_out), Err(forbidden())]);
    let run = finish(&mut against(&fake, &["node", "list"]));
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert_eq!(run.err, "No nodes found.\ndaymark: warning: not all pods are shown: so it is\n");
    assert_eq!(finish(&mut against(&fake, &["node", "list"])).code, 5);
}
