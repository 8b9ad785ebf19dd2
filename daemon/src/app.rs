//! The composition root: puts the daemon together and owns its tasks.

mod assembly;
mod error;
mod events;
mod gates;
mod metrics;
mod serving;
mod supply;
mod warm;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::assembly::{Arriving, Tasks, assemble};
pub use self::error::AppError;
use self::metrics::Measured;
use self::serving::{Entrance, Kept, Open, serve};
use crate::access::own_rights::say_what_is_off;
use crate::act::operation::Work;
use crate::act::tunnels::Carrying;
use crate::args::Config;
use crate::caches::Feeding;
use crate::panics::caught;
use crate::rpc::listener::{Address, Listener};
use crate::rpc::{Rpc, Served};
use crate::source::Source;

/// A daemon that listens, but does not serve yet.
pub struct Bound {
    listeners: Vec<Listener>,
    addresses: Vec<Address>,
    rpc: Rpc,
    served: Arc<Served>,
    tasks: Tasks,
    kept: Kept,
    measured: Option<Measured>,
    ingest: Handle,
    drain_timeout: Duration,
}

/// Puts a daemon together. Sources run on `ingest`.
///
/// # Errors
/// If the configuration cannot be carried out.
pub async fn bind(mut config: Config, ingest: Handle) -> Result<Bound, AppError> {
    let entrance = Entrance::read(std::mem::take(&mut config.serving), config.token_file.as_deref()).await?;
    // Listening first: a busy socket should not leave a recording behind.
    let (listeners, addresses) = entrance.listen(&config.listen).await?;
    let measured = entrance.listen_for_metrics().await?;
    let drain_timeout = config.drain_timeout;
    let (served, tasks) = assemble(config).await?;
    let Open { access, tls, door } = entrance.open(&served.source)?;
    let rpc = Rpc::new(Arc::clone(&served), Arc::clone(&access), door).map_err(|e| AppError::Fault(e.to_string()))?;
    let kept = Kept { access, tls };
    Ok(Bound { listeners, addresses, rpc, served, tasks, kept, measured, ingest, drain_timeout })
}

/// How a task of the daemon ended.
type Ended = Result<(), AppError>;

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where its metrics are served, if they are.
    #[must_use]
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.measured.as_ref().map(Measured::address)
    }

    /// Makes the daemon end as SIGTERM does.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.served.drain.clone()
    }

    /// Serves until [`Bound::shutdown`] is cancelled and streams have ended, or
    /// until `abort` is.
    ///
    /// # Errors
    /// If a task of the daemon fails, or the recording is not whole.
    pub async fn run(self, abort: CancellationToken) -> Result<(), AppError> {
        let Self { listeners, addresses: _, rpc, served, tasks, kept, measured, ingest, drain_timeout } = self;
        let Tasks { mut arriving, lasting_gates, answering, reviewing, rule_files, writing } = tasks;
        let rpc = Arc::new(rpc);
        let mut servers = serve(listeners, &rpc);
        let mut workers = look_after(&served, &rpc);
        workers.spawn(async move {
            answering.run().await;
            Ok(())
        });
        if let Some(reviewing) = reviewing {
            workers.spawn(async move {
                reviewing.run().await;
                Ok(())
            });
        }
        let judged = Arc::clone(&served);
        workers.spawn(async move {
            rule_files.follow(&judged.caches).await;
            Ok(())
        });
        kept.keep(&mut workers);
        events::keep(&mut workers, &served);
        if let Some(measured) = measured {
            measured.serve(&mut workers, &served);
        }
        let keeping = lasting_gates.begin(&mut workers, &served);
        let ended = arriving.work(&mut workers, &mut servers, &served, &ingest).await;
        served.drain.cancel();
        rpc.part().await;
        tokio::select! {
            () = drained(&mut servers, drain_timeout, &abort) => {}
            never = arriving.let_go(&mut workers) => match never {},
        }
        // With the sources goes the last sink, and with it the recorder.
        workers.shutdown().await;
        served.gates.stop_keeping().await;
        if let Some(keeping) = keeping {
            keeping.await.map_err(|e| AppError::Fault(e.to_string()))?;
        }
        drop(arriving);
        served.caches.stop_recording();
        if let Some(writing) = writing {
            writing.await.map_err(|e| AppError::Fault(e.to_string()))??;
        }
        ended
    }
}

