//! Reads templates, as k8s.io/client-go `util/jsonpath/parser.go` does.

use super::MAX_LENGTH;
use super::error::{ParseError, Syntax};
use super::node::{Filter, Node, Operator, Slice};
use super::unquote::unquote;

/// How often filters and unions may be within each other: quotation marks allow for some levels.
const MAX_DEPTH: usize = 8;

/// The parts of a template: texts, and a list for each pair of braces.
///
/// # Errors
/// What is wrong with it, and where.
pub fn template(text: &str) -> Result<Vec<Node>, ParseError> {
    if text.len() > MAX_LENGTH {
        return Err(ParseError { syntax: Syntax::TooLong(MAX_LENGTH), at: 1 });
    }
    Parser { input: text, pos: 0, depth: 0 }.parts().map_err(|Wrong { syntax, at }| {
        let before = text.char_indices().take_while(|(start, _)| *start < at).count();
        ParseError { syntax, at: before + 1 }
    })
}

/// What is wrong, and at which byte of the text.
struct Wrong {
    syntax: Syntax,
    at: usize,
}

struct Parser<'t> {
    input: &'t str,
    /// The next character's byte.
    pos: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn parts(&mut self) -> Result<Vec<Node>, Wrong> {
        let mut parts = Vec::new();
        while !self.rest().is_empty() {
            let until = self.rest().find('{').unwrap_or(self.rest().len());
            if until > 0 {
                parts.push(Node::Text(self.take(until).as_bytes().to_vec()));
            } else {
                parts.push(Node::List(self.action()?));
            }
        }
        Ok(parts)
    }

    fn rest(&self) -> &'t str {
        self.input.get(self.pos..).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> &'t str {
        let taken = self.rest().get(..length).unwrap_or_default();
        self.pos += taken.len();
        taken
    }

    /// Takes all up to the first character that is `end`.
    fn take_until(&mut self, end: impl Fn(char) -> bool) -> &'t str {
        self.take(self.rest().find(end).unwrap_or(self.rest().len()))
    }

    fn takes(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.pos += prefix.len();
        }
        found
    }

    fn next(&mut self) -> Option<char> {
        let char = self.rest().chars().next()?;
        self.pos += char.len_utf8();
        Some(char)
    }

    /// What stands in braces. The opening one comes next.
    fn action(&mut self) -> Result<Vec<Node>, Wrong> {
        let open = self.pos;
        self.pos += 1;
        let mut nodes = Vec::new();
        loop {
            let start = self.pos;
            if self.takes("}") {
                return Ok(nodes);
            } else if self.takes("[?(") {
                nodes.push(self.filter(start)?);
                continue;
            } else if self.takes("..") {
                self.descent(start, &mut nodes)?;
                continue;
            }
            match self.next() {
                None | Some('\r' | '\n') => return Err(Wrong { syntax: Syntax::UnclosedAction, at: open }),
                // The current object, which it is anyway.
                Some(' ' | '@' | '$') => {}
                Some('[') => self.brackets(start, &mut nodes)?,
                Some(quote @ ('"' | '\'')) => nodes.push(self.quoted(start, quote)?),
                Some('.') => nodes.push(self.field()),
                Some(char) if char == '+' || char == '-' || char.is_ascii_digit() => {
                    self.pos = start;
                    nodes.push(self.number(start)?);
                }
                Some(char) if char == '_' || char.is_alphanumeric() => {
                    self.pos = start;
                    nodes.push(self.word());
                }
                Some(char) => return Err(Wrong { syntax: Syntax::Unrecognized(char), at: start }),
            }
        }
    }

    fn word(&mut self) -> Node {
        match self.take_until(is_terminator) {
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            word => Node::Word(word.to_owned()),
        }
    }

    /// `..`, and a name right behind it.
    fn descent(&mut self, start: usize, nodes: &mut Vec<Node>) -> Result<(), Wrong> {
        if nodes.last() == Some(&Node::Descent) {
            return Err(Wrong { syntax: Syntax::RepeatedDescent, at: start });
        }
        nodes.push(Node::Descent);
        if self.rest().starts_with(|char: char| char == '_' || char.is_alphanumeric()) {
            nodes.push(self.field());
        }
        Ok(())
    }

    fn number(&mut self, start: usize) -> Result<Node, Wrong> {
        let sign = usize::from(self.rest().starts_with(['+', '-']));
        let digits = self.rest().get(sign..).unwrap_or_default();
        let length = digits.find(|char: char| char != '.' && !char.is_ascii_digit()).unwrap_or(digits.len());
        let text = self.take(sign + length);
        if let Ok(number) = text.parse() {
            return Ok(Node::Int(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Node::Float(number)),
            _ => Err(Wrong { syntax: Syntax::BadNumber(text.to_owned()), at: start }),
        }
    }

    /// A name, of which a backslash makes any character a part.
    fn field(&mut self) -> Node {
        let start = self.pos;
        loop {
            self.take_until(|char| char == '\\' || is_terminator(char));
            if !self.takes("\\") {
                break;
            }
            self.next();
        }
        match self.input.get(start..self.pos).unwrap_or_default() {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn quoted(&mut self, start: usize, quote: char) -> Result<Node, Wrong> {
        let inner = self.pos;
        loop {
            self.take_until(|char| char == quote || char == '\n');
            let ends = self.next() == Some(quote);
            if !ends {
                return Err(Wrong { syntax: Syntax::UnterminatedQuote, at: start });
            }
            let text = self.input.get(inner..self.pos - 1).unwrap_or_default();
            // Also of `\\`, the second backslash counts.
            if text.ends_with('\\') {
                continue;
            }
            let wrong = || {
                let text = self.input.get(start..self.pos).unwrap_or_default().to_owned();
                Wrong { syntax: Syntax::BadEscape(text), at: start }
            };
            return unquote(text, quote).map(Node::Text).ok_or_else(wrong);
        }
    }

    /// What stands in brackets that hold no filter.
    fn brackets(&mut self, start: usize, nodes: &mut Vec<Node>) -> Result<(), Wrong> {
        let inner = self.pos;
        let text = self.take_until(|char| char == ']' || char == '\n');
        if !self.takes("]") {
            return Err(Wrong { syntax: Syntax::UnterminatedArray, at: start });
        }
        if text.contains(',') {
            nodes.push(self.union(text, inner)?);
        } else if let Some(key) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''))
            && !key.contains('\'')
        {
            // Its dots part it, as outside of brackets.
            nodes.extend(self.within(&format!(".{key}"), inner)?);
        } else {
            nodes.push(Node::Slice(slice(text).map_err(|syntax| Wrong { syntax, at: start })?));
        }
        Ok(())
    }

    fn union(&self, text: &str, start: usize) -> Result<Node, Wrong> {
        let mut at = start;
        let mut parts = Vec::new();
        for part in text.split(',') {
            parts.push(self.within(&format!("[{}]", part.trim_matches(' ')), at.saturating_sub(1))?);
            at += part.len() + 1;
        }
        Ok(Node::Union(parts))
    }

    /// What `text`, which stands at `start`, says as an expression of its own.
    fn within(&self, text: &str, start: usize) -> Result<Vec<Node>, Wrong> {
        if self.depth == MAX_DEPTH {
            return Err(Wrong { syntax: Syntax::TooDeep(MAX_DEPTH), at: start });
        }
        let action = format!("{{{text}}}");
        let parts = Parser { input: &action, pos: 0, depth: self.depth + 1 }.parts().map_err(|wrong| {
            // The brace is not there in the template.
            Wrong { at: start + wrong.at.saturating_sub(1), ..wrong }
        })?;
        match parts.into_iter().next() {
            Some(Node::List(nodes)) => Ok(nodes),
            // It begins with a brace.
            _ => Ok(Vec::new()),
        }
    }

    /// A filter, behind `[?(`.
    fn filter(&mut self, start: usize) -> Result<Node, Wrong> {
        let inner = self.pos;
        let text = self.filter_text().ok_or(Wrong { syntax: Syntax::UnterminatedFilter, at: start })?;
        if !self.takes("]") {
            return Err(Wrong { syntax: Syntax::UnclosedFilter, at: start });
        }
        let filter = match comparison(text) {
            None => Filter { left: self.within(text, inner)?, operator: Operator::Exists, right: Vec::new() },
            Some((left, operator, right)) => Filter {
                left: self.within(left, inner)?,
                operator: Operator::parse(operator),
                right: self.within(right, inner + left.len() + operator.len())?,
            },
        };
        Ok(Node::Filter(Box::new(filter)))
    }

    /// All up to the parenthesis that closes a filter. One within the first quotation marks is none.
    fn filter_text(&mut self) -> Option<&'t str> {
        let start = self.pos;
        let mut quote = None;
        let mut quote_ended = false;
        let mut before = '(';
        loop {
            let char = self.next()?;
            match (char, quote) {
                ('\n', _) => return None,
                ('"' | '\'', None) => quote = Some(char),
                ('"' | '\'', Some(open)) => quote_ended |= before != '\\' && char == open,
                (')', _) if quote.is_some() == quote_ended => return self.input.get(start..self.pos - 1),
                _ => {}
            }
            before = char;
        }
    }
}

