//! What would become of each pod of a node. Pure: it is judged by what was read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::budget::Budget;
use super::kubelet::{is_not_awaited, not_awaited};
use super::{NotReady, Options};
use crate::act::MIRROR;
use crate::act::controller::Controller;
use crate::act::quarantine::ANNOTATION;
use crate::diagnose::Object;
use crate::diagnose::fields::{is, list, text};
use crate::record::Key;

/// What was read of a node and its pods.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The node.
    pub node: Object,
    /// Its pods, of those that are meant.
    pub pods: Vec<Object>,
    /// The budgets of their namespaces.
    pub budgets: Vec<Object>,
    /// DaemonSets that pods name as their controllers, and that are gone.
    pub lost_daemon_sets: BTreeSet<Key>,
    /// What could not be looked at, in sentences.
    pub not_visible: Vec<String>,
    /// When that was.
    pub now: Timestamp,
}

/// The reason of a pod that stays because it has been ending for too long.
pub const NOT_AWAITED: &str = "NotAwaited";

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the way: nothing is done as long as it is there.
    Blocks,
    /// It is evicted, or deleted.
    Goes,
    /// It stays.
    Stays,
}

/// A pod of the plan.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The pod.
    pub key: Key,
    /// Its UID.
    pub uid: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, in one CamelCase word.
    pub reason: &'static str,
    /// Why, in a sentence; what is lost, if it goes.
    pub message: String,
    /// What manages it.
    pub controller: Option<Controller>,
    /// Budgets that select it, by their places.
    pub budgets: Vec<usize>,
    /// Whether it is in quarantine.
    pub quarantined: bool,
}

/// A plan.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The node's name.
    pub node: String,
    /// Its UID.
    pub uid: String,
    /// Whether it is cordoned.
    pub cordoned: bool,
    /// What is wrong with it, if it is not ready.
    pub not_ready: Option<NotReady>,
    /// Its pods: those first that are in the way, then those that go.
    pub pods: Vec<Planned>,
    /// The budgets that have a say in it.
    pub budgets: Vec<Budget>,
    /// What could not be looked at, in sentences.
    pub not_visible: Vec<String>,
}

impl Plan {
    /// The plan for those facts.
    #[must_use]
    pub fn of(facts: &Facts, options: &Options) -> Self {
        let mut pods: Vec<_> = facts.pods.iter().map(|pod| planned(pod, facts, options)).collect();
        let mut budgets: Vec<Budget> = Vec::new();
        for object in &facts.budgets {
            let mut budget = Budget::of(object);
            let goes = |planned: &Planned| planned.fate == Fate::Goes;
            let here =
                facts.pods.iter().zip(&mut pods).filter(|(pod, planned)| goes(planned) && budget.concerns(object, pod));
            let here: Vec<_> = here.map(|(_, planned)| planned).collect();
            if !here.is_empty() {
                budget.here = here.len();
                here.into_iter().for_each(|planned| planned.budgets.push(budgets.len()));
                budgets.push(budget);
            }
        }
        if !options.disable_eviction {
            pods.iter_mut().filter(|pod| pod.budgets.len() > 1).for_each(|pod| refuse(pod, &budgets));
        }
        pods.sort_by(|one, two| (one.fate as u8, &one.key).cmp(&(two.fate as u8, &two.key)));
        Self {
            node: facts.node.name.name.clone(),
            uid: facts.node.uid.clone(),
            cordoned: is(&facts.node.value, "/spec/unschedulable"),
            not_ready: NotReady::of(&facts.node, options),
            pods,
            budgets,
            not_visible: facts.not_visible.clone(),
        }
    }

    /// Those that become of that.
    pub fn with(&self, fate: Fate) -> impl Iterator<Item = &Planned> {
        self.pods.iter().filter(move |pod| pod.fate == fate)
    }
}

