//! Errors that programs tell by their reason.

use daymark_proto::ERROR_DOMAIN;
use daymark_proto::v1::{Filter, GetStatusRequest, ListStatusesRequest, ObjectRef, WatchStatusesRequest};
use daymark_tests::in_process::{kinds, named};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{Pods, Setup, code_and_reason};

fn assert_refused(refused: &Status, code: Code, reason: &str) {
    assert_eq!(code_and_reason(refused), (code, reason.to_owned()), "{refused:?}");
    assert_eq!(refused.get_details_error_info().unwrap().domain, ERROR_DOMAIN);
    assert!(!refused.message().is_empty());
}

#[tokio::test]
async fn every_refused_watch_has_its_reason() {
    let setup = Setup::new(&[]).await;
    let mut client = setup.daemon.client().await;
    let filter = |change: fn(&mut Filter)| {
        let mut request = kinds(&[Pods]);
        change(request.filter.as_mut().unwrap());
        request
    };
    let interval = Some(prost_types::Duration { seconds: 0, nanos: 1 });
    let requests = [
        (filter(|f| f.kinds = vec!["widgets".into()]), "UNKNOWN_KIND"),
        (filter(|f| f.kinds.clear()), "INVALID_FILTER"),
        (filter(|f| f.namespaces = vec!["n".into()]), "INVALID_FILTER"),
        (filter(|f| f.cluster = "elsewhere".into()), "INVALID_FILTER"),
        (filter(|f| f.refs = vec![ObjectRef::default()]), "INVALID_FILTER"),
        (named(&[(Pods, "../../secrets")]), "INVALID_FILTER"),
        (named(&[(Pods, "")]), "INVALID_FILTER"),
        (named(&vec![(Pods, "a"); 1001]), "INVALID_FILTER"),
        (WatchStatusesRequest::default(), "INVALID_FILTER"),
        (WatchStatusesRequest { progress_interval: interval, ..kinds(&[Pods]) }, "INVALID_INTERVAL"),
    ];
    for (request, reason) in requests {
        let refused = client.watch_statuses(request).await.map(drop).unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, reason);
    }
    setup.daemon.stop().await;
}

#[tokio::test]
async fn every_refused_read_has_its_reason() {
    let setup = Setup::new(&[]).await;
    let mut client = setup.daemon.client().await;
    let list = || ListStatusesRequest { filter: kinds(&[Pods]).filter, ..Default::default() };
    let negative = ListStatusesRequest { page_size: -1, ..list() };
    let foreign = ListStatusesRequest { page_token: "9/x".into(), ..list() };
    let by_name = ListStatusesRequest { filter: named(&[(Pods, "a")]).filter, ..Default::default() };
    for (request, reason) in [(negative, "INVALID_PAGE"), (foreign, "INVALID_PAGE"), (by_name, "INVALID_FILTER")] {
        let refused = client.list_statuses(request).await.map(drop).unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, reason);
    }
    let r#ref = ObjectRef { resource: "pods".into(), name: "none".into(), ..Default::default() };
    let refused = client.get_status(GetStatusRequest { r#ref: Some(r#ref), ..Default::default() }).await.map(drop);
    assert_refused(&refused.unwrap_err(), Code::NotFound, "OBJECT_NOT_FOUND");
    setup.daemon.stop().await;
}
