//! The names in an expression: whether each of them is one of something.

use std::fmt;
use std::sync::Arc;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::{Context, Env, ExecutionError, Value};

/// A name that nothing has.
#[derive(Debug)]
pub struct Unknown {
    /// The part of the expression that says it.
    pub id: u64,
    what: &'static str,
    name: String,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {}", self.what, self.name)
    }
}

/// The first name in the expression that nothing has, if there is one.
#[must_use]
pub fn unknown(expression: &IdedExpr, env: &Arc<Env>, variables: &[&str]) -> Option<Unknown> {
    let context = Context::with_env(Arc::clone(env));
    Names { env, variables, context, scope: Vec::new() }.expression(expression).err()
}

/// How deeply an expression is nested.
#[must_use]
pub fn depth(expression: &IdedExpr) -> usize {
    let deepest = |parts: &[&IdedExpr]| parts.iter().map(|part| depth(part)).max().unwrap_or(0);
    let below = match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => 0,
        Expr::Select(select) => depth(&select.operand),
        Expr::List(list) => list.elements.iter().map(depth).max().unwrap_or(0),
        Expr::Map(map) => map.entries.iter().map(|entry| of_entry(&entry.expr)).max().unwrap_or(0),
        Expr::Struct(structure) => structure.entries.iter().map(|entry| of_entry(&entry.expr)).max().unwrap_or(0),
        Expr::Comprehension(c) => deepest(&[&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result]),
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).map(depth).max().unwrap_or(0),
    };
    below + 1
}

fn of_entry(entry: &EntryExpr) -> usize {
    match entry {
        EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
        EntryExpr::StructField(field) => depth(&field.value),
    }
}

/// Walks through an expression, with what its macros have named so far.
struct Names<'a> {
    env: &'a Env,
    variables: &'a [&'a str],
    /// Knows the functions, and no variables.
    context: Context<'static, 'static>,
    scope: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn expression(&mut self, expression: &'a IdedExpr) -> Result<(), Unknown> {
        let unknown = |what, name: &str| Err(Unknown { id: expression.id, what, name: name.to_owned() });
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) if self.is_value(name) => Ok(()),
            Expr::Ident(name) => unknown("name", name),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::List(list) => self.all(&list.elements),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => self.all([&entry.key, &entry.value]),
                EntryExpr::StructField(field) => self.expression(&field.value),
            }),
            Expr::Struct(structure) => unknown("type", &structure.type_name),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Call(call) if !self.is_function(call) => unknown("function", &call.func_name),
            Expr::Call(call) => match &call.target {
                Some(target) if !self.is_namespace(target, call) => self.all([&**target].into_iter().chain(&call.args)),
                _ => self.all(&call.args),
            },
        }
    }

    fn all(&mut self, expressions: impl IntoIterator<Item = &'a IdedExpr>) -> Result<(), Unknown> {
        expressions.into_iter().try_for_each(|expression| self.expression(expression))
    }

    fn comprehension(&mut self, comprehension: &'a ComprehensionExpr) -> Result<(), Unknown> {
        self.all([&comprehension.iter_range, &comprehension.accu_init])?;
        let outer = self.scope.len();
        self.scope.extend([&*comprehension.iter_var, &*comprehension.accu_var]);
        self.scope.extend(comprehension.iter_var2.as_deref());
        self.all([&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result])?;
        self.scope.truncate(outer);
        Ok(())
    }

    fn is_value(&self, name: &str) -> bool {
        let absolute = name.strip_prefix('.');
        let is_local = absolute.is_none() && self.scope.contains(&name);
        let name = absolute.unwrap_or(name);
        is_local || self.variables.contains(&name) || self.env.types().find_type(name).is_some()
    }

    /// Whether there is such a function, or such a method of anything.
    fn is_function(&self, call: &CallExpr) -> bool {
        // Operators have names that are no identifiers.
        if !call.func_name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return true;
        }
        let null = || Box::new(IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Null) });
        self.is_declared(call, call.target.as_ref().map(|_| null()))
            || call.target.as_ref().is_some_and(|target| self.is_namespace(target, call))
    }

    /// Whether the target of a call is the first part of the function's name.
    fn is_namespace(&self, target: &IdedExpr, call: &CallExpr) -> bool {
        match &target.expr {
            Expr::Ident(name) if !self.is_value(name) => self.is_declared(call, Some(Box::new(target.clone()))),
            _ => false,
        }
    }

    /// Calls the function with nothing, which is an error: another one if the
    /// function is not there.
    fn is_declared(&self, call: &CallExpr, target: Option<Box<IdedExpr>>) -> bool {
        let call = CallExpr { func_name: call.func_name.clone(), target, args: Vec::new() };
        let call = IdedExpr { id: 0, expr: Expr::Call(call) };
        !matches!(Value::resolve_val(&call, &self.context), Err(ExecutionError::UndeclaredReference(_)))
    }
}
