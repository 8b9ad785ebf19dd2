//! Proof that a view is no older than a request.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, TryStreamExt as _};
use tonic::Status;

use super::super::Served;
use super::super::error::unreadable;
use crate::source::Truth;
use crate::subscription::{Absence, Named, Scope, Selection};

/// Live reads that one proof makes at a time.
const READS_AT_ONCE: usize = 16;
/// Before a live read that failed is tried again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Resolves when the caches hold what live reads, begun after now, have seen of
/// every named object; or when they may not be read.
pub(super) async fn prove(served: Arc<Served>, selection: Arc<Selection>) -> Result<(), Status> {
    let Scope::Named(named) = &selection.scope else { return Ok(()) };
    let each = |named| prove_one(&served, &selection, named);
    stream::iter(named.iter().map(Ok)).try_for_each_concurrent(READS_AT_ONCE, each).await
}

async fn prove_one(served: &Served, selection: &Selection, named: &Named) -> Result<(), Status> {
    let cache = &selection.caches[named.cache];
    let mut told = false;
    loop {
        match served.source.read(cache.kind(), &named.key).await {
            Ok(Truth::Cached) => return Ok(()),
            Ok(Truth::Seen(version)) => {
                cache.reaches(version).await;
                return Ok(());
            }
            Ok(Truth::Absent(version)) => {
                let since = cache.outlives(&named.key, version, &served.log).await;
                // Each name is proven once.
                let _only = named.absence.set(Absence { version, since });
                return Ok(());
            }
            Err(problem) if problem.reason.is_of_the_kind() => return Err(unreadable(cache.kind(), &problem)),
            Err(problem) => {
                if !std::mem::replace(&mut told, true) {
                    let (kind, name) = (cache.kind(), &*named.key.name);
                    tracing::warn!(%kind, name, "a stream waits for a live read, which failed: {}", problem.message);
                }
                tokio::time::sleep(READ_AGAIN).await;
            }
        }
    }
}
