//! ConfigMaps, and what may be said of Secrets.

use serde_json::Value;

use super::Described;
use super::document::Document;
use super::read::{fields, is_true, text};

/// Longer values are files: who wants them reads the object.
const LONGEST_VALUE: usize = 200;

/// What a ConfigMap has of its own: its keys, how large each is, and the short values.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    document.section("ConfigMap").fact("Immutable", if is_true(object, "/immutable") { "true" } else { "" });
    let plain = fields(object, "/data").map(|(key, value)| {
        let value = value.as_str().unwrap_or_default();
        let is_short = value.chars().count() <= LONGEST_VALUE;
        vec![key.to_owned(), size(value.len()), if is_short { value.to_owned() } else { String::new() }]
    });
    let binary = fields(object, "/binaryData").map(|(key, value)| {
        vec![key.to_owned(), size(decoded(value.as_str().unwrap_or_default())), "(binary)".to_owned()]
    });
    document.section("Data").table(&["KEY", "SIZE", "VALUE"], plain.chain(binary));
}

/// Of a Secret the type alone, and that only if the daemon has it: data is for nobody's screen.
pub fn add_secret(it: &Described, document: &mut Document) {
    let section = document.section("Secret");
    section.fact("Type", text(&it.object, "/type"));
    section.line("the daemon does not read the data of Secrets");
}

/// Takes out of a Secret what is secret, should an answer ever hold it.
pub fn without_secrets(object: &mut Value) {
    let is_secret = text(object, "/kind") == "Secret" && text(object, "/apiVersion") == "v1";
    if let (true, Some(fields)) = (is_secret, object.as_object_mut()) {
        fields.remove("data");
        fields.remove("stringData");
    }
}

fn size(bytes: usize) -> String {
    format!("{bytes} bytes")
}

/// How many bytes a text of base64 stands for.
fn decoded(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_loses_its_data() {
        let mut secret =
            json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"a": "x"}, "stringData": {}});
        without_secrets(&mut secret);
        assert_eq!(secret, json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque"}));
        let mut other = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "x"}});
        without_secrets(&mut other);
        assert_eq!(other["data"]["a"], "x");
    }
}
