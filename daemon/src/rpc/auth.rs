//! Lets requests in, and says who makes them.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Request as HttpRequest, Response, header};
use tonic::body::Body;
use tonic::{Code, Request, Status};
use tower::{Layer, Service};

use super::connection::Arrival;
use super::error::{Reason, come_again, status};
use crate::access::{Access, Caller, Credentials, Denied};

/// What is served to everybody: a kubelet's probes have no credentials.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// Gives every request its [`Caller`], or refuses it.
#[derive(Clone)]
pub(super) struct Authentication(pub(super) Arc<Access>);

impl<S> Layer<S> for Authentication {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { access: Arc::clone(&self.0), inner }
    }
}

/// A service whose requests are of known callers.
#[derive(Clone)]
pub(super) struct Authenticated<S> {
    access: Arc<Access>,
    inner: S,
}

impl<S> Service<HttpRequest<Body>> for Authenticated<S>
where
    S: Service<HttpRequest<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        // The one that has said it is ready is the one to call.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let access = Arc::clone(&self.access);
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            match admit(&access, &head).await {
                Ok(caller) => {
                    if let Some(caller) = caller {
                        head.extensions.insert(caller);
                    }
                    inner.call(HttpRequest::from_parts(head, body)).await
                }
                Err(refused) => Ok(refused.into_http()),
            }
        })
    }
}

/// Who makes a request; nobody in particular, where everybody is served.
async fn admit(access: &Access, request: &Parts) -> Result<Option<Caller>, Status> {
    let arrival = request.extensions.get::<Arrival>();
    let arrival = arrival.ok_or_else(|| Status::internal("a request came by no connection"))?;
    let rpc = request.uri.path();
    if rpc.starts_with(HEALTH) {
        arrival.admit();
        return Ok(None);
    }
    match access.admit(&arrival.peer, credentials(&request.headers)).await {
        Ok(caller) => {
            arrival.admit();
            Ok(Some(caller))
        }
        Err(denied) => {
            tracing::warn!(target: "daymark::audit", from = %arrival.peer, rpc, why = denied.why(), "refused");
            Err(refusal(denied))
        }
    }
}

fn refusal(denied: Denied) -> Status {
    let message = denied.to_string();
    match denied {
        Denied::IssuerUnreachable { issuer, .. } => {
            status(Code::Unavailable, Reason::IssuerUnreachable, message, [("issuer", issuer)])
        }
        Denied::ClusterUnreachable(_) => status(Code::Unavailable, Reason::ClusterUnreachable, message, []),
        Denied::Busy => come_again(Reason::AuthenticationBusy, message),
        _ => status(Code::Unauthenticated, Reason::Unauthenticated, message, []),
    }
}

/// Who makes a request that was let in.
pub(super) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Status::internal("a request came past authentication"))
}

/// What a request says of who makes it: one `authorization`, and no other header, whatever it
/// claims.
fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (None, _) => Credentials::None,
        (Some(_), Some(_)) => Credentials::Unusable,
        (Some(one), None) => one.to_str().ok().and_then(bearer).map_or(Credentials::Unusable, Credentials::Bearer),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        match credentials(&map) {
            Credentials::Bearer(token) => token.to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn one_authorization_is_read_and_nothing_else_is_believed() {
        assert_eq!(read(&[("authorization", "bearer  t ")]), "t");
        for (name, value) in
            [("x-remote-user", "root"), ("x-remote-group", "system:masters"), ("impersonate-user", "root")]
        {
            assert_eq!(read(&[(name, value)]), "None");
            assert_eq!(read(&[(name, value), ("authorization", "Bearer t")]), "t");
        }
        for unusable in ["Bearer", "Bearer ", "Basic dXNlcg==", "t"] {
            assert_eq!(read(&[("authorization", unusable)]), "Unusable", "{unusable}");
        }
        assert_eq!(read(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]), "Unusable");
    }
}
