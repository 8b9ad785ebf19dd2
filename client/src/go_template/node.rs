//! A template, parsed. What is shown of it in an error is written as Go writes it.

use std::fmt;
use std::rc::Rc;

use super::quote::quoted;

/// A byte of the template's text.
pub type Place = usize;

/// One thing after another.
#[derive(Debug, Default)]
pub struct Nodes(pub Vec<Node>);

/// What does something.
#[derive(Debug)]
pub enum Node {
    /// Text, as it stands.
    Text(Box<str>),
    /// A pipeline whose value is printed, unless it declares or assigns.
    Action(Pipeline),
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `if`.
    If(Branches),
    /// `with`.
    With(Branches),
    /// `range`.
    Range(Branches),
    /// `template`, and what `block` leaves where it stands.
    Template(Call),
}

/// A control's pipeline, and what is done by its value.
#[derive(Debug)]
pub struct Branches {
    pub pipeline: Pipeline,
    pub then: Nodes,
    pub otherwise: Option<Nodes>,
}

/// Another template's call.
#[derive(Debug)]
pub struct Call {
    pub place: Place,
    pub name: Box<str>,
    pub pipeline: Option<Pipeline>,
}

/// Commands, each of which gets the value of the one before as its last argument.
#[derive(Debug)]
pub struct Pipeline {
    pub place: Place,
    /// The variables that get the value, with their `$`.
    pub variables: Vec<Rc<str>>,
    /// Whether the variables are there already.
    pub is_assignment: bool,
    pub commands: Vec<Command>,
}

/// A function or a value, and its arguments: at least one operand.
#[derive(Debug)]
pub struct Command {
    pub place: Place,
    pub operands: Vec<Operand>,
}

/// One word of a command.
#[derive(Debug)]
pub struct Operand {
    pub place: Place,
    pub kind: OperandKind,
}

/// What a word can be.
#[derive(Debug)]
pub enum OperandKind {
    Bool(bool),
    Dot,
    Nil,
    Number(Number),
    Text {
        /// As it is written.
        written: Box<str>,
        text: Rc<[u8]>,
    },
    /// `.a.b`
    Field(Vec<Rc<str>>),
    /// `$x.a.b`
    Variable {
        name: Rc<str>,
        fields: Vec<Rc<str>>,
    },
    Function(Rc<str>),
    /// A pipeline in parentheses.
    Pipeline(Box<Pipeline>),
    /// Fields of something that is no field and no variable.
    Chain {
        of: Box<Operand>,
        fields: Vec<Rc<str>>,
    },
}

/// A number as it is written, and what it is.
#[derive(Debug)]
pub struct Number {
    pub written: Box<str>,
    pub value: Constant,
}

/// What a number in a template stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant {
    Int(i64),
    Float(f64),
    /// An integer that Go's `int` does not hold.
    TooLarge,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{{{template {}", quoted(self.name.as_bytes()))?;
        if let Some(pipeline) = &self.pipeline {
            write!(formatter, " {pipeline}")?;
        }
        formatter.write_str("}}")
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.is_assignment { "=" } else { ":=" };
            write!(formatter, "{} {sign} ", self.variables.join(", "))?;
        }
        separated(formatter, &self.commands, " | ")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(formatter, &self.operands, " ")
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            OperandKind::Bool(value) => write!(formatter, "{value}"),
            OperandKind::Dot => formatter.write_str("."),
            OperandKind::Nil => formatter.write_str("nil"),
            OperandKind::Number(number) => formatter.write_str(&number.written),
            OperandKind::Text { written, .. } => formatter.write_str(written),
            OperandKind::Field(fields) => write_fields(formatter, fields),
            OperandKind::Variable { name, fields } => {
                formatter.write_str(name)?;
                write_fields(formatter, fields)
            }
            OperandKind::Function(name) => formatter.write_str(name),
            OperandKind::Pipeline(pipeline) => write!(formatter, "({pipeline})"),
            OperandKind::Chain { of, fields } => {
                write!(formatter, "{of}")?;
                write_fields(formatter, fields)
            }
        }
    }
}

fn separated(formatter: &mut fmt::Formatter<'_>, items: &[impl fmt::Display], separator: &str) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            formatter.write_str(separator)?;
        }
        write!(formatter, "{item}")?;
    }
    Ok(())
}

fn write_fields(formatter: &mut fmt::Formatter<'_>, fields: &[Rc<str>]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(formatter, ".{field}"))
}
