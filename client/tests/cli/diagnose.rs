//! `daymark diagnose`

use daymark_proto::v1::{
    CauseEvidence, Certainty, CheckResult, Diagnosis, DiagnosisCheck, EvidenceKind, KindedRef, ObjectRef, RankedCause,
    State, Unreachable, WatchDiagnosisResponse,
};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::fake::{Fake, Script};
use crate::fake_diagnoses::DiagnosisScript;
use crate::process::{against, finish};

fn named(kind: &str, name: &str) -> KindedRef {
    let group = if kind == "Deployment" { "apps" } else { "" };
    let r#ref = ObjectRef { group: group.into(), namespace: "shop".into(), name: name.into(), ..ObjectRef::default() };
    KindedRef { kind: kind.into(), r#ref: Some(r#ref) }
}

fn cause(reason: &str, message: &str) -> RankedCause {
    let text = "container app:\none\n::error::two\u{1b}[2J".into();
    RankedCause {
        reason: reason.into(),
        message: message.into(),
        object: Some(named("Pod", "web-1")),
        certainty: Certainty::Likely.into(),
        evidence: vec![CauseEvidence { kind: EvidenceKind::Log.into(), object: Some(named("Pod", "web-1")), text }],
        next: vec!["kubectl -n shop logs web-1".into()],
        count: 2,
        examples: vec![named("Pod", "web-1"), named("Pod", "web-2")],
    }
}

fn wrong() -> Diagnosis {
    let check = DiagnosisCheck {
        name: "dns".into(),
        result: CheckResult::NotChecked.into(),
        message: "no pods are visible".into(),
        command: "nslookup x".into(),
    };
    Diagnosis {
        target: Some(named("Deployment", "web")),
        state: State::Failed.into(),
        reason: "CrashLoopBackOff".into(),
        message: "0 of 2".into(),
        causes: vec![cause("CrashOnStart", "it ends"), cause("Evicted", "put out")],
        checks: vec![check],
        not_visible: vec![Unreachable {
            kind: "nodes".into(),
            reason: "PermissionDenied".into(),
            message: "you may not list nodes".into(),
            ..Unreachable::default()
        }],
        ..Diagnosis::default()
    }
}

fn well() -> Diagnosis {
    Diagnosis { target: Some(named("Deployment", "web")), state: State::Ready.into(), ..Diagnosis::default() }
}

fn answers(answers: impl IntoIterator<Item = Result<Diagnosis, Status>>) -> Fake {
    let diagnoses = DiagnosisScript { answers: answers.into_iter().collect(), ..DiagnosisScript::default() };
    Fake::new(Script { diagnoses, ..Script::default() })
}

/// `diagnose.text`, `diagnose.not-visible`
#[test]
fn the_first_cause_is_told_whole_and_the_others_in_a_line() {
    let fake = answers([Ok(wrong())]);
    let expected = "\
deployment.apps/web (shop): Failed CrashLoopBackOff: 0 of 2
cause: CrashOnStart (likely): it ends
  object: pod/web-1 (shop)
  concerns [2: pod/web-1 (shop), pod/web-2 (shop)]
  log of pod/web-1 (shop): container app:
    | one
    | ::error::two\\x1b[2J
  next: kubectl -n shop logs web-1
also: Evicted (likely): put out [2: pod/web-1 (shop), pod/web-2 (shop)]
checks:
  not checked dns: no pods are visible: nslookup x
not looked at: nodes: PermissionDenied: you may not list nodes
";
    finish(&mut against(&fake, &["diagnose", "deploy/web", "-n", "shop"])).expect(0, expected, "");
    let seen = fake.seen_diagnoses();
    assert_eq!((seen[0].refs[0].resource.as_str(), seen[0].refs[0].namespace.as_str()), ("deploy", "shop"));
}

/// `diagnose.nothing`, `diagnose.exit-code`
#[test]
fn nothing_is_wrong_with_what_is_well() {
    let with = |state: State| Ok(Diagnosis { state: state.into(), ..well() });
    let (failed, going) = (with(State::Failed), with(State::InProgress));
    let fake = answers([Ok(well()), Ok(well()), Ok(wrong()), Ok(wrong()), failed, going]);
    let run = |args: &[&str]| finish(&mut against(&fake, args));
    let first = run(&["diagnose", "deploy/web"]);
    first.expect(0, "deployment.apps/web (shop)\nnothing is wrong\nchecks:\n", "");
    assert_eq!(run(&["diagnose", "deploy/web", "--exit-code"]).code, 0);
    assert_eq!(run(&["diagnose", "deploy/web", "--exit-code"]).code, 1);
    assert_eq!(run(&["diagnose", "deploy/web"]).code, 0);
    let failed = run(&["diagnose", "deploy/web", "--exit-code"]);
    assert!(failed.code == 1 && failed.out.contains("no cause was found"), "{failed:?}");
    let going = run(&["diagnose", "deploy/web", "--exit-code"]);
    assert!(going.code == 0 && going.out.contains("nothing is wrong so far"), "{going:?}");
}

/// `diagnose.json`
#[test]
fn a_diagnosis_is_a_document() {
    let mut diagnosis = wrong();
    diagnosis.causes.truncate(1);
    let run = finish(&mut against(&answers([Ok(diagnosis)]), &["diagnose", "deploy/web", "-o", "json"]));
    let pod = json!({"kind": "Pod", "namespace": "shop", "name": "web-1"});
    let other = json!({"kind": "Pod", "namespace": "shop", "name": "web-2"});
    let expected = json!({
        "target": {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"},
        "state": "FAILED", "reason": "CrashLoopBackOff", "message": "0 of 2",
        "causes": [{
            "reason": "CrashOnStart", "message": "it ends", "object": pod, "certainty": "likely",
            "evidence": [{"kind": "log", "object": pod, "text": "container app:\none\n::error::two\u{1b}[2J"}],
            "next": ["kubectl -n shop logs web-1"], "count": 2, "examples": [pod, other],
        }],
        "checks": [{"name": "dns", "result": "notChecked", "message": "no pods are visible", "command": "nslookup x"}],
        "notVisible": [{"kind": "nodes", "reason": "PermissionDenied", "message": "you may not list nodes"}],
    });
    assert_eq!((run.code, serde_json::from_str::<Value>(&run.out).unwrap()), (0, expected));
}

/// `diagnose.scope`
#[test]
fn a_namespace_or_the_cluster_is_asked_about_without_a_name() {
    let fake = answers(std::iter::repeat_n((), 4).map(|()| Ok(well())));
    let run = |args: &[&str]| assert_eq!(finish(&mut against(&fake, args)).code, 0, "{args:?}");
    run(&["diagnose"]);
    run(&["diagnose", "-n", "shop", "-l", "app=web"]);
    run(&["diagnose", "-A"]);
    run(&["diagnose", "pods,svc", "-A"]);
    let seen = fake.seen_diagnoses();
    assert!(seen[0].kinds.is_empty() && seen[0].namespaces.is_empty() && !seen[0].all_namespaces, "{seen:?}");
    assert_eq!((seen[1].namespaces.join(","), seen[1].label_selector.as_str()), ("shop".to_owned(), "app=web"));
    assert!(seen[2].all_namespaces && seen[2].kinds.is_empty(), "{seen:?}");
    assert_eq!(seen[3].kinds, ["pods", "svc"]);
}

/// `diagnose.usage`
#[test]
fn what_makes_no_sense_is_refused() {
    let fake = answers([]);
    let usage = |args: &[&str], part| finish(&mut against(&fake, args)).expect_problem(2, &[part]);
    usage(&["diagnose", "deploy/web", "-A"], "cannot be used with");
    usage(&["diagnose", "deploy/web", "-l", "a=b"], "cannot be used with");
    usage(&["diagnose", "deploy/web", "deploy/api"], "one object");
    for args in [&["-w", "--exit-code"][..], &["-f", "x", "pod/a"], &["-f", "x", "-A"], &["-f", "x", "-w"]] {
        assert_eq!(finish(&mut against(&fake, &[&["diagnose"], args].concat())).code, 2, "{args:?}");
    }
}

/// A check of manifests.
fn manifests(result: CheckResult, message: &str) -> Diagnosis {
    let command = "kubectl apply".to_owned();
    let check = DiagnosisCheck { name: "manifest".into(), result: result.into(), message: message.to_owned(), command };
    Diagnosis { state: State::Absent.into(), checks: vec![check], ..well() }
}

/// `diagnose.manifests`, `diagnose.manifests-unchecked`
#[test]
fn manifests_are_sent_as_they_are_and_told_by_their_places() {
    let told = "2 of 2\na.yaml#1: Pod a: x\u{1b}[2J\na.yaml#2: Pod b: y";
    let bad = || Ok(manifests(CheckResult::Bad, told));
    let fake = answers([bad(), bad(), Ok(manifests(CheckResult::NotChecked, "you may not patch pods"))]);
    let file = fake.folder().join("a.yaml");
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n");
    std::fs::write(&file, format!("{}---\n{}", pod("a"), pod("b"))).unwrap();
    let file = file.to_str().unwrap();
    let expected = "\
deployment.apps/web (shop): Absent
a manifest is not valid: see the check
checks:
  bad         manifest: 2 of 2: kubectl apply
    | a.yaml#1: Pod a: x\\x1b[2J
    | a.yaml#2: Pod b: y
";
    finish(&mut against(&fake, &["diagnose", "-f", file, "-n", "shop"])).expect(0, expected, "");
    assert_eq!(fake.seen_manifests(), [format!("{file}#1 Pod /a"), format!("{file}#2 Pod /b")]);
    assert_eq!(fake.seen_diagnoses()[0].namespaces, ["shop"]);
    assert_eq!(finish(&mut against(&fake, &["diagnose", "-f", file, "--exit-code"])).code, 1);
    let unchecked = finish(&mut against(&fake, &["diagnose", "-f", file, "--exit-code"]));
    assert!(unchecked.code == 0 && unchecked.out.contains("none of its objects exists yet\n"), "{unchecked:?}");
    assert!(unchecked.out.contains("  not checked manifest: you may not patch pods: kubectl apply\n"), "{unchecked:?}");
}

/// `diagnose.manifests-unreadable`
#[test]
fn what_is_no_manifest_is_told_with_its_place() {
    let fake = answers([]);
    let file = fake.folder().join("a.yaml");
    let name = file.to_str().unwrap();
    let refused = |part: &str| finish(&mut against(&fake, &["diagnose", "-f", name])).expect_problem(2, &[part]);
    refused("No such file");
    for (text, part) in [
        ("# nothing", "it contains no object"),
        ("kind: Pod", "a.yaml#1: it is not a Kubernetes object"),
        ("a: [", "a.yaml#1: "),
    ] {
        std::fs::write(&file, text).unwrap();
        refused(part);
    }
    std::fs::write(&file, " ".repeat((3 << 20) + 1)).unwrap();
    refused("larger than 3 MiB");
    let pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: a}}\n";
    std::fs::write(&file, pod.repeat(101)).unwrap();
    refused("101 objects are more than 100");
}

/// `diagnose.not-found`
#[test]
fn an_object_that_is_not_there_is_not_found() {
    let fake = answers([Err(Status::new(Code::NotFound, "deployments.apps \"web\" not found"))]);
    finish(&mut against(&fake, &["diagnose", "deploy/web"])).expect_problem(6, &["not found"]);
}

/// `diagnose.ci`
#[test]
fn what_the_cluster_says_is_no_command_of_a_ci_system() {
    let mut diagnosis = wrong();
    diagnosis.message = "##[error]x".into();
    let fake = answers([Ok(diagnosis.clone()), Ok(diagnosis)]);
    let text = finish(&mut against(&fake, &["diagnose", "deploy/web", "--ci", "github"]));
    assert!(!text.out.contains("##[error]") && text.out.contains("error]x"), "{text:?}");
    let json = finish(&mut against(&fake, &["diagnose", "deploy/web", "-o", "json", "--ci", "github"]));
    assert!(!json.out.contains("##[error]"), "{json:?}");
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["message"], "##[error]x");
}

