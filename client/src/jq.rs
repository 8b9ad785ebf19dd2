//! jq programs, as `-o jq=` takes them: the language of jq by the crates of jaq.
//!
//! A program sees one document and nothing else: there is no `input`, `env`, `halt`,
//! `debug` or `stderr` here, and no modules. It still can take any time and memory, so
//! it runs in a process of its own (see `expression`).
//!
//! It differs from jq where jaq does (its README tells): a number that is computed
//! stands with its fraction in a string (`"\(4 / 2)"` is `2.0`), and nothing can be assigned
//! below what is not there (`.a.b = 1`). `defs.jq` makes good for some of what jaq
//! defines otherwise, or not at all.

use std::io::{self, Write};

use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader, lex, parse};
use jaq_core::{Compiler, Ctx, Filter, Vars, compile};
use jaq_json::{Val, read};

mod output;

/// What a program is given besides its document: nothing.
type Data = JustLut<Val>;
/// Functions that reach out of a program: to the process, its environment, and what it says on stderr.
const WITHOUT: [&str; 8] =
    ["env", "halt", "halt_error", "debug", "debug_empty", "stderr", "stderr_empty", "input_line_number"];
/// A message can hold a document. As many of its characters are told.
const MESSAGE: usize = 300;

/// A program, compiled.
pub struct Program {
    filter: Filter<Data>,
    raw: bool,
}

/// A text that is no program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ProgramError {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// A program that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The document is no JSON.
    #[error("the document is not JSON: {0}")]
    Document(String),
    /// An error that nothing in the program catches.
    #[error("{0}")]
    Failed(String),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

impl Program {
    /// Compiles a program. If `raw`, texts are written without quotes, as by `jq -r`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn compile(text: &str, raw: bool) -> Result<Self, ProgramError> {
        let own = load::parse(include_str!("jq/defs.jq"), |parser| parser.defs()).unwrap_or_default();
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let definitions = definitions.filter(|definition| !WITHOUT.contains(&definition.name)).chain(own);
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let functions = functions.filter(|(name, ..)| !WITHOUT.contains(name));
        let arena = Arena::default();
        let loaded = Loader::new(definitions).load(&arena, File { code: text, path: () });
        let modules = loaded.map_err(|errors| {
            let error = errors.into_iter().next().map(|(_, error)| error);
            error.map_or_else(|| at(text, text, "it cannot be read".into()), |error| not_loaded(text, error))
        })?;
        let compiled = Compiler::default().with_funs(functions).compile(modules);
        let filter = compiled.map_err(|errors| {
            let error = errors.into_iter().flat_map(|(_, errors)| errors).next();
            error.map_or_else(|| at(text, text, "it cannot be compiled".into()), |error| undefined(text, &error))
        })?;
        Ok(Self { filter, raw })
    }

    /// Runs it on one document. Each of its outputs is written as jq does: over several
    /// lines, two blanks a level.
    ///
    /// # Errors
    /// If the document is no JSON, an error is not caught, or nothing can be written.
    /// What was written before stays.
    pub fn run(&self, document: &[u8], out: &mut impl Write) -> Result<(), RunError> {
        let input = read::parse_single(document).map_err(|error| RunError::Document(error.to_string()))?;
        let context = Ctx::<Data>::new(&self.filter.lut, Vars::new([]));
        for result in self.filter.id.run((context, input)) {
            match result.map_err(|exception| exception.get_err()) {
                Ok(Val::TStr(text)) if self.raw => {
                    out.write_all(&text)?;
                    out.write_all(b"\n")?;
                }
                Ok(value) => output::write(out, &value)?,
                Err(Ok(error)) => return Err(RunError::Failed(shortened(error.into_val()))),
                Err(Err(_)) => return Err(RunError::Failed("it ends unexpectedly".into())),
            }
        }
        Ok(())
    }
}

/// An error's value: a message, or what else a program makes an error of.
fn shortened(value: Val) -> String {
    let message = match value {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        value => format!("{value} (not a string)"),
    };
    match message.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message,
    }
}

fn not_loaded(text: &str, error: load::Error<&str>) -> ProgramError {
    match error {
        load::Error::Io(modules) => {
            at(text, modules.first().map_or(text, |(module, _)| module), "modules are not supported".into())
        }
        load::Error::Lex(errors) => match errors.into_iter().next() {
            Some((expected, found)) => at(text, found, lexed(&expected, found)),
            None => at(text, text, "it cannot be read".into()),
        },
        load::Error::Parse(errors) => match errors.into_iter().next() {
            Some((expected, found)) => at(text, found, parsed(&expected, found)),
            None => at(text, text, "it cannot be read".into()),
        },
    }
}

fn lexed(expected: &lex::Expect<&str>, found: &str) -> String {
    match expected {
        lex::Expect::Delim(open) => format!("{open} is not closed"),
        expected => format!("expected {}, found {}", expected.as_str(), shown(found)),
    }
}

fn parsed(expected: &parse::Expect<&str>, found: &str) -> String {
    match expected {
        parse::Expect::Nothing => format!("unexpected {}", shown(found)),
        expected => format!("expected {}, found {}", expected.as_str(), shown(found)),
    }
}

fn undefined(text: &str, (name, kind): &compile::Error<&str>) -> ProgramError {
    let arity = match kind {
        compile::Undefined::Filter(arity) => format!("/{arity}"),
        _ => String::new(),
    };
    at(text, name, format!("{} {name}{arity} is not defined", kind.as_str()))
}

/// The beginning of what is not expected.
fn shown(found: &str) -> String {
    match found.split_whitespace().next() {
        Some(word) => format!("{:?}", word.chars().take(20).collect::<String>()),
        None => "the end".into(),
    }
}

/// An error at `part`, which is a part of `text`.
fn at(text: &str, part: &str, message: String) -> ProgramError {
    let offset = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    let before = offset.and_then(|offset| text.get(..offset)).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    ProgramError { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1, message }
}

#[cfg(test)]
mod tests;
