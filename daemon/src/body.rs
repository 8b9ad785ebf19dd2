//! An object's JSON as kept in memory: without managedFields, compressed.

pub mod codec;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use self::codec::Codec;
use crate::kind::{Content, Kind};

/// The annotation in which kubectl keeps what was applied: of a Secret, its data.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object's JSON, compressed.
#[derive(Clone, Debug)]
pub struct Body {
    /// Shared with those that are told as differences from it.
    compressed: Arc<[u8]>,
    length: u32,
    codec: Arc<Codec>,
}

impl Body {
    /// Compresses the JSON that [`trimmed`] made.
    ///
    /// # Errors
    /// If memory for the compressor runs out, or if it is longer than 4 GiB.
    pub fn new(trimmed: &[u8], codec: &Arc<Codec>) -> io::Result<Self> {
        let length = u32::try_from(trimmed.len()).map_err(io::Error::other)?;
        Ok(Self { compressed: codec.compress(trimmed)?, length, codec: Arc::clone(codec) })
    }

    /// The length of the JSON in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length as usize
    }

    /// The bytes that it takes up.
    #[must_use]
    pub fn size(&self) -> usize {
        self.compressed.len()
    }

    /// How it is compressed.
    #[must_use]
    pub fn codec(&self) -> &Arc<Codec> {
        &self.codec
    }

    /// The JSON.
    ///
    /// # Errors
    /// If memory for it runs out.
    pub fn json(&self) -> io::Result<Vec<u8>> {
        self.codec.decompress(&self.compressed, self.length())
    }
}

/// Where values that a body does not have stand in an object's JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cuts {
    /// The object's own `apiVersion`.
    pub api_version: Option<Span>,
    /// The object's own `kind`.
    pub kind: Option<Span>,
    /// `metadata.managedFields`.
    pub managed_fields: Option<Span>,
}

/// A value's place in the JSON that is being parsed, by address: offsets are
/// not told while parsing.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    address: usize,
    length: usize,
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self { address: value.as_ptr().addr(), length: value.len() })
    }
}

/// A member that is there, also if it is null.
pub(crate) fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Span>, D::Error> {
    Span::deserialize(deserializer).map(Some)
}

impl Span {
    /// The range in `json` of the member with that name and this value, with
    /// one of the commas around it.
    fn member(self, name: &str, json: &[u8]) -> Option<Range<usize>> {
        let value = self.address.checked_sub(json.as_ptr().addr())?;
        let before = json.get(..value)?.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
        let start = before.strip_suffix(b"\"")?.strip_suffix(name.as_bytes())?.strip_suffix(b"\"")?.len();
        let end = value + self.length;
        match json.get(end..)?.trim_ascii_start().strip_prefix(b",") {
            Some(rest) => Some(start..json.len() - rest.len()),
            None => Some(json[..start].trim_ascii_end().strip_suffix(b",")?.len()..end),
        }
    }
}

