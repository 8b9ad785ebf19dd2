//! A client that does not read.

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{State, WatchStatusesRequest};
use daymark_tests::contract::describe;
use daymark_tests::fake_apiserver::{Answer, FakeApiServer, Fault};
use daymark_tests::in_process::{Follower, first_of, kinds, said};

use crate::{Jobs, Pods, Setup, assert_true, put};

/// What may lie between the daemon's log and a client: flow control's windows,
/// and what the daemon has read ahead.
const UNDER_WAY: usize = 2_048;
/// More changes than the daemon's log holds of one kind and are under way.
const CHANGES: usize = 16_384 + UNDER_WAY + 1_000;
/// So many at a time: fewer than the log holds, so that one who reads them
/// before the next come is not too slow.
const BATCH: usize = 1_000;
/// Makes every change, while `reader` reads them all.
async fn change_much(setup: &Setup, reader: &mut Follower) {
    for batch in 0..CHANGES.div_ceil(BATCH) {
        for number in 0..BATCH {
            let state = if (number / 100) % 2 == 0 { State::Failed } else { State::Ready };
            put(&setup.cluster, Pods, &format!("p{}", number % 100), state);
        }
        let marker = format!("marker{batch}");
        put(&setup.cluster, Pods, &marker, State::Ready);
        let told = reader.until_said(&format!("entered pods/{marker} READY")).await;
        assert!(!told.iter().any(|word| word.starts_with("reset")), "a reader that keeps up is not reset");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_reset_and_disturbs_nobody() {
    let cluster = FakeApiServer::start().await.unwrap();
    put(&cluster, Jobs, "j", State::Ready);
    cluster.fault(Fault::new(Answer::Status(403)).of(Jobs));
    let setup = Setup::of(cluster).await;
    let mut slow = setup.live(kinds(&[Pods, Jobs])).await;
    setup.cluster.heal();
    assert_eq!(slow.until_live_again().await, ["reset REACHABLE", "item jobs/j READY", "current"]);
    setup.cluster.until_watched().await;
    let mut keeping_up = setup.live(kinds(&[Pods])).await;
    let early = keeping_up.contract.cursor.clone();
    change_much(&setup, &mut keeping_up).await;

    let is_reset = |message: &_| describe(message).starts_with("reset");
    let before = slow.until(is_reset).await;
    assert_eq!(said(&before[before.len() - 1..]), ["reset LAGGED"]);
    assert!(before.len() < UNDER_WAY, "{} messages were kept for it", before.len());
    let Event::Reset(reset) = &before[before.len() - 1].event else { panic!("not a reset") };
    assert!(reset.unreachable.is_empty(), "what can be read again is not told as unreachable: {reset:?}");
    slow.until_live().await;
    assert_true(&slow.contract.picture, &setup.cluster, &[Pods, Jobs], false);
    assert_true(&keeping_up.contract.picture, &setup.cluster, &[Pods], false);

    // Nor does the log hold what follows a cursor from before.
    let mut client = setup.daemon.client().await;
    let request = WatchStatusesRequest { cursor: early.into(), ..kinds(&[Pods]) };
    let mut expired = client.watch_statuses(request).await.unwrap().into_inner();
    assert_eq!(describe(&first_of(&mut expired).await), "reset CURSOR_EXPIRED");
    drop((slow, keeping_up, expired));
    setup.daemon.stop().await;
}
