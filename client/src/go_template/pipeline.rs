//! The parser's part for what stands within an action: pipelines and operands.

use std::rc::Rc;

use super::lexer::{Kind, Token};
use super::node::{Command, Number, Operand, OperandKind, Pipeline};
use super::number;
use super::parser::{Parsed, Parser};
use super::quote::{quoted, unquote};

impl<'a> Parser<'a> {
    /// Reads up to and with `end`.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipeline> {
        let place = self.peek_word().place;
        let mut pipeline = Pipeline { place, variables: Vec::new(), is_assignment: false, commands: Vec::new() };
        while self.declaration(context, &mut pipeline)? {}
        loop {
            let token = self.next_word();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool | Kind::CharConstant | Kind::Dot | Kind::Field | Kind::Identifier | Kind::Number => {}
                Kind::Nil | Kind::String | Kind::Variable | Kind::LeftParenthesis => {}
                _ => return self.unexpected(token, context),
            }
            self.back();
            pipeline.commands.push(self.command()?);
        }
        check(&pipeline, context)?;
        Ok(pipeline)
    }

    /// Reads a variable that is declared or assigned, if that is next; tells
    /// whether another one must follow.
    fn declaration(&mut self, context: &str, pipeline: &mut Pipeline) -> Parsed<bool> {
        let variable = self.peek_word();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        let behind = self.peek();
        let sign = self.peek_word();
        let is_comma = sign.kind == Kind::Char && sign.text == ",";
        if !(is_comma || matches!(sign.kind, Kind::Assign | Kind::Declare)) {
            // Not to be declared, but read: the blank behind it tells words apart.
            self.back();
            if behind.kind == Kind::Space {
                self.back();
            }
            return Ok(false);
        }
        self.next();
        pipeline.is_assignment |= sign.kind == Kind::Assign;
        pipeline.variables.push(variable.text.into());
        self.variables.push(variable.text);
        if !is_comma {
            return Ok(false);
        }
        if context != "range" || pipeline.variables.len() > 1 {
            return Err(format!("too many declarations in {context}"));
        }
        match self.peek_word().kind {
            Kind::Variable | Kind::RightDelimiter | Kind::RightParenthesis => Ok(true),
            _ => Err("range can only initialize variables".into()),
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        let place = self.peek_word().place;
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelimiter | Kind::RightParenthesis => {
                    self.back();
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(token, "operand"),
            }
        }
        if operands.is_empty() {
            return Err("empty command".into());
        }
        Ok(Command { place, operands })
    }

    /// A term and its fields.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(mut term) = self.term()? else { return Ok(None) };
        let place = self.peek().place;
        let mut more: Vec<Rc<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            more.extend(fields(self.next().text));
        }
        if more.is_empty() {
            return Ok(Some(term));
        }
        match &mut term.kind {
            OperandKind::Field(fields) | OperandKind::Variable { fields, .. } => fields.append(&mut more),
            OperandKind::Pipeline(_) | OperandKind::Function(_) | OperandKind::Chain { .. } => {
                let kind = OperandKind::Chain { of: Box::new(term), fields: more };
                return Ok(Some(Operand { place, kind }));
            }
            _ => return Err(format!("unexpected . after term {}", quoted(term.to_string().as_bytes()))),
        }
        term.place = place;
        Ok(Some(term))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.next_word();
        let kind = match token.kind {
            Kind::Identifier => OperandKind::Function(self.function(token.text)?),
            Kind::Dot => OperandKind::Dot,
            Kind::Nil => OperandKind::Nil,
            Kind::Variable => self.variable(token)?,
            Kind::Field => OperandKind::Field(fields(token.text).collect()),
            Kind::Bool => OperandKind::Bool(token.text == "true"),
            Kind::CharConstant | Kind::Number => {
                OperandKind::Number(Number { written: token.text.into(), value: number::parse(token.text)? })
            }
            Kind::LeftParenthesis => {
                let inner = self.deeper(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParenthesis))?;
                OperandKind::Pipeline(Box::new(inner))
            }
            Kind::String => {
                let text = unquote(token.text).ok_or("invalid syntax")?;
                OperandKind::Text { written: token.text.into(), text: text.into() }
            }
            _ => {
                self.back();
                return Ok(None);
            }
        };
        Ok(Some(Operand { place: token.place, kind }))
    }

    fn variable(&self, token: Token<'a>) -> Parsed<OperandKind> {
        if !self.variables.contains(&token.text) {
            return Err(format!("undefined variable {}", quoted(token.text.as_bytes())));
        }
        Ok(OperandKind::Variable { name: token.text.into(), fields: Vec::new() })
    }
}

/// The names in what a field is written as.
fn fields(written: &str) -> impl Iterator<Item = Rc<str>> {
    written.split('.').filter(|name| !name.is_empty()).map(Rc::from)
}

/// That there is something to do, and that later stages can take a value.
fn check(pipeline: &Pipeline, context: &str) -> Parsed<()> {
    if pipeline.commands.is_empty() {
        return Err(format!("missing value for {context}"));
    }
    for (stage, command) in pipeline.commands.iter().enumerate().skip(1) {
        let is_value = matches!(
            command.operands.first().map(|operand| &operand.kind),
            Some(
                OperandKind::Bool(_)
                    | OperandKind::Dot
                    | OperandKind::Nil
                    | OperandKind::Number(_)
                    | OperandKind::Text { .. }
            )
        );
        if is_value {
            return Err(format!("non executable command in pipeline stage {}", stage + 1));
        }
    }
    Ok(())
}
