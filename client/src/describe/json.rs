//! A description as JSON: the shape that docs/cli-contract.md promises.

use serde::Serialize;
use serde_json::Value;

use super::{Answer, Described};
use crate::event_json::EventJson;
use crate::status_json::StatusJson;
use crate::tree::Nested;

/// All that is known of an object.
#[derive(Serialize)]
pub struct DescribedJson<'a> {
    status: StatusJson<'a>,
    object: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<TreeJson<'a>>,
    related: Vec<RelatedJson<'a>>,
    events: EventsJson<'a>,
}

/// What an object owns, or why that is not known.
#[derive(Serialize)]
#[serde(untagged)]
enum TreeJson<'a> {
    Told(Box<Nested<'a>>),
    Untold { problem: &'a str },
}

/// Events, the newest last, or why they are not known.
#[derive(Serialize)]
#[serde(untagged)]
enum EventsJson<'a> {
    Told(Vec<EventJson<'a>>),
    Untold { problem: &'a str },
}

/// Other objects.
#[derive(Serialize)]
struct RelatedJson<'a> {
    what: &'a str,
    statuses: Vec<StatusJson<'a>>,
    more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

impl<'a> From<&'a Described> for DescribedJson<'a> {
    fn from(it: &'a Described) -> Self {
        let tree = it.tree.as_ref().map(|tree| match tree {
            Ok(tree) => TreeJson::Told(Box::new(Nested::of(tree))),
            Err(problem) => TreeJson::Untold { problem },
        });
        let related = it.answers.iter().map(RelatedJson::from).collect();
        let events = match &it.events {
            Ok(told) => EventsJson::Told(told.events.iter().rev().map(EventJson::from).collect()),
            Err(problem) => EventsJson::Untold { problem },
        };
        Self { status: StatusJson::from(&it.status), object: &it.object, tree, related, events }
    }
}

impl<'a> From<&'a Answer> for RelatedJson<'a> {
    fn from(it: &'a Answer) -> Self {
        let statuses = it.statuses.iter().map(StatusJson::from).collect();
        Self { what: &it.what, statuses, more: it.more, problem: it.problem.as_deref() }
    }
}
