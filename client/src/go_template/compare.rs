//! Go's comparisons in templates: of basic types only, and of one kind each.

use std::cmp::Ordering;

use super::value::Value;

/// Whether `value` is one of `others`.
///
/// # Errors
/// If they cannot be compared.
pub fn equal(value: &Value, others: &[Value]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if is_equal(value, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_equal(value: &Value, other: &Value) -> Result<bool, String> {
    Ok(match (value, other) {
        (Value::Bool(value), Value::Bool(other)) => value == other,
        (Value::Integer(value, _), Value::Integer(other, _)) => value == other,
        (Value::Float(value), Value::Float(other)) => value == other,
        (Value::Text(value), Value::Text(other)) => value == other,
        (value, other) if value.is_nil() || other.is_nil() => value.is_nil() && other.is_nil(),
        (Value::List(_), Value::List(_)) | (Value::Map(_), Value::Map(_)) => {
            return Err(format!("non-comparable type {}", value.type_name()));
        }
        _ => return Err(incompatible(value, other)),
    })
}

/// Whether `value` is before `other`.
///
/// # Errors
/// If they have no order.
pub fn less(value: &Value, other: &Value) -> Result<bool, String> {
    Ok(order(value, other)? == Some(Ordering::Less))
}

/// Whether `value` is before `other`, or equal to it.
///
/// # Errors
/// If they have no order.
pub fn less_or_equal(value: &Value, other: &Value) -> Result<bool, String> {
    Ok(matches!(order(value, other)?, Some(Ordering::Less | Ordering::Equal)))
}

fn order(value: &Value, other: &Value) -> Result<Option<Ordering>, String> {
    match (value, other) {
        (Value::Integer(value, _), Value::Integer(other, _)) => Ok(Some(value.cmp(other))),
        (Value::Float(value), Value::Float(other)) => Ok(value.partial_cmp(other)),
        (Value::Text(value), Value::Text(other)) => Ok(Some(value.cmp(other))),
        (value, other) if is_basic(value) && is_basic(other) && value.type_name() != other.type_name() => {
            Err(incompatible(value, other))
        }
        _ => Err("invalid type for comparison".into()),
    }
}

fn is_basic(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Integer(..) | Value::Float(_) | Value::Text(_))
}

fn incompatible(value: &Value, other: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", value.type_name(), other.type_name())
}
