//! What has happened to an object, and to what it owns.

use daymark::api::{EventFilter, ListEventsRequest};

use super::Described;
use super::document::Document;
use crate::event_table::{Columns, NAMES};
use crate::words;

/// Events that are shown: who wants more asks for events.
const MOST: usize = 20;
const COLUMNS: Columns = Columns { namespaces: false, wide: false, header: true };

/// The newest events of the object and of what it owns, as the daemon is asked for them.
pub fn request(it: &Described) -> ListEventsRequest {
    let object = it.status.r#ref.clone().unwrap_or_default();
    let filter = EventFilter {
        cluster: object.cluster.clone(),
        r#ref: Some(object),
        with_owned: true,
        ..EventFilter::default()
    };
    ListEventsRequest { filter: Some(filter), newest_first: true, ..ListEventsRequest::default() }
}

/// The table of events, the newest last.
pub fn add(it: &Described, document: &mut Document) {
    let section = document.section("Events");
    let told = match &it.events {
        Err(problem) => return section.line(problem),
        Ok(told) => told,
    };
    if told.events.is_empty() && told.unreachable.is_empty() {
        section.line("none");
    }
    let now = told.freshness.as_ref().and_then(|freshness| freshness.time.as_ref());
    let newest = told.events.iter().take(MOST).rev();
    section.painted_table(NAMES, newest.map(|event| COLUMNS.row(event, now)).collect());
    let hidden = told.events.len().saturating_sub(MOST);
    let all = format!("daymark events {}", words::name(&it.status));
    match told.next_page_token.is_empty() {
        true if hidden > 0 => section.line(format!("... and {hidden} more: {all}")),
        true => {}
        false => section.line(format!("... and more than {hidden} more: {all}")),
    }
    for kind in &told.unreachable {
        section.line(format!("{}: {}", kind.kind, super::unread(kind)));
    }
}