/// `diagnose.watch`, `diagnose.watch-json`, `diagnose.watch-lost`, `diagnose.timeout`
#[test]
fn a_watch_tells_what_is_gone_and_survives_a_break() {
    let told = |diagnosis, gone| Ok(WatchDiagnosisResponse { diagnosis: Some(diagnosis), gone });
    let script = || {
        let streams = [
            vec![told(wrong(), Vec::new()), Err(Status::unavailable("restarting"))],
            vec![told(well(), vec![cause("CrashOnStart", "it ends")])],
        ];
        let diagnoses = DiagnosisScript { streams: streams.into(), ..DiagnosisScript::default() };
        Script { diagnoses, ..Script::default() }
    };
    let args = ["diagnose", "deploy/web", "-w", "--timeout", "3s"];
    let text = finish(&mut against(&Fake::new(script()), &args));
    assert_eq!(text.code, 0, "{text:?}");
    assert!(text.out.contains("cause: CrashOnStart") && text.err.contains("restarting"), "{text:?}");
    let gone =
        "gone: CrashOnStart: it ends (pod/web-1 (shop))\ndeployment.apps/web (shop)\nnothing is wrong\nchecks:\n";
    assert!(text.out.ends_with(gone), "{text:?}");
    let json = finish(&mut against(&Fake::new(script()), &[&args[..], &["-o", "json"]].concat()));
    let lines: Vec<Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["gone"], &lines[1]["gone"][0]["reason"]),
        (2, &json!([]), &json!("CrashOnStart"))
    );
}
