//! PodDisruptionBudgets, in numbers.

use crate::diagnose::Object;
use crate::diagnose::fields::{at, condition_is, counted, number, text};
use crate::diagnose::selector::selects;
use crate::record::Key;

/// A budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Its name.
    pub key: Key,
    /// Its UID.
    pub uid: String,
    /// Disruptions that it allows now.
    pub allowed: i64,
    /// Pods that are healthy.
    pub healthy: i64,
    /// Pods that have to be.
    pub desired: i64,
    /// Pods that there should be.
    pub expected: i64,
    /// Pods of the node that it selects and that are to go.
    pub here: usize,
    /// What it wants, as it says it: `minAvailable: 2`.
    wants: String,
    /// Whether pods that are not ready may go whatever it says.
    lets_unready_go: bool,
}

impl Budget {
    /// Reads one.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        let count = |field: &str| number(&object.value, &format!("/status/{field}")).unwrap_or(0);
        let wants = ["minAvailable", "maxUnavailable"].into_iter().find_map(|field| {
            let value = at(&object.value, &format!("/spec/{field}"));
            (!value.is_null()).then(|| format!("{field}: {}", value.to_string().trim_matches('"')))
        });
        Self {
            key: Key::new(object.name.namespace.as_str(), object.name.name.as_str()),
            uid: object.uid.clone(),
            allowed: count("disruptionsAllowed"),
            healthy: count("currentHealthy"),
            desired: count("desiredHealthy"),
            expected: count("expectedPods"),
            here: 0,
            wants: wants.unwrap_or_else(|| "no number".to_owned()),
            lets_unready_go: text(&object.value, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow",
        }
    }

    /// Whether the eviction of a pod counts against it (`pkg/registry/core/pod/storage/eviction.go`:
    /// one that has ended, has not begun or is going already does not).
    #[must_use]
    pub fn concerns(&self, object: &Object, pod: &Object) -> bool {
        let selector = at(&object.value, "/spec/selector");
        let is_here = object.name.namespace == pod.name.namespace && selects(selector, pod);
        let is_free =
            matches!(text(&pod.value, "/status/phase"), "Pending" | "Succeeded" | "Failed") || pod.is_deleted();
        let is_ready = condition_is(&pod.value, "Ready", "True");
        is_here && !is_free && (is_ready || !self.lets_unready_go)
    }

    /// Whether it never allows a disruption, however long one waits.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.expected > 0 && self.desired >= self.expected
    }

    /// What it means for pods that are to go.
    #[must_use]
    pub fn message(&self) -> String {
        let Self { healthy, desired, expected, allowed, wants, .. } = self;
        let numbers = format!("{healthy} of {} healthy, {desired} have to be ({wants})", counted_i64(*expected, "pod"));
        match (self.is_never(), allowed) {
            (true, _) => format!("never allows a disruption: {numbers}"),
            (false, 0) => format!("allows no disruption now: {numbers}"),
            (false, 1) => format!("allows 1 disruption now: {numbers}"),
            (false, allowed) => format!("allows {allowed} disruptions now: {numbers}"),
        }
    }
}

fn counted_i64(count: i64, one: &str) -> String {
    let are = if count == 1 { "is" } else { "are" };
    format!("{} {are}", counted(usize::try_from(count).unwrap_or(0), one))
}
