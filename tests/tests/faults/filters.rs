//! What enters and leaves a filter, without being created or deleted.

use daymark_proto::v1::{Filter, ListStatusesRequest, State, WatchStatusesRequest};
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
    for selector in ["app=web", "app in (web),same", "app!=db,app notin (x)", "field", "other field", "cel"] {
        let cluster = FakeApiServer::start().await.unwrap();
        labelled(&cluster, "a", State::Ready, "web");
        labelled(&cluster, "b", State::Ready, "db");
        let setup = Setup::of(cluster).await;
        let cluster = &setup.cluster;
        let request = filtered(|filter| match selector {
            "cel" => filter.cel = "object.metadata.labels.app.startsWith('w') && state != 'PAUSED'".into(),
            "other field" => filter.field_selector = "metadata.labels.app=web".into(),
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
        (filtered(|filter| filter.states = vec![99]), "no state 99"),
        (filtered(|filter| filter.cel = "object.".into()), "cel: the expression is invalid"),
        (filtered(|filter| filter.cel = "a".repeat(5000)), "cel: the expression is longer than 4096 bytes"),
    ] {
        let refused = client.watch_statuses(request).await.unwrap_err();
        assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_FILTER".into()));
        assert!(refused.message().contains(says), "{refused:?}");
    }
    setup.daemon.stop().await;
}

/// CEL has no limit of cost: this would take a day.
pub(crate) fn endless() -> String {
    let digits = "[0,1,2,3,4,5,6,7,8,9]";
    let loops: String = ('a'..='k').map(|name| format!("{digits}.all({name}, ")).collect();
    format!("{loops}true{}", ")".repeat(11))
}

/// It takes what it may, and ends its own stream.
#[tokio::test]
async fn a_predicate_that_would_take_long_delays_nobody() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut plain = setup.live(kinds(&[Pods])).await;
    let mut quick = setup.live(filtered(|filter| filter.cel = "state == 'FAILED'".into())).await;
    let of = format!("object.metadata.name != 'b' || ({})", endless());
    let mut costly = setup.live(filtered(|filter| filter.cel = of)).await;
    put(&setup.cluster, Pods, "b", State::InProgress);
    let others = async {
        for number in 0..20 {
            let name = format!("c{number}");
            put(&setup.cluster, Pods, &name, State::Failed);
            for follower in [&mut plain, &mut quick] {
                follower.until_said(&format!("entered pods/{name} FAILED")).await;
            }
        }
    };
    let error = {
        let mut ended = std::pin::pin!(costly.end());
        tokio::select! {
            biased;
            error = &mut ended => panic!("it ended before the others were told: {error:?}"),
            () = others => {}
        }
        ended.await
    };
    assert_eq!(code_and_reason(&error), (Code::InvalidArgument, "PREDICATE_TOO_COSTLY".into()), "{error:?}");
    drop((plain, quick, costly));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_list_is_filtered_by_what_bodies_say_page_by_page() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut witness = setup.live(kinds(&[Pods])).await;
    for number in 0..30 {
        labelled(&setup.cluster, &format!("p{number:02}"), State::Ready, if number % 3 == 0 { "web" } else { "db" });
    }
    witness.until_said("entered pods/p29 READY").await;
    let mut client = setup.daemon.client().await;
    for change in
        [(|filter| filter.cel = "object.spec.nodeName == 'node-of-web'".into()) as fn(&mut Filter), |filter| {
            filter.field_selector = "spec.nodeName=node-of-web".into()
        }]
    {
        let (mut names, mut page_token) = (Vec::new(), String::new());
        loop {
            let filter = filtered(change).filter;
            let request = ListStatusesRequest { filter, page_size: 4, page_token, ..Default::default() };
            let page = client.list_statuses(request).await.unwrap().into_inner();
            names.extend(page.statuses.into_iter().map(|status| status.r#ref.unwrap_or_default().name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let expected: Vec<_> = (0..30).step_by(3).map(|number| format!("p{number:02}")).collect();
        assert_eq!(names, expected);
    }
    drop(witness);
    setup.daemon.stop().await;
}

/// Who waits for the same expression may stop reading in the midst of it.
#[tokio::test]
async fn a_reader_of_a_predicate_that_stops_reading_holds_up_nobody() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let request = || filtered(|filter| filter.cel = "object.metadata.name.startsWith('w') || state == 'READY'".into());
    let mut parked = Vec::new();
    for _ in 0..8 {
        parked.push(setup.live(request()).await);
    }
    let mut reads = setup.live(request()).await;
    for round in 0..20 {
        for number in 0..300 {
            put(&setup.cluster, Pods, &format!("w{round}-{number}"), State::Ready);
        }
        reads.until_said(&format!("entered pods/w{round}-299 READY")).await;
    }
    let mut other = setup.live(filtered(|filter| filter.cel = "object.metadata.name == 'a'".into())).await;
    setup.cluster.delete(Pods, "a");
    other.until_said("deleted pods/a ABSENT").await;
    drop((parked, reads, other));
    setup.daemon.stop().await;
}
