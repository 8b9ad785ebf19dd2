//! Nobody sees more than the cluster's authorizer lets them, now and from now on.

#[path = "rights/shared.rs"]
mod shared;

use std::time::Duration;

use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::{
    Filter, GatePolicy, GetStatusRequest, ObjectRef, OpenGateRequest, Outcome, State, Status as ObjectStatus, View,
    WatchStatusesRequest,
};
use daymark_tests::contract::Told;
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::in_process::{Client, InProcess, Sharing, first_of, kinds, named, with_token};
use daymark_tests::process::PATIENCE;
use daymarkd::access::shares::Limits;
use daymarkd::args::GatesKept;
use serde_json::json;
use tokio::time::timeout;
use tonic::Code;

pub(crate) use self::shared::Shared;
use crate::{Pods, code_and_reason, full, put};

fn denied() -> (Code, String) {
    (Code::PermissionDenied, "PERMISSION_DENIED".into())
}

fn names(statuses: &[ObjectStatus]) -> Vec<String> {
    statuses.iter().map(|status| status.r#ref.clone().unwrap_or_default().name).collect()
}

fn is_reset(told: &Told, cause: Cause) -> bool {
    matches!(&told.event, Event::Reset(reset) if reset.cause() == cause)
}

fn in_namespace(request: WatchStatusesRequest, namespace: &str) -> WatchStatusesRequest {
    let filter = Filter { namespaces: vec![namespace.to_owned()], all_namespaces: false, ..request.filter.unwrap() };
    WatchStatusesRequest { filter: Some(filter), ..request }
}

#[tokio::test]
async fn who_may_see_nothing_is_told_so() {
    let shared = Shared::new().await;
    let refused = shared.list("jane", kinds(&[Pods])).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), denied());
    assert_eq!(refused.message(), r#"user "jane" may not list pods in all namespaces"#);
    let refused = shared.list("jane", in_namespace(kinds(&[Pods]), "m")).await.unwrap_err();
    assert_eq!(refused.message(), r#"user "jane" may not list pods in namespace "m""#);
    assert_eq!(code_and_reason(&shared.get("jane", "a", View::Basic).await.unwrap_err()), denied());
    // Whether there is one is not told, either.
    assert_eq!(code_and_reason(&shared.get("jane", "none", View::Basic).await.unwrap_err()), denied());
    shared.rbac.grant("jack", "list", "pods", "*");
    assert_eq!(code_and_reason(&shared.watch("jack", kinds(&[Pods])).await.unwrap_err()), denied());
    assert_eq!(names(&shared.list("jack", kinds(&[Pods])).await.unwrap()), ["b", "a"]);
    shared.daemon.stop().await;
}

#[tokio::test]
async fn who_may_see_some_namespaces_is_told_those() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "list,watch", "pods", "n");
    assert_eq!(names(&shared.list("jane", kinds(&[Pods])).await.unwrap()), ["a"]);
    let mut follower = shared.follow("jane", kinds(&[Pods])).await;
    let begun = follower.until(|told| matches!(told.event, Event::Reset(_))).await;
    let Some(Event::Reset(reset)) = begun.last().map(|told| &told.event) else { panic!("{begun:?}") };
    let message = r#"user "jane" may not list pods in all namespaces, only in n"#;
    assert_eq!((&*reset.unreachable[0].reason, &*reset.unreachable[0].message), ("PermissionDenied", message));
    follower.until_live().await;
    assert_eq!(follower.contract.picture.objects().len(), 1);
    // What happens elsewhere is not told.
    let mut elsewhere = object(Pods, "b", State::Failed);
    elsewhere["metadata"]["namespace"] = "m".into();
    shared.cluster.put(Pods, elsewhere);
    put(&shared.cluster, Pods, "a", State::Failed);
    assert_eq!(follower.until_said("changed pods/a FAILED").await, ["changed pods/a FAILED"]);
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_right_that_is_withdrawn_narrows_a_stream_and_then_ends_it() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "list,watch", "pods", "n");
    shared.rbac.grant("jane", "list,watch", "pods", "m");
    let mut follower = shared.follow("jane", kinds(&[Pods])).await;
    follower.until_live().await;
    assert_eq!(follower.contract.picture.objects().len(), 2);
    shared.rbac.withdraw("jane", "pods", "m");
    follower.until(|told| is_reset(told, Cause::RightsChanged)).await;
    follower.until_live_again().await;
    assert_eq!(follower.contract.picture.objects().len(), 1);
    shared.rbac.withdraw("jane", "pods", "n");
    assert_eq!(code_and_reason(&follower.end().await), denied());
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_cursor_is_of_the_rights_that_it_was_given_under() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "list,watch", "pods", "*");
    let mut follower = shared.follow("jane", kinds(&[Pods])).await;
    follower.until_live().await;
    let before = follower.contract.cursor.clone();
    shared.rbac.withdraw("jane", "pods", "*");
    shared.rbac.grant("jane", "list,watch", "pods", "n");
    follower.until(|told| is_reset(told, Cause::RightsChanged)).await;
    follower.until_live_again().await;
    let request = WatchStatusesRequest { cursor: before.into(), ..kinds(&[Pods]) };
    let mut client = Client::new(shared.channel().await);
    let mut other = client.watch_statuses(with_token(request, Some("jane"))).await.unwrap().into_inner();
    assert!(is_reset(&first_of(&mut other).await, Cause::RightsChanged), "it was given for more than may be seen now");
    follower.reconnect().await;
    let resumed = follower.until_live().await;
    assert_eq!(resumed, ["resumed"], "under the same rights it is good");
    shared.rbac.grant("jane", "list,watch", "pods", "m");
    follower.until(|told| is_reset(told, Cause::RightsChanged)).await;
    shared.daemon.stop().await;
}

