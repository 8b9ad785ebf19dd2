//! How Go's `fmt` prints values by `%v`, as kubectl does in columns and templates.

use std::fmt::Write;

use serde_json::{Number, Value};

/// `value` as `%v` prints it: `map[a:1 b:[x y]]`, and `<nil>`. It goes as deep as `value` is nested.
pub fn of(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&of_number(number)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { " " } else { "" });
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            // Go sorts the keys, whatever their order in the map.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push_str("map[");
            for (at, (key, value)) in entries.into_iter().enumerate() {
                // Writing to a string does not fail.
                let _ = write!(out, "{}{key}:", if at > 0 { " " } else { "" });
                write(out, value);
            }
            out.push(']');
        }
    }
}

/// A number as Go has it from JSON: an integer of 64 bits with a sign, or else a float.
pub fn of_number(number: &Number) -> String {
    match (number.as_i64(), number.as_f64()) {
        (Some(number), _) => number.to_string(),
        (None, Some(number)) => of_float(number),
        (None, None) => number.to_string(),
    }
}

/// A float with as few digits as tell it from others, and an exponent if that is below -4 or above 5
/// (Go's `strconv.FormatFloat(number, 'g', -1, 64)`).
pub fn of_float(number: f64) -> String {
    let text = format!("{number:e}");
    let Some((digits, Ok(exponent))) = text.split_once('e').map(|(digits, it)| (digits, it.parse::<i32>())) else {
        return text;
    };
    match exponent {
        -4..=5 => number.to_string(),
        _ => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs()),
    }
}

/// Go's name of the type that `value` has, decoded from JSON.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn floats_are_gos() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.25, "-2.25"),
            (100_000.5, "100000.5"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1e100, "1e+100"),
            (f64::MIN, "-1.7976931348623157e+308"),
        ] {
            assert_eq!(of_float(number), text);
        }
    }

    #[test]
    fn values_are_gos() {
        let value = json!({"b": [1, null, "x y", []], "a": {"c": true, "d": u64::MAX}});
        assert_eq!(of(&value), "map[a:map[c:true d:1.8446744073709552e+19] b:[1 <nil> x y []]]");
    }
}
