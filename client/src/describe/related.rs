//! Other objects that belong into a description: what is asked of the daemon, and what it has answered.

use std::collections::BTreeMap;

use daymark::api::{Filter, ObjectRef, Status, View, WatchTreeResponse};
use serde_json::Value;

use super::Described;
use super::document::Document;
use super::read::{is_true, items, text};
use crate::table::{Columns, STATES};
use crate::{tree, words};

/// Objects of one answer that are shown in a table: who wants all of them lists them.
pub const MOST_ROWS: usize = 30;

/// Why another object is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It controls the object, or what controls it.
    Owner,
    /// It is of interest by its state.
    Neighbour,
    /// It holds addresses of the Service.
    Endpoints,
    /// It runs on the node.
    OnNode,
    /// It limits what is in the namespace.
    Quota,
}

/// What is asked of the daemon.
#[derive(Debug)]
pub struct Question {
    pub role: Role,
    /// What is looked for, in words.
    pub what: String,
    pub ask: Ask,
    /// How much of each object is needed.
    pub view: View,
}

/// Which objects are asked for.
#[derive(Debug)]
pub enum Ask {
    /// One by name.
    Named(ObjectRef),
    /// Those of a filter.
    Matching(Filter),
    /// Those of a filter whose `spec.selector` selects these labels.
    Selecting(Filter, BTreeMap<String, String>),
}

/// What the daemon has answered.
#[derive(Debug)]
pub struct Answer {
    pub role: Role,
    pub what: String,
    pub statuses: Vec<Status>,
    /// There are more of them.
    pub more: bool,
    /// Why they, or some of them, are not known.
    pub problem: Option<String>,
}

impl Described {
    /// An object by kind and name, in the same namespace if it has one.
    pub fn named(&self, kind: &str, name: &str) -> Question {
        let own = self.status.r#ref.clone().unwrap_or_default();
        let object = ObjectRef {
            cluster: own.cluster,
            resource: kind.to_owned(),
            namespace: own.namespace,
            name: name.to_owned(),
            ..ObjectRef::default()
        };
        Question { role: Role::Neighbour, what: format!("{kind}/{name}"), ask: Ask::Named(object), view: View::Basic }
    }

    /// All objects of a kind in the same namespace; of an object that has none, in all.
    pub fn all(&self, kind: &str) -> Filter {
        let own = self.status.r#ref.clone().unwrap_or_default();
        Filter {
            cluster: own.cluster,
            kinds: vec![kind.to_owned()],
            all_namespaces: own.namespace.is_empty(),
            namespaces: Some(own.namespace).filter(|namespace| !namespace.is_empty()).into_iter().collect(),
            ..Filter::default()
        }
    }

    /// The pods that labels select.
    pub fn pods_of(&self, selector: String) -> Question {
        let filter = Filter { label_selector: selector, ..self.all("pods") };
        Question::matching("pods", filter)
    }

    /// The Services that select such labels.
    pub fn services_for(&self, path: &str) -> Question {
        let labels = super::read::fields(&self.object, path);
        let labels = labels.filter_map(|(name, value)| Some((name.to_owned(), value.as_str()?.to_owned())));
        let ask = Ask::Selecting(self.all("services"), labels.collect());
        Question { role: Role::Neighbour, what: "services".to_owned(), ask, view: View::Full }
    }

    /// What has been answered in a role.
    pub fn answers(&self, role: Role) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(move |answer| answer.role == role)
    }
}

impl Question {
    /// Objects that match a filter, for their states.
    pub fn matching(what: &str, filter: Filter) -> Self {
        let ask = Ask::Matching(filter);
        Self { role: Role::Neighbour, what: what.to_owned(), ask, view: View::Basic }
    }

    /// The same, in another namespace.
    pub fn within(mut self, namespace: &str) -> Self {
        if let Ask::Named(object) = &mut self.ask {
            namespace.clone_into(&mut object.namespace);
        }
        self
    }

    /// As another role, which reads the objects.
    pub fn read_as(self, role: Role) -> Self {
        Self { role, view: View::Full, ..self }
    }
}

/// The object's controller.
pub fn owner(status: &Status, object: &Value) -> Option<Question> {
    let controller = items(object, "/metadata/ownerReferences").find(|owner| is_true(owner, "/controller"))?;
    let own = status.r#ref.clone().unwrap_or_default();
    let api_version = text(controller, "/apiVersion");
    let kind = text(controller, "/kind").to_lowercase();
    let resource = match api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind.clone(),
    };
    let (name, uid) = (text(controller, "/name"), text(controller, "/uid"));
    let what = format!("{kind}/{name}");
    let object =
        ObjectRef { cluster: own.cluster, resource, namespace: own.namespace, name, uid, ..ObjectRef::default() };
    Some(Question { role: Role::Owner, what, ask: Ask::Named(object), view: View::Full })
}

/// Whether a Service's selector selects such labels. One without a selector selects nothing.
pub fn selects(service: &Status, labels: &BTreeMap<String, String>) -> bool {
    // Of one whose JSON is broken nothing is known to be selected.
    let object: Value = serde_json::from_slice(&service.object).unwrap_or_default();
    let selector = object.pointer("/spec/selector").and_then(Value::as_object);
    let fits = |(name, value): (&String, &Value)| labels.get(name).map(String::as_str) == value.as_str();
    selector.is_some_and(|selector| !selector.is_empty() && selector.iter().all(fits))
}

/// The table of related objects.
pub fn add(it: &Described, document: &mut Document) {
    let section = document.section("Related objects");
    let columns = Columns { kinds: true, ..Columns::default() };
    let answers: Vec<_> = it.answers(Role::Owner).chain(it.answers(Role::Neighbour)).collect();
    let shown = answers.iter().flat_map(|answer| answer.statuses.iter().take(MOST_ROWS));
    section.painted_table(STATES, shown.map(|status| columns.row(status, it.now.as_ref())).collect());
    for answer in answers {
        section.lines(told(answer, MOST_ROWS));
    }
}

/// What is to be said of an answer behind so many of its rows.
pub fn told(answer: &Answer, rows: usize) -> Vec<String> {
    let Answer { what, statuses, more, problem, .. } = answer;
    let hidden = statuses.len().saturating_sub(rows);
    let more = match (hidden, more) {
        (_, true) => Some(format!("... and more {what}")),
        (0, false) => None,
        (hidden, false) => Some(format!("... and {hidden} more {what}")),
    };
    more.into_iter().chain(problem.iter().map(|problem| format!("{what}: {problem}"))).collect()
}

/// What the object owns.
pub fn add_tree(it: &Described, document: &mut Document) {
    let section = document.section("Owned objects");
    let tree = match &it.tree {
        None => return,
        Some(Err(problem)) => return section.line(problem),
        Some(Ok(tree)) => tree,
    };
    let below = WatchTreeResponse { nodes: tree.nodes.iter().take(MOST_ROWS + 1).cloned().collect(), ..tree.clone() };
    let mut rows = tree::rows(&Columns { kinds: true, ..Columns::default() }, &below);
    // The first is the object itself.
    rows.drain(..rows.len().min(1));
    section.painted_table(STATES, rows);
    let hidden = tree.nodes.len().saturating_sub(MOST_ROWS + 1) + usize::try_from(tree.omitted).unwrap_or_default();
    if hidden > 0 {
        section.line(format!("... and {hidden} more: daymark tree {}", words::name(&it.status)));
    }
    for kind in &tree.unreachable {
        section.line(format!("{}: {}", kind.kind, super::unread(kind)));
    }
}
