//! Pods that came to a node after its plan was made.
//!
//! The scheduler may have chosen the node before it was cordoned, and who names a node asks no
//! scheduler. A pod that is let onto cordoned nodes is none of them: its replacement would come
//! back for ever, as the pods of a DaemonSet do.

use std::collections::HashSet;

use jiff::Timestamp;

use super::plan::{Fate, Plan};
use super::{Options, read};
use crate::act::actor::{Actor, NotDone};
use crate::diagnose::Object;
use crate::diagnose::fields::{list, text};

/// The taint of a cordoned node (k8s.io/api/core/v1 `TaintNodeUnschedulable`).
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// A plan for those of the node's pods that are not `known`, by their UIDs; `None` if the node is
/// gone, or is another one.
///
/// # Errors
/// If the actor may not read what a plan is made of, or the API server refuses.
pub(super) async fn plan(
    actor: &Actor,
    node: (&str, &str),
    options: &Options,
    known: &HashSet<String>,
    now: Timestamp,
) -> Result<Option<Plan>, NotDone> {
    let facts = match read::facts(actor, node, options, now).await {
        Ok(facts) => facts,
        Err(NotDone::Another { .. }) => return Ok(None),
        Err(NotDone::Refused(refusal)) if refusal.status == Some(404) => return Ok(None),
        Err(error) => return Err(error),
    };
    let settled: HashSet<_> = facts.pods.iter().filter(|pod| tolerates_cordon(pod)).map(|pod| &*pod.uid).collect();
    let mut plan = Plan::of(&facts, options);
    plan.pods.retain(|pod| pod.fate != Fate::Stays && !known.contains(&pod.uid) && !settled.contains(&*pod.uid));
    Ok(Some(plan))
}

/// Whether a cordoned node takes the pod all the same (k8s.io/component-helpers
/// `scheduling/corev1.ToleratesTaint`).
fn tolerates_cordon(pod: &Object) -> bool {
    list(&pod.value, "/spec/tolerations").iter().any(|toleration| {
        let (key, operator) = (text(toleration, "/key"), text(toleration, "/operator"));
        let any_key = key.is_empty() && operator == "Exists";
        let its_value = operator == "Exists" || text(toleration, "/value").is_empty();
        let its_effect = matches!(text(toleration, "/effect"), "" | "NoSchedule");
        its_effect && (any_key || (key == UNSCHEDULABLE && its_value))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_is_let_onto_cordoned_nodes_is_told_from_others() {
        let tolerates = |toleration: serde_json::Value| {
            let pod = json!({"metadata": {"name": "a", "uid": "u"}, "spec": {"tolerations": [toleration]}});
            tolerates_cordon(&crate::act::read::object("v1", "Pod", pod).expect("a pod"))
        };
        assert!(tolerates(json!({"operator": "Exists"})));
        assert!(tolerates(json!({"key": UNSCHEDULABLE, "operator": "Exists", "effect": "NoSchedule"})));
        assert!(tolerates(json!({"key": UNSCHEDULABLE})));
        assert!(!tolerates(json!({"key": UNSCHEDULABLE, "operator": "Exists", "effect": "NoExecute"})));
        assert!(!tolerates(json!({"key": UNSCHEDULABLE, "value": "x"})));
        assert!(!tolerates(json!({"key": "node.kubernetes.io/not-ready", "operator": "Exists"})));
        assert!(!tolerates(json!({"operator": "Equal", "value": "x"})));
    }
}
