//! Whatever prints the cluster's text, a CI system finds no command in it.

use daymark_proto::v1::{
    Cause, ClusterEvent, Doom, Gate, GetGateResponse, ListEventsResponse, ListOperationsResponse, ListStatusesResponse,
    LogTail, Operation, Outcome, Standing, Status, TreeNode, WatchTreeResponse,
};
use serde_json::Value;
use tonic::Code;

use crate::fake::{Fake, Script, Step};
use crate::fake_events::EventScript;
use crate::fake_gates::GateScript;
use crate::fake_operations::OperationScript;
use crate::fake_views::ViewScript;
use crate::objects::{changed, doomed, error, found, freshness, info, page, snapshot};
use crate::process::{Run, against, finish};
use crate::wait::{ended, object};
use crate::wait_ci::{ATTACKS, github_commands};

const SYSTEMS: [&str; 2] = ["GITHUB_ACTIONS", "GITLAB_CI"];

fn attack() -> String {
    ATTACKS.join("\n")
}

fn evil() -> Status {
    let attack = attack();
    let json = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "annotations": {"::error::key::": attack}},
        "status": {"message": attack},
    });
    Status { reason: attack.clone(), object: json.to_string().into(), ..doomed("a", Doom::Fatal, &attack) }
}

fn refused() -> tonic::Status {
    error(Code::PermissionDenied, "KIND_FORBIDDEN", &attack())
}

/// A daemon that has the text wherever there may be one.
fn script() -> Script {
    let objects = vec![object(evil(), Standing::Failed)];
    let logs = vec![LogTail { container: "main".into(), previous: false, lines: ATTACKS.map(str::to_owned).to_vec() }];
    let cause = Cause { kind: "Pod".into(), message: attack(), logs, ..Cause::default() };
    let gate = Gate { cause: Some(cause), ..ended(Outcome::Failed, "Evil", &attack(), &objects) };
    let event = ClusterEvent {
        reason: attack(),
        message: attack(),
        r#type: "Warning".into(),
        name: "a.1".into(),
        ..ClusterEvent::default()
    };
    let operation = Operation { id: "drain-1".into(), message: attack(), started_by: attack(), ..Operation::default() };
    let tree = WatchTreeResponse {
        nodes: vec![TreeNode { status: Some(evil()), depth: 0 }],
        freshness: freshness(),
        ..WatchTreeResponse::default()
    };
    Script {
        info: Some(info()),
        objects: [found(evil()), found(evil())].into(),
        pages: [Ok(page(vec![evil()])), Ok(ListStatusesResponse::default())].into(),
        watches: [
            [snapshot([doomed("a", Doom::Transient, "")]), vec![changed("2", evil()), Step::Fail(refused())]].concat()
        ]
        .into(),
        views: ViewScript { trees: [vec![Ok(tree)]].into(), ..ViewScript::default() },
        events: EventScript {
            pages: [Ok(ListEventsResponse { events: vec![event], freshness: freshness(), ..Default::default() })]
                .into(),
            ..EventScript::default()
        },
        operations: OperationScript {
            pages: [ListOperationsResponse { operations: vec![operation], ..Default::default() }].into(),
            ..OperationScript::default()
        },
        gates: GateScript {
            refusals: [refused()].into(),
            shown: Some(GetGateResponse { gate: Some(gate), objects }),
            ..GateScript::default()
        },
        ..Script::default()
    }
}

fn run(script: Script, args: &[&str], system: &str) -> Run {
    finish(against(&Fake::new(script), args).env(system, "true"))
}

/// Whether GitLab finds a section in it.
fn has_section(run: &Run) -> bool {
    [&run.out, &run.err].into_iter().any(|text| {
        let words = ["section_start:", "section_end:"].into_iter().flat_map(|word| text.split(word).skip(1));
        let is_marker = |rest: &str| {
            let rest = rest.trim_start_matches(|char: char| char.is_ascii_digit());
            rest.split_once("\r\u{1b}[0K").is_some_and(|(name, _)| name.starts_with(':') && !name.contains('\n'))
        };
        words.into_iter().any(is_marker)
    })
}

