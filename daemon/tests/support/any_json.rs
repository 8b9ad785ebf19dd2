//! Objects that are anything.

use proptest::prelude::*;
use serde_json::Value;

/// Any JSON.
pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![
            "True|False|Unknown|Ready|Running|Failed|2026-01-01T00:59:59Z|-5|1Gi|500m|9{30}",
            r#"0/3 nodes are available: [0-9] [a-z {}(),.]{0,20}|secret "[a-z"]{0,4} not found|couldn't find key [a-z ]{0,9}"#,
            ".{0,8}",
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((FIELDS, inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Names of fields that rules read, and others.
const FIELDS: &str = "spec|status|metadata|conditions|type|reason|message|phase|containers|containerStatuses|state|waiting|\
    terminated|running|lastState|exitCode|startedAt|restartCount|env|volumes|resources|requests|cpu|memory|name|labels|\
    nodeName|selector|matchExpressions|operator|values|key|ports|targetPort|hard|used|[a-z]{1,3}";

/// Every place in a document, as paths.
pub fn places(value: &Value, path: &str, out: &mut Vec<String>) {
    out.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                places(value, &format!("{path}/{place}"), out);
            }
        }
        _ => {}
    }
}
