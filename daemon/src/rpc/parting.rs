//! Services whose streams know nothing of the daemon's end: they are ended with it.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyStream, StreamBody};
use hyper::body::{Body as _, Frame};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use super::error::draining;

/// A service whose answers end, with the reason, when that is cancelled.
#[derive(Clone)]
pub(super) struct Parting<S> {
    inner: S,
    parting: CancellationToken,
}

impl<S> Parting<S> {
    pub(super) fn new(inner: S, parting: &CancellationToken) -> Self {
        Self { inner, parting: parting.clone() }
    }
}

impl<S: NamedService> NamedService for Parting<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Parting<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (answer, parting) = (self.inner.call(request), self.parting.clone());
        Box::pin(async move { Ok(answer.await?.map(|body| until(body, parting))) })
    }
}

/// What is there is told first. What has ended already is told in one piece, as it was.
fn until(body: Body, parting: CancellationToken) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let frames = stream::unfold(Some(BodyStream::new(body)), move |body| {
        let parting = parting.clone();
        async move {
            let mut body = body?;
            tokio::select! {
                biased;
                frame = body.next() => Some((frame?, Some(body))),
                () = parting.cancelled() => Some((goodbye(), None)),
            }
        }
    });
    Body::new(StreamBody::new(frames))
}

fn goodbye() -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::new();
    draining().add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_said_is_told_before_the_end() {
        let parting = CancellationToken::new();
        let said = stream::iter([Ok::<_, Status>(Frame::data(Bytes::from_static(b"said")))]);
        let endless = Body::new(StreamBody::new(said.chain(stream::pending())));
        parting.cancel();
        let told = until(endless, parting).collect().await.unwrap();
        assert_eq!(told.trailers().unwrap()["grpc-status"], "14");
        assert_eq!(told.to_bytes(), "said");
    }

    #[tokio::test]
    async fn what_ends_before_that_is_as_it_was() {
        let said = stream::iter([Ok::<_, Status>(Frame::data(Bytes::from_static(b"said")))]);
        let told = until(Body::new(StreamBody::new(said)), CancellationToken::new()).collect().await.unwrap();
        assert!(told.trailers().is_none());
        assert_eq!(told.to_bytes(), "said");
        assert!(until(Body::empty(), CancellationToken::new()).is_end_stream(), "an error is told by headers alone");
    }
}