/// Whether the system finds a command in it.
fn is_commanded(run: &Run, system: &str) -> bool {
    if system == SYSTEMS[0] { !github_commands(run).is_empty() } else { has_section(run) }
}

/// `all.ci`
#[test]
fn whatever_is_printed_is_no_command() {
    let lines: &[&[&str]] = &[
        &["get", "pods", "-o", "wide"],
        &["get", "pods", "-o", "json"],
        &["get", "pods", "-o", "yaml"],
        &["get", "pods", "-o", "ndjson"],
        &["get", "pods", "-o", "status-json"],
        &["get", "pods", "-o", "custom-columns=M:.status.message"],
        &["get", "pod", "a", "-o", "jsonpath={.status.message}"],
        &["get", "pod", "a", "-o", "jsonpath-as-json={.status.message}"],
        &["get", "pod", "a", "-o", "go-template={{.status.message}}"],
        &["get", "pod", "a", "-o", "jq=.status.message"],
        &["get", "pod", "a", "-o", "jq=.status.message", "-r"],
        &["get", "pods", "-w", "-o", "wide"],
        &["watch", "pods", "-o", "wide"],
        &["describe", "pod", "a"],
        &["describe", "pod", "a", "-o", "json"],
        &["tree", "pod/a", "-o", "wide"],
        &["events"],
        &["events", "-o", "yaml"],
        &["events", "-o", "json"],
        &["operation", "list"],
        &["gate", "show", "t"],
        &["gate", "show", "t", "-o", "json"],
        &["gate", "show", "t", "-o", "junit"],
    ];
    for system in SYSTEMS {
        for args in lines {
            let run = run(script(), args, system);
            // A watch ends with an error.
            assert!(matches!(run.code, 0 | 5) && run.out.contains("evil"), "{args:?}: {run:?}");
            assert!(!is_commanded(&run, system), "{args:?}: {run:?}");
        }
    }
}

/// `all.ci`
#[test]
fn no_error_is_a_command() {
    for system in SYSTEMS {
        for args in [&["get", "pods"][..], &["wait", "pod/a"], &["gate", "open", "pod/a"], &["get", "pods", "-w"]] {
            let failing =
                Script { pages: [Err(refused())].into(), watches: [vec![Step::Fail(refused())]].into(), ..script() };
            let run = run(failing, args, system);
            run.expect_problem(5, &[]);
            assert!(!is_commanded(&run, system), "{args:?}: {run:?}");
        }
    }
}

/// `all.ci`
#[test]
fn documents_hold_the_same_values() {
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).unwrap();
    for output in ["json", "yaml"] {
        let args = ["get", "pods", "-o", output];
        let plain = finish(&mut against(&Fake::new(script()), &args));
        for system in SYSTEMS {
            let told = run(script(), &args, system);
            assert_eq!(read(&told.out), read(&plain.out), "{output} {system}");
        }
    }
}

/// `gate.show-ci` `gate.show-cause`
#[test]
fn who_reads_a_gate_can_be_said() {
    let run = finish(&mut against(&Fake::new(script()), &["gate", "show", "t", "--ci", "github"]));
    assert_eq!((run.code, github_commands(&run).len()), (0, 0), "{run:?}");
    let plain = finish(against(&Fake::new(script()), &["gate", "show", "t", "--ci", "none"]).env(SYSTEMS[0], "true"));
    assert!(plain.out.contains("##[add-path]") && plain.out.contains("cause: "), "{plain:?}");
    let lines = |args: &[&str]| finish(&mut against(&Fake::new(script()), args)).out.lines().count();
    let (all, none) = (lines(&["gate", "show", "t"]), lines(&["gate", "show", "t", "--logs", "none"]));
    assert!(all >= none + ATTACKS.len(), "{all} {none}");
}
