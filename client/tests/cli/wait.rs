//! `daymark wait`

use daymark_proto::v1::criterion::Criterion as Asked;
use daymark_proto::v1::{
    Cause, ContainerEnd, Criterion, Doom, Gate, GateObject, Goal, LogTail, Outcome, Standing, State, Status,
    WatchGateResponse,
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fake::{Fake, Script};
use crate::fake_gates::{GateScript, GateStep};
use crate::objects::{NOW, deployment, doomed, error, forbidden, freshness, pod, unavailable};
use crate::process::{Run, Running, against, command, finish};

pub fn object(status: Status, standing: Standing) -> GateObject {
    GateObject { status: Some(status), standing: standing.into(), why: String::new() }
}

fn open(objects: &[GateObject]) -> Gate {
    let met = objects.iter().filter(|object| object.standing() == Standing::Met).count();
    Gate { armed: true, objects: objects.len() as i32, met: met as i32, ..Gate::default() }
}

pub fn told(gate: Gate, objects: Vec<GateObject>) -> GateStep {
    let (gate, freshness) = (Some(gate), freshness());
    GateStep::Send(Box::new(WatchGateResponse { gate, objects, freshness, gone: Vec::new() }))
}

/// A stream that tells these objects, and stays open.
pub fn going(objects: Vec<GateObject>) -> Vec<GateStep> {
    vec![told(open(&objects), objects)]
}

pub fn ended(outcome: Outcome, reason: &str, message: &str, objects: &[GateObject]) -> Gate {
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    Gate {
        outcome: outcome.into(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        proven: true,
        open_time: time(NOW - 4),
        end_time: time(NOW),
        ..open(objects)
    }
}

/// A stream that tells these objects, and the verdict.
pub fn verdict(outcome: Outcome, objects: Vec<GateObject>) -> Vec<GateStep> {
    let gate = ended(outcome, "Reason", "so it is", &objects);
    vec![told(gate, objects), GateStep::End]
}

pub fn script(streams: Vec<Vec<GateStep>>) -> Script {
    Script { gates: GateScript { streams: streams.into(), ..GateScript::default() }, ..Script::default() }
}

pub fn wait(streams: Vec<Vec<GateStep>>, args: &[&str]) -> Run {
    finish(&mut against(&Fake::new(script(streams)), &[&["wait"], args].concat()))
}

/// A line without the time it took.
fn untimed(line: &str) -> &str {
    line.split(" (").next().unwrap()
}

/// `wait.passed` `wait.progress`
#[test]
fn objects_that_become_ready_pass() {
    let rolling = Status { message: "old pods remain".to_owned(), ..deployment("web", State::InProgress) };
    let first = vec![object(rolling.clone(), Standing::Waiting), object(pod("a", State::Ready), Standing::Met)];
    let last = vec![object(deployment("web", State::Ready), Standing::Met)];
    let mut steps = going(first);
    steps.push(told(open(&last), vec![object(rolling, Standing::Waiting)]));
    steps.extend(verdict(Outcome::Passed, last));
    let run = wait(vec![steps], &["deploy/web", "pod/a"]);
    assert_eq!(run.code, 0, "{run:?}");
    let lines: Vec<_> = run.out.lines().map(untimed).collect();
    assert_eq!(lines, ["pod/a met: Because", "deployment.apps/web met: Because", "passed: Reason: so it is"]);
    assert!(run.out.ends_with("s)\n"), "{run:?}");
    assert_eq!(
        run.err,
        "deployment.apps/web: InProgress Because 1/3 updated: old pods remain\n\
         pod/a: Ready Because\n\
         deployment.apps/web: Ready Because 1/3 updated\n"
    );
}

/// `wait.request`
#[test]
fn the_daemon_is_asked_for_a_gate() {
    let fake = Fake::new(script(vec![verdict(Outcome::Passed, vec![])]));
    let words = "wait pod/a deploy/web -n x --for rollout --for condition=Ready=False --for-any jsonpath={.a}=b \
                 --fail-on cel=object.a --ignore-failures --stable-for 1s --fatal-after 2s --tolerate 3s \
                 --tolerate-restarts 4 --no-progress 5s --min 6";
    let run = finish(&mut against(&fake, &words.split_whitespace().collect::<Vec<_>>()));
    assert_eq!(run.code, 0, "{run:?}");
    let request = fake.seen_gates().opened[0].clone();
    assert!(!request.request_id.is_empty() && !request.await_arming && request.applied.is_empty());
    let refs = request.filter.unwrap().refs;
    let named: Vec<_> = refs.iter().map(|it| [&*it.resource, &*it.namespace, &*it.name]).collect();
    assert_eq!(named, [["pod", "x", "a"], ["deploy", "x", "web"]]);
    let policy = request.policy.unwrap();
    let criteria = |criteria: &[daymark_proto::v1::Criterion]| {
        criteria.iter().map(|criterion| criterion.criterion.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(criteria(&policy.all_of), [Asked::Goal(Goal::Rollout.into()), Asked::Condition("Ready=False".into())]);
    assert_eq!(criteria(&policy.any_of), [Asked::JsonPath("{.a}=b".into())]);
    assert_eq!(criteria(&policy.fail_on), [Asked::Cel("object.a".into())]);
    let durations = [policy.stable_for, policy.fatal_after, policy.tolerate, policy.no_progress];
    assert_eq!(durations.map(|duration| duration.unwrap().seconds), [1, 2, 3, 5]);
    assert_eq!((policy.restarts, policy.min_objects, policy.ignore_failures), (Some(4), Some(6), true));
    assert!(!policy.once && policy.deadline.unwrap().seconds <= 600);
}

/// `wait.kinds`
#[test]
fn a_set_is_asked_for_by_its_labels() {
    let fake = Fake::new(script(vec![verdict(Outcome::Passed, vec![])]));
    let run = finish(&mut against(&fake, &["wait", "deploy,sts", "-l", "app=web", "-A", "--timeout", "1m"]));
    assert_eq!(run.code, 0, "{run:?}");
    let request = fake.seen_gates().opened[0].clone();
    let filter = request.filter.unwrap();
    assert_eq!(
        (filter.kinds, filter.label_selector, filter.all_namespaces),
        (vec!["deploy".into(), "sts".into()], "app=web".into(), true)
    );
    assert!(request.policy.unwrap().deadline.unwrap().seconds <= 60);

    let fake = Fake::new(script(vec![verdict(Outcome::Passed, vec![])]));
    assert_eq!(finish(&mut against(&fake, &["wait", "deploy", "-n", "a,b"])).code, 0);
    assert_eq!(fake.seen_gates().opened[0].filter.clone().unwrap().namespaces, ["a", "b"]);
    wait(vec![], &["deploy/web", "-n", "a,b"]).expect_problem(2, &["one namespace"]);
}

fn crash() -> Cause {
    Cause {
        r#ref: doomed("a", Doom::Persistent, "").r#ref,
        kind: "Pod".to_owned(),
        reason: "CrashLoopBackOff".to_owned(),
        message: "back-off".to_owned(),
        containers: vec![ContainerEnd {
            name: "main".to_owned(),
            restarts: 3,
            exit_code: Some(1),
            ..Default::default()
        }],
        logs: vec![LogTail { container: "main".to_owned(), previous: true, lines: vec!["one".into(), "two".into()] }],
        ..Cause::default()
    }
}

/// `wait.failed` `wait.logs`
#[test]
fn a_failure_is_told_with_its_cause() {
    let objects = vec![
        object(doomed("a", Doom::Persistent, "it crashes"), Standing::Failed),
        object(pod("b", State::InProgress), Standing::Waiting),
    ];
    let stream = || {
        let gate =
            Gate { cause: Some(crash()), ..ended(Outcome::Failed, "CrashLoopBackOff", "shop/a: it crashes", &objects) };
        vec![told(gate, objects.clone()), GateStep::End]
    };
    let run = wait(vec![stream()], &["pod", "a", "b"]);
    assert_eq!(run.code, 1, "{run:?}");
    for line in [
        "pod/a failed: Because: it crashes\n",
        "pod/b unfinished: InProgress Because\n",
        "failed: CrashLoopBackOff: shop/a: it crashes (",
        "cause: pod/a (shop): CrashLoopBackOff: back-off\n",
        "container main: restarted 3 times",
        "one\n",
        "two\n",
    ] {
        assert!(run.out.contains(line), "{line:?}: {run:?}");
    }
    let one = wait(vec![stream()], &["pod", "a", "b", "--logs", "1"]);
    assert!(one.out.contains("two\n") && !one.out.contains("one\n"), "{one:?}");
    let none = wait(vec![stream()], &["pod", "a", "b", "--logs", "none"]);
    assert!(!none.out.contains("two\n") && none.out.contains("container main"), "{none:?}");
    assert_eq!(wait(vec![], &["pod/a", "--logs", "some"]).code, 2);
}

/// `wait.undecided` `wait.cancelled`
#[test]
fn what_is_missing_is_said() {
    let objects =
        vec![object(pod("gone", State::Absent), Standing::Waiting), object(pod("a", State::Ready), Standing::Met)];
    let run = wait(vec![verdict(Outcome::Undecided, objects.clone())], &["pod/gone", "pod/a"]);
    assert_eq!(run.code, 3);
    assert!(run.out.contains("pod/gone unfinished: does not exist\n"), "{run:?}");
    assert!(run.out.contains("undecided: Reason: so it is (") && run.out.contains(", view 2"), "{run:?}");
    let last = run.err.lines().last().unwrap();
    assert!(last.starts_with("daymark: undecided: so it is; 1 of 2 unfinished; the view is 2"), "{last}");

    let run = wait(vec![verdict(Outcome::Cancelled, objects)], &["pod/gone", "pod/a"]);
    assert_eq!(run.code, 3);
    assert!(run.err.contains("daymark: cancelled: so it is"), "{run:?}");
}

/// `wait.gone`
#[test]
fn what_is_no_longer_of_the_set_is_not_counted() {
    let objects =
        vec![object(pod("a", State::InProgress), Standing::Waiting), object(pod("b", State::Ready), Standing::Met)];
    let mut steps = going(objects);
    let gate = ended(Outcome::Passed, "Met", "", &[]);
    let gone = pod("a", State::Ready).r#ref.into_iter().collect();
    steps.push(GateStep::Send(Box::new(WatchGateResponse { gate: Some(gate), gone, ..Default::default() })));
    steps.push(GateStep::End);
    let run = wait(vec![steps], &["pods"]);
    assert_eq!((run.code, run.out.contains("pod/a"), run.out.contains("pod/b")), (0, false, true), "{run:?}");
}

/// `wait.words` `wait.criterion` `wait.policy-invalid`
#[test]
fn words_that_make_no_sense() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("release.yaml");
    std::fs::write(&policy, "stableFr: 3s\n").unwrap();
    let policy = policy.display().to_string();
    for (args, says) in [
        (&["pod/a", "--for", "lunch"][..], "expected ready"),
        (&["pod/a", "--for", "connect=db"], "is not HOST:PORT"),
        (&["pod/a", "--fail-on", "connect=db:1"], "connect= works only with --for"),
        (&["pod/a", "-l", "app=web"], "cannot be used with"),
        (&["pod/a", "--policy", "/nowhere"], "/nowhere"),
        (&["pod/a", "--policy", &policy], "stableFr"),
        (&["-f", "/nowhere.yaml"], "/nowhere.yaml"),
    ] {
        // No daemon is asked.
        let run = finish(&mut command(&[&["wait"], args].concat()));
        assert_eq!((run.code, run.err.contains(says)), (2, true), "{args:?}: {run:?}");
    }
    assert_eq!(finish(&mut command(&["wait"])).code, 2);
    let invalid = error(tonic::Code::InvalidArgument, "INVALID_POLICY", "invalid policy: cel: at character 3");
    let script =
        Script { gates: GateScript { refusals: [invalid].into(), ..Default::default() }, ..Default::default() };
    finish(&mut against(&Fake::new(script), &["wait", "pod/a", "--for", "cel=x"]))
        .expect_problem(2, &["at character 3"]);
}

/// `wait.policy`
#[test]
fn a_policy_comes_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("release.yaml");
    std::fs::write(&policy, "for: [complete]\nstableFor: 3s\nmin: 2\n").unwrap();
    let fake = Fake::new(script(vec![verdict(Outcome::Passed, vec![])]));
    let args = ["wait", "jobs", "--policy", &policy.display().to_string(), "--min", "1"];
    assert_eq!(finish(&mut against(&fake, &args)).code, 0);
    let policy = fake.seen_gates().opened[0].policy.clone().unwrap();
    assert_eq!((policy.all_of.len(), policy.min_objects, policy.stable_for.unwrap().seconds), (1, Some(1), 3));
}

/// `wait.files` `wait.files-applied` `wait.files-settled` `wait.files-empty`
#[test]
fn manifests_name_the_objects() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.yaml");
    let manifests = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\n\
                     {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, uid: u, resourceVersion: '7', generation: 2}}\n";
    std::fs::write(&file, manifests).unwrap();
    let fake = Fake::new(script(vec![verdict(Outcome::Passed, vec![])]));
    let run = finish(&mut against(&fake, &["wait", "-n", "shop", "-f", &folder.path().display().to_string()]));
    assert_eq!(run.code, 0, "{run:?}");
    let request = fake.seen_gates().opened[0].clone();
    let settled = Criterion { criterion: Some(Asked::Goal(Goal::Settled.into())) };
    assert_eq!(request.policy.unwrap().all_of, [settled]);
    let filter = request.filter.unwrap();
    let named: Vec<_> = filter.refs.iter().map(|it| [&*it.group, &*it.resource, &*it.namespace, &*it.uid]).collect();
    assert_eq!(named, [["apps", "deployment", "", ""], ["", "pod", "x", ""]]);
    assert_eq!(filter.namespaces, ["shop"], "for those that name none");
    let applied = &request.applied[0];
    assert_eq!((request.applied.len(), applied.generation, &*applied.resource_version), (1, 2, "7"));
    assert_eq!(applied.r#ref.clone().unwrap().uid, "u");

    std::fs::write(&file, "# nothing\n").unwrap();
    let run = finish(&mut command(&["wait", "-f", &file.display().to_string()]));
    run.expect_problem(2, &["it contains no object"]);
}

/// `wait.look-once`
#[test]
fn a_deadline_of_nothing_looks_once() {
    let fake = Fake::new(script(vec![verdict(Outcome::Undecided, vec![])]));
    assert_eq!(finish(&mut against(&fake, &["wait", "pod/a", "--timeout", "0"])).code, 3);
    let policy = fake.seen_gates().opened[0].policy.clone().unwrap();
    assert!(policy.once && policy.deadline.unwrap().seconds <= 30);
}

/// `wait.deadline-default`
#[test]
fn the_deadline_is_ten_minutes() {
    let help = finish(&mut command(&["wait", "--help"])).out;
    assert!(help.contains("[default: 10m]"), "{help}");
    let fake = Fake::new(script(vec![verdict(Outcome::Passed, vec![])]));
    assert_eq!(finish(&mut against(&fake, &["wait", "pod/a"])).code, 0);
    let deadline = fake.seen_gates().opened[0].policy.clone().unwrap().deadline.unwrap();
    assert!((500..=600).contains(&deadline.seconds), "{deadline:?}");
}

/// `wait.json`
#[test]
fn the_verdict_is_a_document() {
    for (status, outcome, standing, code, word) in [
        (pod("a", State::Ready), Outcome::Passed, Standing::Met, 0, "PASSED"),
        (doomed("a", Doom::Fatal, ""), Outcome::Failed, Standing::Failed, 1, "FAILED"),
        (pod("a", State::InProgress), Outcome::Undecided, Standing::Waiting, 3, "UNDECIDED"),
    ] {
        let run = wait(vec![verdict(outcome, vec![object(status, standing)])], &["pods/a", "-o", "json"]);
        let mut verdict: Value = serde_json::from_str(&run.out).unwrap();
        let times = ["elapsedSeconds", "viewAgeSeconds"].map(|key| verdict.as_object_mut().unwrap().remove(key));
        assert!(times.iter().all(|time| time.as_ref().is_some_and(Value::is_number)), "{times:?}");
        let object = verdict["objects"][0].as_object_mut().unwrap();
        assert_eq!((object["ref"]["uid"].clone(), object["kind"].clone()), (json!("uid-a"), json!("Pod")));
        object.clear();
        let times = json!({"openTime": "2026-01-02T03:04:01Z", "endTime": "2026-01-02T03:04:05Z"});
        let expected = json!({
            "outcome": word, "reason": "Reason", "message": "so it is", "armed": true, "proven": true,
            "replayed": false, "objects": [{}], "openTime": times["openTime"], "endTime": times["endTime"],
        });
        assert_eq!(verdict, expected);
        assert_eq!(run.code, code);
    }
}

/// `wait.ndjson`
#[test]
fn what_happens_is_a_line_each() {
    let mut steps = going(vec![object(pod("a", State::InProgress), Standing::Waiting)]);
    steps.extend(verdict(Outcome::Passed, vec![object(pod("a", State::Ready), Standing::Met)]));
    let run = wait(vec![steps], &["pod/a", "-o", "ndjson"]);
    let lines: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["OBJECT", "OBJECT", "VERDICT"]);
    assert_eq!((&lines[0]["object"]["standing"], &lines[1]["object"]["state"]), (&json!("WAITING"), &json!("READY")));
    assert_eq!(lines[2]["verdict"]["outcome"], "PASSED");
}

