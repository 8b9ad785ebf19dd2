//! From a template's text to its tokens, as Go's `text/template/parse` cuts it.

use super::node::Place;
use super::quote::is_printable;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParenthesis,
    RightParenthesis,
    /// A character that means something only in its place, such as a comma.
    Char,
    Identifier,
    Bool,
    Field,
    Variable,
    Number,
    CharConstant,
    String,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    EndControl,
    If,
    Range,
    Template,
    With,
    /// What is no token: [`Tokens::problem`] tells why. Nothing follows it.
    Error,
    End,
}

/// A piece of a template.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub kind: Kind,
    pub place: Place,
    pub text: &'a str,
}

/// All of a template. The last token is an [`End`](Kind::End) or an
/// [`Error`](Kind::Error).
#[derive(Debug)]
pub struct Tokens<'a> {
    pub tokens: Vec<Token<'a>>,
    /// What is wrong, if the last one is an error.
    pub problem: String,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// Cuts `text` into tokens.
pub fn lex(text: &str) -> Tokens<'_> {
    let mut lexer = Lexer { text, start: 0, at: 0, open: 0, tokens: Vec::new() };
    let problem = match lexer.run() {
        Ok(()) => {
            lexer.emit(Kind::End);
            String::new()
        }
        Err(problem) => {
            lexer.tokens.push(Token { kind: Kind::Error, place: lexer.start, text: "" });
            problem
        }
    };
    Tokens { tokens: lexer.tokens, problem }
}

