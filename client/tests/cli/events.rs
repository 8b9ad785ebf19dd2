//! `daymark events`

use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::watch_events_response::Reset;
use daymark_proto::v1::{
    ClusterEvent, EventSeries, InvolvedObject, ListEventsResponse, ObjectRef, WatchEventsResponse,
};
use prost_types::{Duration, Timestamp};
use serde_json::{Value, json};
use tonic::Status;

use crate::fake::{Fake, Script};
use crate::fake_events::{EventScript, EventStep};
use crate::objects::{NOW, forbidden, freshness, info, not_found, unavailable, unreachable};
use crate::process::{Run, Running, against, finish, run};

fn ago(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: NOW - seconds, nanos: 0 })
}

/// An event about a pod that has happened so often.
fn event(name: &str, version: u64, count: i32, message: &str) -> ClusterEvent {
    ClusterEvent {
        namespace: "shop".to_owned(),
        name: format!("{name}.17c0"),
        uid: format!("uid-{name}"),
        resource_version: version.to_string(),
        creation_time: ago(600),
        involved_object: Some(InvolvedObject {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            uid: format!("pod-{name}"),
            field_path: String::new(),
        }),
        r#type: if count > 1 { "Warning" } else { "Normal" }.to_owned(),
        reason: "BackOff".to_owned(),
        message: message.to_owned(),
        source_component: "kubelet".to_owned(),
        source_host: "node-1".to_owned(),
        first_timestamp: ago(600),
        last_timestamp: ago(180),
        count,
        first_time: ago(600),
        last_time: ago(180),
        occurrences: count.into(),
        ..ClusterEvent::default()
    }
}

fn page(events: Vec<ClusterEvent>) -> ListEventsResponse {
    ListEventsResponse { events, freshness: freshness(), complete_since: ago(3600), ..ListEventsResponse::default() }
}

fn listing(pages: impl IntoIterator<Item = Result<ListEventsResponse, Status>>) -> Script {
    let events = EventScript { pages: pages.into_iter().collect(), ..EventScript::default() };
    Script { events, info: Some(info()), ..Script::default() }
}

fn list(events: Vec<ClusterEvent>, args: &[&str]) -> Run {
    run(listing([Ok(page(events))]), &[&["events"], args].concat())
}

fn two() -> Vec<ClusterEvent> {
    vec![event("a", 7, 1, "Started"), event("b", 8, 5, "Back-off\nrestarting \u{1b}[31m")]
}

/// `events.table` `events.count` `events.object`
#[test]
fn a_table_of_what_has_happened() {
    list(two(), &[]).expect(
        0,
        "LAST SEEN          TYPE      REASON    OBJECT   MESSAGE\n\
         3m                 Normal    BackOff   Pod/a    Started\n\
         3m (x5 over 10m)   Warning   BackOff   Pod/b    Back-off restarting \\x1b[31m\n",
        "",
    );
}

/// `events.wide` `events.no-headers` `events.all-namespaces`
#[test]
fn tables_have_more_columns_if_wanted() {
    let wide = list(two(), &["-o", "wide"]);
    let columns = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "SOURCE", "FIRST SEEN", "COUNT", "MESSAGE"];
    let header = wide.out.lines().next().unwrap();
    let cells: Vec<_> = header.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells, columns);
    assert!(wide.out.contains("kubelet, node-1   10m          5       Back-off"), "{wide:?}");
    let all = list(two(), &["-A", "--no-headers"]);
    assert!(all.out.starts_with("shop   3m "), "{all:?}");
    assert_eq!(all.out.lines().count(), 2);
}

