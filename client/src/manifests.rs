//! Objects of manifests, and what an apply has returned of them.

pub mod texts;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use daymark::api::{AppliedObject, ObjectRef};
use daymark::text_file;
use serde_json::Value;

use crate::exit::Failure;
use crate::printer::Printer;

/// Names of files in a folder that are manifests, as kubectl has it.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];
/// Bytes of a file that may be one.
const LARGEST: u64 = 64 << 20;

/// The objects of these files, folders and, for `-`, of standard input, in their
/// order; those of one name once, as the last of them says. Where there is a UID, or
/// a resourceVersion, an apply has returned it.
///
/// # Errors
/// If there are none, or something is not an object.
pub async fn read(paths: &[PathBuf], printer: &mut Printer) -> Result<Vec<AppliedObject>, Failure> {
    objects(paths, texts(paths, LARGEST, printer).await?)
}

/// The objects of texts, each with its name.
fn objects(paths: &[PathBuf], texts: Vec<(String, String)>) -> Result<Vec<AppliedObject>, Failure> {
    let mut objects: Vec<AppliedObject> = Vec::new();
    for (name, text) in texts {
        for object in documents(&text).map_err(|problem| Failure::usage(format!("{name}: {problem}")))? {
            let key = |it: &AppliedObject| it.r#ref.clone().map(|it| ObjectRef { uid: String::new(), ..it });
            objects.retain(|other| key(other) != key(&object));
            objects.push(object);
        }
    }
    if objects.is_empty() {
        let names: Vec<_> = paths.iter().map(|path| shown(path)).collect();
        return Err(Failure::usage(format!("{}: it contains no object", names.join(", "))));
    }
    Ok(objects)
}

/// Whether an apply has returned it.
pub fn is_applied(object: &AppliedObject) -> bool {
    object.r#ref.as_ref().is_some_and(|it| !it.uid.is_empty()) && !object.resource_version.is_empty()
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

/// The texts of files, of folders' files and, for `-`, of standard input, with their names; none may have more bytes than that.
async fn texts(paths: &[PathBuf], most: u64, printer: &mut Printer) -> Result<Vec<(String, String)>, Failure> {
    let mut texts = Vec::new();
    for path in paths {
        match path.as_os_str() == "-" {
            true => texts.push((shown(path), standard_input(path, most, printer).await?)),
            false => texts.extend(files(path, most)?),
        }
    }
    Ok(texts)
}

/// All of standard input. Whoever is to give it may take any time: a thread of its own waits for that, so that signals are heard
/// meanwhile.
async fn standard_input(path: &Path, most: u64, printer: &mut Printer) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        printer.note("reading objects from the terminal; Ctrl-D ends them");
    }
    let reading = tokio::task::spawn_blocking(move || text_file::whole(io::stdin().lock(), most));
    let read = reading.await.unwrap_or_else(|ended| Err(io::Error::other(ended)));
    read.map_err(|error| Failure::usage(format!("{}: {error}", shown(path))))
}

/// The texts of a file, or of a folder's, with their names; none may have more bytes than that.
fn files(path: &Path, most: u64) -> Result<Vec<(String, String)>, Failure> {
    let unreadable = |error: io::Error| Failure::usage(format!("{}: {error}", shown(path)));
    if !path.is_dir() {
        return Ok(vec![(shown(path), text_file::read(path, most).map_err(unreadable)?)]);
    }
    let entries = fs::read_dir(path).map_err(unreadable)?.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    let is_manifest = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        path.is_file() && extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
    };
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(is_manifest).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let text = text_file::read(file, most).map_err(|error| Failure::usage(format!("{}: {error}", shown(file))))?;
        Ok((shown(file), text))
    };
    files.iter().map(read).collect()
}

