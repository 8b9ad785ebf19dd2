//! Where the volumes of pods come from.

use serde_json::Value;

use super::read::{amounts, fields, is_true, items, text};

/// `data: claim data-0`
pub fn line(volume: &Value) -> String {
    let source = fields(volume, "").find(|(name, _)| *name != "name");
    let source = source.map(|(kind, source)| described(kind, source)).unwrap_or_default();
    format!("{}: {source}", text(volume, "/name"))
}

/// The claims of a pod's volumes.
pub fn claims(pod: &Value) -> Vec<String> {
    let named = |volume: &Value| match volume.pointer("/ephemeral") {
        // It is named after the pod and the volume (kubernetes.io/docs/concepts/storage/ephemeral-volumes).
        Some(_) => format!("{}-{}", text(pod, "/metadata/name"), text(volume, "/name")),
        None => text(volume, "/persistentVolumeClaim/claimName"),
    };
    items(pod, "/spec/volumes").map(named).filter(|claim| !claim.is_empty()).collect()
}

fn described(kind: &str, source: &Value) -> String {
    match kind {
        "persistentVolumeClaim" if is_true(source, "/readOnly") => {
            format!("claim {}, read-only", text(source, "/claimName"))
        }
        "persistentVolumeClaim" => format!("claim {}", text(source, "/claimName")),
        "ephemeral" => "a claim of its own".to_owned(),
        "configMap" => format!("ConfigMap {}{}", text(source, "/name"), optional(source)),
        "secret" => format!("Secret {}{}", text(source, "/secretName"), optional(source)),
        "emptyDir" => words(&["empty folder", &text(source, "/medium"), &text(source, "/sizeLimit")]),
        "hostPath" => format!("the node's {}", text(source, "/path")),
        "nfs" => format!("NFS {}:{}", text(source, "/server"), text(source, "/path")),
        "csi" => format!("CSI {}", text(source, "/driver")),
        "image" => format!("image {}", text(source, "/reference")),
        "downwardAPI" => "fields of the pod".to_owned(),
        "projected" => items(source, "/sources").map(projected).collect::<Vec<_>>().join(", "),
        other => words(&[other, &amounts(source, "")]),
    }
}

fn projected(source: &Value) -> String {
    let Some((kind, source)) = fields(source, "").next() else { return String::new() };
    match kind {
        "serviceAccountToken" => match text(source, "/audience") {
            audience if audience.is_empty() => "a token".to_owned(),
            audience => format!("a token for {audience}"),
        },
        "configMap" => format!("ConfigMap {}{}", text(source, "/name"), optional(source)),
        "secret" => format!("Secret {}{}", text(source, "/name"), optional(source)),
        "downwardAPI" => "fields of the pod".to_owned(),
        other => other.to_owned(),
    }
}

/// Those that are not empty.
fn words(words: &[&str]) -> String {
    words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

fn optional(source: &Value) -> &'static str {
    if is_true(source, "/optional") { " (optional)" } else { "" }
}
