//! Streams that resume.

use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::{GetStatusRequest, ListStatusesRequest, ObjectRef, State, WatchStatusesRequest};
use daymark_tests::contract::Contract;
use daymark_tests::in_process::{InProcess, first_of, kinds, named};
use tonic::Code;

use crate::{Deployments, Jobs, Pods, Setup, assert_true, code_and_reason, full, history, put};

#[tokio::test]
async fn a_stream_that_resumes_is_told_exactly_what_it_missed() {
    let setup = Setup::new(&[(Pods, "a"), (Jobs, "j")]).await;
    let cluster = &setup.cluster;
    let mut basic = setup.live(kinds(&[Pods, Jobs])).await;
    let mut every = setup.live(full(kinds(&[Pods, Jobs]))).await;
    put(cluster, Pods, "a", State::Failed);
    basic.until_said("changed pods/a FAILED").await;
    every.until_said("changed pods/a FAILED").await;

    // A third client tells when the daemon has everything that the two miss.
    let mut witness = setup.live(kinds(&[Pods, Jobs])).await;
    put(cluster, Pods, "a", State::Failed);
    put(cluster, Pods, "b", State::Ready);
    witness.until_said("entered pods/b READY").await;
    cluster.delete(Jobs, "j");
    witness.until_said("deleted jobs/j ABSENT").await;
    basic.reconnect().await;
    every.reconnect().await;
    put(cluster, Pods, "marker", State::Ready);

    let missed = ["resumed", "entered pods/b READY", "deleted jobs/j ABSENT", "entered pods/marker READY"];
    assert_eq!(basic.until_said("entered pods/marker READY").await, missed);
    let missed = [&["resumed", "changed pods/a FAILED"], &missed[1..]].concat();
    assert_eq!(every.until_said("entered pods/marker READY").await, missed);
    assert_true(&every.contract.picture, cluster, &[Pods, Jobs], true);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_watch_begins_where_a_read_stood() {
    let setup = Setup::new(&[(Pods, "a"), (Pods, "b")]).await;
    let mut client = setup.daemon.client().await;
    let mut witness = setup.live(kinds(&[Pods])).await;
    let list = ListStatusesRequest { filter: kinds(&[Pods]).filter, page_size: 1, ..Default::default() };
    let page = client.list_statuses(list.clone()).await.unwrap().into_inner();
    assert_eq!((page.statuses.len(), page.next_page_token.is_empty()), (1, false));
    let r#ref = ObjectRef { resource: "pods".into(), name: "a".into(), ..Default::default() };
    let get = GetStatusRequest { r#ref: Some(r#ref), ..Default::default() };
    let got = client.get_status(get).await.unwrap().into_inner();
    put(&setup.cluster, Pods, "a", State::Failed);
    witness.until_said("changed pods/a FAILED").await;
    // The later page shows what the first one's cursor tells again.
    let rest = ListStatusesRequest { page_token: page.next_page_token, ..list };
    assert_eq!(client.list_statuses(rest).await.unwrap().into_inner().statuses.len(), 1);

    for (request, cursor) in [(kinds(&[Pods]), page.cursor), (named(&[(Pods, "a")]), got.cursor)] {
        let request = WatchStatusesRequest { cursor, ..request };
        let mut stream = client.watch_statuses(request).await.unwrap().into_inner();
        let told = [first_of(&mut stream).await, first_of(&mut stream).await];
        let told = told.map(|told| daymark_tests::contract::describe(&told));
        assert_eq!(told, ["resumed", "changed pods/a FAILED"]);
    }
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_cursor_of_another_incarnation_begins_with_a_snapshot() {
    let setup = Setup::new(&[(Pods, "a"), (Pods, "b")]).await;
    let follower = setup.live(kinds(&[Pods])).await;
    let Setup { cluster, daemon } = setup;
    daemon.stop().await;
    cluster.delete(Pods, "b");
    put(&cluster, Pods, "a", State::Failed);
    let daemon = InProcess::start(&cluster).await;
    let mut follower = follower.move_to(daemon.client().await).await;
    assert_eq!(follower.until_live().await, ["reset OTHER_INCARNATION", "item pods/a FAILED", "current"]);
    assert_eq!(follower.contract.last_reset, Some(Cause::OtherIncarnation));
    assert_true(&follower.contract.picture, &cluster, &[Pods], false);
    daemon.stop().await;
}

#[tokio::test]
async fn a_cursor_that_no_daemon_gave_is_refused() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    let follower = setup.live(kinds(&[Deployments])).await;
    let good = follower.contract.cursor.clone();
    let mut client = setup.daemon.client().await;
    let mut other_layout = good.clone();
    other_layout[0] ^= 0x55;
    for bad in [&b"x"[..], &[0; 17], &good[..good.len() - 1], &[good.as_slice(), b"x"].concat(), &other_layout] {
        let request = WatchStatusesRequest { cursor: bad.to_vec().into(), ..kinds(&[Deployments]) };
        let refused = client.watch_statuses(request.clone()).await.map(drop).unwrap_err();
        assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_CURSOR".into()), "{refused:?}");
        Contract::new(&request).end(Some(&refused)).unwrap();
    }
    setup.daemon.stop().await;
}

/// Those that are not told elsewhere, too: what changes nothing but the version,
/// and what a later one outdates.
#[tokio::test]
async fn history_skips_nothing_and_says_where_something_may_be_missing() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut basic = setup.live(history(kinds(&[Pods]))).await;
    let mut witness = setup.live(kinds(&[Pods])).await;
    // While nobody reads.
    for state in [State::Failed, State::Failed, State::Ready, State::Failed] {
        put(cluster, Pods, "a", state);
    }
    put(cluster, Pods, "b", State::Ready);
    witness.until_said("entered pods/b READY").await;
    let expected = [
        "changed pods/a FAILED",
        "changed pods/a FAILED",
        "changed pods/a READY",
        "changed pods/a FAILED",
        "entered pods/b READY",
    ];
    assert_eq!(basic.until_said("entered pods/b READY").await, expected);

    cluster.hold_events(Pods);
    put(cluster, Pods, "a", State::Ready);
    put(cluster, Pods, "a", State::InProgress);
    cluster.compact(true);
    cluster.close_watches(Pods);
    cluster.until("the relist", |counts| counts.lists(Pods) == 2).await;
    cluster.release_events(Pods);
    let told = basic.until_said("gap pods").await;
    assert_eq!(told, ["changed pods/a IN_PROGRESS", "gap pods"]);
    assert_eq!(witness.until_said("changed pods/a IN_PROGRESS").await.last().unwrap(), "changed pods/a IN_PROGRESS");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn history_that_is_no_longer_held_is_an_error() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cursor = setup.live(history(kinds(&[Pods]))).await.contract.cursor.clone();
    let Setup { cluster, daemon } = setup;
    daemon.stop().await;
    let daemon = InProcess::start(&cluster).await;
    let request = WatchStatusesRequest { cursor: cursor.into(), ..history(kinds(&[Pods])) };
    let refused = daemon.client().await.watch_statuses(request).await.map(drop).unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::OutOfRange, "CURSOR_EXPIRED".into()), "{refused:?}");
    daemon.stop().await;
}

/// What a message leaves out as outdated, another message must not need.
#[tokio::test]
async fn a_stream_that_resumes_between_two_messages_ends_in_the_truth() {
    let setup = Setup::new(&[(Pods, "x")]).await;
    let cluster = &setup.cluster;
    let mut witness = setup.live(kinds(&[Pods])).await;
    let mut follower = setup.live(kinds(&[Pods])).await;
    let change_all = |state| (0..300).for_each(|number| drop(put(cluster, Pods, &format!("p{number}"), state)));
    for state in [State::InProgress, State::Failed, State::InProgress] {
        put(cluster, Pods, "x", state);
        change_all(state);
    }
    put(cluster, Pods, "marker", State::Ready);
    witness.until_said("entered pods/marker READY").await;
    // What came with the first event of a message is taken in before it resumes.
    while follower.contract.picture.get("pods", "marker").is_none() {
        follower.next().await;
        follower.reconnect().await;
        follower.until_live().await;
    }
    assert_true(&follower.contract.picture, cluster, &[Pods], false);
    setup.daemon.stop().await;
}
