//! An API server for benchmarks: pods that exist only here, served from memory
//! with as little CPU as possible, over plain HTTP/1.1 on loopback.
//!
//! It has a thread of its own, and can be told what a real one cannot be: to
//! publish changes, end all watches, forget its history, refuse WatchList. It
//! counts what it is asked.

mod answer;
mod body;
mod counts;
mod discovery;
mod document;
mod query;
mod store;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use self::counts::Counts;
pub use self::store::Change;
use self::store::Store;
use crate::pods::PodSet;

/// How often watches get a bookmark, as a real API server's do.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// The namespace of kubeconfigs.
const NAMESPACE: &str = "default";

/// A running server. It ends with the process.
pub struct FakeApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// What the server's thread and its owner share.
struct Shared {
    state: Mutex<State>,
    counts: Counts,
}

struct State {
    store: Store,
    /// Whether `sendInitialEvents` is served.
    watch_list: bool,
    /// When pods were first asked for since the last [`FakeApiServer::reset`].
    first_request: Option<Instant>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked has failed the benchmark already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeApiServer {
    /// Serves `pods`, all of them ready.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub fn start(pods: PodSet) -> Result<Self> {
        let state = State { store: Store::new(pods), watch_list: true, first_request: None };
        let shared = Arc::new(Shared { state: Mutex::new(state), counts: Counts::default() });
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("the fake API server cannot listen")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&shared);
        std::thread::Builder::new().name("fake-apiserver".into()).spawn(move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => serve(listener, serving).await,
                    Err(error) => eprintln!("the fake API server cannot listen: {error}"),
                }
            });
        })?;
        Ok(Self { shared, address })
    }

    /// The URL of its root.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self) -> String {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": self.url()}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
            "users": [{"name": "u", "user": {}}],
        })
        .to_string()
    }

    /// Whether WatchList is served, or refused as by a server without it.
    pub fn serve_watch_list(&self, serve: bool) {
        self.shared.lock().watch_list = serve;
    }

    /// Joins what whole lists and WatchLists are made of, so that no request
    /// has to wait for it.
    pub fn prepare(&self, limit: usize) {
        let mut state = self.shared.lock();
        state.store.initial_events();
        state.store.pages(limit);
    }

    /// The next change of a pod: its Ready condition flips. It is not published.
    pub fn change(&self, index: usize) -> Change {
        self.shared.lock().store.change(index)
    }

    /// Publishes changes, in the order in which they were made.
    pub fn publish(&self, changes: impl IntoIterator<Item = Change>) {
        let mut state = self.shared.lock();
        for change in changes {
            state.store.publish(change);
        }
    }

    /// Ends all watches.
    pub fn end_watches(&self) {
        self.shared.lock().store.end_watches();
    }

    /// Forgets all history, so that watches from any earlier resourceVersion
    /// are told 410, and ends all watches.
    pub fn expire(&self) {
        let mut state = self.shared.lock();
        state.store.expire();
        state.store.end_watches();
    }

    /// Counts begin anew, and so does the time of the first request.
    pub fn reset(&self) {
        self.shared.counts.reset();
        self.shared.lock().first_request = None;
    }

    /// What it was asked since the last reset.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Open watches of pods.
    pub fn open_watches(&self) -> usize {
        self.shared.lock().store.open_watches()
    }

    /// When pods were first listed or watched since the last reset.
    pub fn first_request(&self) -> Option<Instant> {
        self.shared.lock().first_request
    }

    /// A pod's namespace and name.
    pub fn name(&self, index: usize) -> (String, String) {
        let state = self.shared.lock();
        let pods = state.store.pods();
        (pods.namespace(index).to_owned(), pods.name(index))
    }

    /// How many pods there are.
    pub fn pods(&self) -> usize {
        self.shared.lock().store.pods().count()
    }

    /// The mean length of a pod's JSON in bytes.
    pub fn mean_size(&self) -> f64 {
        self.shared.lock().store.mean_size()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut bookmarks = tokio::time::interval_at(tokio::time::Instant::now() + BOOKMARKS, BOOKMARKS);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                while connections.try_join_next().is_some() {}
                let Ok((connection, _)) = accepted else { continue };
                // As Go's servers do; a delay would be the benchmark's own.
                let _slower = connection.set_nodelay(true);
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| answer::answer(Arc::clone(&shared), request));
                    // A connection that breaks is the client's to handle.
                    let _broken = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(connection), service)
                        .await;
                });
            }
            _ = bookmarks.tick() => shared.lock().store.bookmark(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What a read of one pod's metadata says of its version.
    async fn version(server: &FakeApiServer, index: usize) -> u64 {
        let (namespace, name) = server.name(index);
        let request = format!(
            "GET /api/v1/namespaces/{namespace}/pods/{name} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\
             Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1\r\n\r\n"
        );
        let mut connection = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let object: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&object["kind"], &object["spec"]), (&"PartialObjectMetadata".into(), &serde_json::Value::Null));
        object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn a_pod_that_is_read_is_as_it_was_published_last() {
        let server = FakeApiServer::start(PodSet::new(2, 7)).unwrap();
        let before = version(&server, 1).await;
        let change = server.change(1);
        let made = change.version;
        assert_eq!(version(&server, 1).await, before);
        server.publish([change]);
        assert_eq!(version(&server, 1).await, made);
        assert_eq!(server.counts().gets(), 3);
    }
}
