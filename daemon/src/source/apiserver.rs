//! An API server: lists, watches, single reads, and which kinds there are.

mod answer;
mod discovery;
mod evidence;
mod follow;
mod health;
mod items;
mod kinds;
mod lines;
mod logs;
mod nodes;
pub(super) mod pages;
pub mod passing;
pub mod requests;
pub mod review;
mod tables;
mod transport;
mod watch_event;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

pub(super) use self::answer::accept;
pub(crate) use self::answer::chain;
pub use self::health::Timed;
use self::transport::Transport;
use super::{Collection, Problem, Sink};

/// One API server.
#[derive(Clone)]
pub struct ApiServer {
    transport: Arc<Transport>,
    url: Arc<str>,
    default_namespace: Arc<str>,
    /// What is wrong, by what is followed: a problem is logged when it comes and
    /// when the last is gone, not at every try and for every kind.
    problems: Arc<Mutex<HashMap<String, Problem>>>,
    /// Fires when what could not be followed may be by now.
    hope: Arc<Notify>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("url", &self.url).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// The API server of a configuration; does not talk to it yet.
    ///
    /// # Errors
    /// If the configuration's credentials or certificates cannot be used.
    pub fn new(config: kube::Config) -> Result<Self, kube::Error> {
        let namespace = Some(config.default_namespace.as_str()).filter(|namespace| !namespace.is_empty());
        Ok(Self {
            url: config.cluster_url.to_string().into(),
            default_namespace: namespace.unwrap_or("default").into(),
            transport: Arc::new(Transport::new(config)?),
            problems: Arc::default(),
            hope: Arc::default(),
        })
    }

    /// The namespace of the configuration.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// Lists and watches a collection until nobody reads `sink` any more.
    pub async fn follow(&self, collection: &Collection, sink: Sink) {
        follow::Following::new(self, collection, sink).run().await;
    }

    /// Logs a problem of what goes by that name, or that it is over, if that is
    /// news.
    fn log(&self, what: &str, problem: Option<&Problem>) {
        let mut problems = self.problems.lock();
        match problem {
            Some(problem) => {
                let known = problems.values().any(|known| known == problem);
                problems.insert(what.to_owned(), problem.clone());
                if !known {
                    let reason = problem.reason;
                    tracing::warn!(kind = what, %reason, "cannot be followed, retrying: {}", problem.message);
                }
            }
            None => {
                if problems.remove(what).is_some() && problems.is_empty() {
                    tracing::info!("every kind can be followed again");
                }
            }
        }
    }

    /// Nobody follows the collection any more.
    fn forget(&self, what: &str) {
        self.problems.lock().remove(what);
    }
}
