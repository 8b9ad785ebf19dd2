//! What an event tells besides what is told of every object.

use std::sync::Arc;

use jiff::Timestamp;

use super::Uid;

/// What an event tells besides what is told of every object: the fields of `core/v1`'s
/// Event, which those of `events.k8s.io/v1` are other names of. Reason and message are
/// its judgement's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// What it is about: `involvedObject.uid`. Kubelets give a node's name for its UID.
    pub subject: Uid,
    /// Its kind.
    pub kind: Arc<str>,
    /// Its `apiVersion`, such as `apps/v1`; empty if the event does not say.
    pub api_version: Arc<str>,
    /// Its namespace; empty for a cluster-scoped object.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// A part of it, such as `spec.containers{main}`.
    pub field_path: Arc<str>,
    /// `Normal` or `Warning`.
    pub r#type: Arc<str>,
    /// What was done, or failed; mostly empty.
    pub action: Arc<str>,
    /// Who tells it, as it was said before `events.k8s.io`: `source.component`.
    pub component: Arc<str>,
    /// On which host: `source.host`.
    pub host: Arc<str>,
    /// Who tells it: `reportingComponent`.
    pub reporter: Arc<str>,
    /// Which of them: `reportingInstance`.
    pub instance: Arc<str>,
    /// `firstTimestamp`.
    pub first_timestamp: Option<Timestamp>,
    /// `lastTimestamp`.
    pub last_timestamp: Option<Timestamp>,
    /// `eventTime`.
    pub event_time: Option<Timestamp>,
    /// `count`; 0 if it is not set.
    pub count: u32,
    /// `series`.
    pub series: Option<Series>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// How often an event has happened, as recorders of `events.k8s.io` tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// How often.
    pub count: u32,
    /// When it happened last.
    pub last_observed: Option<Timestamp>,
}

impl Happening {
    /// When it happened last: each of the fields may be missing, as the two recorders of
    /// Kubernetes fill them (`k8s.io/client-go/tools/{record,events}`); the order is that
    /// of `kubectl events` (`k8s.io/kubectl/pkg/cmd/events`, `eventTime`).
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        let observed = self.series.and_then(|series| series.last_observed);
        let told = observed.or(self.last_timestamp).or(self.event_time);
        told.or(self.first_timestamp).or(self.created)
    }

    /// When it happened first, as `kubectl events` tells it.
    #[must_use]
    pub fn first(&self) -> Option<Timestamp> {
        self.event_time.or(self.first_timestamp).or(self.created)
    }

    /// How often it has happened. What happened once has neither count nor series, or a
    /// count of 0.
    #[must_use]
    pub fn occurrences(&self) -> u32 {
        self.count.max(self.series.map_or(0, |series| series.count)).max(1)
    }

    /// The API group of what it is about; `None` if the event does not say.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match &*self.api_version {
            "" => None,
            version => Some(version.split_once('/').map_or("", |(group, _)| group)),
        }
    }
}
