//! An API server in the test's own process, on a real socket, that can be made
//! to do what a real one does not do on demand.
//!
//! It serves lists (in pages), watches and single objects of the kinds in
//! [`Collection`], events and logs, as the test writes them, and [`Fault`]s of
//! every sort. It counts what it is asked.

mod answer;
mod collection;
mod counts;
mod discovery;
mod evidence;
mod faults;
mod forwards;
mod logs;
pub mod objects;
mod reviews;
mod store;
mod texts;
mod watch;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use self::collection::Collection;
pub use self::counts::Counts;
use self::evidence::{Evidence, Log};
use self::faults::Faults;
pub use self::faults::{Answer, Cut, Fault, StreamingLists, Verb};
use self::forwards::Forwards;
pub use self::forwards::{Forwarded, NoSpdy, Port, Way};
pub use self::logs::LogStreams;
use self::logs::Logs;
use self::objects::NAMESPACE;
use self::reviews::Reviews;
pub use self::store::Written;
use self::store::{Store, line};
use self::texts::Texts;
use crate::process::PATIENCE;

/// A running fake API server. It ends when dropped.
#[derive(Debug)]
pub struct FakeApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Rises with every change of the state.
    ticks: tokio::sync::watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    store: Store,
    evidence: Evidence,
    logs: Logs,
    forwards: Forwards,
    reviews: Reviews,
    texts: Texts,
    impersonated: Vec<(String, String)>,
    faults: Faults,
    counts: Counts,
    /// Kinds that are served besides, because the test wants them.
    besides: Vec<Collection>,
    /// What is left of lists that were begun, by token, with their version.
    pages: HashMap<String, (u64, Vec<Value>)>,
    tokens: u64,
}

impl State {
    fn keep_page(&mut self, version: u64, rest: Vec<Value>) -> String {
        self.tokens += 1;
        let token = format!("page{}", self.tokens);
        self.pages.insert(token.clone(), (version, rest));
        token
    }
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock());
        self.ticks.send_modify(|ticks| *ticks += 1);
        result
    }

    /// Returns when the faults that are there now are healed.
    async fn healed(&self) {
        let before = self.state.lock().faults.heals;
        let mut ticks = self.ticks.subscribe();
        // An error means that the server ends, and the request with it.
        let _ended = ticks.wait_for(|_| self.state.lock().faults.heals > before).await.map(drop);
    }
}

