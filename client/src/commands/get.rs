//! `daymark get`

use daymark::api::{Filter, Freshness, GetStatusRequest, ListStatusesRequest, ObjectRef, Status, Unreachable, View};
use daymark::{Client, Error, NOT_PERMITTED};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{follow, session};
use crate::args::{Format, Get, Global};
use crate::exit::{Exit, Failure, exit_of};
use crate::layout::Layout;
use crate::printer::Printer;
use crate::status_json::{FreshnessJson, StatusJson, UnreachableJson};
use crate::table::Columns;
use crate::targets::Selection;
use crate::{json, words, yaml};

/// What `get` was asked for.
pub struct Query<'a> {
    pub selection: Selection,
    pub cluster: &'a str,
    pub namespace: Option<&'a str>,
    pub args: &'a Get,
}

/// What was found.
#[derive(Default)]
struct Found {
    statuses: Vec<Status>,
    unreachable: Vec<Unreachable>,
    freshness: Option<Freshness>,
    /// Errors of single objects; the others are shown all the same.
    errors: Vec<Error>,
}

/// Shows objects, and goes on with what changes if asked to.
pub async fn run(global: &Global, args: &Get, printer: &mut Printer) -> Result<Exit, Failure> {
    let selection = Selection::parse(&args.words)?;
    if args.all_namespaces && matches!(selection, Selection::Objects(_)) {
        return Err(Failure::usage("objects cannot be named across all namespaces: leave out -A, or the names"));
    }
    let narrow = [&args.selector, &args.field_selector, &args.cel].iter().any(|it| !it.is_empty());
    let selects = narrow || !args.state.is_empty();
    if selects && matches!(selection, Selection::Objects(_)) {
        return Err(Failure::usage("objects are either named or selected: leave out the names, or the selectors"));
    }
    let namespace = session::namespace(global);
    let query = Query { selection, cluster: session::cluster(global), namespace, args };
    if args.watch {
        return follow::run(global, &query, printer).await;
    }
    let client = session::connect(global).await?;
    let found = fetch(&client, &query).await?;
    print(printer, &query, &found)?;
    printer.flush()?;
    report(&client, &query, &found, printer).await
}

impl Query<'_> {
    /// The objects, as the daemon is asked for them.
    pub fn filter(&self) -> Filter {
        Filter {
            cluster: self.cluster.to_owned(),
            label_selector: self.args.selector.clone(),
            field_selector: self.args.field_selector.clone(),
            cel: self.args.cel.clone(),
            states: self.args.state.iter().map(|state| words::selected(*state).into()).collect(),
            ..self.selection.filter(self.namespace, self.args.all_namespaces)
        }
    }

    /// The view that the output needs.
    pub fn view(&self) -> View {
        match self.args.output {
            Format::Json | Format::Yaml | Format::Ndjson => View::Full,
            Format::Table | Format::Wide | Format::Name | Format::StatusJson => View::Basic,
        }
    }

    /// The table's columns.
    pub fn columns(&self) -> Columns {
        Columns {
            namespaces: self.args.all_namespaces,
            kinds: self.selection.has_several_kinds(),
            wide: self.args.output == Format::Wide,
            header: !self.args.no_headers,
        }
    }

    /// The exit code when `unreachable` kinds leave nothing to show; `None`
    /// when something else was read.
    pub fn all_unreachable(&self, unreachable: &[Unreachable]) -> Option<Exit> {
        let asked = match &self.selection {
            Selection::Kinds(kinds) => kinds.len(),
            Selection::Objects(targets) => targets.len(),
        };
        // Of a kind that may not be seen everywhere something may.
        let unread = unreachable.iter().filter(|kind| kind.reason != NOT_PERMITTED);
        if unreachable.is_empty() || unread.count() < asked {
            return None;
        }
        let forbidden = unreachable.iter().all(|kind| kind.reason == "Forbidden");
        Some(if forbidden { Exit::NotPermitted } else { Exit::Unreachable })
    }
}

