//! Listening on loopback.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::args::Loopback;
use crate::exit::{Exit, Failure};

/// Before the next connection is taken, if one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a listener is.
pub fn address_of(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    let unknown = |error| Failure::new(Exit::Fault, format!("the system does not say where it listens: {error}"));
    listener.local_addr().map_err(unknown)
}

/// Listens at a port of each of these addresses: at the same one, if any that is free will do. Of several, the
/// first has to be there: a machine may have no IPv6.
pub async fn listen(at: &Loopback, port: u16, instead: &str) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in &at.0 {
        let port = match listeners.first() {
            Some(first) => address_of(first)?.port(),
            None => port,
        };
        match TcpListener::bind((*address, port)).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if !listeners.is_empty() && is_lacking(&error) => {}
            Err(error) => return Err(unusable(*address, port, &error, instead)),
        }
    }
    Ok(listeners)
}

fn is_lacking(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
}

fn unusable(address: IpAddr, port: u16, error: &io::Error, instead: &str) -> Failure {
    let place = SocketAddr::new(address, port);
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => "it is in use".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need root".to_owned(),
        _ => error.to_string(),
    };
    Failure::usage(format!("cannot listen at {place}: {why}; {instead}"))
}

/// Takes what connects, for as long as it is polled, and serves it: as many connections at a time as there are
/// places, further ones wait to be taken. What goes wrong with taking one is told to `failed`.
pub async fn accept<S>(
    listener: TcpListener,
    places: Arc<Semaphore>,
    serve: impl Fn(TcpStream) -> S,
    failed: impl Fn(io::Error),
) where
    S: Future<Output = ()> + Send + 'static,
{
    // They end with this future.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // It is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((connection, _)) => {
                let served = serve(connection);
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                failed(error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