#[tokio::test]
async fn what_many_want_to_know_is_asked_once() {
    let sharing = Sharing { authorization_ttl: Duration::from_hours(1), ..Sharing::default() };
    let shared = Shared::with(sharing).await;
    shared.rbac.grant("jane", "list,watch", "pods", "*");
    let mut followers = Vec::new();
    for _ in 0..50 {
        followers.push(shared.follow("jane", kinds(&[Pods])).await);
    }
    assert_eq!(shared.reviews(), 2, "one for each verb");
    drop(followers);
    shared.daemon.stop().await;
}

#[tokio::test]
async fn while_nobody_says_what_one_may_streams_go_on_and_none_begins() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "list,watch", "pods", "*");
    let mut follower = shared.follow("jane", kinds(&[Pods])).await;
    follower.until_live().await;
    *shared.rbac.mute.lock() = true;
    let mut unsaid = shared.rbac.unsaid.subscribe();
    timeout(PATIENCE, unsaid.wait_for(|unsaid| *unsaid > 1)).await.expect("its rights are asked for").unwrap();
    put(&shared.cluster, Pods, "a", State::Failed);
    follower.until_said("changed pods/a FAILED").await;
    let refused = shared.list("joe", kinds(&[Pods])).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::Unavailable, "CLUSTER_UNREACHABLE".into()));
    *shared.rbac.mute.lock() = false;
    shared.rbac.withdraw("jane", "pods", "*");
    assert_eq!(code_and_reason(&follower.end().await), denied());
    shared.daemon.stop().await;
}

