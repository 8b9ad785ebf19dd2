//! Admission webhooks: whether somebody answers them.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::view::View;
use super::{Facts, Ruling, service};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// What is read of a webhook configuration, validating or mutating.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Webhooks {
    webhooks: Vec<Webhook>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Webhook {
    name: Box<str>,
    client_config: ClientConfig,
    /// `Fail` or `Ignore`.
    failure_policy: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClientConfig {
    /// Unset for one that is reached by URL.
    service: Option<ServiceReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceReference {
    namespace: Box<str>,
    name: Box<str>,
}

impl Facts for Webhooks {
    /// A webhook that nobody answers refuses every request that it is asked
    /// about (or lets it through, if its failurePolicy says so).
    fn judge(&self, _metadata: &Metadata, view: &dyn View, _now: Timestamp) -> Ruling {
        let mut not_visible = false;
        let mut worst: Option<Judgement> = None;
        for webhook in &self.webhooks {
            let Some(service) = &webhook.client_config.service else { continue };
            let Some(slices) = service::slices(&service.namespace, &service.name, view) else {
                not_visible = true;
                continue;
            };
            let judgement = (service::ready(&slices).0 == 0).then(|| unanswered(webhook, service));
            if judgement.as_ref().map(|judgement| judgement.doom) > worst.as_ref().map(|worst| worst.doom) {
                worst = judgement;
            }
        }
        if let Some(worst) = worst {
            return worst.into();
        }
        if not_visible {
            let message = "whether its services have endpoints cannot be seen: EndpointSlices are not visible";
            return Judgement::new(State::Unknown, "EndpointsNotVisible", message).into();
        }
        let message = "each service that its webhooks name has a ready endpoint";
        Judgement::new(State::Ready, "EndpointsReady", message).into()
    }
}

fn unanswered(webhook: &Webhook, service: &ServiceReference) -> Judgement {
    let ignored = &*webhook.failure_policy == "Ignore";
    let then = if ignored { "it is skipped" } else { "requests that it is asked about are refused" };
    let ServiceReference { namespace, name } = service;
    let message = format!("webhook {}: service {namespace}/{name} has no ready endpoint: {then}", webhook.name);
    match ignored {
        true => Judgement::new(State::InProgress, "NoReadyEndpoints", message),
        false => Judgement::new(State::Failed, "NoReadyEndpoints", message).with_doom(Doom::Persistent),
    }
}

/// What is read of a ValidatingAdmissionPolicy.
pub(super) type Policy = super::kinds::Facet<IgnoredAny, PolicyStatus>;

/// `status` of a policy.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PolicyStatus {
    observed_generation: i64,
    type_checking: TypeChecking,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TypeChecking {
    expression_warnings: Vec<Warning>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Warning {
    field_ref: Box<str>,
    warning: String,
}

impl Facts for Policy {
    fn observed_generation(&self) -> Option<i64> {
        Some(self.status.observed_generation)
    }

    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        match self.status.type_checking.expression_warnings.first() {
            None => Judgement::new(State::Ready, "TypesChecked", "its expressions are well typed").into(),
            Some(Warning { field_ref, warning }) => {
                // It works for objects of which the warning is not true.
                Judgement::new(State::Unknown, "TypeWarning", format!("{field_ref}: {warning}")).into()
            }
        }
    }
}
