//! An API server that sends what it should not.

use daymark_proto::v1::State;
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::fake_apiserver::{Answer, FakeApiServer, Fault, Verb};
use daymark_tests::in_process::kinds;
use serde_json::{Value, json};

use crate::{Pods, Setup, full, put, with_progress};

/// A pod whose phase is a number.
fn bad_pod(name: &str) -> Value {
    let mut pod = object(Pods, name, State::Ready);
    pod["status"]["phase"] = json!(4);
    pod
}

#[tokio::test]
async fn a_bad_object_is_unknown_and_others_go_on() {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.put(Pods, bad_pod("bad"));
    put(&cluster, Pods, "good", State::Ready);
    let setup = Setup::of(cluster).await;
    let cluster = &setup.cluster;
    cluster.until_watched().await;
    let mut follower = setup.daemon.follow(full(kinds(&[Pods]))).await;
    assert_eq!(
        follower.until_live().await,
        ["reset INITIAL", "item pods/bad UNKNOWN", "item pods/good READY", "current"]
    );

    cluster.put(Pods, bad_pod("worse"));
    put(cluster, Pods, "good", State::Failed);
    put(cluster, Pods, "bad", State::Ready);
    let told = follower.until_said("changed pods/bad READY").await;
    assert_eq!(told, ["entered pods/worse UNKNOWN", "changed pods/good FAILED", "changed pods/bad READY"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn an_object_that_becomes_bad_is_not_taken_for_deleted() {
    let setup = Setup::new(&[(Pods, "a"), (Pods, "b")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(full(kinds(&[Pods]))).await;
    cluster.put(Pods, bad_pod("a"));
    // A list that has it does not delete it either.
    let watches = cluster.counts().watches(Pods);
    cluster.hold_events(Pods);
    cluster.put(Pods, bad_pod("a"));
    cluster.compact(false);
    cluster.close_watches(Pods);
    cluster.until("the list and its watch", |counts| counts.watches(Pods) == watches + 2).await;
    cluster.release_events(Pods);
    put(cluster, Pods, "b", State::Failed);
    cluster.delete(Pods, "a");
    let told = follower.until_said("deleted pods/a ABSENT").await;
    let bad = "changed pods/a UNKNOWN";
    assert_eq!(told, [bad, bad, "changed pods/b FAILED", "deleted pods/a ABSENT"]);
    setup.daemon.stop().await;
}

const GARBAGE: &[&[u8]] = &[
    b"\n",
    b"<html>502 Bad Gateway</html>\n",
    b"{\"type\":\"MODIFIED\",\"object\":\n",
    b"{\"type\":\"MODIFIED\"}\n",
    b"{\"type\":\"EXPLODED\",\"object\":{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"1\"}}}\n",
    b"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{}}}\n",
    b"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"many\"}}}\n",
    b"{\"type\":\"ERROR\",\"object\":\"what\"}\n",
    b"{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"etcd\"}}\n",
    b"{\"type\":\"ERROR\",\"object\":{\"code\":99999}}\n",
    b"{\"type\":\"MODIFIED\",\"object\":[]}\n",
    b"{\"type\":\"DELETED\",\"object\":null}\n",
    b"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"\",\"uid\":\"\",\"resourceVersion\":\"-1\"}}}\n",
    b"\xff\xfe\x00\n",
    b"null\n",
];

#[tokio::test]
async fn garbage_in_a_watch_is_survived_and_loses_nothing() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(full(kinds(&[Pods]))).await;
    for (number, garbage) in GARBAGE.iter().enumerate() {
        cluster.until("a watch", |counts| counts.open_watches(Pods) == 1).await;
        cluster.inject(Pods, *garbage);
        // What comes behind it in the same watch, or in the next.
        let name = format!("p{number}");
        put(cluster, Pods, &name, State::Ready);
        let entered = format!("entered pods/{name} READY");
        assert_eq!(follower.until_said(&entered).await, [entered.as_str()], "{}", garbage.escape_ascii());
    }
    assert_eq!(cluster.counts().lists(Pods), 1);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn html_instead_of_json_is_a_problem_that_is_told_and_passes() {
    let html = Answer::Body("text/html", "<html>\n<body>Log in first</body>\n</html>\n");
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(with_progress(kinds(&[Pods]))).await;
    for verb in [Verb::Watch, Verb::List] {
        cluster.fault(Fault::new(html.clone()).on(verb).of(Pods));
        cluster.hold_events(Pods);
        put(cluster, Pods, "a", State::Ready);
        cluster.compact(false);
        cluster.close_watches(Pods);
        follower.until_fresh(|fresh| !fresh.synced && fresh.problem.contains("malformed")).await;
        cluster.heal();
        cluster.release_events(Pods);
        follower.until_fresh(|fresh| fresh.synced && fresh.problem.is_empty()).await;
    }
    put(cluster, Pods, "a", State::Failed);
    assert_eq!(follower.until_said("changed pods/a FAILED").await, ["changed pods/a FAILED"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_list_of_garbage_is_survived() {
    for body in ["null", "[]", "{}", "{\"metadata\":{}}", "{\"metadata\":{\"resourceVersion\":\"\"}}", "", "\u{0}"] {
        let cluster = FakeApiServer::start().await.unwrap();
        put(&cluster, Pods, "a", State::Ready);
        cluster.fault(Fault::new(Answer::Body("application/json", body)).on(Verb::List).of(Pods).times(1));
        let setup = Setup::of(cluster).await;
        setup.cluster.until_watched().await;
        let mut follower = setup.daemon.follow(kinds(&[Pods])).await;
        assert_eq!(follower.until_live().await, ["reset INITIAL", "item pods/a READY", "current"], "{body:?}");
        setup.daemon.stop().await;
    }
}
