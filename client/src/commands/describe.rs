//! `daymark describe`

mod look;

use daymark::api::{Freshness, ListStatusesRequest, ObjectRef, Status, Unreachable, View};
use daymark::{Client, Error};
use prost_types::Timestamp;
use serde::Serialize;

use self::look::Look;
use super::session;
use crate::args::{Describe, Global, Output};
use crate::describe::{Described, DescribedJson};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::sanitize;
use crate::staleness;
use crate::status_json::UnreachableJson;
use crate::targets::{Selection, Target};

/// Objects that are described at once: each takes several questions.
const MOST: i32 = 200;

/// What is to be described.
#[derive(Default)]
struct Found {
    statuses: Vec<Status>,
    freshness: Option<Freshness>,
    unreachable: Vec<Unreachable>,
    /// Errors of single objects; the others are described all the same.
    errors: Vec<Error>,
    /// Whether there are more than are described.
    more: bool,
}

impl Found {
    /// The daemon's time.
    fn now(&self) -> Option<Timestamp> {
        self.freshness.as_ref()?.time
    }
}

/// Several descriptions.
#[derive(Serialize)]
struct List<'a> {
    descriptions: Vec<DescribedJson<'a>>,
    unreachable: Vec<UnreachableJson<'a>>,
}

/// Says of objects what there is to be known.
pub async fn run(global: &Global, args: &Describe, printer: &mut Printer) -> Result<Exit, Failure> {
    let selection = Selection::parse(&args.words)?;
    check(&selection, args)?;
    let client = session::connect(global).await?;
    let look = Look { client: &client, limit: session::request_timeout(global) };
    let found = match &selection {
        Selection::Objects(targets) => named(&look, global, targets).await?,
        Selection::Kinds(_) => selected(&client, global, &selection, args).await?,
    };
    match args.output {
        Output::Text => {
            for (place, status) in found.statuses.iter().enumerate() {
                let described = look.describe(status.clone(), found.now()).await?;
                print(&described, place, printer)?;
                printer.flush()?;
            }
        }
        Output::Json => print_json(&look, &selection, &found, printer).await?,
    }
    report(&client, global, (&selection, args.all_namespaces), &found, printer).await
}

fn check(selection: &Selection, args: &Describe) -> Result<(), Failure> {
    if matches!(selection, Selection::Kinds(_)) {
        return Ok(());
    }
    match (args.all_namespaces, args.selector.is_empty()) {
        (true, _) => Err(Failure::usage("object names cannot be used with -A: leave out -A, or the names")),
        (_, false) => Err(Failure::usage("object names cannot be used with -l: leave out the names, or -l")),
        _ => Ok(()),
    }
}

async fn named(look: &Look<'_>, global: &Global, targets: &[Target]) -> Result<Found, Failure> {
    let mut found = Found::default();
    for target in targets.iter().take(usize::try_from(MOST).unwrap_or_default()) {
        let cluster = session::cluster(global).to_owned();
        let object = ObjectRef { cluster, ..target.object_ref(session::one_namespace(global)?) };
        match look.named(object, View::Full).await {
            Ok(answer) => {
                found.statuses.extend(answer.status);
                found.freshness = answer.freshness;
            }
            Err(error) => found.errors.push(super::get::of_one_object(error)?),
        }
    }
    found.more = i32::try_from(targets.len()).map_or(true, |targets| targets > MOST);
    Ok(found)
}

async fn selected(client: &Client, global: &Global, selection: &Selection, args: &Describe) -> Result<Found, Failure> {
    let mut filter = selection.filter(session::namespace(global), args.all_namespaces);
    session::cluster(global).clone_into(&mut filter.cluster);
    filter.label_selector.clone_from(&args.selector);
    let request =
        ListStatusesRequest { filter: Some(filter), view: View::Full.into(), page_size: MOST, ..Default::default() };
    let Some(page) = client.pages(request).next().await? else { return Ok(Found::default()) };
    Ok(Found {
        statuses: page.statuses,
        freshness: page.freshness,
        unreachable: page.unreachable,
        errors: Vec::new(),
        more: !page.next_page_token.is_empty(),
    })
}

/// Two empty lines stand between two objects.
fn print(described: &Described, place: usize, printer: &mut Printer) -> Result<(), Failure> {
    if place > 0 {
        printer.line("\n")?;
    }
    for line in described.lines() {
        let line = line.paint(printer);
        printer.line(&line)?;
    }
    Ok(())
}

async fn print_json(
    look: &Look<'_>,
    selection: &Selection,
    found: &Found,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for status in &found.statuses {
        all.push(look.describe(status.clone(), found.now()).await?);
    }
    if selection.is_one_object() {
        if let Some(one) = all.first() {
            printer.json(&DescribedJson::from(one))?;
        }
        return Ok(());
    }
    let unreachable = found.unreachable.iter().map(UnreachableJson::from).collect();
    let list = List { descriptions: all.iter().map(DescribedJson::from).collect(), unreachable };
    Ok(printer.json(&list)?)
}

/// Says on stderr what is missing above, and chooses the exit code.
async fn report(
    client: &Client,
    global: &Global,
    (selection, all_namespaces): (&Selection, bool),
    found: &Found,
    printer: &mut Printer,
) -> Result<Exit, Failure> {
    printer.flush()?;
    for kind in &found.unreachable {
        printer.problem(&session::unreachable(kind));
    }
    staleness::outdated(found.freshness.as_ref(), &found.unreachable).iter().for_each(|line| printer.problem(line));
    if found.more {
        printer.problem(&format!("warning: only the first {MOST} are described: name fewer, or select them by -l"));
    }
    let mut errors = found.errors.iter();
    if let Some(first) = errors.next() {
        errors.for_each(|error| printer.problem(&error.to_string()));
        return Err(first.clone().into());
    }
    if !found.statuses.is_empty() {
        return Ok(Exit::Passed);
    }
    let places = session::places(session::namespace(global), all_namespaces);
    if let Some(exit) = session::all_unreachable(selection, places, &found.unreachable) {
        return Err(Failure::new(exit, "none of the requested objects can be read"));
    }
    let nothing = session::nothing_found(client, selection, session::namespace(global), all_namespaces).await;
    printer.note(&sanitize::line(&nothing));
    Ok(Exit::Passed)
}
