//! What a node's kubelet tells of it, by the API server.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Limited};

use super::ApiServer;
use super::answer::{accept, root_cause, unreachable};
use crate::kind::escape;
use crate::source::{Problem, ProblemReason};

/// How long a kubelet may take to answer, and to send its answer.
const ANSWER: Duration = Duration::from_secs(15);

impl ApiServer {
    /// The summary of a node: JSON of at most so many bytes.
    pub(in crate::source) async fn node_summary(&self, node: &str, most: usize) -> Result<Bytes, Problem> {
        let ticket = self.transport.log().map_err(|error| self.not_sent(&error))?;
        let path = format!("/api/v1/nodes/{}/proxy/stats/summary", escape(node));
        let sent = self.send_within(&ticket.client, &path, accept::JSON, HeaderMap::new(), ANSWER).await;
        let body = Limited::new(sent.map_err(|failure| failure.problem)?.into_body(), most);
        match tokio::time::timeout(ANSWER, body.collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                Err(Problem::new(ProblemReason::Refused, format!("it is longer than {most} bytes")))
            }
            Ok(Err(error)) => Err(unreachable(root_cause(error.as_ref()))),
            Err(_) => Err(unreachable(format!("no whole answer within {} s", ANSWER.as_secs()))),
        }
    }
}
