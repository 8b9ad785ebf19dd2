//! Who is let in, and as whom.

use daymark_proto::v1::ListStatusesRequest;
use daymark_tests::fake_apiserver::FakeApiServer;
use daymark_tests::in_process::{Client, InProcess, kinds};
use daymarkd::args::serving::Serving;
use serde_json::{Value, json};
use tonic::transport::Endpoint;
use tonic::{Code, Request};

use crate::{Pods, Setup, code_and_reason};

/// A daemon that asks its cluster about tokens.
async fn reviewing() -> Setup {
    let cluster = FakeApiServer::start().await.unwrap();
    let serving = Serving { review_audiences: vec!["daymark".into()], ..Serving::default() };
    let daemon = InProcess::start_serving(&cluster, serving).await;
    let setup = Setup { cluster, daemon };
    setup.cluster.until_watched().await;
    setup
}

async fn client(daemon: &InProcess) -> Client {
    let endpoint = Endpoint::from_shared(format!("http://{}", daemon.tcp())).unwrap();
    Client::new(endpoint.connect().await.unwrap())
}

/// How a request for pods with these headers ends.
async fn list(client: &mut Client, headers: &[(&'static str, &str)]) -> (Code, String) {
    let mut request = Request::new(ListStatusesRequest { filter: kinds(&[Pods]).filter, ..Default::default() });
    for (name, value) in headers {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    match client.list_statuses(request).await {
        Ok(_) => (Code::Ok, String::new()),
        Err(refused) => code_and_reason(&refused),
    }
}

fn unauthenticated() -> (Code, String) {
    (Code::Unauthenticated, "UNAUTHENTICATED".into())
}

/// Jane, who may do everything.
fn jane(audience: &str) -> Value {
    json!({"allowed": true, "authenticated": true, "audiences": [audience], "user": {"username": "jane"}})
}

#[tokio::test]
async fn a_token_that_the_cluster_knows_lets_in_and_is_asked_about_once() {
    let setup = reviewing().await;
    setup.cluster.answer_reviews(|review| match review["spec"]["token"].as_str() {
        Some("good") => Some(jane("daymark")),
        Some("elsewhere") => Some(jane("other")),
        None => Some(jane("")),
        _ => Some(json!({"authenticated": false})),
    });
    let mut client = client(&setup.daemon).await;
    for _ in 0..3 {
        assert_eq!(list(&mut client, &[("authorization", "Bearer good")]).await.0, Code::Ok);
    }
    for token in ["Bearer elsewhere", "Bearer none", "Basic good", "Bearer"] {
        assert_eq!(list(&mut client, &[("authorization", token)]).await, unauthenticated(), "{token}");
    }
    assert_eq!(list(&mut client, &[]).await, unauthenticated());
    let twice = [("authorization", "Bearer good"), ("authorization", "Bearer good")];
    assert_eq!(list(&mut client, &twice).await, unauthenticated());
    let mut asked = setup.cluster.reviews();
    asked.retain(|review| review["kind"] == "TokenReview");
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|review| review["spec"]["audiences"] == json!(["daymark"])));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_condemns_no_token() {
    let setup = reviewing().await;
    setup.cluster.answer_reviews(|_| None);
    let mut client = client(&setup.daemon).await;
    let unreachable = (Code::Unavailable, "CLUSTER_UNREACHABLE".to_owned());
    assert_eq!(list(&mut client, &[("authorization", "Bearer good")]).await, unreachable);
    setup.cluster.answer_reviews(|_| Some(jane("daymark")));
    assert_eq!(list(&mut client, &[("authorization", "Bearer good")]).await.0, Code::Ok);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn nobody_is_believed_who_they_say_they_are() {
    let setup = reviewing().await;
    let mut client = client(&setup.daemon).await;
    for header in
        ["x-remote-user", "x-remote-group", "impersonate-user", "impersonate-group", "x-forwarded-client-cert"]
    {
        assert_eq!(list(&mut client, &[(header, "system:masters")]).await, unauthenticated(), "{header}");
    }
    let long = format!("Bearer {}", "x".repeat((16 << 10) + 1));
    assert_eq!(list(&mut client, &[("authorization", &long)]).await, unauthenticated());
    assert_eq!(setup.cluster.reviews(), [Value::Null; 0]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn who_is_known_is_nobody_else_by_saying_so() {
    let setup = reviewing().await;
    setup.cluster.answer_reviews(|_| Some(jane("daymark")));
    let mut client = client(&setup.daemon).await;
    let headers = [
        ("authorization", "Bearer good"),
        ("x-remote-user", "root"),
        ("x-remote-group", "system:masters"),
        ("impersonate-user", "root"),
        ("impersonate-group", "system:masters"),
        ("impersonate-extra-scopes", "all"),
        ("x-forwarded-client-cert", "Subject=\"O=system:masters,CN=root\""),
    ];
    assert_eq!(list(&mut client, &headers).await.0, Code::Ok);
    let mut asked = setup.cluster.reviews();
    asked.retain(|review| review["kind"] == "SubjectAccessReview");
    assert!(!asked.is_empty());
    for review in asked {
        let spec = &review["spec"];
        // As the API server has said of the token.
        assert_eq!((&spec["user"], &spec["groups"]), (&json!("jane"), &json!([])), "{review}");
        assert!(!review.to_string().contains("root") && !review.to_string().contains("scopes"), "{review}");
    }
    assert_eq!(setup.cluster.impersonated(), [], "nor is it passed on");
    setup.daemon.stop().await;
}
