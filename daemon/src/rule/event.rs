//! Events.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::view::View;
use super::{Facts, Ruling};
use crate::intern::Interner;
use crate::object::Metadata;
use crate::record::{self, Detail, Happening, Uid};
use crate::state::{Judgement, State};

/// What is read of an Event, of the core group or of events.k8s.io.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    r#type: Box<str>,
    reason: String,
    #[serde(alias = "note")]
    message: String,
    action: Box<str>,
    #[serde(alias = "regarding")]
    involved_object: Reference,
    #[serde(alias = "deprecatedSource")]
    source: Source,
    #[serde(alias = "reportingController")]
    reporting_component: Box<str>,
    reporting_instance: Box<str>,
    #[serde(alias = "deprecatedCount")]
    count: Option<i64>,
    series: Option<Series>,
    #[serde(alias = "deprecatedLastTimestamp")]
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    #[serde(alias = "deprecatedFirstTimestamp")]
    first_timestamp: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    api_version: Box<str>,
    kind: Box<str>,
    namespace: Box<str>,
    name: Box<str>,
    uid: Box<str>,
    field_path: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    component: Box<str>,
    host: Box<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Series {
    count: i64,
    last_observed_time: Option<Timestamp>,
}

/// A count that makes no sense is none.
fn count(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(0)
}

impl Facts for Event {
    /// What an event tells is the state of another object; itself it is there.
    fn judge(&self, _metadata: &Metadata, _view: &dyn View, _now: Timestamp) -> Ruling {
        let reason = if self.reason.is_empty() { "Event".to_owned() } else { self.reason.clone() };
        Judgement::new(State::Ready, reason, self.message.clone()).into()
    }

    fn detail(&self, metadata: &Metadata, texts: &mut Interner<str>) -> Detail {
        let Reference { api_version, kind, namespace, name, uid, field_path } = &self.involved_object;
        let series = self.series.as_ref();
        let mut text = |text: &str| texts.get(text);
        Detail::Event(Arc::new(Happening {
            subject: Uid::from(&**uid),
            kind: text(kind),
            api_version: text(api_version),
            namespace: text(namespace),
            name: text(name),
            field_path: text(field_path),
            r#type: text(&self.r#type),
            action: text(&self.action),
            component: text(&self.source.component),
            host: text(&self.source.host),
            reporter: text(&self.reporting_component),
            instance: text(&self.reporting_instance),
            first_timestamp: self.first_timestamp,
            last_timestamp: self.last_timestamp,
            event_time: self.event_time,
            count: self.count.map_or(0, count),
            series: series.map(|it| record::Series { count: count(it.count), last_observed: it.last_observed_time }),
            created: metadata.creation_timestamp,
        }))
    }
}
