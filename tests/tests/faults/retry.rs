//! An API server that refuses or does not answer for a while.

use daymark_proto::v1::{ListStatusesRequest, State};
use daymark_tests::fake_apiserver::{Answer, FakeApiServer, Fault, Verb};
use daymark_tests::in_process::kinds;
use tonic::Code;

use crate::{Deployments, Jobs, Pods, Setup, code_and_reason, put, with_progress};

#[tokio::test]
async fn a_refused_watch_is_retried_and_told_in_the_freshness() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(with_progress(kinds(&[Pods, Jobs]))).await;
    let lists = cluster.counts().lists(Pods);
    let mut state = State::Ready;
    for code in [429, 500, 503, 403, 401] {
        cluster.fault(Fault::new(Answer::Status(code)).on(Verb::Watch).of(Pods));
        cluster.close_watches(Pods);
        follower.until_fresh(|fresh| !fresh.synced && fresh.problem.contains(&code.to_string())).await;
        state = if state == State::Ready { State::Failed } else { State::Ready };
        put(cluster, Pods, "a", state);
        // Other kinds go on.
        put(cluster, Jobs, &format!("j{code}"), State::Ready);
        let told = follower.until_said(&format!("entered jobs/j{code} READY")).await;
        assert_eq!(told.len(), 1, "{code}: {told:?}");
        cluster.heal();
        let state = state.as_str_name().trim_start_matches("STATE_");
        follower.until_said(&format!("changed pods/a {state}")).await;
        follower.until_fresh(|fresh| fresh.synced && fresh.problem.is_empty()).await;
    }
    assert_eq!(cluster.counts().lists(Pods), lists);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_refused_first_list_is_an_error_with_its_reason_and_is_retried() {
    for code in [429, 500, 503] {
        let cluster = FakeApiServer::start().await.unwrap();
        put(&cluster, Pods, "a", State::Ready);
        cluster.fault(Fault::new(Answer::Status(code)).on(Verb::List));
        let setup = Setup::of(cluster).await;
        let mut client = setup.daemon.client().await;
        let refused = client.watch_statuses(kinds(&[Pods])).await.unwrap_err();
        assert_eq!(code_and_reason(&refused), (Code::Unavailable, "CLUSTER_UNREACHABLE".into()), "{refused:?}");
        assert!(refused.message().contains(&code.to_string()), "{refused:?}");
        setup.cluster.heal();
        setup.cluster.until_watched().await;
        let mut follower = setup.daemon.follow(kinds(&[Pods])).await;
        assert_eq!(follower.until_live().await, ["reset INITIAL", "item pods/a READY", "current"]);
        setup.daemon.stop().await;
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_between_its_pages_deletes_nothing() {
    let setup = Setup::new(&[(Pods, "a"), (Pods, "b"), (Pods, "c")]).await;
    let cluster = &setup.cluster;
    let mut follower = setup.live(with_progress(kinds(&[Pods]))).await;
    cluster.limit_pages(2);
    let lists = cluster.counts().lists(Pods);
    cluster.hold_events(Pods);
    put(cluster, Pods, "a", State::Failed);
    cluster.compact(true);
    cluster.fault(Fault::new(Answer::Status(500)).on(Verb::List).of(Pods).after(1).times(1));
    cluster.close_watches(Pods);
    follower.until_said("changed pods/a FAILED").await;
    follower.until_fresh(|fresh| fresh.synced).await;
    assert_eq!(cluster.counts().lists(Pods), lists + 4, "page, refusal, page, page");
    cluster.release_events(Pods);
    put(cluster, Pods, "marker", State::Ready);
    assert_eq!(follower.until_said("entered pods/marker READY").await, ["entered pods/marker READY"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_list_that_stalls_holds_up_its_own_kind_only() {
    let cluster = FakeApiServer::start().await.unwrap();
    put(&cluster, Pods, "a", State::Ready);
    put(&cluster, Jobs, "j", State::Ready);
    cluster.fault(Fault::new(Answer::Stall).on(Verb::List).of(Jobs));
    let setup = Setup::of(cluster).await;
    setup.cluster.until("the list that stalls", |counts| counts.lists(Jobs) == 1).await;
    let mut pods = setup.daemon.follow(kinds(&[Pods, Deployments])).await;
    assert_eq!(pods.until_live().await, ["reset INITIAL", "item pods/a READY", "current"]);

    setup.cluster.heal();
    setup.cluster.until_watched().await;
    let mut jobs = setup.daemon.follow(kinds(&[Jobs])).await;
    assert_eq!(jobs.until_live().await, ["reset INITIAL", "item jobs/j READY", "current"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_view_without_its_watch_is_not_synced() {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.fault(Fault::new(Answer::Stall).on(Verb::Watch).of(Pods));
    let setup = Setup::of(cluster).await;
    setup.cluster.until("the watch that stalls", |counts| counts.watches(Pods) == 1).await;
    let request = ListStatusesRequest { filter: kinds(&[Pods]).filter, ..Default::default() };
    let listed = setup.daemon.client().await.list_statuses(request).await.unwrap().into_inner();
    assert!(!listed.freshness.unwrap().synced);

    let mut follower = setup.live(with_progress(kinds(&[Pods]))).await;
    setup.cluster.heal();
    follower.until_fresh(|fresh| fresh.synced && fresh.problem.is_empty()).await;
    setup.daemon.stop().await;
}
