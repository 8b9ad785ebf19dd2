//! Several objects as the one list that kubectl hands to its templates.

use serde_json::{Number, Value, json};

/// The list of `items` (kind `List`, as k8s.io/kubectl `pkg/cmd/get` makes it). kubectl writes the list and
/// reads it again, which turns whole floats into integers: the same is done here, so that filters compare alike.
pub fn list(mut items: Vec<Value>) -> Value {
    for item in &mut items {
        whole_numbers(item);
    }
    json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})
}

/// Turns whole floats within `value` into integers.
fn whole_numbers(value: &mut Value) {
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        match value {
            Value::Number(number) => {
                // The digits are those that are written, and not the exact value's.
                let whole =
                    number.as_f64().filter(|_| !number.is_i64()).and_then(|it| it.to_string().parse::<i64>().ok());
                if let Some(whole) = whole {
                    *number = Number::from(whole);
                }
            }
            Value::Array(items) => todo.extend(items),
            Value::Object(map) => todo.extend(map.values_mut()),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_floats_are_integers_in_a_list() {
        let list = list(vec![json!({"a": [1.0, 1e6, 1.5, 1e21, -3, u64::MAX]})]);
        assert_eq!(list["items"][0]["a"], json!([1, 1_000_000, 1.5, 1e21, -3, u64::MAX]));
        assert_eq!((&list["kind"], &list["metadata"]), (&json!("List"), &json!({"resourceVersion": ""})));
    }
}
