//! From tokens to a template's nodes, as Go's `text/template/parse` makes them,
//! and with its messages.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::ParseError;
use super::lexer::{self, Kind, Token};
use super::node::{Branches, Call, Node, Nodes, Pipeline};
use super::quote::{quoted, unquote};
use super::{Templates, functions};

/// How deep controls and parentheses may be within each other. Go's own limit,
/// 10,000, is for its stacks, which grow.
const DEEPEST: usize = 500;

/// Reads a template, and those that it defines.
///
/// # Errors
/// What is wrong with it, and in which line.
pub fn parse(text: &str, name: &str) -> Result<Templates, ParseError> {
    let lexed = lexer::lex(text);
    let mut parser = Parser {
        text,
        tokens: &lexed.tokens,
        problem: &lexed.problem,
        at: 0,
        variables: vec!["$"],
        ranges: 0,
        depth: 0,
        templates: BTreeMap::new(),
    };
    let nodes = parser.main().and_then(|nodes| parser.add(name, nodes));
    match nodes {
        Ok(()) => Ok(parser.templates),
        Err(message) => Err(ParseError { name: name.to_owned(), line: parser.line(), message }),
    }
}

/// What ends a list of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    End,
    Else,
}

/// What an action is.
enum Item {
    Node(Node),
    Ending(Ending),
}

/// The result of what can meet something that it does not expect.
pub(super) type Parsed<T> = Result<T, String>;

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    problem: &'a str,
    at: usize,
    /// The variables that are there.
    pub(super) variables: Vec<&'a str>,
    /// How many `range`s stand around.
    ranges: usize,
    depth: usize,
    templates: Templates,
}

impl<'a> Parser<'a> {
    /// The next token. Behind the last one, it comes again.
    pub(super) fn peek(&self) -> Token<'a> {
        let last = || self.tokens.last().copied().unwrap_or(Token { kind: Kind::End, place: 0, text: "" });
        self.tokens.get(self.at).copied().unwrap_or_else(last)
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    pub(super) fn back(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
    }

