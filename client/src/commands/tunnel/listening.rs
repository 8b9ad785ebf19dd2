//! Listening on loopback.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use crate::args::Loopback;
use crate::exit::Failure;

/// Listens at a port of each of these addresses: at the same one, if any that is free will do. Of several, the
/// first has to be there: a machine may have no IPv6.
pub async fn listen(at: &Loopback, port: u16, instead: &str) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in &at.0 {
        let port = match listeners.first() {
            Some(first) => first.local_addr()?.port(),
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
        io::ErrorKind::PermissionDenied => "ports below 1024 are root's".to_owned(),
        _ => error.to_string(),
    };
    Failure::usage(format!("cannot listen at {place}: {why}; {instead}"))
}
