//! An expression, compiled, and what it says of a document.

use std::sync::Arc;

use cel::common::ast::SourceInfo;
use cel::common::types::{CelBool, CelString};
use cel::{Context, DeclarationError, Env, ParseErrors, Value, extensions};

use super::{Document, names, values};

/// The longest message about an expression, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Compiles expressions.
pub struct Compiler {
    env: Arc<Env>,
}

/// A compiled expression.
pub struct Program {
    env: Arc<Env>,
    program: cel::Program,
}

impl Compiler {
    /// Knows CEL's standard library and, as Kubernetes does, its functions for
    /// strings.
    ///
    /// # Errors
    /// If one of the functions is there twice.
    pub fn new() -> Result<Self, DeclarationError> {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings)?;
        Ok(Self { env: Arc::new(env) })
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it and where, in one line.
    pub fn compile(&self, expression: &str) -> Result<Program, String> {
        let program = self.env.compile(expression).map_err(|errors| first(expression, &errors))?;
        // A name that is none would be an error for every document, and so the
        // expression true of none: nobody would be told.
        if let Some(unknown) = names::unknown(program.expression(), &self.env) {
            let at = place(program.source_info(), unknown.id);
            return Err(message(expression, &unknown.to_string(), at));
        }
        Ok(Program { env: Arc::clone(&self.env), program })
    }
}

impl Program {
    /// Whether the expression is true of a document. It is not if it is no
    /// `bool` or an error, such as for a field that is not there.
    #[must_use]
    pub fn holds(&self, document: &Document<'_>) -> bool {
        let Ok(object) = values::read(document.json) else { return false };
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.add_variable_as_val("object", object);
        context.add_variable_as_val("state", Box::new(CelString::from(document.state)));
        context.add_variable_as_val("reason", Box::new(CelString::from(document.reason)));
        let result = Value::resolve_val(self.program.expression(), &context);
        result.is_ok_and(|value| value.downcast_ref::<CelBool>().is_some_and(|holds| *holds.inner()))
    }
}

/// The first error: the others are its consequences.
fn first(expression: &str, errors: &ParseErrors) -> String {
    let Some(error) = errors.errors.first() else { return "no expression".into() };
    // The parser wraps what it says of that.
    if error.msg.contains("Recursion limit") {
        return "nested too deeply".into();
    }
    let text = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    // Nearly everything can be expected nearly everywhere.
    let text = text.split(" expecting {").next().unwrap_or(text);
    let (line, column) = error.pos;
    let place = usize::try_from(line).ok().zip(usize::try_from(column).ok());
    message(expression, text, place.filter(|(line, _)| *line > 0))
}

/// The line and the character in it, from 1, where a part of the source begins.
fn place(source: &SourceInfo, id: u64) -> Option<(usize, usize)> {
    let (start, _) = source.offset_for(id)?;
    let before = source.source.get(..start as usize)?;
    let line = before.split('\n').count();
    let column = before.rsplit('\n').next()?.chars().count() + 1;
    Some((line, column))
}

/// One line, and not a long one.
fn message(expression: &str, what: &str, place: Option<(usize, usize)>) -> String {
    // It quotes the expression.
    let no_text = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<_> = what.split(no_text).filter(|word| !word.is_empty()).collect();
    let what: String = words.join(" ").chars().take(LONGEST_MESSAGE).collect();
    match place {
        None => what,
        Some((_, column)) if !expression.contains('\n') => format!("{what} at character {column}"),
        Some((line, column)) => format!("{what} at line {line}, character {column}"),
    }
}
