//! Go templates, as kubectl's `-o go-template=` takes them: Go's package
//! `text/template`, and kubectl's functions `exists` and `base64decode`.
//!
//! The language is written anew here. The crate `gotmpl` (0.6.1) was tried with 162
//! templates whose output kubectl gave: it takes templates that are unfinished
//! (`{{if .x}}` without its end) or end too early, tells no places of failures, prints
//! large numbers without their exponents, lacks `%T`, and differs in more verbs. The
//! rules of the modules below are those of Go 1.26, whose files they name.
//!
//! It differs from kubectl in little: complex numbers are not known, and a failure
//! tells the type that a value has where Go only knows `interface {}`.

mod compare;
mod error;
mod escape;
mod execute;
mod float;
mod format;
mod functions;
mod lexer;
mod node;
mod number;
mod operand;
mod parser;
mod pipeline;
mod printf;
mod quote;
mod value;

use std::collections::BTreeMap;
use std::io::Write;

pub use error::{ExecuteError, ParseError};
use node::Nodes;
pub use value::Value;

/// What a text defines, by names.
type Templates = BTreeMap<Box<str>, Nodes>;

/// A template, and those that it defines.
#[derive(Debug)]
pub struct Template {
    text: String,
    templates: Templates,
    /// Whether a key that is not there is an error.
    strict: bool,
}

impl Template {
    /// What kubectl calls the template that it is given.
    const NAME: &'static str = "output";

    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, and in which line.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self { text: text.to_owned(), templates: parser::parse(text, Self::NAME)?, strict: false })
    }

    /// A key that is not there is an error: kubectl's `--allow-missing-template-keys=false`.
    #[must_use]
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Writes what it makes of a document. A key that is not there is `<no value>`,
    /// unless that is an error.
    ///
    /// # Errors
    /// If something in it does not suit the document, or nothing can be written.
    /// What was written before stays.
    pub fn execute(&self, document: &Value, out: &mut impl Write) -> Result<(), ExecuteError> {
        execute::execute(self, document, out)
    }
}

#[cfg(test)]
mod tests;
