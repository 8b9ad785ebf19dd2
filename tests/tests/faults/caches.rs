//! Caches on demand, and where a daemon's rights end.

use std::time::Duration;

use daymark_proto::v1::{Filter, State, WatchStatusesRequest};
use daymark_tests::fake_apiserver::objects::NAMESPACE;
use daymark_tests::fake_apiserver::{Answer, Counts, FakeApiServer, Fault, Verb};
use daymark_tests::in_process::{InProcess, first_of, kinds};
use daymarkd::caches::Policy;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{Deployments, EndpointSlices, Jobs, Pods, Services, Setup, code_and_reason, put};

async fn setup_with(policy: Policy) -> Setup {
    let cluster = FakeApiServer::start().await.unwrap();
    put(&cluster, Pods, "a", State::Ready);
    put(&cluster, Jobs, "j", State::Ready);
    let daemon = InProcess::start_with(&cluster, policy).await;
    Setup { cluster, daemon }
}

#[tokio::test]
async fn a_kind_is_followed_from_the_first_request_on_and_let_go_when_it_is_idle() {
    let warm = vec!["pods".to_owned()];
    let setup = setup_with(Policy { warm, idle: Duration::from_millis(200), ..Policy::default() }).await;
    setup.cluster.until("a watch of pods", |counts| counts.open_watches(Pods) == 1).await;
    assert_eq!(setup.cluster.counts().lists(Jobs), 0);

    let mut jobs = setup.daemon.follow(kinds(&[Jobs])).await;
    assert_eq!(jobs.until_live().await, ["reset INITIAL", "item jobs/j READY", "current"]);
    put(&setup.cluster, Jobs, "j", State::Failed);
    jobs.until_said("changed jobs/j FAILED").await;
    let cursor = jobs.contract.cursor.clone();
    drop(jobs);
    setup.cluster.until("the end of the watch of jobs", |counts| counts.open_watches(Jobs) == 0).await;
    assert_eq!(setup.cluster.counts().open_watches(Pods), 1);

    // What happened meanwhile is not in the log.
    setup.cluster.delete(Jobs, "j");
    let request = WatchStatusesRequest { cursor: cursor.into(), ..kinds(&[Jobs]) };
    let mut again = setup.daemon.client().await.watch_statuses(request).await.unwrap().into_inner();
    assert_eq!(daymark_tests::contract::describe(&first_of(&mut again).await), "reset CURSOR_EXPIRED");
    assert_eq!(setup.cluster.counts().lists(Jobs), 2);
    drop(again);
    setup.daemon.stop().await;
}

/// The first who asks for a kind is told what it is with what its rule looks at,
/// which is followed from then on, too.
#[tokio::test]
async fn a_kind_is_first_read_with_what_its_rule_looks_at() {
    let setup = Setup::new(&[(Services, "web"), (EndpointSlices, "web")]).await;
    setup.cluster.fault(Fault::new(Answer::Late).on(Verb::List).of(EndpointSlices));
    let heal = async {
        let late = |counts: &Counts| counts.lists(EndpointSlices) == 1 && counts.open_watches(Services) == 1;
        setup.cluster.until("the list that is late", late).await;
        setup.cluster.heal();
    };
    let (mut follower, ()) = tokio::join!(setup.daemon.follow(kinds(&[Services])), heal);
    assert_eq!(follower.until_live().await, ["reset INITIAL", "item services/web READY", "current"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_daemon_of_some_namespaces_watches_and_serves_these_only() {
    let setup = setup_with(Policy { namespaces: vec![NAMESPACE.into()], ..Policy::default() }).await;
    let mut all = setup.daemon.follow(kinds(&[Pods, Deployments])).await;
    assert_eq!(all.until_live().await, ["reset INITIAL", "item pods/a READY", "current"]);
    let filter = Filter { kinds: vec!["pods".into()], namespaces: vec!["other".into()], ..Filter::default() };
    let request = WatchStatusesRequest { filter: Some(filter), ..Default::default() };
    let refused = setup.daemon.client().await.watch_statuses(request).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::PermissionDenied, "NAMESPACE_NOT_SERVED".into()), "{refused:?}");
    drop(all);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn of_a_kind_without_bodies_whole_objects_are_read_one_by_one() {
    let setup = setup_with(Policy { without_bodies: vec!["po".into()], ..Policy::default() }).await;
    let mut client = setup.daemon.client().await;
    let refused = client.watch_statuses(crate::full(kinds(&[Pods]))).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::FailedPrecondition, "BODIES_NOT_KEPT".into()), "{refused:?}");
    let request = daymark_proto::v1::ListStatusesRequest {
        filter: kinds(&[Pods]).filter,
        view: daymark_proto::v1::View::Full.into(),
        ..Default::default()
    };
    let listed = client.list_statuses(request).await.unwrap().into_inner();
    let object: serde_json::Value = serde_json::from_slice(&listed.statuses[0].object).unwrap();
    assert_eq!((&object["kind"], &object["metadata"]["name"]), (&"Pod".into(), &"a".into()));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn more_streams_than_are_served_are_turned_away_and_may_come_again() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut client = setup.daemon.client().await;
    let mut open = Vec::new();
    let refused = loop {
        match client.watch_statuses(kinds(&[Pods])).await {
            Ok(stream) => open.push(stream),
            Err(refused) => break refused,
        }
    };
    assert_eq!(open.len(), daymark_tests::in_process::MOST_STREAMS);
    assert_eq!(code_and_reason(&refused), (Code::ResourceExhausted, "TOO_MANY_STREAMS".into()), "{refused:?}");
    assert!(refused.get_details_retry_info().is_some_and(|info| info.retry_delay.is_some()));
    drop(open);
    let mut follower = setup.daemon.follow(kinds(&[Pods])).await;
    assert_eq!(follower.until_live().await, ["reset INITIAL", "item pods/a READY", "current"]);
    setup.daemon.stop().await;
}
