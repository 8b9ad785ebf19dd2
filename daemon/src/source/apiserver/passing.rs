//! Answers that are passed on as they come, and connections that the API server hands over.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use http::{HeaderMap, Method, Request, Response, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::client::Body;

use super::ApiServer;
use super::answer::{Failure, root_cause, unreachable};
use super::logs::{Reading, frames};
use super::requests::Refusal;
use crate::source::{Problem, ProblemReason};

/// How long the head of an answer may take: behind it may be any application.
const HEAD: Duration = Duration::from_secs(60);

/// A body as it comes. Behind an error nothing comes.
pub type PassedBody = BoxStream<'static, Result<Bytes, Problem>>;

impl ApiServer {
    /// Passes a request without a body on, and its answer, whatever its status says. The
    /// connection is one of those that may be read slowly.
    ///
    /// # Errors
    /// If the API server does not answer.
    pub async fn pass(&self, request: Request<()>) -> Result<Response<PassedBody>, Problem> {
        let ticket = self.transport.log().map_err(|error| self.not_sent(&error))?;
        let answered = tokio::time::timeout(HEAD, ticket.client.send(request.map(|()| Body::empty()))).await;
        let response = match answered {
            Ok(response) => response.map_err(|error| self.not_sent(&error))?,
            Err(_) => return Err(unreachable(format!("no answer within {} s", HEAD.as_secs()))),
        };
        Ok(response.map(|body| frames(Reading::without_limit(body, ticket))))
    }

    /// Asks for another protocol at a path, as `headers` say, on a connection of its own (RFC 9110,
    /// 7.8): the answer's headers, and the connection.
    ///
    /// # Errors
    /// If the API server does not answer, or refuses.
    pub async fn upgrade(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
    ) -> Result<(HeaderMap, TokioIo<Upgraded>), Refusal> {
        let invalid = |e: http::Error| Problem::new(ProblemReason::Invalid, format!("{path}: {e}"));
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).map_err(invalid)?;
        request.headers_mut().extend(headers);
        request.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
        let response = self.exchange(self.transport.upgrades(), request).await?;
        let headers = response.headers().clone();
        if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            let message = format!("the API server answered {} and not by another protocol", response.status());
            return Err(Problem::new(ProblemReason::Refused, message).into());
        }
        let upgraded = hyper::upgrade::on(response).await;
        let upgraded = upgraded.map_err(|error| Failure::from(unreachable(root_cause(&error))))?;
        Ok((headers, TokioIo::new(upgraded)))
    }
}
