//! Quarantines as the API tells them.

use daymark_proto::v1::{self, LabelChange, QuarantinePlan, QuarantinedPod, ReleaseResponse};
use tonic::Status;

use super::Served;
use super::convert::{View, timestamp};
use super::diagnosis_gather::object;
use crate::act::controller::Controller;
use crate::act::operation::Target;
use crate::act::quarantine::Targets;
use crate::act::quarantine::mark::Mark;
use crate::act::quarantine::plan::{Change, Plan};
use crate::act::quarantine::release::Released;
use crate::kind::Kind;
use crate::record::{Key, Record};

impl Served {
    pub(super) fn told_quarantine(&self, plan: &Plan, targets: &Targets) -> QuarantinePlan {
        QuarantinePlan {
            pod: Some(self.target(&targets.pod)),
            labels: labels(&plan.changes),
            services: targets.services.iter().map(|service| self.target(service)).collect(),
            controller: targets.controller.as_ref().map(|controller| self.target(controller)),
            notes: plan.notes.clone(),
        }
    }

    pub(super) fn told_release(&self, pods: &Kind, key: &Key, released: Released) -> ReleaseResponse {
        let Released { uid, changes, controller, removed, message } = released;
        let controller = controller.and_then(|controller| self.managing(&controller, &key.namespace));
        let removed = removed.map(|pod| self.object_ref(pods, &Key::new(pod.name.namespace, pod.name.name), pod.uid));
        ReleaseResponse {
            pod: Some(self.object_ref(pods, key, uid)),
            labels: labels(&changes),
            controller: controller.map(|controller| self.target(&controller)),
            removed,
            message,
        }
    }

    /// A pod that is in quarantine, and how many bytes it says of that.
    pub(super) fn quarantined(&self, pods: &Kind, record: &Record) -> Result<(QuarantinedPod, usize), Status> {
        let status = Some(self.status(pods, record, View::Basic)?);
        let read = object(record);
        let length = read.as_ref().map_or(0, |pod| pod.annotation(crate::act::quarantine::ANNOTATION).len());
        // One that nobody can read is in quarantine all the same.
        let pod = match read.and_then(|pod| Mark::of(&pod).ok().flatten()) {
            None => QuarantinedPod { status, ..QuarantinedPod::default() },
            Some(mark) => {
                let controller = mark.controller.as_ref().and_then(|it| self.managing(it, &record.key.namespace));
                QuarantinedPod {
                    status,
                    labels: labels(&mark.changes()),
                    by: mark.by,
                    time: Some(timestamp(mark.at)),
                    why: mark.why,
                    controller: controller.map(|controller| self.target(&controller)),
                    services: mark.services,
                }
            }
        };
        Ok((pod, length))
    }

    /// What manages pods of a namespace, if its kind is known.
    pub(super) fn managing(&self, controller: &Controller, namespace: &str) -> Option<Target> {
        let kind = self.caches.catalog().find_exactly((&controller.group, &controller.kind))?;
        Some(Target { kind, key: Key::new(namespace, controller.name.as_str()), uid: controller.uid.clone() })
    }
}

fn labels(changes: &[Change]) -> Vec<v1::LabelChange> {
    let told = |change: &Change| {
        let Change { key, before, after } = change.clone();
        LabelChange { key, before, after }
    };
    changes.iter().map(told).collect()
}
