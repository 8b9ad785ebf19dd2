//! `daymark get -o`: documents.

use daymark_proto::v1::{Doom, State, View};
use serde_json::{Value, json};

use crate::fake::{Fake, Script};
use crate::objects::{deployment, doomed, found, page, pod, unreachable};
use crate::process::{Run, against, finish, run};

const POD: &str = r#"{
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "annotations": {
            "a": "\u003cb\u003e"
        },
        "name": "a",
        "uid": "uid-a"
    }
}
"#;

fn list(format: &str) -> Run {
    let pages = [Ok(page(vec![pod("a", State::Ready), deployment("web", State::Ready)]))];
    let fake = Fake::new(Script { pages: pages.into(), ..Script::default() });
    let run = finish(&mut against(&fake, &["get", "pods,deploy", "-o", format]));
    let full = matches!(format, "json" | "yaml" | "ndjson");
    assert_eq!(fake.seen().lists[0].view(), if full { View::Full } else { View::Basic });
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    run
}

fn one(format: &str) -> String {
    let script = Script { objects: [found(pod("a", State::Ready))].into(), ..Script::default() };
    run(script, &["get", "pod", "a", "-o", format]).out
}

fn object(kind: &str, version: &str, name: &str) -> Value {
    json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": {"annotations": {"a": "<b>"}, "name": name, "uid": format!("uid-{name}")},
    })
}

/// `get.json-one`
#[test]
fn one_object_is_bare() {
    assert_eq!(one("json"), POD);
}

/// `get.json-list`
#[test]
fn several_objects_are_kubectls_list() {
    let out = list("json").out;
    let expected = json!({
        "apiVersion": "v1",
        "items": [object("Pod", "v1", "a"), object("Deployment", "apps/v1", "web")],
        "kind": "List",
        "metadata": {"resourceVersion": ""},
    });
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
    assert!(out.starts_with("{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n        {\n"), "{out}");
    assert!(out.ends_with(
        "    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n"
    ));
    // A kind with one object is a list all the same, as with kubectl.
    let script = Script { pages: [Ok(page(vec![pod("a", State::Ready)]))].into(), ..Script::default() };
    assert!(run(script, &["get", "pods", "-o", "json"]).out.contains("\"kind\": \"List\""));
}

/// `get.yaml`
#[test]
fn yaml_says_the_same() {
    assert_eq!(
        one("yaml"),
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    a: <b>\n  name: a\n  uid: uid-a\n"
    );
    let yaml: Value = serde_saphyr::from_str(&list("yaml").out).unwrap();
    assert_eq!(yaml, serde_json::from_str::<Value>(&list("json").out).unwrap());
}

/// `get.ndjson`
#[test]
fn ndjson_is_one_object_a_line() {
    let out = list("ndjson").out;
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [object("Pod", "v1", "a"), object("Deployment", "apps/v1", "web")]);
}

/// `get.name`
#[test]
fn names_are_kubectls() {
    assert_eq!(list("name").out, "pod/a\ndeployment.apps/web\n");
}

/// `get.status-json`
#[test]
fn states_are_a_document() {
    let mut page = page(vec![deployment("web", State::InProgress), doomed("a", Doom::Fatal, "it broke")]);
    page.unreachable = vec![unreachable("jobs.batch", "Forbidden")];
    let out = run(Script { pages: [Ok(page)].into(), ..Script::default() }, &["get", "all", "-o", "status-json"]).out;
    let expected = json!({
        "statuses": [
            {
                "ref": {"cluster": "default", "group": "apps", "resource": "deployments", "namespace": "shop",
                    "name": "web", "uid": "uid-web"},
                "kind": "Deployment", "state": "IN_PROGRESS", "reason": "Because", "message": "",
                "progress": {"done": 1, "total": 3, "unit": "updated"}, "generation": 4,
                "resourceVersion": "7", "creationTime": "2026-01-02T02:58:53Z",
            },
            {
                "ref": {"cluster": "default", "group": "", "resource": "pods", "namespace": "shop", "name": "a",
                    "uid": "uid-a"},
                "kind": "Pod", "state": "FAILED", "reason": "Because", "message": "it broke", "doom": "FATAL",
                "resourceVersion": "7", "creationTime": "2026-01-02T02:58:53Z",
            },
        ],
        "unreachable": [{"kind": "jobs.batch", "reason": "Forbidden", "message": "so it is"}],
        "freshness": {"time": "2026-01-02T03:04:05Z", "ageSeconds": 2, "synced": true, "replayed": false},
    });
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
}

/// `get.documents-empty`
#[test]
fn an_empty_list_is_a_document_too() {
    for (format, empty) in [
        ("json", json!({"apiVersion": "v1", "items": [], "kind": "List", "metadata": {"resourceVersion": ""}})),
        ("status-json", json!({"statuses": [], "unreachable": []})),
    ] {
        let mut page = page(vec![]);
        page.freshness = None;
        let run = run(Script { pages: [Ok(page)].into(), ..Script::default() }, &["get", "pods", "-o", format]);
        assert_eq!((run.code, serde_json::from_str::<Value>(&run.out).unwrap()), (0, empty));
    }
}

/// `get.bad-object`
#[test]
fn an_object_that_is_no_json_is_daymarks_fault() {
    let mut status = pod("a", State::Ready);
    status.object = "{".into();
    let script = Script { objects: [found(status)].into(), ..Script::default() };
    let run = run(script, &["get", "pod", "a", "-o", "json"]);
    run.expect_problem(70, &["pod/a"]);
    assert_eq!(run.out, "");
}