/// The sides of a filter, and the operator in between (kubectl's `^([^!<>=]+)([!<>=]+)(.+?)$`).
fn comparison(text: &str) -> Option<(&str, &str, &str)> {
    let is_operator = |char: char| matches!(char, '!' | '<' | '>' | '=');
    let at = text.find(is_operator).filter(|at| *at > 0)?;
    let (left, rest) = text.split_at(at);
    let length = rest.find(|char| !is_operator(char)).unwrap_or(rest.len() - 1);
    let (operator, right) = rest.split_at(length);
    (!operator.is_empty()).then_some((left, operator, right))
}

/// An index or slice.
fn slice(text: &str) -> Result<Slice, Syntax> {
    let text = if text == "*" { ":" } else { text };
    let parts: Vec<&str> = text.split(':').collect();
    let is_number = |part: &str| part.strip_prefix('-').unwrap_or(part).bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(|part| is_number(part)) {
        return Err(Syntax::InvalidIndex(text.to_owned()));
    }
    let number = |at: usize| match parts.get(at) {
        None | Some(&"") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| Syntax::IndexNotNumber((*text).to_owned())),
    };
    let (from, to, step): (Option<i64>, _, _) = (number(0)?, number(1)?, number(2)?);
    let is_index = parts.len() == 1;
    // Also of no number at all, which is the first item.
    let to = if is_index { Some(from.unwrap_or(0).wrapping_add(1)) } else { to };
    Ok(Slice { from, to, is_index, step })
}

/// What a name or word ends before.
fn is_terminator(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}')
}
