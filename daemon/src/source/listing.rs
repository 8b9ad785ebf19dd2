//! Lists as they come: object by object, whatever their size.

use super::{Problem, ProblemReason, Source};
use crate::kind::Kind;

pub use super::apiserver::pages::ListPage;

/// A kind that can be listed.
#[derive(Clone, Debug)]
pub struct Listable {
    /// The kind.
    pub kind: Kind,
    /// Whether it can be watched, too.
    pub watched: bool,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// The only namespace; `None` for all, or where the kind has none.
    pub namespace: Option<&'a str>,
    /// At most so many objects.
    pub limit: usize,
    /// Where an earlier page ended; empty for the first.
    pub token: &'a str,
    /// Of the first page: as of exactly that version; empty for the newest.
    pub at: &'a str,
}

/// What stands around the objects of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// As of which version the list is.
    pub version: String,
    /// Where the next page begins; empty if there is none.
    pub next: String,
}

/// Why there is no page.
#[derive(Clone, Debug)]
pub enum NoPage {
    /// The list's version is no longer known: it has to be read anew.
    Gone,
    /// It cannot be read.
    Problem(Problem),
}

impl From<Problem> for NoPage {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Source {
    /// Every kind that can be listed now.
    ///
    /// # Errors
    /// If the API server does not say, or there is none.
    pub async fn listable_kinds(&self) -> Result<Vec<Listable>, Problem> {
        match self {
            Self::ApiServer(server) => server.listable_kinds().await,
            Self::Replay(_) => Err(no_lists()),
        }
    }

    /// Begins to read a page of whole objects, Secrets with their data.
    ///
    /// # Errors
    /// If the API server does not give it, or there is none.
    pub async fn open_page(&self, kind: &Kind, wanted: &PageRequest<'_>) -> Result<ListPage, NoPage> {
        match self {
            Self::ApiServer(server) => server.open_page(kind, wanted).await,
            Self::Replay(_) => Err(no_lists().into()),
        }
    }
}

fn no_lists() -> Problem {
    Problem::new(ProblemReason::NotServed, "a recording has no API server that lists")
}
