//! An object's JSON as kept in memory: without managedFields, compressed.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::kind::Kind;

/// The fastest level: an object is compressed at every change, read rarely.
const LEVEL: i32 = 1;

/// An object's JSON, compressed.
#[derive(Clone, Debug)]
pub struct Body {
    compressed: Box<[u8]>,
    length: usize,
}

impl Body {
    /// Compresses the JSON that [`trimmed`] made.
    ///
    /// # Errors
    /// If memory for the compressor runs out.
    pub fn new(trimmed: &str) -> io::Result<Self> {
        let compressed = zstd::bulk::compress(trimmed.as_bytes(), LEVEL)?.into();
        Ok(Self { compressed, length: trimmed.len() })
    }

    /// The length of the JSON in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// The JSON.
    ///
    /// # Errors
    /// If memory for it runs out.
    pub fn json(&self) -> io::Result<Vec<u8>> {
        zstd::bulk::decompress(&self.compressed, self.length)
    }
}

/// The object as `kubectl get -o json` shows it: without managedFields, and
/// with `apiVersion` and `kind`, which the items of a list lack.
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
            "metadata" => out.raw("metadata", &without_managed_fields(value)?),
            name => out.raw(name, value.get()),
        }
    }
    Ok(out.finish())
}

fn without_managed_fields(metadata: &RawValue) -> Result<String, serde_json::Error> {
    let fields: Fields<'_> = serde_json::from_str(metadata.get())?;
    let mut out = Writer::with_capacity(metadata.get().len());
    for (name, value) in fields.0.iter().filter(|(name, _)| name != "managedFields") {
        out.raw(name, value.get());
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
        let kind = crate::kind::watched().swap_remove(1);
        let json = br#"{"metadata":{"name":"a\"b","managedFields":[{"a":1}],"labels":{}},"spec":{"x":[1, 2]}}"#;
        let trimmed = trimmed(&kind, json).unwrap();
        assert_eq!(
            trimmed,
            r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a\"b","labels":{}},"spec":{"x":[1, 2]}}"#
        );
        assert_eq!(Body::new(&trimmed).unwrap().json().unwrap(), trimmed.as_bytes());
    }

    #[test]
    fn what_is_not_an_object_is_an_error() {
        let kind = crate::kind::watched().swap_remove(0);
        for json in ["[]", "{\"metadata\":1}", "{\"a\":", ""] {
            assert!(trimmed(&kind, json.as_bytes()).is_err(), "{json}");
        }
    }
}
