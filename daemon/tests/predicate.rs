//! Predicates, in workers that are the daemon's own binary.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use daymarkd::decode::decode;
use daymarkd::gate::seen::Looks;
use daymarkd::kind::Kind;
use daymarkd::predicate::{Document, Expression, Limits, PredicateError, Predicates};
use daymarkd::record::{Packer, Record};
use daymarkd::rule::judge;
use daymarkd::rule::view::Nothing;
use daymarkd::subscription::{Evaluator, Predicate};
use futures::future::join_all;
use futures::poll;
use serde_json::json;
use tempfile::TempDir;

const DAEMON: &str = env!("CARGO_BIN_EXE_daymarkd");
/// Nothing that is to end takes that long, on any machine.
const LONG: Duration = Duration::from_secs(120);

/// Limits that a slow machine keeps, too.
fn limits() -> Limits {
    Limits { workers: 2, time: LONG, waiting: LONG, ..Limits::default() }
}

fn pool(limits: Limits) -> Predicates {
    Predicates::new(PathBuf::from(DAEMON), limits)
}

/// Nested macros: ten to the power of `depth` steps.
fn nested(macro_name: &str, depth: usize, inner: &str) -> String {
    let list = "[0,1,2,3,4,5,6,7,8,9]";
    (0..depth).fold(inner.to_owned(), |inner, level| format!("{list}.{macro_name}(v{level}, {inner})"))
}

/// At a nanosecond for each of its 10^13 steps, it takes hours.
fn endless() -> String {
    nested("all", 13, "true")
}

fn pod() -> String {
    json!({
        "metadata": {
            "name": "web-1", "namespace": "shop", "labels": {"app": "web", "example.com/tier": "a"},
            "creationTimestamp": "2025-03-01T10:00:00Z", "deletionTimestamp": null,
        },
        "spec": {
            "replicas": 3, "weight": 0.5, "paused": false, "huge": u64::MAX,
            "containers": [
                {"name": "main", "image": "registry.example.com/web:v2", "ports": [{"containerPort": 80}]},
                {"name": "side", "image": "other.example.com/log:v1"},
            ],
        },
        "status": {"restarts": 7, "text": "with \"escapes\" and é"},
    })
    .to_string()
}

/// Whether it is true of the pod.
async fn holds(predicates: &Predicates, expression: &str) -> bool {
    let json = pod();
    let pod = Document { json: json.as_bytes(), state: "FAILED", reason: "CrashLoopBackOff" };
    predicates.evaluate(&Expression::cel(expression), &[pod]).await.unwrap()[0]
}

#[tokio::test]
async fn an_expression_is_true_of_what_it_says() {
    let predicates = pool(limits());
    for expression in [
        "true",
        "state == 'FAILED' && reason.startsWith('Crash')",
        "state in ['FAILED', 'PENDING']",
        "object.metadata.name == \"web-1\"",
        "object.metadata.labels['example.com/tier'] == 'a'",
        "'app' in object.metadata.labels",
        "object.metadata.name.matches('^web-[0-9]+$')",
        "object.metadata.name.upperAscii() == 'WEB-1'",
        "object.metadata.creationTimestamp < '2025-04-01T00:00:00Z'",
        "object.metadata.deletionTimestamp == null",
        "object.status.text == 'with \"escapes\" and é'",
        "size(object.spec.containers) == 2",
        // A whole number is an int, and compares with other numbers.
        "object.spec.replicas == 3 && object.spec.replicas >= 3 && object.spec.replicas < 3.5",
        "object.spec.replicas + 1 == 4 && object.spec.replicas % 2 == 1 && -object.spec.replicas == -3",
        "type(object.spec.replicas) == int && type(object.spec.weight) == double",
        "object.spec.replicas == object.status.restarts - 4",
        "object.spec.huge > 9223372036854775807",
        "object.spec.weight * 2.0 == 1.0",
        "object.spec.replicas != '3'",
        "string(object.spec.replicas) == '3'",
        "!object.spec.paused",
        // Macros.
        "has(object.spec.replicas) && !has(object.spec.absent)",
        "has(object.metadata.deletionTimestamp)",
        "object.spec.containers.exists(c, c.image.contains('example.com/web'))",
        "object.spec.containers.all(c, c.image.contains('example.com'))",
        "object.spec.containers.exists_one(c, has(c.ports))",
        "object.spec.containers.map(c, c.name) == ['main', 'side']",
        "object.spec.containers.filter(c, has(c.ports))[0].ports[0].containerPort == 80",
        "object.metadata.labels.exists(key, key == 'app')",
        "object.spec.containers.exists(state, state.name == 'side')",
        // Fields that may not be there.
        "object.?spec.?absent.?deeper.orValue(5) == 5",
        "object.?spec.?replicas.optMap(r, r + 1).orValue(0) == 4",
        "optional.of(1).hasValue()",
        "object.spec.absent == 1 || state == 'FAILED'",
        "state == 'FAILED' || object.spec.absent == 1",
    ] {
        assert!(holds(&predicates, expression).await, "{expression}");
    }
}

