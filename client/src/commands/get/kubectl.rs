//! The API server's own tables, laid out as kubectl lays them out.

use std::collections::BTreeMap;

use daymark::Client;
use daymark::api::{Filter, ListTablesRequest, Table, TableRow};
use serde_json::Value;

use super::{Found, Query, of_one_object};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::sanitize;
use crate::tabwriter::TabWriter;
use crate::targets::Selection;
use crate::words;

/// Shows what the API server would print.
pub async fn show(client: &Client, query: &Query<'_>, wide: bool, printer: &mut Printer) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut tables: Vec<Table> = Vec::new();
    let requests = match &query.selection {
        Selection::Kinds(_) => vec![query.filter()],
        Selection::Objects(targets) => {
            let named =
                targets.iter().map(|target| Filter { refs: vec![query.object_ref(target)], ..Filter::default() });
            named.collect()
        }
    };
    for filter in requests {
        match client.list_tables(ListTablesRequest { filter: Some(filter), ..Default::default() }).await {
            Ok(answer) => {
                found.unreachable.extend(answer.unreachable);
                answer.tables.into_iter().for_each(|table| add(&mut tables, table));
            }
            Err(error) if query.is_of_kinds() => return Err(error.into()),
            Err(error) => found.errors.push(of_one_object(error)?),
        }
    }
    tables.retain(|table| !table.rows.is_empty());
    found.shown = tables.iter().map(|table| table.rows.len()).sum();
    let kinds = query.selection.has_several_kinds();
    for (number, table) in tables.iter().enumerate() {
        if number > 0 {
            printer.line("")?;
        }
        print(printer, query, table, (wide, kinds))?;
    }
    Ok(found)
}

/// A table; one of the same columns goes on.
fn add(tables: &mut Vec<Table>, table: Table) {
    match tables.last_mut().filter(|last| last.kind == table.kind && last.columns == table.columns) {
        Some(last) => last.rows.extend(table.rows),
        None => tables.push(table),
    }
}

fn print(printer: &mut Printer, query: &Query<'_>, table: &Table, (wide, kinds): (bool, bool)) -> Result<(), Failure> {
    let mut lines = Vec::with_capacity(table.rows.len() + 1);
    if !query.columns.no_headers {
        lines.push(header(query, table, wide));
    }
    for row in &table.rows {
        lines.push(cells(query, table, row, (wide, kinds))?);
    }
    for line in TabWriter::default().lines(&lines) {
        printer.line(&line)?;
    }
    Ok(())
}

fn header(query: &Query<'_>, table: &Table, wide: bool) -> Vec<String> {
    let mut names = Vec::new();
    if query.shows_namespaces() && is_namespaced(table) {
        names.push("NAMESPACE".to_owned());
    }
    let shown = table.columns.iter().filter(|column| wide || column.priority == 0);
    names.extend(shown.map(|column| column.name.to_uppercase()));
    names.extend(query.columns.label_columns.iter().map(|label| crate::table::label_header(label)));
    if query.columns.show_labels {
        names.push("LABELS".to_owned());
    }
    names
}

fn cells(
    query: &Query<'_>,
    table: &Table,
    row: &TableRow,
    (wide, kinds): (bool, bool),
) -> Result<Vec<String>, Failure> {
    let object = row.r#ref.clone().unwrap_or_default();
    let values: Vec<Value> = serde_json::from_slice(&row.cells).map_err(|error| {
        Failure::new(Exit::Fault, format!("the table of {} has invalid cells: {error}", table.kind))
    })?;
    let mut cells = Vec::new();
    if query.shows_namespaces() && is_namespaced(table) {
        cells.push(object.namespace.clone());
    }
    for (column, value) in table.columns.iter().zip(&values).filter(|(column, _)| wide || column.priority == 0) {
        let text = text(value);
        let is_name = column.name.eq_ignore_ascii_case("name");
        cells.push(if kinds && is_name { words::object(&table.object_kind, &object) } else { text });
    }
    let labels = &query.columns.label_columns;
    cells.extend(labels.iter().map(|label| row.labels.get(label).cloned().unwrap_or_default()));
    if query.columns.show_labels {
        let labels: BTreeMap<_, _> = row.labels.iter().collect();
        cells.push(crate::table::all_labels(labels.into_iter().map(|(k, v)| (k.as_str(), v.as_str()))));
    }
    Ok(cells.iter().map(|cell| sanitize::cell(cell).into_owned()).collect())
}

/// A cell up to its first line break, as kubectl shows it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => match text.find(['\n', '\r', '\u{c}']) {
            Some(end) => format!("{}...", &text[..end]),
            None => text.clone(),
        },
        other => other.to_string(),
    }
}

fn is_namespaced(table: &Table) -> bool {
    table.rows.iter().any(|row| row.r#ref.as_ref().is_some_and(|object| !object.namespace.is_empty()))
}
