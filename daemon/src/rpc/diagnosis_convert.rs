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
use crate::cause::Redaction;
use crate::diagnose::{Cause, Certainty, Check, Diagnosis, EvidenceKind, Manifest, Name, NotVisible, Outcome};
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
        // Of manifests nothing may be there yet.
        let state_of = match asked.names.is_empty() && !observation.manifests.is_empty() {
            true => v1::State::Absent,
            false => state(state_of),
        };
        let caches = gathering.caches();
        v1::Diagnosis {
            target: Some(self.kinded_ref(&asked.target)),
            state: state_of.into(),
            reason,
            message: self.redaction.of(&message),
            causes: diagnosis.causes.iter().take(CAUSES).map(|cause| self.ranked_cause(cause)).collect(),
            more_causes: count(diagnosis.causes.len().saturating_sub(CAUSES)),
            checks: diagnosis.checks.iter().map(|check| self.check(check, &observation.manifests)).collect(),
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

    fn check(&self, check: &Check, manifests: &[Manifest]) -> DiagnosisCheck {
        let result = match check.outcome {
            Outcome::Ok => CheckResult::Ok,
            Outcome::Bad => CheckResult::Bad,
            Outcome::NotChecked => CheckResult::NotChecked,
        };
        DiagnosisCheck {
            name: check.name.to_owned(),
            result: result.into(),
            message: lines(&self.redaction, &check.message, manifests),
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

/// Lines, redacted; what a line about a manifest begins with, and the field's name behind that, are
/// no secrets, whatever they look like.
fn lines(redaction: &Redaction, text: &str, manifests: &[Manifest]) -> String {
    if manifests.is_empty() {
        return redaction.of(text);
    }
    let titles: Vec<_> = manifests.iter().map(Manifest::title).collect();
    let line = |line: &str| {
        let title = titles.iter().find(|title| line.starts_with(title.as_str())).map_or("", |title| title.as_str());
        let rest = &line[title.len()..];
        match rest.split_once(": ").filter(|_| !title.is_empty()) {
            Some((field, rest)) => format!("{title}{field}: {}", redaction.of(rest)),
            None => format!("{title}{}", redaction.of(rest)),
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Ruling;

    #[test]
    fn fields_of_manifests_are_told_and_secrets_are_not() {
        let (place, kind, name) = ("a.yaml#1".to_owned(), "Secret".to_owned(), "db-token".to_owned());
        let manifests = [Manifest { place, kind, name, ruling: Ruling::Valid(Vec::new()) }];
        let redaction = Redaction::new(&[]).unwrap();
        let field = "a.yaml#1: Secret db-token: imagePullSecrets: field not declared in schema";
        let text = format!("{field}\n{field}: password=hunter2hunter2\npassword=hunter2hunter2");
        let told = lines(&redaction, &text, &manifests);
        assert!(told.starts_with(&format!("{field}\n{field}: password=")) && !told.contains("hunter2"), "{told}");
        assert!(!lines(&redaction, "password=hunter2hunter2", &[]).contains("hunter2"));
    }
}