/// The objects of a text: YAML documents, JSON ones one after another, and lists of
/// either.
fn documents(text: &str) -> Result<Vec<AppliedObject>, String> {
    // JSON documents one after another are no YAML; a mapping in braces is no JSON.
    let json = || serde_json::Deserializer::from_str(text).into_iter().collect::<Result<Vec<Value>, _>>().ok();
    let values = match text.trim_start().starts_with('{').then(json).flatten() {
        Some(values) => values,
        None => serde_saphyr::from_multiple(text).map_err(|error| first_line(&error.to_string()))?,
    };
    let mut objects = Vec::new();
    for value in values.into_iter().filter(|value| !value.is_null()) {
        let items = match value.get("items").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![value],
        };
        for item in &items {
            let object =
                object(item).ok_or("it is not a Kubernetes object, which has apiVersion, kind and metadata.name")?;
            objects.push(object);
        }
    }
    Ok(objects)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn object(item: &Value) -> Option<AppliedObject> {
    let text = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
    let (api_version, metadata) = (item["apiVersion"].as_str()?, &item["metadata"]);
    let r#ref = ObjectRef {
        group: api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
        // The daemon knows resources by their kinds, too.
        resource: item["kind"].as_str()?.to_ascii_lowercase(),
        namespace: text(&metadata["namespace"]),
        name: metadata["name"].as_str().filter(|name| !name.is_empty())?.to_owned(),
        uid: text(&metadata["uid"]),
        ..ObjectRef::default()
    };
    Some(AppliedObject {
        r#ref: Some(r#ref),
        generation: metadata["generation"].as_i64().unwrap_or(0),
        resource_version: text(&metadata["resourceVersion"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<AppliedObject>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("applied.json");
        fs::write(&file, text).unwrap();
        read(&file)
    }

    fn read(path: &Path) -> Result<Vec<AppliedObject>, String> {
        let read = files(path, LARGEST).and_then(|texts| objects(&[path.to_owned()], texts));
        read.map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn reads_what_kubectl_prints() {
        let one = r#"{"apiVersion":"apps/v1","kind":"Deployment",
            "metadata":{"name":"web","namespace":"shop","uid":"u","generation":3,"resourceVersion":"7"}}"#;
        let other = one.replace("web", "api");
        let list = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{one},{other}]}}"#);
        for (text, count) in
            [(one.to_owned(), 1), (list, 2), (format!("{one}\n{other}"), 2), (format!("{one}{one}"), 1)]
        {
            let applied = read_text(&text).unwrap();
            assert_eq!(applied.len(), count);
            let r#ref = applied[0].r#ref.clone().unwrap();
            assert_eq!((&*r#ref.group, &*r#ref.resource, &*r#ref.uid), ("apps", "deployment", "u"));
            assert_eq!((applied[0].generation, &*applied[0].resource_version), (3, "7"));
            assert!(applied.iter().all(is_applied));
        }
    }

    #[test]
    fn reads_manifests_and_folders_of_them() {
        let yaml = "# a comment\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\n---\n\
                    apiVersion: batch/v1\nkind: Job\nmetadata: {name: import, namespace: shop}\n";
        let objects = read_text(yaml).unwrap();
        let names: Vec<_> = objects.iter().map(|it| it.r#ref.clone().unwrap_or_default().resource).collect();
        assert_eq!(names, ["service", "job"]);
        assert!(!objects.iter().any(is_applied));

        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), yaml).unwrap();
        fs::write(folder.path().join("b.yml"), yaml).unwrap();
        fs::write(folder.path().join("README.md"), "no manifest: {").unwrap();
        assert_eq!(read(folder.path()).unwrap().len(), 2);
    }

    #[test]
    fn a_mapping_in_braces_is_yaml() {
        let text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n";
        assert_eq!(read_text(text).unwrap().len(), 2);
    }

    #[test]
    fn what_holds_no_object_is_refused() {
        for (text, says) in [
            ("", "it contains no object"),
            ("---\n", "it contains no object"),
            ("deployment.apps/web created", "not a Kubernetes object"),
            (r#"{"apiVersion":"v1","kind":"Pod","metadata":{}}"#, "not a Kubernetes object"),
            ("a: [", "applied.json"),
            (r#"{"items":[]}"#, "it contains no object"),
        ] {
            let refused = read_text(text).unwrap_err();
            assert!(refused.contains(says) && !refused.contains("\\n"), "{text}: {refused}");
        }
    }
}
