//! The kinds that a cluster serves at the moment, by the names people use.

use std::ops::Deref as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::kind::Kind;
use crate::source::Problem;

/// How long somebody who asks for a kind that is not known waits for news.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of a cluster's kinds.
#[derive(Clone, Debug)]
enum Known {
    /// Nothing yet.
    Nothing,
    /// Nothing yet, and why.
    Problem(Problem),
    /// These, in the order in which names are looked up.
    Kinds(Arc<[Arc<Kind>]>),
}

/// The kinds of a cluster. Written by whoever asks the API server, read by
/// everyone.
#[derive(Debug)]
pub struct Catalog {
    known: watch::Sender<Known>,
    rounds: watch::Sender<Rounds>,
    wanted: Notify,
    /// Whether nobody is asked: the kinds are as they are.
    fixed: bool,
}

/// How often the API server was asked, and has answered.
#[derive(Clone, Copy, Debug, Default)]
struct Rounds {
    begun: u64,
    done: u64,
}

impl Default for Catalog {
    fn default() -> Self {
        let (known, rounds) = (watch::Sender::new(Known::Nothing), watch::Sender::default());
        Self { known, rounds, wanted: Notify::new(), fixed: false }
    }
}

/// The API server is being asked.
#[must_use]
pub struct Round<'a>(&'a Catalog);

impl Catalog {
    /// A catalog of these kinds, for ever.
    #[must_use]
    pub fn of(kinds: Vec<Kind>) -> Self {
        let catalog = Self { fixed: true, ..Self::default() };
        catalog.begin_round().answered(Some(kinds));
        catalog
    }

    /// Whether the kinds are as they are, because nobody is asked.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// The API server is about to be asked.
    pub fn begin_round(&self) -> Round<'_> {
        self.rounds.send_modify(|rounds| rounds.begun += 1);
        Round(self)
    }

    /// The kinds; none before the API server has said any.
    #[must_use]
    pub fn kinds(&self) -> Arc<[Arc<Kind>]> {
        match &*self.known.borrow() {
            Known::Kinds(kinds) => Arc::clone(kinds),
            Known::Nothing | Known::Problem(_) => [].into(),
        }
    }

    /// Returns once the API server has said its kinds.
    ///
    /// # Errors
    /// If it has never, and something keeps it from it.
    pub async fn loaded(&self) -> Result<(), Problem> {
        let mut known = self.known.subscribe();
        let known = known.wait_for(|known| !matches!(known, Known::Nothing)).await;
        match known.map_err(|_| Problem::stopped())?.deref() {
            Known::Problem(problem) => Err(problem.clone()),
            Known::Nothing | Known::Kinds(_) => Ok(()),
        }
    }

    /// The kind that goes by `name` in any form that kubectl takes: of several,
    /// the first in the API server's order.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<Kind>> {
        self.kinds().iter().find(|kind| kind.answers_to(name)).cloned()
    }

    /// The kind of that group and name, as `("apps", "Deployment")`.
    #[must_use]
    pub fn find_exactly(&self, (group, name): (&str, &str)) -> Option<Arc<Kind>> {
        self.kinds().iter().find(|kind| kind.group == group && kind.kind == name).cloned()
    }

    /// As [`Catalog::find`]; of a name that is not known, the API server is asked.
    pub async fn resolve(&self, name: &str) -> Option<Arc<Kind>> {
        if let Some(kind) = self.find(name) {
            return Some(kind);
        }
        if self.fixed {
            return None;
        }
        let mut rounds = self.rounds.subscribe();
        // A round that is under way may have begun before the kind was there.
        let under_way = rounds.borrow_and_update().begun;
        self.wanted.notify_one();
        let answered = rounds.wait_for(|rounds| rounds.done > under_way);
        let _in_vain = tokio::time::timeout(PATIENCE, answered).await;
        self.find(name)
    }

    /// Returns when somebody has asked for a kind that is not known.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Returns when the kinds have changed, or may have, since `seen`.
    pub async fn changed(&self, seen: &Arc<[Arc<Kind>]>) -> Arc<[Arc<Kind>]> {
        let mut known = self.known.subscribe();
        let differs = |known: &Known| matches!(known, Known::Kinds(kinds) if !Arc::ptr_eq(kinds, seen));
        let changed = known.wait_for(differs).await.is_ok();
        if !changed {
            // The daemon ends, and the caller with it.
            std::future::pending().await
        }
        self.kinds()
    }
}

impl Round<'_> {
    /// The API server has answered: with these kinds, or that nothing changed.
    pub fn answered(self, kinds: Option<Vec<Kind>>) {
        if let Some(kinds) = kinds {
            let before = self.0.kinds();
            // Those that are as before stay the same ones.
            let kept = |kind: Kind| before.iter().find(|old| ***old == kind).cloned().unwrap_or_else(|| Arc::new(kind));
            let kinds = kinds.into_iter().map(kept).collect();
            self.0.known.send_replace(Known::Kinds(kinds));
        }
        self.done();
    }

    /// The API server has not answered.
    pub fn failed(self, problem: Problem) {
        // What was known before is the best there is.
        self.0.known.send_if_modified(|known| {
            let unknown = !matches!(known, Known::Kinds(_));
            if unknown {
                *known = Known::Problem(problem);
            }
            unknown
        });
        self.done();
    }

    fn done(self) {
        self.0.rounds.send_modify(|rounds| rounds.done = rounds.begun);
    }
}
