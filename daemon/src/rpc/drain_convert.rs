//! Plans of drains as the API tells them.

use daymark_proto::v1::{self, DrainPlan, PlannedPod, PodFate, Room};
use jiff::Timestamp;

use super::Served;
use super::convert::timestamp;
use crate::act::drain::Kinds;
use crate::act::drain::budget::Budget;
use crate::act::drain::plan::{self, Fate, Plan};
use crate::act::operation::Target;
use crate::diagnose::Fitting;
use crate::record::Key;

/// A plan, and what is told with it.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) kinds: Kinds,
    pub(super) fitting: Option<Fitting>,
    /// Whether pods are deleted, whatever budgets say.
    pub(super) deletes: bool,
    pub(super) time: Timestamp,
}

impl Served {
    pub(super) fn told_plan(&self, planned: &Planned) -> DrainPlan {
        let Planned { plan, kinds, fitting, deletes, time } = planned;
        let node = self.object_ref(&kinds.nodes, &Key::new("", &*plan.node), plan.uid.clone());
        DrainPlan {
            node: Some(node),
            cordoned: plan.cordoned,
            pods: plan.pods.iter().map(|pod| self.planned_pod(kinds, pod, *deletes)).collect(),
            budgets: plan.budgets.iter().map(|budget| self.budget(budget)).collect(),
            room: fitting.as_ref().map(|fitting| self.room(kinds, plan, fitting)),
            not_visible: plan.not_visible.clone(),
            time: Some(timestamp(*time)),
            not_ready: plan.not_ready.as_ref().map(|it| it.message.clone()).unwrap_or_default(),
        }
    }

    fn planned_pod(&self, kinds: &Kinds, pod: &plan::Planned, deletes: bool) -> PlannedPod {
        let fate = match pod.fate {
            Fate::Blocks => PodFate::Blocks,
            Fate::Goes if deletes => PodFate::Deleted,
            Fate::Goes => PodFate::Evicted,
            Fate::Stays => PodFate::Stays,
        };
        PlannedPod {
            r#ref: Some(self.object_ref(&kinds.pods, &pod.key, pod.uid.clone())),
            fate: fate.into(),
            reason: pod.reason.to_owned(),
            message: pod.message.clone(),
            controller: self.controller(pod).map(|controller| self.target(&controller)),
            budgets: pod.budgets.iter().filter_map(|place| i32::try_from(*place).ok()).collect(),
            quarantined: pod.quarantined,
        }
    }

    /// What manages a pod, if its kind is known.
    pub(super) fn controller(&self, pod: &plan::Planned) -> Option<Target> {
        let controller = pod.controller.as_ref()?;
        let kind = self.caches.catalog().find_exactly((&controller.group, &controller.kind))?;
        let key = Key::new(pod.key.namespace.clone(), controller.name.as_str());
        Some(Target { kind, key, uid: controller.uid.clone() })
    }

    fn budget(&self, budget: &Budget) -> v1::DisruptionBudget {
        let kind = self.caches.catalog().find_exactly(("policy", "PodDisruptionBudget"));
        let number = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
        v1::DisruptionBudget {
            r#ref: kind.map(|kind| self.object_ref(&kind, &budget.key, budget.uid.clone())),
            allowed: number(budget.allowed),
            healthy: number(budget.healthy),
            desired: number(budget.desired),
            expected: number(budget.expected),
            here: i32::try_from(budget.here).unwrap_or(i32::MAX),
            message: budget.message(),
            never: budget.is_never(),
        }
    }

    fn room(&self, kinds: &Kinds, plan: &Plan, fitting: &Fitting) -> Room {
        let uid = |key: &Key| plan.pods.iter().find(|pod| pod.key == *key).map(|pod| pod.uid.clone());
        let unplaced = fitting.unplaced.iter().map(|name| {
            let key = Key::new(name.namespace.as_str(), name.name.as_str());
            let uid = uid(&key).unwrap_or_default();
            self.object_ref(&kinds.pods, &key, uid)
        });
        Room {
            pods: i32::try_from(plan.with(Fate::Goes).count()).unwrap_or(i32::MAX),
            unplaced: unplaced.collect(),
            message: fitting.message.clone(),
        }
    }
}