struct Lexer<'a> {
    text: &'a str,
    /// Where the token begins that is being read.
    start: Place,
    at: Place,
    /// How many parentheses are open.
    open: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(before) = self.rest().find(LEFT) {
            let text_end = self.at + before;
            let behind = &self.text[text_end + LEFT.len()..];
            let trims = behind.starts_with('-') && behind[1..].starts_with(SPACES);
            let text = &self.text[self.at..text_end];
            let kept = if trims { text.trim_end_matches(SPACES) } else { text };
            self.at += kept.len();
            if !kept.is_empty() {
                self.emit(Kind::Text);
            }
            self.at = text_end;
            self.start = text_end;
            let marker = usize::from(trims) * 2;
            if behind[marker..].starts_with("/*") {
                self.at += LEFT.len() + marker;
                self.comment()?;
            } else {
                self.at += LEFT.len();
                self.emit(Kind::LeftDelimiter);
                self.skip(marker);
                self.action()?;
            }
        }
        self.at = self.text.len();
        if self.start < self.at {
            self.emit(Kind::Text);
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn emit(&mut self, kind: Kind) {
        self.tokens.push(Token { kind, place: self.start, text: &self.text[self.start..self.at] });
        self.start = self.at;
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.start = self.at;
    }

    fn next(&mut self) -> Option<char> {
        let char = self.rest().chars().next()?;
        self.at += char.len_utf8();
        Some(char)
    }

    fn take(&mut self, accepted: impl Fn(char) -> bool) -> bool {
        let taken = self.rest().chars().next().filter(|char| accepted(*char));
        self.at += taken.map_or(0, char::len_utf8);
        taken.is_some()
    }

    fn take_all(&mut self, accepted: impl Fn(char) -> bool) {
        while self.take(&accepted) {}
    }

    /// The length of what ends an action, if that is next, and whether it trims.
    fn right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        let trims = rest.strip_prefix(SPACES).and_then(|rest| rest.strip_prefix('-'));
        if trims.is_some_and(|rest| rest.starts_with(RIGHT)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn comment(&mut self) -> Result<(), String> {
        let end = self.rest().find("*/").ok_or("unclosed comment")?;
        self.at += end + 2;
        let trims = self.right_delimiter().ok_or("comment ends before closing delimiter")?;
        self.close(trims);
        Ok(())
    }

    /// Goes behind an action or a comment.
    fn close(&mut self, trims: bool) {
        let rest = &self.rest()[usize::from(trims) * 2 + RIGHT.len()..];
        let spaces = if trims { rest.len() - rest.trim_start_matches(SPACES).len() } else { 0 };
        let bytes = self.text.len() - self.at - rest.len() + spaces;
        self.skip(bytes);
    }

    fn action(&mut self) -> Result<(), String> {
        self.open = 0;
        loop {
            if let Some(trims) = self.right_delimiter() {
                if self.open > 0 {
                    return Err("unclosed left paren".into());
                }
                let start = self.at + usize::from(trims) * 2;
                let text = &self.text[start..start + RIGHT.len()];
                self.tokens.push(Token { kind: Kind::RightDelimiter, place: start, text });
                self.close(trims);
                return Ok(());
            }
            let kind = self.word()?;
            self.emit(kind);
        }
    }

    fn word(&mut self) -> Result<Kind, String> {
        let char = self.next().ok_or("unclosed action")?;
        match char {
            char if SPACES.contains(&char) => Ok(self.space()),
            '=' => Ok(Kind::Assign),
            ':' if self.take(|char| char == '=') => Ok(Kind::Declare),
            ':' => Err("expected :=".into()),
            '|' => Ok(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => {
                let end = self.rest().find('`').ok_or("unterminated raw quoted string")?;
                self.at += end + 1;
                Ok(Kind::String)
            }
            '$' => self.name(Kind::Variable, Kind::Variable),
            '.' if !self.rest().starts_with(|char: char| char.is_ascii_digit()) => self.name(Kind::Field, Kind::Dot),
            '.' | '+' | '-' | '0'..='9' => self.number(),
            char if is_alphanumeric(char) => self.identifier(),
            '(' => {
                self.open += 1;
                Ok(Kind::LeftParenthesis)
            }
            ')' => {
                self.open = self.open.checked_sub(1).ok_or("unexpected right paren")?;
                Ok(Kind::RightParenthesis)
            }
            ' '..='~' => Ok(Kind::Char),
            char => Err(format!("unrecognized character in action: {}", code_point(char))),
        }
    }

    /// All blanks but one that belongs to what ends the action.
    fn space(&mut self) -> Kind {
        while self.right_delimiter().is_none() && self.take(|char| SPACES.contains(&char)) {}
        Kind::Space
    }

    fn quoted(&mut self, quote: char, kind: Kind, unterminated: &str) -> Result<Kind, String> {
        loop {
            match self.next() {
                Some('\\') if self.take(|char| char != '\n') => {}
                Some('\\' | '\n') | None => return Err(unterminated.into()),
                Some(char) if char == quote => return Ok(kind),
                Some(_) => {}
            }
        }
    }

    /// A field or a variable, or `alone` if no name follows its first character.
    fn name(&mut self, kind: Kind, alone: Kind) -> Result<Kind, String> {
        if self.is_at_terminator() {
            return Ok(alone);
        }
        self.take_all(is_alphanumeric);
        self.terminated()?;
        Ok(kind)
    }

    fn identifier(&mut self) -> Result<Kind, String> {
        self.take_all(is_alphanumeric);
        self.terminated()?;
        Ok(match &self.text[self.start..self.at] {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            "block" => Kind::Block,
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::EndControl,
            "if" => Kind::If,
            "range" => Kind::Range,
            "template" => Kind::Template,
            "with" => Kind::With,
            _ => Kind::Identifier,
        })
    }

    fn terminated(&self) -> Result<(), String> {
        match self.rest().chars().next() {
            Some(char) if !self.is_at_terminator() => Err(format!("bad character {}", code_point(char))),
            _ => Ok(()),
        }
    }

    fn is_at_terminator(&self) -> bool {
        let rest = self.rest();
        let ends = |char: char| SPACES.contains(&char) || matches!(char, '.' | ',' | '|' | ':' | ')' | '(');
        rest.is_empty() || rest.starts_with(ends) || rest.starts_with(RIGHT)
    }

    fn number(&mut self) -> Result<Kind, String> {
        self.at = self.start;
        self.take(is_sign);
        let mut digits: fn(char) -> bool = |char| char.is_ascii_digit() || char == '_';
        let mut exponent: fn(char) -> bool = |char| matches!(char, 'e' | 'E');
        if self.take(|char| char == '0') {
            if self.take(|char| matches!(char, 'x' | 'X')) {
                digits = |char| char.is_ascii_hexdigit() || char == '_';
                exponent = |char| matches!(char, 'p' | 'P');
            } else if self.take(|char| matches!(char, 'o' | 'O' | 'b' | 'B')) {
                exponent = |_| false;
            }
        }
        self.take_all(digits);
        if self.take(|char| char == '.') {
            self.take_all(digits);
        }
        if self.take(exponent) {
            self.take(is_sign);
            self.take_all(|char| char.is_ascii_digit() || char == '_');
        }
        if self.take(is_alphanumeric) || self.rest().starts_with(is_sign) {
            return Err(format!("bad number syntax: {:?}", &self.text[self.start..self.at]));
        }
        Ok(Kind::Number)
    }
}

fn is_sign(char: char) -> bool {
    matches!(char, '+' | '-')
}

fn is_alphanumeric(char: char) -> bool {
    char == '_' || char.is_alphanumeric()
}

fn code_point(char: char) -> String {
    let shown = if is_printable(char) { format!(" '{char}'") } else { String::new() };
    format!("U+{:04X}{shown}", u32::from(char))
}
