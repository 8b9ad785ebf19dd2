//! Who may have connections carried, and for how long.

use daymark_tests::in_process::Sharing;
use daymarkd::act::Act;
use tonic::Code;

use super::{Tunnel, is, serve, to};
use crate::rights::Shared;
use crate::{Services, code_and_reason};

/// A daemon that carries connections for users of the cluster.
async fn shared() -> Shared {
    let shared = Shared::with(Sharing { acts: Act::Tunnel.into(), ..Sharing::default() }).await;
    serve(&shared.cluster, &[("w", true)]);
    shared
}

/// What `jane` needs for the Service `web`.
const NEEDED: &[(&str, &str)] = &[("get", "services"), ("list", "endpointslices"), ("create", "pods/portforward")];

#[tokio::test]
async fn every_right_is_needed() {
    for (verb, resource) in NEEDED {
        let shared = shared().await;
        for (verb, resource) in NEEDED.iter().filter(|it| **it != (*verb, *resource)) {
            shared.rbac.grant("jane", verb, resource, "n");
        }
        let refused = Tunnel::open(shared.channel().await, to(Services, "web", "80"), Some("jane")).await;
        let error = refused.map(drop).unwrap_err();
        assert_eq!(code_and_reason(&error), is(Code::PermissionDenied, "PERMISSION_DENIED"));
        let said = format!(
            "user \"jane\" may not {verb} {}",
            resource.replace("endpointslices", "endpointslices.discovery.k8s.io")
        );
        assert!(error.message().starts_with(&said), "{said}: {error:?}");
        assert_eq!(shared.cluster.forwarded(), []);
    }
}

#[tokio::test]
async fn a_right_that_is_withdrawn_ends_a_connection() {
    let shared = shared().await;
    for (verb, resource) in NEEDED {
        shared.rbac.grant("jane", verb, resource, "n");
    }
    shared.rbac.grant("", "impersonate", "users", "*");
    let mut tunnel = Tunnel::open(shared.channel().await, to(Services, "web", "80"), Some("jane")).await.unwrap();
    assert_eq!(tunnel.endpoint().await.pod, "w");
    assert_eq!(shared.cluster.forwarded()[0].user.as_deref(), Some("jane"), "as whoever it is for");
    shared.rbac.withdraw("jane", "pods/portforward", "n");
    assert_eq!(code_and_reason(&tunnel.error().await), is(Code::PermissionDenied, "PERMISSION_DENIED"));
    shared.cluster.until_forwarding(0).await;
}

#[tokio::test]
async fn nobody_else_has_a_tunnel_unless_the_operator_lets_them() {
    let shared = Shared::with(Sharing { acts: Act::Proxy.into(), ..Sharing::default() }).await;
    serve(&shared.cluster, &[("w", true)]);
    for (verb, resource) in NEEDED {
        shared.rbac.grant("jane", verb, resource, "n");
    }
    let refused = Tunnel::open(shared.channel().await, to(Services, "web", "80"), Some("jane")).await;
    assert_eq!(code_and_reason(&refused.map(drop).unwrap_err()), is(Code::PermissionDenied, "ACT_NOT_ENABLED"));
}
