//! What streams that want the same are told of a stretch of the log.

use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::Delivery;
use super::conflate::conflate;
use crate::body::Body;
use crate::event_log::Revision;

/// Changes that go out together at most.
const PIECE: usize = 128;
/// And their bodies, where they are sent: a client takes 4 MiB at once.
const PIECE_BYTES: usize = 256 << 10;

/// What is to be told of a stretch of the log.
#[derive(Debug)]
pub struct Batch {
    /// Up to where that is all.
    pub to: Revision,
    pieces: Vec<Piece>,
}

/// Changes that go out together, without what is outdated among them: what comes
/// between two pieces is told whole by the first, so that a reader can resume
/// there.
#[derive(Debug)]
pub struct Piece {
    /// What is told.
    pub deliveries: Vec<Delivery>,
    /// Up to where everything is told with it.
    to: Revision,
    wire: Mutex<Option<Bytes>>,
    /// What is sent besides, and when it was made.
    tail: Mutex<Option<(Instant, Bytes)>>,
}

/// How changes are gathered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gathering {
    /// Whether objects are sent whole.
    pub(super) with_bodies: bool,
    /// Whether each version is told, or only other states.
    pub(super) every_version: bool,
    /// Whether nothing is outdated.
    pub(super) history: bool,
}

impl Batch {
    /// A batch of everything up to `to`.
    pub(super) fn new(deliveries: Vec<Delivery>, to: Revision, gathering: Gathering) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut some, mut bytes) = (Vec::new(), 0);
        for delivery in deliveries {
            let body = delivery.0.change.record().and_then(|record| record.body.as_ref());
            let body = body.filter(|_| gathering.with_bodies).map_or(0, Body::length);
            if some.len() == PIECE || (bytes + body > PIECE_BYTES && !some.is_empty()) {
                pieces.extend(Piece::of(std::mem::take(&mut some), gathering));
                bytes = 0;
            }
            bytes += body;
            some.push(delivery);
        }
        pieces.extend(Piece::of(some, gathering));
        if let Some(last) = pieces.last_mut() {
            last.to = to;
        }
        Self { to, pieces }
    }

    /// How many pieces there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there is nothing to be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// A piece.
    #[must_use]
    pub fn piece(&self, number: usize) -> &Piece {
        &self.pieces[number]
    }
}

impl Piece {
    /// `None` if nothing of it is news.
    fn of(deliveries: Vec<Delivery>, gathering: Gathering) -> Option<Self> {
        let to = deliveries.last()?.0.revision;
        let deliveries = match gathering.history {
            true => deliveries,
            false => conflate(deliveries, gathering.every_version),
        };
        let (wire, tail) = (Mutex::default(), Mutex::default());
        (!deliveries.is_empty()).then_some(Self { deliveries, to, wire, tail })
    }

    /// It as it is sent, encoded by the first who asks.
    ///
    /// # Errors
    /// If `encode` fails.
    pub fn wire<E>(&self, encode: impl FnOnce(&[Delivery]) -> Result<Bytes, E>) -> Result<Bytes, E> {
        let mut wire = self.wire.lock();
        if let Some(bytes) = &*wire {
            return Ok(bytes.clone());
        }
        let bytes = encode(&self.deliveries)?;
        *wire = Some(bytes.clone());
        Ok(bytes)
    }

    /// What is sent with it besides, made anew when it is older than `lifetime`.
    pub fn tail(&self, now: Instant, lifetime: Duration, make: impl FnOnce(Revision) -> Bytes) -> Bytes {
        let mut tail = self.tail.lock();
        match &*tail {
            Some((at, bytes)) if now.saturating_duration_since(*at) < lifetime => bytes.clone(),
            _ => {
                let bytes = make(self.to);
                *tail = Some((now, bytes.clone()));
                bytes
            }
        }
    }
}
