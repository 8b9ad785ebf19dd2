//! From events as they are kept to the API's messages.

use daymark_proto::v1::{ClusterEvent, EventSeries, InvolvedObject};

use super::convert::timestamp;
use crate::event_store::{Kept, Place};

impl From<&Kept> for ClusterEvent {
    fn from(kept: &Kept) -> Self {
        let (record, it) = (&kept.record, &kept.happening);
        Self {
            namespace: record.key.namespace.to_string(),
            name: record.key.name.to_string(),
            uid: record.uid.to_string(),
            resource_version: record.resource_version.to_string(),
            creation_time: record.created.map(timestamp),
            involved_object: Some(InvolvedObject {
                api_version: it.api_version.to_string(),
                kind: it.kind.to_string(),
                namespace: it.namespace.to_string(),
                name: it.name.to_string(),
                uid: it.subject.to_string(),
                field_path: it.field_path.to_string(),
            }),
            r#type: it.r#type.to_string(),
            reason: record.judgement.reason.to_string(),
            message: record.judgement.message.to_string(),
            action: it.action.to_string(),
            source_component: it.component.to_string(),
            source_host: it.host.to_string(),
            reporting_component: it.reporter.to_string(),
            reporting_instance: it.instance.to_string(),
            first_timestamp: it.first_timestamp.map(timestamp),
            last_timestamp: it.last_timestamp.map(timestamp),
            event_time: it.event_time.map(timestamp),
            count: number(it.count),
            series: it.series.map(|series| EventSeries {
                count: number(series.count),
                last_observed_time: series.last_observed.map(timestamp),
            }),
            first_time: it.first().map(timestamp),
            last_time: Some(timestamp(kept.last())),
            occurrences: it.occurrences().into(),
        }
    }
}

/// A count as Kubernetes has it.
fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Where a page ends.
pub(super) fn page_token(place: Place) -> String {
    format!("{}/{}/{}", place.last.as_nanosecond(), place.version, place.born)
}

/// The place that [`page_token`] tells; `None` if it told none.
pub(super) fn page_start(token: &str) -> Option<Place> {
    let mut parts = token.split('/');
    let last = jiff::Timestamp::from_nanosecond(parts.next()?.parse().ok()?).ok()?;
    let (version, born) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(Place { last, version, born })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_place_it_was_made_of() {
        let last = "2026-01-01T00:00:01.000002Z".parse().unwrap();
        let place = Place { last, version: u64::MAX, born: 3 };
        assert_eq!(page_start(&page_token(place)), Some(place));
        for token in ["", "1", "1/2", "1/2/3/4", "x/2/3", "99999999999999999999999999999999/2/3", "1/-2/3"] {
            assert_eq!(page_start(token), None, "{token}");
        }
    }
}
