//! kubectl's `-o custom-columns=`: what stands above the columns, and the paths of what stands in them
//! (k8s.io/kubectl `pkg/cmd/get/customcolumn.go`).

use serde_json::Value;

use crate::jsonpath::{ExecuteError, ParseError, Template};
use crate::sanitize;

/// What a cell without a value says.
const NONE: &str = "<none>";

/// The columns of a table.
#[derive(Debug, Clone)]
pub struct CustomColumns {
    columns: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Column {
    header: String,
    path: Template,
}

/// Why a text says no columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// Nothing is there.
    #[error("custom-columns format specified but no custom columns given")]
    Empty,
    /// A column has no `:`.
    #[error("unexpected custom-columns spec: {}, expected <header>:<json-path-expr>", sanitize::line(.0))]
    NoPath(String),
    /// A column's path is none.
    #[error("column {}: {error}", sanitize::line(header))]
    Path {
        /// What is to stand above the column.
        header: String,
        /// What is wrong.
        #[source]
        error: ParseError,
    },
    /// The file has no first line.
    #[error(
        "invalid template, missing header line. Expected format is one line of space separated headers, \
         one line of space separated column specs."
    )]
    NoHeaderLine,
    /// The file has no second line.
    #[error(
        "invalid template, missing spec line. Expected format is one line of space separated headers, \
         one line of space separated column specs."
    )]
    NoPathLine,
    /// The file's lines are of different lengths.
    #[error("number of headers ({headers}) and field specifications ({paths}) don't match")]
    Unequal {
        /// How many headers there are.
        headers: usize,
        /// How many paths there are.
        paths: usize,
    },
}

impl CustomColumns {
    /// Reads `NAME:.metadata.name,PHASE:.status.phase`.
    ///
    /// # Errors
    /// If a column is none.
    pub fn parse(text: &str) -> Result<Self, ColumnsError> {
        if text.is_empty() {
            return Err(ColumnsError::Empty);
        }
        let column = |text: &str| {
            let (header, path) = text.split_once(':').ok_or_else(|| ColumnsError::NoPath(text.to_owned()))?;
            Column::new(header, path)
        };
        Ok(Self { columns: text.split(',').map(column).collect::<Result<_, _>>()? })
    }

    /// Reads what a file holds: a line of headers, and a line of paths, with white space in between.
    ///
    /// # Errors
    /// If a line or a column is missing, or a path is none.
    pub fn parse_file(text: &str) -> Result<Self, ColumnsError> {
        let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let headers = lines.next().ok_or(ColumnsError::NoHeaderLine)?;
        let paths = lines.next().ok_or(ColumnsError::NoPathLine)?;
        if headers.len() != paths.len() {
            return Err(ColumnsError::Unequal { headers: headers.len(), paths: paths.len() });
        }
        let column = |(header, path): (&str, &str)| Column::new(header, path);
        Ok(Self { columns: headers.into_iter().zip(paths).map(column).collect::<Result<_, _>>()? })
    }

    /// What stands above the columns.
    pub fn headers(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.header.clone()).collect()
    }

    /// What stands in the columns for `object`. It may hold line breaks, and what acts on a terminal: who shows it
    /// escapes it.
    ///
    /// # Errors
    /// If a path does not fit the object, or takes too much.
    pub fn row(&self, object: &Value) -> Result<Vec<String>, ExecuteError> {
        self.columns.iter().map(|column| column.cell(object)).collect()
    }
}

impl Column {
    fn new(header: &str, path: &str) -> Result<Self, ColumnsError> {
        match Template::path(path) {
            Ok(path) => Ok(Self { header: header.to_owned(), path }),
            Err(error) => Err(ColumnsError::Path { header: header.to_owned(), error }),
        }
    }

    fn cell(&self, object: &Value) -> Result<String, ExecuteError> {
        let found = self.path.find(object)?;
        let mut values = Vec::new();
        if found.first().is_none_or(Vec::is_empty) {
            values.push(NONE.to_owned());
        }
        for found in found.into_iter().flatten() {
            values.push(escaped(&found.to_go_text()?));
        }
        Ok(values.join(","))
    }
}

/// What kubectl replaces wherever it prints to (k8s.io/cli-runtime `printers.EscapeTerminal`).
fn escaped(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output_cases::{self, Case};

    /// Lays a table out as kubectl does (k8s.io/cli-runtime `printers.GetNewTabWriter`).
    fn laid_out(rows: &[Vec<String>]) -> String {
        let width = |at: usize| rows.iter().map(|row| row[at].chars().count() + 3).max().unwrap_or(0).max(6);
        let mut text = String::new();
        for row in rows {
            for (at, cell) in row.iter().enumerate() {
                let width = if at + 1 < row.len() { width(at) } else { 0 };
                text.push_str(&format!("{cell:width$}"));
            }
            text.push('\n');
        }
        text
    }

    fn printed(case: &Case) -> Result<String, String> {
        let columns = match &*case.language {
            "custom-columns" => CustomColumns::parse(&case.template),
            _ => CustomColumns::parse_file(&case.template),
        };
        let columns = columns.map_err(|error| match error {
            ColumnsError::Path { error, .. } => error.syntax.to_string(),
            other => other.to_string(),
        })?;
        let mut rows = vec![columns.headers()];
        for object in case.objects() {
            rows.push(columns.row(&object).map_err(|error| error.to_string())?);
        }
        Ok(laid_out(&rows))
    }

    #[test]
    fn they_are_kubectls() {
        for case in output_cases::read("custom-columns.yaml") {
            case.hold(printed(&case));
        }
    }

    #[test]
    fn what_is_wrong_says_of_which_column_and_where() {
        let error = CustomColumns::parse("NAME:.metadata.name,IP:.status.podIPs[0").unwrap_err();
        assert_eq!(error.to_string(), "column IP: unterminated array, at character 16");
    }
}
