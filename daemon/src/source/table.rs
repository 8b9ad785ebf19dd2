//! Objects as the API server would print them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Which objects to print.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The only namespace; `None` for all, or where the kind has none.
    pub namespace: Option<&'a str>,
    /// The only object.
    pub name: Option<&'a str>,
    /// Of these, those with such labels, in the API server's language.
    pub labels: &'a str,
    /// Of these, those with such fields, which only some kinds have.
    pub fields: &'a str,
    /// At most so many.
    pub limit: usize,
    /// Where an earlier page ended; empty for the first.
    pub token: &'a str,
}

/// A page of a table (meta.k8s.io/v1 `Table`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// `Table`, or what an API server sends that knows of none.
    kind: String,
    /// Of the list.
    #[serde(default)]
    metadata: ListMetadata,
    /// What each cell is.
    #[serde(default)]
    pub column_definitions: Vec<Column>,
    /// The objects.
    #[serde(default, deserialize_with = "none_for_null")]
    pub rows: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
struct ListMetadata {
    #[serde(default)]
    r#continue: String,
}

/// A column.
#[derive(Debug, Deserialize)]
pub struct Column {
    /// Its name, such as `Ready`.
    pub name: String,
    /// 0 if it is shown where there is little room.
    #[serde(default)]
    pub priority: i32,
}

/// One object.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// Its cells: an array.
    pub cells: Box<RawValue>,
    /// What is known of it besides.
    #[serde(default)]
    pub object: Printed,
}

/// The part of a row's object that is read.
#[derive(Debug, Default, Deserialize)]
pub struct Printed {
    /// Its metadata.
    #[serde(default)]
    pub metadata: PrintedMetadata,
}

/// The part of its metadata that is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PrintedMetadata {
    /// Its namespace; empty if it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Table {
    /// Where the next page begins; empty if there is none.
    #[must_use]
    pub fn next(&self) -> &str {
        &self.metadata.r#continue
    }

    /// Whether it is one.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.kind == "Table"
    }
}

fn none_for_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Row>, D::Error> {
    Ok(Option::<Vec<Row>>::deserialize(deserializer)?.unwrap_or_default())
}
