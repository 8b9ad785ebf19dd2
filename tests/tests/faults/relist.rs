//! Watches that end, break, or are too old.

use daymark_proto::v1::State;
use daymark_tests::fake_apiserver::{Answer, Cut, Fault, Verb};
use daymark_tests::in_process::kinds;
use tonic::Code;

use crate::{Pods, Setup, assert_true, code_and_reason, full, put, with_progress};

/// The list that follows 410 names unchanged objects, changed ones and new
/// ones, and lacks those that were deleted.
async fn a_relist_tells_what_is_new(in_stream: bool) {
    let setup = Setup::new(&[(Pods, "a"), (Pods, "b"), (Pods, "c"), (Pods, "e")]).await;
    let cluster = &setup.cluster;
    cluster.limit_pages(2);
    let mut basic = setup.live(kinds(&[Pods])).await;
    let mut every = setup.live(full(kinds(&[Pods]))).await;
    let before = cluster.counts();

    cluster.hold_events(Pods);
    put(cluster, Pods, "b", State::InProgress);
    put(cluster, Pods, "b", State::Failed);
    cluster.delete(Pods, "c");
    put(cluster, Pods, "d", State::Ready);
    cluster.delete(Pods, "e");
    put(cluster, Pods, "e", State::Ready);
    cluster.compact(in_stream);
    cluster.close_watches(Pods);
    cluster.until("the list and its watch", |counts| counts.watches(Pods) == before.watches(Pods) + 2).await;
    assert_eq!(cluster.counts().lists(Pods), before.lists(Pods) + 2, "one list, of two pages");
    cluster.release_events(Pods);
    put(cluster, Pods, "marker", State::Ready);

    let expected = [
        "changed pods/b FAILED",
        "entered pods/d READY",
        "deleted pods/e ABSENT",
        "entered pods/e READY",
        "deleted pods/c ABSENT",
        "entered pods/marker READY",
    ];
    for follower in [&mut basic, &mut every] {
        assert_eq!(follower.until_said("entered pods/marker READY").await, expected);
    }
    assert_true(&every.contract.picture, cluster, &[Pods], true);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_relist_after_410_says_nothing_that_did_not_change() {
    a_relist_tells_what_is_new(false).await;
}

#[tokio::test]
async fn a_relist_after_410_in_the_stream_says_nothing_that_did_not_change() {
    a_relist_tells_what_is_new(true).await;
}

#[tokio::test]
async fn a_dropped_watch_resumes_without_a_list() {
    let setup = Setup::new(&[(Pods, "a"), (Pods, "b")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(full(kinds(&[Pods]))).await;
    let lists = cluster.counts().lists(Pods);

    // Nothing was told yet; then something was.
    for round in ["first", "second"] {
        cluster.hold_events(Pods);
        put(cluster, Pods, "a", State::Failed);
        put(cluster, Pods, "a", State::Ready);
        cluster.delete(Pods, "b");
        put(cluster, Pods, "b", State::Ready);
        let watches = cluster.counts().watches(Pods);
        cluster.close_watches(Pods);
        cluster.until("another watch", |counts| counts.watches(Pods) == watches + 1).await;
        cluster.release_events(Pods);
        put(cluster, Pods, round, State::Ready);
        let told = follower.until_said(&format!("entered pods/{round} READY")).await;
        let expected =
            ["changed pods/a FAILED", "changed pods/a READY", "deleted pods/b ABSENT", "entered pods/b READY"];
        assert_eq!(told[..told.len() - 1], expected, "{round}");
    }
    assert_eq!(cluster.counts().lists(Pods), lists);
    assert_true(&follower.contract.picture, cluster, &[Pods], true);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_watch_that_is_cut_inside_an_object_loses_nothing() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(full(kinds(&[Pods]))).await;
    let lists = cluster.counts().lists(Pods);
    for cut in [Cut::Abort, Cut::End] {
        cluster.cut_next_event(Pods, cut);
        put(cluster, Pods, "a", State::Failed);
        put(cluster, Pods, "a", State::Ready);
        let told = follower.until_said("changed pods/a READY").await;
        assert_eq!(told, ["changed pods/a FAILED", "changed pods/a READY"], "{cut:?}");
    }
    assert_eq!(cluster.counts().lists(Pods), lists);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_watch_that_comes_byte_by_byte_is_read() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut follower = setup.live(full(kinds(&[Pods]))).await;
    setup.cluster.slow_bytes(true);
    put(&setup.cluster, Pods, "a", State::Failed);
    put(&setup.cluster, Pods, "a", State::Ready);
    assert_eq!(follower.until_said("changed pods/a READY").await, ["changed pods/a FAILED", "changed pods/a READY"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn bookmarks_that_come_twice_or_out_of_order_repeat_nothing() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(full(kinds(&[Pods]))).await;
    let early = cluster.version();
    put(cluster, Pods, "b", State::Ready);
    cluster.delete(Pods, "b");
    follower.until_said("deleted pods/b ABSENT").await;

    for version in [cluster.version(), cluster.version(), early, early] {
        cluster.bookmark(Pods, version);
    }
    let watches = cluster.counts().watches(Pods);
    cluster.close_watches(Pods);
    cluster.until("another watch", |counts| counts.watches(Pods) == watches + 1).await;
    put(cluster, Pods, "marker", State::Ready);
    assert_eq!(follower.until_said("entered pods/marker READY").await, ["entered pods/marker READY"]);
    setup.daemon.stop().await;
}

/// As when etcd is restored from a backup: a list is older than what a bookmark has told before.
#[tokio::test]
async fn a_storage_that_has_gone_back_is_followed_anew() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(kinds(&[Pods])).await;
    cluster.bookmark(Pods, cluster.version() + 1000);
    cluster.fault(Fault::new(Answer::Status(410)).on(Verb::Watch).of(Pods));
    cluster.close_watches(Pods);
    let closed = (Code::Unavailable, "CACHE_CLOSED".to_owned());
    assert_eq!(code_and_reason(&follower.end().await), closed);
    cluster.heal();
    put(cluster, Pods, "a", State::Failed);
    let mut follower = setup.live(kinds(&[Pods])).await;
    assert_true(&follower.contract.picture, cluster, &[Pods], false);
    put(cluster, Pods, "a", State::Ready);
    follower.until_said("changed pods/a READY").await;
    setup.daemon.stop().await;
}

/// Listing and being refused in turns is not following, and must not be done
/// as fast as the API server answers.
#[tokio::test]
async fn a_watch_that_is_always_too_old_is_a_problem_that_is_told() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(with_progress(kinds(&[Pods]))).await;
    cluster.fault(Fault::new(Answer::Status(410)).on(Verb::Watch).of(Pods));
    cluster.close_watches(Pods);
    follower.until_fresh(|fresh| !fresh.synced && fresh.problem.contains("410")).await;
    cluster.heal();
    follower.until_fresh(|fresh| fresh.synced && fresh.problem.is_empty()).await;
    put(cluster, Pods, "a", State::Failed);
    assert_eq!(follower.until_said("changed pods/a FAILED").await, ["changed pods/a FAILED"]);
    setup.daemon.stop().await;
}