impl Arriving {
    /// Gives each piece of work a task, until the daemon is to end, or a task has that was to go on.
    async fn work(
        &mut self,
        workers: &mut JoinSet<Ended>,
        servers: &mut JoinSet<Ended>,
        served: &Arc<Served>,
        ingest: &Handle,
    ) -> Ended {
        loop {
            tokio::select! {
                () = served.drain.cancelled() => return Ok(()),
                Some(feeding) = self.openings.recv() => follow(workers, feeding, &served.source, ingest),
                Some(work) = self.started.recv() => act(workers, served, work),
                Some(gate) = self.opened_gates.recv() => gates::judge(workers, served, gate),
                Some(carrying) = self.carryings.recv() => carry(workers, carrying),
                Some(errand) = self.errands.recv() => carry(workers, errand),
                Some(ended) = workers.join_next() => if let ended @ Err(_) = flatten(ended) { return ended },
                Some(ended) = servers.join_next() => return flatten(ended),
            }
        }
    }

    /// Takes no more work, and lets go what arrives nevertheless, so that nobody waits for it: it
    /// may have been on its way.
    async fn let_go(&mut self, workers: &mut JoinSet<Ended>) -> Infallible {
        self.openings.close();
        self.started.close();
        self.opened_gates.close();
        self.carryings.close();
        self.errands.close();
        loop {
            tokio::select! {
                Some(feeding) = self.openings.recv() => feeding.writer.cache().closed().cancel(),
                // Who watches it is told that the daemon ends, and starts it again.
                Some(work) = self.started.recv() => drop(work),
                Some(gate) = self.opened_gates.recv() => drop(gate),
                // It ends at once, and says why.
                Some(carrying) = self.carryings.recv() => carry(workers, carrying),
                Some(errand) = self.errands.recv() => drop(errand),
                else => std::future::pending().await,
            }
        }
    }
}

/// Waits until every stream has ended, and cuts off those that do not.
async fn drained(servers: &mut JoinSet<Ended>, timeout: Duration, abort: &CancellationToken) {
    let drained = async { while servers.join_next().await.is_some() {} };
    tokio::select! {
        () = drained => tracing::info!("every stream has ended"),
        () = tokio::time::sleep(timeout) => tracing::warn!("streams are cut off: they did not end within {timeout:?}"),
        () = abort.cancelled() => tracing::warn!("streams are cut off"),
    }
    servers.shutdown().await;
}

/// Two tasks for a cache: its source, and its writer. They end with the cache.
fn follow(workers: &mut JoinSet<Ended>, feeding: Feeding, source: &Source, ingest: &Handle) {
    let Feeding { writer, arrivals, sink } = feeding;
    let (source, cache) = (source.clone(), Arc::clone(writer.cache()));
    let closed = cache.closed().clone();
    let follow = async move {
        // Whether it was closed or nobody reads the sink: it is over.
        let _over = closed.run_until_cancelled(source.follow(cache.collection(), sink)).await;
        Ok(())
    };
    workers.spawn_on(follow, ingest);
    // What comes ends with the source.
    workers.spawn(async move {
        writer.run(arrivals).await;
        Ok(())
    });
}

/// Does an operation's work, unless the daemon ends before that.
fn act(workers: &mut JoinSet<Ended>, served: &Arc<Served>, work: Work) {
    let drain = served.drain.clone();
    attend(workers, async move {
        let _stopped = drain.run_until_cancelled_owned(work.run()).await;
    });
}

/// A task for a connection, or an errand; it ends with the daemon's streams.
fn carry(workers: &mut JoinSet<Ended>, carrying: Carrying) {
    attend(workers, carrying);
}