#[tokio::test]
async fn it_is_not_of_what_it_does_not_say_or_what_is_an_error() {
    let predicates = pool(limits());
    for expression in [
        "false",
        "state == 'RUNNING'",
        "object.spec.replicas == '3'",
        "has(object.absent)",
        // Errors: no field, no such operation, no number.
        "object.spec.absent == 1",
        "has(object.absent.deeper)",
        "!has(object.absent.deeper)",
        "object.absent.all(c, true)",
        "object.spec.replicas > '2'",
        "object.spec.replicas + 'x' == '3x'",
        "object.spec.containers[2].name == 'x'",
        "object.metadata.name > 1",
        "1 / 0 == 1",
        "int(object.metadata.name) == 1",
        "object.metadata.name.matches('(')",
        // No bool.
        "object",
        "1",
        "'true'",
        "object.metadata.labels.app",
        "null",
    ] {
        assert!(!holds(&predicates, expression).await, "{expression}");
    }
}

#[tokio::test]
async fn each_document_is_judged_for_itself() {
    let predicates = pool(limits());
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let (flat, deep) = (deep(100), deep(200_000));
    let documents = [r#"{"a":1}"#, r#"{"a":2}"#, "{}", "", "no JSON", "{} {}", "[1,2]", "null", &flat, &deep];
    let documents = documents.map(|json| Document { json: json.as_bytes(), state: "RUNNING", reason: "" });
    let verdicts = async |expression: &'static str| predicates.evaluate(&Expression::cel(expression), &documents).await;
    assert_eq!(verdicts("object.a == 1").await.unwrap(), [true].into_iter().chain([false; 9]).collect::<Vec<_>>());
    // Of what is no JSON, or nested too deeply, nothing is true.
    let [yes, no] = [true, false];
    assert_eq!(verdicts("true").await.unwrap(), [yes, yes, yes, no, no, no, yes, yes, yes, no]);
    assert_eq!(predicates.evaluate(&Expression::cel("true"), &[]).await, Ok(Vec::new()));
}

#[tokio::test]
async fn what_is_no_expression_is_an_error_in_one_line_that_says_where() {
    let predicates = pool(limits());
    for (expression, message) in [
        ("", "mismatched input '<EOF>' at character 1"),
        ("object.", "no viable alternative at input '.' at character 8"),
        ("state ==", "mismatched input '<EOF>' at character 9"),
        ("state = 'a'", "token recognition error at: '= ' at character 7"),
        ("(state == 'a'", "missing ')' at '<EOF>' at character 14"),
        ("true\n&& &&", "mismatched input '&&' at line 2, character 4"),
        ("1 \u{1b}[2J", "token recognition error at: ' ' at character 3"),
        ("'a", "token recognition error at: ''a' at character 1"),
        ("objct.spec == 1", "unknown name objct at character 1"),
        ("state == 'é' && nothing", "unknown name nothing at character 17"),
        ("'éé' == = 1", "token recognition error at: '= ' at character 9"),
        ("'éé' == && 1", "extraneous input '&&' at character 9"),
        ("'éé' == 1 && size2(1)", "unknown function size2 at character 19"),
        ("[1].all(x, x == y)", "unknown name y at character 17"),
        ("[1].all(x, true) && x == 1", "unknown name x at character 21"),
        ("state.startswith('a')", "unknown function startswith at character 17"),
        ("true\n  && size2(state) == 1", "unknown function size2 at line 2, character 11"),
        ("optional.off(1) == 1", "unknown function off at character 13"),
        ("Pod{name: 'a'} == 1", "unknown type Pod at character 4"),
        ("has(object)", "invalid argument to has() macro at character 5"),
    ] {
        let error = predicates.check(&Expression::cel(expression)).await.unwrap_err();
        assert_eq!(error, PredicateError::Invalid(message.to_owned()), "{expression}");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert_eq!(
            predicates.evaluate(&Expression::cel(expression), &[Document { json: b"{}", state: "", reason: "" }]).await,
            Err(error)
        );
    }
    for open in ["(", "[", "!(", "-(", "{1:", "size("] {
        let error = predicates.check(&Expression::cel(&*open.repeat(500))).await;
        assert_eq!(error, Err(PredicateError::Invalid("nested too deeply".into())), "{open}");
    }
    // Long, but not the message about it.
    let error = predicates.check(&Expression::cel(format!("'{}", "x".repeat(4000)))).await.unwrap_err().to_string();
    assert!(error.len() < 500 && error.ends_with("at character 1"), "{error}");
}

#[tokio::test]
async fn to_check_is_not_to_evaluate() {
    let predicates = pool(limits());
    for expression in ["object.absent == 1", "1 / 0 == 1", "'no bool'", &endless()] {
        assert_eq!(predicates.check(&Expression::cel(expression)).await, Ok(()), "{expression}");
    }
}

#[tokio::test]
async fn an_expression_can_be_too_long() {
    let predicates = pool(Limits { expression: 10, ..limits() });
    assert_eq!(predicates.check(&Expression::cel("1 == 11111")).await, Ok(()));
    assert_eq!(predicates.check(&Expression::cel("1 == 111111")).await, Err(PredicateError::TooLong(10)));
}

#[tokio::test]
async fn what_takes_too_long_is_ended_and_others_go_on_meanwhile() {
    let time = Duration::from_secs(5);
    let predicates = pool(Limits { time, ..limits() });
    let endless = Expression::cel(endless());
    let mut slow = pin!(predicates.evaluate(&endless, &[Document { json: b"{}", state: "", reason: "" }]));
    tokio::select! {
        biased;
        ended = &mut slow => panic!("{ended:?}"),
        () = async { for _ in 0..20 { assert!(holds(&predicates, "state == 'FAILED'").await) } } => {}
    }
    assert_eq!(slow.await, Err(PredicateError::TooSlow(time)));
    assert!(holds(&predicates, "state == 'FAILED'").await);
}

#[tokio::test]
async fn memory_that_runs_out_is_the_workers() {
    let predicates = pool(Limits { workers: 1, ..limits() });
    let text = format!("'{}'", "x".repeat(2000));
    let all = nested("map", 7, &text) + " == []";
    assert_eq!(
        predicates.evaluate(&Expression::cel(&*all), &[Document { json: b"{}", state: "", reason: "" }]).await,
        Err(PredicateError::Died)
    );
    assert!(holds(&predicates, "state == 'FAILED'").await);
}

#[tokio::test]
async fn a_stack_that_overflows_is_the_workers() {
    let predicates = pool(Limits { workers: 1, expression: 1 << 20, ..limits() });
    let deep_enough = format!("1{} == 201", "+1".repeat(200));
    assert!(holds(&predicates, &deep_enough).await);
    let deep = format!("1{} == 0", "+1".repeat(200_000));
    assert_eq!(predicates.check(&Expression::cel(&*deep)).await, Err(PredicateError::Died));
    assert!(holds(&predicates, "state == 'FAILED'").await);
}

#[tokio::test]
async fn there_may_be_more_calls_than_workers() {
    let counted = Counted::new();
    let predicates = counted.pool(limits());
    let calls = (0..100).map(|number| {
        let predicates = &predicates;
        async move {
            let json = json!({"number": number % 7}).to_string();
            let document = Document { json: json.as_bytes(), state: "", reason: "" };
            let verdicts =
                predicates.evaluate(&Expression::cel(format!("object.number == {}", number % 5)), &[document]).await;
            (verdicts, Ok(vec![number % 7 == number % 5]))
        }
    });
    for (verdicts, expected) in join_all(calls).await {
        assert_eq!(verdicts, expected);
    }
    assert_eq!(counted.started().len(), 2, "workers are used again");
}

#[tokio::test]
async fn a_call_does_not_wait_for_ever() {
    let predicates = pool(Limits { workers: 1, waiting: Duration::ZERO, ..limits() });
    let always = Expression::cel("true");
    let mut first = pin!(predicates.check(&always));
    assert!(poll!(&mut first).is_pending());
    assert_eq!(predicates.check(&Expression::cel("true")).await, Err(PredicateError::Busy));
    assert_eq!(first.await, Ok(()));
    assert_eq!(predicates.check(&Expression::cel("true")).await, Ok(()));
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_its_worker_along() {
    let counted = Counted::new();
    let predicates = counted.pool(Limits { workers: 1, ..limits() });
    let document = [Document { json: b"{}", state: "RUNNING", reason: "" }];
    assert_eq!(predicates.evaluate(&Expression::cel("state == 'RUNNING'"), &document).await, Ok(vec![true]));
    assert_eq!(predicates.evaluate(&Expression::cel("state == 'FAILED'"), &document).await, Ok(vec![false]));
    assert_eq!(counted.started().len(), 1);
    {
        // The first poll takes the worker that is idle, and asks it what it cannot
        // have answered by then.
        let endless = Expression::cel(endless());
        let mut given_up = pin!(predicates.evaluate(&endless, &document));
        assert!(poll!(&mut given_up).is_pending());
    }
    assert_eq!(predicates.evaluate(&Expression::cel("state == 'FAILED'"), &document).await, Ok(vec![false]));
    assert_eq!(counted.started().len(), 2);
    {
        let endless = Expression::cel(endless());
        let mut given_up = pin!(predicates.evaluate(&endless, &document));
        assert!(poll!(&mut given_up).is_pending());
    }
    assert_eq!(predicates.evaluate(&Expression::cel("state == 'FAILED'"), &document).await, Ok(vec![false]));
    assert_eq!(counted.started().len(), 3);
}

#[tokio::test]
async fn a_worker_that_was_ended_is_gone_and_one_that_others_kill_is_replaced() {
    let counted = Counted::new();
    let predicates = counted.pool(Limits { workers: 1, time: Duration::from_secs(2), ..limits() });
    let document = [Document { json: b"{}", state: "RUNNING", reason: "" }];
    assert!(matches!(
        predicates.evaluate(&Expression::cel(&*endless()), &document).await,
        Err(PredicateError::TooSlow(_))
    ));
    let [ended] = counted.started()[..] else { panic!("{:?}", counted.started()) };
    assert!(!Path::new(&format!("/proc/{ended}")).exists());

    assert_eq!(predicates.evaluate(&Expression::cel("state == 'RUNNING'"), &document).await, Ok(vec![true]));
    let killed = counted.started()[1];
    let pid = rustix::process::Pid::from_raw(killed).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(predicates.evaluate(&Expression::cel("state == 'RUNNING'"), &document).await, Ok(vec![true]));
    assert_eq!(counted.started().len(), 3);
}

#[tokio::test]
async fn time_in_which_a_worker_does_not_run_is_not_the_expressions() {
    let (counted, time) = (Counted::new(), Duration::from_secs(2));
    let predicates = counted.pool(Limits { workers: 1, time, ..limits() });
    assert!(holds(&predicates, "state == 'FAILED'").await);
    let pid = rustix::process::Pid::from_raw(counted.started()[0]).unwrap();
    let signal = |signal| rustix::process::kill_process(pid, signal).unwrap();
    signal(rustix::process::Signal::STOP);
    let mut stopped = pin!(holds(&predicates, "state == 'FAILED'"));
    assert!(tokio::time::timeout(time + time / 2, &mut stopped).await.is_err(), "it answers while it is stopped");
    signal(rustix::process::Signal::CONT);
    assert!(stopped.await);
    assert_eq!(counted.started().len(), 1);
}

#[tokio::test]
async fn many_documents_at_once_do_not_block_each_other() {
    let predicates = pool(limits());
    let padding = "x".repeat(10_000);
    let documents: Vec<_> = (0..2000).map(|number| json!({"number": number, "padding": padding}).to_string()).collect();
    let documents: Vec<_> =
        documents.iter().map(|json| Document { json: json.as_bytes(), state: "RUNNING", reason: "" }).collect();
    let verdicts =
        tokio::time::timeout(LONG, predicates.evaluate(&Expression::cel("object.number % 2 == 0"), &documents)).await;
    let expected: Vec<_> = (0..2000).map(|number| number % 2 == 0).collect();
    assert_eq!(verdicts.unwrap().unwrap(), expected);
    // They are all read, and then told that there is nothing to say of them.
    let none = tokio::time::timeout(LONG, predicates.evaluate(&Expression::cel("object."), &documents)).await;
    assert!(matches!(none.unwrap(), Err(PredicateError::Invalid(_))));
}

/// 3 MiB are the most that the API server takes.
#[tokio::test]
async fn the_largest_object_fits_into_a_workers_memory() {
    let predicates = pool(limits());
    let json = format!("[{}0]", "0,".repeat(3 << 19));
    let largest = Document { json: json.as_bytes(), state: "", reason: "" };
    assert_eq!(predicates.evaluate(&Expression::cel("object[7] == 0"), &[largest; 2]).await, Ok(vec![true; 2]));
}

#[tokio::test]
async fn what_is_no_daemon_is_no_worker() {
    for program in ["/does/not/exist", "/bin/false", "/bin/echo"] {
        let predicates = Predicates::new(PathBuf::from(program), limits());
        let error = predicates.check(&Expression::cel("true")).await.unwrap_err();
        assert!(matches!(error, PredicateError::Unavailable(_)), "{program}: {error}");
        assert!(error.to_string().contains(program), "{error}");
    }
    // Not even the program fits into that.
    let predicates = pool(Limits { memory: 1 << 20, ..limits() });
    assert!(matches!(predicates.check(&Expression::cel("true")).await, Err(PredicateError::Unavailable(_))));
}

/// Workers that are counted: see the script.
struct Counted(TempDir);

impl Counted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/counted-worker");
        symlink(script, folder.path().join("worker")).unwrap();
        symlink(DAEMON, folder.path().join("daymarkd")).unwrap();
        Self(folder)
    }

    fn pool(&self, limits: Limits) -> Predicates {
        Predicates::new(self.0.path().join("worker"), limits)
    }

    /// The ids of their processes, in their order.
    fn started(&self) -> Vec<i32> {
        let list = fs::read_to_string(self.0.path().join("started")).unwrap();
        list.lines().map(|line| line.parse().unwrap()).collect()
    }
}

