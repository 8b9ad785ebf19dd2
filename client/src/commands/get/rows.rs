//! Objects that are shown page by page, as they come.

use daymark::Client;
use daymark::api::{ListStatusesRequest, Status};
use prost_types::Timestamp;

use super::{Found, Query, object};
use crate::exit::Failure;
use crate::layout::Layout;
use crate::output::Output;
use crate::printer::Printer;
use crate::sanitize;
use crate::words;

/// Rows on their way to stdout.
struct Rows<'a> {
    query: &'a Query<'a>,
    layout: Layout,
    begun: bool,
}

/// Shows each page when it has come. What was shown stays, if a later one fails.
pub async fn show(client: &Client, query: &Query<'_>, printer: &mut Printer) -> Result<Found, Failure> {
    let filter = Some(query.filter());
    let mut pages = client.pages(ListStatusesRequest { filter, view: query.view().into(), ..Default::default() });
    let (mut found, mut rows) = (Found::default(), Rows { query, layout: Layout::default(), begun: false });
    while let Some(page) = pages.next().await? {
        let now = page.freshness.as_ref().and_then(|freshness| freshness.time);
        rows.print(printer, &page.statuses, now.as_ref())?;
        printer.flush()?;
        found.shown += page.statuses.len();
        found.freshness = page.freshness;
        for kind in page.unreachable {
            if !found.unreachable.contains(&kind) {
                found.unreachable.push(kind);
            }
        }
    }
    Ok(found)
}

impl Rows<'_> {
    fn print(&mut self, printer: &mut Printer, statuses: &[Status], now: Option<&Timestamp>) -> Result<(), Failure> {
        match self.query.output {
            Output::Name => {
                for status in statuses {
                    printer.line(&sanitize::line(&words::name(status)))?;
                }
            }
            Output::Ndjson => {
                for status in statuses {
                    printer.json_line(&object(status)?)?;
                }
            }
            _ => self.table(printer, statuses, now)?,
        }
        Ok(())
    }

    /// The first page makes the columns as wide as its cells; later ones may widen them.
    fn table(&mut self, printer: &mut Printer, statuses: &[Status], now: Option<&Timestamp>) -> Result<(), Failure> {
        if statuses.is_empty() {
            return Ok(());
        }
        let columns = self.query.columns();
        let header = columns.header().filter(|_| !std::mem::replace(&mut self.begun, true));
        let rows = statuses.iter().map(|status| columns.row(status, now));
        Ok(printer.rows(&mut self.layout, header.into_iter().chain(rows).collect())?)
    }
}
