//! Logs of containers, as a source streams them.

use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::{Problem, ProblemReason, Source};
use crate::record::Key;

/// Which log, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// The pod.
    pub pod: Key,
    /// The container's name.
    pub container: String,
    /// Whether it is that of the run before.
    pub previous: bool,
    /// Whether it goes on for as long as the container runs.
    pub follow: bool,
    /// Only lines from this second on.
    pub since: Option<Timestamp>,
    /// Only the last so many lines.
    pub tail: Option<u64>,
}

/// A log's bytes as they come: each line is its time, a blank, and what was written. Behind an
/// error nothing comes.
pub type LogBody = BoxStream<'static, Result<Bytes, Problem>>;

impl Source {
    /// Opens the log of a container. One that follows is opened when the log has a line.
    ///
    /// # Errors
    /// If the API server does not give it, which asks the pod's node; or if there is nobody to ask.
    pub async fn open_log(&self, wanted: &LogRequest) -> Result<LogBody, Problem> {
        match self {
            Self::ApiServer(server) => server.open_log(wanted).await,
            Self::Replay(_) => Err(Problem::new(ProblemReason::NotServed, "a recording has no logs")),
        }
    }
}