/// An object without a body: an expression over its state can be asked about it.
fn record() -> Arc<Record> {
    let json = r#"{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "uid": "u", "resourceVersion": "1"}}"#;
    let kind = Kind {
        group: String::new(),
        version: "v1".into(),
        resource: "pods".into(),
        singular: "pod".into(),
        kind: "Pod".into(),
        short_names: Vec::new(),
        namespaced: true,
        has_status: true,
    };
    let object = decode(&kind, json.as_bytes(), None).unwrap().object;
    let ruling = judge(&object, &Nothing, jiff::Timestamp::UNIX_EPOCH);
    Arc::new(Packer::default().pack_shared(&object, ruling))
}

/// Of those who ask the same at the same time, one is answered, for all. Each question
/// that is worked at has a worker.
#[tokio::test]
async fn what_many_gates_ask_of_one_version_is_asked_once() {
    let counted = Counted::new();
    let (evaluator, answering) = Evaluator::new(counted.pool(limits()));
    let looks = Looks::default();
    let predicate = Predicate { expression: Expression::cel("1 == 1"), evaluator };
    let (record, expressions) = (record(), [predicate]);
    let asking = (0..100).map(|_| looks.at(&expressions, vec![Arc::clone(&record)]));
    let asking = join_all(asking);
    let seen = tokio::select! {
        seen = asking => seen,
        () = answering.run() => unreachable!("somebody can still ask"),
    };
    let holds: Vec<_> = seen.into_iter().map(|seen| seen.map(|seen| seen[0].holds.to_vec())).collect();
    assert_eq!(holds.len(), 100);
    // What is no JSON is no object.
    assert!(holds.iter().all(|holds| holds == &Ok(vec![false])), "{holds:?}");
    assert_eq!(counted.started().len(), 1);
}

