//! What an apply has returned.

use std::io::Read as _;
use std::path::Path;
use std::{fs, io};

use daymark::api::{AppliedObject, ObjectRef};
use serde_json::{Deserializer, Value};

use crate::exit::Failure;

/// The objects that `kubectl apply -o json` printed into a file, or `-`.
///
/// # Errors
/// If there are none, or it is something else.
pub fn read(file: &Path) -> Result<Vec<AppliedObject>, Failure> {
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    let unreadable = |error: io::Error| Failure::usage(format!("{name}: {error}"));
    let text = match file.as_os_str() == "-" {
        true => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map(|_| text).map_err(unreadable)?
        }
        false => fs::read_to_string(file).map_err(unreadable)?,
    };
    let mut applied = Vec::new();
    for document in Deserializer::from_str(&text).into_iter::<Value>() {
        let document = document.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        let items = match document.get("items").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![document],
        };
        for item in &items {
            let object = object(item).ok_or_else(|| {
                Failure::usage(format!("{name}: what it holds is no object as `kubectl apply -o json` prints it"))
            })?;
            applied.push(object);
        }
    }
    if applied.is_empty() {
        return Err(Failure::usage(format!("{name}: there is no object in it")));
    }
    Ok(applied)
}

fn object(item: &Value) -> Option<AppliedObject> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (api_version, metadata) = (item["apiVersion"].as_str()?, &item["metadata"]);
    let r#ref = ObjectRef {
        group: api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
        // The daemon knows resources by their kinds, too.
        resource: item["kind"].as_str()?.to_ascii_lowercase(),
        namespace: text(&metadata["namespace"]).unwrap_or_default(),
        name: text(&metadata["name"])?,
        uid: text(&metadata["uid"])?,
        ..ObjectRef::default()
    };
    Some(AppliedObject {
        r#ref: Some(r#ref),
        generation: metadata["generation"].as_i64().unwrap_or(0),
        resource_version: text(&metadata["resourceVersion"])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<AppliedObject>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("applied.json");
        fs::write(&file, text).unwrap();
        read(&file).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn reads_what_kubectl_prints() {
        let one = r#"{"apiVersion":"apps/v1","kind":"Deployment",
            "metadata":{"name":"web","namespace":"shop","uid":"u","generation":3,"resourceVersion":"7"}}"#;
        let list = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{one},{one}]}}"#);
        for (text, count) in [(one.to_owned(), 1), (list, 2), (format!("{one}\n{one}"), 2)] {
            let applied = read_text(&text).unwrap();
            assert_eq!(applied.len(), count);
            let r#ref = applied[0].r#ref.clone().unwrap();
            assert_eq!((&*r#ref.group, &*r#ref.resource, &*r#ref.uid), ("apps", "deployment", "u"));
            assert_eq!((applied[0].generation, &*applied[0].resource_version), (3, "7"));
        }
    }

    #[test]
    fn what_is_no_applied_object_is_refused() {
        for (text, says) in [
            ("", "there is no object in it"),
            ("deployment.apps/web created", "expected value"),
            (r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#, "is no object as"),
            (r#"{"items":[]}"#, "there is no object in it"),
        ] {
            let refused = read_text(text).unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
