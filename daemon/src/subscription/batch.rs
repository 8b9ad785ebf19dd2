//! What streams that want the same are told of a stretch of the log.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use super::Delivery;
use crate::event_log::Revision;

/// Deliveries that go out together at most.
const PIECE: usize = 64;
/// And their bodies, where they are sent: a client takes 4 MiB at once.
const PIECE_BYTES: usize = 256 << 10;

/// What is to be told of a stretch of the log.
#[derive(Debug)]
pub struct Batch {
    /// Up to where that is all.
    pub to: Revision,
    deliveries: Vec<Delivery>,
    pieces: Vec<Piece>,
}

/// Deliveries that go out together. What is sent of them is made once.
#[derive(Debug)]
struct Piece {
    range: Range<usize>,
    /// Up to where everything is told with it.
    to: Revision,
    wire: Mutex<Option<Bytes>>,
    /// What is sent besides, and when it was made.
    tail: Mutex<Option<(Instant, Bytes)>>,
}

impl Batch {
    /// A batch of everything up to `to`, cut into pieces.
    pub(super) fn new(deliveries: Vec<Delivery>, to: Revision, with_bodies: bool) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut bytes = 0;
        for (place, (entry, _)) in deliveries.iter().enumerate() {
            let body = entry.change.record().and_then(|record| record.body.as_ref()).filter(|_| with_bodies);
            bytes += body.map_or(0, crate::body::Body::length);
            match pieces.last_mut() {
                Some(piece) if piece.range.len() < PIECE && bytes <= PIECE_BYTES => {
                    (piece.range.end, piece.to) = (place + 1, entry.revision);
                }
                _ => {
                    bytes = body.map_or(0, crate::body::Body::length);
                    let (wire, tail) = (Mutex::default(), Mutex::default());
                    pieces.push(Piece { range: place..place + 1, to: entry.revision, wire, tail });
                }
            }
        }
        if let Some(last) = pieces.last_mut() {
            last.to = to;
        }
        Self { to, deliveries, pieces }
    }

    /// How many pieces it has.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The deliveries of a piece, and up to where everything is told with it.
    #[must_use]
    pub fn piece(&self, number: usize) -> (&[Delivery], Revision) {
        let piece = &self.pieces[number];
        (&self.deliveries[piece.range.clone()], piece.to)
    }

    /// A piece as it is sent, encoded by the first who asks.
    ///
    /// # Errors
    /// If `encode` fails.
    pub fn wire<E>(&self, number: usize, encode: impl FnOnce(&[Delivery]) -> Result<Bytes, E>) -> Result<Bytes, E> {
        let mut wire = self.pieces[number].wire.lock();
        if let Some(bytes) = &*wire {
            return Ok(bytes.clone());
        }
        let bytes = encode(self.piece(number).0)?;
        *wire = Some(bytes.clone());
        Ok(bytes)
    }

    /// What is sent with a piece besides, made anew when it is older than
    /// `lifetime`.
    pub fn tail(&self, number: usize, now: Instant, lifetime: Duration, make: impl FnOnce(Revision) -> Bytes) -> Bytes {
        let piece = &self.pieces[number];
        let mut tail = piece.tail.lock();
        match &*tail {
            Some((at, bytes)) if now.saturating_duration_since(*at) < lifetime => bytes.clone(),
            _ => {
                let bytes = make(piece.to);
                *tail = Some((now, bytes.clone()));
                bytes
            }
        }
    }
}
