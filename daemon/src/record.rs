//! Objects as they are kept: what is asked of all of them, packed, and the body.

mod detail;
mod happening;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

pub use self::detail::{Detail, Link};
pub use self::happening::{Happening, Series};
use crate::body::Body;
use crate::intern::Interner;
use crate::object::{Metadata, Object};
use crate::rule::Ruling;
use crate::state::Judgement;
use crate::wishes::Wishes;

/// Where an object stands in its cache: namespace, then name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The namespace; empty for a cluster-scoped object.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl Key {
    /// The key of that name.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// An object's UID: another one is another object.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uid(Packed);

/// A UUID in Kubernetes' spelling takes up half of its text, and no allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Packed {
    Uuid([u8; 16]),
    Other(Arc<str>),
}

impl Uid {
    /// Whether `text` is this UID.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        match &self.0 {
            Packed::Uuid(bytes) => unhyphenated(text).as_ref() == Some(bytes),
            Packed::Other(other) => **other == *text,
        }
    }
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self(unhyphenated(text).map_or_else(|| Packed::Other(text.into()), Packed::Uuid))
    }
}

/// Where a UUID has hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The text of a UUID.
fn hyphenated(bytes: &[u8; 16]) -> [u8; 36] {
    let mut digits =
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    std::array::from_fn(|place| if HYPHENS.contains(&place) { b'-' } else { digits.next().unwrap_or(b'-') })
}

/// The bytes of a UUID that [`Uid`]'s `Display` writes as `text`.
fn unhyphenated(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 || HYPHENS.iter().any(|place| text.as_bytes()[*place] != b'-') {
        return None;
    }
    let mut digits = text.bytes().enumerate().filter(|(place, _)| !HYPHENS.contains(place)).map(|(_, byte)| byte);
    let mut digit = || match digits.next()? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = digit()? << 4 | digit()?;
    }
    Some(bytes)
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Packed::Uuid(bytes) => f.write_str(std::str::from_utf8(&hyphenated(bytes)).map_err(|_| fmt::Error)?),
            Packed::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Labels, in the order of their keys.
pub type Labels = [(Arc<str>, Arc<str>)];

/// An object that owns another (`metadata.ownerReferences`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Its UID.
    pub uid: Uid,
    /// Its kind, such as `ReplicaSet`.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is the one that manages the object.
    pub controller: bool,
}

/// The label of an EndpointSlice that names its Service.
pub const SERVICE: &str = "kubernetes.io/service-name";

/// One version of an object with its judgement, as cached and logged.
#[derive(Debug)]
pub struct Record {
    /// Its namespace and name.
    pub key: Key,
    /// Its UID.
    pub uid: Uid,
    /// The version, comparable within a kind (KEP-5504).
    pub resource_version: u64,
    /// The generation of the specification; 0 where the kind has none.
    pub generation: i64,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its owners.
    pub owners: Arc<[Owner]>,
    /// What the rules for other objects read of it.
    pub detail: Detail,
    /// What the rules say of it.
    pub judgement: Judgement,
    /// What it asks of gates.
    pub wishes: Option<Box<Wishes>>,
    /// Its JSON, if its cache keeps bodies.
    pub body: Option<Body>,
    /// What to judge again, if the judgement depends on its age or on others.
    pub again: Option<Arc<Object>>,
}

impl Record {
    /// The same version, judged again.
    #[must_use]
    pub fn judged_again(&self, ruling: Ruling) -> Self {
        let may_change = ruling.may_change();
        Self {
            key: self.key.clone(),
            uid: self.uid.clone(),
            resource_version: self.resource_version,
            generation: self.generation,
            created: self.created,
            labels: Arc::clone(&self.labels),
            owners: Arc::clone(&self.owners),
            detail: self.detail.clone(),
            judgement: ruling.judgement,
            wishes: self.wishes.clone(),
            body: self.body.clone(),
            again: self.again.clone().filter(|_| may_change),
        }
    }

    /// The same version, for those who want its state only.
    #[must_use]
    pub fn without_body(&self) -> Self {
        let ruling = Ruling::from(self.judgement.clone());
        Self { body: None, ..self.judged_again(ruling) }
    }

    /// Whether `self` and `other` differ in what a follower of states is told.
    #[must_use]
    pub fn differs(&self, other: &Self) -> bool {
        self.generation != other.generation || self.judgement.differs(&other.judgement)
    }

    /// Whether other objects are judged by `self` as by `other`, which has the same
    /// links.
    #[must_use]
    pub fn is_alike(&self, other: &Self) -> bool {
        self.judgement == other.judgement && self.detail == other.detail
    }

    /// Of a pod, its node; empty before it has one.
    #[must_use]
    pub fn node(&self) -> Option<&Arc<str>> {
        match &self.detail {
            Detail::Pod { node, .. } => Some(node),
            _ => None,
        }
    }

