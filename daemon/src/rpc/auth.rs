//! Lets requests in, and says who makes them.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, Request as HttpRequest, Response, Uri, header};
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tonic::body::Body;
use tonic::{Code, Request, Status};
use tower::{Layer, Service};

use super::connection::Arrival;
use super::error::{Reason, come_again, shared_out, status};
use super::rules::{self, Rule};
use crate::access::shares::{Place, Shares};
use crate::access::{Access, Caller, Credentials, Denied};

/// Gives every request its [`Caller`], or refuses it. What a caller may not do is told by
/// handlers, and noted here.
#[derive(Clone)]
pub(super) struct Authentication {
    pub(super) access: Arc<Access>,
    pub(super) shares: Arc<Shares>,
}

impl<S> Layer<S> for Authentication {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { entrance: self.clone(), inner }
    }
}

/// A service whose requests are of known callers.
#[derive(Clone)]
pub(super) struct Authenticated<S> {
    entrance: Authentication,
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
        let entrance = self.entrance.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            match entrance.admit(&head).await {
                Ok(Admitted::Anybody(turn)) => {
                    let response = inner.call(HttpRequest::from_parts(head, body)).await;
                    response.map(|response| response.map(|body| holding(turn, body)))
                }
                Ok(Admitted::Caller(caller, place)) => {
                    let asked = Asked::of(&head, &caller);
                    head.extensions.insert(caller);
                    let response = inner.call(HttpRequest::from_parts(head, body)).await;
                    response.map(|response| {
                        asked.note(&response);
                        match place {
                            Some(place) => response.map(|body| holding(place, body)),
                            None => response,
                        }
                    })
                }
                Err(refused) => Ok(refused.into_http()),
            }
        })
    }
}

/// Whose a request is that is let in.
enum Admitted {
    /// Nobody's in particular; it is one of so many on its connection.
    Anybody(OwnedSemaphorePermit),
    /// That caller's, of whose open requests it is one.
    Caller(Caller, Option<Place>),
}

/// The same answer, which holds that until it has ended.
fn holding(held: impl Send + 'static, answer: Body) -> Body {
    Body::new(answer.map_frame(move |frame| {
        let _held = &held;
        frame
    }))
}

impl Authentication {
    /// Who makes a request; nobody in particular, where everybody is served, as a
    /// kubelet's probes, which have no credentials.
    async fn admit(&self, request: &Parts) -> Result<Admitted, Status> {
        let arrival = request.extensions.get::<Arrival>();
        let arrival = arrival.ok_or_else(|| Status::internal("a request came by no connection"))?;
        let rpc = request.uri.path();
        let rule = rules::rule(rpc);
        if rule == Some(Rule::Anybody) {
            let busy = || come_again(Reason::TooManyRequests, "too many requests of this connection are open".into());
            let turn = arrival.anonymous().ok_or_else(busy)?;
            arrival.admit();
            return Ok(Admitted::Anybody(turn));
        }
        let caller = self.access.admit(&arrival.peer, credentials(&request.headers)).await.map_err(|denied| {
            tracing::warn!(target: "daymark::audit", from = %arrival.peer, rpc, why = denied.why(), "audit: refused");
            refusal(denied)
        })?;
        arrival.admit();
        if rule.is_none() {
            return Err(Status::unimplemented("there is no such rpc"));
        }
        let place = self.shares.request(&caller).map_err(|exceeded| shared_out(&exceeded))?;
        Ok(Admitted::Caller(caller, place))
    }
}

/// A request of a user of the cluster, to be noted if it is denied.
struct Asked(Option<(Arrival, Caller, Uri)>);

impl Asked {
    fn of(request: &Parts, caller: &Caller) -> Self {
        let Caller::User(_) = caller else { return Self(None) };
        let arrival = request.extensions.get::<Arrival>();
        Self(arrival.map(|arrival| (arrival.clone(), caller.clone(), request.uri.clone())))
    }

    /// Notes it, if that is a refusal. One in mid-stream is noted where it is found out.
    fn note(&self, response: &Response<Body>) {
        let (Some((arrival, caller, uri)), Some(status)) = (&self.0, Status::from_header_map(response.headers()))
        else {
            return;
        };
        if status.code() == Code::PermissionDenied {
            let (caller, rpc, why) = (caller.to_string(), uri.path(), status.message());
            tracing::warn!(target: "daymark::audit", from = %arrival.peer, caller, rpc, why, "audit: denied");
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
