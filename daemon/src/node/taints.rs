//! What keeps pods off a node.

use std::str::FromStr;

use serde_json::{Value, json};

use super::part::{Part, PartName};
use crate::diagnose::Object;
use crate::diagnose::fields::{brief, is, list, text};
use crate::diagnose::tolerates;

/// A taint that keeps pods away only while there are better nodes.
const PREFERS: &str = "PreferNoSchedule";
/// What an effect can be (k8s.io/api `core/v1`, `TaintEffect`).
const EFFECTS: &[&str] = &["NoSchedule", PREFERS, "NoExecute"];
/// The taint by which a node that is cordoned is marked (k8s.io/api `core/v1`,
/// `TaintNodeUnschedulable`).
const CORDONED: &str = "node.kubernetes.io/unschedulable";
/// Taints and labels of nodes of the control plane, which are meant to take no others' pods.
const CONTROL_PLANE: &[&str] = &["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Taints that are meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Toleration(Value);

/// A text that says of no taint that it is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a taint: expected KEY, KEY=VALUE, KEY:EFFECT or KEY=VALUE:EFFECT; effects are NoSchedule, PreferNoSchedule and NoExecute"
)]
pub struct BadToleration(String);

impl FromStr for Toleration {
    type Err = BadToleration;

    fn from_str(text: &str) -> Result<Self, BadToleration> {
        let bad = || BadToleration(text.chars().take(100).collect());
        let (taint, effect) = match text.rsplit_once(':') {
            Some((taint, effect)) => (taint, Some(effect)),
            None => (text, None),
        };
        let (key, value) = match taint.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (taint, None),
        };
        // Longer than a label's key and value can be.
        let is_known = effect.is_none_or(|effect| EFFECTS.contains(&effect));
        if key.is_empty() || !is_known || text.len() > 400 {
            return Err(bad());
        }
        let operator = if value.is_some() { "Equal" } else { "Exists" };
        let (value, effect) = (value.unwrap_or_default(), effect.unwrap_or_default());
        Ok(Self(json!({"key": key, "operator": operator, "value": value, "effect": effect})))
    }
}

/// A node's taints as kubectl writes them.
#[must_use]
pub fn taints(node: &Object) -> Vec<String> {
    list(&node.value, "/spec/taints").iter().map(spoken).collect()
}

/// `KEY=VALUE:EFFECT`, or `KEY:EFFECT`.
fn spoken(taint: &Value) -> String {
    let (key, value, effect) = (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect"));
    let equals = if value.is_empty() { "" } else { "=" };
    brief(&format!("{key}{equals}{value}:{effect}"))
}

pub(super) fn judge(node: &Object, tolerated: &[Toleration]) -> Part {
    let name = PartName::Schedulable;
    if is(&node.value, "/spec/unschedulable") {
        return Part::missing(name, "it is cordoned: it accepts no new pods");
    }
    let is_of_its_role = |taint: &Value| {
        let key = text(taint, "/key");
        CONTROL_PLANE.contains(&key) && node.value.pointer("/metadata/labels").is_some_and(|it| it.get(key).is_some())
    };
    let is_meant = |taint: &Value| {
        text(taint, "/effect") == PREFERS
            || is_of_its_role(taint)
            || tolerated.iter().any(|Toleration(toleration)| tolerates(toleration, taint))
    };
    let (meant, bars): (Vec<_>, Vec<_>) = list(&node.value, "/spec/taints").iter().partition(|taint| is_meant(taint));
    let said = |taints: &[&Value]| taints.iter().map(|taint| spoken(taint)).collect::<Vec<_>>().join(", ");
    match (bars.as_slice(), meant.as_slice()) {
        ([], []) => Part::ok(name, "it accepts pods"),
        ([], meant) => Part::ok(name, format!("it accepts pods that tolerate {}", said(meant))),
        (bars, _) if bars.iter().all(|taint| text(taint, "/key") == CORDONED) => {
            Part::missing(name, "it was cordoned: its taint is still there")
        }
        (bars, _) => Part::missing(name, format!("taints keep pods away: {}", said(bars))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_that_are_meant_are_written_as_kubectl_writes_them() {
        let taint = |key: &str, value: &str| json!({"key": key, "value": value, "effect": "NoSchedule"});
        for (text, expected) in [
            ("gpu", true),
            ("gpu=yes", true),
            ("gpu=no", false),
            ("gpu:NoSchedule", true),
            ("gpu:NoExecute", false),
            ("gpu=yes:NoSchedule", true),
            ("disk", false),
        ] {
            let Toleration(toleration) = text.parse().unwrap();
            assert_eq!(tolerates(&toleration, &taint("gpu", "yes")), expected, "{text}");
        }
        for text in ["", "=yes", ":NoSchedule", "gpu:Never", "gpu=yes:", &"x".repeat(401)] {
            assert!(text.parse::<Toleration>().is_err(), "{text}");
        }
    }
}
