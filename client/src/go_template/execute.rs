//! Executes a template, as Go's `text/template` does.

use std::fmt;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::rc::Rc;

use super::error::ExecuteError;
use super::node::{Branches, Call, Command, Node, Nodes, Operand, Pipeline, Place};
use super::printf;
use super::quote::quoted;
use super::value::Value;
use super::{Template, Templates};

/// How many templates, and their controls, may be within each other while they
/// are executed. Go's own limit is for its stacks, which grow.
const DEEPEST: usize = 10_000;

/// Executes `template` with `document` as its dot.
///
/// # Errors
/// If something in it does not suit the document, or nothing can be written.
pub fn execute(template: &Template, document: &Value, out: &mut dyn Write) -> Result<(), ExecuteError> {
    let Some(nodes) = template.templates.get(Template::NAME) else { return Ok(()) };
    let at = At { node: None, place: 0 };
    let mut state = State {
        text: &template.text,
        templates: &template.templates,
        out,
        name: Template::NAME,
        variables: vec![("$".into(), document.clone())],
        at,
        strict: template.strict,
        depth: 0,
    };
    match state.walk(document, nodes) {
        // Without a loop around, the parser takes no `break`.
        Ok(_) => Ok(()),
        Err(Stop::Failed(message)) => Err(state.failed(message)),
        Err(Stop::Write(error)) => Err(ExecuteError::Write(error)),
    }
}

/// Why execution ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Failed(String),
    Write(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// What a failure is told with.
pub(super) type Outcome<T> = Result<T, Stop>;

pub(super) fn fail<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Stop::Failed(message.into()))
}

/// How a loop's body ends, if a `break` or `continue` ends it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Jump {
    Break,
    Continue,
}

/// What is being executed.
#[derive(Clone, Copy)]
struct At<'a> {
    node: Option<&'a dyn fmt::Display>,
    place: Place,
}

pub(super) struct State<'a> {
    text: &'a str,
    templates: &'a Templates,
    out: &'a mut dyn Write,
    /// The template that is executed.
    name: &'a str,
    /// The variables that are there, the newest last.
    variables: Vec<(Rc<str>, Value)>,
    at: At<'a>,
    /// Whether a key that is not there is an error.
    pub(super) strict: bool,
    depth: usize,
}

impl<'a> State<'a> {
    pub(super) fn at(&mut self, node: &'a dyn fmt::Display, place: Place) {
        self.at = At { node: Some(node), place };
    }

    fn failed(&self, message: String) -> ExecuteError {
        let before = &self.text[..self.at.place];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ExecuteError::Failed {
            parsed: Template::NAME,
            line: before.matches('\n').count() + 1,
            column: before.len() - line_start,
            name: self.name.to_owned(),
            node: self.at.node.map(ToString::to_string).unwrap_or_default(),
            message,
        }
    }

    fn walk(&mut self, dot: &Value, nodes: &'a Nodes) -> Outcome<ControlFlow<Jump>> {
        if self.depth >= DEEPEST {
            return fail(format!("exceeded maximum template depth ({DEEPEST})"));
        }
        self.depth += 1;
        for node in &nodes.0 {
            let flow = self.node(dot, node)?;
            if flow.is_break() {
                self.depth -= 1;
                return Ok(flow);
            }
        }
        self.depth -= 1;
        Ok(ControlFlow::Continue(()))
    }

