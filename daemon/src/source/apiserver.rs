//! List and watch over the Kubernetes API.

mod answer;
mod lines;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use self::answer::chain;
use self::answer::{JSON, Page, malformed, refused, unreachable};
use self::lines::Lines;
use super::{Closed, Event, Problem, Sink};
use crate::decode;
use crate::kind::Kind;

/// Objects per page of a list.
const PAGE: usize = 500;
/// How long a watch may live; the API server is asked to end it then.
const WATCH_LIFETIME: Duration = Duration::from_secs(290);
/// How long a watch may be silent: past its lifetime it is half open.
const WATCH_IDLE: Duration = Duration::from_secs(295);
/// How long a watch may be silent that sends bookmarks, which Kubernetes does
/// about once a minute (k8s.io/apiserver `storage/cacher`, `bookmarkFrequency`).
const BOOKMARK_IDLE: Duration = Duration::from_secs(150);
/// Waits between tries: doubled from the first up to the last, with jitter.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// One API server.
#[derive(Clone)]
pub struct ApiServer {
    client: kube::Client,
    url: Arc<str>,
    default_namespace: Arc<str>,
    /// What is wrong, by kind: a problem is logged when it comes and when the
    /// last is gone, not at every try and for every kind.
    problems: Arc<Mutex<HashMap<String, Problem>>>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What following a kind does next.
enum Step {
    /// List everything.
    List,
    /// Watch from that resourceVersion on.
    Watch {
        version: u64,
        /// Whether a watch has told anything since the list.
        heard: bool,
    },
}

/// Why a list or watch ended.
enum End {
    /// The resourceVersion is too old, it says: list again.
    Gone(Problem),
    /// Try again.
    Problem(Problem),
    /// Nobody reads the sink any more.
    Closed,
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl ApiServer {
    /// The API server that `client` talks to at `url`.
    #[must_use]
    pub fn new(client: kube::Client, url: impl Into<Arc<str>>, default_namespace: impl Into<Arc<str>>) -> Self {
        Self { client, url: url.into(), default_namespace: default_namespace.into(), problems: Arc::default() }
    }

    /// The namespace of the configuration.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// Lists and watches `kind` until nobody reads `sink` any more.
    pub async fn follow(&self, kind: &Kind, sink: Sink) {
        let mut step = Step::List;
        let mut backoff = BACKOFF.0;
        loop {
            let end = tokio::select! {
                end = self.step(kind, &sink, &mut step, &mut backoff) => end,
                () = sink.closed() => return,
            };
            let problem = match end {
                Ok(()) => continue,
                Err(End::Closed) => return,
                Err(End::Gone(problem)) => {
                    let expected = matches!(std::mem::replace(&mut step, Step::List), Step::Watch { heard: true, .. });
                    if expected {
                        continue;
                    }
                    // What was only just listed is not too old: not so fast.
                    problem
                }
                Err(End::Problem(problem)) => problem,
            };
            self.log(kind, Some(&problem));
            if sink.put(Event::Lost(problem)).await.is_err() {
                return;
            }
            tokio::time::sleep(backoff.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    async fn step(&self, kind: &Kind, sink: &Sink, step: &mut Step, backoff: &mut Duration) -> Result<(), End> {
        match step {
            Step::List => *step = Step::Watch { version: self.list(kind, sink).await?, heard: false },
            Step::Watch { version, heard } => self.watch(kind, sink, (version, heard), backoff).await?,
        }
        Ok(())
    }

    /// Puts a whole list, page by page, and returns its resourceVersion.
    async fn list(&self, kind: &Kind, sink: &Sink) -> Result<u64, End> {
        sink.put(Event::ListBegins).await?;
        let mut token = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}", kind.path(None));
            if !token.is_empty() {
                path.push_str("&continue=");
                path.extend(utf8_percent_encode(&token, NON_ALPHANUMERIC));
            }
            let body = self.get(&path, JSON).await.map_err(|failure| failure.problem)?;
            let page: Page<'_> = serde_json::from_slice(&body).map_err(|e| malformed("list", &e))?;
            for item in page.items {
                sink.put(Event::Listed(body.slice_ref(item.get().as_bytes()))).await?;
            }
            if page.metadata.r#continue.is_empty() {
                let version = page.metadata.resource_version;
                sink.put(Event::ListEnds(version)).await?;
                return Ok(version);
            }
            token = page.metadata.r#continue;
        }
    }

    /// Puts changes from `version` on until the API server ends the watch, and
    /// leaves in `version` how far it came, and in `ever_heard` if it has.
    async fn watch(
        &self,
        kind: &Kind,
        sink: &Sink,
        (version, ever_heard): (&mut u64, &mut bool),
        backoff: &mut Duration,
    ) -> Result<(), End> {
        let lifetime = WATCH_LIFETIME.as_secs();
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={lifetime}",
            kind.path(None)
        );
        let response = self.send(&path, JSON).await.map_err(|failure| match failure.status {
            Some(StatusCode::GONE) => End::Gone(failure.problem),
            _ => End::Problem(failure.problem),
        })?;
        sink.put(Event::Restored).await?;
        self.log(kind, None);
        let mut lines = Lines::new(response.into_body());
        let mut heard = false;
        let mut idle = WATCH_IDLE;
        while let Some(line) = tokio::time::timeout(idle, lines.next())
            .await
            .map_err(|_| unreachable(format!("the watch was silent for {} s", idle.as_secs())))?
            .map_err(unreachable)?
        {
            let event = watch_event(&line)?;
            if matches!(event.event, Event::Bookmark(_)) {
                idle = BOOKMARK_IDLE;
            }
            *backoff = BACKOFF.0;
            (heard, *ever_heard) = (true, true);
            // It never goes back, or the next watch would repeat what was told.
            *version = event.version.unwrap_or(0).max(*version);
            sink.put(event.event).await?;
        }
        // One that lives as asked ends after bookmarks; this one is no use.
        if heard { Ok(()) } else { Err(unreachable("the watch ended without an event").into()) }
    }

