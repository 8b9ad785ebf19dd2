//! What becomes of commands when the reader of stdout has gone.

use std::process::{Output, Stdio};

use daymark_proto::v1::{
    ControlPlane, ControlPlaneHealth, Diagnosis, DrainPlan, NodePartResult, Outcome, PlannedPod, PodFate, RankedCause,
    Standing, State, WatchNodesResponse,
};

use crate::fake::{Fake, Script};
use crate::fake_control_plane::ControlPlaneScript;
use crate::fake_diagnoses::DiagnosisScript;
use crate::fake_drains::DrainScript;
use crate::fake_gates::GateStep;
use crate::fake_nodes::NodeScript;
use crate::node_list::node;
use crate::objects::{changed, freshness, info, page, pod, snapshot};
use crate::process::against;
use crate::wait::{ended, object, script, told};
use crate::wait_lost::{passed, waiting};

/// The command, with a stdout that nobody reads.
fn unread(fake: &Fake, args: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = against(fake, args);
    command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

/// `all.broken-pipe`
#[test]
fn a_reader_that_has_gone_is_no_failure_of_what_only_shows() {
    for args in [&["get", "pods"][..], &["get", "pods", "-o", "json"], &["get", "pods", "-w"], &["version"]] {
        let fake = Fake::new(Script {
            pages: [Ok(page(vec![pod("a", State::Ready)]))].into(),
            watches: [snapshot([pod("a", State::Ready)])].into(),
            info: Some(info()),
            ..Script::default()
        });
        let output = unread(&fake, args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{args:?}");
    }
}

/// A gate that tells of an object first, and then fails.
fn failing() -> Vec<GateStep> {
    let objects = vec![object(pod("a", State::Failed), Standing::Failed)];
    vec![waiting(), told(ended(Outcome::Failed, "Evil", "so it is", &objects), objects), GateStep::End]
}

/// `all.broken-pipe-verdict`
#[test]
fn a_wait_goes_on_without_a_reader_to_its_verdict() {
    for (steps, code) in [(failing as fn() -> _, 1), (with_a_pass, 0)] {
        for args in [&["wait", "pod/a", "-o", "ndjson"][..], &["wait", "pod/a"], &["gate", "wait", "t"]] {
            let fake = Fake::new(script(vec![steps()]));
            let output = unread(&fake, args);
            assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
            assert_eq!(fake.seen_gates().cancelled, [""; 0]);
        }
    }
}

fn with_a_pass() -> Vec<GateStep> {
    [vec![waiting()], passed()].concat()
}

fn wrong() -> Diagnosis {
    Diagnosis { causes: vec![RankedCause::default()], ..Diagnosis::default() }
}

/// `all.broken-pipe-verdict`
#[test]
fn a_verdict_that_nobody_reads_keeps_its_code() {
    let unusable = node("n1", State::Ready, &[("lease", NodePartResult::Missing, "it has run out")]);
    let looked = WatchNodesResponse { nodes: vec![unusable], freshness: freshness(), ..WatchNodesResponse::default() };
    let unhealthy = ControlPlane { health: ControlPlaneHealth::Unhealthy.into(), ..ControlPlane::default() };
    let blocked = PlannedPod { fate: PodFate::Blocks.into(), ..PlannedPod::default() };
    let plan = DrainPlan { pods: vec![blocked], ..DrainPlan::default() };
    for (args, code) in [
        (&["diagnose", "--exit-code"][..], 1),
        (&["node", "wait", "n1", "--timeout", "0"], 3),
        (&["control-plane"], 1),
        (&["node", "drain", "n1", "--plan"], 1),
        (&["get", "pods", "-w", "--until", "true", "--timeout", "500ms"], 3),
    ] {
        let nodes = NodeScript { streams: [vec![Ok(looked.clone())]].into(), ..NodeScript::default() };
        let fake = Fake::new(Script {
            info: Some(info()),
            nodes,
            diagnoses: DiagnosisScript { answers: [Ok(wrong())].into(), ..DiagnosisScript::default() },
            control_plane: ControlPlaneScript {
                answers: [Ok(unhealthy.clone())].into(),
                ..ControlPlaneScript::default()
            },
            drains: DrainScript { plans: [plan.clone()].into(), ..DrainScript::default() },
            watches: [[snapshot([pod("a", State::Ready)]), vec![changed("2", pod("a", State::Failed))]].concat()]
                .into(),
            ..Script::default()
        });
        let output = unread(&fake, args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    }
}
