//! `TableService`: what the API server would print.

use std::sync::Arc;

use bytes::Bytes;
use daymark_proto::v1::table_service_server::TableService;
use daymark_proto::v1::{Filter, ListTablesRequest, ListTablesResponse, ObjectRef, Table, TableColumn, TableRow};
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::convert::View;
use super::error::{Reason, status, unreadable};
use super::rights::Use;
use super::status_service::{invalid_page, not_found, page_size};
use crate::cache::Cache;
use crate::record::{Key, Uid};
use crate::source::ProblemReason;
use crate::source::table::{Row, Wanted};
use crate::subscription::{Scope, Selection, Visible};

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

/// Objects that one read gives.
struct Part {
    /// The place of their cache in the selection.
    cache: usize,
    namespace: Option<Arc<str>>,
    /// The only object, and its UID if only that one is meant.
    named: Option<(Key, Option<Uid>)>,
}

/// What a page is asked of.
struct Page<'a> {
    selection: &'a Selection,
    filter: &'a Filter,
    size: usize,
    tables: Vec<Table>,
    rows: usize,
}

#[tonic::async_trait]
impl TableService for Handler {
    async fn list_tables(&self, request: Request<ListTablesRequest>) -> Result<Response<ListTablesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let filter = request.filter.unwrap_or_default();
        if !filter.states.is_empty() || !filter.cel.is_empty() {
            return Err(invalid("the API server's tables are not selected by states or cel"));
        }
        if self.served.source.is_replay() {
            let message = "a recording has no API server that prints tables";
            return Err(status(Code::FailedPrecondition, Reason::NoApiServer, message, []));
        }
        // The fields are the API server's own.
        let selected = Filter { field_selector: String::new(), ..filter.clone() };
        let selection = self.served.select(&selected).await?;
        let (sight, unreachable) = match &selection.scope {
            Scope::Named(_) => (self.served.sight(&caller, &selection, Use::Read, View::Full).await?, Vec::new()),
            _ => self.served.seen(&caller, &selection, Use::Read, View::Full).await?,
        };
        let parts = parts(&selection, &sight.visible);
        let size = page_size(request.page_size)?;
        let (first, token) = start(&request.page_token, &parts)?;
        let mut page = Page { selection: &selection, filter: &filter, size, tables: Vec::new(), rows: 0 };
        let next_page_token = self.fill(&mut page, &parts[first..], token).await?;
        let unreachable = unreachable.into_iter().chain(sight.refused).collect();
        Ok(Response::new(ListTablesResponse { tables: page.tables, next_page_token, unreachable }))
    }
}

impl Handler {
    /// Reads parts until the page is full, and says where the next begins.
    async fn fill(&self, page: &mut Page<'_>, parts: &[Part], mut token: String) -> Result<String, Status> {
        for part in parts {
            if page.rows >= page.size {
                return Ok(page_token(part, ""));
            }
            let next = self.read(page, part, &token).await?;
            if !next.is_empty() {
                return Ok(page_token(part, &next));
            }
            token.clear();
        }
        Ok(String::new())
    }

    /// Reads one part, and says where it goes on.
    async fn read(&self, page: &mut Page<'_>, part: &Part, token: &str) -> Result<String, Status> {
        let cache = &page.selection.caches[part.cache];
        let kind = cache.kind();
        let wanted = Wanted {
            namespace: part.namespace.as_deref(),
            name: part.named.as_ref().map(|(key, _)| &*key.name),
            labels: &page.filter.label_selector,
            fields: &page.filter.field_selector,
            limit: page.size - page.rows,
            token,
        };
        let table = self.served.source.read_table(kind, &wanted).await.map_err(|problem| match problem.reason {
            ProblemReason::Invalid => invalid(&problem.message),
            _ => unreadable(kind, &problem),
        })?;
        let Some(table) = table else {
            return Err(part.named.as_ref().map_or_else(|| invalid("nothing"), |(key, _)| not_found(cache, key)));
        };
        if let (Some((key, Some(uid))), Some(row)) = (&part.named, table.rows.first())
            && !uid.is(&row.object.metadata.uid)
        {
            return Err(not_found(cache, key));
        }
        let next = table.next().to_owned();
        page.rows += table.rows.len();
        let rows = table.rows.into_iter().map(|row| self.row(cache, row)).collect();
        let columns = table.column_definitions.into_iter();
        let columns = columns.map(|column| TableColumn { name: column.name, priority: column.priority }).collect();
        page.add(Table { kind: kind.to_string(), columns, rows, object_kind: kind.kind.clone() });
        Ok(next)
    }

