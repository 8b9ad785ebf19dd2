//! Takes connections in: within bounds, and without any of them holding up the others.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection::{Connection, Io};
use super::crowd::{Crowd, Limits, Origin, Place};
use super::listener::{Accepted, Listener};
use super::tls::Tls;
use crate::access::{Access, Peer};

/// Before the next try, where the system has no connection to give: it lacks file descriptors or
/// memory, which others have to give back.
const BREATH: Duration = Duration::from_millis(100);

/// The door of all listeners: who may come in.
pub struct Door {
    access: Arc<Access>,
    tls: Option<Arc<Tls>>,
    pub(super) limits: Limits,
    connections: Arc<Crowd>,
    handshakes: Arc<Crowd>,
}

impl Door {
    /// For those whom `access` lets in, with TLS on TCP if there is one.
    #[must_use]
    pub fn new(access: Arc<Access>, tls: Option<Arc<Tls>>, limits: Limits) -> Self {
        let connections = Crowd::new("connections", limits.connections, limits.of_one);
        let handshakes = Crowd::new("TLS handshakes", limits.handshakes, limits.handshakes_of_one);
        Self { access, tls, limits, connections, handshakes }
    }
}

/// One listener's connections, and their handshakes. These end with it.
struct Incoming {
    listener: Listener,
    door: Arc<Door>,
    handshakes: JoinSet<Option<Connection>>,
    failing: bool,
}

/// The connections of a listener, for ever.
pub(super) fn incoming(listener: Listener, door: Arc<Door>) -> impl Stream<Item = io::Result<Connection>> {
    let incoming = Incoming { listener, door, handshakes: JoinSet::new(), failing: false };
    unfold(incoming, |mut incoming| async move {
        let next = incoming.next().await;
        Some((Ok(next), incoming))
    })
}

impl Incoming {
    async fn next(&mut self) -> Connection {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => {
                        self.failing = false;
                        if let Some(connection) = self.take(accepted) {
                            return connection;
                        }
                    }
                    Err(error) => self.fail(&error).await,
                },
                Some(shaken) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = shaken {
                        return connection;
                    }
                }
            }
        }
    }

    async fn fail(&mut self, error: &io::Error) {
        // What came has gone again.
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!("no connection can be accepted, retrying: {error}");
        }
        tokio::time::sleep(BREATH).await;
    }

    /// A connection that can be served at once. One that is one too many is closed.
    fn take(&mut self, accepted: Accepted) -> Option<Connection> {
        match accepted {
            Accepted::Unix(stream) => {
                let uid = stream.peer_cred().ok().map(|peer| peer.uid());
                let peer = Peer::Unix(uid);
                // Nobody keeps the daemon's own user out.
                if self.door.access.is_owner(uid) {
                    return Some(Connection::new(Io::Unix(stream), peer, None, &self.door.limits));
                }
                let place = self.door.connections.enter(Origin::of(&peer))?;
                Some(Connection::new(Io::Unix(stream), peer, Some(place), &self.door.limits))
            }
            Accepted::Tcp(stream, address) => {
                let peer = Peer::Tcp { address, certificate: None };
                let place = self.door.connections.enter(Origin::of(&peer))?;
                // It would only be slower.
                let _slower = stream.set_nodelay(true);
                let Some(tls) = &self.door.tls else {
                    return Some(Connection::new(Io::Tcp(stream), peer, Some(place), &self.door.limits));
                };
                let acceptor = TlsAcceptor::from(tls.config());
                self.shake_hands(stream, acceptor, peer, place);
                None
            }
        }
    }

    fn shake_hands(&mut self, stream: TcpStream, acceptor: TlsAcceptor, peer: Peer, place: Place) {
        let Some(turn) = self.door.handshakes.enter(Origin::of(&peer)) else { return };
        let limits = self.door.limits;
        let patience = limits.handshake;
        self.handshakes.spawn(async move {
            let _turn = turn;
            match tokio::time::timeout(patience, acceptor.accept(stream)).await {
                Ok(Ok(tls)) => Some(Connection::new(Io::Tls(Box::new(tls)), peer, Some(place), &limits)),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, "no TLS connection: {error}");
                    None
                }
                Err(_) => {
                    tracing::debug!(%peer, "no TLS connection within {patience:?}");
                    None
                }
            }
        });
    }
}
