use daymark::api::{Cause, State, Status};

use super::*;

fn object(kind: &str, name: &str, standing: Standing) -> GateObject {
    let it = ObjectRef { group: "apps".into(), namespace: "shop".into(), name: name.into(), ..Default::default() };
    let mut status = Status { r#ref: Some(it), kind: kind.into(), reason: "Rolling".into(), ..Status::default() };
    status.set_state(State::InProgress);
    let mut object = GateObject { status: Some(status), ..GateObject::default() };
    object.set_standing(standing);
    object
}

fn gate(outcome: Outcome, message: &str) -> Gate {
    let mut gate = Gate { reason: "Why".into(), message: message.into(), ..Gate::default() };
    gate.set_outcome(outcome);
    gate.open_time = Some(Timestamp { seconds: 1_700_000_000, nanos: 0 });
    gate.end_time = Some(Timestamp { seconds: 1_700_000_061, nanos: 500_000_000 });
    gate
}

fn verdict(gate: Gate, objects: &[GateObject]) -> Verdict {
    Verdict { gate, objects: objects.to_vec(), ..Verdict::default() }
}

fn cause(name: &str) -> Cause {
    let it = ObjectRef { namespace: "shop".into(), resource: "pods".into(), name: name.into(), ..Default::default() };
    Cause { r#ref: Some(it), kind: "Pod".into(), reason: "Crash".into(), ..Cause::default() }
}

#[test]
fn each_object_is_a_case() {
    let mut failed = gate(Outcome::Failed, "shop/web: crashes");
    let whose = object("Deployment", "web", Standing::Failed).status.unwrap().r#ref;
    failed.cause = Some(Cause { object: whose, ..cause("web-5f-x") });
    let objects = [
        object("Deployment", "ok", Standing::Met),
        object("Deployment", "web", Standing::Failed),
        object("StatefulSet", "db", Standing::Waiting),
    ];
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="daymark wait" tests="3" failures="1" errors="0" skipped="1" time="61.500" timestamp="2023-11-14T22:13:20Z">
  <testcase classname="Deployment.apps" name="shop/ok"/>
  <testcase classname="Deployment.apps" name="shop/web">
    <failure type="Rolling" message="InProgress Rolling">deployment.apps/web: InProgress Rolling
cause: pod/web-5f-x (shop): Crash</failure>
  </testcase>
  <testcase classname="StatefulSet.apps" name="shop/db">
    <skipped message="InProgress Rolling">statefulset.apps/db: InProgress Rolling</skipped>
  </testcase>
</testsuite>
"#;
    assert_eq!(document(&verdict(failed, &objects), "daymark wait"), expected);
}

#[test]
fn a_case_ends_as_its_object_stands() {
    let ends = [
        (Outcome::Passed, Standing::Met, End::Passed),
        (Outcome::Undecided, Standing::Waiting, End::Error),
        (Outcome::Undecided, Standing::Met, End::Passed),
        (Outcome::Failed, Standing::Failed, End::Failure),
        (Outcome::Failed, Standing::Waiting, End::Skipped),
        (Outcome::Cancelled, Standing::Waiting, End::Skipped),
        (Outcome::Cancelled, Standing::Met, End::Passed),
    ];
    for (outcome, standing, expected) in ends {
        assert_eq!(end(outcome, standing), expected, "{outcome:?} {standing:?}");
    }
}

#[test]
fn a_gate_that_no_object_tells_of_is_a_case_itself() {
    let met = [object("Deployment", "web", Standing::Met)];
    for (outcome, objects, expected) in [
        (Outcome::Failed, &[][..], "<failure type=\"Why\" message=\"failed: Why: none\">failed: Why: none</failure>"),
        (Outcome::Undecided, &[], "<error type=\"Why\" message=\"undecided: Why: none\">"),
        (Outcome::Undecided, &met[..], "<error type=\"Why\" message=\"undecided: Why: none\">"),
        (Outcome::Cancelled, &met[..], "<skipped message=\"cancelled: Why: none\">"),
        (Outcome::Passed, &[], "<testcase classname=\"Gate\" name=\"wait\"/>"),
    ] {
        let text = document(&verdict(gate(outcome, "none"), objects), "wait");
        assert!(text.contains(expected), "{outcome:?}: {text}");
        assert!(text.contains(&format!("tests=\"{}\"", objects.len() + 1)), "{text}");
    }
    assert!(document(&verdict(gate(Outcome::Passed, ""), &met), "wait").contains("tests=\"1\""));
}

#[test]
fn the_cause_is_told_once_where_it_belongs() {
    let objects = ["web", "db"].map(|name| object("Deployment", name, Standing::Failed));
    let of = |name: &str| {
        let cause =
            Cause { object: object("Deployment", name, Standing::Failed).status.unwrap().r#ref, ..cause("web-1") };
        Gate { cause: Some(cause), ..gate(Outcome::Failed, "") }
    };
    assert_eq!(culprit(&of("db"), &objects), Some(1));
    assert_eq!(culprit(&of("other"), &objects), None);

    let text = document(&verdict(of("other"), &objects), "wait");
    assert!(text.contains("  <system-err>cause: pod/web-1 (shop): Crash</system-err>\n</testsuite>"), "{text}");
    assert_eq!(text.matches("cause: ").count(), 1);
}
