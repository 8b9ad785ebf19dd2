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
}

impl Facts for Gateway {
    fn judge(&self, metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        need(&["Accepted", "Programmed"], &self.status.conditions, metadata.generation, "the gateway").into()
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
    /// Counted only.
    parent_refs: Vec<IgnoredAny>,
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

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ParentRef {
    name: Box<str>,
}

impl Facts for Route {
    fn judge(&self, metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let parents = &self.status.parents;
        for parent in parents {
            let who = format!("parent {}", parent.parent_ref.name);
            let judgement = need(&["Accepted", "ResolvedRefs"], &parent.conditions, metadata.generation, &who);
            if judgement.state != State::Ready {
                return judgement.into();
            }
        }
        let wanted = self.spec.parent_refs.len();
        if parents.is_empty() || parents.len() < wanted {
            let message = format!("{} of {wanted} parents have taken it up", parents.len());
            return Judgement::new(State::InProgress, "NotTakenUp", message).into();
        }
        Judgement::new(State::Ready, "Accepted", format!("{} parents have accepted it", parents.len())).into()
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