/// As [`trimmed`], of an object that was parsed and whose values `cuts` are
/// known; faster, and `None` where only a parser could do it.
fn cut(kind: &Kind, json: &[u8], cuts: Cuts) -> Option<Vec<u8>> {
    let members = [("apiVersion", cuts.api_version), ("kind", cuts.kind), ("managedFields", cuts.managed_fields)];
    let mut ranges = [const { 0..0 }; 3];
    for (range, (name, span)) in ranges.iter_mut().zip(members) {
        if let Some(span) = span {
            *range = span.member(name, json)?;
        }
    }
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out = Writer::with_capacity(json.len() + 64);
    out.text("apiVersion", &kind.api_version());
    out.text("kind", &kind.kind);
    let mut out = out.0.into_bytes();
    out.push(b',');
    let mut from = json.len() - json.trim_ascii_start().strip_prefix(b"{")?.len();
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        // Two that share a comma overlap.
        out.extend_from_slice(json.get(from..range.start)?);
        from = range.end;
    }
    let rest = json.get(from..)?;
    if rest.trim_ascii_start().starts_with(b"}") && out.trim_ascii_end().ends_with(b",") {
        return None;
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// The JSON of a body of an object that was parsed.
///
/// # Errors
/// If `json` is not a JSON object.
pub fn of_parsed(kind: &Kind, json: &[u8], cuts: Cuts) -> Result<Vec<u8>, serde_json::Error> {
    let fast = match kind.content() {
        Content::Whole => cut(kind, json, cuts),
        Content::Metadata => None,
    };
    match fast {
        Some(body) => Ok(body),
        None => trimmed(kind, json).map(String::into_bytes),
    }
}

/// The object as `kubectl get -o json` shows it: without managedFields, and
/// with `apiVersion` and `kind`, which the items of a list lack. Of a Secret, it
/// is the metadata without what was applied.
///
/// # Errors
/// If `json` is not a JSON object.
pub fn trimmed(kind: &Kind, json: &[u8]) -> Result<String, serde_json::Error> {
    let fields: Fields<'_> = serde_json::from_slice(json)?;
    let mut out = Writer::with_capacity(json.len());
    out.text("apiVersion", &kind.api_version());
    out.text("kind", &kind.kind);
    for (name, value) in fields.0 {
        match &*name {
            "apiVersion" | "kind" => {}
            "metadata" => out.raw("metadata", &metadata(kind, value)?),
            name if kind.content() == Content::Whole => out.raw(name, value.get()),
            _ => {}
        }
    }
    Ok(out.finish())
}

/// What stands in the place of each value of a Secret's data: `[redacted]`, encoded as they are.
pub const REDACTED_DATA: &str = "W3JlZGFjdGVkXQ==";

/// As [`trimmed`], but of a Secret its type, too, and which data it has: [`REDACTED_DATA`]
/// stands in the place of each.
///
/// # Errors
/// If `json` is not a JSON object.
pub fn without_data(kind: &Kind, json: &[u8]) -> Result<String, serde_json::Error> {
    if kind.content() == Content::Whole {
        return trimmed(kind, json);
    }
    let fields: Fields<'_> = serde_json::from_slice(json)?;
    let mut out = Writer::with_capacity(json.len());
    out.text("apiVersion", &kind.api_version());
    out.text("kind", &kind.kind);
    for (name, value) in fields.0 {
        match &*name {
            "metadata" => out.raw("metadata", &metadata(kind, value)?),
            "type" | "immutable" => out.raw(&name, value.get()),
            "data" => out.raw("data", &redacted(value)?),
            _ => {}
        }
    }
    Ok(out.finish())
}

fn redacted(data: &RawValue) -> Result<String, serde_json::Error> {
    let mut out = Writer::with_capacity(64);
    for (name, _) in serde_json::from_str::<Option<Fields<'_>>>(data.get())?.into_iter().flat_map(|f| f.0) {
        out.text(&name, REDACTED_DATA);
    }
    Ok(out.finish())
}

fn metadata(kind: &Kind, metadata: &RawValue) -> Result<String, serde_json::Error> {
    let secret = kind.content() == Content::Metadata;
    let mut out = Writer::with_capacity(metadata.get().len());
    for (name, value) in serde_json::from_str::<Fields<'_>>(metadata.get())?.0 {
        match &*name {
            "managedFields" => {}
            "annotations" if secret => out.raw("annotations", &without_last_applied(value)?),
            name => out.raw(name, value.get()),
        }
    }
    Ok(out.finish())
}

fn without_last_applied(annotations: &RawValue) -> Result<String, serde_json::Error> {
    let mut out = Writer::with_capacity(annotations.get().len());
    for (name, value) in serde_json::from_str::<Option<Fields<'_>>>(annotations.get())?.into_iter().flat_map(|f| f.0) {
        if name != LAST_APPLIED {
            out.raw(&name, value.get());
        }
    }
    Ok(out.finish())
}

/// The fields of a JSON object in their order, unparsed.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// Writes a JSON object field by field.
struct Writer(String);

