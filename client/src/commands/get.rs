//! `daymark get` and `daymark watch`

mod documents;
mod expressed;
mod kubectl;
mod query;
mod rows;

use daymark::api::{Freshness, GetStatusRequest, ListStatusesRequest, ObjectRef, Status, Unreachable};
use daymark::{Client, Error};

pub use self::documents::object;
pub use self::expressed::Expressed;
pub use self::query::{Mode, Query};
use super::{follow, session};
use crate::args::{Get, Global, Watch};
use crate::exit::{Exit, Failure, exit_of};
use crate::output::Output;
use crate::printer::Printer;
use crate::staleness;
use crate::targets::{Selection, Target};

/// What was found.
#[derive(Default)]
pub struct Found {
    statuses: Vec<Status>,
    unreachable: Vec<Unreachable>,
    freshness: Option<Freshness>,
    /// Errors of single objects; the others are shown all the same.
    errors: Vec<Error>,
    /// Objects that were shown already.
    shown: usize,
}

/// Shows objects, and goes on with what changes if asked to.
pub async fn run(global: &Global, args: &Get, printer: &mut Printer) -> Result<Exit, Failure> {
    let query = Query::of_get(global, args)?;
    if query.mode != Mode::Once {
        return follow::run(global, &query, printer).await;
    }
    let client = session::connect(global).await?;
    let found = match &query.output {
        Output::Kubectl { wide } => kubectl::show(&client, &query, *wide, printer).await?,
        output if output.is_by_row() && query.is_of_kinds() && query.sort_by.is_none() => {
            rows::show(&client, &query, printer).await?
        }
        _ => {
            let found = query.sorted(fetch(&client, &query).await?)?;
            documents::print(printer, &query, &found).await?;
            found
        }
    };
    printer.flush()?;
    report(&client, &query, &found, printer).await
}

/// Shows the transitions of objects as they happen.
pub async fn watch(global: &Global, args: &Watch, printer: &mut Printer) -> Result<Exit, Failure> {
    let query = Query::of_watch(global, args)?;
    follow::run(global, &query, printer).await
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
        let request = GetStatusRequest { r#ref: Some(query.object_ref(target)), view };
        match client.get_status(request).await {
            Ok(answer) => {
                found.statuses.extend(answer.status);
                // The oldest of them is told.
                if found.freshness.as_ref().is_none_or(|freshness| freshness.problem.is_empty()) {
                    found.freshness = answer.freshness;
                }
            }
            Err(error) => found.errors.push(of_one_object(error)?),
        }
    }
    Ok(found)
}

/// The error, if the next object may well be there all the same.
pub(super) fn of_one_object(error: Error) -> Result<Error, Failure> {
    let is_of_one =
        error.rpc().is_some() && matches!(exit_of(&error), Exit::NotFound | Exit::NotPermitted | Exit::Usage);
    if is_of_one { Ok(error) } else { Err(error.into()) }
}

/// Says on stderr what is missing above, and chooses the exit code.
async fn report(client: &Client, query: &Query<'_>, found: &Found, printer: &mut Printer) -> Result<Exit, Failure> {
    for kind in &found.unreachable {
        printer.problem(&session::unreachable(kind));
    }
    staleness::outdated(found.freshness.as_ref(), &found.unreachable).iter().for_each(|line| printer.problem(line));
    let mut errors = found.errors.iter();
    if let Some(first) = errors.next() {
        for error in errors {
            printer.problem(&error.to_string());
        }
        return Err(first.clone().into());
    }
    if found.shown + found.statuses.len() > 0 {
        return Ok(Exit::Passed);
    }
    if let Some(exit) = query.all_unreachable(&found.unreachable) {
        return Err(Failure::new(exit, "none of the requested objects can be read"));
    }
    let all = query.shown.all_namespaces;
    let nothing = session::nothing_found(client, &query.selection, query.namespace, all).await;
    printer.note(&crate::sanitize::line(&nothing));
    Ok(Exit::Passed)
}

impl Query<'_> {
    /// A named object.
    fn object_ref(&self, target: &Target) -> ObjectRef {
        ObjectRef { cluster: self.cluster.to_owned(), ..target.object_ref(self.namespace) }
    }
}