async fn fetch(client: &Client, query: &Query<'_>) -> Result<Found, Failure> {
    let view = query.view().into();
    let Selection::Objects(targets) = &query.selection else {
        let filter = Some(query.filter());
        let all = client.list_statuses(ListStatusesRequest { filter, view, ..Default::default() }).await?;
        let (statuses, unreachable, freshness) = (all.statuses, all.unreachable, all.freshness);
        return Ok(Found { statuses, unreachable, freshness, ..Found::default() });
    };
    let mut found = Found::default();
    for target in targets {
        let object = ObjectRef { cluster: query.cluster.to_owned(), ..target.object_ref(query.namespace) };
        let request = GetStatusRequest { r#ref: Some(object), view };
        match client.get_status(request).await {
            Ok(answer) => {
                found.statuses.extend(answer.status);
                found.freshness = answer.freshness;
            }
            Err(error) if is_of_one_object(&error) => found.errors.push(error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Whether the next object may well be there all the same.
fn is_of_one_object(error: &Error) -> bool {
    error.rpc().is_some() && matches!(exit_of(error), Exit::NotFound | Exit::NotPermitted | Exit::Usage)
}

fn print(printer: &mut Printer, query: &Query<'_>, found: &Found) -> Result<(), Failure> {
    let terminal = printer.on_terminal();
    let one = query.selection.is_one_object();
    if one && found.statuses.is_empty() {
        return Ok(());
    }
    match query.args.output {
        Format::Table | Format::Wide => table(printer, query, found)?,
        Format::Name => {
            for status in &found.statuses {
                printer.line(&crate::sanitize::line(&words::name(status)))?;
            }
        }
        Format::Ndjson => {
            for status in &found.statuses {
                json::line(printer.out(), &object(status)?, terminal)?;
            }
        }
        Format::Json if one => json::pretty(printer.out(), &object(&found.statuses[0])?, terminal)?,
        Format::Yaml if one => yaml::document(printer.out(), &object(&found.statuses[0])?, terminal)?,
        Format::Json => json::pretty(printer.out(), &List::of(&found.statuses), terminal)?,
        Format::Yaml => yaml::document(printer.out(), &List::of(&found.statuses), terminal)?,
        Format::StatusJson => json::pretty(printer.out(), &StatusList::from(found), terminal)?,
    }
    Ok(())
}

fn table(printer: &mut Printer, query: &Query<'_>, found: &Found) -> Result<(), Failure> {
    if found.statuses.is_empty() {
        return Ok(());
    }
    let columns = query.columns();
    let now = found.freshness.as_ref().and_then(|freshness| freshness.time.as_ref());
    let mut layout = Layout::default();
    let rows = columns.header().into_iter().chain(found.statuses.iter().map(|status| columns.row(status, now)));
    let rows: Vec<_> = rows.inspect(|row| layout.fit(row)).collect();
    for row in rows {
        let line = layout.line(&row).paint(printer);
        printer.line(&line)?;
    }
    Ok(())
}

/// Says on stderr what is missing above, and chooses the exit code.
async fn report(client: &Client, query: &Query<'_>, found: &Found, printer: &mut Printer) -> Result<Exit, Failure> {
    for kind in &found.unreachable {
        printer.problem(&session::unreachable(kind));
    }
    let mut errors = found.errors.iter();
    if let Some(first) = errors.next() {
        for error in errors {
            printer.problem(&error.to_string());
        }
        return Err(first.clone().into());
    }
    if !found.statuses.is_empty() {
        return Ok(Exit::Passed);
    }
    if let Some(exit) = query.all_unreachable(&found.unreachable) {
        return Err(Failure::new(exit, "nothing that was asked for can be read"));
    }
    let all = query.args.all_namespaces;
    let nothing = session::nothing_found(client, &query.selection, query.namespace, all).await;
    printer.note(&crate::sanitize::line(&nothing));
    Ok(Exit::Passed)
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
