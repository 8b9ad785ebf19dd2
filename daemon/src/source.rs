//! Where objects come from: an API server, or a recording of one.

pub mod apiserver;
pub mod connect;
pub mod listing;
pub mod logs;
pub mod replay;
pub mod shared;
mod sink;
pub mod table;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use self::sink::{Arrivals, Batch, Closed, Sink};
use self::table::{Table, Wanted};
use crate::catalog::Catalog;
use crate::cause::EventLine;
use crate::clock::Clock;
use crate::kind::{Content, Kind, escape};
use crate::record::{Key, Uid};

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
    /// How long the API server asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of that reason.
    pub fn new(reason: ProblemReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), retry_after: None }
    }

    /// Nothing is followed any more, because the daemon ends.
    #[must_use]
    pub fn stopped() -> Self {
        Self::new(ProblemReason::Unreachable, "the daemon is stopping")
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
    /// The API server does not understand the request.
    Invalid,
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

/// What is followed: the objects of a kind, everywhere or in one namespace.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Their kind.
    pub kind: Arc<Kind>,
    /// The only namespace; `None` for all, or where the kind has none.
    pub namespace: Option<Box<str>>,
    /// How much of each object.
    pub content: Content,
    /// Which of them, if not all.
    pub field_selector: Option<&'static str>,
}

impl Collection {
    /// The objects of a kind, everywhere or in one namespace.
    #[must_use]
    pub fn of(kind: Arc<Kind>, namespace: Option<Box<str>>) -> Self {
        Self { content: kind.content(), namespace, kind, field_selector: None }
    }

    fn path(&self) -> String {
        self.kind.path(self.namespace.as_deref())
    }

    /// What a list or watch of it asks for besides.
    fn selector(&self) -> String {
        self.field_selector.map(|selector| format!("&fieldSelector={}", escape(selector))).unwrap_or_default()
    }

    fn accept(&self) -> &'static str {
        match self.content {
            Content::Whole => apiserver::accept::JSON,
            Content::Metadata => apiserver::accept::METADATA,
        }
    }

    fn accept_list(&self) -> &'static str {
        match self.content {
            Content::Whole => apiserver::accept::JSON,
            Content::Metadata => apiserver::accept::METADATA_LIST,
        }
    }
}

/// `pods`, or `pods in namespace "a"`, or `events of which reason=FailedCreate`.
impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if let Some(selector) = self.field_selector {
            write!(f, " of which {selector}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace:?}"),
            None => Ok(()),
        }
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
    /// Follows a collection for as long as the sink is read.
    pub async fn follow(&self, collection: &Collection, sink: Sink) {
        match self {
            Self::ApiServer(server) => server.follow(collection, sink).await,
            Self::Replay(replay) => replay.follow(&collection.kind, sink).await,
        }
    }

    /// Keeps `catalog` true, for ever. That of a recording is as it is.
    pub async fn keep_catalog(&self, catalog: &Catalog, clock: &Clock) {
        match self {
            Self::ApiServer(server) => server.keep_catalog(catalog, clock).await,
            Self::Replay(_) => std::future::pending().await,
        }
    }

    /// The kinds that are served now.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn kinds(&self) -> Result<Vec<Kind>, Problem> {
        match self {
            Self::ApiServer(server) => server.kinds().await,
            Self::Replay(replay) => Ok(replay.header().kinds.clone()),
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

    /// The JSON of an object as it is now, as a body would hold it; `None` if it
    /// is gone, or if there is nothing to read it from.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn read_whole(&self, collection: &Collection, key: &Key) -> Result<Option<String>, Problem> {
        match self {
            Self::ApiServer(server) => server.read_whole(collection, key).await,
            Self::Replay(_) => Ok(None),
        }
    }

    /// What a read that begins now, and no cache, says of all objects of a
    /// collection that are selected. `None` if the cache is its own truth.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn read_set(&self, collection: &Collection, selectors: &Selectors) -> Result<Option<Set>, Problem> {
        match self {
            Self::ApiServer(server) => server.read_set(collection, selectors).await.map(Some),
            Self::Replay(_) => Ok(None),
        }
    }

    /// A page of a kind's table, read now; `None` if the one object that is wanted is not there.
    ///
    /// # Errors
    /// If the API server does not give it, or there is none.
    pub async fn read_table(&self, kind: &Kind, wanted: &Wanted<'_>) -> Result<Option<Table>, Problem> {
        match self {
            Self::ApiServer(server) => server.read_table(kind, wanted).await,
            Self::Replay(_) => Err(Problem::new(ProblemReason::NotServed, "a recording has no tables")),
        }
    }

    /// What events tell of the object of that UID; none, if there is nobody to ask.
    ///
    /// # Errors
    /// If the API server does not say.
    pub async fn read_events(&self, namespace: &str, uid: &str) -> Result<Vec<EventLine>, Problem> {
        match self {
            Self::ApiServer(server) => server.read_events(namespace, uid).await,
            Self::Replay(_) => Ok(Vec::new()),
        }
    }

    /// The last lines of a container's log, or of its run before; none, if there is
    /// nobody to ask.
    ///
    /// # Errors
    /// If the API server does not say: it asks the pod's node.
    pub async fn read_log(
        &self,
        pod: &Key,
        container: &str,
        previous: bool,
        lines: usize,
    ) -> Result<Vec<String>, Problem> {
        match self {
            Self::ApiServer(server) => server.read_log(pod, container, previous, lines).await,
            Self::Replay(_) => Ok(Vec::new()),
        }
    }

    /// What a node's kubelet tells of what is used there, as JSON of at most so many bytes
    /// (k8s.io/kubelet `pkg/apis/stats/v1alpha1`, `Summary`).
    ///
    /// # Errors
    /// If the API server does not give it, which asks the kubelet, it is longer, or there is nobody to ask.
    pub async fn node_summary(&self, node: &str, most: usize) -> Result<Bytes, Problem> {
        match self {
            Self::ApiServer(server) => server.node_summary(node, most).await,
            Self::Replay(_) => Err(Problem::new(ProblemReason::NotServed, "a recording has no kubelets")),
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

    /// The API server, if this is one.
    #[must_use]
    pub fn api_server(&self) -> Option<apiserver::ApiServer> {
        match self {
            Self::ApiServer(server) => Some(server.clone()),
            Self::Replay(_) => None,
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

/// Which objects of a collection are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selectors {
    /// Those with such labels.
    pub labels: String,
    /// Those with such fields.
    pub fields: String,
}

impl Selectors {
    /// Those with such labels.
    #[must_use]
    pub fn labels(labels: String) -> Self {
        Self { labels, fields: String::new() }
    }

    /// Those with such fields.
    #[must_use]
    pub fn fields(fields: String) -> Self {
        Self { fields, labels: String::new() }
    }
}

/// What a live list found.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// As of when.
    pub version: u64,
    /// The newest version of an object in it.
    pub newest: u64,
    /// The objects.
    pub uids: HashSet<Uid>,
}
