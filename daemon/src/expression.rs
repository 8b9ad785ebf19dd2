//! Expressions in CEL over an object: compiled, and what they say.
//!
//! CEL always ends, but it has no limit of cost: whoever compiles an expression
//! decides where it may be evaluated.

mod names;
mod values;

use std::fmt;
use std::sync::Arc;

use cel::common::ast::SourceInfo;
use cel::common::types::{CelBool, CelList, CelNull, CelString};
use cel::common::value::Val;
use cel::{Context, DeclarationError, Env, ParseErrors, Value, extensions};

/// The longest message about an expression, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Compiles expressions.
pub struct Compiler {
    env: Arc<Env>,
    variables: &'static [&'static str],
}

/// A compiled expression.
pub struct Program {
    program: cel::Program,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler").field("variables", &self.variables).finish_non_exhaustive()
    }
}

/// What expressions are evaluated with: an object, and texts.
pub struct Scope<'a>(Context<'a, 'a>);

impl Compiler {
    /// Knows CEL's standard library and, as Kubernetes does, its functions for
    /// strings; expressions can ask about `variables`.
    ///
    /// # Errors
    /// If one of the functions is there twice.
    pub fn new(variables: &'static [&'static str]) -> Result<Self, DeclarationError> {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings)?;
        Ok(Self { env: Arc::new(env), variables })
    }

    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it and where, in one line.
    pub fn compile(&self, expression: &str) -> Result<Program, String> {
        let program = self.env.compile(expression).map_err(|errors| first(expression, &errors))?;
        // A name that is none would be an error for every document, and so the
        // expression true of none: nobody would be told.
        if let Some(unknown) = names::unknown(program.expression(), &self.env, self.variables) {
            let at = place(program.source_info(), unknown.id);
            return Err(message(expression, &unknown.to_string(), at));
        }
        Ok(Program { program })
    }

    /// A scope with what that JSON says under that name.
    ///
    /// # Errors
    /// If it is no JSON, or nested too deeply.
    pub fn scope<'a>(&self, name: &'static str, json: &'a [u8]) -> Result<Scope<'a>, serde_json::Error> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.add_variable_as_val(name, values::read(json)?);
        Ok(Scope(context))
    }
}

impl<'a> Scope<'a> {
    /// The same, with a text besides.
    #[must_use]
    pub fn with_text(mut self, name: &'static str, text: &'a str) -> Self {
        self.0.add_variable_as_val(name, Box::new(CelString::from(text)));
        self
    }
}

impl Program {
    /// Whether the expression is true. It is not if it is no `bool` or an error,
    /// such as for a field that is not there.
    #[must_use]
    pub fn holds(&self, scope: &Scope<'_>) -> bool {
        let result = Value::resolve_val(self.program.expression(), &scope.0);
        result.is_ok_and(|value| value.downcast_ref::<CelBool>().is_some_and(|holds| *holds.inner()))
    }

    /// The text that the expression is, if it is one, and no error.
    #[must_use]
    pub fn text(&self, scope: &Scope<'_>) -> Option<String> {
        let value = Value::resolve_val(self.program.expression(), &scope.0).ok()?;
        value.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned())
    }

    /// The texts that the expression is: a list of them, one, or `null` for none. `None` if it
    /// is anything else, or an error.
    #[must_use]
    pub fn texts(&self, scope: &Scope<'_>) -> Option<Vec<String>> {
        let value = Value::resolve_val(self.program.expression(), &scope.0).ok()?;
        if value.downcast_ref::<CelNull>().is_some() {
            return Some(Vec::new());
        }
        if let Some(text) = value.downcast_ref::<CelString<'_>>() {
            return Some(vec![text.inner().to_owned()]);
        }
        let list = value.downcast_ref::<CelList<'_>>()?;
        let text = |text: &dyn Val| text.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned());
        list.inner().iter().map(|value| text(&**value)).collect()
    }

    /// How deeply the expression is nested.
    #[must_use]
    pub fn depth(&self) -> usize {
        names::depth(self.program.expression())
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
