//! The tasks of gates: each is followed by one, and a thread keeps what is to outlive
//! the daemon.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

use super::{AppError, Ended, attend};
use crate::args::GatesKept;
use crate::clock::Clock;
use crate::gate::register::KEPT;
use crate::gate::reopening::Reopening;
use crate::gate::run::Run;
use crate::gate::store::file::FileStore;
use crate::gate::store::keeper::{Keeper, Keeping};
use crate::gate::store::{GateStore, Loaded};
use crate::rpc::Served;

/// What keeps gates, and those that earlier daemons have kept.
pub(super) struct Lasting {
    pub(super) keeping: Option<Keeping>,
    pub(super) reopenings: Vec<Reopening>,
}

/// Opens what keeps gates, and reads it.
pub(super) async fn keep(kept: GatesKept, clock: &Clock) -> Result<(Keeper, Option<Keeping>, Loaded), AppError> {
    let clock = clock.clone();
    let opened = spawn_blocking(move || {
        let store: Box<dyn GateStore> = match kept {
            GatesKept::InMemory => return Ok((Keeper::none(), None, Loaded::default())),
            GatesKept::InFile(path) => Box::new(FileStore::open(&path)?),
            GatesKept::In(store) => store,
        };
        let since = clock.now() - KEPT;
        let (keeper, mut keeping) = Keeper::new(store, clock);
        let loaded = keeping.load(since)?;
        Ok((keeper, Some(keeping), loaded))
    });
    opened.await.map_err(|e| AppError::Fault(e.to_string()))?
}

impl Lasting {
    /// Keeps gates from now on, and goes on with those that are kept. What is
    /// returned ends when nothing more is to be kept.
    pub(super) fn begin(self, workers: &mut JoinSet<Ended>, served: &Arc<Served>) -> Option<JoinHandle<()>> {
        for gate in self.reopenings {
            follow(workers, served, served.judge_again(gate));
        }
        self.keeping.map(|keeping| spawn_blocking(|| keeping.run()))
    }
}

/// Follows a gate to its end.
pub(super) fn judge(workers: &mut JoinSet<Ended>, served: &Arc<Served>, gate: Run) {
    follow(workers, served, served.judge(gate));
}

/// What the end of the daemon does to the caches is no reason for a verdict: a gate
/// ends before that, without one.
fn follow(workers: &mut JoinSet<Ended>, served: &Arc<Served>, gate: BoxFuture<'static, ()>) {
    let drain = served.drain.clone();
    attend(workers, async move {
        let _stopped = drain.run_until_cancelled_owned(gate).await;
    });
}
