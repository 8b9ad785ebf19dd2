//! From a diagnosis to the API's messages. The cluster's own text is redacted here.

use daymark_proto::v1::{
    self, CauseEvidence, Certainty as WireCertainty, CheckResult, DiagnosisCheck, EvidenceKind as WireKind, KindedRef,
    RankedCause, Unreachable,
};

use super::Served;
use super::convert::state;
use super::diagnosis_gather::Gathering;
use super::diagnosis_observe::Asked;
use crate::cache::Cache;
use crate::diagnose::{Cause, Certainty, Check, Diagnosis, EvidenceKind, Name, NotVisible, Outcome};
use crate::record::Key;
use crate::state::State;

/// Causes that are told; the others are counted.
const CAUSES: usize = 50;
/// Objects that are named of those that have a cause.
const EXAMPLES: usize = 5;

impl Served {
    /// What is told of a diagnosis.
    pub(super) fn diagnosis(&self, diagnosis: &Diagnosis, gathering: &Gathering<'_>, asked: &Asked) -> v1::Diagnosis {
        let observation = &gathering.observation;
        let verdict = observation.get(&asked.target).and_then(|object| object.verdict.as_ref());
        let (state_of, reason, message) = match verdict {
            Some(verdict) => (verdict.state, verdict.reason.clone(), verdict.message.clone()),
            None if diagnosis.causes.is_empty() => (State::Ready, String::new(), String::new()),
            None => (State::Failed, String::new(), String::new()),
        };
        let caches = gathering.caches();
        v1::Diagnosis {
            target: Some(self.kinded_ref(&asked.target)),
            state: state(state_of).into(),
            reason,
            message: self.redaction.of(&message),
            causes: diagnosis.causes.iter().take(CAUSES).map(|cause| self.ranked_cause(cause)).collect(),
            more_causes: count(diagnosis.causes.len().saturating_sub(CAUSES)),
            checks: diagnosis.checks.iter().map(|check| self.check(check)).collect(),
            not_visible: observation.not_visible.iter().map(unreachable).collect(),
            freshness: Some(self.freshness(caches.iter().map(|lease| -> &Cache { lease }))),
        }
    }

    fn ranked_cause(&self, cause: &Cause) -> RankedCause {
        let certainty = match cause.certainty {
            Certainty::Certain => WireCertainty::Certain,
            Certainty::Likely => WireCertainty::Likely,
            Certainty::Possible => WireCertainty::Possible,
        };
        let evidence = cause.evidence.iter().map(|evidence| CauseEvidence {
            kind: evidence_kind(evidence.kind).into(),
            object: Some(self.kinded_ref(&evidence.object)),
            text: self.redaction.of(&evidence.text),
        });
        RankedCause {
            reason: cause.reason.as_str().to_owned(),
            message: self.redaction.of(&cause.message),
            object: Some(self.kinded_ref(&cause.object)),
            certainty: certainty.into(),
            evidence: evidence.collect(),
            next: cause.next.clone(),
            count: count(cause.affected.len()),
            examples: cause.affected.iter().take(EXAMPLES).map(|name| self.kinded_ref(name)).collect(),
        }
    }

    fn check(&self, check: &Check) -> DiagnosisCheck {
        let result = match check.outcome {
            Outcome::Ok => CheckResult::Ok,
            Outcome::Bad => CheckResult::Bad,
            Outcome::NotChecked => CheckResult::NotChecked,
        };
        DiagnosisCheck {
            name: check.name.to_owned(),
            result: result.into(),
            message: self.redaction.of(&check.message),
            command: check.command.clone(),
        }
    }

    /// An object by its name, whether there is one or not.
    fn kinded_ref(&self, name: &Name) -> KindedRef {
        let Name { group, kind, namespace, name } = name;
        let known = self.caches.catalog().find_exactly((group, kind));
        let r#ref = match known {
            Some(kind) => self.object_ref(&kind, &Key::new(namespace.as_str(), name.as_str()), String::new()),
            None => v1::ObjectRef {
                cluster: self.cluster.clone(),
                group: group.clone(),
                resource: format!("{}s", kind.to_lowercase()),
                namespace: namespace.clone(),
                name: name.clone(),
                uid: String::new(),
            },
        };
        KindedRef { kind: kind.clone(), r#ref: Some(r#ref) }
    }
}

fn evidence_kind(kind: EvidenceKind) -> WireKind {
    match kind {
        EvidenceKind::Event => WireKind::Event,
        EvidenceKind::Condition => WireKind::Condition,
        EvidenceKind::ContainerStatus => WireKind::ContainerStatus,
        EvidenceKind::Log => WireKind::Log,
        EvidenceKind::Field => WireKind::Field,
        EvidenceKind::Arithmetic => WireKind::Arithmetic,
    }
}

/// What was left out.
pub(super) fn unreachable(it: &NotVisible) -> Unreachable {
    let NotVisible { kind, namespace, reason, message } = it.clone();
    Unreachable { kind, reason, message, namespace }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
