//! Custom resources, and whatever else has no rule of its own, by the
//! conventions of `status`.
//!
//! kstatus' conditions first (`Reconciling`, `Stalled`, `Ready`), then those of
//! OpenShift and Kubernetes itself, then words for a phase. What says nothing is
//! on its way while it is young, and unknown afterwards: never ready, as kubectl
//! has it.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::condition::{self, Condition};
use super::lenient::{Filled, Lenient};
use super::view::View;
use super::{Facts, Ruling};
use crate::object::Metadata;
use crate::state::{Doom, Judgement, State};

/// The reason of an object whose status does not tell how it is, or that has none as others of its kind:
/// nobody will tell more of it.
pub const NO_STATUS: &str = "NoStatus";
/// The reason of one whose status its controller has not written.
const STATUS_MISSING: &str = "StatusMissing";
/// The reason of one whose status has conditions or a phase, none of which is known.
const NOT_UNDERSTOOD: &str = "StatusNotUnderstood";

/// For how long a controller may take to say anything of a new object.
const YOUTH: SignedDuration = SignedDuration::from_mins(1);

/// What is read of an object of any kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Conventional {
    status: Lenient<Status>,
    /// Whether a controller is to write it.
    #[serde(skip)]
    has_status: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: Lenient<Generation>,
    conditions: Lenient<Vec<Lenient<OddCondition>>>,
    phase: Lenient<Box<str>>,
    state: Lenient<Box<str>>,
    health: Lenient<Health>,
    /// All else.
    #[serde(flatten)]
    rest: Filled,
}

/// A condition, each field of which may be odd.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OddCondition {
    r#type: Lenient<Box<str>>,
    status: Lenient<Box<str>>,
    reason: Lenient<String>,
    message: Lenient<String>,
    observed_generation: Lenient<i64>,
}

impl From<OddCondition> for Condition {
    fn from(odd: OddCondition) -> Self {
        Self {
            r#type: odd.r#type.0.unwrap_or_default(),
            status: odd.status.0.unwrap_or_default(),
            reason: odd.reason.0.unwrap_or_default(),
            message: odd.message.0.unwrap_or_default(),
            last_transition_time: None,
            observed_generation: odd.observed_generation.0,
        }
    }
}

/// A number, or (Argo Rollouts) the same as a text; a text that is no number is
/// a hash, which cannot be compared.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Generation {
    Number(i64),
    Text(Box<str>),
}

/// `status.health` as a text, or as Argo CD has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Health {
    Text(Box<str>),
    Status { status: Box<str> },
}

impl Facts for Conventional {
    fn observed_generation(&self) -> Option<i64> {
        match self.status.0.as_ref()?.observed_generation.0.as_ref()? {
            Generation::Number(number) => Some(*number),
            Generation::Text(text) => text.parse().ok(),
        }
    }

    fn judge(&self, metadata: &Metadata, _view: &dyn View, now: Timestamp) -> Ruling {
        let by_words = self.by_words();
        // What has ended may say so by a condition, and how by a word.
        let failed = by_words.clone().filter(|words| words.state == State::Failed);
        let by_conditions = by_conditions(&self.conditions(), metadata.generation);
        let ended = by_conditions.as_ref().is_some_and(|judgement| judgement.state == State::Ready);
        let judgement = failed.filter(|_| ended).or(by_conditions).or(by_words);
        judgement.map_or_else(|| self.says_nothing(metadata, now), Into::into)
    }
}

impl Conventional {
    /// The same, of a kind whose status a controller is to write, or not.
    pub(super) fn of_kind_with_status(self, has_status: bool) -> Self {
        Self { has_status, ..self }
    }

    fn conditions(&self) -> Vec<Condition> {
        let conditions = self.status.0.as_ref().and_then(|status| status.conditions.0.as_ref());
        conditions.into_iter().flatten().filter_map(|condition| condition.0.clone()).map(Into::into).collect()
    }

    /// By the first word that is known.
    fn by_words(&self) -> Option<Judgement> {
        self.words().find_map(|(field, word)| by_word(field, word))
    }

    /// `status.health`, `status.phase`, `status.state`, as far as they are there.
    fn words(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let status = self.status.0.as_ref();
        let health = status.and_then(|status| status.health.0.as_ref()).map(|health| match health {
            Health::Text(text) | Health::Status { status: text } => &**text,
        });
        let phase = status.and_then(|status| status.phase.0.as_deref());
        let state = status.and_then(|status| status.state.0.as_deref());
        [("health", health), ("phase", phase), ("state", state)]
            .into_iter()
            .filter_map(|(field, word)| Some((field, word?)))
    }