/// `events.target` `events.filter`
#[test]
fn an_objects_events_are_asked_for_with_those_of_what_it_owns() {
    for (args, resource, name) in
        [(&["deploy/web"][..], "deploy", "web"), (&["pod", "a"], "pod", "a"), (&["-n", "other", "node/n"], "node", "n")]
    {
        let fake = Fake::new(listing([Ok(page(two()))]));
        let run = finish(&mut against(&fake, &[&["events"], args].concat()));
        assert_eq!(run.code, 0, "{run:?}");
        let filter = fake.seen_events().lists[0].filter.clone().unwrap();
        let ObjectRef { resource: asked, name: named, namespace, .. } = filter.r#ref.unwrap();
        assert_eq!((&*asked, &*named, filter.with_owned), (resource, name, true));
        let named: &[&str] = if resource == "node" { &["other"] } else { &[] };
        assert_eq!(
            (filter.namespaces, &*namespace, filter.all_namespaces),
            (named.iter().map(ToString::to_string).collect(), "", false)
        );
    }
    let fake = Fake::new(listing([Ok(page(two()))]));
    let args = ["events", "-n", "shop", "--types", "warning,Normal", "--since", "10m"];
    assert_eq!(finish(&mut against(&fake, &args)).code, 0);
    let filter = fake.seen_events().lists[0].filter.clone().unwrap();
    assert_eq!(
        (filter.namespaces, filter.types),
        (vec!["shop".to_owned()], vec!["Warning".to_owned(), "Normal".into()])
    );
    assert_eq!(
        (filter.since, filter.r#ref, filter.with_owned),
        (Some(Duration { seconds: 600, nanos: 0 }), None, false)
    );
}

/// `events.usage`
#[test]
fn what_names_no_object_is_refused() {
    for args in [&["pods"][..], &["pods,deploy", "a"], &["-A", "pod/a"], &["pod/a", "pod/b"], &["--types", "Bad"]] {
        let fake = Fake::new(Script::default());
        let run = finish(&mut against(&fake, &[&["events"], args].concat()));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:?}");
        assert!(fake.seen_events().lists.is_empty());
    }
}

/// `events.json` `events.yaml` `events.ndjson` `events.name`
#[test]
fn events_are_kubernetes_objects() {
    let mut series = event("b", 8, 0, "again");
    series.event_time = Some(Timestamp { seconds: NOW - 60, nanos: 5_000 });
    series.series = Some(EventSeries { count: 3, last_observed_time: ago(0) });
    (series.first_timestamp, series.last_timestamp) = (None, None);
    let events = vec![event("a", 7, 2, "<x>"), series];
    let expected = json!({
        "apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""},
        "items": [
            {"apiVersion": "v1", "kind": "Event", "count": 2, "eventTime": null,
             "firstTimestamp": "2026-01-02T02:54:05Z", "lastTimestamp": "2026-01-02T03:01:05Z",
             "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "a", "namespace": "shop", "uid": "pod-a"},
             "message": "<x>", "reason": "BackOff", "type": "Warning",
             "metadata": {"name": "a.17c0", "namespace": "shop", "uid": "uid-a", "resourceVersion": "7",
                 "creationTimestamp": "2026-01-02T02:54:05Z"},
             "reportingComponent": "", "reportingInstance": "", "source": {"component": "kubelet", "host": "node-1"}},
            {"apiVersion": "v1", "kind": "Event", "eventTime": "2026-01-02T03:03:05.000005Z",
             "firstTimestamp": null, "lastTimestamp": null,
             "series": {"count": 3, "lastObservedTime": "2026-01-02T03:04:05.000000Z"},
             "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "b", "namespace": "shop", "uid": "pod-b"},
             "message": "again", "reason": "BackOff", "type": "Normal",
             "metadata": {"name": "b.17c0", "namespace": "shop", "uid": "uid-b", "resourceVersion": "8",
                 "creationTimestamp": "2026-01-02T02:54:05Z"},
             "reportingComponent": "", "reportingInstance": "", "source": {"component": "kubelet", "host": "node-1"}},
        ],
    });
    let pretty = list(events.clone(), &["-o", "json"]).out;
    assert_eq!(serde_json::from_str::<Value>(&pretty).unwrap(), expected);
    assert!(pretty.starts_with("{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n"), "{pretty}");
    let lines = list(events.clone(), &["-o", "ndjson"]).out;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::from(lines), expected["items"]);
    let yaml = list(events.clone(), &["-o", "yaml"]).out;
    assert!(yaml.starts_with("apiVersion: v1\nitems:\n- apiVersion: v1\n  count: 2\n  eventTime: null\n"), "{yaml}");
    assert_eq!(list(events, &["-o", "name"]).out, "event/a.17c0\nevent/b.17c0\n");
}

