//! `daymark daemon status`

use daymark_proto::v1::{CacheStatus, Freshness, ListCachesResponse, ServedKind};
use serde_json::{Value, json};

use crate::fake::{Fake, Script};
use crate::process::{against, finish};

fn cache(group: &str, resource: &str, listed: bool, synced: bool, problem: &str) -> CacheStatus {
    let age = Some(prost_types::Duration { seconds: 3, nanos: 0 });
    CacheStatus {
        cluster: "default".into(),
        kind: Some(ServedKind { group: group.into(), resource: resource.into(), ..ServedKind::default() }),
        objects: 2,
        bytes: 2048,
        body_bytes: 1000,
        change_bytes: 500,
        freshness: Some(Freshness { age, synced, problem: problem.into(), ..Freshness::default() }),
        listed,
        resource_version: "7".into(),
        subscribers: 1,
        lists: 1,
        decode_errors: 0,
        warm: true,
        ..CacheStatus::default()
    }
}

fn script(caches: Vec<CacheStatus>) -> Script {
    Script { caches: Some(ListCachesResponse { caches, streams: 1 }), ..Script::default() }
}

/// `daemon-status.text`
#[test]
fn each_cache_has_a_row() {
    let fake = Fake::new(script(vec![cache("apps", "deployments", true, true, "")]));
    let expected = "\
CACHE              NAMESPACE   STATE    OBJECTS   SIZE      BODIES   CHANGES   HEARD    STREAMS   LISTS   ERRORS
deployments.apps   *           Synced   2         2.0 KiB   1000 B   500 B     3s ago   1         1       0
";
    finish(&mut against(&fake, &["daemon", "status"])).expect(0, expected, "1 stream is open\n");
}

/// `daemon-status.states`
#[test]
fn each_cache_says_how_far_it_can_be_trusted() {
    let caches = vec![
        cache("", "a", true, true, ""),
        cache("", "b", true, false, "gone"),
        cache("", "c", false, false, ""),
        cache("", "d", false, false, "forbidden"),
    ];
    let run = finish(&mut against(&Fake::new(script(caches)), &["daemon", "status"]));
    let states: Vec<_> = run.out.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(states, ["Synced", "Lagging", "Listing", "Unreachable"]);
    assert!(run.err.contains("b: gone") && run.err.contains("d: forbidden"), "{run:?}");
}

/// `daemon-status.json`
#[test]
fn the_caches_are_a_document() {
    let fake = Fake::new(script(vec![cache("", "pods", true, true, "")]));
    let run = finish(&mut against(&fake, &["daemon", "status", "-o", "json"]));
    let expected = json!({"streams": 1, "caches": [{
        "cluster": "default", "kind": "pods", "namespace": "", "state": "Synced", "objects": 2, "bytes": 2048,
        "bodyBytes": 1000, "changeBytes": 500, "resourceVersion": "7", "subscribers": 1, "lists": 1, "decodeErrors": 0, "warm": true,
        "freshness": {"ageSeconds": 3, "synced": true, "replayed": false},
    }]});
    assert_eq!((run.code, serde_json::from_str::<Value>(&run.out).unwrap()), (0, expected));
}
