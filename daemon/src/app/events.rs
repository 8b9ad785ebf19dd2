//! The task that keeps events.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{AppError, Ended};
use crate::event_store::keeper::Keeper;
use crate::rpc::Served;

/// Keeps events, if they are to be kept.
pub(super) fn keep(workers: &mut JoinSet<Ended>, served: &Arc<Served>) {
    if !served.events.is_on() {
        return;
    }
    let (store, caches, log) = (Arc::clone(&served.events), Arc::clone(&served.caches), Arc::clone(&served.log));
    let (keeper, drain) = (Keeper::new(store, caches, log, served.clock.clone()), served.drain.clone());
    workers.spawn(async move {
        match drain.run_until_cancelled_owned(keeper.run()).await {
            None => Ok(()),
            Some(()) => Err(AppError::Fault("events are no longer kept".into())),
        }
    });
}