/// `wait.replayed`
#[test]
fn a_replay_is_marked() {
    let mut steps = verdict(Outcome::Passed, vec![object(pod("a", State::Ready), Standing::Met)]);
    for step in &mut steps {
        if let GateStep::Send(message) = step {
            message.freshness.as_mut().unwrap().replayed = true;
        }
    }
    let run = wait(vec![steps.clone()], &["pod/a"]);
    assert!(run.out.ends_with(", replayed)\n"), "{run:?}");
    let verdict: Value = serde_json::from_str(&wait(vec![steps], &["pod/a", "-o", "json"]).out).unwrap();
    assert_eq!(verdict["replayed"], json!(true));
}

/// `wait.forbidden`
#[test]
fn what_may_not_be_read_is_not_waited_for() {
    let script =
        Script { gates: GateScript { refusals: [forbidden()].into(), ..Default::default() }, ..Default::default() };
    finish(&mut against(&Fake::new(script), &["wait", "pod/a"])).expect_problem(5, &["forbidden"]);
}

/// `wait.cluster-unreachable`
#[test]
fn a_cluster_that_cannot_be_reached_is_waited_for() {
    let gates = GateScript {
        refusals: [unavailable(), unavailable()].into(),
        streams: [verdict(Outcome::Passed, vec![])].into(),
        ..GateScript::default()
    };
    let fake = Fake::new(Script { gates, ..Script::default() });
    let run = finish(&mut against(&fake, &["wait", "pod/a"]));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.err.lines().filter(|line| line.contains("the cluster cannot be reached")).count(), 1);
    let seen = fake.seen_gates();
    assert_eq!(seen.opened.len(), 3);
    assert!(seen.opened.windows(2).all(|two| two[0].request_id == two[1].request_id), "it is one question");
}

