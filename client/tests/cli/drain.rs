//! `daymark node drain`, where the daemon says nothing any more.

use daymark_proto::v1::{ObjectRef, Operation, OperationStage, Step, StepState, WatchOperationResponse};
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

/// `node.drain-silent`
#[test]
fn a_wait_between_two_nodes_ends_behind_its_deadline() {
    let controller = ObjectRef { resource: "replicasets".into(), name: "web".into(), ..ObjectRef::default() };
    let gone = Step { state: StepState::Done.into(), controller: Some(controller), ..Step::default() };
    let run = run(vec![told(OperationStage::Succeeded, vec![gone])], &["n1", "n2"]);
    assert_eq!((run.code, &*run.out), (4, "as it is\n"), "{run:?}");
    assert!(run.err.lines().last().unwrap().contains("the next node is not touched"), "{run:?}");
}
