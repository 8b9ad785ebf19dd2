//! Lists that a watch begins with, and API servers that do not know them.

use daymark_proto::v1::State;
use daymark_tests::fake_apiserver::{Answer, Cut, FakeApiServer, Fault, StreamingLists, Verb};
use daymark_tests::in_process::kinds;

use crate::{Pods, Setup, assert_true, full, put};

async fn cluster_with(known: StreamingLists) -> FakeApiServer {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.streaming_lists(known);
    for name in ["a", "b", "c"] {
        put(&cluster, Pods, name, State::Ready);
    }
    cluster
}

const ITEMS: [&str; 5] = ["reset INITIAL", "item pods/a READY", "item pods/b READY", "item pods/c READY", "current"];

#[tokio::test]
async fn a_streaming_list_takes_one_request_and_goes_on_as_a_watch() {
    let setup = Setup::of(cluster_with(StreamingLists::Served).await).await;
    let mut follower = setup.daemon.follow(full(kinds(&[Pods]))).await;
    assert_eq!(follower.until_live().await, ITEMS);
    put(&setup.cluster, Pods, "b", State::Failed);
    assert_eq!(follower.until_said("changed pods/b FAILED").await, ["changed pods/b FAILED"]);
    let counts = setup.cluster.counts();
    assert_eq!((counts.stream_lists(Pods), counts.lists(Pods), counts.watches(Pods)), (1, 0, 0));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn an_api_server_without_streaming_lists_is_asked_for_pages() {
    for known in [StreamingLists::Refused, StreamingLists::Unknown] {
        let setup = Setup::of(cluster_with(known).await).await;
        let mut follower = setup.daemon.follow(full(kinds(&[Pods]))).await;
        assert_eq!(follower.until_live().await, ITEMS);
        // It is not asked again.
        setup.cluster.hold_events(Pods);
        put(&setup.cluster, Pods, "b", State::Failed);
        setup.cluster.compact(true);
        setup.cluster.close_watches(Pods);
        setup.cluster.until("the watch after the relist", |counts| counts.lists(Pods) == 2).await;
        assert_eq!(setup.cluster.counts().stream_lists(Pods), 1);
        setup.daemon.stop().await;
    }
}

/// Neither what it had told nor that it began again is told.
#[tokio::test]
async fn a_streaming_list_that_breaks_off_is_begun_again() {
    for cut in [Cut::Abort, Cut::End] {
        let setup = Setup::of(cluster_with(StreamingLists::Served).await).await;
        let mut follower = setup.live(full(kinds(&[Pods]))).await;
        setup.cluster.hold_events(Pods);
        setup.cluster.delete(Pods, "a");
        setup.cluster.compact(true);
        setup.cluster.cut_next_event(Pods, cut);
        setup.cluster.close_watches(Pods);
        setup.cluster.until("the list and the list again", |counts| counts.stream_lists(Pods) == 3).await;
        setup.cluster.release_events(Pods);
        assert_eq!(follower.until_said("deleted pods/a ABSENT").await, ["deleted pods/a ABSENT"]);
        put(&setup.cluster, Pods, "d", State::Ready);
        assert_eq!(follower.until_said("entered pods/d READY").await, ["entered pods/d READY"]);
        assert_true(&follower.contract.picture, &setup.cluster, &[Pods], true);
        setup.daemon.stop().await;
    }
}

/// A server whose watches break off before their lists end gives them by pages.
#[tokio::test]
async fn streaming_lists_that_never_end_give_way_to_pages() {
    let cluster = cluster_with(StreamingLists::Served).await;
    cluster.fault(Fault::new(Answer::Body("application/json", "")).on(Verb::StreamList).of(Pods));
    let setup = Setup::of(cluster).await;
    setup.cluster.until_watched().await;
    let mut follower = setup.daemon.follow(full(kinds(&[Pods]))).await;
    assert_eq!(follower.until_live().await, ITEMS);
    assert_eq!(setup.cluster.counts().stream_lists(Pods), 2);
    setup.daemon.stop().await;
}
