//! What an expression makes of objects.

use daymark::api::Status;
use serde_json::Value;

use super::{Query, object};
use crate::custom_columns::CustomColumns;
use crate::exit::{Exit, Failure};
use crate::expression::{Evaluator, Program};
use crate::jsonpath::ExecuteError;
use crate::object_list;
use crate::output::{Language, Output};
use crate::printer::Printer;
use crate::sanitize;
use crate::tabwriter::TabWriter;

/// An expression, ready for objects.
pub enum Expressed {
    /// A table of one's own.
    Columns {
        columns: CustomColumns,
        writer: TabWriter,
        /// Rows that are not printed yet: all of them make the columns as wide as they are.
        rows: Vec<Vec<String>>,
    },
    /// A program that may take anything, in a process of its own.
    Program { evaluator: Box<Evaluator>, is_json: bool },
}

impl Expressed {
    /// The query's expression, for a `terminal` or not.
    ///
    /// # Errors
    /// If it is none; or there can be no process for it.
    pub async fn new(query: &Query<'_>, terminal: bool) -> Result<Self, Failure> {
        match &query.output {
            Output::Columns { text, is_file } => {
                let columns = if *is_file { CustomColumns::parse_file(text) } else { CustomColumns::parse(text) };
                let columns = columns.map_err(|error| Failure::usage(format!("-o custom-columns: {error}")))?;
                let rows = Vec::from_iter((!query.columns.no_headers).then(|| columns.headers()));
                Ok(Self::Columns { columns, writer: TabWriter::default(), rows })
            }
            Output::Expression(language, text) => {
                let program = program(*language, text.clone(), query, terminal);
                let is_json = match language {
                    Language::Jq => !query.raw,
                    Language::JsonPathAsJson => true,
                    Language::JsonPath | Language::GoTemplate => false,
                };
                Ok(Self::Program { evaluator: Box::new(Evaluator::start(&program).await?), is_json })
            }
            other => Err(Failure::new(Exit::Fault, format!("{other:?} is no expression"))),
        }
    }

    /// Prints what it makes of one document: an object, or a list of them.
    ///
    /// # Errors
    /// If it does not suit the document, or takes more than it may.
    pub async fn print(&mut self, printer: &mut Printer, json: &[u8]) -> Result<(), Failure> {
        let output = self.output(printer.on_terminal(), json).await?;
        self.write(printer, &output)
    }

    /// Prints what it makes of kubectl's list of objects.
    ///
    /// # Errors
    /// As [`Expressed::print`].
    pub async fn print_list(&mut self, printer: &mut Printer, statuses: &[Status]) -> Result<(), Failure> {
        let objects = statuses.iter().map(object).collect::<Result<_, _>>()?;
        let list = object_list::list(objects).to_string();
        self.print(printer, list.as_bytes()).await
    }

    /// The same in lines of its own, where documents come one after another.
    ///
    /// # Errors
    /// As [`Expressed::print`].
    pub async fn print_line(&mut self, printer: &mut Printer, json: &[u8]) -> Result<(), Failure> {
        let output = self.output(printer.on_terminal(), json).await?;
        self.write(printer, &output)?;
        if !output.is_empty() && !output.ends_with(b"\n") {
            printer.line("")?;
        }
        self.end(printer)
    }

    /// Prints what waits for more to come.
    ///
    /// # Errors
    /// If stdout takes no more.
    pub fn end(&mut self, printer: &mut Printer) -> Result<(), Failure> {
        if let Self::Columns { writer, rows, .. } = self {
            for line in writer.lines(&std::mem::take(rows)) {
                printer.line(&line)?;
            }
        }
        Ok(())
    }

    fn write(&self, printer: &mut Printer, output: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Program { is_json: true, .. } => printer.json_text(output)?,
            Self::Program { .. } | Self::Columns { .. } => printer.text(output)?,
        }
        Ok(())
    }

    async fn output(&mut self, terminal: bool, json: &[u8]) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Columns { columns, rows, .. } => {
                let row = columns.row(&document(json)?)?;
                match terminal {
                    true => rows.push(row.iter().map(|cell| sanitize::cell(cell).into_owned()).collect()),
                    false => rows.extend(raw(&row)),
                }
                Ok(Vec::new())
            }
            Self::Program { evaluator, .. } => {
                let output = evaluator.evaluate(json).await?;
                Ok(if terminal {
                    sanitize::text(&String::from_utf8_lossy(&output)).into_owned().into()
                } else {
                    output
                })
            }
        }
    }
}

/// The row as kubectl writes it, to whom a line break within a cell begins another row, and a tab another cell.
fn raw(row: &[String]) -> Vec<Vec<String>> {
    row.join("\t").split('\n').map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn program(language: Language, text: String, query: &Query<'_>, terminal: bool) -> Program {
    let strict = !query.allows_missing_keys;
    let as_json = language == Language::JsonPathAsJson;
    match language {
        Language::Jq => Program::Jq { expression: text, raw: query.raw },
        Language::GoTemplate => Program::GoTemplate { template: text, strict },
        Language::JsonPath | Language::JsonPathAsJson => {
            Program::JsonPath { template: text, strict, as_json, terminal }
        }
    }
}

fn document(json: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(json).map_err(|error| Failure::new(Exit::Fault, format!("an object is not JSON: {error}")))
}

impl From<ExecuteError> for Failure {
    fn from(error: ExecuteError) -> Self {
        Self::usage(format!("the JSONPath failed: {error}"))
    }
}
