//! From the API server's bytes to objects.
//!
//! The JSON is projected while it is parsed: fields that no rule reads are
//! skipped, not built.

pub mod arrival;

use std::fmt;

use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::body::Cuts;
use crate::kind::Kind;
use crate::object::{Labels, Metadata, Object};
use crate::record::Key;
use crate::rule::Undecodable;
use crate::rule::custom::CustomRule;
use crate::rule::kinds::{self, ReadAs};

/// An object that cannot be taken into a cache.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not JSON, or a field is not of its type.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It lacks an identity.
    #[error("metadata.{0} is empty")]
    Anonymous(&'static str),
}

/// An object, and what its body goes without.
#[derive(Debug)]
pub struct Decoded {
    /// The object.
    pub object: Object,
    /// Where in the JSON the values are that its body does not have.
    pub cuts: Cuts,
}

/// Decodes one object of `kind`, which `custom` judges if no rule does that is
/// built in.
///
/// # Errors
/// If it is not JSON, if a field that a rule reads has another type, or if it
/// has no name or UID.
pub fn decode(kind: &Kind, json: &[u8], custom: Option<&Arc<dyn CustomRule>>) -> Result<Decoded, DecodeError> {
    named(kinds::read(json, read_as(kind, custom))?)
}

/// As [`decode`], of the object that `text` begins with; how many bytes it takes up there, too.
///
/// # Errors
/// As of [`decode`].
pub fn decode_first(
    kind: &Kind,
    text: &str,
    custom: Option<&Arc<dyn CustomRule>>,
) -> Result<(Decoded, usize), DecodeError> {
    let (read, length) = kinds::read_first(text, read_as(kind, custom))?;
    Ok((named(read)?, length))
}

fn read_as<'a>(kind: &'a Kind, custom: Option<&'a Arc<dyn CustomRule>>) -> ReadAs<'a> {
    ReadAs { group: &kind.group, kind: &kind.kind, has_status: kind.has_status, custom }
}

fn named((object, cuts): kinds::Read) -> Result<Decoded, DecodeError> {
    for (field, value) in [("name", &object.metadata.name), ("uid", &object.metadata.uid)] {
        if value.is_empty() {
            return Err(DecodeError::Anonymous(field));
        }
    }
    Ok(Decoded { object, cuts })
}

/// Which object it is, of whatever kind and however odd the rest; `None` if it
/// is none.
#[must_use]
pub fn identity(json: &[u8]) -> Option<Identity> {
    #[derive(Deserialize)]
    struct Named {
        metadata: Names,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[derive(Default)]
    struct Names {
        namespace: Box<str>,
        name: Box<str>,
        uid: Box<str>,
        resource_version: Box<str>,
    }
    let names = serde_json::from_slice::<Named>(json).ok()?.metadata;
    let resource_version = names.resource_version.parse().ok();
    Some(Identity { key: Key::new(names.namespace, names.name), uid: names.uid, resource_version })
}

/// Which object, and which version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its namespace and name; a bookmark has none.
    pub key: Key,
    /// Its UID.
    pub uid: Box<str>,
    /// Its version, if that is a number.
    pub resource_version: Option<u64>,
}

/// An object that exists, but does not decode, in the version that does not.
#[must_use]
pub fn undecodable(identity: Identity, error: &str) -> Option<Object> {
    let Identity { key, uid, resource_version } = identity;
    if key.name.is_empty() || uid.is_empty() {
        return None;
    }
    let metadata = Metadata {
        namespace: (&*key.namespace).into(),
        name: (&*key.name).into(),
        uid,
        resource_version: resource_version?,
        ..Metadata::default()
    };
    Some(Object { metadata, facts: Box::new(Undecodable(error.into())) })
}

/// Labels as pairs, none for `null`.
pub(crate) fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Labels;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("labels")
        }

        fn visit_unit<E>(self) -> Result<Labels, E> {
            Ok(Labels::default())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
            let mut labels = Vec::with_capacity(map.size_hint().unwrap_or(0));
            while let Some(label) = map.next_entry()? {
                labels.push(label);
            }
            Ok(Labels(labels))
        }
    }
    deserializer.deserialize_any(Pairs)
}

/// A resourceVersion as a number, which it has always been and which Kubernetes
/// promises since 1.35 (KEP-5504).
pub(crate) fn resource_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("resourceVersion {text:?} is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods() -> Kind {
        crate::kind::samples().swap_remove(0)
    }

    #[test]
    fn takes_what_the_rules_read_and_skips_the_rest() {
        let json = br#"{"kind":"Pod","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7",
            "managedFields":[{"fieldsV1":{"f:x":{}}}]},"spec":{"containers":[{"name":"c"}],"nodeName":"k"},
            "status":{"phase":"Running","podIP":"10.0.0.1"}}"#;
        let object = decode(&pods(), json, None).unwrap().object;
        assert_eq!(object.metadata.resource_version, 7);
        let ruling = crate::rule::judge(&object, &crate::rule::view::Nothing, jiff::Timestamp::UNIX_EPOCH);
        let progress = crate::state::Progress { done: 0, total: 1, unit: "ready" };
        assert_eq!((&*ruling.judgement.reason, ruling.judgement.progress), ("Running", Some(progress)));
    }

    #[test]
    fn a_bad_object_is_an_error_that_names_the_field() {
        for (json, expected) in [
            (r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"x"}}"#, "resourceVersion \"x\""),
            (r#"{"metadata":{"uid":"u","resourceVersion":"1"}}"#, "metadata.name is empty"),
            (r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"1"},"status":{"phase":4}}"#, "invalid type"),
            (r#"{"metadata""#, "EOF"),
            ("[]", "invalid length"),
        ] {
            let error = decode(&pods(), json.as_bytes(), None).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
