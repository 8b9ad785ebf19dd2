//! What a stream sends, as messages.

use std::time::{Duration, Instant};

use bytes::Bytes;
use daymark_proto::Encoded;
use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{Freshness, WatchStatusesResponse};
use prost::Message as _;
use tonic::Status;

use super::letter::Letter;
use super::{Message, Watch};
use crate::cache::Cache;
use crate::event_log::{Entry, Revision};
use crate::rpc::convert::{View, encode};
use crate::rpc::error::unevaluated;
use crate::rpc::rights;
use crate::subscription::feed::Portion;
use crate::subscription::{Delivery, Interruption, Item};

/// How long several messages may say the same freshness: they go out together.
const SAME_FRESHNESS: Duration = Duration::from_millis(1);

impl Watch {
    pub(super) fn changes(&mut self, portion: Result<Portion, Interruption>) -> Result<Message, Status> {
        let portion = match portion {
            Ok(portion) => portion,
            Err(Interruption::Predicate(error)) => return Err(unevaluated(&error)),
            Err(Interruption::Expired) => {
                let cause = self.overtaken()?;
                return self.begin_anew(cause);
            }
        };
        let piece = portion.piece();
        // How new the view is depends on when it is sent.
        let tail = piece.tail(Instant::now(), SAME_FRESHNESS, |to| self.tail(Some(to)));
        if self.view == View::Full {
            // Large, and kept by the log for as long as that is worth it.
            let parts: Result<_, Status> = piece.deliveries.iter().map(|delivery| self.encode(delivery)).collect();
            return Ok(Encoded::from_parts(parts?).with_bytes(tail));
        }
        let wire = piece.wire(|deliveries| {
            let parts: Result<Vec<_>, Status> = deliveries.iter().map(|delivery| self.encode(delivery)).collect();
            Ok::<_, Status>(parts?.concat().into())
        })?;
        Ok(Encoded::from_bytes(wire).with_bytes(tail))
    }

    /// The change as every stream sends it to whom it is the same.
    fn encode(&self, (entry, relation): &Delivery) -> Result<Bytes, Status> {
        let form = *relation as u8 * 2 + u8::from(self.view == View::Full);
        let entry: &Entry = entry;
        entry.wire(form, || {
            let cache = self.selection.caches.iter().find(|cache| cache.id() == entry.cache);
            let cache = cache.ok_or_else(|| Status::internal("a change of a cache that is not read"))?;
            Ok(encode(self.served.change(cache.kind(), entry, *relation, self.view)?))
        })
    }

    pub(super) fn item(&self, item: &Item) -> Result<Bytes, Status> {
        let caches = &self.selection.caches;
        let status = match item {
            Item::Present(cache, record) => self.served.status(caches[*cache].kind(), record, self.view)?,
            Item::Absent(cache, key) => self.served.absent(caches[*cache].kind(), key),
            Item::Unread(cache, key) => self.served.unread(&caches[*cache], key),
        };
        Ok(encode(Event::Item(status)))
    }

    /// A message that is this stream's alone.
    pub(super) fn send(&self, letter: Letter, at: Option<Revision>) -> Message {
        letter.seal(self.tail(at))
    }

    /// What a message says besides its events.
    fn tail(&self, at: Option<Revision>) -> Bytes {
        let message = WatchStatusesResponse {
            events: Vec::new(),
            cursor: at
                .map(|revision| self.served.cursor(revision, rights::number(&self.selection.visible)))
                .unwrap_or_default(),
            freshness: Some(self.freshness()),
        };
        message.encode_to_vec().into()
    }

    fn freshness(&self) -> Freshness {
        self.served.freshness(self.selection.caches.iter().map(|cache| -> &Cache { cache }))
    }
}
