//! A diagnosis as JSON: the shape that docs/cli-contract.md promises.

use daymark::api::{
    CauseEvidence, Certainty, CheckResult, Diagnosis, DiagnosisCheck, EvidenceKind, KindedRef, RankedCause,
};
use serde::Serialize;

use crate::status_json::{FreshnessJson, UnreachableJson, state};

/// A diagnosis.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosisJson<'a> {
    target: NameJson<'a>,
    state: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    causes: Vec<RankedCauseJson<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    more_causes: i32,
    checks: Vec<CheckJson<'a>>,
    not_visible: Vec<UnreachableJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freshness: Option<FreshnessJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<Vec<RankedCauseJson<'a>>>,
}

#[derive(Debug, Serialize)]
struct NameJson<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub struct RankedCauseJson<'a> {
    reason: &'a str,
    message: &'a str,
    object: NameJson<'a>,
    certainty: &'static str,
    evidence: Vec<EvidenceJson<'a>>,
    next: &'a [String],
    count: i32,
    examples: Vec<NameJson<'a>>,
}

#[derive(Debug, Serialize)]
struct EvidenceJson<'a> {
    kind: &'static str,
    object: NameJson<'a>,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct CheckJson<'a> {
    name: &'a str,
    result: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    command: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl<'a> DiagnosisJson<'a> {
    /// The same, with the causes that are gone.
    pub fn and_gone(self, gone: &'a [RankedCause]) -> Self {
        Self { gone: Some(gone.iter().map(RankedCauseJson::from).collect()), ..self }
    }
}

impl<'a> From<&'a Diagnosis> for DiagnosisJson<'a> {
    fn from(it: &'a Diagnosis) -> Self {
        Self {
            target: NameJson::from(it.target.as_ref()),
            state: state(it.state),
            reason: &it.reason,
            message: &it.message,
            causes: it.causes.iter().map(RankedCauseJson::from).collect(),
            more_causes: it.more_causes,
            checks: it.checks.iter().map(CheckJson::from).collect(),
            not_visible: it.not_visible.iter().map(UnreachableJson::from).collect(),
            freshness: it.freshness.as_ref().map(FreshnessJson::from),
            gone: None,
        }
    }
}

impl<'a> From<Option<&'a KindedRef>> for NameJson<'a> {
    fn from(it: Option<&'a KindedRef>) -> Self {
        let object = it.and_then(|it| it.r#ref.as_ref());
        Self {
            group: object.map_or("", |object| &object.group),
            kind: it.map_or("", |it| &it.kind),
            namespace: object.map_or("", |object| &object.namespace),
            name: object.map_or("", |object| &object.name),
        }
    }
}

impl<'a> From<&'a RankedCause> for RankedCauseJson<'a> {
    fn from(it: &'a RankedCause) -> Self {
        let certainty = match it.certainty() {
            Certainty::Unspecified | Certainty::Certain => "certain",
            Certainty::Likely => "likely",
            Certainty::Possible => "possible",
        };
        Self {
            reason: &it.reason,
            message: &it.message,
            object: NameJson::from(it.object.as_ref()),
            certainty,
            evidence: it.evidence.iter().map(EvidenceJson::from).collect(),
            next: &it.next,
            count: it.count,
            examples: it.examples.iter().map(|example| NameJson::from(Some(example))).collect(),
        }
    }
}

impl<'a> From<&'a CauseEvidence> for EvidenceJson<'a> {
    fn from(it: &'a CauseEvidence) -> Self {
        let kind = match it.kind() {
            EvidenceKind::Unspecified => "unknown",
            EvidenceKind::Event => "event",
            EvidenceKind::Condition => "condition",
            EvidenceKind::ContainerStatus => "containerStatus",
            EvidenceKind::Log => "log",
            EvidenceKind::Field => "field",
            EvidenceKind::Arithmetic => "arithmetic",
        };
        Self { kind, object: NameJson::from(it.object.as_ref()), text: &it.text }
    }
}

impl<'a> From<&'a DiagnosisCheck> for CheckJson<'a> {
    fn from(it: &'a DiagnosisCheck) -> Self {
        let result = match it.result() {
            CheckResult::Ok => "ok",
            CheckResult::Bad => "bad",
            CheckResult::Unspecified | CheckResult::NotChecked => "notChecked",
        };
        Self { name: &it.name, result, message: &it.message, command: &it.command }
    }
}