    pub(super) fn next_word(&mut self) -> Token<'a> {
        self.skip_space();
        self.next()
    }

    pub(super) fn peek_word(&mut self) -> Token<'a> {
        self.skip_space();
        self.peek()
    }

    /// The line of the token that was read last.
    fn line(&self) -> usize {
        let token = self.tokens.get(self.at.saturating_sub(1)).or(self.tokens.last());
        let place = token.map_or(0, |token| token.place);
        1 + self.text[..place].matches('\n').count()
    }

    pub(super) fn unexpected<T>(&self, token: Token<'_>, context: &str) -> Parsed<T> {
        let what = match token.kind {
            Kind::Error => return Err(self.problem.to_owned()),
            Kind::End => "EOF".to_owned(),
            Kind::Dot | Kind::Nil | Kind::Block | Kind::Break | Kind::Continue | Kind::Define => word(token),
            Kind::Else | Kind::EndControl | Kind::If | Kind::Range | Kind::Template | Kind::With => word(token),
            _ if token.text.len() > 10 => {
                let beginning: String = token.text.chars().take(10).collect();
                format!("{}...", quoted(beginning.as_bytes()))
            }
            _ => quoted(token.text.as_bytes()),
        };
        Err(format!("unexpected {what} in {context}"))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token<'a>> {
        let token = self.next_word();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    /// Goes one level deeper for as long as `inside` reads.
    pub(super) fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return Err(format!("controls and parentheses are more than {DEEPEST} levels deep"));
        }
        self.depth += 1;
        let read = inside(self);
        self.depth -= 1;
        read
    }

    fn main(&mut self) -> Parsed<Nodes> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::End {
            if self.peek().kind == Kind::LeftDelimiter {
                let before = self.at;
                self.next();
                if self.next_word().kind == Kind::Define {
                    self.definition()?;
                    continue;
                }
                self.at = before;
            }
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::Ending(ending) => return Err(format!("unexpected {}", shown(ending))),
            }
        }
        Ok(Nodes(nodes))
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::RightDelimiter, CONTEXT)?;
        let nodes = self.body(CONTEXT)?;
        self.add(&name, nodes)
    }

    /// Another template's nodes, up to its `end`. It has variables of its own.
    fn body(&mut self, context: &str) -> Parsed<Nodes> {
        let variables = std::mem::replace(&mut self.variables, vec!["$"]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, ending) = self.deeper(Self::nodes)?;
        (self.variables, self.ranges) = (variables, ranges);
        match ending {
            Ending::End => Ok(nodes),
            Ending::Else => Err(format!("unexpected {} in {context}", shown(ending))),
        }
    }

    /// One that is empty may be defined again.
    fn add(&mut self, name: &str, nodes: Nodes) -> Parsed<()> {
        match self.templates.get(name) {
            Some(there) if !is_empty(there) && is_empty(&nodes) => Ok(()),
            Some(there) if !is_empty(there) => {
                Err(format!("template: multiple definition of template {}", quoted(name.as_bytes())))
            }
            _ => {
                self.templates.insert(name.into(), nodes);
                Ok(())
            }
        }
    }

    fn nodes(&mut self) -> Parsed<(Nodes, Ending)> {
        let mut nodes = Vec::new();
        while self.peek_word().kind != Kind::End {
            match self.text_or_action()? {
                Item::Node(node) => nodes.push(node),
                Item::Ending(ending) => return Ok((Nodes(nodes), ending)),
            }
        }
        Err("unexpected EOF".into())
    }

    fn text_or_action(&mut self) -> Parsed<Item> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text.into()))),
            Kind::LeftDelimiter => self.action(),
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Item> {
        let token = self.next_word();
        Ok(Item::Node(match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.jump(Node::Break, "{{break}}")?,
            Kind::Continue => self.jump(Node::Continue, "{{continue}}")?,
            Kind::Else => return self.else_control(),
            Kind::EndControl => {
                self.expect(Kind::RightDelimiter, "end")?;
                return Ok(Item::Ending(Ending::End));
            }
            Kind::If => Node::If(self.control("if")?),
            Kind::Range => Node::Range(self.control("range")?),
            Kind::Template => self.template()?,
            Kind::With => Node::With(self.control("with")?),
            _ => {
                self.back();
                Node::Action(self.pipeline("command", Kind::RightDelimiter)?)
            }
        }))
    }

    fn jump(&mut self, node: Node, name: &str) -> Parsed<Node> {
        self.expect(Kind::RightDelimiter, name)?;
        if self.ranges == 0 {
            return Err(format!("{name} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    /// An `else`. What it belongs to reads the `if` or `with` behind it.
    fn else_control(&mut self) -> Parsed<Item> {
        if !matches!(self.peek_word().kind, Kind::If | Kind::With) {
            self.expect(Kind::RightDelimiter, "else")?;
        }
        Ok(Item::Ending(Ending::Else))
    }

    fn control(&mut self, context: &str) -> Parsed<Branches> {
        let variables = self.variables.len();
        let pipeline = self.pipeline(context, Kind::RightDelimiter)?;
        let is_range = usize::from(context == "range");
        self.ranges += is_range;
        let (then, ending) = self.deeper(Self::nodes)?;
        self.ranges -= is_range;
        let otherwise = match ending {
            Ending::End => None,
            Ending::Else => Some(self.deeper(|parser| parser.otherwise(context))?),
        };
        self.variables.truncate(variables);
        Ok(Branches { pipeline, then, otherwise })
    }

    fn otherwise(&mut self, context: &str) -> Parsed<Nodes> {
        let chained = match (context, self.peek().kind) {
            ("if", Kind::If) => Node::If as fn(Branches) -> Node,
            ("with", Kind::With) => Node::With,
            _ => {
                return match self.nodes()? {
                    (nodes, Ending::End) => Ok(nodes),
                    (_, ending) => Err(format!("expected end; found {}", shown(ending))),
                };
            }
        };
        self.next();
        Ok(Nodes(vec![chained(self.control(context)?)]))
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let pipeline = self.pipeline(CONTEXT, Kind::RightDelimiter)?;
        let nodes = self.body(CONTEXT)?;
        self.add(&name, nodes)?;
        Ok(Node::Template(Call { place: token.place, name, pipeline: Some(pipeline) }))
    }

    fn template(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_word();
        let name = self.template_name(token, CONTEXT)?;
        let mut pipeline: Option<Pipeline> = None;
        if self.next_word().kind != Kind::RightDelimiter {
            self.back();
            pipeline = Some(self.pipeline(CONTEXT, Kind::RightDelimiter)?);
        }
        Ok(Node::Template(Call { place: token.place, name, pipeline }))
    }

    fn template_name(&mut self, token: Token<'a>, context: &str) -> Parsed<Box<str>> {
        if token.kind != Kind::String {
            return self.unexpected(token, context);
        }
        let name = unquote(token.text).and_then(|name| String::from_utf8(name).ok());
        name.map(String::into_boxed_str).ok_or_else(|| "invalid syntax".to_owned())
    }

    pub(super) fn function(&self, name: &str) -> Parsed<Rc<str>> {
        if functions::arity(name).is_none() {
            return Err(format!("function {} not defined", quoted(name.as_bytes())));
        }
        Ok(name.into())
    }
}

fn word(token: Token<'_>) -> String {
    format!("<{}>", token.text)
}

fn shown(ending: Ending) -> &'static str {
    match ending {
        Ending::End => "{{end}}",
        Ending::Else => "{{else}}",
    }
}

/// Whether there is nothing but blanks.
fn is_empty(nodes: &Nodes) -> bool {
    nodes.0.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
