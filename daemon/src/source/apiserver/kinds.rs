//! Keeps a catalog true to its API server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::ApiServer;
use super::discovery::Discovery;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::decode::arrival::{Arrival, Decoder};
use crate::kind::{Content, Kind};
use crate::source::listing::Listable;
use crate::source::{Collection, Problem, Sink};

/// How often the API server is asked in any case.
const EVERY: Duration = Duration::from_secs(60);
/// How often at most.
const AT_MOST_EVERY: Duration = Duration::from_millis(500);
/// After a change of a CustomResourceDefinition the API server's answers follow
/// within that time.
const RESTLESS: Duration = Duration::from_secs(10);
/// Before an API server that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// Changes that wait to be seen; one is as good as many.
const CHANGES: usize = 16;
/// What is followed here, as problems name it.
const KINDS: &str = "the kinds that are served";
/// What announces other kinds.
const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

impl ApiServer {
    /// The kinds that are served now.
    pub(in crate::source) async fn kinds(&self) -> Result<Vec<Kind>, Problem> {
        Ok(Discovery::default().discover(self).await?.unwrap_or_default())
    }

    /// Every kind that can be listed now.
    pub(in crate::source) async fn listable_kinds(&self) -> Result<Vec<Listable>, Problem> {
        let all = Discovery::of_listable().discover(self).await?.unwrap_or_default();
        let followed = self.kinds().await?;
        Ok(all.into_iter().map(|kind| Listable { watched: followed.contains(&kind), kind }).collect())
    }

    /// Keeps `catalog` true, for ever.
    pub(in crate::source) async fn keep_catalog(&self, catalog: &Catalog, clock: &Clock) {
        let (sender, mut changes) = mpsc::channel(CHANGES);
        tokio::join!(self.ask_again_and_again(catalog, &mut changes), self.follow_definitions(catalog, clock, sender));
    }

    async fn ask_again_and_again(&self, catalog: &Catalog, changes: &mut mpsc::Receiver<()>) {
        let mut discovery = Discovery::default();
        let mut restless_until = Instant::now();
        loop {
            let begun = Instant::now();
            let round = catalog.begin_round();
            let pause = match discovery.discover(self).await {
                Ok(kinds) => {
                    self.log(KINDS, None);
                    let news = kinds.is_some();
                    round.answered(kinds);
                    if news {
                        // What was not served may be now.
                        self.hope.notify_waiters();
                    }
                    if begun < restless_until { AT_MOST_EVERY } else { EVERY }
                }
                Err(problem) => {
                    self.log(KINDS, Some(&problem));
                    let again = problem.retry_after.unwrap_or_default().clamp(AGAIN, EVERY);
                    round.failed(problem);
                    again
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = catalog.wanted() => {}
                Some(()) = changes.recv() => restless_until = Instant::now() + RESTLESS,
            }
            tokio::time::sleep_until(begun + AT_MOST_EVERY).await;
        }
    }

    /// Watches what announces other kinds, where there is such a thing and the
    /// daemon may see it; else the catalog is as new as it was last asked for.
    async fn follow_definitions(&self, catalog: &Catalog, clock: &Clock, changes: mpsc::Sender<()>) {
        let mut kinds = [].into();
        let kind = loop {
            kinds = catalog.changed(&kinds).await;
            if let Some(kind) = catalog.find(DEFINITIONS) {
                break kind;
            }
        };
        let collection = Collection { content: Content::Metadata, ..Collection::of(kind, None) };
        let (arrivals, mut queue) = mpsc::channel(CHANGES);
        let decoder = Decoder::new(Arc::clone(&collection.kind), false, None);
        let sink = Sink::new(arrivals, decoder, None, clock.clone());
        let forward = async {
            let news =
                |arrival: &Arrival| matches!(arrival, Arrival::Changed(_) | Arrival::Deleted(_) | Arrival::ListEnds(_));
            while let Some(batch) = queue.recv().await {
                if batch.iter().any(|(_, arrival)| news(arrival)) {
                    // Full: that there are changes is known.
                    let _known = changes.try_send(());
                }
            }
        };
        tokio::join!(self.follow(&collection, sink), forward);
    }
}