    /// Of an EndpointSlice, its Service.
    #[must_use]
    pub fn service(&self) -> Option<Key> {
        let name = self.label(SERVICE).filter(|_| matches!(self.detail, Detail::Endpoints { .. }))?;
        Some(Key { namespace: Arc::clone(&self.key.namespace), name: name.into() })
    }

    /// What it can be found by.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        let owners = self.owners.iter().map(|owner| Link::Owner(owner.uid.clone()));
        let other = match &self.detail {
            Detail::Pod { node, .. } if !node.is_empty() => Some(Link::Node(Arc::clone(node))),
            Detail::Endpoints { .. } => self.service().map(Link::Service),
            Detail::Event(happening) => Some(Link::About(happening.subject.clone())),
            Detail::StorageClass { default: true, .. } => Some(Link::Default),
            Detail::Idle(_) => Some(Link::Idle(Arc::clone(&self.key.namespace))),
            _ => None,
        };
        owners.chain(other)
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(k, _)| &**k == key).map(|(_, value)| &**value)
    }

    /// About how many bytes it takes up beside its body, with its place in the
    /// cache. What is shared with other records is not counted.
    #[must_use]
    pub fn size(&self) -> usize {
        // An Arc's two counts, here and at the name; a place in the tree.
        let counts = 2 * 2 * size_of::<usize>();
        let place = size_of::<(Key, Arc<Self>)>() * 3 / 2;
        size_of::<Self>() + counts + place + self.key.name.len() + self.judgement.message.len()
    }
}

#[cfg(test)]
impl Record {
    /// An object of which nothing is known but its name.
    pub(crate) fn bare(key: Key) -> Self {
        let judgement = Judgement::new(crate::state::State::Unknown, "NoRule", "");
        Self {
            key,
            uid: Uid::from("uid"),
            resource_version: 1,
            generation: 0,
            created: None,
            labels: [].into(),
            owners: [].into(),
            detail: Detail::None,
            judgement,
            wishes: None,
            body: None,
            again: None,
        }
    }
}

/// Packs the objects of one cache.
#[derive(Debug, Default)]
pub struct Packer {
    texts: Interner<str>,
    labels: Interner<Labels>,
    owners: Interner<[Owner]>,
}

impl Packer {
    /// The record of an object, which is kept if it is to be judged again.
    pub fn pack(&mut self, object: Object, ruling: Ruling, body: Option<Body>) -> Record {
        let may_change = ruling.may_change();
        let record = self.pack_shared(&object, ruling);
        Record { body, again: may_change.then(|| Arc::new(object)), ..record }
    }

    /// The record of an object that somebody else keeps.
    pub fn pack_shared(&mut self, object: &Object, ruling: Ruling) -> Record {
        let Metadata { uid, resource_version, generation, creation_timestamp, .. } = &object.metadata;
        Record {
            key: self.key(&object.metadata),
            uid: Uid::from(&**uid),
            resource_version: *resource_version,
            generation: *generation,
            created: *creation_timestamp,
            labels: self.labels(&object.metadata),
            owners: self.owners(&object.metadata),
            detail: object.facts.detail(&object.metadata, &mut self.texts),
            judgement: ruling.judgement,
            wishes: object.metadata.annotations.as_ref().and_then(Wishes::read),
            body: None,
            again: None,
        }
    }

    fn key(&mut self, metadata: &Metadata) -> Key {
        Key { namespace: self.texts.get(&*metadata.namespace), name: (&*metadata.name).into() }
    }

    fn labels(&mut self, metadata: &Metadata) -> Arc<Labels> {
        let texts = &mut self.texts;
        let mut labels: Vec<_> =
            metadata.labels.0.iter().map(|(key, value)| (texts.get(&**key), texts.get(&**value))).collect();
        labels.sort_unstable();
        self.labels.get(labels)
    }

    fn owners(&mut self, metadata: &Metadata) -> Arc<[Owner]> {
        let texts = &mut self.texts;
        let owner = |owner: &crate::object::OwnerReference| Owner {
            uid: Uid::from(&*owner.uid),
            kind: texts.get(&*owner.kind),
            name: texts.get(&*owner.name),
            controller: owner.controller,
        };
        self.owners.get(metadata.owner_references.iter().map(owner).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_written_as_they_were_read() {
        for text in [
            "7d6e3ab2-0a0b-4c0d-8e0f-0123456789ab",
            "7D6E3AB2-0a0b-4c0d-8e0f-0123456789ab",
            "7d6e3ab2-0a0b-4c0d-8e0f-0123456789ag",
            "7d6e3ab20a0b-4c0d-8e0f-0123456789abcd",
            "uid-1",
            "",
        ] {
            assert_eq!(Uid::from(text).to_string(), text);
        }
        assert!(matches!(Uid::from("7d6e3ab2-0a0b-4c0d-8e0f-0123456789ab").0, Packed::Uuid(_)));
    }
}
