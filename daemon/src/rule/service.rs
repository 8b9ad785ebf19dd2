//! Services.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::idle::Selector;
use super::lenient::Filled;
use super::view::{Related, View};
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::record::{Detail, Key, Link, Record};
use crate::state::{Judgement, State};

const NO_ENDPOINTS: &str = "NoEndpoints";
/// The reason of one whose workload wants no pods.
pub(super) const SCALED_TO_ZERO: &str = "ScaledToZero";

/// What is read of a Service.
pub(super) type Service = super::kinds::Facet<Spec, Status>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    r#type: Box<str>,
    /// `None` for a headless one.
    #[serde(rename = "clusterIP")]
    cluster_ip: Box<str>,
    #[serde(rename = "externalIPs")]
    external_ips: Filled,
    external_name: Box<str>,
    selector: Selector,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    load_balancer: LoadBalancer,
}

/// `status.loadBalancer`, of Services and Ingresses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LoadBalancer {
    pub(super) ingress: Filled,
}

impl Facts for Service {
    /// First the addresses, as Helm's `ready.go` has them; then somebody who
    /// answers, which kstatus, Helm and Argo CD do not ask for.
    fn judge(&self, metadata: &Metadata, view: &dyn View, _now: Timestamp) -> Ruling {
        let Self { spec, status } = self;
        let says = |state, reason: &'static str, message: String| Ruling::from(Judgement::new(state, reason, message));
        if &*spec.r#type == "ExternalName" {
            return says(State::Ready, "ExternalName", format!("an alias of {}", spec.external_name));
        }
        if spec.cluster_ip.is_empty() {
            return says(State::InProgress, "NoClusterIP", "no cluster IP is assigned yet".into());
        }
        let outside = status.load_balancer.ingress.0 || spec.external_ips.0;
        if &*spec.r#type == "LoadBalancer" && !outside {
            return says(
                State::InProgress,
                "LoadBalancerPending",
                "no load balancer has given it an address yet".into(),
            );
        }
        if spec.selector.is_empty() {
            return says(State::Ready, "NoSelector", "it has addresses; its endpoints are managed elsewhere".into());
        }
        let says = answers(slices(&metadata.namespace, &metadata.name, view));
        if says.reason == NO_ENDPOINTS && spec.selector.selects_idle(&metadata.namespace, view) {
            let message = "its selector matches a workload that wants no pods, and no pod that has an address";
            return Judgement { reason: SCALED_TO_ZERO.into(), message: message.into(), ..says }.into();
        }
        says.into()
    }
}

/// The EndpointSlices of a Service; `None` where they are not visible.
pub(super) fn slices(namespace: &str, name: &str, view: &dyn View) -> Option<Vec<Arc<Record>>> {
    view.linked(Related::EndpointSlices, namespace, &Link::Service(Key::new(namespace, name)))
}

/// How many endpoints are ready, of how many: of the address family that has more,
/// because a pod may be in a slice of each.
pub(super) fn ready(slices: &[Arc<Record>]) -> (i64, i64) {
    let of_family = |ipv6: bool| {
        let slices = slices.iter().filter(|slice| slice.detail == Detail::Endpoints { ipv6 });
        let counts = slices.filter_map(|slice| slice.judgement.progress);
        counts.fold((0, 0), |(ready, total), count| (ready + count.done, total + count.total))
    };
    of_family(false).max(of_family(true))
}

fn answers(slices: Option<Vec<Arc<Record>>>) -> Judgement {
    let Some(slices) = slices else {
        let message = "whether any endpoint is ready cannot be seen: EndpointSlices are not visible";
        return Judgement::new(State::Unknown, "EndpointsNotVisible", message);
    };
    let (ready, total) = ready(&slices);
    let judgement = match (ready, total) {
        (0, 0) => Judgement::new(State::InProgress, NO_ENDPOINTS, "its selector matches no pod that has an address"),
        (0, _) => Judgement::new(State::InProgress, "NoReadyEndpoints", format!("none of {total} endpoints is ready")),
        _ => Judgement::new(State::Ready, "EndpointsReady", format!("{ready} of {total} endpoints are ready")),
    };
    judgement.with_progress(ready, total, "ready")
}
