//! What kubectl prints, as `client/tests/output/regenerate` wrote it down: cases that tests hold.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the library's tests read one part, those of the command line another")]

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::object_list;

/// A template, a document, and what kubectl makes of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    /// What stands before `=` in `-o`; or `sort-by`.
    pub language: String,
    pub template: String,
    document: PathBuf,
    /// Whether keys may not be missing.
    #[serde(default)]
    pub strict: bool,
    /// Whether kubectl's order is left to chance.
    #[serde(default)]
    unordered: bool,
    /// What is printed instead, and why.
    ours: Option<String>,
    because: Option<String>,
    stdout: Option<String>,
    error: Option<String>,
}

/// The cases of a file in `client/tests/output`.
pub fn read(file: &str) -> Vec<Case> {
    let cases: Vec<Case> = serde_saphyr::from_str(&fs::read_to_string(folder().join(file)).unwrap()).unwrap();
    assert!(!cases.is_empty(), "{file} has cases");
    cases
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output")
}

impl Case {
    fn read(&self) -> Value {
        serde_json::from_slice(&fs::read(folder().join("documents").join(&self.document)).unwrap()).unwrap()
    }

    /// What the template is executed on: an object, or kubectl's list of several.
    pub fn document(&self) -> Value {
        match self.read() {
            Value::Object(mut list) if list.contains_key("items") => {
                object_list::list(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
            }
            object => object,
        }
    }

    /// The objects, one by one.
    pub fn objects(&self) -> Vec<Value> {
        match self.document() {
            Value::Object(mut list) if list.contains_key("items") => {
                list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
            }
            object => vec![object],
        }
    }

    /// That `got` is what kubectl prints, or fails in its words.
    pub fn hold(&self, got: Result<String, String>) {
        let Self { name, template, .. } = self;
        assert_eq!(self.ours.is_some(), self.because.is_some(), "{name}: a difference has a reason");
        match (got, self.ours.as_ref().or(self.stdout.as_ref()), &self.error) {
            (Ok(got), Some(wanted), _) if self.unordered => {
                let mut words: Vec<_> = got.split_whitespace().collect();
                words.sort_unstable();
                assert_eq!(words.join(" "), *wanted, "{name}: {template}");
            }
            (Ok(got), Some(wanted), _) => assert_eq!(got, *wanted, "{name}: {template}"),
            (Err(got), Some(wanted), Some(_)) => assert_eq!(got, *wanted, "{name}: {template}"),
            (Err(got), None, Some(wanted)) => assert!(wanted.contains(&got), "{name}: {template}: {got}, not {wanted}"),
            (got, stdout, error) => panic!("{name}: {template}: {got:?}, not {stdout:?} {error:?}"),
        }
    }
}