impl FakeApiServer {
    /// Starts one without objects.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = State {
            store: Store::new(),
            evidence: Evidence::default(),
            logs: Logs::default(),
            forwards: Forwards::default(),
            reviews: Reviews::default(),
            texts: Texts::default(),
            impersonated: Vec::new(),
            faults: Faults::default(),
            counts: Counts::default(),
            besides: Vec::new(),
            pages: HashMap::new(),
            tokens: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), ticks: tokio::sync::watch::Sender::new(0) });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, address, accepting })
    }

    /// A kubeconfig that leads here.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": NAMESPACE}}],
            "users": [{"name": "u", "user": {}}],
        })
        .to_string()
    }

    /// Creates or changes the object that has this one's name.
    pub fn put(&self, collection: Collection, object: Value) -> Written {
        self.shared.change(|state| state.store.put(collection, object))
    }

    /// Deletes an object; says whether there was one.
    pub fn delete(&self, collection: Collection, name: &str) -> bool {
        self.shared.change(|state| state.store.delete(collection, NAMESPACE, name))
    }

    /// Serves events as a kind, that of [`Collection::Events`].
    pub fn serve_events(&self) {
        self.shared.change(|state| state.besides.push(Collection::Events));
    }

    /// Serves nodes, those of [`Collection::Nodes`].
    pub fn serve_nodes(&self) {
        self.shared.change(|state| state.besides.push(Collection::Nodes));
    }

    /// Adds an event about the object of that UID, to be read by that alone.
    pub fn add_event(&self, uid: &str, mut event: Value) {
        event["involvedObject"]["uid"] = uid.into();
        self.shared.change(|state| state.evidence.events.push(event));
    }

    /// Gives a container of a pod its log, or that of its run before.
    pub fn write_log(&self, pod: &str, container: &str, previous: bool, text: &str) {
        let log = Log { pod: pod.to_owned(), container: container.to_owned(), previous };
        self.shared.change(|state| state.evidence.logs.insert(log, text.to_owned()));
    }

    /// Logs, by tests that write them.
    #[must_use]
    pub fn streams(&self) -> LogStreams<'_> {
        LogStreams(&self.shared)
    }

    /// What the ports of a pod do with connections.
    pub fn forward(&self, pod: &str, port: Port) {
        self.shared.change(|state| state.forwards.ports.insert(pod.to_owned(), port));
    }

    /// Lets nothing through that asks for SPDY.
    pub fn know_no_spdy(&self, how: NoSpdy) {
        self.shared.change(|state| state.forwards.no_spdy = Some(how));
    }

    /// Refuses WebSockets to ports, for the right to `get`.
    pub fn allow_no_web_socket(&self) {
        self.shared.change(|state| state.forwards.no_web_socket = true);
    }

    /// The connections to ports of pods that were asked for so far.
    #[must_use]
    pub fn forwarded(&self) -> Vec<Forwarded> {
        self.shared.state.lock().forwards.asked.clone()
    }

    /// Bytes that endless ports have got rid of.
    #[must_use]
    pub fn sent_by_ports(&self) -> usize {
        self.shared.state.lock().forwards.sent
    }

    /// Returns once so many connections to ports of pods are open.
    ///
    /// # Panics
    /// If that does not come.
    #[expect(clippy::panic, reason = "a test whose condition does not come has failed")]
    pub async fn until_forwarding(&self, connections: usize) {
        let mut ticks = self.shared.ticks.subscribe();
        let reached = ticks.wait_for(|_| self.shared.state.lock().forwards.open == connections);
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            panic!("waited in vain for {connections} connections: {}", self.shared.state.lock().forwards.open);
        }
    }

    /// The GET requests that were made as somebody else: who, and of what.
    #[must_use]
    pub fn impersonated(&self) -> Vec<(String, String)> {
        self.shared.state.lock().impersonated.clone()
    }

    /// Answers TokenReviews and SubjectAccessReviews: `reviewer` is given each whole, and says its
    /// status, or with `None` that the API server cannot say.
    pub fn answer_reviews(&self, reviewer: impl Fn(&Value) -> Option<Value> + Send + Sync + 'static) {
        self.shared.change(|state| state.reviews.reviewer = Some(Arc::new(reviewer)));
    }

    /// The reviews of callers that were asked for so far: of what the daemon itself may, there are others.
    #[must_use]
    pub fn reviews(&self) -> Vec<Value> {
        let mut asked = self.shared.state.lock().reviews.asked.clone();
        asked.retain(|review| review["kind"] != "SelfSubjectAccessReview");
        asked
    }

    /// Serves a text at a path of no collection's, such as `/readyz`, with that HTTP status.
    pub fn serve_text(&self, path: &str, status: u16, text: impl Into<String>) {
        self.shared.change(|state| state.texts.put(path, Some((status, text.into()))));
    }

    /// Takes requests for such a path and does not answer.
    pub fn stall_text(&self, path: &str) {
        self.shared.change(|state| state.texts.put(path, None));
    }

    /// How often such a path was asked for.
    #[must_use]
    pub fn texts_asked(&self, path: &str) -> usize {
        self.shared.state.lock().texts.asked(path)
    }

    /// The objects of a collection, in the order of their names.
    #[must_use]
    pub fn objects(&self, collection: Collection) -> Vec<Value> {
        self.shared.state.lock().store.objects(collection).cloned().collect()
    }

    /// The newest resourceVersion.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.state.lock().store.version
    }

    /// What it was asked so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.state.lock().counts.clone()
    }

    /// Returns once `wanted` holds of what it was asked.
    ///
    /// # Panics
    /// If that does not come.
    #[expect(clippy::panic, reason = "a test whose condition does not come has failed")]
    pub async fn until(&self, what: &str, wanted: impl Fn(&Counts) -> bool) {
        let mut ticks = self.shared.ticks.subscribe();
        let reached = ticks.wait_for(|_| wanted(&self.shared.state.lock().counts));
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            panic!("waited in vain for {what}: {:?}", self.counts());
        }
    }

    /// Returns once it has a watch open of every kind.
    pub async fn until_watched(&self) {
        let open = |counts: &Counts| Collection::ALL.into_iter().all(|collection| counts.open_watches(collection) == 1);
        self.until("a watch of every kind", open).await;
    }

    /// Switches a fault of requests on. Of several, the first that fits counts.
    pub fn fault(&self, fault: Fault) {
        self.shared.change(|state| state.faults.add(fault));
    }

    /// Switches all faults of requests off; those that stall break off.
    pub fn heal(&self) {
        self.shared.change(|state| state.faults.heal());
    }

    /// Forgets the history so far: a watch from an earlier version is told 410,
    /// as its HTTP status or, if `in_stream`, as an event. So is the next page
    /// of a list that was begun.
    pub fn compact(&self, in_stream: bool) {
        self.shared.change(|state| {
            state.store.compacted = state.store.version;
            state.faults.gone_in_stream = in_stream;
            state.pages.clear();
        });
    }

    /// Watches that are to begin with a list are answered like that.
    pub fn streaming_lists(&self, known: StreamingLists) {
        self.shared.change(|state| state.faults.streaming_lists = known);
    }

    /// Lists have at most so many objects per page.
    pub fn limit_pages(&self, objects: usize) {
        self.shared.change(|state| state.faults.page = Some(objects));
    }

    /// Closes the open watches of a collection, after what they have to tell.
    pub fn close_watches(&self, collection: Collection) {
        self.shared.change(|state| *state.faults.closings.entry(collection).or_default() += 1);
    }

    /// Watches of a collection break in the middle of their next event, once.
    pub fn cut_next_event(&self, collection: Collection, cut: Cut) {
        self.shared.change(|state| state.faults.cuts.insert(collection, cut));
    }

    /// Watches of a collection tell nothing that happens from now on, while
    /// reads do.
    pub fn hold_events(&self, collection: Collection) {
        self.shared.change(|state| state.faults.held.insert(collection, state.store.version));
    }

    /// Watches of a collection tell what was held back.
    pub fn release_events(&self, collection: Collection) {
        self.shared.change(|state| state.faults.held.remove(&collection));
    }

    /// Sends a bookmark to the open watches of a collection.
    pub fn bookmark(&self, collection: Collection, version: u64) {
        let object = json!({"metadata": {"resourceVersion": version.to_string()}});
        self.inject(collection, line("BOOKMARK", &object));
    }

    /// Sends bytes to the open watches of a collection as they are.
    pub fn inject(&self, collection: Collection, bytes: impl Into<Bytes>) {
        self.shared.change(|state| state.faults.injected.entry(collection).or_default().push(bytes.into()));
    }

    /// Sends watches byte by byte, or no longer.
    pub fn slow_bytes(&self, slow: bool) {
        self.shared.change(|state| state.faults.slow_bytes = slow);
    }
}

impl Drop for FakeApiServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // They end with this task.
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| answer::answer(Arc::clone(&shared), request));
            // A connection that breaks is the daemon's to handle.
            let serving =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service);
            let _broken = serving.with_upgrades().await;
        });
    }
}
