//! What is behind the cause of a verdict.

use daymark_proto::v1::{
    Cause, Certainty, Diagnosis, Doom, Gate, KindedRef, ObjectRef, Outcome, RankedCause, Standing,
};
use prost_types::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};
use tonic::Status;

use crate::fake::{Fake, Script};
use crate::fake_diagnoses::DiagnosisScript;
use crate::fake_gates::GateStep;
use crate::objects::{NOW, doomed};
use crate::process::{Run, Running, against, finish};
use crate::wait::{ended, object, script, told};

fn claim() -> KindedRef {
    let r#ref = ObjectRef { namespace: "shop".into(), name: "data".into(), ..ObjectRef::default() };
    KindedRef { kind: "PersistentVolumeClaim".into(), r#ref: Some(r#ref) }
}

fn found() -> Result<Diagnosis, Status> {
    let root = RankedCause {
        reason: "StorageClassMissing".into(),
        message: "there is no StorageClass fast".into(),
        object: Some(claim()),
        certainty: Certainty::Likely.into(),
        next: vec!["kubectl get storageclasses".into()],
        count: 1,
        ..RankedCause::default()
    };
    let symptom = RankedCause { reason: "Unschedulable".into(), ..RankedCause::default() };
    Ok(Diagnosis { causes: vec![root, symptom], ..Diagnosis::default() })
}

/// Runs it against a daemon whose gate ended at `end`, with such an outcome.
fn run(args: &[&str], outcome: Outcome, end: i64, answer: Result<Diagnosis, Status>) -> (Run, Fake) {
    let fake = fake(outcome, end, DiagnosisScript { answers: [answer].into(), ..DiagnosisScript::default() });
    (finish(&mut against(&fake, args)), fake)
}

fn fake(outcome: Outcome, end: i64, diagnoses: DiagnosisScript) -> Fake {
    let status = doomed("a", Doom::Persistent, "no node fits");
    let cause = Cause {
        r#ref: status.r#ref.clone(),
        object: status.r#ref.clone(),
        kind: "Pod".into(),
        reason: "Unschedulable".into(),
        ..Cause::default()
    };
    let objects = vec![object(status, Standing::Failed)];
    let end_time = Some(Timestamp { seconds: end, nanos: 0 });
    let gate = Gate { cause: Some(cause), end_time, ..ended(outcome, "Unschedulable", "no node fits", &objects) };
    Fake::new(Script { diagnoses, ..script(vec![vec![told(gate, objects), GateStep::End]]) })
}

fn silent() -> DiagnosisScript {
    DiagnosisScript { is_silent: true, ..DiagnosisScript::default() }
}

/// `wait.root-cause`
#[test]
fn it_is_told_after_the_cause() {
    for (args, outcome, code) in [
        (&["wait", "pod/a"][..], Outcome::Failed, 1),
        (&["wait", "pod/a"], Outcome::Undecided, 3),
        (&["gate", "wait", "token"], Outcome::Failed, 1),
    ] {
        let (run, fake) = run(args, outcome, NOW, found());
        assert_eq!(run.code, code, "{run:?}");
        let told = "cause: pod/a (shop): Unschedulable\n\
                    root cause: persistentvolumeclaim/data (shop): StorageClassMissing (likely): there is no StorageClass fast\n  \
                    next: kubectl get storageclasses\n";
        assert!(run.out.ends_with(told), "{run:?}");
        let asked = fake.seen_diagnoses()[0].refs[0].clone();
        assert_eq!([&*asked.name, &*asked.uid], ["a", "uid-a"], "the very object");
    }
}

/// `wait.root-cause`
#[test]
fn programs_and_ci_systems_are_told_it() {
    let (json, _) = run(&["wait", "pod/a", "-o", "json"], Outcome::Failed, NOW, found());
    let verdict: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(verdict["rootCause"]["reason"], "StorageClassMissing");
    let claim = json!({"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data"});
    assert_eq!((&verdict["rootCause"]["object"], &verdict["rootCause"]["certainty"]), (&claim, &json!("likely")));
    let (junit, _) = run(&["wait", "pod/a", "-o", "junit"], Outcome::Failed, NOW, found());
    assert!(junit.out.contains("root cause: persistentvolumeclaim/data"), "{junit:?}");
    let (github, _) = run(&["wait", "pod/a", "--ci", "github"], Outcome::Failed, NOW, found());
    assert!(github.err.contains("%0Aroot cause: persistentvolumeclaim/data"), "{github:?}");
}

/// `wait.root-cause-unknown`
#[test]
fn the_verdict_stands_without_it() {
    let refused = Err(Status::resource_exhausted("too many diagnoses"));
    let (run, _) = run(&["wait", "pod/a"], Outcome::Failed, NOW, refused);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("  could not determine: what is behind it: "), "{run:?}");
    assert!(run.out.ends_with("too many diagnoses\n") && !run.out.contains("root cause"), "{run:?}");
}

/// `wait.root-cause-unknown`
#[test]
fn it_is_not_waited_for_for_long() {
    let run = finish(&mut against(&fake(Outcome::Failed, NOW, silent()), &["wait", "pod/a"]));
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.ends_with("what is behind it: not found out within 3s; try daymark diagnose\n"), "{run:?}");
}

/// `wait.interrupted-after`
#[test]
fn whoever_interrupts_the_search_is_told_the_verdict() {
    for args in [&["wait", "pod/a"][..], &["gate", "wait", "token"]] {
        let fake = fake(Outcome::Failed, NOW, silent());
        let running = Running::start(&mut against(&fake, args));
        while fake.seen_diagnoses().is_empty() {
            std::thread::yield_now();
        }
        running.signal(Signal::TERM);
        let run = running.finish();
        assert_eq!((run.code, run.out.contains("failed: Unschedulable")), (1, true), "{args:?}: {run:?}");
    }
}

/// `wait.root-cause` `gate.wait-failed`
#[test]
fn it_is_not_looked_for_where_it_is_late_or_no_matter() {
    for (args, end) in [
        (&["wait", "pod/a", "--timeout", "0"][..], NOW),
        (&["gate", "wait", "token"], NOW - 100),
        (&["wait", "pod/a", "--for", "deleted"], NOW),
    ] {
        let (run, fake) = run(args, Outcome::Failed, end, found());
        assert_eq!((run.code, run.out.contains("root cause")), (1, false), "{run:?}");
        assert_eq!(fake.seen_diagnoses().len(), 0);
    }
}
