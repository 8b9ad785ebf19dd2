//! A connection to a port of a pod, as the API server and the pod's node forward it.
//!
//! It is asked for over SPDY, as kubectl does: nodes spend a third on that of what a WebSocket costs them, and it takes
//! the right to `create` alone. Some proxies and load balancers before API servers let WebSockets through only;
//! then it goes over one. (kubectl turns to SPDY where a WebSocket is refused, for the same reason.)

pub mod spdy;
mod web_socket;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};

use super::actor::{Actor, NotDone};
use crate::kind::escape;
use crate::one_line::one_line;
use crate::record::Key;
use crate::source::apiserver::requests::Refusal;
use crate::source::{Problem, ProblemReason};

/// Bytes of an error that are told.
const LONGEST_ERROR: usize = 1 << 10;
/// What API servers say when on the way to them a request has lost what asks for another protocol
/// (k8s.io/apimachinery `pkg/util/proxy`, upgradeaware.go).
const STRIPPED: &str = "Upgrade request required";

/// The connection has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The pod's node says why.
    #[error("{0}")]
    Refused(String),
    /// On the way to the node.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// What nodes say when a port has taken no connection: containerd's and CRI-O's words, and those of
/// system calls (containerd `internal/cri/server`, `portForward`).
const UNCONNECTED: &[&str] = &["connection refused", "failed to connect", "failed to dial", "no route to host"];

impl Lost {
    /// Whether nothing that was sent can have reached anybody.
    #[must_use]
    pub fn is_unconnected(&self) -> bool {
        match self {
            Self::Refused(why) => UNCONNECTED.iter().any(|known| why.contains(known)),
            Self::Broken(_) => false,
        }
    }
}

/// What goes to the pod.
#[derive(Debug)]
pub struct Sender(Sending);

#[derive(Debug)]
enum Sending {
    Spdy(spdy::Sender),
    WebSocket(web_socket::Sender),
}

/// What comes from the pod.
#[derive(Debug)]
pub struct Receiver(Receiving);

#[derive(Debug)]
enum Receiving {
    Spdy(Box<spdy::Receiver>),
    WebSocket(web_socket::Receiver),
}

/// Opens a connection to a port of a pod, for whom the actor acts. That the port takes it is not
/// said: else the first thing to come is [`Lost::Refused`].
///
/// # Errors
/// If the API server refuses, or speaks none of the protocols.
pub async fn open(actor: &Actor, pod: &Key, port: u16) -> Result<(Sender, Receiver), NotDone> {
    let path = format!("/api/v1/namespaces/{}/pods/{}/portforward", escape(&pod.namespace), escape(&pod.name));
    let refusal = match spdy::open(actor, &path, port).await {
        Ok((sender, receiver)) => {
            return Ok((Sender(Sending::Spdy(sender)), Receiver(Receiving::Spdy(Box::new(receiver)))));
        }
        Err(NotDone::Refused(refusal)) if knows_no_spdy(&refusal) => refusal,
        Err(error) => return Err(error),
    };
    match web_socket::open(actor, &path, port).await {
        Ok((sender, receiver)) => Ok((Sender(Sending::WebSocket(sender)), Receiver(Receiving::WebSocket(receiver)))),
        Err(NotDone::Refused(second)) if second.problem.reason == ProblemReason::Forbidden => {
            Err(NotDone::Refused(Box::new(both(*refusal, &second))))
        }
        Err(error) => Err(error),
    }
}

/// Whether it was refused by who may let a WebSocket through: not what the API server says of the pod or of rights, nor
/// what may be its node's own words.
fn knows_no_spdy(refusal: &Refusal) -> bool {
    match refusal.status {
        // It was answered, but not by that protocol.
        None => refusal.problem.reason == ProblemReason::Refused,
        Some(400) if refusal.is_explained => refusal.message == STRIPPED,
        Some(status) => !refusal.is_explained && !matches!(status, 401 | 403 | 404 | 409 | 429),
    }
}

