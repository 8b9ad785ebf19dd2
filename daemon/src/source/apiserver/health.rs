//! What an API server tells of itself and of those beside it.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use tokio::time::{Instant, timeout, timeout_at};

use super::ApiServer;
use super::answer::{Explained, Failure, accept, malformed, refused, root_cause, unreachable};
use crate::control_plane::checks::Endpoint;
use crate::control_plane::leader::Leader;
use crate::control_plane::metrics::{Metrics, Reading};
use crate::kind::escape;
use crate::source::Problem;

/// How long an answer may take: the check of etcd alone takes 2 s where etcd does not answer
/// (kube-apiserver `--etcd-healthcheck-timeout`).
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a Lease may take: all of it together is to be told within 30 s, which clients wait for.
const LEASE_PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of checks that are read.
const CHECKS: usize = 256 << 10;
/// How long metrics may take, and how large they may be: of a large cluster they have tens of
/// megabytes.
const METRICS_PATIENCE: Duration = Duration::from_secs(8);
const METRICS: usize = 512 << 20;

/// An answer, and how long it took: from the request to its last byte, over the connection that
/// all the daemon's reads have.
#[derive(Debug)]
pub struct Timed<T> {
    /// How long.
    pub took: Duration,
    /// The answer.
    pub answer: T,
}

impl<T> Timed<T> {
    async fn of(asked: impl Future<Output = T>) -> Self {
        let begun = Instant::now();
        let answer = asked.await;
        Self { took: begun.elapsed(), answer }
    }
}

impl ApiServer {
    /// The version, such as `v1.36.3`.
    ///
    /// # Errors
    /// If the API server does not say within some seconds.
    pub async fn timed_version(&self) -> Timed<Result<String, Problem>> {
        Timed::of(async { timeout(PATIENCE, self.version()).await.unwrap_or_else(|_| Err(late(PATIENCE))) }).await
    }

    /// What the API server says at `/livez` or `/readyz`: one that does not pass answers 500, with
    /// the same text.
    ///
    /// # Errors
    /// If it says nothing of itself there, or not to the daemon.
    pub async fn read_checks(&self, path: &str) -> Timed<Result<Endpoint, Problem>> {
        Timed::of(async {
            match timeout(PATIENCE, self.text(&format!("{path}?verbose"))).await {
                Ok(answered) => {
                    let (status, text) = answered?;
                    match status {
                        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                            Err(refused(status, &Explained::read(text.as_bytes()).message))
                        }
                        status => Ok(Endpoint::read(status.is_success(), &text)),
                    }
                }
                Err(_) => Err(late(PATIENCE)),
            }
        })
        .await
    }

    /// A text, whatever the answer's status.
    async fn text(&self, path: &str) -> Result<(StatusCode, String), Problem> {
        let refused = |e: http::Error| Problem::new(crate::source::ProblemReason::Refused, format!("{path}: {e}"));
        let request = Request::get(path)
            .header(header::ACCEPT, "text/plain, */*")
            .header(header::ACCEPT_ENCODING, "identity")
            .body(Body::empty())
            .map_err(refused)?;
        let response = self.transport.reads().send(request).await.map_err(|error| self.not_sent(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), CHECKS).collect().await;
        let body = body.map_err(|error| unreachable(root_cause(error.as_ref())))?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// The Lease by which a component elects its leader, as it is now; `None` if there is none.
    ///
    /// # Errors
    /// If the API server does not give it within some seconds.
    pub async fn read_leader(&self, namespace: &str, name: &str) -> Timed<Result<Option<Leader>, Problem>> {
        let (namespace, name) = (escape(namespace), escape(name));
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}");
        Timed::of(async {
            match timeout(LEASE_PATIENCE, self.get(&path, accept::JSON)).await {
                Ok(Ok(json)) => Leader::read(&json).map(Some).map_err(|error| malformed("lease", &error)),
                Ok(Err(Failure { status: Some(StatusCode::NOT_FOUND), .. })) => Ok(None),
                Ok(Err(failure)) => Err(failure.problem),
                Err(_) => Err(late(LEASE_PATIENCE)),
            }
        })
        .await
    }

    /// What the API server's metrics tell; they are read as they come, and little of them is kept.
    ///
    /// # Errors
    /// If it does not give them, or not whole in time.
    pub async fn read_metrics(&self) -> Result<Metrics, Problem> {
        let ends = Instant::now() + METRICS_PATIENCE;
        let accept = "text/plain;version=0.0.4";
        let sent = self.send_within(self.transport.reads(), "/metrics", accept, HeaderMap::new(), METRICS_PATIENCE);
        let mut body = sent.await.map_err(|failure| failure.problem)?.into_body();
        let (mut reading, mut room) = (Reading::default(), METRICS);
        loop {
            let Ok(frame) = timeout_at(ends, body.frame()).await else {
                let seconds = METRICS_PATIENCE.as_secs();
                return Err(unreachable(format!("the API server's metrics did not come whole within {seconds} s")));
            };
            let Some(frame) = frame else { return Ok(reading.finish()) };
            let bytes = frame.map_err(|error| unreachable(root_cause(&error)))?.into_data().unwrap_or_default();
            room = room.checked_sub(bytes.len()).ok_or_else(|| unreachable("the API server's metrics do not end"))?;
            reading.take(&bytes);
        }
    }
}

fn late(patience: Duration) -> Problem {
    unreachable(format!("no answer within {} s", patience.as_secs()))
}
