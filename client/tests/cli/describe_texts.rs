//! `daymark describe`: what is said of each kind. `client/tests/describe/NAME.json` is what the daemon tells, in
//! the order in which it is asked; `NAME.txt` what is printed then.

use std::fs;
use std::path::Path;

use daymark_proto::v1::{
    ClusterEvent, Doom, InvolvedObject, ListEventsResponse, ObjectRef, Progress, State, Status, TreeNode,
    WatchTreeResponse,
};
use prost_types::Timestamp;
use serde_json::Value;

use crate::fake::Script;
use crate::fake_events::EventScript;
use crate::fake_views::ViewScript;
use crate::objects::{NOW, found, freshness, not_found, page};
use crate::process::run;

/// Writes what is printed, to be looked at, instead of comparing it.
const BLESS: &str = "DAYMARK_TEST_BLESS";

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn words(value: &Value, path: &str) -> Vec<Value> {
    value.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// `{"resource": "pods", "state": "READY", "reason", "message", "doom", "progress": [1, 3, "updated"], "object": {...}}`
fn status(told: &Value) -> Status {
    let object = told.get("object").cloned().unwrap_or_default();
    let api_version = text(&object, "/apiVersion");
    let (group, _) = api_version.split_once('/').unwrap_or_default();
    let created: Option<Timestamp> = text(&object, "/metadata/creationTimestamp").parse().ok();
    let number = |place: usize| told.pointer(&format!("/progress/{place}")).and_then(Value::as_i64);
    let progress = number(0).zip(number(1));
    Status {
        r#ref: Some(ObjectRef {
            cluster: "default".to_owned(),
            group: group.to_owned(),
            resource: text(told, "/resource"),
            namespace: text(&object, "/metadata/namespace"),
            name: text(&object, "/metadata/name"),
            uid: text(&object, "/metadata/uid"),
        }),
        kind: text(&object, "/kind"),
        state: State::from_str_name(&format!("STATE_{}", text(told, "/state"))).unwrap().into(),
        reason: text(told, "/reason"),
        message: text(told, "/message"),
        progress: progress.map(|(done, total)| Progress { done, total, unit: text(told, "/progress/2") }),
        doom: Doom::from_str_name(&format!("DOOM_{}", text(told, "/doom"))).unwrap_or_default().into(),
        generation: object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default(),
        creation_time: created,
        object: serde_json::to_vec(&object).unwrap().into(),
        ..Status::default()
    }
}

/// A tree is `[[DEPTH, STATUS]...]`.
fn tree(nodes: &Value) -> WatchTreeResponse {
    let node = |node: &Value| TreeNode {
        status: Some(status(&node[1])),
        depth: i32::try_from(node[0].as_i64().unwrap()).unwrap(),
    };
    let nodes = nodes.as_array().unwrap().iter().map(node).collect();
    WatchTreeResponse { nodes, freshness: freshness(), ..WatchTreeResponse::default() }
}

/// `{"type", "reason", "object": "Pod/web-1", "message", "first": SECONDS_AGO, "last": SECONDS_AGO, "count": 3}`
fn event(told: &Value) -> ClusterEvent {
    let number = |path: &str| told.pointer(path).and_then(Value::as_i64).unwrap();
    let ago = |path: &str| Some(Timestamp { seconds: NOW - number(path), nanos: 0 });
    let object = text(told, "/object");
    let (kind, name) = object.split_once('/').unwrap();
    ClusterEvent {
        involved_object: Some(InvolvedObject {
            kind: kind.to_owned(),
            name: name.to_owned(),
            ..InvolvedObject::default()
        }),
        r#type: text(told, "/type"),
        reason: text(told, "/reason"),
        message: text(told, "/message"),
        first_time: ago("/first"),
        last_time: ago("/last"),
        occurrences: number("/count"),
        ..ClusterEvent::default()
    }
}

/// What a file says that the daemon tells.
pub fn script(told: &Value) -> Script {
    let one = |object: &Value| if object.is_null() { Err(not_found("it")) } else { found(status(object)) };
    let some = |objects: &Value| Ok(page(objects.as_array().unwrap().iter().map(status).collect()));
    let trees = words(told, "/trees").iter().map(|nodes| vec![Ok(tree(nodes))]).collect();
    let events = ListEventsResponse {
        events: words(told, "/events").iter().map(event).collect(),
        freshness: freshness(),
        ..ListEventsResponse::default()
    };
    Script {
        events: EventScript { pages: [Ok(events)].into(), ..EventScript::default() },
        objects: words(told, "/objects").iter().map(one).collect(),
        pages: words(told, "/lists").iter().map(some).collect(),
        views: ViewScript { trees, ..ViewScript::default() },
        ..Script::default()
    }
}

/// What a file of that name says.
pub fn told(name: &str) -> Value {
    let path = folder().join(name).with_extension("json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/describe"))
}

/// `describe.text` `describe.kinds` `describe.generic` `describe.related`
#[test]
fn each_kind_is_described_in_its_own_words() {
    let mut names: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    assert!(names.len() >= 15, "{names:?}");
    let mut wrong = Vec::new();
    for path in names {
        let told: Value = told(path.file_stem().unwrap().to_str().unwrap());
        let shown = run(script(&told), &["describe", &text(&told, "/target")]);
        assert_eq!((shown.code, shown.err.as_str()), (0, ""), "{}: {shown:?}", path.display());
        let expected = path.with_extension("txt");
        if std::env::var_os(BLESS).is_some() {
            fs::write(&expected, &shown.out).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != shown.out {
            wrong.push(format!("{}\n{}", expected.display(), shown.out));
        }
    }
    assert!(wrong.is_empty(), "{BLESS}=1 writes these, to be looked at:\n{}", wrong.join("\n"));
}
