//! What a rule finds.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fields::{brief, text};
use super::object::{Name, Object};
use super::observation::Event;
use super::reason::Reason;

/// How sure a cause is: the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The cluster says so.
    Certain,
    /// It follows from what the cluster says, usually.
    Likely,
    /// It would explain what the cluster says.
    Possible,
}

/// Where evidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceKind {
    /// An event.
    Event,
    /// A condition.
    Condition,
    /// The status of a container.
    ContainerStatus,
    /// The last lines of a log.
    Log,
    /// A field, or that an object is missing.
    Field,
    /// What objects come to, added up.
    Arithmetic,
}

/// How a cause is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Where it comes from.
    pub kind: EvidenceKind,
    /// Of which object.
    pub object: Name,
    /// What it says.
    pub text: String,
}

impl Evidence {
    /// What a field says, or the lack of an object.
    pub(super) fn field(object: &Object, text: impl Into<String>) -> Self {
        Self { kind: EvidenceKind::Field, object: object.name.clone(), text: text.into() }
    }

    /// A sum.
    pub(super) fn arithmetic(object: &Object, text: impl Into<String>) -> Self {
        Self { kind: EvidenceKind::Arithmetic, object: object.name.clone(), text: text.into() }
    }

    /// An event.
    pub(super) fn event(object: &Object, event: &Event) -> Self {
        let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
        let text = format!("{}{times}: {}", event.reason, brief(&event.message));
        Self { kind: EvidenceKind::Event, object: object.name.clone(), text }
    }

    /// A condition.
    pub(super) fn condition(object: &Object, condition: &Value) -> Self {
        let parts = [text(condition, "/reason"), text(condition, "/message")];
        let why = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        let text = format!("{}={}: {}", text(condition, "/type"), text(condition, "/status"), brief(&why));
        Self { kind: EvidenceKind::Condition, object: object.name.clone(), text }
    }

    /// The status of a container.
    pub(super) fn container(pod: &Object, text: impl Into<String>) -> Self {
        Self { kind: EvidenceKind::ContainerStatus, object: pod.name.clone(), text: text.into() }
    }

    /// The last lines of a log.
    pub(super) fn log(pod: &Object, container: &str, lines: &[String]) -> Option<Self> {
        let text = format!("container {container}:\n{}", lines.join("\n"));
        (!lines.is_empty()).then(|| Self { kind: EvidenceKind::Log, object: pod.name.clone(), text })
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What, in a word.
    pub reason: Reason,
    /// What, in a sentence.
    pub message: String,
    /// The culprit. Of an object that is missing, its name.
    pub object: Name,
    /// How sure it is.
    pub certainty: Certainty,
    /// How that is known.
    pub evidence: Vec<Evidence>,
    /// What to try next, as commands.
    pub next: Vec<String>,
    /// The objects that have it.
    pub affected: BTreeSet<Name>,
    /// Causes of the same reason and key are one.
    pub(super) key: String,
    /// Whether only an older revision has it.
    pub(super) is_old: bool,
}

impl Cause {
    /// A cause that is certain, and of one object alone.
    pub(super) fn new(reason: Reason, culprit: &Object, message: impl Into<String>) -> Self {
        let name = culprit.name.clone();
        Self {
            reason,
            message: message.into(),
            certainty: Certainty::Certain,
            evidence: Vec::new(),
            next: Vec::new(),
            affected: [name.clone()].into(),
            key: format!("{}/{}/{}", name.id(), name.namespace, name.name),
            object: name,
            is_old: false,
        }
    }

    /// The same, but something else is the culprit, and makes causes one.
    pub(super) fn by(self, culprit: Name) -> Self {
        let key = format!("{}/{}/{}", culprit.id(), culprit.namespace, culprit.name);
        Self { object: culprit, key, ..self }
    }

    /// The same; causes with the same key are one.
    pub(super) fn keyed(self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self }
    }

    /// The same, no more than so sure.
    pub(super) fn is(self, certainty: Certainty) -> Self {
        Self { certainty: certainty.max(self.certainty), ..self }
    }

    /// The same, with evidence.
    pub(super) fn because(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }

    /// The same, with commands.
    pub(super) fn then(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        self.next.extend(commands);
        self
    }
}
