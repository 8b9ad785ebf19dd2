//! Which labels of a pod are changed, and what follows. Pure: it is judged by what was read.

use std::fmt;

use super::ANNOTATION;
use super::mark::Mark;
use super::search::{Edits, Question, applied};
use super::selector::{Labels, Selector, labels_of};
use crate::act::MIRROR;
use crate::act::controller::Controller;
use crate::diagnose::Object;
use crate::diagnose::fields::{at, map, number, text};
use crate::label::{is_key, is_value};

/// What was read of a pod, and of what selects it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The pod.
    pub pod: Object,
    /// The Services of its namespace.
    pub services: Vec<Object>,
    /// What manages it, or did before it was in quarantine.
    pub controller: Option<Controller>,
    /// That as it is now; `None` if it is gone.
    pub manager: Option<Object>,
    /// The pods that it manages.
    pub managed: Vec<Object>,
    /// The disruption budgets of its namespace.
    pub budgets: Vec<Object>,
    /// The network policies of its namespace.
    pub policies: Vec<Object>,
    /// What could not be looked at, in sentences.
    pub not_visible: Vec<String>,
}

/// What becomes of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The label.
    pub key: String,
    /// What it was; `None` if there was none.
    pub before: Option<String>,
    /// What it becomes; `None` if there is none any more.
    pub after: Option<String>,
}

/// `app: web → web-quarantined`
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        write!(f, "{}: {} → {}", self.key, told(&self.before), told(&self.after))
    }
}

/// A Service that a pod is taken out of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selecting {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// What it selects.
    pub selector: Selector,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is changed; nothing, if there is nothing to be taken out of.
    pub changes: Vec<Change>,
    /// The Services that select the pod now, and no more.
    pub services: Vec<Selecting>,
    /// What manages it now, and no more.
    pub controller: Option<Controller>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// A pod that is left alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It cannot be done, and why.
    #[error("{0}")]
    Pod(String),
    /// What was asked for would not do it, and why.
    #[error("{0}")]
    Request(String),
}

impl Plan {
    /// The plan for those facts, by the caller's own values of labels, if there are any.
    ///
    /// # Errors
    /// If the pod is to be left alone.
    pub fn of(facts: &Facts, set: &Labels) -> Result<Self, Unfit> {
        check(facts)?;
        let before = labels_of(&facts.pod);
        let of_controller = facts.manager.as_ref().and_then(selector_of);
        let (names, mut hard): (Vec<_>, Vec<_>) = facts
            .services
            .iter()
            .filter_map(|it| Some((it, Selector::of_labels(at(&it.value, "/spec/selector"))?)))
            .unzip();
        let selecting = names.iter().zip(&hard).filter(|(_, selector)| selector.matches(&before));
        let services: Vec<_> = selecting
            .map(|(it, selector)| Selecting {
                name: it.name.name.clone(),
                uid: it.uid.clone(),
                selector: selector.clone(),
            })
            .collect();
        hard.extend(of_controller.clone());
        let soft: Vec<_> =
            facts.budgets.iter().filter_map(|it| Selector::read(at(&it.value, "/spec/selector"))).collect();
        let soft: Vec<_> = soft.into_iter().filter(|selector| selector.matches(&before)).collect();
        let edits = match set.is_empty() {
            false => own(set)?,
            true => Question { labels: &before, hard: &hard, soft: &soft }.answer().ok_or_else(too_hard)?,
        };
        let after = applied(&before, &edits);
        still_selected(facts, of_controller.as_ref(), &after)?;
        let changes = changes(&before, edits);
        if changes.is_empty() {
            let message = "no Service selects it, and no controller by its labels: there is nothing to take it out of";
            return Err(Unfit::Pod(message.to_owned()));
        }
        let controller = facts.controller.clone().filter(|_| of_controller.is_some());
        let notes = notes(facts, controller.is_some(), (&before, &after));
        Ok(Self { changes, services, controller, notes })
    }

    /// The plan that was carried out before, by the note that it left.
    #[must_use]
    pub fn of_mark(mark: &Mark, facts: &Facts) -> Self {
        let selecting = |it: &Object| {
            let selector = Selector::of_labels(at(&it.value, "/spec/selector"))?;
            Some(Selecting { name: it.name.name.clone(), uid: it.uid.clone(), selector })
        };
        let services = facts.services.iter().filter(|it| mark.services.contains(&it.name.name));
        Self {
            changes: mark.changes(),
            services: services.filter_map(selecting).collect(),
            controller: mark.controller.clone(),
            notes: Vec::new(),
        }
    }

    /// The changes in a line.
    #[must_use]
    pub fn spoken(&self) -> String {
        spoken(&self.changes)
    }
}

