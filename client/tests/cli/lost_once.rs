//! What is said of a daemon that is lost: one line, however many tries it takes.

use std::collections::VecDeque;

use daymark_proto::v1::{
    ControlPlane, ControlPlaneHealth, Diagnosis, NodePartResult, State, WatchDiagnosisResponse, WatchNodesResponse,
    WatchTreeResponse,
};
use tonic::Status;

use crate::fake::{Fake, Script};
use crate::fake_control_plane::ControlPlaneScript;
use crate::fake_diagnoses::DiagnosisScript;
use crate::fake_gates::GateStep;
use crate::fake_nodes::NodeScript;
use crate::fake_views::ViewScript;
use crate::node_list::node;
use crate::objects::{forbidden, freshness, unavailable};
use crate::process::{against, finish};
use crate::wait::script;
use crate::wait_lost::waiting;

/// A stream that tells something, three that do not, and one that ends it.
fn broken<T: Clone>(told: T) -> VecDeque<Vec<Result<T, Status>>> {
    let lost = || vec![Err(unavailable())];
    [vec![Ok(told), Err(unavailable())], lost(), lost(), lost(), vec![Err(forbidden())]].into()
}

/// `gate.wait-lost` `tree.watch-lost` `diagnose.watch-lost` `control-plane.watch-lost` `node.wait-lost`
#[test]
fn however_many_tries_it_takes_it_is_said_once() {
    let unusable = node("n1", State::Ready, &[("lease", NodePartResult::Missing, "it has run out")]);
    let nodes = WatchNodesResponse { nodes: vec![unusable], freshness: freshness(), ..WatchNodesResponse::default() };
    let diagnosis = WatchDiagnosisResponse { diagnosis: Some(Diagnosis::default()), ..Default::default() };
    let plane = ControlPlane { health: ControlPlaneHealth::Healthy.into(), ..ControlPlane::default() };
    let gates: Vec<_> = broken(())
        .into_iter()
        .map(|steps| {
            let step = |step: Result<(), Status>| step.map_or_else(GateStep::Fail, |()| waiting());
            steps.into_iter().map(step).collect()
        })
        .collect();
    let tree = WatchTreeResponse { freshness: freshness(), ..WatchTreeResponse::default() };
    for args in [
        &["gate", "wait", "t"][..],
        &["wait", "pod/a"],
        &["tree", "pod/a", "-w"],
        &["diagnose", "-w"],
        &["control-plane", "-w"],
        &["node", "wait", "n1"],
    ] {
        let fake = Fake::new(Script {
            views: ViewScript { trees: broken(tree.clone()), ..ViewScript::default() },
            diagnoses: DiagnosisScript { streams: broken(diagnosis.clone()), ..DiagnosisScript::default() },
            control_plane: ControlPlaneScript { streams: broken(plane.clone()), ..ControlPlaneScript::default() },
            nodes: NodeScript { streams: broken(nodes.clone()), ..NodeScript::default() },
            ..script(gates.clone())
        });
        let run = finish(&mut against(&fake, args));
        let lines = run.err.lines().filter(|line| line.contains("the cluster cannot be reached")).count();
        assert_eq!((run.code, lines), (5, 1), "{args:?}: {run:?}");
    }
}

/// `diagnose.timeout-lost` `control-plane.timeout-lost`
#[test]
fn what_was_shown_of_a_daemon_that_is_lost_is_no_success() {
    let diagnosis = WatchDiagnosisResponse { diagnosis: Some(Diagnosis::default()), ..Default::default() };
    let plane = ControlPlane { health: ControlPlaneHealth::Healthy.into(), ..ControlPlane::default() };
    for command in ["diagnose", "control-plane"] {
        let args = [command, "-w", "--timeout", "3s"];
        let fake = Fake::new(Script {
            diagnoses: DiagnosisScript { streams: lost(diagnosis.clone()), ..DiagnosisScript::default() },
            control_plane: ControlPlaneScript { streams: lost(plane.clone()), ..ControlPlaneScript::default() },
            ..Script::default()
        });
        let run = finish(&mut against(&fake, &args));
        assert!(run.code == 4 && !run.out.is_empty(), "{command}: {run:?}");
        let last = run.err.lines().last().unwrap();
        assert!(last.contains("timed out while the daemon was unreachable"), "{command}: {run:?}");
        let silent = finish(&mut against(&Fake::new(Script::default()), &args));
        silent.expect_problem(4, &["timed out before the daemon answered"]);
    }
}

/// A stream that tells something, and none that does so again.
fn lost<T: Clone>(told: T) -> VecDeque<Vec<Result<T, Status>>> {
    let mut streams = VecDeque::from([vec![Ok(told), Err(unavailable())]]);
    streams.resize_with(100, || vec![Err(unavailable())]);
    streams
}