    fn row(&self, cache: &Cache, row: Row) -> TableRow {
        let metadata = row.object.metadata;
        let key = Key::new(metadata.namespace, metadata.name);
        let object: ObjectRef = self.served.object_ref(cache.kind(), &key, metadata.uid);
        let cells: Box<str> = row.cells.into();
        TableRow {
            r#ref: Some(object),
            cells: Bytes::from(String::from(cells)),
            labels: metadata.labels.into_iter().collect(),
        }
    }
}

impl Page<'_> {
    /// A table; one that goes on where the last one ended is the same.
    fn add(&mut self, table: Table) {
        match self.tables.last_mut().filter(|last| last.kind == table.kind && last.columns == table.columns) {
            Some(last) => last.rows.extend(table.rows),
            None => self.tables.push(table),
        }
    }
}

/// What has to be read, in its order.
fn parts(selection: &Selection, visible: &[Visible]) -> Vec<Part> {
    if let Scope::Named(named) = &selection.scope {
        let part = |named: &crate::subscription::Named| Part {
            cache: named.cache,
            namespace: Some(Arc::clone(&named.key.namespace)),
            named: Some((named.key.clone(), named.uid.clone())),
        };
        return named.iter().map(part).collect();
    }
    let mut parts = Vec::new();
    for (place, cache) in selection.caches.iter().enumerate() {
        let add = |namespace: Option<Arc<str>>| Part { cache: place, namespace, named: None };
        match namespaces(cache, &selection.scope, visible.get(place).unwrap_or(&Visible::All)) {
            Some(namespaces) => parts.extend(namespaces.into_iter().map(|namespace| add(Some(namespace)))),
            None => parts.push(add(None)),
        }
    }
    parts
}

/// The namespaces to read one by one; `None` for all at once.
fn namespaces(cache: &Cache, scope: &Scope, visible: &Visible) -> Option<Vec<Arc<str>>> {
    let sees = |namespace: &Arc<str>| visible.has(namespace);
    match (&cache.collection().namespace, scope, visible) {
        _ if !cache.kind().namespaced => visible.is_nothing().then(Vec::new),
        (Some(only), ..) => Some([Arc::from(&**only)].into_iter().filter(sees).collect()),
        (None, Scope::Namespaces(namespaces), _) => {
            Some(namespaces.iter().filter(|namespace| !namespace.is_empty()).filter(|n| sees(n)).cloned().collect())
        }
        (None, _, Visible::In(namespaces)) => Some(namespaces.iter().cloned().collect()),
        (None, _, Visible::All) => None,
    }
}

/// Where a page begins: the part, and the API server's token in it.
fn page_token(part: &Part, next: &str) -> String {
    let (namespace, name) = match &part.named {
        Some((key, _)) => (&*key.namespace, &*key.name),
        None => (part.namespace.as_deref().unwrap_or_default(), ""),
    };
    format!("{}/{namespace}/{name}/{next}", part.cache)
}

fn start(token: &str, parts: &[Part]) -> Result<(usize, String), Status> {
    if token.is_empty() {
        return Ok((0, String::new()));
    }
    let begins = |part: &Part| token.strip_prefix(&page_token(part, ""));
    let found = parts.iter().enumerate().find_map(|(place, part)| Some((place, begins(part)?.to_owned())));
    found.ok_or_else(|| invalid_page("page_token is not one that this list gave, or you may no longer see it".into()))
}

fn invalid(message: &str) -> Status {
    status(Code::InvalidArgument, Reason::InvalidFilter, format!("invalid filter: {message}"), [])
}
