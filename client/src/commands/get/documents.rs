//! What is shown when all of it is there.

use daymark::api::Status;
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::expressed::Expressed;
use super::{Found, Query};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::printer::Printer;
use crate::status_json::{FreshnessJson, StatusJson, UnreachableJson};
use crate::{sanitize, words};

/// Prints what was found.
pub async fn print(printer: &mut Printer, query: &Query<'_>, found: &Found) -> Result<(), Failure> {
    let terminal = printer.on_terminal();
    let one = query.selection.is_one_object();
    if one && found.statuses.is_empty() {
        return Ok(());
    }
    match &query.output {
        Output::Table | Output::Wide | Output::Kubectl { .. } => table(printer, query, found)?,
        Output::Name => {
            for status in &found.statuses {
                printer.line(&sanitize::line(&words::name(status)))?;
            }
        }
        Output::Ndjson => {
            for status in &found.statuses {
                printer.json_line(&object(status)?)?;
            }
        }
        Output::Json if one => printer.json(&object(&found.statuses[0])?)?,
        Output::Yaml if one => printer.yaml(&object(&found.statuses[0])?)?,
        Output::Json => printer.json(&List::of(&found.statuses))?,
        Output::Yaml => printer.yaml(&List::of(&found.statuses))?,
        Output::StatusJson => printer.json(&StatusList::from(found))?,
        Output::Columns { .. } | Output::Expression(..) => {
            let mut expressed = Expressed::new(query, terminal).await?;
            if one || matches!(query.output, Output::Columns { .. }) {
                for status in &found.statuses {
                    expressed.print(printer, &status.object).await?;
                }
            } else {
                expressed.print_list(printer, &found.statuses).await?;
            }
            expressed.end(printer)?;
        }
    }
    Ok(())
}

fn table(printer: &mut Printer, query: &Query<'_>, found: &Found) -> Result<(), Failure> {
    if found.statuses.is_empty() {
        return Ok(());
    }
    let columns = query.columns();
    let now = found.freshness.as_ref().and_then(|freshness| freshness.time.as_ref());
    Ok(printer.table(columns.header(), found.statuses.iter().map(|status| columns.row(status, now)))?)
}

/// The Kubernetes object.
pub fn object(status: &Status) -> Result<Value, Failure> {
    serde_json::from_slice(&status.object)
        .map_err(|error| Failure::new(Exit::Fault, format!("{} came without its JSON: {error}", words::name(status))))
}

/// kubectl's list of objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    api_version: &'static str,
    items: Items<'a>,
    kind: &'static str,
    metadata: ListMetadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: &'static str,
}

/// Objects that are parsed one at a time: all at once would take many times
/// the memory of their text.
struct Items<'a>(&'a [Status]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(Some(self.0.len()))?;
        for status in self.0 {
            let object: Value = serde_json::from_slice(&status.object)
                .map_err(|error| S::Error::custom(format!("{}: {error}", words::name(status))))?;
            items.serialize_element(&object)?;
        }
        items.end()
    }
}

impl<'a> List<'a> {
    fn of(statuses: &'a [Status]) -> Self {
        let metadata = ListMetadata { resource_version: "" };
        Self { api_version: "v1", items: Items(statuses), kind: "List", metadata }
    }
}

/// Daymark's list of states.
#[derive(Serialize)]
struct StatusList<'a> {
    statuses: Vec<StatusJson<'a>>,
    unreachable: Vec<UnreachableJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freshness: Option<FreshnessJson<'a>>,
}

impl<'a> From<&'a Found> for StatusList<'a> {
    fn from(found: &'a Found) -> Self {
        Self {
            statuses: found.statuses.iter().map(StatusJson::from).collect(),
            unreachable: found.unreachable.iter().map(UnreachableJson::from).collect(),
            freshness: found.freshness.as_ref().map(FreshnessJson::from),
        }
    }
}
