//! The functions that a template can call: Go's, and kubectl's `exists` and
//! `base64decode` (k8s.io/cli-runtime, `printers/template.go`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::compare::{equal, less, less_or_equal};
use super::escape;
use super::printf;
use super::value::{IntegerType, Value};

/// How many arguments a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    Exactly(usize),
    AtLeast(usize),
}

/// The arguments of a function, if there is one of that name.
pub fn arity(name: &str) -> Option<Arity> {
    Some(match name {
        "base64decode" | "len" | "not" => Arity::Exactly(1),
        "ge" | "gt" | "le" | "lt" | "ne" => Arity::Exactly(2),
        "html" | "js" | "print" | "println" | "urlquery" => Arity::AtLeast(0),
        "and" | "call" | "eq" | "exists" | "index" | "or" | "printf" | "slice" => Arity::AtLeast(1),
        _ => return None,
    })
}

/// Whether a function's first argument is a text and nothing else.
pub fn takes_text(name: &str) -> bool {
    matches!(name, "base64decode" | "printf")
}

/// Calls a function whose arguments are as many as it takes. `written` is how
/// its first one is written. `and` and `or` are no calls.
///
/// # Errors
/// What is wrong with the arguments, as Go says it.
pub fn call(name: &str, arguments: &[Value], written: impl FnOnce() -> String) -> Result<Value, String> {
    let (first, rest) = arguments.split_first().unwrap_or((&Value::Missing, &[]));
    let second = || rest.first().unwrap_or(&Value::Missing);
    Ok(match name {
        "base64decode" => decode(first)?,
        "call" if first.is_nil() => return Err("call of nil".into()),
        "call" => return Err(format!("non-function {} of type {}", written(), first.type_name())),
        "eq" => Value::Bool(equal(first, rest)?),
        "exists" => Value::Bool(exists(first, rest)),
        "ge" => Value::Bool(!less(first, second())?),
        "gt" => Value::Bool(!less_or_equal(first, second())?),
        "html" => Value::text(escape::html(&text_of(arguments))),
        "index" => index(first, rest)?,
        "js" => Value::text(escape::js(&text_of(arguments))),
        "le" => Value::Bool(less_or_equal(first, second())?),
        "len" => Value::length(length(first)?),
        "lt" => Value::Bool(less(first, second())?),
        "ne" => Value::Bool(!equal(first, rest)?),
        "not" => Value::Bool(!first.is_true()),
        "print" => Value::text(printf::print(arguments)),
        "printf" => Value::text(printf::printf(text(first), rest)),
        "println" => Value::text(printf::println(arguments)),
        "slice" => slice(first, rest)?,
        "urlquery" => Value::text(escape::url_query(&text_of(arguments))),
        _ => return Err("not defined".into()),
    })
}

fn text(value: &Value) -> &[u8] {
    match value {
        Value::Text(text) => text,
        _ => b"",
    }
}

/// The arguments of an escaping function as one text.
fn text_of(arguments: &[Value]) -> Vec<u8> {
    if let [Value::Text(text)] = arguments {
        return text.to_vec();
    }
    let shown = |value: &Value| if value.is_nil() { Value::text("<no value>") } else { value.clone() };
    printf::print(&arguments.iter().map(shown).collect::<Vec<_>>())
}

fn decode(value: &Value) -> Result<Value, String> {
    // Go's decoder skips the ends of lines.
    let encoded: Vec<u8> = text(value).iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let decoded = STANDARD.decode(encoded).map_err(|error| format!("base64 decode failed: {error}"))?;
    Ok(Value::text(decoded))
}

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::Text(text) => Ok(text.len()),
        Value::List(list) => Ok(list.len()),
        Value::Map(map) => Ok(map.len()),
        Value::Missing | Value::Nil => Err("len of nil pointer".into()),
        _ => Err(format!("len of type {}", value.type_name())),
    }
}

/// A place in what has `length` places, and with `end` the one behind them.
fn place(index: &Value, length: usize, end: bool) -> Result<usize, String> {
    match index {
        Value::Missing | Value::Nil => Err("cannot index slice/array with nil".into()),
        Value::Integer(at, _) => {
            let place = usize::try_from(*at).ok().filter(|place| *place < length || (end && *place == length));
            place.ok_or_else(|| format!("index out of range: {at}"))
        }
        _ => Err(format!("cannot index slice/array with type {}", index.type_name())),
    }
}

fn index(value: &Value, indexes: &[Value]) -> Result<Value, String> {
    if value.is_nil() {
        return Err("index of untyped nil".into());
    }
    let mut value = value.clone();
    for index in indexes {
        value = match &value {
            Value::Text(text) => Value::Integer(i64::from(text[place(index, text.len(), false)?]), IntegerType::Byte),
            Value::List(list) => list[place(index, list.len(), false)?].clone(),
            Value::Map(map) => match index {
                Value::Text(key) => {
                    str::from_utf8(key).ok().and_then(|key| map.get(key)).cloned().unwrap_or(Value::Missing)
                }
                Value::Missing | Value::Nil => return Err("value is nil; should be of type string".into()),
                index => return Err(format!("value has type {}; should be string", index.type_name())),
            },
            Value::Missing | Value::Nil => return Err("index of nil pointer".into()),
            value => return Err(format!("can't index item of type {}", value.type_name())),
        };
    }
    Ok(value)
}

fn slice(value: &Value, indexes: &[Value]) -> Result<Value, String> {
    let length = match value {
        Value::Missing | Value::Nil => return Err("slice of untyped nil".into()),
        _ if indexes.len() > 3 => return Err(format!("too many slice indexes: {}", indexes.len())),
        Value::Text(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        _ => return Err(format!("can't slice item of type {}", value.type_name())),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = place(index, length, true)?;
    }
    let [start, end, capacity] = bounds;
    if let Some((low, high)) = [(start, end), (end, capacity)].into_iter().find(|(low, high)| low > high) {
        return Err(format!("invalid slice index: {low} > {high}"));
    }
    Ok(match value {
        Value::List(list) => Value::List(list[start..end].into()),
        value => Value::text(&text(value)[start..end]),
    })
}

/// kubectl's `exists`: whether there is something at the end of a path. Of a
/// value alone it is always true.
fn exists(value: &Value, path: &[Value]) -> bool {
    let mut value = value;
    for (at, step) in path.iter().enumerate() {
        let next = match (value, step) {
            (Value::Map(map), Value::Text(key)) => str::from_utf8(key).ok().and_then(|key| map.get(key)),
            (Value::List(list), Value::Integer(at, _)) => usize::try_from(*at).ok().and_then(|at| list.get(at)),
            (Value::Text(text), Value::Integer(byte, _)) => {
                let is_last = at + 1 == path.len();
                return is_last && usize::try_from(*byte).is_ok_and(|byte| byte < text.len());
            }
            _ => None,
        };
        match next {
            Some(next) if !next.is_nil() => value = next,
            _ => return false,
        }
    }
    true
}
