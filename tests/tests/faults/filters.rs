//! What enters and leaves a filter, without being created or deleted.

use daymark_proto::v1::{Filter, State, WatchStatusesRequest};
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::fake_apiserver::{Collection, FakeApiServer};
use daymark_tests::in_process::kinds;
use serde_json::json;
use tonic::Code;

use crate::{Pods, Setup, code_and_reason, put};

fn filtered(change: impl FnOnce(&mut Filter)) -> WatchStatusesRequest {
    let mut request = kinds(&[Pods]);
    change(request.filter.get_or_insert_default());
    request
}

fn labelled(cluster: &FakeApiServer, name: &str, state: State, app: &str) {
    let mut pod = object(Collection::Pods, name, state);
    pod["metadata"]["labels"] = json!({"app": app, "same": "everywhere"});
    pod["spec"]["nodeName"] = format!("node-of-{app}").into();
    cluster.put(Pods, pod);
}

/// The same changes under every filter that means the pods of "web".
#[tokio::test]
async fn a_label_or_field_that_changes_lets_objects_enter_and_leave() {
    for selector in ["app=web", "app in (web),same", "app!=db,app notin (x)", "field"] {
        let cluster = FakeApiServer::start().await.unwrap();
        labelled(&cluster, "a", State::Ready, "web");
        labelled(&cluster, "b", State::Ready, "db");
        let setup = Setup::of(cluster).await;
        let cluster = &setup.cluster;
        let request = filtered(|filter| match selector {
            "field" => filter.field_selector = "spec.nodeName=node-of-web".into(),
            labels => filter.label_selector = labels.into(),
        });
        let mut follower = setup.daemon.follow(request.clone()).await;
        assert_eq!(follower.until_live().await, ["reset INITIAL", "item pods/a READY", "current"], "{selector}");
        labelled(cluster, "b", State::InProgress, "db");
        labelled(cluster, "b", State::InProgress, "web");
        labelled(cluster, "a", State::Ready, "db");
        labelled(cluster, "a", State::Failed, "db");
        labelled(cluster, "b", State::Ready, "web");
        cluster.delete(Pods, "a");
        cluster.delete(Pods, "b");
        let told = follower.until_said("deleted pods/b ABSENT").await;
        let left = told.iter().position(|said| said.starts_with("left pods/a"));
        assert!(left.is_some(), "{selector}: {told:?}");
        let others: Vec<_> = told.iter().filter(|said| !said.contains("pods/a")).cloned().collect();
        let expected = ["entered pods/b IN_PROGRESS", "changed pods/b READY", "deleted pods/b ABSENT"];
        // Of changes that come at once those in between may be skipped.
        assert!(expected.iter().filter(|said| others.contains(&(**said).to_owned())).count() >= 2, "{told:?}");
        assert_eq!(told.iter().filter(|said| said.contains("pods/a")).count(), 1, "{selector}: {told:?}");
        drop(follower);
        setup.daemon.stop().await;
    }
}

#[tokio::test]
async fn a_filter_of_states_follows_objects_through_them() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut follower = setup.daemon.follow(filtered(|filter| filter.states = vec![State::Failed.into()])).await;
    assert_eq!(follower.until_live().await, ["reset INITIAL", "current"]);
    put(&setup.cluster, Pods, "a", State::Failed);
    assert_eq!(follower.until_said("entered pods/a FAILED").await, ["entered pods/a FAILED"]);
    put(&setup.cluster, Pods, "a", State::Ready);
    assert_eq!(follower.until_said("left pods/a READY").await, ["left pods/a READY"]);
    drop(follower);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_filter_that_means_nothing_is_refused_with_the_place() {
    let setup = Setup::new(&[]).await;
    let mut client = setup.daemon.client().await;
    for (request, says) in [
        (filtered(|filter| filter.label_selector = "a in".into()), "label_selector: expected ( at character 5"),
        (filtered(|filter| filter.field_selector = "phase".into()), "field_selector: \"phase\" is not of the form"),
        (filtered(|filter| filter.states = vec![State::Absent.into()]), "STATE_ABSENT"),
        (filtered(|filter| filter.label_selector = "a".repeat(5000)), "longer than 4096"),
    ] {
        let refused = client.watch_statuses(request).await.unwrap_err();
        assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_FILTER".into()));
        assert!(refused.message().contains(says), "{refused:?}");
    }
    setup.daemon.stop().await;
}
