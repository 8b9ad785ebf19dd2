//! Where objects come from: an API server, or a recording of one.

pub mod apiserver;
pub mod connect;
pub mod replay;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::kind::Kind;
use crate::object::Key;
use crate::recording::recorder::Recorder;

/// One step of following a kind. Objects are JSON as the API server sent it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A whole list begins: what it does not name is gone when it ends.
    ListBegins,
    /// An object of the list.
    Listed(Bytes),
    /// The list is complete, as of that resourceVersion.
    ListEnds(u64),
    /// An object was created or changed.
    Changed(Bytes),
    /// An object was deleted: its last version.
    Deleted(Bytes),
    /// Nothing more happened up to that resourceVersion.
    Bookmark(u64),
    /// The watch is open again.
    Restored,
    /// The list or the watch broke off; it will be tried again.
    Lost(Problem),
}

/// Why a kind cannot be followed at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In one word.
    pub reason: ProblemReason,
    /// In a sentence.
    pub message: String,
}

impl Problem {
    /// Nothing is followed any more, because the daemon ends.
    #[must_use]
    pub fn stopped() -> Self {
        Self { reason: ProblemReason::Unreachable, message: "the daemon is stopping".into() }
    }
}

/// Why a kind cannot be followed at the moment, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemReason {
    /// The API server does not answer.
    Unreachable,
    /// The API server does not know the daemon.
    Unauthorized,
    /// The daemon may not list or watch it.
    Forbidden,
    /// The API server does not serve it.
    NotServed,
    /// The API server answered with another error.
    Refused,
}

impl ProblemReason {
    /// Whether the API server answers, but not with this kind.
    #[must_use]
    pub fn is_of_the_kind(self) -> bool {
        matches!(self, Self::Forbidden | Self::NotServed)
    }
}

impl fmt::Display for ProblemReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Where objects come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// An API server.
    ApiServer(apiserver::ApiServer),
    /// A recording.
    Replay(replay::Replay),
}

impl Source {
    /// Follows `kind` for as long as the sink is read.
    pub async fn follow(&self, kind: &Kind, sink: Sink) {
        match self {
            Self::ApiServer(server) => server.follow(kind, sink).await,
            Self::Replay(replay) => replay.follow(kind, sink).await,
        }
    }

    /// What a read that begins now, and no cache, says of the object.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn read(&self, kind: &Kind, key: &Key) -> Result<Truth, Problem> {
        match self {
            Self::ApiServer(server) => server.read(kind, key).await,
            Self::Replay(_) => Ok(Truth::Cached),
        }
    }

    /// The API server's version, such as `v1.36.3`.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn version(&self) -> Result<String, Problem> {
        match self {
            Self::ApiServer(server) => server.version().await,
            Self::Replay(replay) => Ok(replay.header().kubernetes.clone()),
        }
    }

    /// Whether this is a recording.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        matches!(self, Self::Replay(_))
    }
}

/// What a live read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The object, in that resourceVersion.
    Seen(u64),
    /// No such object, as of that resourceVersion.
    Absent(u64),
    /// Whatever the cache holds: a recording is its own truth.
    Cached,
}

/// Events with the times at which they happened, as a cache's writer takes them.
pub type Events = mpsc::Receiver<(Timestamp, Event)>;

/// Where a source puts what it sees: a cache, and a recording if one is made.
#[derive(Clone, Debug)]
pub struct Sink {
    events: mpsc::Sender<(Timestamp, Event)>,
    recorder: Option<Arc<Recorder>>,
    kind: usize,
    clock: Clock,
}

/// Nobody reads the sink any more.
#[derive(Debug)]
pub struct Closed;

impl Sink {
    /// A sink for the kind of that number, which waits while `events` is full.
    #[must_use]
    pub fn new(
        events: mpsc::Sender<(Timestamp, Event)>,
        recorder: Option<Arc<Recorder>>,
        kind: usize,
        clock: Clock,
    ) -> Self {
        Self { events, recorder, kind, clock }
    }

    /// Puts an event that happens now.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn put(&self, event: Event) -> Result<(), Closed> {
        self.put_at(self.clock.now(), event).await
    }

    /// Puts an event that happens, or happened, at that time.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn put_at(&self, at: Timestamp, event: Event) -> Result<(), Closed> {
        if let Some(recorder) = &self.recorder {
            recorder.record(at, self.kind, event.clone()).await;
        }
        self.events.send((at, event)).await.map_err(|_| Closed)
    }

    /// Returns when nobody reads any more.
    pub async fn closed(&self) {
        self.events.closed().await;
    }
}
