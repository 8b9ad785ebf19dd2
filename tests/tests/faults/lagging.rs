//! A watch that lags behind what reads show, and proofs against it.

use daymark_proto::v1::State;
use daymark_tests::contract::describe;
use daymark_tests::fake_apiserver::{Answer, Fault, Verb};
use daymark_tests::in_process::{Follower, kinds, named};

use crate::{Deployments, EndpointSlices, Pods, Services, Setup, proven, put, with_progress};

/// The stream is asked for a proof, and the daemon has done its read by now.
async fn after_its_read(setup: &Setup, name: &str) -> Follower {
    let gets = setup.cluster.counts().gets(Deployments);
    let follower = setup.daemon.follow(proven(named(&[(Deployments, name)]))).await;
    setup.cluster.until("the live read", |counts| counts.gets(Deployments) > gets).await;
    // What the daemon would wrongly say is said by the time that another
    // stream was opened and read.
    setup.live(kinds(&[Pods])).await;
    follower
}

#[tokio::test]
async fn a_proven_view_waits_for_the_watch_to_reach_what_a_read_showed() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    setup.cluster.hold_events(Deployments);
    put(&setup.cluster, Deployments, "a", State::InProgress);
    put(&setup.cluster, Deployments, "a", State::Failed);
    let mut unproven = setup.daemon.follow(named(&[(Deployments, "a")])).await;
    assert_eq!(unproven.until_live().await, ["reset INITIAL", "item deployments/a READY", "current"]);

    let mut follower = after_its_read(&setup, "a").await;
    setup.cluster.release_events(Deployments);
    let expected = [
        "reset INITIAL",
        "item deployments/a READY",
        "changed deployments/a IN_PROGRESS",
        "changed deployments/a FAILED",
        "current",
    ];
    assert_eq!(follower.until_live().await, expected);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_proven_view_waits_for_the_watch_to_reach_a_deletion() {
    let setup = Setup::new(&[(Deployments, "a"), (Deployments, "b")]).await;
    setup.cluster.hold_events(Deployments);
    setup.cluster.delete(Deployments, "a");
    setup.cluster.delete(Deployments, "b");
    put(&setup.cluster, Deployments, "b", State::InProgress);
    let mut unproven = setup.daemon.follow(named(&[(Deployments, "a")])).await;
    assert_eq!(unproven.until_live().await, ["reset INITIAL", "item deployments/a READY", "current"]);

    let mut deleted = after_its_read(&setup, "a").await;
    let mut replaced = after_its_read(&setup, "b").await;
    setup.cluster.release_events(Deployments);
    let expected = ["reset INITIAL", "item deployments/a READY", "deleted deployments/a ABSENT", "current"];
    assert_eq!(deleted.until_live().await, expected);
    let expected = [
        "reset INITIAL",
        "item deployments/b READY",
        "deleted deployments/b ABSENT",
        "entered deployments/b IN_PROGRESS",
        "current",
    ];
    assert_eq!(replaced.until_live().await, expected);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_proven_view_waits_for_the_watch_to_reach_a_creation() {
    let setup = Setup::new(&[]).await;
    setup.cluster.hold_events(Deployments);
    put(&setup.cluster, Deployments, "a", State::Ready);
    let mut follower = after_its_read(&setup, "a").await;
    setup.cluster.release_events(Deployments);
    let expected = ["reset INITIAL", "item deployments/a ABSENT", "entered deployments/a READY", "current"];
    assert_eq!(follower.until_live().await, expected);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_proven_view_of_a_name_that_no_object_has_is_current() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    let request = proven(named(&[(Deployments, "none"), (Deployments, "a"), (Pods, "none")]));
    let mut follower = setup.daemon.follow(request).await;
    let expected = [
        "reset INITIAL",
        "item deployments/none ABSENT",
        "item deployments/a READY",
        "item pods/none ABSENT",
        "current",
    ];
    assert_eq!(follower.until_live().await, expected);
    setup.daemon.stop().await;
}

/// A watch that lags tells late of an object that came, was ready and went
/// before anybody asked for it.
#[tokio::test]
async fn a_proven_absence_is_not_undone_by_history() {
    let setup = Setup::new(&[(Deployments, "other")]).await;
    setup.cluster.hold_events(Deployments);
    put(&setup.cluster, Deployments, "a", State::Ready);
    setup.cluster.delete(Deployments, "a");
    let mut follower = setup.daemon.follow(proven(named(&[(Deployments, "a"), (Deployments, "other")]))).await;
    let expected = ["reset INITIAL", "item deployments/a ABSENT", "item deployments/other READY", "current"];
    assert_eq!(follower.until_live().await, expected);

    setup.cluster.release_events(Deployments);
    put(&setup.cluster, Deployments, "other", State::Failed);
    assert_eq!(follower.until_said("changed deployments/other FAILED").await, ["changed deployments/other FAILED"]);
    put(&setup.cluster, Deployments, "a", State::InProgress);
    assert_eq!(follower.until_said("entered deployments/a IN_PROGRESS").await, ["entered deployments/a IN_PROGRESS"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_proof_that_is_forbidden_ends_the_stream() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    setup.cluster.fault(Fault::new(Answer::Status(403)).on(Verb::Get));
    let mut follower = setup.daemon.follow(proven(named(&[(Deployments, "a")]))).await;
    let error = follower.end().await;
    assert_eq!(error.code(), tonic::Code::PermissionDenied);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_stream_whose_proof_takes_long_shows_that_it_lives() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    setup.cluster.fault(Fault::new(Answer::Stall).on(Verb::Get));
    let mut follower = setup.daemon.follow(proven(with_progress(named(&[(Deployments, "a")])))).await;
    follower.until_said("progress").await;
    assert!(!follower.contract.is_live());
    setup.cluster.heal();
    follower.until_live().await;
    setup.daemon.stop().await;
}

/// The object that the read did not see came after it: there is nothing to wait
/// for.
#[tokio::test]
async fn a_proven_view_does_not_wait_for_the_end_of_what_came_after_its_read() {
    let setup = Setup::new(&[]).await;
    setup.cluster.fault(Fault::new(Answer::Late).on(Verb::Get));
    let mut unproven = setup.live(named(&[(Deployments, "a")])).await;
    let mut follower = after_its_read(&setup, "a").await;
    put(&setup.cluster, Deployments, "a", State::Ready);
    unproven.until_said("entered deployments/a READY").await;
    setup.cluster.heal();
    let expected = ["reset INITIAL", "item deployments/a ABSENT", "entered deployments/a READY", "current"];
    assert_eq!(follower.until_live().await, expected);
    setup.daemon.stop().await;
}

/// A client that comes back must not take its old picture for a proven one.
#[tokio::test]
async fn a_proven_view_that_resumes_is_told_first_what_it_missed() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    let mut follower = setup.live(proven(named(&[(Deployments, "a")]))).await;
    let mut other = setup.live(kinds(&[Deployments])).await;
    put(&setup.cluster, Deployments, "a", State::InProgress);
    other.until_said("changed deployments/a IN_PROGRESS").await;
    setup.cluster.hold_events(Deployments);
    put(&setup.cluster, Deployments, "a", State::Failed);

    let gets = setup.cluster.counts().gets(Deployments);
    follower.reconnect().await;
    setup.cluster.until("the live read", |counts| counts.gets(Deployments) > gets).await;
    setup.live(kinds(&[Pods])).await;
    setup.cluster.release_events(Deployments);
    let expected = ["changed deployments/a IN_PROGRESS", "changed deployments/a FAILED", "resumed"];
    assert_eq!(follower.until_live().await, expected);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_proof_whose_read_is_refused_is_tried_again() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    setup.cluster.fault(Fault::new(Answer::Status(500)).on(Verb::Get).times(1));
    let mut follower = setup.daemon.follow(proven(named(&[(Deployments, "a")]))).await;
    assert_eq!(follower.until_live().await, ["reset INITIAL", "item deployments/a READY", "current"]);
    assert_eq!(setup.cluster.counts().gets(Deployments), 2);
    setup.daemon.stop().await;
}

/// Neither what a list has seen is missing, nor is there what it has not.
#[tokio::test]
async fn a_proven_view_of_a_set_waits_for_all_that_a_list_showed() {
    let setup = Setup::new(&[(Deployments, "a"), (Deployments, "b")]).await;
    setup.cluster.hold_events(Deployments);
    put(&setup.cluster, Deployments, "a", State::Failed);
    setup.cluster.delete(Deployments, "b");
    put(&setup.cluster, Deployments, "c", State::Ready);
    // It came and went before the list.
    put(&setup.cluster, Deployments, "history", State::Ready);
    setup.cluster.delete(Deployments, "history");
    let lists = setup.cluster.counts().lists(Deployments);
    let mut follower = setup.daemon.follow(proven(kinds(&[Deployments]))).await;
    setup.cluster.until("the live list", |counts| counts.lists(Deployments) > lists).await;
    setup.live(kinds(&[Pods])).await;
    setup.cluster.release_events(Deployments);
    put(&setup.cluster, Deployments, "d", State::Ready);

    let before = follower.until_live().await;
    let mut picture: Vec<_> = before.iter().filter(|said| !said.starts_with("reset")).cloned().collect();
    assert_eq!(picture.pop().as_deref(), Some("current"));
    for told in ["changed deployments/a FAILED", "deleted deployments/b ABSENT", "entered deployments/c READY"] {
        assert!(picture.iter().any(|said| said == told), "{told}: {before:?}");
    }
    if follower.contract.picture.get("deployments", "d").is_none() {
        let after = follower.until_said("entered deployments/d READY").await;
        assert!(!after.iter().any(|said| said.contains("history")), "{after:?}");
    }
    assert!(follower.contract.picture.get("deployments", "history").is_none());
    setup.daemon.stop().await;
}

/// A read that began before somebody asked proves nothing to them; the one
/// behind it does, to all of them.
#[tokio::test]
async fn proofs_of_the_same_share_a_read_that_begins_after_all_have_asked() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    setup.cluster.fault(Fault::new(Answer::Late).on(Verb::Get));
    let request = || with_progress(proven(named(&[(Deployments, "a")])));
    let mut followers = vec![setup.daemon.follow(request()).await];
    setup.cluster.until("the first read", |counts| counts.gets(Deployments) == 1).await;
    for _ in 0..20 {
        followers.push(setup.daemon.follow(request()).await);
    }
    for follower in &mut followers {
        // It waits for its proof.
        follower.until(|told| describe(told) == "progress").await;
        assert!(!follower.contract.is_live());
    }
    setup.cluster.heal();
    for follower in &mut followers {
        follower.until_live().await;
    }
    assert_eq!(setup.cluster.counts().gets(Deployments), 2);
    drop(followers);
    setup.daemon.stop().await;
}

/// A Service is ready by its EndpointSlices: a proof of it is one of them, too.
#[tokio::test]
async fn a_proven_view_waits_for_what_a_rule_looks_at() {
    let setup = Setup::new(&[(Services, "web"), (EndpointSlices, "web")]).await;
    let mut unproven = setup.daemon.follow(named(&[(Services, "web")])).await;
    unproven.until_said("item services/web READY").await;
    for request in [named(&[(Services, "web")]), kinds(&[Services])] {
        setup.cluster.hold_events(EndpointSlices);
        put(&setup.cluster, EndpointSlices, "web", State::InProgress);
        let lists = setup.cluster.counts().lists(EndpointSlices);
        let mut follower = setup.daemon.follow(proven(request)).await;
        setup.cluster.until("the live list", |counts| counts.lists(EndpointSlices) > lists).await;
        // What the daemon would wrongly say is said by then, as above.
        setup.live(kinds(&[Pods])).await;
        setup.cluster.release_events(EndpointSlices);
        let expected = ["reset INITIAL", "item services/web READY", "changed services/web IN_PROGRESS", "current"];
        assert_eq!(follower.until_live().await, expected);
        put(&setup.cluster, EndpointSlices, "web", State::Ready);
        follower.until_said("changed services/web READY").await;
    }
    setup.daemon.stop().await;
}
