//! How many may be connected.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::access::{Peer, network};

/// How many may be connected, and how long they may take to make something of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All connections.
    pub connections: usize,
    /// Of these, from one address, or one user of this machine who is not the daemon's own.
    pub of_one: usize,
    /// TLS handshakes that are under way.
    pub handshakes: usize,
    /// Of these, from one address.
    pub handshakes_of_one: usize,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a connection may be without a request that was let in.
    pub first_request: Duration,
    /// How often a connection is pinged.
    pub ping: Duration,
    /// How long it may take to answer that.
    pub pong: Duration,
    /// How long the other end may take nothing of what is sent to it. A connection is neither
    /// read nor pinged meanwhile.
    pub unread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            // Behind one address there may be a whole cluster or a CI system.
            of_one: 5_000,
            handshakes: 1_024,
            handshakes_of_one: 256,
            handshake: Duration::from_secs(10),
            first_request: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            pong: Duration::from_secs(20),
            unread: Duration::from_secs(60),
        }
    }
}

/// Who counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    Address(IpAddr),
    User(Option<u32>),
}

impl Origin {
    pub(super) fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Unix(uid) => Self::User(*uid),
            Peer::Tcp { address, .. } => Self::Address(network(address.ip())),
        }
    }
}

/// Those who are there: so many, and so many of one.
#[derive(Debug)]
pub(super) struct Crowd {
    what: &'static str,
    most: usize,
    most_of_one: usize,
    there: Mutex<There>,
}

#[derive(Debug, Default)]
struct There {
    all: usize,
    of: HashMap<Origin, usize>,
    /// Whether the last who came was turned away.
    turning_away: bool,
}

/// A place among them, for as long as it is held.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    origin: Origin,
}

impl Crowd {
    /// `what` is there, in the log.
    pub(super) fn new(what: &'static str, most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { what, most, most_of_one, there: Mutex::default() })
    }

    /// A place, if there is one.
    pub(super) fn enter(self: &Arc<Self>, origin: Origin) -> Option<Place> {
        let mut there = self.there.lock();
        let of_one = there.of.get(&origin).copied().unwrap_or(0);
        if there.all >= self.most || of_one >= self.most_of_one {
            if !std::mem::replace(&mut there.turning_away, true) {
                let (what, all) = (self.what, there.all);
                tracing::warn!(?origin, all, of_one, "too many {what}: further ones are closed");
            }
            return None;
        }
        there.turning_away = false;
        there.all += 1;
        there.of.insert(origin, of_one + 1);
        Some(Place { crowd: Arc::clone(self), origin })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut there = self.crowd.there.lock();
        there.all = there.all.saturating_sub(1);
        if let Some(of_one) = there.of.get_mut(&self.origin) {
            *of_one = of_one.saturating_sub(1);
            if *of_one == 0 {
                there.of.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        Origin::of(&Peer::Tcp { address: (address.parse::<IpAddr>().unwrap(), 1).into(), certificate: None })
    }

    #[test]
    fn one_takes_no_more_than_its_share_and_all_no_more_than_there_is() {
        let crowd = Crowd::new("connections", 3, 2);
        let places: Vec<_> = ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"]
            .map(|address| crowd.enter(origin(address)))
            .into();
        assert_eq!(places.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, false, true, false]);
        drop(places);
        assert!(crowd.there.lock().of.is_empty());
        assert!(crowd.enter(origin("10.0.0.3")).is_some());
    }

    #[test]
    fn a_host_is_one_however_many_addresses_it_has() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:2"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
        assert_ne!(origin("10.0.0.1"), origin("10.0.0.2"));
    }
}
