//! A source's events with their objects decoded, as caches take them.

use std::sync::Arc;

use bytes::Bytes;

use super::{DecodeError, Decoded, Identity, decode, decode_first, identity, undecodable};
use crate::body;
use crate::kind::Kind;
use crate::object::Object;
use crate::record::Key;
use crate::rule::custom::CustomRule;
use crate::source::{Event, Problem};

/// One step of following a collection, decoded.
#[derive(Debug)]
pub enum Arrival {
    /// A whole list begins.
    ListBegins,
    /// An object of the list.
    Listed(Version),
    /// The list is complete, as of that resourceVersion.
    ListEnds(u64),
    /// An object was created or changed.
    Changed(Version),
    /// That object was deleted; `None` if it cannot be said which.
    Deleted(Option<Identity>),
    /// Nothing more happened up to that resourceVersion.
    Bookmark(u64),
    /// The watch is open again.
    Restored,
    /// The list or the watch broke off; it will be tried again.
    Lost(Problem),
}

/// One version of an object.
#[derive(Debug)]
pub enum Version {
    /// It decodes.
    Good {
        /// What the rules read.
        object: Box<Object>,
        /// Its JSON, if bodies are kept.
        body: Option<Vec<u8>>,
    },
    /// It does not.
    Bad {
        /// What can be kept of it, if its version can be read, too.
        object: Option<Box<Object>>,
        /// Its JSON, if bodies are kept and it is JSON.
        body: Option<Vec<u8>>,
        /// Which it is, if that can be read.
        key: Option<Key>,
        /// Why.
        error: String,
    },
}

/// Decodes what a source sees.
#[derive(Clone, Debug)]
pub struct Decoder {
    kind: Arc<Kind>,
    bodies: bool,
    custom: Option<Arc<dyn CustomRule>>,
}

impl Decoder {
    /// For objects of `kind`, with their bodies or without, which `custom` judges
    /// if no rule does that is built in.
    #[must_use]
    pub fn new(kind: Arc<Kind>, bodies: bool, custom: Option<Arc<dyn CustomRule>>) -> Self {
        Self { kind, bodies, custom }
    }

    /// Decodes an event.
    #[must_use]
    pub fn decode(&self, event: Event) -> Arrival {
        match event {
            Event::ListBegins => Arrival::ListBegins,
            Event::Listed(json) => Arrival::Listed(self.version(&json)),
            Event::ListEnds(version) => Arrival::ListEnds(version),
            Event::Changed(json) => Arrival::Changed(self.version(&json)),
            Event::Deleted(json) => Arrival::Deleted(identity(&json)),
            Event::Bookmark(version) => Arrival::Bookmark(version),
            Event::Restored => Arrival::Restored,
            Event::Lost(problem) => Arrival::Lost(problem),
        }
    }

    /// Decodes the object that `list` begins with, and tells how long it is there; `None` of one that
    /// is not good, which has to be cut out and decoded by itself.
    #[must_use]
    pub fn listed(&self, list: &str) -> Option<(Arrival, usize)> {
        let (decoded, length) = decode_first(&self.kind, list, self.custom.as_ref()).ok()?;
        let good = self.good(decoded, list.get(..length)?.as_bytes()).ok()?;
        Some((Arrival::Listed(good), length))
    }

    fn good(&self, Decoded { object, cuts }: Decoded, json: &[u8]) -> Result<Version, DecodeError> {
        let body = self.bodies.then(|| body::of_parsed(&self.kind, json, cuts)).transpose()?;
        Ok(Version::Good { object: Box::new(object), body })
    }

    fn version(&self, json: &Bytes) -> Version {
        let bad = |error: String| {
            let identity = identity(json);
            let key = identity.as_ref().map(|identity| identity.key.clone());
            let object = identity.and_then(|identity| undecodable(identity, &error)).map(Box::new);
            let body = self.bodies.then(|| body::trimmed(&self.kind, json).ok().map(String::into_bytes)).flatten();
            Version::Bad { object, body, key, error }
        };
        let decoded = decode(&self.kind, json, self.custom.as_ref());
        decoded.and_then(|decoded| self.good(decoded, json)).unwrap_or_else(|error| bad(error.to_string()))
    }
}
