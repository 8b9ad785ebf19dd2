//! Lets requests in, and says who makes them.

use std::sync::Arc;

use tonic::service::InterceptorLayer;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Code, Request, Status};

use super::error::{Reason, status};
use crate::access::{Access, Caller, Peer};

/// Gives every request its [`Caller`], or refuses it.
pub(super) fn layer(
    access: Arc<Access>,
) -> InterceptorLayer<impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone> {
    InterceptorLayer::new(move |mut request: Request<()>| {
        let caller = access
            .admit(peer(&request), bearer(&request))
            .map_err(|denied| status(Code::Unauthenticated, Reason::Unauthenticated, denied.to_string(), []))?;
        request.extensions_mut().insert(caller);
        Ok(request)
    })
}

/// Who makes a request that was let in.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Status::internal("a request came past authentication"))
}

fn peer<T>(request: &Request<T>) -> Peer {
    match request.extensions().get::<UdsConnectInfo>() {
        Some(unix) => Peer::Unix(unix.peer_cred.as_ref().map(tokio::net::unix::UCred::uid)),
        None => Peer::Tcp,
    }
}

fn bearer<T>(request: &Request<T>) -> Option<&str> {
    let value = request.metadata().get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
