//! `daymark node wait`

use daymark_proto::v1::{
    NodeCertificateRequest, NodePartResult, NodeReport, ObjectRef, State, Status, WatchNodesResponse,
};
use serde_json::{Value, json};

use crate::fake::{Fake, Script};
use crate::fake_nodes::NodeScript;
use crate::node_list::node;
use crate::objects::{forbidden, freshness, unavailable, unreachable};
use crate::process::{Run, against, finish};

type Step = Result<WatchNodesResponse, tonic::Status>;

fn told(nodes: Vec<NodeReport>) -> WatchNodesResponse {
    WatchNodesResponse { nodes, freshness: freshness(), ..WatchNodesResponse::default() }
}

fn passed(nodes: Vec<NodeReport>) -> WatchNodesResponse {
    WatchNodesResponse { passed: true, ..told(nodes) }
}

fn good(name: &str) -> NodeReport {
    node(name, State::Ready, &[("proxy", NodePartResult::NotVisible, "it is no pod")])
}

fn bad(name: &str, message: &str) -> NodeReport {
    node(name, State::Ready, &[("lease", NodePartResult::Missing, message)])
}

fn absent(name: &str) -> NodeReport {
    NodeReport { usable: false, ..node(name, State::Absent, &[("registered", NodePartResult::Missing, "none")]) }
}

