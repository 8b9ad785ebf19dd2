//! PersistentVolumeClaims and PersistentVolumes.

use daymark::api::Filter;
use serde_json::Value;

use super::Described;
use super::document::Document;
use super::read::{fields, list, text};
use super::related::Question;

/// Fields of a volume's specification that do not say where it is.
const NO_SOURCES: &[&str] = &["capacity", "claimRef", "nodeAffinity"];

/// What a claim has of its own.
pub fn add_claim(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Claim");
    section.fact("Phase", text(object, "/status/phase"));
    section.fact("Volume", text(object, "/spec/volumeName"));
    section.fact("Storage class", text(object, "/spec/storageClassName"));
    section.fact("Requested", text(object, "/spec/resources/requests/storage"));
    section.fact("Capacity", text(object, "/status/capacity/storage"));
    section.fact("Access modes", list(object, "/spec/accessModes"));
    section.fact("Volume mode", text(object, "/spec/volumeMode"));
    section.fact("Data source", data_source(object));
}

/// Its volume, its class, and the pods that use it.
pub fn ask_of_claim(it: &Described) -> Vec<Question> {
    let mut questions = named(
        it,
        &[("persistentvolume", "/spec/volumeName"), ("storageclass.storage.k8s.io", "/spec/storageClassName")],
    );
    let name = Value::String(text(&it.object, "/metadata/name"));
    // A text of JSON is one of CEL.
    let uses = "has(object.spec.volumes) && object.spec.volumes.exists(v, has(v.persistentVolumeClaim) && \
         v.persistentVolumeClaim.claimName == ";
    let filter = Filter { cel: format!("{uses}{name})"), ..it.all("pods") };
    questions.push(Question::matching("pods", filter));
    questions
}

/// What a volume has of its own.
pub fn add_volume(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Volume");
    section.fact("Phase", text(object, "/status/phase"));
    section.fact("Claim", claim(object));
    section.fact("Storage class", text(object, "/spec/storageClassName"));
    section.fact("Capacity", text(object, "/spec/capacity/storage"));
    section.fact("Access modes", list(object, "/spec/accessModes"));
    section.fact("Reclaim policy", text(object, "/spec/persistentVolumeReclaimPolicy"));
    section.fact("Volume mode", text(object, "/spec/volumeMode"));
    section.fact("Source", source(object));
}

/// Its claim and its class.
pub fn ask_of_volume(it: &Described) -> Vec<Question> {
    let mut questions = named(it, &[("storageclass.storage.k8s.io", "/spec/storageClassName")]);
    let name = text(&it.object, "/spec/claimRef/name");
    if !name.is_empty() {
        questions
            .insert(0, it.named("persistentvolumeclaim", &name).within(&text(&it.object, "/spec/claimRef/namespace")));
    }
    questions
}

/// Objects without a namespace.
fn named(it: &Described, kinds: &[(&str, &str)]) -> Vec<Question> {
    let names = kinds.iter().map(|(kind, path)| (*kind, text(&it.object, path)));
    names.filter(|(_, name)| !name.is_empty()).map(|(kind, name)| it.named(kind, &name).within("")).collect()
}

fn claim(object: &Value) -> String {
    match (text(object, "/spec/claimRef/namespace"), text(object, "/spec/claimRef/name")) {
        (_, name) if name.is_empty() => name,
        (namespace, name) => format!("{namespace}/{name}"),
    }
}

fn data_source(object: &Value) -> String {
    match (text(object, "/spec/dataSourceRef/kind"), text(object, "/spec/dataSourceRef/name")) {
        (kind, _) if kind.is_empty() => kind,
        (kind, name) => format!("{kind}/{name}"),
    }
}

/// `csi (driver=disk.csi.example, volumeHandle=v-1)`: the one field of the specification that is an object of its own.
fn source(object: &Value) -> String {
    let source = fields(object, "/spec").find(|(name, value)| value.is_object() && !NO_SOURCES.contains(name));
    let Some((name, source)) = source else { return String::new() };
    let facts: Vec<_> = super::read::pairs(source, "").into_iter().filter(|pair| !pair.ends_with('=')).collect();
    format!("{name} ({})", facts.join(", "))
}