impl Writer {
    fn with_capacity(capacity: usize) -> Self {
        let mut out = String::with_capacity(capacity);
        out.push('{');
        Self(out)
    }

    fn raw(&mut self, name: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(value);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, &quoted(value));
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_managed_fields_and_adds_type_meta() {
        let kind = crate::kind::samples().swap_remove(1);
        let json = br#"{"metadata":{"name":"a\"b","managedFields":[{"a":1}],"labels":{}},"spec":{"x":[1, 2]}}"#;
        let trimmed = trimmed(&kind, json).unwrap();
        assert_eq!(
            trimmed,
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a\"b","labels":{}},"spec":{"x":[1, 2]}}"#
        );
        assert_eq!(Body::new(trimmed.as_bytes(), &Arc::default()).unwrap().json().unwrap(), trimmed.as_bytes());
    }

    #[test]
    fn what_is_not_an_object_is_an_error() {
        let kind = crate::kind::samples().swap_remove(0);
        for json in ["[]", "{\"metadata\":1}", "{\"a\":", ""] {
            assert!(trimmed(&kind, json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn cutting_a_parsed_object_is_trimming_it() {
        let kind = crate::kind::samples().swap_remove(0);
        for json in [
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","uid":"u","resourceVersion":"1","managedFields":[{"x":{}}]},"spec":{}}"#,
            r#"{"kind" : "Pod" , "apiVersion":"v1", "metadata": {"managedFields" : [ ] , "name":"a","uid":"u","resourceVersion":"1"}}"#,
            r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"1"},"status":{"managedFields":1},"kind":"Pod","apiVersion":"v1"}"#,
            r#"{"metadata":{"name":"a","managedFields":null,"uid":"u","resourceVersion":"1"},"kind":"Pod"}"#,
            r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"1"}}"#,
        ] {
            let decoded = crate::decode::decode(&kind, json.as_bytes(), None).unwrap();
            let cut = of_parsed(&kind, json.as_bytes(), decoded.cuts).unwrap();
            let cut: serde_json::Value = serde_json::from_slice(&cut).unwrap();
            let trimmed: serde_json::Value = trimmed(&kind, json.as_bytes()).unwrap().parse().unwrap();
            assert_eq!(cut, trimmed, "{json}");
            assert!(cut["metadata"].get("managedFields").is_none());
        }
    }

    #[test]
    fn a_secret_is_its_metadata_without_what_was_applied() {
        let secrets =
            Kind { resource: "secrets".into(), kind: "Secret".into(), ..crate::kind::samples().swap_remove(0) };
        let json = br#"{"metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{data}","b":"c"}},"data":{"d":"e"}}"#;
        let body = trimmed(&secrets, json).unwrap();
        assert_eq!(body, r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","annotations":{"b":"c"}}}"#);
    }

    #[test]
    fn of_a_secrets_data_the_names_may_be_told() {
        let secrets =
            Kind { resource: "secrets".into(), kind: "Secret".into(), ..crate::kind::samples().swap_remove(0) };
        let json = br#"{"metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{data}"}},"data":{"d":"c2VjcmV0","e":null},"type":"Opaque","stringData":{"f":"secret"}}"#;
        let told = without_data(&secrets, json).unwrap();
        assert_eq!(
            told,
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","annotations":{}},"data":{"d":"W3JlZGFjdGVkXQ==","e":"W3JlZGFjdGVkXQ=="},"type":"Opaque"}"#
        );
        let none = without_data(&secrets, br#"{"metadata":{"name":"a"},"data":null}"#).unwrap();
        assert!(none.ends_with(r#""data":{}}"#), "{none}");
        assert!(without_data(&secrets, br#"{"metadata":{},"data":"secret"}"#).is_err());
        let pods = crate::kind::samples().swap_remove(0);
        let pod = br#"{"metadata":{"managedFields":[]},"spec":{}}"#;
        assert_eq!(without_data(&pods, pod).unwrap(), trimmed(&pods, pod).unwrap());
    }
}
