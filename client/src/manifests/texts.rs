//! Manifests as they were written, one for each object.

use std::path::PathBuf;

use daymark::api::Manifest;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use serde_saphyr::DuplicateKeyPolicy;

use super::{first_line, shown, texts};
use crate::exit::Failure;
use crate::printer::Printer;

/// Bytes of all together, and how many there may be: a daemon takes no more at a time.
const LARGEST: u64 = 3 << 20;
const MOST: usize = 100;

/// A list of objects, each as it was written.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

/// The manifests in these files, folders and, for `-`, in standard input. Each says where it is:
/// the file, and which document of it, such as `web.yaml#2`, and of a list which item.
///
/// # Errors
/// If there are none or too many, or something is no object.
pub async fn read(paths: &[PathBuf], printer: &mut Printer) -> Result<Vec<Manifest>, Failure> {
    of_texts(paths, texts(paths, LARGEST, printer).await?)
}

/// The manifests in texts, each with its name.
fn of_texts(paths: &[PathBuf], texts: Vec<(String, String)>) -> Result<Vec<Manifest>, Failure> {
    let mut all = Vec::new();
    for (name, text) in texts {
        all.extend(manifests(&name, &text).map_err(Failure::usage)?);
    }
    let bytes: usize = all.iter().map(|manifest| manifest.text.len()).sum();
    let problem = match all.len() {
        0 => "it contains no object".to_owned(),
        count if count > MOST => format!("{count} objects are more than {MOST}: name fewer files"),
        _ if u64::try_from(bytes).is_ok_and(|bytes| bytes <= LARGEST) => return Ok(all),
        _ => format!("more than {} MiB: name fewer files", LARGEST >> 20),
    };
    let names: Vec<_> = paths.iter().map(|path| shown(path)).collect();
    Err(Failure::usage(format!("{}: {problem}", names.join(", "))))
}

/// The manifests of a text: YAML documents, or JSON ones one after another.
fn manifests(name: &str, text: &str) -> Result<Vec<Manifest>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A mapping in braces is no JSON.
    let json = || serde_json::Deserializer::from_str(text).into_iter().collect::<Result<Vec<&RawValue>, _>>().ok();
    let mut all = Vec::new();
    if let Some(values) = text.trim_start().starts_with('{').then(json).flatten() {
        for (number, value) in (1..).zip(values) {
            all.extend(of_json(&format!("{name}#{number}"), value.get())?);
        }
        return Ok(all);
    }
    let documents = split(text).into_iter().filter(|document| says_something(document));
    for (number, document) in (1..).zip(documents) {
        all.extend(of_yaml(&format!("{name}#{number}"), &document)?);
    }
    Ok(all)
}

/// The documents of a YAML stream (YAML 1.2.2, 9.1): a marker at the beginning of a line is
/// nothing else anywhere.
fn split(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let is_end = |rest: &&str| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']);
        let behind = |marker| line.strip_prefix(marker).filter(is_end);
        let rest = match (behind("---"), behind("...")) {
            (None, None) => line,
            (begun, _) => {
                documents.push(String::new());
                begun.unwrap_or("\n")
            }
        };
        if let Some(document) = documents.last_mut() {
            document.push_str(rest);
        }
    }
    documents
}

/// Whether there is more than comments and directives.
fn says_something(document: &str) -> bool {
    document.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with('%'))
}

fn of_json(place: &str, text: &str) -> Result<Vec<Manifest>, String> {
    let list: List<'_> = serde_json::from_str(text).map_err(|error| format!("{place}: {error}"))?;
    let items: Vec<_> = match list.items {
        Some(items) => (1..).zip(items).map(|(number, item)| (format!("{place}[{number}]"), item.get())).collect(),
        None => vec![(place.to_owned(), text)],
    };
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    items.into_iter().map(|(place, text)| manifest(place, &value(text), text.to_owned())).collect()
}

fn of_yaml(place: &str, text: &str) -> Result<Vec<Manifest>, String> {
    let wrong = |error: serde_saphyr::Error| format!("{place}: {}", first_line(&error.to_string()));
    // Keys that are there twice are the API server's to find.
    let lenient = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::LastWins };
    let value: Value = serde_saphyr::from_str_with_options(text, lenient).map_err(wrong)?;
    if !value["items"].is_array() {
        return Ok(vec![manifest(place.to_owned(), &value, text.to_owned())?]);
    }
    // They would not be found in what is written anew.
    let list: Value = serde_saphyr::from_str(text).map_err(wrong)?;
    let items = (1..).zip(list["items"].as_array().into_iter().flatten());
    items.map(|(number, item)| manifest(format!("{place}[{number}]"), item, item.to_string())).collect()
}

fn manifest(place: String, value: &Value, text: String) -> Result<Manifest, String> {
    let said = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_default();
    let metadata = &value["metadata"];
    let [api_version, kind] = ["apiVersion", "kind"].map(|key| said(&value[key]));
    let [namespace, name] = ["namespace", "name"].map(|key| said(&metadata[key]));
    if [&api_version, &kind, &name].iter().any(|it| it.is_empty()) {
        return Err(format!("{place}: it is not a Kubernetes object, which has apiVersion, kind and metadata.name"));
    }
    Ok(Manifest { place, api_version, kind, namespace, name, text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let all = manifests("a.yaml", text).unwrap();
        let line = |it: &Manifest| format!("{} {} {} {}/{}", it.place, it.api_version, it.kind, it.namespace, it.name);
        all.iter().map(line).collect()
    }

    #[test]
    fn each_object_is_told_with_its_place() {
        let yaml = "# first\n%YAML 1.2\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n--- # second\n\
                    \n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n...\n";
        assert_eq!(told(yaml), ["a.yaml#1 v1 Service /web", "a.yaml#2 apps/v1 Deployment shop/web"]);
        let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#;
        assert_eq!(told(&format!("{json}\n{json}")), ["a.yaml#1 v1 Pod /a", "a.yaml#2 v1 Pod /a"]);
        let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{json},{json}]}}"#);
        assert_eq!(told(&list), ["a.yaml#1[1] v1 Pod /a", "a.yaml#1[2] v1 Pod /a"]);
        let list = "kind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n";
        assert_eq!(told(list), ["a.yaml#1[1] v1 Pod /a"]);
        assert_eq!(told("--- {apiVersion: v1, kind: Pod, metadata: {name: a}}"), ["a.yaml#1 v1 Pod /a"]);
    }

    #[test]
    fn a_text_stays_as_it_was_written() {
        let text = |text: &str| String::from_utf8(manifests("a", text).unwrap()[0].text.to_vec()).unwrap();
        let document = "\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: |\n    ---\n  x: 007\n";
        assert_eq!(text(&format!("---{document}---\n")), document);
        let json = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}"#;
        assert_eq!(text(json), json);
    }

    #[test]
    fn what_holds_no_object_is_refused_with_its_place() {
        for (text, says) in [
            ("a: [", "a.yaml#1: "),
            ("apiVersion: v1\nkind: Pod\nmetadata: {name: 5}", "a.yaml#1: it is not a Kubernetes object"),
            ("{}\n---\nx", "a.yaml#1: it is not a"),
            ("kind: List\nitems: [{kind: Pod}]", "a.yaml#1[1]: it is not"),
            ("kind: List\nitems: [{kind: Pod, kind: Pod}]", "a.yaml#1: "),
        ] {
            let refused = manifests("a.yaml", text).unwrap_err();
            assert!(refused.starts_with(says) && !refused.contains('\n'), "{text}: {refused}");
        }
        assert!(manifests("a.yaml", "# nothing\n---\n").unwrap().is_empty());
    }
}