/// A refusal, and that of a WebSocket, which takes a right that is not needed but for that.
fn both(mut refusal: Refusal, second: &Refusal) -> Refusal {
    refusal.problem.message = format!("{refusal}; over a WebSocket, {second}");
    refusal
}

/// The API server does not answer in a protocol that was asked for.
fn foreign(protocol: &str, why: &str) -> NotDone {
    let message = format!("the API server does not forward ports over {protocol}: {why}");
    NotDone::Refused(Box::new(Problem::new(ProblemReason::Refused, message).into()))
}

fn has(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers.get(name).is_some_and(|given| given.as_bytes() == value.as_bytes())
}

fn explained(error: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(&error[..error.len().min(LONGEST_ERROR)]))
}

impl Sender {
    /// Sends bytes, and returns when they are on their way. They are no more than the connection
    /// takes: who does not read is waited for.
    ///
    /// # Errors
    /// If the connection has ended; [`Receiver::next`] says how.
    pub async fn send(&mut self, data: Bytes) -> Result<(), Lost> {
        match &mut self.0 {
            Sending::Spdy(sender) => sender.send(data).await,
            Sending::WebSocket(sender) => sender.send(&data).await,
        }
    }
}

impl Receiver {
    /// The next bytes, which are not none; `None` when the pod has ended the connection.
    ///
    /// # Errors
    /// If it has failed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Lost> {
        match &mut self.0 {
            Receiving::Spdy(receiver) => receiver.next().await,
            Receiving::WebSocket(receiver) => receiver.next().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_has_reached_nobody() {
        let refused = |why: &str| Lost::Refused(why.to_owned()).is_unconnected();
        assert!(refused("dial tcp4 127.0.0.1:80: connect: connection refused"));
        assert!(!refused("write tcp 127.0.0.1:80: write: broken pipe"));
        assert!(!Lost::Broken("connection refused".to_owned()).is_unconnected());
    }

    #[test]
    fn an_error_is_cut() {
        assert_eq!(explained(&[b'x'; 2 * LONGEST_ERROR]).len(), LONGEST_ERROR);
    }

    fn refusal(status: Option<u16>, reason: ProblemReason, is_explained: bool, message: &str) -> Refusal {
        Refusal { status, is_explained, message: message.to_owned(), ..Problem::new(reason, message).into() }
    }

    #[test]
    fn a_web_socket_is_tried_where_spdy_is_not_known_and_nothing_is_said_of_the_pod() {
        let of = |status: Option<u16>, reason, is_explained, message: &str| {
            knows_no_spdy(&refusal(status, reason, is_explained, message))
        };
        for status in [400, 405, 411, 426, 500, 501, 502, 503] {
            assert!(of(Some(status), ProblemReason::Refused, false, ""), "{status}, from who knows where");
            assert!(!of(Some(status), ProblemReason::Refused, true, "no node"), "{status}, of Kubernetes");
        }
        for status in [401, 403, 404, 409, 429] {
            assert!(!of(Some(status), ProblemReason::Refused, false, ""), "{status}");
        }
        assert!(of(Some(400), ProblemReason::Invalid, true, STRIPPED));
        assert!(of(None, ProblemReason::Refused, false, "answered 200 and not by another protocol"));
        assert!(!of(None, ProblemReason::Unreachable, false, "nobody answers"));
    }

    #[test]
    fn where_a_web_socket_takes_a_right_that_is_missing_both_are_told() {
        let first = refusal(Some(502), ProblemReason::Refused, false, "502 Bad Gateway");
        let second = refusal(Some(403), ProblemReason::Forbidden, true, "may not get pods/portforward");
        let told = both(first, &second);
        assert_eq!(told.to_string(), "502 Bad Gateway; over a WebSocket, may not get pods/portforward");
        assert_eq!((told.status, told.problem.reason), (Some(502), ProblemReason::Refused));
    }
}