/// `wait.interrupted`
#[test]
fn whoever_is_interrupted_cancels_the_gate() {
    for (signal, code, word) in [(Signal::INT, 130, "interrupted"), (Signal::TERM, 143, "terminated")] {
        let fake = Fake::new(script(vec![going(vec![object(pod("a", State::InProgress), Standing::Waiting)])]));
        let mut running = Running::start(&mut against(&fake, &["wait", "pod/a"]));
        running.err_until("pod/a: InProgress");
        running.signal(signal);
        let run = running.finish();
        assert_eq!((run.code, &*run.err), (code, &*format!("daymark: {word}\n")));
        assert_eq!(fake.seen_gates().cancelled, ["token-1"]);
    }
}

/// `wait.connect`
#[test]
fn what_is_to_listen_is_tried_from_here() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let passes = || vec![verdict(Outcome::Passed, vec![object(pod("a", State::Ready), Standing::Met)])];
    let run = wait(passes(), &["pod/a", "--for", "ready", "--for", &format!("connect={address}")]);
    assert_eq!(run.code, 0, "{run:?}");
    drop(listener);
    let run = wait(passes(), &["pod/a", "--for", &format!("connect={address}"), "--timeout", "1s"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains(&format!("undecided: NoConnection: {address} accepts no connections")), "{run:?}");
}
