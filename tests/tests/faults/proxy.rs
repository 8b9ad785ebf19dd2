//! Reads that are passed on to the API server.

use daymark_proto::v1::fetch_response::Message;
use daymark_proto::v1::proxy_service_client::ProxyServiceClient;
use daymark_proto::v1::{FetchRequest, HttpHeader, State};
use daymark_tests::in_process::{Sharing, with_token};
use daymarkd::act::Act;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::rights::Shared;
use crate::{Pods, Services, Setup, code_and_reason, put};

/// The status and the body of an answer.
async fn fetch(channel: Channel, path: &str, token: Option<&str>) -> Result<(i32, String), Status> {
    let headers = vec![HttpHeader { name: "impersonate-user".to_owned(), value: "root".into() }];
    let request = FetchRequest { path: path.to_owned(), head: false, headers };
    let mut answers = ProxyServiceClient::new(channel).fetch(with_token(request, token)).await?.into_inner();
    let (mut status, mut body) = (0, Vec::new());
    while let Some(answer) = answers.message().await? {
        match answer.message.unwrap() {
            Message::Head(head) => status = head.status,
            Message::Data(data) => body.extend_from_slice(&data),
        }
    }
    Ok((status, String::from_utf8(body).unwrap()))
}

#[tokio::test]
async fn the_api_and_what_is_behind_it_are_read() {
    let setup = Setup::new(&[(Services, "web")]).await;
    let get = async |path: &str| fetch(setup.daemon.channel().await, path, None).await.unwrap();
    let (status, service) = get("/api/v1/namespaces/n/services/web").await;
    assert!(status == 200 && service.contains("\"clusterIP\""), "{service}");
    let page = get("/api/v1/namespaces/n/services/web/proxy/page").await;
    assert_eq!(page, (200, "<p>from the application".to_owned()));
    let (status, said) = get("/api/v1/namespaces/n/services/none").await;
    assert!(status == 404 && said.contains("\"Failure\""), "a refusal is an answer: {said}");
    assert_eq!(setup.cluster.impersonated(), [], "whoever asks does not say as whom");
}

#[tokio::test]
async fn what_does_not_only_read_is_refused() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    for path in ["/api/v1/namespaces/n/pods/a/exec?command=x", "/api/../version", "version", ""] {
        let error = fetch(setup.daemon.channel().await, path, None).await.unwrap_err();
        assert_eq!(code_and_reason(&error), (Code::InvalidArgument, "INVALID_PROXY_REQUEST".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_users_reads_are_made_as_that_user_or_not_at_all() {
    let shared = Shared::with(Sharing { acts: Act::Proxy.into(), ..Sharing::default() }).await;
    put(&shared.cluster, Services, "web", State::Ready);
    let path = "/api/v1/namespaces/n/services/web";
    let get = async || fetch(shared.channel().await, path, Some("jane")).await;
    let error = get().await.unwrap_err();
    assert_eq!(code_and_reason(&error), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    assert!(error.message().contains("may not impersonate"), "{error:?}");
    shared.rbac.grant("", "impersonate", "users", "*");
    assert_eq!(get().await.unwrap().0, 200);
    assert_eq!(shared.cluster.impersonated(), [("jane".to_owned(), path.to_owned())]);
}

#[tokio::test]
async fn nobody_else_reads_the_api_unless_the_operator_lets_them() {
    let shared = Shared::with(Sharing { acts: Act::Tunnel.into(), ..Sharing::default() }).await;
    shared.rbac.grant("", "impersonate", "users", "*");
    let error = fetch(shared.channel().await, "/version", Some("jane")).await.unwrap_err();
    assert_eq!(code_and_reason(&error), (Code::PermissionDenied, "ACT_NOT_ENABLED".to_owned()));
}