/// Changes in a line.
pub(super) fn spoken(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether the pod can be replaced, and is there to be looked at.
fn check(facts: &Facts) -> Result<(), Unfit> {
    let unfit = |message: String| Err(Unfit::Pod(message));
    let pod = &facts.pod;
    if !pod.annotation(ANNOTATION).is_empty() {
        return unfit(match Mark::of(pod) {
            Ok(Some(mark)) => format!("it is already in quarantine, by {} at {:.0}", mark.by, mark.at),
            Ok(None) | Err(_) => format!("it has an annotation {ANNOTATION} already"),
        });
    }
    if !pod.annotation(MIRROR).is_empty() {
        return unfit(
            "the kubelet runs it from a file on its node: its labels would be restored, and no other replaces it"
                .to_owned(),
        );
    }
    if pod.is_deleted() {
        return unfit("it is being deleted: it is replaced anyway".to_owned());
    }
    if matches!(text(&pod.value, "/status/phase"), "Succeeded" | "Failed") {
        return unfit("it has terminated: no Service uses it, and its controller is done with it".to_owned());
    }
    match (&facts.controller, &facts.manager) {
        // Others of that name than Kubernetes' own keep to its ways.
        (Some(controller), _) if controller.kind == "StatefulSet" => unfit(format!(
            "{} manages it, which creates no other pod of its name while it exists: it would not be replaced",
            controller.spoken()
        )),
        (Some(controller), None) => {
            unfit(format!("its {} is gone, so the garbage collector is about to delete it", controller.spoken()))
        }
        _ => Ok(()),
    }
}

/// By what a controller knows its pods; `None` if it does not say.
pub(super) fn selector_of(manager: &Object) -> Option<Selector> {
    let selector = at(&manager.value, "/spec/selector");
    let is_label_selector = ["/matchLabels", "/matchExpressions"].iter().any(|part| !at(selector, part).is_null());
    match is_label_selector {
        true => Selector::read(selector).filter(|selector| *selector != Selector::default()),
        false => map(selector, "")
            .filter(|labels| labels.values().all(serde_json::Value::is_string))
            .and_then(|_| Selector::of_labels(selector)),
    }
}

/// The caller's own values.
fn own(set: &Labels) -> Result<Edits, Unfit> {
    for (key, value) in set {
        if !is_key(key) {
            return Err(Unfit::Request(format!("a label cannot be called {key:?}")));
        }
        if !is_value(value) {
            return Err(Unfit::Request(format!("label {key} cannot be {value:?}")));
        }
    }
    Ok(set.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect())
}

fn too_hard() -> Unfit {
    Unfit::Pod(
        "no small change of labels takes it out of everything that selects it: say which labels to set".to_owned(),
    )
}

/// Whether something selects the pod still, or anew.
fn still_selected(facts: &Facts, of_controller: Option<&Selector>, after: &Labels) -> Result<(), Unfit> {
    let is_selected =
        |it: &&Object| Selector::of_labels(at(&it.value, "/spec/selector")).is_some_and(|by| by.matches(after));
    let mut by: Vec<_> =
        facts.services.iter().filter(is_selected).map(|it| format!("Service {}", it.name.name)).collect();
    let is_kept = of_controller.is_some_and(|selector| selector.matches(after));
    by.extend(facts.controller.iter().filter(|_| is_kept).map(Controller::spoken));
    match by.is_empty() {
        true => Ok(()),
        false => Err(Unfit::Request(format!("with those labels it is selected by {}", by.join(", ")))),
    }
}

fn changes(before: &Labels, edits: Edits) -> Vec<Change> {
    let change = |(key, after): (String, Option<String>)| {
        let before = before.get(&key).cloned();
        Change { key, before, after }
    };
    edits.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// What else is worth knowing of a change of labels.
fn notes(facts: &Facts, is_replaced: bool, (before, after): (&Labels, &Labels)) -> Vec<String> {
    let mut notes = Vec::new();
    let selects = |it: &Object, path: &str, labels: &Labels| {
        Selector::read(at(&it.value, path)).is_some_and(|selector| selector.matches(labels))
    };
    for budget in facts.budgets.iter().filter(|it| selects(it, "/spec/selector", before)) {
        let still = selects(budget, "/spec/selector", after);
        let counts = if still { "still counts it" } else { "no longer counts it" };
        notes.push(format!("PodDisruptionBudget {} {counts}", budget.name.name));
    }
    for policy in facts.policies.iter().filter(|it| selects(it, "/spec/podSelector", before)) {
        if !selects(policy, "/spec/podSelector", after) {
            notes.push(format!(
                "NetworkPolicy {} no longer applies to it: the traffic that it blocks is let through",
                policy.name.name
            ));
        }
    }
    notes.extend(of_manager(facts, is_replaced));
    notes.extend(facts.not_visible.iter().map(|it| format!("not looked at: {it}")));
    notes
}

/// What comes of the pod's place.
fn of_manager(facts: &Facts, is_replaced: bool) -> Option<String> {
    let Some(controller) = &facts.controller else {
        return Some("it has no controller: no other pod replaces it".to_owned());
    };
    let name = controller.spoken();
    let wants = facts.manager.as_ref().and_then(|it| number(&it.value, "/spec/replicas"));
    match (&*controller.kind, is_replaced) {
        (_, false) => {
            Some(format!("{name} does not select its pods by labels: it keeps this one, and creates no other"))
        }
        ("DaemonSet", true) => Some(format!(
            "{name} creates another pod on the same node: a port or a folder of the node that this one uses may prevent that"
        )),
        ("Job", true) => Some(format!("{name} creates another pod, which does this one's work from the beginning")),
        (_, true) if wants == Some(0) => Some(format!("{name} is scaled to 0 pods: no other replaces it")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
