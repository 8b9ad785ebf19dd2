//! PodDisruptionBudgets.

use super::Described;
use super::document::Document;
use super::read::{fields, selector, text};
use super::related::Question;

/// What a budget has of its own.
pub fn add(it: &Described, document: &mut Document) {
    let object = &it.object;
    let section = document.section("Budget");
    section.fact("Min available", text(object, "/spec/minAvailable"));
    section.fact("Max unavailable", text(object, "/spec/maxUnavailable"));
    section.fact("Selector", selector(object, "/spec/selector"));
    section.fact("Unhealthy pods", text(object, "/spec/unhealthyPodEvictionPolicy"));
    section.fact("Allowed now", text(object, "/status/disruptionsAllowed"));
    section.fact("Healthy", healthy(it));
    section.facts("Being evicted", fields(object, "/status/disruptedPods").map(|(name, _)| name.to_owned()));
}

/// The pods that it protects. An empty selector is one of all pods.
pub fn ask(it: &Described) -> Vec<Question> {
    it.object
        .pointer("/spec/selector")
        .map(|_| it.pods_of(selector(&it.object, "/spec/selector")))
        .into_iter()
        .collect()
}

fn healthy(it: &Described) -> String {
    let [current, desired, expected] =
        ["currentHealthy", "desiredHealthy", "expectedPods"].map(|field| text(&it.object, &format!("/status/{field}")));
    if current.is_empty() { current } else { format!("{current} of {expected}, {desired} needed") }
}