/// `events.pages`
#[test]
fn what_happens_again_between_pages_is_told_once() {
    let first = ListEventsResponse { next_page_token: "2".to_owned(), ..page(two()) };
    let fake = Fake::new(listing([Ok(first), Ok(page(vec![event("a", 9, 2, "Started again")]))]));
    let run = finish(&mut against(&fake, &["events", "-o", "name"]));
    assert_eq!(run.out, "event/b.17c0\nevent/a.17c0\n", "{run:?}");
    assert_eq!(fake.seen_events().lists[1].page_token, "2");
}

/// `events.empty` `events.empty-json`
#[test]
fn nothing_is_no_error() {
    list(vec![], &[]).expect(0, "", "No events found in namespace \"shop\".\n");
    list(vec![], &["-n", "other"]).expect(0, "", "No events found in namespace \"other\".\n");
    list(vec![], &["-A"]).expect(0, "", "No events found.\n");
    list(vec![], &["deploy/web"]).expect(0, "", "No events found of deploy/web.\n");
    let json = list(vec![], &["-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["items"], json!([]), "{json:?}");
}

/// `events.not-found` `events.forbidden`
#[test]
fn errors_have_their_exit_codes() {
    let ask = |error: Status| run(listing([Err(error)]), &["events", "pod/a"]);
    ask(not_found("a")).expect_problem(6, &["not found"]);
    ask(forbidden()).expect_problem(5, &["forbidden"]);
    ask(unavailable()).expect_problem(4, &["cannot be reached"]);
}

/// `events.incomplete` `events.unreachable`
#[test]
fn what_may_be_missing_is_said() {
    let run = list(two(), &["--since", "2h"]);
    assert_eq!((run.code, run.out.lines().count()), (0, 3));
    assert_eq!(run.err, "daymark: warning: the daemon has followed events for 1h of 2h: older events may be missing\n");
    assert_eq!(list(two(), &["--since", "1h"]).err, "");
    let some = ListEventsResponse { unreachable: vec![unreachable("events", "Forbidden")], ..page(two()) };
    let run = crate::process::run(listing([Ok(some)]), &["events"]);
    assert_eq!((run.code, run.err.contains("events cannot be read: Forbidden")), (0, true), "{run:?}");
}

fn message(cursor: &str, events: Vec<ClusterEvent>) -> WatchEventsResponse {
    WatchEventsResponse { events, cursor: cursor.to_owned().into(), freshness: freshness(), ..Default::default() }
}

fn send(message: WatchEventsResponse) -> EventStep {
    EventStep::Send(Box::new(message))
}

fn reset(cause: Cause, absent: bool) -> EventStep {
    let reset = Some(Reset { cause: cause.into(), absent, ..Reset::default() });
    send(WatchEventsResponse { reset, ..message("", vec![]) })
}

fn current(cursor: &str) -> EventStep {
    send(WatchEventsResponse { current: true, ..message(cursor, vec![]) })
}

fn watching(streams: Vec<Vec<EventStep>>) -> Script {
    let events = EventScript { streams: streams.into(), ..EventScript::default() };
    Script { events, info: Some(info()), ..Script::default() }
}

/// Two events, then one of them happens again; then the end.
fn story() -> Vec<EventStep> {
    vec![
        reset(Cause::Initial, false),
        send(message("", two())),
        current("1"),
        send(message("2", vec![event("a", 9, 2, "Started again")])),
        EventStep::Fail(forbidden()),
    ]
}

/// `events.watch-table` `events.watch-final-error`
#[test]
fn each_time_is_a_row() {
    let run = run(watching(vec![story()]), &["events", "-w"]);
    run.expect(
        5,
        "LAST SEEN          TYPE      REASON               OBJECT                                 MESSAGE\n\
         3m                 Normal    BackOff              Pod/a                                  Started\n\
         3m (x5 over 10m)   Warning   BackOff              Pod/b                                  Back-off restarting \\x1b[31m\n\
         3m (x2 over 10m)   Warning   BackOff              Pod/a                                  Started again\n",
        "daymark: pods cannot be read: forbidden\n",
    );
}

/// `events.watch-documents`
#[test]
fn each_time_is_a_document() {
    let out = |format: &str| run(watching(vec![story()]), &["events", "-w", "-o", format]).out;
    let names = ["a.17c0", "b.17c0", "a.17c0"];
    for format in ["json", "ndjson"] {
        let text = out(format);
        let objects: Vec<Value> =
            serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().unwrap();
        let told: Vec<_> = objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(told, names, "{format}");
    }
    assert_eq!(out("ndjson").lines().count(), 3);
    let yaml = out("yaml");
    assert_eq!(yaml.split("---\n").filter(|document| document.starts_with("apiVersion: v1\n")).count(), 3, "{yaml}");
    assert_eq!(out("name"), "event/a.17c0\nevent/b.17c0\nevent/a.17c0\n");
}

/// `events.watch-resumed` `events.watch-repeated`
#[test]
fn a_lost_stream_goes_on_without_repeats() {
    let mut first = story();
    *first.last_mut().unwrap() = EventStep::Fail(unavailable());
    // By its cursor; then another daemon, which knows no cursor and tells all that it has.
    let second = vec![current("2"), send(message("3", vec![event("c", 10, 1, "x")])), EventStep::Fail(unavailable())];
    let third = vec![
        reset(Cause::OtherIncarnation, false),
        send(message("", vec![event("a", 9, 2, "Started again"), event("b", 8, 5, "y"), event("d", 11, 1, "z")])),
        current("1"),
        EventStep::Fail(forbidden()),
    ];
    let fake = Fake::new(watching(vec![first, second, third]));
    let run = finish(&mut against(&fake, &["events", "-w", "-o", "name"]));
    let told: Vec<_> =
        run.out.lines().map(|line| line.trim_start_matches("event/").trim_end_matches(".17c0")).collect();
    assert_eq!((run.code, told), (5, vec!["a", "b", "a", "c", "d"]), "{}", run.err);
    assert_eq!(run.err.matches("the daemon cannot answer now").count(), 2, "{}", run.err);
    let cursors: Vec<_> = fake.seen_events().watches.iter().map(|request| request.cursor.clone()).collect();
    assert_eq!(cursors, ["", "2", "3"]);
}

/// `events.watch-absent` `events.watch-empty`
#[test]
fn what_is_not_there_is_awaited() {
    let steps = |absent| vec![reset(Cause::Initial, absent), current("1")];
    let fake = Fake::new(watching(vec![steps(true)]));
    let mut running = Running::start(&mut against(&fake, &["events", "-w", "deploy/web"]));
    let said = running.err_until("No events found of deploy/web.");
    assert!(said.contains("daymark: deploy/web does not exist; its events are shown once there are any\n"), "{said}");
    let fake = Fake::new(watching(vec![steps(false)]));
    let run = finish(&mut against(&fake, &["events", "-w", "--timeout", "300ms"]));
    run.expect(0, "", "No events found in namespace \"shop\".\n");
}

/// `events.watch-timeout`
#[test]
fn the_time_is_over() {
    let fake = Fake::new(watching(vec![vec![reset(Cause::Initial, false)]]));
    let run = finish(&mut against(&fake, &["events", "-w", "--timeout", "300ms"]));
    run.expect_problem(4, &["timed out", "before the daemon sent its events"]);
    let run = finish(&mut against(&Fake::new(Script::default()), &["events", "--timeout", "1s"]));
    assert_eq!(run.code, 2, "{run:?}");
}
