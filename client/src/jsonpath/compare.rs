//! How filters compare: as Go's templates do (k8s.io/client-go `third_party/forked/golang/template/funcs.go`).

use std::cmp::Ordering;

use serde_json::Value;

use super::error::ExecuteError;
use super::found::Found;
use super::node::Operator;

/// What can be compared.
#[derive(Clone, Copy)]
enum Basic<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a [u8]),
}

/// Whether `left` is to `right` as `operator` says.
pub fn holds(left: Found<'_>, operator: &Operator, right: Found<'_>) -> Result<bool, ExecuteError> {
    if let Operator::Unknown(operator) = operator {
        return Err(ExecuteError::UnknownOperator(operator.clone()));
    }
    let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    let order = match (basic(left)?, basic(right)?) {
        (Basic::Bool(left), Basic::Bool(right)) if is_equality => Some(left.cmp(&right)),
        (Basic::Bool(_), Basic::Bool(_)) => return Err(ExecuteError::NotComparable),
        (Basic::Int(left), Basic::Int(right)) => Some(left.cmp(&right)),
        (Basic::Float(left), Basic::Float(right)) => left.partial_cmp(&right),
        (Basic::Text(left), Basic::Text(right)) => Some(left.cmp(right)),
        _ => return Err(ExecuteError::Incompatible),
    };
    Ok(match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => order == Some(Ordering::Less),
        Operator::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        Operator::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Operator::Exists | Operator::Unknown(_) => false,
    })
}

fn basic(found: Found<'_>) -> Result<Basic<'_>, ExecuteError> {
    Ok(match found {
        Found::Value(Value::Bool(yes)) => Basic::Bool(*yes),
        Found::Value(Value::String(text)) => Basic::Text(text.as_bytes()),
        Found::Value(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Basic::Int(number),
            (None, Some(number)) => Basic::Float(number),
            (None, None) => return Err(ExecuteError::NotComparable),
        },
        Found::Text(text) => Basic::Text(text),
        Found::Int(number) => Basic::Int(number),
        Found::Float(number) => Basic::Float(number),
        Found::Bool(yes) => Basic::Bool(yes),
        // Signed and unsigned integers compare.
        Found::Byte(byte) => Basic::Int(byte.into()),
        Found::Value(Value::Null | Value::Array(_) | Value::Object(_)) | Found::Nothing => {
            return Err(ExecuteError::NotComparable);
        }
    })
}