    /// Whether a controller has written anything.
    fn is_written(&self) -> bool {
        self.status.0.as_ref().is_some_and(|status| status.observed_generation.0.is_some() || status.rest.0)
    }

    fn says_nothing(&self, metadata: &Metadata, now: Timestamp) -> Ruling {
        let has_word = self.words().any(|(_, word)| !word.is_empty());
        let (reason, message) = match () {
            () if has_word || !self.conditions().is_empty() => {
                (NOT_UNDERSTOOD, "its status says nothing that is understood")
            }
            () if self.has_status && !self.is_written() => {
                (STATUS_MISSING, "its status is empty: its controller may not be running, or never writes it")
            }
            () => (NO_STATUS, "its status, if it has one, does not tell how it is"),
        };
        let until = metadata.creation_timestamp.and_then(|created| created.checked_add(YOUTH).ok());
        match until.filter(|until| now < *until) {
            Some(until) => {
                let message = "its status says nothing yet";
                Ruling::until(Judgement::new(State::InProgress, reason, message), until)
            }
            None => {
                let message = format!("{message}; a CEL rule can tell what it means");
                Judgement::new(State::Unknown, reason, message).into()
            }
        }
    }
}

/// Conditions that decide, in their order: the state that `True` means, and the
/// one that `False` does, if it means anything.
const CONDITIONS: &[(&str, State, Option<State>)] = &[
    ("Stalled", State::Failed, None),
    ("Reconciling", State::InProgress, None),
    ("Failed", State::Failed, None),
    ("Degraded", State::Failed, None),
    ("NotReady", State::InProgress, None),
    ("Ready", State::Ready, Some(State::InProgress)),
    ("Progressing", State::InProgress, None),
    ("Available", State::Ready, Some(State::InProgress)),
    ("Healthy", State::Ready, Some(State::InProgress)),
    ("Succeeded", State::Ready, Some(State::InProgress)),
    ("Complete", State::Ready, Some(State::InProgress)),
    ("Completed", State::Ready, Some(State::InProgress)),
    ("Synced", State::Ready, Some(State::InProgress)),
    ("Reconciled", State::Ready, Some(State::InProgress)),
];

fn by_conditions(conditions: &[Condition], generation: i64) -> Option<Judgement> {
    CONDITIONS.iter().find_map(|(r#type, when_true, when_false)| {
        let condition = condition::find(conditions, r#type)?;
        if condition.observed_generation.is_some_and(|observed| observed < generation) {
            let message = format!("condition {type} is of an older generation than {generation}");
            return Some(Judgement::new(State::InProgress, "GenerationNotObserved", message));
        }
        let state = match &*condition.status {
            // Deployments, and what is made like them, end so.
            "True" if *r#type == "Progressing" && condition.reason.ends_with("Available") => return None,
            "True" => *when_true,
            "False" => (*when_false)?,
            // `Unknown` is nothing to stake a release on.
            _ => when_false.map(|_| State::InProgress)?,
        };
        let judgement = Judgement::new(state, condition.reason_or(r#type), condition.says());
        Some(if state == State::Failed { judgement.with_doom(Doom::Persistent) } else { judgement })
    })
}

/// Words for a phase, and what they mean; others mean nothing.
const WORDS: &[(State, &[&str])] = &[
    (
        State::Ready,
        &[
            "active",
            "green",
            "available",
            "bound",
            "complete",
            "completed",
            "deployed",
            "established",
            "healthy",
            "online",
            "ready",
            "running",
            "succeeded",
            "success",
            "synced",
            "up",
        ],
    ),
    (
        State::Failed,
        &[
            "crashed",
            "red",
            "degraded",
            "error",
            "errored",
            "failed",
            "failedvalidation",
            "failure",
            "faulted",
            "lost",
            "partiallyfailed",
            "unhealthy",
        ],
    ),
    (
        State::InProgress,
        &[
            "accepted",
            "yellow",
            "configuring",
            "creating",
            "deploying",
            "initializing",
            "inprogress",
            "installing",
            "new",
            "pending",
            "preparing",
            "progressing",
            "provisioning",
            "queued",
            "reconciling",
            "restarting",
            "scaling",
            "scheduling",
            "starting",
            "syncing",
            "unavailable",
            "updating",
            "upgrading",
            "waiting",
        ],
    ),
    (State::Paused, &["paused", "suspended", "stopped"]),
];

fn by_word(field: &str, word: &str) -> Option<Judgement> {
    let lower = word.to_ascii_lowercase();
    let (state, _) = WORDS.iter().find(|(_, words)| words.contains(&&*lower))?;
    let judgement = Judgement::new(*state, word.to_owned(), format!("status.{field} is {word}"));
    Some(if *state == State::Failed { judgement.with_doom(Doom::Persistent) } else { judgement })
}
