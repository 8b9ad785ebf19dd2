//! Many clients, their end, and states that come of age.

use daymark_proto::v1::State;
use daymark_tests::fake_apiserver::Collection;
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::in_process::kinds;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tonic::Code;

use crate::{Pods, Setup, assert_true, code_and_reason, full, put};

#[tokio::test]
async fn fifty_clients_share_one_watch_of_each_kind() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut followers = Vec::new();
    for _ in 0..25 {
        followers.push(setup.live(kinds(&Collection::ALL)).await);
        followers.push(setup.live(full(kinds(&Collection::ALL))).await);
    }
    put(&setup.cluster, Pods, "a", State::Failed);
    for follower in &mut followers {
        assert_eq!(follower.until_said("changed pods/a FAILED").await, ["changed pods/a FAILED"]);
    }
    let counts = setup.cluster.counts();
    for collection in Collection::ALL {
        let asked = (counts.lists(collection), counts.watches(collection), counts.open_watches(collection));
        assert_eq!(asked, (1, 1, 1), "{collection:?}");
    }
    drop(followers);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_that_stops_ends_every_stream_with_its_reason() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut idle = setup.live(kinds(&[Pods])).await;
    // One that has not read its snapshot, and one that waits for its proof.
    let mut unread = setup.daemon.follow(full(kinds(&Collection::ALL))).await;
    setup.cluster.hold_events(Pods);
    put(&setup.cluster, Pods, "a", State::Failed);
    let mut unproven = setup.daemon.follow(crate::proven(daymark_tests::in_process::named(&[(Pods, "a")]))).await;
    unproven.until_said("item pods/a READY").await;

    setup.daemon.shut_down();
    for follower in [&mut idle, &mut unread, &mut unproven] {
        let error = follower.end().await;
        assert_eq!(code_and_reason(&error), (Code::Unavailable, "DRAINING".into()), "{error:?}");
    }
    setup.daemon.stop().await;
}

/// A pod that cannot be scheduled has failed when it has been so for a while:
/// it is judged again without an event. One that was scheduled meanwhile has
/// nothing new to tell.
#[tokio::test]
async fn a_state_that_comes_of_age_is_told_once() {
    let setup = Setup::new(&[]).await;
    let mut follower = setup.live(full(kinds(&[Pods]))).await;
    // Far enough ahead that each is told of before; the second comes of age after the first would have.
    let begun = Timestamp::now();
    let unschedulable = |name: &str, due: SignedDuration| {
        let since = begun - SignedDuration::from_secs(15) + due;
        let mut pod = object(Pods, name, State::Failed);
        pod["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0 of 3 nodes", "lastTransitionTime": since.to_string()}]});
        pod
    };
    let mut told = async |wanted: &str| assert_eq!(follower.until_said(wanted).await, [wanted]);
    setup.cluster.put(Pods, unschedulable("helped", SignedDuration::from_millis(12_000)));
    told("entered pods/helped IN_PROGRESS").await;
    put(&setup.cluster, Pods, "helped", State::Ready);
    told("changed pods/helped READY").await;
    setup.cluster.put(Pods, unschedulable("stuck", SignedDuration::from_millis(12_500)));
    told("entered pods/stuck IN_PROGRESS").await;
    told("changed pods/stuck FAILED").await;
    assert_true(&follower.contract.picture, &setup.cluster, &[Pods], true);
    setup.daemon.stop().await;
}
