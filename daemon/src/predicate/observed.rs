//! Whether what an object's status says is of its newest generation.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    generation: i64,
}

/// Whether an object's status is of its newest generation, as far as it tells: a generation that is a text, as Argo Rollouts
/// write it, cannot be compared.
pub(super) fn is_observed(json: &[u8]) -> bool {
    let Ok(object) = serde_json::from_slice::<Object>(json) else { return true };
    let observed = object.status.get("observedGeneration").and_then(Value::as_i64);
    observed.is_none_or(|observed| observed >= object.metadata.generation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_of_the_newest_generation_unless_it_tells_an_older_one() {
        for (json, expected) in [
            (r#"{"metadata":{"generation":2},"status":{"observedGeneration":1}}"#, false),
            (r#"{"metadata":{"generation":2},"status":{"observedGeneration":2}}"#, true),
            (r#"{"metadata":{"generation":2},"status":{"observedGeneration":"1"}}"#, true),
            (r#"{"metadata":{"generation":2},"status":{}}"#, true),
            (r#"{"metadata":{"generation":2},"status":"odd"}"#, true),
            (r#"{"metadata":{"generation":2}}"#, true),
            (r#"{"metadata":{},"status":{"observedGeneration":0}}"#, true),
            ("[]", true),
        ] {
            assert_eq!(is_observed(json.as_bytes()), expected, "{json}");
        }
    }
}
