//! Where a tunnel is entered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use daymark::api::{ForwardEndpoint, ForwardTarget, ObjectRef, TunnelPort};
use daymark::{Client, Error};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::proxy::server::Server;
use super::listening::accept;
use super::{carrying, local};
use crate::args::Via;
use crate::exit::{Exit, Failure, exit_of};

/// Connections of a door at a time; further ones wait to be taken.
const MOST: usize = 500;

/// What is to be known of a tunnel.
pub enum Said {
    /// Something that goes well.
    Note(String),
    /// Something that does not.
    Problem(String),
    /// It cannot go on.
    End(Failure),
}

/// A local port that leads to a port of an object.
pub struct Door {
    client: Client,
    object: ObjectRef,
    port: String,
    pub via: Via,
    pub address: SocketAddr,
    listeners: Vec<TcpListener>,
}

impl Door {
    pub fn new(
        client: Client,
        object: ObjectRef,
        meant: TunnelPort,
        via: Via,
        listeners: Vec<TcpListener>,
    ) -> Result<Self, Failure> {
        let address = local(&listeners)?;
        Ok(Self { client, object, port: meant.port.to_string(), via, address, listeners })
    }

    /// Where it is.
    pub fn addresses(&self) -> Vec<String> {
        let addresses = self.listeners.iter().filter_map(|listener| listener.local_addr().ok());
        addresses.map(|address| address.to_string()).collect()
    }

    /// Takes what connects, until that time, and says what happens.
    pub fn serve(self, serving: &mut JoinSet<()>, until: Instant, said: &mpsc::Sender<Said>) {
        let Self { client, object, port, via, address, listeners } = self;
        if via == Via::Proxy {
            let root = service_root(&object, &port);
            for listener in listeners {
                let (client, root) = (client.clone(), root.clone());
                serving.spawn(async move { Server::new(client, root, false).serve(listener).await });
            }
            return;
        }
        let way = Arc::new(Way { client, object, port, address, until, said: said.clone() });
        let places = Arc::new(Semaphore::new(MOST));
        for listener in listeners {
            serving.spawn(enter(listener, Arc::clone(&way), Arc::clone(&places)));
        }
    }
}

/// The path of a Service behind the API server's proxy.
fn service_root(object: &ObjectRef, port: &str) -> String {
    format!("/api/v1/namespaces/{}/services/{}:{port}/proxy", object.namespace, object.name)
}

/// To where connections go.
struct Way {
    client: Client,
    object: ObjectRef,
    port: String,
    address: SocketAddr,
    until: Instant,
    said: mpsc::Sender<Said>,
}

/// Takes what connects, and sends it that way.
async fn enter(listener: TcpListener, way: Arc<Way>, places: Arc<Semaphore>) {
    let carry = |local| {
        let way = Arc::clone(&way);
        async move { way.carry(local).await }
    };
    let failed = |error| {
        let text = format!("{}: a connection could not be accepted: {error}", way.address);
        // What nobody has the time to read is not worth waiting for.
        let _full = way.said.try_send(Said::Problem(text));
    };
    accept(listener, places, carry, failed).await;
}

impl Way {
    async fn carry(&self, local: TcpStream) {
        let left = self.until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let target = ForwardTarget {
            r#ref: Some(self.object.clone()),
            port: self.port.clone(),
            max_duration: left.try_into().ok(),
        };
        let told = |endpoint: ForwardEndpoint| {
            // What nobody has the time to read is not worth waiting for.
            let _full = self.said.try_send(self.note(&endpoint));
        };
        if let Err(error) = carrying::carry(&self.client, target, local, told).await {
            let _ended = self.said.send(self.said_of(&error)).await;
        }
    }

    fn note(&self, endpoint: &ForwardEndpoint) -> Said {
        let pod = endpoint.pod.as_ref().map_or("", |pod| &pod.name);
        match &*endpoint.because {
            "" => Said::Note(format!("{} -> pod {pod} port {}", self.address, endpoint.port)),
            because => Said::Problem(format!("{} -> pod {pod} port {}: {because}", self.address, endpoint.port)),
        }
    }

    /// Who may not have this connection may have none; what else ends one may not end the next.
    fn said_of(&self, error: &Error) -> Said {
        match exit_of(error) {
            Exit::NotPermitted => Said::End(error.clone().into()),
            _ => Said::Problem(format!("{}: {error}", self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_place_behind_the_proxy() {
        let object = ObjectRef { namespace: "shop".into(), name: "web".into(), ..ObjectRef::default() };
        assert_eq!(service_root(&object, "80"), "/api/v1/namespaces/shop/services/web:80/proxy");
    }
}
