//! Where metrics are served: the listener, and a task for each of its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{AppError, Ended};
use crate::metrics::Endpoint;
use crate::rpc::Served;

/// Connections that are served at a time; others wait for one of them to end, which is soon.
const CONNECTIONS: usize = 16;
/// Before the next try, where the system has no connection to give.
const BREATH: Duration = Duration::from_millis(100);

/// Listens for whoever wants metrics.
pub(super) struct Measured {
    listener: TcpListener,
    address: SocketAddr,
}

impl Measured {
    /// Listens there.
    pub(super) async fn bind(address: SocketAddr) -> Result<Self, AppError> {
        let refused = |error| AppError::Metrics(address, error);
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        if !bound.ip().is_loopback() {
            tracing::warn!(
                "{bound} is open: whoever reaches it can read metrics, with the names of kinds and namespaces, without credentials or TLS"
            );
        }
        Ok(Self { listener, address: bound })
    }

    /// Where it listens: with the port that the system chose for port 0.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves as long as the daemon's other tasks go on: while streams end, it tells that the daemon
    /// is not ready. It keeps nobody waiting then, because it is not waited for.
    pub(super) fn serve(self, workers: &mut JoinSet<Ended>, served: &Arc<Served>) {
        let endpoint = Arc::new(Endpoint::new(Arc::clone(served)));
        workers.spawn(async move { self.accept(&endpoint).await });
    }

    async fn accept(self, endpoint: &Arc<Endpoint>) -> Ended {
        // They end with this task.
        let mut connections = JoinSet::new();
        let mut failing = false;
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                    Ok((stream, _)) => {
                        failing = false;
                        let endpoint = Arc::clone(endpoint);
                        connections.spawn(async move { endpoint.serve(stream).await });
                    }
                    Err(error) => fail(&error, &mut failing).await,
                },
                Some(_ended) = connections.join_next() => {}
            }
        }
    }
}

async fn fail(error: &io::Error, failing: &mut bool) {
    if !std::mem::replace(failing, true) {
        tracing::error!("no connection for metrics can be accepted, retrying: {error}");
    }
    tokio::time::sleep(BREATH).await;
}
