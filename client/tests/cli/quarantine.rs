//! `daymark quarantine`, `daymark quarantine list` and `daymark release`

use daymark_proto::v1::{
    LabelChange, ListQuarantinedResponse, ObjectRef, Operation, OperationStage, QuarantinePlan, QuarantinedPod,
    ReleaseResponse, StartQuarantineResponse, State, Status, Step, StepState, TreeNode, WatchOperationResponse,
    WatchTreeResponse,
};
use prost_types::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};
use tonic::Code;

use crate::fake::{Fake, Script};
use crate::fake_operations::OperationScript;
use crate::fake_pods::PodScript;
use crate::fake_views::ViewScript;
use crate::objects::{NOW, deployment, error, found, freshness, info, pod, unreachable};
use crate::process::{Running, against, finish, run};

fn named(resource: &str, name: &str) -> ObjectRef {
    let (resource, namespace) = (resource.to_owned(), "shop".to_owned());
    ObjectRef { resource, namespace, name: name.to_owned(), uid: format!("uid-{name}"), ..ObjectRef::default() }
}

fn change(before: Option<&str>, after: Option<&str>) -> LabelChange {
    LabelChange { key: "app".into(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
}

fn operation(stage: OperationStage, reason: &str, message: &str) -> Operation {
    Operation {
        id: "quarantine-1".into(),
        act: "quarantine".into(),
        target: Some(named("pods", "web-1")),
        stage: stage.into(),
        reason: reason.into(),
        message: message.into(),
        ..Operation::default()
    }
}

fn started() -> Result<StartQuarantineResponse, tonic::Status> {
    let plan = QuarantinePlan {
        pod: Some(named("pods", "web-1")),
        labels: vec![change(Some("web"), Some("web-quarantined"))],
        services: vec![named("services", "web")],
        controller: Some(ObjectRef { group: "apps".into(), ..named("replicasets", "web-5d") }),
        notes: vec!["PodDisruptionBudget web no longer counts\u{1b}[2J it".into()],
    };
    let operation = Some(operation(OperationStage::Running, "Started", ""));
    Ok(StartQuarantineResponse { operation, plan: Some(plan) })
}

fn step(resource: &str, name: &str, state: StepState, reason: &str) -> Step {
    let (r#ref, message) = (Some(named(resource, name)), "so\nit is".to_owned());
    Step { r#ref, state: state.into(), reason: reason.into(), message, controller: None }
}

fn told(operation: Operation, steps: Vec<Step>) -> Result<WatchOperationResponse, tonic::Status> {
    Ok(WatchOperationResponse { operation: Some(operation), steps })
}

/// A quarantine that ends like that.
fn ends(stage: OperationStage, reason: &str) -> Script {
    let going = operation(OperationStage::Running, "Relabelled", "");
    let stream = vec![
        told(
            going,
            vec![
                step("pods", "web-1", StepState::Done, "Relabelled"),
                step("services", "web", StepState::Running, "Serving"),
            ],
        ),
        told(
            operation(stage, reason, "pod shop/web-1: as it is"),
            vec![step("services", "web", StepState::Done, "Dropped")],
        ),
    ];
    Script {
        info: Some(info()),
        pods: PodScript { starts: [started()].into(), ..PodScript::default() },
        operations: OperationScript { streams: [stream].into(), ..OperationScript::default() },
        ..Script::default()
    }
}

/// `quarantine.done`, `quarantine.plan`, `quarantine.progress`, `quarantine.request`
#[test]
fn a_quarantine_is_followed_to_its_end() {
    let fake = Fake::new(ends(OperationStage::Succeeded, "Quarantined"));
    let args = ["quarantine", "pod/web-1", "-n", "shop", "--set", "app=x", "--why", "slow", "--timeout", "90s"];
    let done = finish(&mut against(&fake, &args));
    assert_eq!((done.code, &*done.out), (0, "pod shop/web-1: as it is\n"), "{done:?}");
    for line in [
        ": quarantining pod/web-1",
        "shop/pods/web-1: app: web → web-quarantined",
        "no longer selected by shop/services/web, shop/replicasets.apps/web-5d",
        "no longer counts\\x1b[2J it",
        "shop/pods/web-1: done (Relabelled): so it is",
        "shop/services/web: under way (Serving): so it is",
        "shop/services/web: done (Dropped): so it is",
    ] {
        assert!(done.err.contains(line), "{line:?} in {done:?}");
    }
    let seen = fake.seen_pods();
    let asked = &seen.starts[0];
    let pod = asked.r#ref.as_ref().unwrap();
    assert_eq!((&*pod.resource, &*pod.name, &*pod.namespace), ("pod", "web-1", "shop"));
    assert_eq!((asked.set.get("app").map(String::as_str), &*asked.why, asked.dry_run), (Some("x"), "slow", false));
    assert_eq!(asked.timeout.as_ref().map(|it| it.seconds), Some(90));
    assert!(asked.request_id.len() >= 16 && !asked.detach);
}

/// `quarantine.json`
#[test]
fn json_has_the_plan_and_the_steps() {
    let done =
        run(ends(OperationStage::Succeeded, "Quarantined"), &["quarantine", "pod", "web-1", "-o", "json", "--dry-run"]);
    assert_eq!(done.code, 0, "{done:?}");
    let told: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&told["stage"], &told["target"]["name"]), (&json!("SUCCEEDED"), &json!("web-1")));
    let label = json!({"key": "app", "before": "web", "after": "web-quarantined"});
    assert_eq!((&told["plan"]["labels"][0], &told["plan"]["services"][0]["name"]), (&label, &json!("web")));
    assert_eq!(told["steps"].as_array().map(Vec::len), Some(2));
}

/// `quarantine.failed`, `quarantine.deadline`, `quarantine.left-alone`, `quarantine.denied`
#[test]
fn each_end_has_its_code() {
    let failed = run(ends(OperationStage::Failed, "Gone"), &["quarantine", "pod/web-1"]);
    assert_eq!((failed.code, failed.out.is_empty()), (1, true), "{failed:?}");
    assert!(failed.err.ends_with("daymark: pod shop/web-1: as it is\n"), "{failed:?}");
    assert_eq!(run(ends(OperationStage::Failed, "DeadlineExceeded"), &["quarantine", "pod/web-1"]).code, 3);
    for (code, reason, exit) in [
        (Code::FailedPrecondition, "NOT_TO_BE_QUARANTINED", 1),
        (Code::PermissionDenied, "PERMISSION_DENIED", 5),
        (Code::NotFound, "OBJECT_NOT_FOUND", 6),
        (Code::InvalidArgument, "INVALID_QUARANTINE", 2),
    ] {
        let starts = [Err(error(code, reason, "StatefulSet db manages it"))].into();
        let script =
            Script { info: Some(info()), pods: PodScript { starts, ..PodScript::default() }, ..Script::default() };
        let refused = run(script, &["quarantine", "pod/web-1"]);
        assert_eq!((refused.code, refused.out.is_empty()), (exit, true), "{refused:?}");
        assert!(refused.err.ends_with("daymark: StatefulSet db manages it\n"), "{refused:?}");
    }
}

/// `quarantine.detach`
#[test]
fn a_quarantine_can_be_left_to_the_daemon() {
    let fake = Fake::new(ends(OperationStage::Succeeded, "Quarantined"));
    let begun = finish(&mut against(&fake, &["quarantine", "pod/web-1", "--detach"]));
    assert_eq!((begun.code, &*begun.out), (0, "quarantine-1\n"), "{begun:?}");
    assert!(
        begun.err.contains("daymark operation watch quarantine-1") && fake.seen_pods().starts[0].detach,
        "{begun:?}"
    );
}

/// `quarantine.interrupted`
#[test]
fn whoever_interrupts_it_cancels_it() {
    let mut script = ends(OperationStage::Succeeded, "Quarantined");
    let going = operation(OperationStage::Running, "Relabelled", "");
    let cancelled = operation(OperationStage::Cancelled, "Cancelled", "its labels stay changed");
    let first = vec![told(going, vec![step("pods", "web-1", StepState::Done, "Relabelled")])];
    script.operations.streams = [first, vec![told(cancelled, Vec::new())]].into();
    let fake = Fake::new(script);
    let mut running = Running::start(&mut against(&fake, &["quarantine", "pod/web-1"]));
    running.err_until("Relabelled");
    running.signal(Signal::INT);
    let ended = running.finish();
    assert_eq!((ended.code, &**fake.cancelled()), (130, &["quarantine-1".to_owned()][..]), "{ended:?}");
    assert!(ended.err.contains("its labels stay changed"), "{ended:?}");
}

/// `quarantine.usage`
#[test]
fn what_makes_no_sense_is_refused() {
    let usage = |args: &[&str], part| run(Script::default(), args).expect_problem(2, &[part]);
    usage(&["quarantine"], "name one pod");
    usage(&["quarantine", "pods"], "name one pod");
    usage(&["quarantine", "pod/a", "pod/b"], "name one pod");
    usage(&["quarantine", "deploy/web"], "not the kind of a pod");
    usage(&["quarantine", "pod/a", "--set", "app"], "KEY=VALUE");
    usage(&["quarantine", "pod/a", "--set", "app=a", "--set", "app=b"], "two values");
    usage(&["quarantine", "--to", "deploy"], "--to");
    for args in [&["quarantine", "pod/a", "--to", "deploy/web"][..], &["quarantine", "pod/a", "--max", "2"]] {
        assert_eq!(run(Script::default(), args).code, 2, "{args:?}");
    }
}

fn node(status: Status, depth: i32) -> TreeNode {
    TreeNode { status: Some(status), depth }
}

/// A Deployment of two revisions; of the newest, a pod fails, and two are on their way.
fn workload() -> Vec<TreeNode> {
    let replica_set = |name: &str| Status { kind: "ReplicaSet".into(), ..deployment(name, State::InProgress) };
    vec![
        node(deployment("web", State::InProgress), 0),
        node(replica_set("web-new"), 1),
        node(pod("new-1", State::InProgress), 2),
        node(pod("new-2", State::Failed), 2),
        node(pod("new-3", State::InProgress), 2),
        node(replica_set("web-old"), 1),
        node(pod("old-1", State::Failed), 2),
    ]
}

fn whole(status: Status, object: &Value) -> Status {
    Status { object: object.to_string().into_bytes().into(), ..status }
}

/// A pod that has not been ready for so many seconds.
fn unready(name: &str, seconds: i64) -> Status {
    let since = jiff::Timestamp::from_second(NOW - seconds).unwrap();
    let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": since.to_string()});
    whole(pod(name, State::InProgress), &json!({"status": {"conditions": [ready]}}))
}

fn revision(name: &str, revision: &str) -> Status {
    let annotations = json!({"deployment.kubernetes.io/revision": revision});
    whole(deployment(name, State::InProgress), &json!({"metadata": {"annotations": annotations}}))
}

fn failing(nodes: Vec<TreeNode>, objects: Vec<Status>) -> Script {
    let tree = WatchTreeResponse { nodes, freshness: freshness(), ..WatchTreeResponse::default() };
    Script {
        views: ViewScript { trees: [vec![Ok(tree)]].into(), ..ViewScript::default() },
        objects: objects.into_iter().map(found).collect(),
        pods: PodScript { starts: [started(), started(), started()].into(), ..PodScript::default() },
        info: Some(info()),
        ..Script::default()
    }
}

/// `quarantine.to`, `quarantine.to-none`
#[test]
fn failing_pods_of_a_workload_are_picked() {
    let picked = |most: &str| {
        let objects =
            vec![revision("web-new", "10"), revision("web-old", "9"), unready("new-1", 30), unready("new-3", 90)];
        let fake = Fake::new(failing(workload(), objects));
        let begun = finish(&mut against(&fake, &["quarantine", "--to", "deploy/web", "--max", most, "--detach"]));
        assert_eq!(begun.code, 0, "{begun:?}");
        let seen = fake.seen_pods();
        seen.starts.iter().map(|start| start.r#ref.as_ref().unwrap().name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(picked("1"), ["new-2"]);
    assert_eq!(picked("5"), ["new-2", "new-3"]);
    let well = vec![node(deployment("web", State::Ready), 0), node(pod("web-1", State::Ready), 1)];
    let none = run(failing(well, Vec::new()), &["quarantine", "--to", "deploy/web"]);
    none.expect(0, "", "no pod of deploy/web fails: nothing was quarantined\n");
}

fn quarantined(name: &str, next: &str) -> Result<ListQuarantinedResponse, tonic::Status> {
    let pod = QuarantinedPod {
        status: Some(pod(name, State::InProgress)),
        labels: vec![change(Some("web"), None)],
        by: "user \"jane\"".into(),
        time: Some(Timestamp { seconds: NOW, nanos: 0 }),
        why: "slow\n\u{1b}[2J".into(),
        controller: Some(named("replicasets", "web-5d")),
        services: vec!["web".into()],
    };
    let (pods, next_page_token) = (vec![pod], next.to_owned());
    Ok(ListQuarantinedResponse { pods, next_page_token, unreachable: vec![unreachable("pods", "PermissionDenied")] })
}

fn pages() -> Script {
    let pages = [quarantined("web-1", "1"), quarantined("web-2", "")].into();
    Script { pods: PodScript { pages, ..PodScript::default() }, ..Script::default() }
}

/// `quarantine.list`, `quarantine.list-request`
#[test]
fn pods_in_quarantine_are_listed() {
    let fake = Fake::new(pages());
    finish(&mut against(&fake, &["quarantine", "list", "-n", "shop"])).expect(
        0,
        "NAMESPACE   NAME    STATE        LABELS              CONTROLLER           BY            SINCE                  WHY\n\
         shop        web-1   InProgress   app: web → (none)   replicasets/web-5d   user \"jane\"   2026-01-02T03:04:05Z   slow \\x1b[2J\n\
         shop        web-2   InProgress   app: web → (none)   replicasets/web-5d   user \"jane\"   2026-01-02T03:04:05Z   slow \\x1b[2J\n",
        "daymark: warning: not all pods are shown: so it is\n",
    );
    let asked = fake.seen_pods().lists.clone();
    assert_eq!((&*asked[0].namespaces, asked[0].all_namespaces), (&["shop".to_owned()][..], false));
    assert_eq!(asked.iter().map(|it| &*it.page_token).collect::<Vec<_>>(), ["", "1"]);
}

/// `quarantine.list-json`, `quarantine.list-none`
#[test]
fn a_list_is_json_too_and_may_be_empty() {
    let fake = Fake::new(pages());
    let listed = finish(&mut against(&fake, &["quarantine", "list", "-A", "-o", "json"]));
    let told: Value = serde_json::from_str(&listed.out).unwrap();
    let pod = &told["pods"][1];
    assert_eq!((&pod["status"]["ref"]["name"], &pod["labels"][0]["after"]), (&json!("web-2"), &Value::Null));
    assert_eq!((&pod["services"], &pod["time"]), (&json!(["web"]), &json!("2026-01-02T03:04:05Z")));
    assert!(fake.seen_pods().lists[0].all_namespaces);
    let none = PodScript { pages: [Ok(ListQuarantinedResponse::default())].into(), ..PodScript::default() };
    let none = Script { pods: none, ..Script::default() };
    run(none, &["quarantine", "list"]).expect(0, "", "No pods are in quarantine.\n");
}

fn released() -> Script {
    let released = ReleaseResponse {
        pod: Some(named("pods", "web-1")),
        labels: vec![change(Some("web-quarantined"), Some("web"))],
        controller: Some(named("replicasets", "web-5d")),
        removed: Some(named("pods", "web-2")),
        message: "ReplicaSet web-5d has 5 pods then: it will probably remove web-2\u{1b}".into(),
    };
    let pods = PodScript { releases: [Ok(released)].into(), ..PodScript::default() };
    Script { info: Some(info()), pods, ..Script::default() }
}

/// `release.done`, `release.json`, `release.dry-run`
#[test]
fn a_pod_is_released() {
    let fake = Fake::new(released());
    let done = finish(&mut against(&fake, &["release", "pod/web-1", "-n", "shop"]));
    assert_eq!((done.code, &*done.out), (0, "pod/web-1 released: app: web-quarantined → web\n"), "{done:?}");
    assert!(done.err.contains(": releasing pod/web-1\n") && done.err.contains("remove web-2\\x1b\n"), "{done:?}");
    assert_eq!(fake.seen_pods().releases[0].r#ref.as_ref().unwrap().name, "web-1");
    let json = run(released(), &["release", "pod", "web-1", "-o", "json"]);
    let told: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&told["removed"]["name"], &told["labels"][0]["after"]), (&json!("web-2"), &json!("web")));
    let fake = Fake::new(released());
    let dry = finish(&mut against(&fake, &["release", "pod/web-1", "--dry-run"]));
    assert!(
        dry.out.starts_with("pod/web-1 released (server dry run)") && fake.seen_pods().releases[0].dry_run,
        "{dry:?}"
    );
}

/// `release.refused`, `release.usage`
#[test]
fn what_cannot_be_released_is_said() {
    for (code, reason, exit) in [
        (Code::FailedPrecondition, "NOT_QUARANTINED", 1),
        (Code::FailedPrecondition, "LABELS_CHANGED", 1),
        (Code::PermissionDenied, "ACT_NOT_ENABLED", 5),
    ] {
        let releases = [Err(error(code, reason, "pod web-1: no"))].into();
        let script =
            Script { info: Some(info()), pods: PodScript { releases, ..PodScript::default() }, ..Script::default() };
        let refused = run(script, &["release", "pod/web-1"]);
        assert_eq!((refused.code, refused.out.is_empty()), (exit, true), "{refused:?}");
        assert!(refused.err.ends_with("daymark: pod web-1: no\n"), "{refused:?}");
    }
    run(Script::default(), &["release", "deploy/web"]).expect_problem(2, &["not the kind of a pod"]);
    assert_eq!(run(Script::default(), &["release"]).code, 2);
}
