//! What a template computes with: the document's values as Go decodes them, and
//! the values of Go that a template itself makes.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value. Copies share what is large.
#[derive(Clone, Debug)]
pub enum Value {
    /// What is not there: a key's that a map does not have.
    Missing,
    /// `null`.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer, of one of Go's types.
    Integer(i64, IntegerType),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A string. Go's are bytes: `slice` may cut a character.
    Text(Rc<[u8]>),
    /// A list.
    List(Rc<[Value]>),
    /// A map, in the order in which Go prints it.
    Map(Rc<BTreeMap<Rc<str>, Value>>),
}

/// Go's types of integers. Numbers of two of them can be compared; they differ
/// in their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegerType {
    /// What a template writes, and counts.
    Int,
    /// What a document has.
    Int64,
    /// A byte of a string.
    Byte,
}

impl Value {
    /// A number of the template.
    pub fn int(number: i64) -> Self {
        Self::Integer(number, IntegerType::Int)
    }

    /// A length, as Go has it.
    pub fn length(length: usize) -> Self {
        Self::int(i64::try_from(length).unwrap_or(i64::MAX))
    }

    /// A string.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    /// It without the interface that Go keeps a map's and a list's elements in:
    /// a `null` in one is nothing.
    pub fn unwrapped(self) -> Self {
        match self {
            Self::Nil => Self::Missing,
            value => value,
        }
    }

    /// Whether it is nothing.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// Whether `if` takes it as true: what is not empty and not zero.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Integer(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
        }
    }

    /// The name of its type in Go.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Integer(_, IntegerType::Int) => "int",
            Self::Integer(_, IntegerType::Int64) => "int64",
            Self::Integer(_, IntegerType::Byte) => "uint8",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Decoder)
    }
}

/// Decodes JSON as kubectl does: what is an integer and fits is an `int64`, every other
/// number a `float64` (k8s.io/apimachinery, `util/json`). It does so twice, and in between
/// writes a `1.0` as `1`.
struct Decoder;

/// Go's encoder writes numbers from there on with an exponent.
const EXPONENT: f64 = 1e21;

impl<'de> Visitor<'de> for Decoder {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value, IntegerType::Int64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        let integer = i64::try_from(value).map(|value| Value::Integer(value, IntegerType::Int64));
        Ok(integer.unwrap_or(Value::Float(value as f64)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        let is_integer = value.fract() == 0.0 && value.abs() < EXPONENT;
        let integer = if is_integer { value.to_string().parse().ok() } else { None };
        Ok(integer.map_or(Value::Float(value), |integer| Value::Integer(integer, IntegerType::Int64)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<String, Value>()? {
            map.insert(key.into(), value);
        }
        Ok(Value::Map(map.into()))
    }
}