#[tokio::test]
async fn what_one_may_is_not_taken_for_granted_for_ever() {
    let sharing = Sharing { authorization_ttl: Duration::from_millis(200), ..Sharing::default() };
    let shared = Shared::with(sharing).await;
    shared.rbac.grant("jane", "list,watch,get", "pods", "*");
    let mut follower = shared.follow("jane", kinds(&[Pods])).await;
    follower.until_live().await;
    let token = shared.open("jane", named(&[(Pods, "none")]).filter, "").await.unwrap();
    *shared.rbac.mute.lock() = true;
    shared.rbac.withdraw("jane", "pods", "*");
    assert_eq!(code_and_reason(&follower.end().await), (Code::Unavailable, "CLUSTER_UNREACHABLE".into()));
    let gate = shared.end("jane", &token).await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Undecided, "RightsUnknown"), "{gate:?}");
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_gate_is_of_who_has_opened_it_and_ends_with_the_right_to_ask() {
    let shared = Shared::new().await;
    let filter = || named(&[(Pods, "a")]).filter;
    assert_eq!(code_and_reason(&shared.open("nobody", filter(), "").await.unwrap_err()), denied());
    shared.rbac.grant("jane", "get,watch", "pods", "n");
    shared.rbac.grant("joe", "get,watch", "pods", "n");
    let token = shared.open("jane", filter(), "id").await.unwrap();
    assert_eq!(shared.open("jane", filter(), "id").await.unwrap(), token);
    assert_ne!(shared.open("joe", filter(), "id").await.unwrap(), token, "each has ids of its own");
    let unknown = (Code::NotFound, "GATE_NOT_FOUND".to_owned());
    assert_eq!(code_and_reason(&shared.gate("joe", &token).await.unwrap_err()), unknown);
    assert_eq!(shared.gate("jane", &token).await.unwrap().gate.unwrap().outcome(), Outcome::Unspecified);

    shared.rbac.withdraw("jane", "pods", "n");
    let gate = shared.end("jane", &token).await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Undecided, "Forbidden"), "{gate:?}");
    assert!(shared.gate("jane", &token).await.unwrap().objects.is_empty());
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_gate_judges_all_that_it_is_for_or_nothing() {
    let shared = Shared::new().await;
    shared.rbac.grant("jane", "list,watch", "pods", "n");
    let refused = shared.open("jane", kinds(&[Pods]).filter, "").await.unwrap_err();
    assert_eq!(code_and_reason(&refused), denied());
    assert!(refused.message().contains("only in n"), "{refused:?}");
    assert!(shared.open("jane", in_namespace(kinds(&[Pods]), "n").filter, "").await.is_ok());
    shared.daemon.stop().await;
}

