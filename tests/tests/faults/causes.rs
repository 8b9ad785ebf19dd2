//! What a verdict says of the cause of a failure, whatever the API server says of
//! that.

use daymark_proto::v1::{Cause, GatePolicy, LogTail, Outcome, State};
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::fake_apiserver::{Answer, Fault, Verb};
use daymark_tests::in_process::named;
use serde_json::json;

use crate::gates::{open, verdict};
use crate::{Jobs, Pods, Setup, put};

/// A cluster with a pod that has failed: its container was restarted twice, and
/// has logged something each time.
async fn failed_pod() -> Setup {
    let setup = Setup::new(&[]).await;
    let mut pod = object(Pods, "a", State::Failed);
    let ended = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
    pod["status"]["containerStatuses"] = json!([
        {"name": "sidecar", "ready": true, "state": {"running": {}}},
        {"name": "main", "ready": false, "restartCount": 2, "state": ended, "lastState": ended},
    ]);
    let uid = setup.cluster.put(Pods, pod).uid;
    let at = |second: u32| format!("2026-01-01T00:00:{second:02}.000000Z");
    for event in [
        json!({"type": "Warning", "reason": "BackOff", "message": "TOKEN=abcdef", "count": 3, "lastTimestamp": at(2)}),
        json!({"type": "Normal", "reason": "Pulled", "message": "once", "count": 0, "eventTime": at(1)}),
        json!({"type": "Warning", "reason": "Unhealthy", "message": "a series", "eventTime": at(1),
               "series": {"count": 5, "lastObservedTime": at(3)}}),
    ] {
        setup.cluster.add_event(&uid, event);
    }
    setup.cluster.add_event("another", json!({"type": "Warning", "reason": "Other", "message": "of another"}));
    setup.cluster.write_log("a", "main", false, "started\nPASSWORD=hunter2\nended\n");
    setup.cluster.write_log("a", "main", true, "started before\nended before\n");
    setup
}

/// Why a gate of the pod has failed.
async fn cause(setup: &Setup) -> Cause {
    let mut gates = setup.daemon.gates().await;
    let token = open(&mut gates, named(&[(Pods, "a")]).filter, GatePolicy::default(), false).await;
    let gate = verdict(&mut gates, &token).await;
    assert_eq!(gate.outcome(), Outcome::Failed, "{gate:?}");
    gate.cause.expect("what has failed has a cause")
}

fn assert_container_and_events(cause: &Cause) {
    let containers: Vec<_> =
        cause.containers.iter().map(|it| (&*it.name, it.restarts, &*it.reason, it.exit_code)).collect();
    assert_eq!(containers, [("main", 2, "Error", Some(3))], "{cause:?}");
    let events: Vec<_> = cause.events.iter().map(|it| (&*it.reason, it.count, &*it.message)).collect();
    let told = [("Pulled", 1, "once"), ("BackOff", 3, "TOKEN=[redacted]"), ("Unhealthy", 5, "a series")];
    assert_eq!(events, told, "{cause:?}");
}

