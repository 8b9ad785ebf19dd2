//! `daymark node drain`: where the daemon says nothing any more, and of a node that is down.

use daymark_proto::v1::{
    DrainPlan, ObjectRef, Operation, OperationStage, PlannedPod, PodFate, Step, StepState, WatchOperationResponse,
};
use tonic::Status;

use crate::fake::{Fake, Script};
use crate::fake_drains::DrainScript;
use crate::fake_operations::OperationScript;
use crate::objects::{info, unavailable};
use crate::process::{Run, against, finish};

fn operation(stage: OperationStage) -> Operation {
    Operation { id: "drain-7".into(), stage: stage.into(), message: "as it is".into(), ..Operation::default() }
}

fn run(stream: Vec<Result<WatchOperationResponse, Status>>, args: &[&str]) -> Run {
    let started = || operation(OperationStage::Running);
    let fake = Fake::new(Script {
        info: Some(info()),
        drains: DrainScript { starts: [started(), started()].into(), ..DrainScript::default() },
        operations: OperationScript { streams: [stream].into(), ..OperationScript::default() },
        ..Script::default()
    });
    finish(&mut against(&fake, &[&["node", "drain", "--timeout", "10ms"], args].concat()))
}

fn told(stage: OperationStage, steps: Vec<Step>) -> Result<WatchOperationResponse, Status> {
    Ok(WatchOperationResponse { operation: Some(operation(stage)), steps })
}

/// `node.drain-silent`
#[test]
fn a_drain_of_which_no_end_is_told_ends_behind_its_deadline() {
    let going = || told(OperationStage::Running, vec![]);
    for (stream, says) in
        [(vec![going()], "the daemon has told no end"), (vec![going(), Err(unavailable())], "the daemon is lost")]
    {
        let run = run(stream, &["n1"]);
        assert_eq!((run.code, &*run.out), (4, ""), "{run:?}");
        let last = run.err.lines().last().unwrap();
        assert!(last.contains(says) && last.contains("daymark operation watch drain-7"), "{run:?}");
    }
}

/// A step of a pod that a controller of `resource` manages.
fn step(resource: &str, state: StepState, reason: &str) -> Step {
    let controller = ObjectRef { resource: resource.into(), name: "web".into(), ..ObjectRef::default() };
    Step { state: state.into(), reason: reason.into(), controller: Some(controller), ..Step::default() }
}

/// `node.drain-silent`
#[test]
fn a_wait_between_two_nodes_ends_behind_its_deadline() {
    // One that is left behind on a node that is down is replaced nevertheless.
    for gone in [step("replicasets", StepState::Done, "Gone"), step("replicasets", StepState::Skipped, "NotAwaited")] {
        let run = run(vec![told(OperationStage::Succeeded, vec![gone])], &["n1", "n2"]);
        assert_eq!((run.code, &*run.out), (4, "as it is\n"), "{run:?}");
        assert!(run.err.lines().last().unwrap().contains("the next node is not touched"), "{run:?}");
    }
}

/// `node.drain-skipped`
#[test]
fn a_stateful_set_whose_pod_is_left_behind_is_not_waited_for() {
    let left = step("statefulsets", StepState::Skipped, "NotAwaited");
    let run = run(vec![told(OperationStage::Succeeded, vec![left])], &["n1", "n2"]);
    // The second drain is begun: it is the one of which no end is told.
    assert!(run.err.lines().last().unwrap().contains("daymark operation watch drain-7"), "{run:?}");
}

fn plan_of_a_node_that_is_down() -> DrainPlan {
    let object = |name: &str| ObjectRef { name: name.into(), namespace: "shop".into(), ..ObjectRef::default() };
    let stays = |name: &str, reason: &str| PlannedPod {
        r#ref: Some(object(name)),
        fate: PodFate::Stays.into(),
        reason: reason.into(),
        ..PlannedPod::default()
    };
    DrainPlan {
        node: Some(ObjectRef { name: "n1".into(), ..ObjectRef::default() }),
        pods: vec![stays("agent", "DaemonSet"), stays("web", "NotAwaited")],
        not_ready: "its kubelet does not answer".into(),
        ..DrainPlan::default()
    }
}

/// `node.drain-not-ready`
#[test]
fn a_node_that_is_not_ready_is_told_to_be() {
    let plan = |args: &[&str]| {
        let plans = [plan_of_a_node_that_is_down()].into();
        let fake = Fake::new(Script {
            info: Some(info()),
            drains: DrainScript { plans, ..DrainScript::default() },
            ..Script::default()
        });
        let run = finish(&mut against(&fake, &[&["node", "drain", "n1", "--plan"], args].concat()));
        (run, fake.seen_drains().pop().unwrap())
    };
    let (table, options) = plan(&[]);
    assert_eq!((table.code, options.skip_wait_for_delete_timeout_seconds), (0, 0), "{table:?}");
    assert!(table.out.contains("\nnode/n1 is not ready: its kubelet does not answer\n"), "{table:?}");
    let (json, _) = plan(&["-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["plans"][0]["notReady"], "its kubelet does not answer");
}

/// `node.drain-skipped`
#[test]
fn pods_that_are_not_waited_for_are_counted_apart() {
    for (seconds, expected) in [("30", 30), ("1m", 60)] {
        let ended = told(OperationStage::Succeeded, vec![]);
        let fake = Fake::new(Script {
            info: Some(info()),
            drains: DrainScript {
                starts: [operation(OperationStage::Running)].into(),
                plans: [plan_of_a_node_that_is_down()].into(),
                ..DrainScript::default()
            },
            operations: OperationScript { streams: [vec![ended]].into(), ..OperationScript::default() },
            ..Script::default()
        });
        let args = ["node", "drain", "n1", "--skip-wait-for-delete-timeout", seconds];
        let run = finish(&mut against(&fake, &args));
        assert_eq!((run.code, &*run.out), (0, "as it is\n"), "{run:?}");
        let summary = "node/n1: 0 to remove, 1 to keep, 1 not to wait for\nnode/n1 is not ready: its kubelet";
        assert!(run.err.contains(summary), "{run:?}");
        assert_eq!(fake.seen_drains()[0].skip_wait_for_delete_timeout_seconds, expected);
    }
}
