//! Kinds that the daemon may not read.

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{ListStatusesRequest, State, Unreachable};
use daymark_tests::contract::{Told, describe};
use daymark_tests::fake_apiserver::{Answer, FakeApiServer, Fault};
use daymark_tests::in_process::{kinds, said};
use tonic::Code;

use crate::{Jobs, Pods, Setup, code_and_reason, put};

fn unreachable(reset: &Told) -> &[Unreachable] {
    match &reset.event {
        Event::Reset(reset) => &reset.unreachable,
        _ => panic!("{}", describe(reset)),
    }
}

fn kinds_and_reasons(unreachable: &[Unreachable]) -> Vec<(&str, &str)> {
    unreachable.iter().map(|it| (it.kind.as_str(), it.reason.as_str())).collect()
}

/// Jobs get that HTTP status, and alone that error.
async fn a_kind_that_cannot_be_read(status: u16, told: &str, code: Code, reason: &str) {
    let cluster = FakeApiServer::start().await.unwrap();
    put(&cluster, Pods, "a", State::Ready);
    put(&cluster, Jobs, "j", State::Ready);
    cluster.fault(Fault::new(Answer::Status(status)).of(Jobs));
    let setup = Setup::of(cluster).await;
    let mut client = setup.daemon.client().await;
    let alone = ListStatusesRequest { filter: kinds(&[Jobs]).filter, ..Default::default() };
    for refused in [
        client.watch_statuses(kinds(&[Jobs])).await.map(drop).unwrap_err(),
        client.list_statuses(alone).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(code_and_reason(&refused), (code, reason.to_owned()), "{refused:?}");
    }

    let both = ListStatusesRequest { filter: kinds(&[Pods, Jobs]).filter, ..Default::default() };
    let listed = client.list_statuses(both).await.unwrap().into_inner();
    assert_eq!(kinds_and_reasons(&listed.unreachable), [("jobs.batch", told)]);
    assert_eq!(listed.statuses.len(), 1);
    let mut follower = setup.daemon.follow(kinds(&[Pods, Jobs])).await;
    let reset = follower.next().await;
    assert_eq!(kinds_and_reasons(unreachable(&reset)), [("jobs.batch", told)]);
    assert_eq!(follower.until_live().await, ["item pods/a READY", "current"]);
    put(&setup.cluster, Pods, "a", State::Failed);
    assert_eq!(follower.until_said("changed pods/a FAILED").await, ["changed pods/a FAILED"]);

    setup.cluster.heal();
    let again = ["reset REACHABLE", "item pods/a FAILED", "item jobs/j READY", "current"];
    assert_eq!(follower.until_live_again().await, again);
    setup.cluster.until_watched().await;
    let mut later = setup.daemon.follow(kinds(&[Jobs])).await;
    let messages = later.until(|message| matches!(message.event, Event::Current(_))).await;
    assert_eq!(said(&messages), ["reset INITIAL", "item jobs/j READY", "current"]);
    assert!(unreachable(&messages[0]).is_empty());
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_forbidden_kind_is_told_as_such_and_comes_back_by_itself() {
    a_kind_that_cannot_be_read(403, "Forbidden", Code::PermissionDenied, "KIND_FORBIDDEN").await;
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_told_as_such_and_comes_back_by_itself() {
    a_kind_that_cannot_be_read(404, "NotServed", Code::Unavailable, "CLUSTER_UNREACHABLE").await;
}