fn log(previous: bool, lines: &[&str]) -> LogTail {
    LogTail { container: "main".into(), previous, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
}

#[tokio::test]
async fn a_cause_names_container_exit_code_events_and_logs() {
    let setup = failed_pod().await;
    let cause = cause(&setup).await;
    assert_eq!((&*cause.kind, &*cause.reason, &*cause.message), ("Pod", "Evicted", "it was evicted"), "{cause:?}");
    assert_container_and_events(&cause);
    let logs =
        [log(true, &["started before", "ended before"]), log(false, &["started", "PASSWORD=[redacted]", "ended"])];
    assert_eq!((&cause.logs[..], &cause.missing[..]), (&logs[..], &[][..]));
    setup.daemon.stop().await;
}

/// Why a Job has failed is known to its pods.
#[tokio::test]
async fn a_failed_job_is_explained_by_a_pod() {
    let setup = failed_pod().await;
    let job = put(&setup.cluster, Jobs, "migrate", State::Failed).uid;
    let mut pod = setup.cluster.objects(Pods).remove(0);
    pod["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "migrate", "uid": job, "controller": true}]);
    setup.cluster.put(Pods, pod);
    // The daemon has looked at neither.
    let mut gates = setup.daemon.gates().await;
    let token = open(&mut gates, named(&[(Jobs, "migrate")]).filter, GatePolicy::default(), false).await;
    let gate = verdict(&mut gates, &token).await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Failed, "Failed"), "{gate:?}");
    let cause = gate.cause.unwrap();
    assert_eq!((&*cause.kind, &*cause.r#ref.unwrap().name), ("Pod", "a"));
    assert_eq!((cause.containers.len(), cause.logs.len()), (1, 2));
    setup.daemon.stop().await;
}

/// A kubelet that is to send less leaves out the end of the last lines.
#[tokio::test]
async fn a_log_of_long_lines_is_shown_to_its_end() {
    let setup = failed_pod().await;
    let long = "x".repeat(4 << 10);
    setup.cluster.write_log("a", "main", false, &format!("{}fatal: the end\n", format!("{long}\n").repeat(30)));
    let cause = cause(&setup).await;
    let lines: Vec<_> = cause.logs[1].lines.iter().map(String::as_str).collect();
    assert_eq!(lines, [&long, &long, &long, "fatal: the end"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn logs_that_are_forbidden_are_said_to_be_missing() {
    let setup = failed_pod().await;
    setup.cluster.fault(Fault::new(Answer::Status(403)).on(Verb::Log));
    let cause = cause(&setup).await;
    assert_container_and_events(&cause);
    assert_eq!(cause.logs, []);
    let [previous, current] = &cause.missing[..] else { panic!("{cause:?}") };
    assert!(previous.starts_with("the previous log of container main: "), "{previous}");
    assert!(current.starts_with("the log of container main: "), "{current}");
    assert!(cause.missing.iter().all(|it| it.contains("as the test wants it")), "{cause:?}");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn events_that_are_forbidden_are_said_to_be_missing() {
    let setup = failed_pod().await;
    setup.cluster.fault(Fault::new(Answer::Status(403)).on(Verb::Events));
    let cause = cause(&setup).await;
    assert_eq!((cause.containers.len(), cause.events.len(), cause.logs.len()), (1, 0, 2), "{cause:?}");
    let [missing] = &cause.missing[..] else { panic!("{cause:?}") };
    assert!(missing.starts_with("its events: "), "{missing}");
    setup.daemon.stop().await;
}

/// The request for the log is held until after the verdict.
#[tokio::test]
async fn a_log_that_does_not_come_does_not_hold_up_the_verdict() {
    let setup = failed_pod().await;
    setup.cluster.fault(Fault::new(Answer::Stall).on(Verb::Log));
    let cause = cause(&setup).await;
    assert!(setup.cluster.counts().logs() > 0, "the log was asked for");
    assert_container_and_events(&cause);
    let missing =
        ["the previous log of container main: not read in time", "the log of container main: not read in time"];
    assert_eq!((&cause.logs[..], &cause.missing[..]), (&[][..], &missing.map(str::to_owned)[..]));
    setup.cluster.heal();
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_log_that_comes_is_told_where_another_does_not() {
    let setup = failed_pod().await;
    setup.cluster.fault(Fault::new(Answer::Stall).on(Verb::Log).times(1));
    let cause = cause(&setup).await;
    let [came] = &cause.logs[..] else { panic!("{cause:?}") };
    let [missing] = &cause.missing[..] else { panic!("{cause:?}") };
    let other = if came.previous { "the log of container main: " } else { "the previous log of container main: " };
    assert!(missing.starts_with(other), "{cause:?}");
    setup.cluster.heal();
    setup.daemon.stop().await;
}
