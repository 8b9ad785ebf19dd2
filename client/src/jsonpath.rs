//! kubectl's JSONPath, as `kubectl get -o jsonpath=` takes and prints it.
//!
//! A template is text with expressions in braces: `{range .items[*]}{.metadata.name}{"\n"}{end}`.
//! The language is that of k8s.io/client-go `util/jsonpath`, with its surprises, and no RFC 9535:
//! a path needs no `$`, `\.` is a dot in a name, `['a.b']` are two names, there are literals, ranges and
//! templates, what is not there prints nothing, an index beyond the end is an error, an empty list under
//! `[*]` ends the expression, and integers and floats do not compare. So a library for the standard's JSONPath,
//! as the daemon has one for conditions, reads other paths and finds other things. What kubectl itself prints is
//! held in `client/tests/output/jsonpath.yaml`.
//!
//! It differs where kubectl is left to chance or stops by a fault of its own: the values of a map come in their keys'
//! order, and what a range finds at `null` has no items, where kubectl ends with a stack trace.
//!
//! Nothing here is unbounded: a template has [`MAX_LENGTH`], [`MAX_RANGES`] and [`MAX_STEPS`], a value
//! [`MAX_NESTING`]. What is written is limited by who gives the writer: an error that it returns ends the work.

mod compare;
mod error;
mod evaluate;
mod found;
mod node;
mod parse;
#[cfg(test)]
mod tests;
mod unquote;

use std::io::Write;

use serde_json::Value;

pub use self::error::{ExecuteError, ParseError, Syntax};
pub use self::found::Found;
use self::node::Node;
use crate::json;

/// The longest template, in bytes.
pub const MAX_LENGTH: usize = 128 * 1024;
/// How many values and nodes one execution may look at, if nothing else is said. The first list of a large
/// cluster, 150,000 objects, has some 200 for each.
pub const MAX_STEPS: u64 = 32_000_000;
/// How many ranges may be within each other.
pub const MAX_RANGES: usize = 64;
/// How deep a value may be nested that is printed or searched; serde_json reads none that is deeper than 128.
pub const MAX_NESTING: usize = 256;

/// A compiled template.
#[derive(Debug, Clone)]
pub struct Template {
    nodes: Vec<Node>,
    /// Whether a field that is not there is an error.
    strict: bool,
    /// Whether each expression is printed as a JSON list of what it finds.
    as_json: bool,
    /// Whether what the document holds must not act on a terminal.
    terminal: bool,
    steps: u64,
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// What is wrong with it and where, in kubectl's words.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let nodes = parse::template(text)?;
        Ok(Self { nodes, strict: false, as_json: false, terminal: false, steps: MAX_STEPS })
    }

    /// Compiles a single path, as [`relaxed`] takes it: what columns and sorting are given.
    ///
    /// # Errors
    /// As [`Template::parse`]; and if it is no path.
    pub fn path(text: &str) -> Result<Self, ParseError> {
        Self::parse(&relaxed(text)?)
    }

    /// A field that is not there is an error: kubectl's `--allow-missing-template-keys=false`.
    #[must_use]
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// Prints each expression as a list in JSON: kubectl's `-o jsonpath-as-json=`.
    #[must_use]
    pub fn json(self, as_json: bool) -> Self {
        Self { as_json, ..self }
    }

    /// Escapes what the document holds and what would act on a terminal. The template's own text stays as it is.
    #[must_use]
    pub fn for_terminal(self, terminal: bool) -> Self {
        Self { terminal, ..self }
    }

    /// Ends with an error after so many steps, for [`MAX_STEPS`].
    #[must_use]
    pub fn within(self, steps: u64) -> Self {
        Self { steps, ..self }
    }

    /// Writes what the template makes of `document`, which is an object, or the list that
    /// [`object_list::list`](crate::object_list::list) makes of several.
    ///
    /// # Errors
    /// In kubectl's words, if an expression does not fit the document; nothing is written then. And if a limit is
    /// reached, or `out` takes no more.
    pub fn execute(&self, document: &Value, out: &mut impl Write) -> Result<(), ExecuteError> {
        let all = self.find(document)?;
        for found in &all {
            match self.as_json {
                true => {
                    found::check_nesting(found)?;
                    json::pretty(out, &found.as_slice(), self.terminal)?;
                }
                false => self.print(found, out)?,
            }
        }
        Ok(())
    }

    /// What each of the template's parts finds: texts and expressions, and those of ranges as often as
    /// these go round.
    ///
    /// # Errors
    /// As [`Template::execute`].
    pub fn find<'a>(&'a self, document: &'a Value) -> Result<Vec<Vec<Found<'a>>>, ExecuteError> {
        evaluate::evaluate(&self.nodes, document, self.strict, self.steps)
    }

    /// Writes what one part has found, with blanks in between.
    fn print(&self, found: &[Found<'_>], out: &mut impl Write) -> Result<(), ExecuteError> {
        for (at, found) in found.iter().enumerate() {
            if at > 0 {
                out.write_all(b" ")?;
            }
            found.print(out, self.terminal)?;
        }
        Ok(())
    }
}

/// A path as a template: `metadata.name`, `.metadata.name` and `{metadata.name}` are `{.metadata.name}`
/// (k8s.io/kubectl `RelaxedJSONPathExpression`). A leading `$` is not left out, and finds nothing, as in kubectl.
///
/// # Errors
/// If there are more braces than those around it, or nothing is within.
pub fn relaxed(path: &str) -> Result<String, ParseError> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let inner = path.strip_prefix('{').and_then(|path| path.strip_suffix('}')).unwrap_or(path);
    let inner = inner.strip_prefix('.').filter(|path| !path.is_empty()).unwrap_or(inner);
    if inner.is_empty() || inner.contains(['{', '}']) {
        return Err(ParseError { syntax: Syntax::NoPath, at: 1 });
    }
    Ok(format!("{{.{inner}}}"))
}
