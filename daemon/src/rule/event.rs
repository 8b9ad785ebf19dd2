//! Events.

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{Detail, Happening, Uid};
use crate::state::{Judgement, State};

/// What is read of an Event, of the core group or of events.k8s.io.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    reason: String,
    #[serde(alias = "note")]
    message: String,
    #[serde(alias = "regarding")]
    involved_object: Reference,
    series: Option<Series>,
    #[serde(alias = "deprecatedLastTimestamp")]
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    #[serde(alias = "deprecatedFirstTimestamp")]
    first_timestamp: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference {
    kind: Box<str>,
    name: Box<str>,
    uid: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Series {
    last_observed_time: Option<Timestamp>,
}

impl Event {
    /// When it happened last: each of the fields may be missing, as the two
    /// recorders of Kubernetes fill them (`k8s.io/client-go/tools/{record,events}`).
    fn last(&self, metadata: &Metadata) -> Option<Timestamp> {
        let series = self.series.as_ref().and_then(|series| series.last_observed_time);
        let told = series.or(self.last_timestamp).or(self.event_time).or(self.first_timestamp);
        told.or(metadata.creation_timestamp)
    }
}

impl Facts for Event {
    /// What an event tells is the state of another object; itself it is there.
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let reason = if self.reason.is_empty() { "Event".to_owned() } else { self.reason.clone() };
        Judgement::new(State::Ready, reason, self.message.clone()).into()
    }

    fn detail(&self, metadata: &Metadata, texts: &mut Interner<str>) -> Detail {
        let Reference { kind, name, uid } = &self.involved_object;
        let (subject, last) = (Uid::from(&**uid), self.last(metadata));
        Detail::Event(Box::new(Happening { subject, kind: texts.get(&**kind), name: texts.get(&**name), last }))
    }
}