/// A pool can be shared, and its calls spawned.
#[test]
fn is_send_and_sync() {
    fn sendable<T: Send>(_: T) {}
    fn shareable<T: Sync>(_: &T) {}
    async fn call(predicates: &Predicates) {
        let _checked = predicates.check(&Expression::cel("true")).await;
    }
    let predicates = pool(limits());
    shareable(&predicates);
    sendable(call(&predicates));
    sendable(predicates.evaluate(&Expression::cel("true"), &[]));
    sendable(predicates);
}

#[tokio::test]
async fn a_path_is_evaluated_as_an_expression_is() {
    let predicates = pool(Limits::default());
    let documents = [r#"{"status":{"phase":"Running"}}"#, r#"{"status":{}}"#, "no json"];
    let documents = documents.map(|json| Document { json: json.as_bytes(), state: "", reason: "" });
    let path = Expression::json_path("{.status.phase}=Running");
    assert_eq!(predicates.evaluate(&path, &documents).await, Ok(vec![true, false, false]));
    // The same text is something else in another language.
    let none = predicates.check(&Expression::cel("{.status.phase}=Running")).await;
    assert!(matches!(none, Err(PredicateError::Invalid(_))), "{none:?}");
    let none = predicates.check(&Expression::json_path("{.status[}")).await;
    assert!(matches!(none, Err(PredicateError::Invalid(_))), "{none:?}");
}
