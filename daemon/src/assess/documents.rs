//! Reads objects from files, folders and standard input, in YAML or JSON.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{AssessError, Document, is_standard_input};

/// How deeply folders may be nested.
const DEEPEST: usize = 32;

/// The objects of all paths, those of lists one by one.
///
/// # Errors
/// If something cannot be read, or is no document.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Document>, AssessError> {
    let mut documents = Vec::new();
    for path in paths {
        if is_standard_input(path) {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(|problem| unreadable(path, problem))?;
            parse("standard input", &text, &mut documents)?;
        } else {
            read_path(path, DEEPEST, &mut documents)?;
        }
    }
    if documents.is_empty() {
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(AssessError::Empty(paths.join(", ")));
    }
    Ok(documents)
}

fn unreadable(path: &Path, problem: io::Error) -> AssessError {
    AssessError::Unreadable { path: path.to_owned(), problem }
}

fn read_path(path: &Path, deepest: usize, documents: &mut Vec<Document>) -> Result<(), AssessError> {
    if !path.is_dir() {
        let text = fs::read_to_string(path).map_err(|problem| unreadable(path, problem))?;
        return parse(&path.display().to_string(), &text, documents);
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries: Vec<_> =
        entries.map_err(|problem| unreadable(path, problem))?.into_iter().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let extension = entry.extension().and_then(|extension| extension.to_str());
        let is_text = extension.is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension));
        match (entry.is_dir(), deepest.checked_sub(1)) {
            (true, Some(deepest)) => read_path(&entry, deepest, documents)?,
            (false, _) if is_text => read_path(&entry, deepest, documents)?,
            _ => {}
        }
    }
    Ok(())
}

fn parse(name: &str, text: &str, documents: &mut Vec<Document>) -> Result<(), AssessError> {
    let values = if is_json(text) { json(text) } else { yaml(text) };
    let values = values.map_err(|problem| AssessError::Invalid { origin: name.to_owned(), problem })?;
    for (number, value) in values.into_iter().enumerate() {
        flatten(&format!("{name}, document {}", number + 1), value, documents);
    }
    Ok(())
}

/// Whether it is JSON; what else begins with a brace is YAML.
fn is_json(text: &str) -> bool {
    let inner = text.trim_start().strip_prefix('{').map(str::trim_start);
    inner.is_some_and(|inner| inner.starts_with(['"', '}']))
}

/// Documents one after the other, as `kubectl get -o json` writes one.
fn json(text: &str) -> Result<Vec<Value>, String> {
    let documents = serde_json::Deserializer::from_str(text).into_iter();
    documents.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn yaml(text: &str) -> Result<Vec<Value>, String> {
    let none = usize::MAX;
    // They are the user's own files.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_events: none, max_nodes: none, max_documents: none, max_total_scalar_bytes: none },
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let what = error.without_snippet().to_string();
        what.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

fn flatten(origin: &str, value: Value, documents: &mut Vec<Document>) {
    match value {
        Value::Object(mut list) if list.get("items").is_some_and(Value::is_array) && !list.contains_key("spec") => {
            let items = list.remove("items").map(|items| match items {
                Value::Array(items) => items,
                other => vec![other],
            });
            for (number, item) in items.into_iter().flatten().enumerate() {
                let mut item = item;
                type_as_in_list(&list, &mut item);
                flatten(&format!("{origin}, item {}", number + 1), item, documents);
            }
        }
        Value::Null => {}
        value => documents.push(Document { origin: origin.to_owned(), value }),
    }
}

/// Items of a typed list, as the API server gives it, do not say what they are.
fn type_as_in_list(list: &serde_json::Map<String, Value>, item: &mut Value) {
    let text = |field: &str| list.get(field).and_then(Value::as_str);
    let (Some(api_version), Some(kind), Some(item)) = (text("apiVersion"), text("kind"), item.as_object_mut()) else {
        return;
    };
    if let Some(kind) = kind.strip_suffix("List").filter(|kind| !kind.is_empty()) {
        item.entry("apiVersion").or_insert_with(|| api_version.into());
        item.entry("kind").or_insert_with(|| kind.into());
    }
}
