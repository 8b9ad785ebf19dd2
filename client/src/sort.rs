//! kubectl's `--sort-by=`: objects in the order of a field (k8s.io/kubectl `pkg/cmd/get/sorter.go`).
//!
//! Numbers are compared as numbers, texts as quantities if both are some, and else byte by byte, which is right
//! for times, too. What lacks the field comes first, then what has `null` there. Equal ones keep their order: kubectl
//! keeps it for up to twelve objects, and not for those that lack the field.

mod quantity;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::quantity::Quantity;
use crate::jsonpath::{ExecuteError, Found, ParseError, Template, relaxed};

/// How many objects are sorted by insertion, as Go does it. Quantities and texts among each other have no
/// order that holds for all three of `9`, `10` and `5x`: with few of them, kubectl's is kept.
const INSERTED: usize = 12;

/// The field that objects are sorted by.
#[derive(Debug, Clone)]
pub struct SortField {
    path: Template,
    /// The path in full.
    text: String,
}

/// What an object is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// It lacks the field.
    Missing,
    /// `null`.
    Null,
    /// An integer.
    Int(i64),
    /// A number that is none.
    Float(f64),
    /// A text, and what it is as a quantity.
    Text(String, Option<Quantity>),
    /// What has no order: Go's name of its type.
    Other(&'static str),
}

/// Why objects cannot be sorted.
#[derive(Debug, thiserror::Error)]
pub enum SortError {
    /// No object has the field.
    #[error("couldn't find any field with path {0:?} in the list of objects")]
    NotFound(String),
    /// The path does not fit an object.
    #[error("cannot sort by {path}: {error}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong.
        #[source]
        error: ExecuteError,
    },
    /// Values have no order.
    #[error("cannot sort by {path}: {why}")]
    Unsortable {
        /// The path.
        path: String,
        /// What they are.
        why: Unsortable,
    },
}

/// Which values have no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsortable {
    /// Booleans, lists and maps.
    #[error("unsortable type: {0}")]
    Type(&'static str),
    /// Values of two types, such as a text and a number.
    #[error("unsortable interface: interface")]
    Mixed,
}

impl SortField {
    /// Reads a path: `.metadata.name`, `metadata.name` or `{.metadata.name}`.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self { path: Template::path(text)?, text: relaxed(text)? })
    }

    /// What `object` is sorted by: the first value that the path finds.
    ///
    /// # Errors
    /// If the path does not fit the object.
    pub fn key(&self, object: &Value) -> Result<Key, SortError> {
        let found = self.path.find(object).map_err(|error| SortError::Path { path: self.text.clone(), error })?;
        Ok(found.first().and_then(|found| found.first()).map_or(Key::Missing, |found| Key::of(*found)))
    }

    /// The places of `keys` in their order.
    ///
    /// # Errors
    /// If there are some and all are missing, or two have no order.
    pub fn order(&self, keys: &[Key]) -> Result<Vec<usize>, SortError> {
        if !keys.is_empty() && keys.iter().all(|key| *key == Key::Missing) {
            return Err(SortError::NotFound(self.text.clone()));
        }
        sorted(keys).map_err(|why| SortError::Unsortable { path: self.text.clone(), why })
    }

    /// Sorts objects.
    ///
    /// # Errors
    /// As [`SortField::key`] and [`SortField::order`]. They are as they were, then.
    #[cfg(test)]
    pub fn sort(&self, objects: &mut [Value]) -> Result<(), SortError> {
        let keys = objects.iter().map(|object| self.key(object)).collect::<Result<Vec<_>, _>>()?;
        let order = self.order(&keys)?;
        let sorted: Vec<_> = order.into_iter().filter_map(|at| objects.get_mut(at).map(Value::take)).collect();
        for (place, object) in objects.iter_mut().zip(sorted) {
            *place = object;
        }
        Ok(())
    }
}

impl Key {
    fn of(found: Found<'_>) -> Self {
        match found {
            Found::Nothing | Found::Value(Value::Null) => Self::Null,
            Found::Int(number) => Self::Int(number),
            Found::Byte(byte) => Self::Int(byte.into()),
            Found::Float(number) => Self::Float(number),
            Found::Value(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Self::Int(number),
                (None, Some(number)) => Self::Float(number),
                (None, None) => Self::Other("float64"),
            },
            Found::Value(Value::String(text)) => Self::text(text.clone()),
            Found::Text(text) => Self::text(String::from_utf8_lossy(text).into_owned()),
            other => Self::Other(other.type_name()),
        }
    }

    fn text(text: String) -> Self {
        let quantity = Quantity::parse(&text);
        Self::Text(text, quantity)
    }

    /// Whether it comes before `other`, and not beside it.
    fn is_less(&self, other: &Self) -> Result<bool, Unsortable> {
        Ok(match (self, other) {
            (Self::Missing, other) => *other != Self::Missing,
            (_, Self::Missing) => false,
            (Self::Null, other) => *other != Self::Null,
            (_, Self::Null) => false,
            (Self::Int(this), Self::Int(other)) => this < other,
            (Self::Float(this), Self::Float(other)) => this < other,
            (Self::Text(_, Some(this)), Self::Text(_, Some(other))) => this < other,
            (Self::Text(this, _), Self::Text(other, _)) => this < other,
            (Self::Other(name), _) => return Err(Unsortable::Type(name)),
            _ => return Err(Unsortable::Mixed),
        })
    }
}

/// The places of `keys` in their order: a merge sort of its own, because what `is_less` says
/// need be no order (see [`INSERTED`]), which the standard library's may panic at.
fn sorted(keys: &[Key]) -> Result<Vec<usize>, Unsortable> {
    let is_less = |this: usize, other: usize| match (keys.get(this), keys.get(other)) {
        (Some(this), Some(other)) => this.is_less(other),
        _ => Ok(false),
    };
    let mut order: Vec<usize> = (0..keys.len()).collect();
    for run in order.chunks_mut(INSERTED) {
        for end in 1..run.len() {
            let mut at = end;
            while at > 0 && is_less(run[at], run[at - 1])? {
                run.swap(at, at - 1);
                at -= 1;
            }
        }
    }
    let mut width = INSERTED;
    while width < order.len() {
        let mut merged = Vec::with_capacity(order.len());
        for pair in order.chunks(2 * width) {
            let (mut first, mut second) = pair.split_at(width.min(pair.len()));
            while let ([this, ..], [other, ..]) = (first, second) {
                let from = if is_less(*other, *this)? { &mut second } else { &mut first };
                merged.extend(from.split_off_first());
            }
            merged.extend(first.iter().chain(second));
        }
        order = merged;
        width *= 2;
    }
    Ok(order)
}
