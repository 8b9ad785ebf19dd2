//! Connections that are carried.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use tokio::sync::mpsc;

/// Connections that wait to be carried; there is a task for each soon.
const WAITING: usize = 64;

/// A connection that is carried, to its end.
pub type Carrying = BoxFuture<'static, ()>;

/// Whom connections are handed to, and whose turn it is.
#[derive(Debug)]
pub struct Tunnels {
    carried: mpsc::Sender<Carrying>,
    turn: AtomicUsize,
}

impl Tunnels {
    /// Nothing is carried yet; what is to be is received.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Carrying>) {
        let (carried, carryings) = mpsc::channel(WAITING);
        (Self { carried, turn: AtomicUsize::new(0) }, carryings)
    }

    /// Has a connection carried by a task of its own; `false` if nothing is any more.
    pub async fn carry(&self, carrying: Carrying) -> bool {
        self.carried.send(carrying).await.is_ok()
    }

    /// The same endpoints, beginning with the one whose turn it is.
    pub fn in_turn<T>(&self, mut endpoints: Vec<T>) -> Vec<T> {
        if !endpoints.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % endpoints.len();
            endpoints.rotate_left(turn);
        }
        endpoints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_take_turns() {
        let (tunnels, _carryings) = Tunnels::new();
        let firsts: Vec<_> = (0..4).map(|_| tunnels.in_turn(vec!["a", "b", "c"])[0]).collect();
        assert_eq!(firsts, ["a", "b", "c", "a"]);
        assert!(tunnels.in_turn(Vec::<u8>::new()).is_empty());
    }
}
