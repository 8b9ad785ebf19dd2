//! `daymark events`

use std::time::Duration;

use daymark::Client;
use daymark::api::{ClusterEvent, EventFilter, Freshness, ListEventsRequest, Unreachable};
use prost_types::Timestamp;

use super::session;
use crate::args::{EventFormat, EventType, Events, Global};
use crate::event_json::{EventJson, EventListJson};
use crate::event_table::Columns;
use crate::exit::{Exit, Failure};
use crate::layout::Layout;
use crate::printer::Printer;
use crate::staleness;
use crate::targets::{Selection, Target, in_namespaces};
use crate::{duration, sanitize};

mod follow;

/// What `events` was asked for.
struct Query<'a> {
    target: Option<Target>,
    cluster: &'a str,
    namespace: Option<&'a str>,
    args: &'a Events,
}

/// Shows events, and goes on with those that follow if asked to.
pub async fn run(global: &Global, args: &Events, printer: &mut Printer) -> Result<Exit, Failure> {
    let target = target(&args.words)?;
    if args.all_namespaces && target.is_some() {
        return Err(Failure::usage("an object name cannot be used with -A: leave out -A, or the name"));
    }
    if target.is_some() {
        session::one_namespace(global)?;
    }
    let query = Query { target, cluster: session::cluster(global), namespace: session::namespace(global), args };
    if args.watch {
        return follow::run(global, &query, printer).await;
    }
    let client = session::connect(global).await?;
    let request = ListEventsRequest { filter: Some(query.filter()), ..ListEventsRequest::default() };
    let found = client.list_events(request).await?;
    print(printer, (args, query.columns()), &found.events, found.freshness.as_ref())?;
    printer.flush()?;
    query.say_what_is_missing(printer, &found.unreachable, found.complete_since.as_ref(), found.freshness.as_ref());
    if found.events.is_empty() {
        let nothing = query.nothing_found(&client).await;
        printer.note(&sanitize::line(&nothing));
    }
    Ok(Exit::Passed)
}

/// The object that the words name; `None` if there are none.
fn target(words: &[String]) -> Result<Option<Target>, Failure> {
    if words.is_empty() {
        return Ok(None);
    }
    match Selection::parse(words)? {
        Selection::Objects(mut targets) if targets.len() == 1 => Ok(targets.pop()),
        Selection::Objects(_) | Selection::Kinds(_) => {
            Err(Failure::usage("name one object as KIND/NAME, or none for all events in the namespace"))
        }
    }
}

impl Query<'_> {
    /// The events, as the daemon is asked for them.
    fn filter(&self) -> EventFilter {
        let Events { all_namespaces, types, since, .. } = self.args;
        // Whether its kind has namespaces the daemon knows.
        let object = self.target.as_ref().map(|target| target.object_ref(None));
        EventFilter {
            cluster: self.cluster.to_owned(),
            namespaces: in_namespaces(self.namespace.filter(|_| !all_namespaces)),
            all_namespaces: *all_namespaces,
            with_owned: object.is_some(),
            r#ref: object,
            types: types.iter().map(|it: &EventType| it.name().to_owned()).collect(),
            reasons: Vec::new(),
            since: since.and_then(|since| since.try_into().ok()),
        }
    }

    fn columns(&self) -> Columns {
        columns(self.args, self.namespace)
    }

    /// Says on stderr which events are not shown that were asked for.
    fn say_what_is_missing(
        &self,
        printer: &mut Printer,
        unreachable: &[Unreachable],
        complete_since: Option<&Timestamp>,
        freshness: Option<&Freshness>,
    ) {
        for kind in unreachable {
            printer.problem(&session::unreachable(kind));
        }
        staleness::outdated(freshness, unreachable).iter().for_each(|line| printer.problem(line));
        let now = freshness.and_then(|freshness| freshness.time.as_ref());
        let (Some(since), Some(complete), Some(now)) = (self.args.since, complete_since, now) else { return };
        let known = Duration::from_secs(u64::try_from(now.seconds - complete.seconds).unwrap_or(0));
        if known < since {
            let (known, since) = (duration::show(known), duration::show(since));
            printer.problem(&format!(
                "warning: the daemon has followed events for {known} of {since}: older events may be missing"
            ));
        }
    }

    /// One line for no events.
    async fn nothing_found(&self, client: &Client) -> String {
        if let Some(target) = &self.target {
            return format!("No events found of {target}.");
        }
        if self.args.all_namespaces {
            return "No events found.".to_owned();
        }
        let info = client.server_info().await.unwrap_or_default();
        let default = info.clusters.first().map(|cluster| cluster.default_namespace.as_str());
        match self.namespace.or(default).filter(|namespace| !namespace.is_empty()) {
            Some(namespace) => format!("No events found in namespace {namespace:?}."),
            None => "No events found in the daemon's default namespace.".to_owned(),
        }
    }
}

fn columns(args: &Events, namespace: Option<&str>) -> Columns {
    let has_several = namespace.is_some_and(|namespace| namespace.contains(','));
    Columns {
        namespaces: args.all_namespaces || has_several,
        wide: args.output == EventFormat::Wide,
        header: !args.no_headers,
    }
}

fn print(
    printer: &mut Printer,
    (args, columns): (&Events, Columns),
    events: &[ClusterEvent],
    freshness: Option<&Freshness>,
) -> Result<(), Failure> {
    match args.output {
        EventFormat::Table | EventFormat::Wide if events.is_empty() => {}
        EventFormat::Table | EventFormat::Wide => {
            let now = freshness.and_then(|freshness| freshness.time.as_ref());
            rows(printer, columns, &mut Layout::default(), events, now, true)?;
        }
        EventFormat::Json => printer.json(&EventListJson::of(events))?,
        EventFormat::Yaml => printer.yaml(&EventListJson::of(events))?,
        EventFormat::Ndjson => {
            for event in events {
                printer.json_line(&EventJson::from(event))?;
            }
        }
        EventFormat::Name => {
            for event in events {
                printer.line(&name(event))?;
            }
        }
    }
    Ok(())
}

/// Rows of a table, the first ones below its header.
fn rows(
    printer: &mut Printer,
    columns: Columns,
    layout: &mut Layout,
    events: &[ClusterEvent],
    now: Option<&Timestamp>,
    are_first: bool,
) -> Result<(), Failure> {
    let header = columns.header().filter(|_| are_first);
    let rows = header.into_iter().chain(events.iter().map(|event| columns.row(event, now)));
    Ok(printer.rows(layout, rows.collect())?)
}

/// `event/web.17c0`, as kubectl names it.
fn name(event: &ClusterEvent) -> String {
    sanitize::line(&format!("event/{}", event.name)).into_owned()
}
