//! Workloads that want no pods, and Services that lead to nobody else.

use std::sync::Arc;

use serde::Deserialize;

use super::view::{Related, View};
use crate::intern::Interner;
use crate::object::Labels;
use crate::record::{Detail, Link};

/// What is read of a workload's `spec.template`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    metadata: TemplateMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TemplateMetadata {
    #[serde(deserialize_with = "crate::decode::labels")]
    labels: Labels,
}

/// What is read of a Service's `spec.selector`.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Selector(#[serde(deserialize_with = "crate::decode::labels")] Labels);

impl Selector {
    pub(super) fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// Whether a workload that wants no pods is there, whose pods it would select.
    pub(super) fn selects_idle(&self, namespace: &str, view: &dyn View) -> bool {
        let selects = |labels: &Arc<crate::record::Labels>| {
            self.0.0.iter().all(|(key, value)| labels.iter().any(|(k, v)| (&**k, &**v) == (&**key, &**value)))
        };
        [Related::Deployments, Related::StatefulSets].into_iter().any(|set| {
            let idle = view.linked(set, namespace, &Link::Idle(namespace.into())).unwrap_or_default();
            idle.iter().any(|workload| matches!(&workload.detail, Detail::Idle(labels) if selects(labels)))
        })
    }
}

/// What Services read of a workload that wants so many pods of that template.
pub(super) fn detail(replicas: i64, template: &Template, texts: &mut Interner<str>) -> Detail {
    if replicas != 0 {
        return Detail::None;
    }
    let labels = template.metadata.labels.0.iter();
    Detail::Idle(labels.map(|(key, value)| (texts.get(&**key), texts.get(&**value))).collect())
}

#[cfg(test)]
mod tests {
    use crate::rule::{disruption, is_settled, service};
    use crate::state::{Judgement, State};

    #[test]
    fn nothing_is_left_to_wait_for_where_no_pods_are_wanted() {
        for reason in [disruption::NO_PODS, service::SCALED_TO_ZERO] {
            assert!(is_settled(&Judgement::new(State::InProgress, reason, "")), "{reason}");
            assert!(!is_settled(&Judgement::new(State::Terminating, reason, "")), "{reason}");
        }
        for reason in ["InsufficientPods", "NoEndpoints"] {
            assert!(!is_settled(&Judgement::new(State::InProgress, reason, "")), "{reason}");
        }
    }
}
