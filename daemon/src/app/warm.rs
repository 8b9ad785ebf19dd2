//! The task that keeps caches open.

use std::sync::Arc;

use super::{AppError, Ended};
use crate::caches::{Lease, first_closed};
use crate::lifecycle;
use crate::rpc::{Rpc, Served};
use crate::rule::relations::Dependent;
use crate::rule::view::Related;

/// Keeps the caches open that are to be, tells health checks when they are
/// synced for the first time, and that the daemon ends.
pub(super) async fn keep(rpc: Arc<Rpc>, served: Arc<Served>) -> Ended {
    rpc.set_serving(false).await;
    let (catalog, mut rules) = (served.caches.catalog(), served.caches.rules());
    let mut kinds = catalog.changed(&[].into()).await;
    let mut warm = lease_warm(&served).await?;
    lifecycle::ready(&warm).await;
    rpc.set_serving(true).await;
    tracing::info!("ready");
    loop {
        tokio::select! {
            () = served.drain.cancelled() => break,
            changed = catalog.changed(&kinds) => kinds = changed,
            Ok(()) = rules.changed() => {}
            // By itself, because its versions have gone back.
            _closed = first_closed(&warm) => {}
        }
        served.caches.close_changed();
        served.caches.renew_looked_at().await.map_err(|problem| AppError::Fault(problem.message))?;
        // What is defined can be discovered now.
        served.caches.neighbours().touch(Dependent::Every(Related::CustomResourceDefinitions));
        // Those that are no longer served are let go.
        warm = lease_warm(&served).await?;
        tracing::debug!(caches = warm.len(), "the kinds have changed");
    }
    rpc.set_serving(false).await;
    Ok(())
}

async fn lease_warm(served: &Served) -> Result<Vec<Lease>, AppError> {
    served.caches.lease_warm().await.map_err(|problem| AppError::Fault(problem.message))
}