/// A task for what somebody has asked for: a panic in it ends nothing else. What goes on for as long as the daemon
/// ends it by one, because nobody could rely on the rest.
fn attend(workers: &mut JoinSet<Ended>, work: impl Future<Output = ()> + Send + 'static) {
    let work = caught("a task for a request", work);
    workers.spawn(async move {
        // Who waits for it is told by the work itself.
        let _told = work.await;
        Ok(())
    });
}

/// The tasks that go on for as long as the daemon.
fn look_after(served: &Arc<Served>, rpc: &Arc<Rpc>) -> JoinSet<Ended> {
    let mut workers = JoinSet::new();
    workers.spawn(warm::keep(Arc::clone(rpc), Arc::clone(served)));
    if let Some(server) = served.source.api_server() {
        let (needs, loading) = (rpc.needs(), Arc::clone(served));
        workers.spawn(async move {
            // Once the API server answers.
            loading.caches.catalog().changed(&[].into()).await;
            say_what_is_off(&server, needs).await;
            Ok(())
        });
    }
    let catalog = Arc::clone(served);
    workers.spawn(async move {
        catalog.source.keep_catalog(catalog.caches.catalog(), &catalog.clock).await;
        Err(AppError::Fault("the kinds of the cluster are no longer followed".into()))
    });
    let idle = Arc::clone(served);
    workers.spawn(async move {
        idle.caches.close_idle().await;
        Err(AppError::Fault("idle caches are no longer closed".into()))
    });
    workers
}

fn flatten(ended: Result<Ended, tokio::task::JoinError>) -> Ended {
    ended.map_err(|e| AppError::Fault(e.to_string())).and_then(|ended| ended)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::access::Caller;
    use crate::access::authorizer::Right;
    use crate::act::Act;
    use crate::act::operation::{End, NotStarted, Operations, Start, Target};
    use crate::act::tunnels::Tunnels;
    use crate::clock::Clock;
    use crate::errands::{Errands, NotDone};
    use crate::record::Key;

    fn drain_of(name: &str) -> Start {
        let kind = Arc::new(crate::kind::samples().into_iter().next().unwrap());
        Start {
            request: String::new(),
            act: Act::Drain,
            target: Target { kind, key: Key::new("", name), uid: "u".into() },
            caller: Caller::Owner,
            timeout: Duration::from_secs(1),
            detached: true,
            seen_by: Vec::new(),
            cancelled_by: Right::to_any("patch", "", "nodes", None),
        }
    }

    #[tokio::test]
    async fn a_panic_in_what_somebody_has_asked_for_does_not_end_the_daemon() {
        let mut workers = JoinSet::new();
        carry(&mut workers, Box::pin(async { panic!("a fault") }));
        assert!(flatten(workers.join_next().await.unwrap()).is_ok());
        workers.spawn(async { panic!("a fault in what all rely on") });
        assert!(flatten(workers.join_next().await.unwrap()).is_err());
    }

    #[tokio::test]
    async fn what_arrives_too_late_waits_for_nobody() {
        let (operations, started) = Operations::new(Clock::System);
        let (tunnels, carryings) = Tunnels::new();
        let ((_feed, openings), (_run, opened_gates)) = (mpsc::channel(1), mpsc::channel(1));
        let (errands, sent) = Errands::new();
        let mut arriving = Arriving { openings, opened_gates, started, carryings, errands: sent };
        let start = |name| operations.start(drain_of(name), |_, _| std::future::pending::<End>());
        let operation = start("on its way").await.unwrap();
        let letting_go = tokio::spawn(async move { arriving.let_go(&mut JoinSet::new()).await });
        assert!(operation.progress().changed().await.is_err(), "who watches it waits for nothing");
        assert!(matches!(start("late").await, Err(NotStarted::Stopping)));
        assert!(!tunnels.carry(Box::pin(std::future::pending())).await);
        assert_eq!(errands.run(async {}).await, Err(NotDone::Stopping));
        letting_go.abort();
    }
}