fn request(name: &str, node: &str, reason: &str) -> NodeCertificateRequest {
    let object = ObjectRef { name: name.into(), ..ObjectRef::default() };
    let status = Status { r#ref: Some(object), reason: reason.into(), message: "so it is".into(), ..Status::default() };
    NodeCertificateRequest {
        status: Some(status),
        signer: "kubernetes.io/kubelet-serving".into(),
        username: "system:node:n1".into(),
        node: node.into(),
    }
}

fn fake(streams: impl IntoIterator<Item = Vec<Step>>) -> Fake {
    let nodes = NodeScript { streams: streams.into_iter().collect(), ..NodeScript::default() };
    Fake::new(Script { nodes, ..Script::default() })
}

fn run(steps: Vec<Step>, args: &[&str]) -> Run {
    finish(&mut against(&fake([steps]), &[&["node", "wait"], args].concat()))
}

/// `node.wait-passed`, `node.wait-progress`
#[test]
fn a_node_that_comes_is_told_by_its_transitions() {
    let steps = vec![
        Ok(told(vec![absent("n1")])),
        Ok(told(vec![bad("n1", "none yet")])),
        Ok(told(vec![bad("n1", "none yet")])),
        Ok(told(vec![bad("n1", "it has run out")])),
        Ok(told(vec![good("n1")])),
        Ok(passed(vec![good("n1")])),
    ];
    let run = run(steps, &["n1"]);
    assert_eq!(
        (run.code, run.err.as_str()),
        (
            0,
            "node/n1: does not exist yet\n\
             node/n1: is registered\n\
             node/n1: lease missing: none yet\n\
             node/n1: lease missing: it has run out\n\
             node/n1: lease ok: it is\n"
        )
    );
    assert!(run.out.starts_with("node/n1: usable\n  ready        ok           it is\n"), "{run:?}");
    assert!(run.out.contains("\n  proxy        not visible  it is no pod\n"), "{run:?}");
    assert!(run.out.lines().last().unwrap().starts_with("passed: 1 node is usable ("), "{run:?}");
}

/// `node.wait-request`, `node.wait-min`, `node.wait-first-pod`, `node.wait-tolerate`
#[test]
fn the_daemon_is_asked_for_what_the_flags_say() {
    let fake = fake([vec![Ok(passed(vec![good("n1"), good("n2")]))], vec![Ok(passed(vec![good("n1")]))]]);
    let first = finish(&mut against(&fake, &["node", "wait", "n1", "node/n2", "--first-pod"]));
    assert!(first.code == 0 && first.out.contains("passed: 2 nodes are usable"), "{first:?}");
    let args = ["node", "wait", "-l", "pool=a", "--min", "3", "--tolerate", "gpu", "--tolerate", "old=1:NoExecute"];
    assert_eq!(finish(&mut against(&fake, &args)).code, 0);
    let seen = fake.seen_nodes();
    assert_eq!(
        (&seen.watches[0].names, &seen.watches[0].required_parts),
        (&vec!["n1".into(), "n2".into()], &vec!["firstPod".into()])
    );
    let second = &seen.watches[1];
    assert_eq!((&*second.label_selector, second.min, second.names.len()), ("pool=a", 3, 0));
    assert_eq!(second.tolerated_taints, ["gpu", "old=1:NoExecute"]);
}

/// `node.wait-undecided`, `node.wait-look-once`
#[test]
fn which_part_of_which_node_is_missing_is_said_at_the_end() {
    let steps = || vec![Ok(told(vec![absent("n0"), bad("n1", "none\nyet"), good("n2")]))];
    for timeout in ["0", "2s"] {
        let run = run(steps(), &["n0", "n1", "n2", "--timeout", timeout]);
        assert_eq!(run.code, 3, "{run:?}");
        let said = "daymark: undecided: node/n0: does not exist; node/n1: lacks lease";
        assert_eq!(run.err.lines().last(), Some(said), "{run:?}");
        assert!(run.err.contains("node/n1: lease missing: none\\nyet\n"), "{run:?}");
        assert!(run.out.contains("node/n2: usable\n") && run.out.contains("\nundecided: NotUsable ("), "{run:?}");
    }
    // What is not proven, or too few, is not enough.
    let run = run(vec![Ok(told(vec![good("n1")]))], &["-l", "pool=a", "--min", "2", "--timeout", "0"]);
    assert!(run.code == 3 && run.err.ends_with("undecided: there are 1 of 2 nodes\n"), "{run:?}");
}

/// `node.wait-first-pod`
#[test]
fn a_part_that_has_to_be_there_may_not_be_invisible() {
    let waiting = NodeReport {
        usable: false,
        ..node("n1", State::Ready, &[("firstPod", NodePartResult::NotVisible, "no pod has come to it yet")])
    };
    let run = run(vec![Ok(told(vec![waiting]))], &["n1", "--first-pod", "--timeout", "0"]);
    assert_eq!(run.code, 3);
    assert!(run.err.contains("node/n1: firstPod not visible: no pod has come to it yet\n"), "{run:?}");
    assert!(run.err.ends_with("undecided: node/n1: lacks firstPod\n"), "{run:?}");
}

/// `node.wait-certificates`, `node.wait-not-visible`
#[test]
fn requests_for_certificates_are_told_once() {
    let node = NodeReport { certificate_requests: vec![request("csr-1", "n1", "NotApproved")], ..absent("n1") };
    let message = WatchNodesResponse {
        certificate_requests: vec![request("csr;2", "", "Denied")],
        not_visible: vec![unreachable("leases.coordination.k8s.io", "PermissionDenied")],
        ..told(vec![node])
    };
    let steps = vec![Ok(message.clone()), Ok(message), Ok(passed(vec![good("n1")]))];
    let run = run(steps, &["n1"]);
    let lines = [
        "certificate request csr-1 of node n1 to kubernetes.io/kubelet-serving by system:node:n1: NotApproved: so it is; \
         look at it, then: kubectl certificate approve csr-1",
        "certificate request csr;2 to kubernetes.io/kubelet-serving by system:node:n1: Denied: so it is",
        "daymark: warning: not all leases.coordination.k8s.io are shown: so it is",
    ];
    for line in lines {
        assert_eq!(run.err.lines().filter(|it| *it == line).count(), 1, "{line}: {run:?}");
    }
}

/// `node.wait-json`
#[test]
fn what_came_of_it_is_a_document() {
    let document = |run: &Run| serde_json::from_str::<Value>(&run.out).unwrap();
    let good = run(vec![Ok(passed(vec![good("n1")]))], &["n1", "-o", "json"]);
    let said = document(&good);
    assert_eq!((good.code, &said["outcome"], &said["reason"]), (0, &json!("PASSED"), &json!("Usable")));
    assert!(said["elapsedSeconds"].is_number() && said["nodes"][0]["usable"] == json!(true), "{good:?}");
    let node = NodeReport { certificate_requests: vec![request("csr-1", "n1", "NotApproved")], ..absent("n1") };
    let none = run(vec![Ok(told(vec![node]))], &["n1", "-o", "json", "--timeout", "0"]);
    let said = document(&none);
    assert_eq!((none.code, &said["outcome"], &said["reason"]), (3, &json!("UNDECIDED"), &json!("NotUsable")));
    assert_eq!(said["nodes"][0]["certificateRequests"][0]["status"]["ref"]["name"], "csr-1");
}

/// `node.wait-usage`
#[test]
fn what_makes_no_sense_is_refused() {
    for args in [
        &[][..],
        &["n1", "-l", "a=b"],
        &["n1", "--min", "2"],
        &["-l", "a=b", "--min", "0"],
        &["n1", "--timeout", "soon"],
        &["pod/n1"],
    ] {
        assert_eq!(run(Vec::new(), args).code, 2, "{args:?}");
    }
}

/// `node.wait-lost`, `node.wait-lost-at-deadline`, `node.wait-forbidden`
#[test]
fn a_wait_survives_a_lost_daemon_and_ends_with_a_refusal() {
    let lost = || vec![Ok(told(vec![bad("n1", "none")])), Err(unavailable())];
    let healed = finish(&mut against(&fake([lost(), vec![Ok(passed(vec![good("n1")]))]]), &["node", "wait", "n1"]));
    assert!(healed.code == 0 && healed.err.contains("trying again"), "{healed:?}");
    let mut streams = vec![lost()];
    streams.extend(std::iter::repeat_with(|| vec![Err(unavailable())]).take(20));
    let gone = finish(&mut against(&fake(streams), &["node", "wait", "n1", "--timeout", "1s"]));
    assert!(gone.code == 4 && gone.out.contains("undecided: DaemonLost"), "{gone:?}");
    let refused = run(vec![Err(forbidden())], &["n1"]);
    assert_eq!(refused.code, 5, "{refused:?}");
}

/// `node.wait-ci`
#[test]
fn what_the_cluster_says_is_no_command_of_a_ci_system() {
    let steps = || vec![Ok(told(vec![bad("n1", "##[error]x")]))];
    for output in ["text", "json"] {
        let run = run(steps(), &["n1", "--timeout", "0", "--ci", "github", "-o", output]);
        assert!(!run.out.contains("##[error]") && !run.err.contains("##[error]"), "{run:?}");
        assert!(run.err.contains("error]x"), "{run:?}");
    }
}