    fn node(&mut self, dot: &Value, node: &'a Node) -> Outcome<ControlFlow<Jump>> {
        match node {
            Node::Text(text) => self.out.write_all(text.as_bytes())?,
            Node::Action(pipeline) => {
                let value = self.pipeline(dot, pipeline)?;
                if pipeline.variables.is_empty() {
                    self.print(&value)?;
                }
            }
            Node::Break => return Ok(ControlFlow::Break(Jump::Break)),
            Node::Continue => return Ok(ControlFlow::Break(Jump::Continue)),
            Node::If(branches) => return self.branch(dot, branches, false),
            Node::With(branches) => return self.branch(dot, branches, true),
            Node::Range(branches) => return self.range(dot, branches),
            Node::Template(call) => self.call(dot, call)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn print(&mut self, value: &Value) -> Outcome<()> {
        match value {
            Value::Missing => self.out.write_all(b"<no value>")?,
            Value::Text(text) => self.out.write_all(text)?,
            value => self.out.write_all(&printf::print(std::slice::from_ref(value)))?,
        }
        Ok(())
    }

    fn branch(&mut self, dot: &Value, branches: &'a Branches, is_with: bool) -> Outcome<ControlFlow<Jump>> {
        let variables = self.variables.len();
        let value = self.pipeline(dot, &branches.pipeline)?;
        let flow = match &branches.otherwise {
            _ if value.is_true() => self.walk(if is_with { &value } else { dot }, &branches.then),
            Some(otherwise) => self.walk(dot, otherwise),
            None => Ok(ControlFlow::Continue(())),
        };
        self.variables.truncate(variables);
        flow
    }

    fn range(&mut self, dot: &Value, range: &'a Branches) -> Outcome<ControlFlow<Jump>> {
        let variables = self.variables.len();
        let value = self.pipeline(dot, &range.pipeline)?;
        let flow = match self.iterate(&value, range)? {
            true => Ok(ControlFlow::Continue(())),
            false => range.otherwise.as_ref().map_or(Ok(ControlFlow::Continue(())), |nodes| self.walk(dot, nodes)),
        };
        self.variables.truncate(variables);
        flow
    }

    /// Runs the body for each element; tells whether there was one.
    fn iterate(&mut self, value: &Value, range: &'a Branches) -> Outcome<bool> {
        match value {
            Value::Missing | Value::Nil => return Ok(false),
            Value::Integer(..) if range.pipeline.variables.len() > 1 => {
                let shown = String::from_utf8_lossy(&printf::print(std::slice::from_ref(value))).into_owned();
                return fail(format!("can't use {shown} to iterate over more than one variable"));
            }
            Value::Integer(end, kind) => {
                for number in 0..*end {
                    if self.iteration(Value::Missing, Value::Integer(number, *kind), range)?.is_break() {
                        break;
                    }
                }
                return Ok(*end > 0);
            }
            Value::List(list) => {
                for (index, element) in list.iter().enumerate() {
                    if self.iteration(Value::length(index), element.clone(), range)?.is_break() {
                        break;
                    }
                }
                return Ok(!list.is_empty());
            }
            Value::Map(map) => {
                for (key, element) in map.iter() {
                    if self.iteration(Value::text(key.as_bytes()), element.clone(), range)?.is_break() {
                        break;
                    }
                }
                return Ok(!map.is_empty());
            }
            Value::Bool(_) | Value::Float(_) | Value::Text(_) => {}
        }
        let shown = String::from_utf8_lossy(&printf::print(std::slice::from_ref(value))).into_owned();
        fail(format!("range can't iterate over {shown}"))
    }

    fn iteration(&mut self, index: Value, element: Value, range: &'a Branches) -> Outcome<ControlFlow<()>> {
        let variables = self.variables.len();
        let (names, is_assignment) = (&range.pipeline.variables, range.pipeline.is_assignment);
        let values = if names.len() > 1 { vec![index, element.clone()] } else { vec![element.clone()] };
        let first = variables - names.len().min(variables);
        for (at, (name, value)) in names.iter().zip(values).enumerate() {
            match self.variables.get_mut(first + at) {
                Some(declared) if !is_assignment => declared.1 = value,
                _ => self.assign(name, value)?,
            }
        }
        let flow = self.walk(&element, &range.then)?;
        self.variables.truncate(variables);
        Ok(match flow {
            ControlFlow::Break(Jump::Break) => ControlFlow::Break(()),
            ControlFlow::Break(Jump::Continue) | ControlFlow::Continue(()) => ControlFlow::Continue(()),
        })
    }

    fn call(&mut self, dot: &Value, call: &'a Call) -> Outcome<()> {
        self.at(call, call.place);
        let Some((name, nodes)) = self.templates.get_key_value(&*call.name) else {
            return fail(format!("template {} not defined", quoted(call.name.as_bytes())));
        };
        let dot = match &call.pipeline {
            Some(pipeline) => self.pipeline(dot, pipeline)?,
            None => Value::Missing,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$".into(), dot.clone())]);
        let caller = std::mem::replace(&mut self.name, name);
        // The parser takes no jump out of a template.
        let _none = self.walk(&dot, nodes)?;
        (self.variables, self.name) = (variables, caller);
        Ok(())
    }

    /// A pipeline's value, which is given to its variables, too.
    pub(super) fn pipeline(&mut self, dot: &Value, pipeline: &'a Pipeline) -> Outcome<Value> {
        self.at(pipeline, pipeline.place);
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(dot, command, last)?.unwrapped());
        }
        let value = last.unwrap_or(Value::Missing);
        for name in &pipeline.variables {
            if pipeline.is_assignment {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((Rc::clone(name), value.clone()));
            }
        }
        Ok(value)
    }

    fn assign(&mut self, name: &str, value: Value) -> Outcome<()> {
        match self.variables.iter_mut().rev().find(|(there, _)| **there == *name) {
            Some(variable) => variable.1 = value,
            None => return fail(format!("undefined variable: {name}")),
        }
        Ok(())
    }

    pub(super) fn variable(&self, name: &str) -> Outcome<Value> {
        let there = self.variables.iter().rev().find(|(there, _)| **there == *name);
        there.map_or_else(|| fail(format!("undefined variable: {name}")), |(_, value)| Ok(value.clone()))
    }

    fn command(&mut self, dot: &Value, command: &'a Command, last: Option<Value>) -> Outcome<Value> {
        let Some((first, arguments)) = command.operands.split_first() else { return fail("empty command") };
        self.first_word(dot, command, first, arguments, last)
    }

    pub(super) fn operand_at(&mut self, operand: &'a Operand) {
        self.at(operand, operand.place);
    }
}
