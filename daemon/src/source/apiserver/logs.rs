//! The log of a container, as its node's kubelet streams it.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use jiff::tz::TimeZone;
use kube::client::Body;

use super::ApiServer;
use super::answer::{ANSWER, root_cause, unreachable};
use super::transport::Ticket;
use crate::kind::escape;
use crate::source::Problem;
use crate::source::logs::{LogBody, LogRequest};

/// How long the answer to a request that follows may take: its head comes with the log's
/// first line.
const FIRST_LINE: Duration = Duration::from_hours(1);

/// A log that is being read, and its place on the connection.
pub(super) struct Reading {
    body: Body,
    /// How long it may be silent.
    patience: Option<Duration>,
    _ticket: Ticket,
}

impl ApiServer {
    /// Opens a log: its lines as they were written, each behind its time.
    pub(in crate::source) async fn open_log(&self, wanted: &LogRequest) -> Result<LogBody, Problem> {
        let ticket = self.transport.log().map_err(|error| self.not_sent(&error))?;
        let limit = if wanted.follow { FIRST_LINE } else { ANSWER };
        let sent = self.send_within(&ticket.client, &path(wanted), "*/*", HeaderMap::new(), limit).await;
        let body = sent.map_err(|failure| failure.problem)?.into_body();
        let patience = (!wanted.follow).then_some(ANSWER);
        Ok(frames(Reading { body, patience, _ticket: ticket }))
    }
}

pub(super) fn frames(reading: Reading) -> LogBody {
    let next = |reading: Option<Reading>| async move {
        let mut reading = reading?;
        let frame = reading.frame().await?;
        let goes_on = frame.is_ok();
        Some((frame, goes_on.then_some(reading)))
    };
    let frames: BoxStream<'static, _> = stream::unfold(Some(reading), next).boxed();
    frames
}

impl Reading {
    /// Of a body that may be silent for as long as it likes.
    pub(super) fn without_limit(body: Body, ticket: Ticket) -> Self {
        Self { body, patience: None, _ticket: ticket }
    }

    async fn frame(&mut self) -> Option<Result<Bytes, Problem>> {
        let frame = match self.patience {
            None => self.body.frame().await,
            Some(patience) => match tokio::time::timeout(patience, self.body.frame()).await {
                Ok(frame) => frame,
                Err(_) => return Some(Err(unreachable(format!("the log stopped for {} s", patience.as_secs())))),
            },
        };
        let frame = frame?.map_err(|error| unreachable(root_cause(&error)));
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }
}

/// The path of `core/v1`'s `PodLogOptions`. API servers hand whole seconds of `sinceTime` on.
fn path(wanted: &LogRequest) -> String {
    let LogRequest { pod, container, previous, follow, since, tail } = wanted;
    let (namespace, name) = (escape(&pod.namespace), escape(&pod.name));
    let container = escape(container);
    let mut path = format!("/api/v1/namespaces/{namespace}/pods/{name}/log?container={container}&timestamps=true");
    if *previous {
        path += "&previous=true";
    }
    if *follow {
        path += "&follow=true";
    }
    if let Some(since) = since {
        let since = since.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        path += &format!("&sinceTime={}", escape(&since));
    }
    if let Some(tail) = tail {
        path += &format!("&tailLines={tail}");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Key;

    #[test]
    fn a_request_says_what_kubelets_read() {
        let mut wanted = LogRequest {
            pod: Key::new("n", "web"),
            container: "main".into(),
            previous: false,
            follow: true,
            since: "2026-01-01T00:00:11.9Z".parse().ok(),
            tail: Some(5),
        };
        let root = "/api/v1/namespaces/n/pods/web/log?container=main&timestamps=true";
        assert_eq!(path(&wanted), format!("{root}&follow=true&sinceTime=2026-01-01T00%3A00%3A11Z&tailLines=5"));
        (wanted.previous, wanted.follow, wanted.since, wanted.tail) = (true, false, None, None);
        assert_eq!(path(&wanted), format!("{root}&previous=true"));
    }
}