/// The eviction API takes no pod with several budgets.
fn refuse(pod: &mut Planned, budgets: &[Budget]) {
    let names: Vec<_> = pod.budgets.iter().filter_map(|place| budgets.get(*place)).map(|it| &*it.key.name).collect();
    pod.fate = Fate::Blocks;
    pod.reason = "SeveralBudgets";
    pod.message = format!(
        "the eviction API does not support pods that several PodDisruptionBudgets select: {}",
        names.join(", ")
    );
}

fn planned(pod: &Object, facts: &Facts, options: &Options) -> Planned {
    let controller = Controller::of(pod);
    let (fate, reason, message) = fate(pod, controller.as_ref(), facts, options);
    let quarantined = !pod.annotation(ANNOTATION).is_empty();
    let message = match (quarantined, message.is_empty()) {
        (false, _) => message,
        (true, true) => "in quarantine: what was kept for inspection is lost".to_owned(),
        (true, false) => format!("in quarantine; {message}"),
    };
    Planned {
        key: Key::new(pod.name.namespace.as_str(), pod.name.name.as_str()),
        uid: pod.uid.clone(),
        fate,
        reason,
        message,
        controller,
        budgets: Vec::new(),
        quarantined,
    }
}

/// In the order of k8s.io/kubectl `pkg/drain/filters.go`, whose first objection counts.
fn fate(
    pod: &Object,
    controller: Option<&Controller>,
    facts: &Facts,
    options: &Options,
) -> (Fate, &'static str, String) {
    if is_not_awaited(pod, options, facts.now) {
        return (Fate::Stays, NOT_AWAITED, not_awaited(pod));
    }
    let is_over = matches!(text(&pod.value, "/status/phase"), "Succeeded" | "Failed");
    let daemon_set = controller.filter(|controller| controller.kind == "DaemonSet" && !is_over);
    let mut lost = Vec::new();
    if let Some(daemon_set) = daemon_set {
        match of_daemon_set(pod, &daemon_set.name, facts, options) {
            Ok(loss) => lost.push(loss),
            Err(fate) => return fate,
        }
    }
    if !pod.annotation(MIRROR).is_empty() {
        return (Fate::Stays, "Mirror", "the kubelet runs it from a file on the node".to_owned());
    }
    if is_over {
        return (Fate::Goes, "Ended", String::new());
    }
    if list(&pod.value, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some_and(|it| !it.is_null())) {
        if !options.delete_emptydir_data {
            let message = "it has data in an emptyDir volume, which would be lost: --delete-emptydir-data".to_owned();
            return (Fate::Blocks, "LocalStorage", message);
        }
        lost.push("the data in its emptyDir volumes is lost".to_owned());
    }
    if controller.is_none() {
        if !options.force {
            let message = "it has no controller and would not be recreated: --force".to_owned();
            return (Fate::Blocks, "Unmanaged", message);
        }
        lost.push("it has no controller: it is not recreated".to_owned());
    }
    (Fate::Goes, if pod.is_deleted() { "Terminating" } else { "Evictable" }, lost.join("; "))
}

/// What is lost if a pod goes that its DaemonSet will not bring back; else what becomes of it.
fn of_daemon_set(
    pod: &Object,
    name: &str,
    facts: &Facts,
    options: &Options,
) -> Result<String, (Fate, &'static str, String)> {
    let key = Key::new(pod.name.namespace.as_str(), name);
    match (facts.lost_daemon_sets.contains(&key), options.force, options.ignore_daemonsets) {
        (true, true, _) => Ok(format!("its DaemonSet {name} is gone: it is not recreated")),
        (true, false, _) => {
            let message = format!("its DaemonSet {name} is gone, so it would not be recreated: --force");
            Err((Fate::Blocks, "Orphaned", message))
        }
        (false, _, true) => Err((Fate::Stays, "DaemonSet", format!("DaemonSet {name} would recreate it"))),
        (false, _, false) => {
            let message = format!("DaemonSet {name} would recreate it: --ignore-daemonsets leaves it");
            Err((Fate::Blocks, "DaemonSet", message))
        }
    }
}

#[cfg(test)]
mod tests;