    /// Logs a problem of `kind`, or that it is over, if that is news.
    fn log(&self, kind: &Kind, problem: Option<&Problem>) {
        let mut problems = self.problems.lock();
        match problem {
            Some(problem) => {
                let known = problems.values().any(|known| known == problem);
                problems.insert(kind.to_string(), problem.clone());
                if !known {
                    tracing::warn!(%kind, reason = %problem.reason, "cannot be followed, trying on: {}", problem.message);
                }
            }
            None => {
                if problems.remove(&kind.to_string()).is_some() && problems.is_empty() {
                    tracing::info!("every kind can be followed again");
                }
            }
        }
    }
}

/// A watch event and the resourceVersion that it brings the watch to.
struct WatchEvent {
    event: Event,
    version: Option<u64>,
}

fn watch_event(line: &Bytes) -> Result<WatchEvent, End> {
    #[derive(Deserialize)]
    struct Line<'a> {
        r#type: &'a str,
        #[serde(borrow)]
        object: &'a RawValue,
    }
    let parsed: Line<'_> = serde_json::from_slice(line).map_err(|e| malformed("watch event", &e))?;
    let object = parsed.object.get();
    let bytes = || line.slice_ref(object.as_bytes());
    // An object that does not say its version is a bad object, not a bad watch.
    let version = decode::identity(object.as_bytes()).and_then(|identity| identity.resource_version);
    let event = match parsed.r#type {
        "ADDED" | "MODIFIED" => Event::Changed(bytes()),
        "DELETED" => Event::Deleted(bytes()),
        "BOOKMARK" => match version {
            Some(version) => Event::Bookmark(version),
            None => return Err(malformed("bookmark", &"it has no resourceVersion").into()),
        },
        "ERROR" => return Err(watch_error(object)),
        other => return Err(malformed("watch event", &format!("unknown type {other:?}")).into()),
    };
    Ok(WatchEvent { event, version })
}

fn watch_error(status: &str) -> End {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        code: u16,
    }
    let code = serde_json::from_str::<Status>(status).map_or(0, |s| s.code);
    match StatusCode::from_u16(code) {
        Ok(StatusCode::GONE) => End::Gone(refused(StatusCode::GONE, status.as_bytes())),
        Ok(code) => End::Problem(refused(code, status.as_bytes())),
        Err(_) => malformed("watch error", &status).into(),
    }
}
