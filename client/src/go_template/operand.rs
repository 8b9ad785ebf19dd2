//! The evaluation of a command's words.

use std::fmt;
use std::rc::Rc;

use super::execute::{Outcome, State, fail};
use super::functions::{self, Arity};
use super::node::{Command, Constant, Number, Operand, OperandKind, Place};
use super::quote::quoted;
use super::value::Value;

/// A function's call, where it stands.
struct Call<'a> {
    name: &'a str,
    arguments: &'a [Operand],
    /// The value of the command before.
    last: Option<Value>,
    /// What a failure is told of.
    node: &'a dyn fmt::Display,
    place: Place,
}

impl<'a> State<'a> {
    /// A command's value.
    pub(super) fn first_word(
        &mut self,
        dot: &Value,
        command: &'a Command,
        first: &'a Operand,
        arguments: &'a [Operand],
        last: Option<Value>,
    ) -> Outcome<Value> {
        let has_arguments = !arguments.is_empty() || last.is_some();
        self.operand_at(first);
        if let OperandKind::Function(name) = &first.kind {
            return self.function(dot, Call { name, arguments, last, node: command, place: command.place });
        }
        let fields = match &first.kind {
            OperandKind::Field(fields) | OperandKind::Chain { fields, .. } => fields.len(),
            OperandKind::Variable { fields, .. } => fields.len(),
            _ => 0,
        };
        if has_arguments && fields == 0 {
            return fail(format!("can't give argument to non-function {first}"));
        }
        if let OperandKind::Nil = first.kind {
            return fail("nil is not a command");
        }
        self.value(dot, first, has_arguments)
    }

    /// An operand's value. Where it is a field, arguments would be for it.
    fn value(&mut self, dot: &Value, operand: &'a Operand, has_arguments: bool) -> Outcome<Value> {
        self.operand_at(operand);
        match &operand.kind {
            OperandKind::Bool(value) => Ok(Value::Bool(*value)),
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Number(number) => constant(number),
            OperandKind::Text { text, .. } => Ok(Value::Text(Rc::clone(text))),
            OperandKind::Field(fields) => self.chain(dot.clone(), fields, has_arguments),
            OperandKind::Variable { name, fields } => {
                let value = self.variable(name)?;
                self.chain(value, fields, has_arguments)
            }
            OperandKind::Function(name) => {
                self.function(dot, Call { name, arguments: &[], last: None, node: operand, place: operand.place })
            }
            OperandKind::Pipeline(pipeline) => self.pipeline(dot, pipeline),
            OperandKind::Chain { of, fields } => {
                if matches!(of.kind, OperandKind::Nil) {
                    return fail(format!("indirection through explicit nil in {operand}"));
                }
                let value = self.value(dot, of, false)?;
                self.chain(value, fields, has_arguments)
            }
        }
    }

    /// A field of a field.
    fn chain(&self, mut value: Value, fields: &[Rc<str>], has_arguments: bool) -> Outcome<Value> {
        for (at, field) in fields.iter().enumerate() {
            let is_last = at + 1 == fields.len();
            value = get(&value, field, has_arguments && is_last, self.strict)?;
        }
        Ok(value)
    }

    fn function(&mut self, dot: &Value, call: Call<'a>) -> Outcome<Value> {
        check_arity(&call)?;
        if matches!(call.name, "and" | "or") {
            return self.logic(dot, call);
        }
        let mut values = Vec::with_capacity(call.arguments.len() + 1);
        for (at, argument) in call.arguments.iter().enumerate() {
            let value = self.value(dot, argument, false)?;
            if at == 0 && functions::takes_text(call.name) {
                check_text(argument, &value)?;
            }
            values.push(value);
        }
        if let Some(last) = call.last {
            if values.is_empty() && functions::takes_text(call.name) {
                check_type(&last)?;
            }
            values.push(last);
        }
        let written = || call.arguments.first().map_or_else(|| "value".to_owned(), ToString::to_string);
        match functions::call(call.name, &values, written) {
            Ok(value) => Ok(value),
            Err(message) => {
                self.at(call.node, call.place);
                fail(format!("error calling {}: {message}", call.name))
            }
        }
    }

    /// `and` and `or` evaluate no more arguments than they need.
    fn logic(&mut self, dot: &Value, call: Call<'a>) -> Outcome<Value> {
        let mut value = Value::Missing;
        for argument in call.arguments {
            value = self.value(dot, argument, false)?;
            if value.is_true() == (call.name == "or") {
                return Ok(value);
            }
        }
        Ok(call.last.unwrap_or(value))
    }
}

/// A field. Go knows the type only of what a template made itself, and tells
/// `interface {}` of what is in a document; the type that is there says more.
fn get(value: &Value, field: &str, has_arguments: bool, strict: bool) -> Outcome<Value> {
    match value {
        Value::Missing if strict => fail(format!("nil data; no entry for key {}", quoted(field.as_bytes()))),
        Value::Missing => Ok(Value::Missing),
        Value::Nil => fail(format!("nil pointer evaluating interface {{}}.{field}")),
        Value::Map(_) if has_arguments => fail(format!("{field} is not a method but has arguments")),
        Value::Map(map) => match map.get(field) {
            None if strict => fail(format!("map has no entry for key {}", quoted(field.as_bytes()))),
            found => Ok(found.cloned().unwrap_or(Value::Missing)),
        },
        _ => fail(format!("can't evaluate field {field} in type {}", value.type_name())),
    }
}

fn constant(number: &Number) -> Outcome<Value> {
    match number.value {
        Constant::Int(value) => Ok(Value::int(value)),
        Constant::Float(value) => Ok(Value::Float(value)),
        Constant::TooLarge => fail(format!("{} overflows int", number.written)),
    }
}

fn check_arity(call: &Call<'_>) -> Outcome<()> {
    let name = call.name;
    let count = call.arguments.len() + usize::from(call.last.is_some());
    match functions::arity(name) {
        Some(Arity::Exactly(wanted)) if wanted != count => {
            fail(format!("wrong number of args for {name}: want {wanted} got {count}"))
        }
        Some(Arity::AtLeast(wanted)) if count < wanted => {
            fail(format!("wrong number of args for {name}: want at least {wanted} got {}", call.arguments.len()))
        }
        Some(_) => Ok(()),
        None => fail(format!("{name:?} is not a defined function")),
    }
}

/// A text, where a function takes nothing else.
fn check_text(argument: &Operand, value: &Value) -> Outcome<()> {
    match argument.kind {
        OperandKind::Bool(_) | OperandKind::Number(_) => fail(format!("expected string; found {argument}")),
        OperandKind::Nil => fail("cannot assign nil to string"),
        _ => check_type(value),
    }
}

fn check_type(value: &Value) -> Outcome<()> {
    match value {
        Value::Text(_) => Ok(()),
        Value::Missing => fail("invalid value; expected string"),
        Value::Nil => fail("wrong type for value; expected string; got interface {}"),
        value => fail(format!("wrong type for value; expected string; got {}", value.type_name())),
    }
}
