//! What an expression finds, and how it is printed.

use std::io::Write;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::MAX_NESTING;
use super::error::ExecuteError;
use crate::{go_text, json, sanitize};

/// The longest value that an error shows, in characters.
const SHOWN: usize = 256;

/// A value that an expression finds: in the document, or in the template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'a> {
    /// A part of the document.
    Value(&'a Value),
    /// The template's text.
    Text(&'a [u8]),
    /// The template's integer.
    Int(i64),
    /// The template's number with a point.
    Float(f64),
    /// The template's boolean.
    Bool(bool),
    /// A byte of a text: what a wildcard finds in one.
    Byte(u8),
    /// What a range that finds `null` hands on, or that finds nothing.
    Nothing,
}

impl<'a> Found<'a> {
    /// What an expression within a range begins with, and the document itself.
    pub(super) fn as_root(self) -> Self {
        if self.is_null() { Found::Nothing } else { self }
    }

    /// Whether expressions pass over it.
    pub(super) fn is_null(self) -> bool {
        matches!(self, Found::Value(Value::Null))
    }

    /// Its items, if it is a list.
    pub(super) fn as_list(self) -> Option<&'a [Value]> {
        match self {
            Found::Value(Value::Array(items)) => Some(items),
            _ => None,
        }
    }

    /// Its field, if it is a map.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        match self {
            Found::Value(Value::Object(map)) => map.get(name).map(Found::Value),
            _ => None,
        }
    }

    /// All that is in it: a map's values, a list's items, a text's bytes.
    pub(super) fn children(self) -> Box<dyn Iterator<Item = Self> + 'a> {
        match self {
            Found::Value(Value::Object(map)) => Box::new(map.values().map(Found::Value)),
            Found::Value(Value::Array(items)) => Box::new(items.iter().map(Found::Value)),
            Found::Value(Value::String(text)) => Box::new(text.bytes().map(Found::Byte)),
            Found::Text(text) => Box::new(text.iter().copied().map(Found::Byte)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Go's name of its type, which errors say.
    pub fn type_name(self) -> &'static str {
        match self {
            Found::Value(value) => go_text::type_name(value),
            Found::Text(_) => "string",
            Found::Int(_) => "int",
            Found::Float(_) => "float64",
            Found::Bool(_) => "bool",
            Found::Byte(_) => "uint8",
            Found::Nothing => "<nil>",
        }
    }

    /// How Go's `%v` prints it; in columns, and in errors.
    ///
    /// # Errors
    /// If it is nested too deep.
    pub fn to_go_text(self) -> Result<String, ExecuteError> {
        Ok(match self {
            Found::Value(value) => {
                check_nesting(&[self])?;
                go_text::of(value)
            }
            Found::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Found::Int(number) => number.to_string(),
            Found::Float(number) => go_text::of_float(number),
            Found::Bool(yes) => yes.to_string(),
            Found::Byte(byte) => byte.to_string(),
            Found::Nothing => "<invalid reflect.Value>".to_owned(),
        })
    }

    /// As [`Found::to_go_text`], but in one line, and not longer than an error may be.
    pub(super) fn shown(self) -> String {
        let text = self.to_go_text().unwrap_or_else(|error| error.to_string());
        let shown = match text.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
            None => text,
        };
        sanitize::line(&shown).into_owned()
    }

    /// Writes it as a template prints it: text as it is, maps and lists as JSON.
    pub(super) fn print(self, out: &mut impl Write, terminal: bool) -> Result<(), ExecuteError> {
        match self {
            Found::Value(Value::Null) => out.write_all(b"null")?,
            Found::Value(Value::String(text)) if terminal => out.write_all(sanitize::block(text).as_bytes())?,
            Found::Value(Value::String(text)) => out.write_all(text.as_bytes())?,
            Found::Value(value @ (Value::Array(_) | Value::Object(_))) => {
                check_nesting(&[self])?;
                json::compact(out, value, terminal)?;
            }
            Found::Text(text) => out.write_all(text)?,
            Found::Nothing => out.write_all(b"<no value>")?,
            other => out.write_all(other.to_go_text()?.as_bytes())?,
        }
        Ok(())
    }
}

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Found::Value(value) => value.serialize(serializer),
            Found::Text(text) => serializer.serialize_str(&String::from_utf8_lossy(text)),
            Found::Int(number) => serializer.serialize_i64(*number),
            Found::Float(number) => serializer.serialize_f64(*number),
            Found::Bool(yes) => serializer.serialize_bool(*yes),
            Found::Byte(byte) => serializer.serialize_u8(*byte),
            Found::Nothing => serializer.serialize_unit(),
        }
    }
}

/// That none of `found` is nested so deep that to go through it would take too much of the stack.
///
/// # Errors
/// If one is.
pub(super) fn check_nesting(found: &[Found<'_>]) -> Result<(), ExecuteError> {
    let values = found.iter().filter_map(|found| match found {
        Found::Value(value) => Some(*value),
        _ => None,
    });
    let mut level: Vec<&Value> = values.collect();
    for _ in 0..MAX_NESTING {
        let mut below: Vec<&Value> = Vec::new();
        for value in level {
            let is_container = |value: &&Value| value.is_array() || value.is_object();
            match value {
                Value::Array(items) => below.extend(items.iter().filter(is_container)),
                Value::Object(map) => below.extend(map.values().filter(is_container)),
                _ => {}
            }
        }
        if below.is_empty() {
            return Ok(());
        }
        level = below;
    }
    Err(ExecuteError::TooDeep(MAX_NESTING))
}
