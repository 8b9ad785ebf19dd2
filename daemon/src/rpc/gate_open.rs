//! From a request for a gate to its opening: of one that is sent, and of one that an
//! earlier daemon has kept.

use std::sync::Arc;

use daymark_proto::v1::criterion::Criterion;
use daymark_proto::v1::{AppliedObject, GatePolicy, ObjectRef, OpenGateRequest};
use tonic::{Code, Status};

use super::Served;
use super::convert::View;
use super::error::{Reason, shared_out, status, unreadable};
use super::gate_policy::{Read, invalid};
use crate::access::Caller;
use crate::caches::Lease;
use crate::gate::family::Family;
use crate::gate::register::Opening;
use crate::gate::tally::Place;
use crate::gate::whereabouts::Whereabouts;
use crate::gate::{self, Applied};
use crate::record::{Key, Uid};
use crate::source::ProblemReason;
use crate::subscription::{Predicate, Selection};

impl Served {
    /// What a request asks, all of it checked; what is needed to answer is followed.
    pub(super) async fn opening(
        self: &Arc<Self>,
        caller: &Caller,
        request: OpenGateRequest,
    ) -> Result<Opening, Status> {
        let OpenGateRequest { filter, policy, await_arming, applied, request_id: _, owned } = request;
        let filter = filter.unwrap_or_default();
        if !filter.states.is_empty() || !filter.cel.is_empty() || !filter.field_selector.is_empty() {
            let message = "a gate's filter takes refs, or kinds, namespaces and a label selector";
            return Err(status(Code::InvalidArgument, Reason::InvalidFilter, message, []));
        }
        if await_arming && !applied.is_empty() {
            return Err(invalid("what was applied is given now, or later to a gate that awaits it, but not both"));
        }
        let mut selection = self.select(&filter).await?;
        let view = if policy.as_ref().is_some_and(reads_objects) { View::Full } else { View::Basic };
        let Read { policy, expressions } = self.read_policy(policy.unwrap_or_default(), &selection).await?;
        let mut family = None;
        if let Some(owned) = owned {
            (selection, family) =
                self.with_owned(selection, &owned, &policy).await.map(|(all, family)| (all, Some(family)))?;
        }
        // The last version counts as applied, also if its state is as before; and what
        // happens in between is not to be missed.
        (selection.every_version, selection.history) = (true, true);
        let withdrawn = self.judges(caller, &selection, view).await?;
        self.await_listed(&selection).await?;
        self.refuse_forbidden(&selection)?;
        let evaluator = self.evaluator.of(caller);
        let predicate = |expression| Predicate { expression, evaluator: evaluator.clone() };
        let expressions = expressions.into_iter().map(predicate).collect();
        let applied =
            self.applied_to(&applied, filter.namespaces.first(), &whereabouts(&selection, family.as_ref()))?;
        let place = self.shares.gate(caller).map_err(|exceeded| shared_out(&exceeded))?;
        let beside = self.beside(&policy).await?;
        let caller = caller.clone();
        Ok(Opening { selection, policy, expressions, await_arming, applied, family, caller, beside, withdrawn, place })
    }

    /// What a policy needs followed besides: a node is drained by what is known of pods.
    async fn beside(&self, policy: &gate::Policy) -> Result<Vec<Lease>, Status> {
        match self.caches.catalog().find_exactly(("", "Pod")) {
            Some(pods) if policy.goal.asks(gate::Criterion::Drained) => self.lease(&pods).await,
            _ => Ok(Vec::new()),
        }
    }

    /// The same of a gate that is armed with these.
    pub(super) fn armed(&self, opening: Opening, applied: &[AppliedObject]) -> Result<Opening, Status> {
        let applied = self.applied_to(applied, None, &whereabouts(&opening.selection, opening.family.as_ref()))?;
        Ok(Opening { await_arming: false, applied, ..opening })
    }
}

/// Whether it depends on more than objects' states how they are judged.
fn reads_objects(policy: &GatePolicy) -> bool {
    let mut criteria = policy.all_of.iter().chain(&policy.any_of).chain(&policy.fail_on);
    criteria.any(|it| matches!(it.criterion, Some(Criterion::JsonPath(_) | Criterion::Cel(_))))
}

fn whereabouts(selection: &Selection, family: Option<&Family>) -> Whereabouts {
    Whereabouts::of(selection, family.map(Family::targets))
}

impl Served {
    /// What may not be read cannot be judged, ever.
    fn refuse_forbidden(&self, selection: &Selection) -> Result<(), Status> {
        for cache in &selection.caches {
            let freshness = cache.freshness();
            let problem = freshness.problem.as_ref().filter(|_| !freshness.listed);
            if let Some(problem) = problem.filter(|problem| problem.reason == ProblemReason::Forbidden) {
                return Err(unreadable(cache.kind(), problem));
            }
        }
        Ok(())
    }

    /// What was applied of a gate's objects. Manifests hold others as well.
    pub(super) fn applied_to(
        &self,
        applied: &[AppliedObject],
        namespace: Option<&String>,
        whereabouts: &Whereabouts,
    ) -> Result<Vec<(Place, Applied)>, Status> {
        let mut matched = Vec::with_capacity(applied.len());
        for applied in applied {
            let wanted = applied.r#ref.clone().unwrap_or_default();
            let version = &applied.resource_version;
            let resource_version = if version.is_empty() { Ok(0) } else { version.parse() };
            let resource_version =
                resource_version.map_err(|_| invalid(format!("{version:?} is not a resourceVersion")))?;
            let named = self.kind_and_key(&wanted, namespace);
            let Some(place) = named.and_then(|(kind, key)| whereabouts.place(&kind, &key)) else { continue };
            let uid = (!wanted.uid.is_empty()).then(|| Uid::from(wanted.uid.as_str()));
            matched.push((place, Applied { uid, generation: applied.generation, resource_version }));
        }
        if matched.is_empty() && !applied.is_empty() {
            return Err(invalid(format!("none of the {} applied objects belongs to the gate", applied.len())));
        }
        Ok(matched)
    }

    /// What a ref names, if it is of a kind that is served; in that namespace, if it
    /// names none.
    fn kind_and_key(&self, wanted: &ObjectRef, default: Option<&String>) -> Option<(Arc<crate::kind::Kind>, Key)> {
        let name = match &*wanted.group {
            "" => wanted.resource.clone(),
            group => format!("{}.{group}", wanted.resource),
        };
        let kind = self.caches.catalog().find(&name)?;
        let namespace = match (kind.namespaced, &*wanted.namespace) {
            (false, _) => "",
            (true, "") => default.unwrap_or(&self.default_namespace),
            (true, namespace) => namespace,
        };
        Some((kind, Key::new(namespace, wanted.name.as_str())))
    }
}