#[tokio::test]
async fn who_may_read_a_status_sees_states_and_no_more() {
    let shared = Shared::with(Sharing { status_only: true, ..Sharing::default() }).await;
    shared.rbac.grant("ci", "get", "pods/status", "n");
    let here = || in_namespace(kinds(&[Pods]), "n");
    assert_eq!(names(&shared.list("ci", here()).await.unwrap()), ["a"]);
    assert_eq!(shared.get("ci", "a", View::Basic).await.unwrap().state(), State::Ready);
    assert!(shared.open("ci", here().filter, "").await.is_ok());
    assert_eq!(code_and_reason(&shared.list("ci", full(here())).await.unwrap_err()), denied());
    assert_eq!(code_and_reason(&shared.get("ci", "a", View::Full).await.unwrap_err()), denied());
    let mut by_body = here();
    by_body.filter.as_mut().unwrap().cel = "object.spec.nodeName == 'x'".into();
    assert_eq!(code_and_reason(&shared.list("ci", by_body.clone()).await.unwrap_err()), denied());
    let filter = by_body.filter.as_mut().unwrap();
    (filter.cel, filter.field_selector) = (String::new(), "spec.nodeName=x".into());
    assert_eq!(code_and_reason(&shared.list("ci", by_body).await.unwrap_err()), denied());
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_cause_holds_what_may_be_seen_and_says_what_not() {
    let shared = Shared::new().await;
    let pod = put(&shared.cluster, Pods, "a", State::Failed);
    shared.cluster.add_event(&pod.uid, json!({"type": "Warning", "reason": "BackOff", "message": "seen by some"}));
    shared.rbac.grant("jane", "get,watch", "pods", "n");
    shared.rbac.grant("joe", "get,watch", "pods", "n");
    shared.rbac.grant("joe", "list", "events", "n");
    let mut causes = Vec::new();
    for user in ["jane", "joe"] {
        let request = OpenGateRequest {
            filter: named(&[(Pods, "a")]).filter,
            policy: Some(GatePolicy { once: true, ..Default::default() }),
            ..Default::default()
        };
        let mut gates = GateServiceClient::new(shared.channel().await);
        let token = gates.open_gate(with_token(request, Some(user))).await.unwrap().into_inner().token;
        causes.push(shared.end(user, &token).await.cause.unwrap());
    }
    let missing = |place: usize| causes[place].missing.join("\n");
    assert!(causes[0].events.is_empty() && missing(0).contains(r#"user "jane" may not list events in namespace "n""#));
    assert!(missing(0).contains("may not get pods/log"), "{}", missing(0));
    assert_eq!(causes[1].events.len(), 1);
    assert!(!missing(1).contains("events"), "{}", missing(1));
    shared.daemon.stop().await;
}

#[tokio::test]
async fn each_caller_has_its_share() {
    let limits = Limits { streams: 2, gates: 1, requests: 1000 };
    let shared = Shared::with(Sharing { limits, ..Sharing::default() }).await;
    for user in ["jane", "joe"] {
        shared.rbac.grant(user, "list,watch", "pods", "*");
    }
    let held = [shared.follow("jane", kinds(&[Pods])).await, shared.follow("jane", kinds(&[Pods])).await];
    let refused = shared.watch("jane", kinds(&[Pods])).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::ResourceExhausted, "TOO_MANY_STREAMS".into()));
    assert!(shared.watch("joe", kinds(&[Pods])).await.is_ok());
    let gate = shared.open("jane", kinds(&[Pods]).filter, "").await;
    assert!(gate.is_ok());
    let refused = shared.open("jane", kinds(&[Pods]).filter, "").await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::ResourceExhausted, "TOO_MANY_GATES".into()));
    drop(held);
    shared.daemon.stop().await;
}

#[tokio::test]
async fn a_kept_gate_is_its_users_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || GatesKept::InFile(folder.path().join("gates"));
    let shared = Shared::with(Sharing { gates: kept(), ..Sharing::default() }).await;
    shared.rbac.grant("jane", "get,watch", "pods", "n");
    let token = shared.open("jane", named(&[(Pods, "a")]).filter, "").await.unwrap();
    let Shared { cluster, daemon, rbac } = shared;
    daemon.stop().await;
    let daemon = InProcess::start_shared(&cluster, Sharing { gates: kept(), ..Sharing::default() }).await;
    let shared = Shared { cluster, daemon, rbac };
    assert_eq!(code_and_reason(&shared.gate("joe", &token).await.unwrap_err()).1, "GATE_NOT_FOUND");
    assert_eq!(shared.gate("jane", &token).await.unwrap().gate.unwrap().outcome(), Outcome::Unspecified);
    // It goes on as its user, who may be told so no longer.
    shared.rbac.withdraw("jane", "pods", "n");
    assert_eq!(shared.end("jane", &token).await.outcome(), Outcome::Undecided);
    shared.daemon.stop().await;
}

#[tokio::test]
async fn the_socket_and_its_owner_need_no_review() {
    let shared = Shared::new().await;
    let mut follower = shared.daemon.follow(kinds(&[Pods])).await;
    follower.until_live().await;
    assert_eq!(follower.contract.picture.objects().len(), 2);
    let r#ref = ObjectRef { resource: "pods".into(), namespace: "n".into(), name: "a".into(), ..Default::default() };
    let request = GetStatusRequest { r#ref: Some(r#ref), view: View::Full.into() };
    assert!(shared.daemon.client().await.get_status(request).await.is_ok());
    assert_eq!(shared.reviews(), 0);
    shared.daemon.stop().await;
}
