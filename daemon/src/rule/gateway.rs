//! The Gateway API: Gateways, their classes, and routes
//! (gateway.networking.k8s.io, GEP-1364).

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{self, Condition};
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// What is read of a Gateway.
pub(super) type Gateway = super::kinds::Facet<IgnoredAny, GatewayStatus>;

/// `status` of a Gateway.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GatewayStatus {
    conditions: Vec<Condition>,
    listeners: Vec<Listener>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listener {
    name: Box<str>,
    conditions: Vec<Condition>,
}

impl Facts for Gateway {
    fn judge(&self, metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let GatewayStatus { conditions, listeners } = &self.status;
        let generation = metadata.generation;
        let whole = need(&["Accepted", "Programmed"], conditions, generation, "the gateway");
        let refused = |listener: &Listener| {
            let who = format!("listener {}", listener.name);
            let types = ["Accepted", "Programmed", "ResolvedRefs"];
            let told = types.into_iter().filter(|r#type| condition::find(&listener.conditions, r#type).is_some());
            let judgement = need(&told.collect::<Vec<_>>(), &listener.conditions, generation, &who);
            Some(judgement).filter(|judgement| judgement.state != State::Ready)
        };
        match whole.state {
            State::Ready => listeners.iter().find_map(refused).unwrap_or(whole).into(),
            _ => whole.into(),
        }
    }
}

/// What is read of a GatewayClass.
pub(super) type GatewayClass = super::kinds::Facet<IgnoredAny, ClassStatus>;

/// `status` of a GatewayClass.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClassStatus {
    conditions: Vec<Condition>,
}

impl Facts for GatewayClass {
    fn judge(&self, metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        need(&["Accepted"], &self.status.conditions, metadata.generation, "the class").into()
    }
}

/// What is read of a route, of whatever protocol.
pub(super) type Route = super::kinds::Facet<RouteSpec, RouteStatus>;

/// `spec` of a route.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RouteSpec {
    parent_refs: Vec<ParentRef>,
}

/// `status` of a route.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RouteStatus {
    parents: Vec<Parent>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parent {
    parent_ref: ParentRef,
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ParentRef {
    namespace: Option<Box<str>>,
    name: Box<str>,
    section_name: Option<Box<str>>,
    port: Option<i64>,
}

impl ParentRef {
    /// Whether both are one, of a route in that namespace.
    fn is(&self, other: &Self, namespace: &str) -> bool {
        let place = |parent: &Self| parent.namespace.as_deref().unwrap_or(namespace).to_owned();
        let part = |parent: &Self| (parent.name.clone(), parent.section_name.clone(), parent.port);
        place(self) == place(other) && part(self) == part(other)
    }
}

impl Facts for Route {
    fn judge(&self, metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let Self { spec, status } = self;
        // What a parent said that the route no longer names does not count.
        let said = |wanted: &ParentRef| {
            let of_it = |parent: &&Parent| parent.parent_ref.is(wanted, &metadata.namespace);
            let who = format!("parent {}", wanted.name);
            let judge =
                |parent: &Parent| need(&["Accepted", "ResolvedRefs"], &parent.conditions, metadata.generation, &who);
            let of_it: Vec<_> = status.parents.iter().filter(of_it).map(judge).collect();
            let accepted = of_it.iter().any(|judgement| judgement.state == State::Ready);
            let nobody = || Judgement::new(State::InProgress, "NotTakenUp", format!("{who} has not processed it yet"));
            // Of several controllers one is enough.
            (!accepted).then(|| of_it.into_iter().next().unwrap_or_else(nobody))
        };
        if let Some(judgement) = spec.parent_refs.iter().find_map(said) {
            return judgement.into();
        }
        match spec.parent_refs.len() {
            0 => Judgement::new(State::InProgress, "NotTakenUp", "it names no parent").into(),
            n => Judgement::new(State::Ready, "Accepted", format!("{n} parents have accepted it")).into(),
        }
    }
}

/// All of the conditions, for the newest generation.
fn need(types: &[&'static str], conditions: &[Condition], generation: i64, who: &str) -> Judgement {
    for r#type in types {
        let Some(condition) = condition::find(conditions, r#type) else {
            return Judgement::new(State::InProgress, "NotTakenUp", format!("{who} has no condition {type} yet"));
        };
        if condition.observed_generation.is_some_and(|observed| observed < generation) {
            let message = format!("condition {type} of {who} is of an older generation than {generation}");
            return Judgement::new(State::InProgress, "GenerationNotObserved", message);
        }
        if !condition.is_true() {
            let judgement = Judgement::new(State::InProgress, condition.reason_or(r#type), condition.says());
            let waits = !condition.is_false() || ["Pending", "AddressNotAssigned"].contains(&&*condition.reason);
            return match waits {
                true => judgement,
                false => Judgement { state: State::Failed, ..judgement }.with_doom(Doom::Persistent),
            };
        }
    }
    let last = types.last().copied().unwrap_or_default();
    Judgement::new(State::Ready, last, format!("{} of {who}", types.join(" and ")))
}
