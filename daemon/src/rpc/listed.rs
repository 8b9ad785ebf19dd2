//! Waiting for caches to hold something.

use daymark_proto::v1::Unreachable;
use futures::future::try_join_all;
use tonic::Status;

use super::Served;
use super::error::{cache_closed, draining, unreadable};
use crate::cache::Cache;
use crate::source::Problem;
use crate::subscription::Selection;

impl Served {
    /// Waits for a cache to hold something, judged by what its rule looks at; ends
    /// when the daemon does.
    pub(super) async fn listed(&self, cache: &Cache) -> Result<Result<(), Problem>, Status> {
        let listed = async {
            let listed = cache.listed().await;
            if listed.is_ok() {
                self.caches.neighbours().settled(cache).await;
            }
            listed
        };
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Err(draining()),
            listed = listed => match listed {
                // It is followed otherwise by now: who asks again is told.
                Err(_) if cache.closed().is_cancelled() => Err(cache_closed(cache.kind())),
                listed => Ok(listed),
            },
        }
    }

    /// Waits for the selected caches to hold something, and tells those that
    /// cannot. If none can, that is an error.
    pub(super) async fn await_listed(&self, selection: &Selection) -> Result<Vec<Unreachable>, Status> {
        let each = selection.caches.iter().map(|cache| self.listed(cache));
        let mut unreachable = Vec::new();
        let mut first = None;
        for (cache, listed) in selection.caches.iter().zip(try_join_all(each).await?) {
            let Err(problem) = listed else { continue };
            first.get_or_insert_with(|| unreadable(cache.kind(), &problem));
            unreachable.push(Unreachable {
                kind: cache.kind().to_string(),
                namespace: cache.collection().namespace.as_deref().unwrap_or_default().to_owned(),
                reason: problem.reason.to_string(),
                message: problem.message,
            });
        }
        match first {
            Some(error) if unreachable.len() == selection.caches.len() => Err(error),
            _ => Ok(unreachable),
        }
    }
}
