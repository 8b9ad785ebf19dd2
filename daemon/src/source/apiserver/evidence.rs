//! What an API server tells of an object besides the object itself: events, and
//! the logs of pods.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::ApiServer;
use super::answer::{accept, malformed};
use crate::cause::EventLine;
use crate::kind::escape;
use crate::record::Key;
use crate::source::Problem;

/// Events of one object that are read.
const EVENTS: usize = 200;
/// Bytes of a log that are kept; also, of each line, those that are read: runtimes
/// of containers break longer ones.
const LOG: usize = 16 << 10;

#[derive(Deserialize)]
struct EventList {
    #[serde(default)]
    items: Vec<Event>,
}

/// `core/v1`'s Event, which holds what `events.k8s.io/v1` has renamed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    r#type: String,
    reason: String,
    message: String,
    count: Option<u32>,
    series: Option<Series>,
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    first_timestamp: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Series {
    count: u32,
    last_observed_time: Option<Timestamp>,
}

impl From<Event> for EventLine {
    /// What happened once has neither count nor series, or a count of 0.
    fn from(event: Event) -> Self {
        let series = event.series.unwrap_or_default();
        Self {
            r#type: event.r#type,
            reason: event.reason,
            message: event.message,
            count: event.count.unwrap_or(0).max(series.count).max(1),
            last: [series.last_observed_time, event.last_timestamp, event.event_time, event.first_timestamp]
                .into_iter()
                .flatten()
                .next(),
        }
    }
}

impl ApiServer {
    /// What events tell of the object of that UID.
    pub(in crate::source) async fn read_events(&self, namespace: &str, uid: &str) -> Result<Vec<EventLine>, Problem> {
        // Events about what has no namespace are in this one.
        let namespace = if namespace.is_empty() { "default" } else { namespace };
        let selector = escape(&format!("involvedObject.uid={uid}")).to_string();
        let path = format!("/api/v1/namespaces/{}/events?fieldSelector={selector}&limit={EVENTS}", escape(namespace));
        let body = self.get(&path, accept::JSON).await.map_err(|failure| failure.problem)?;
        let list: EventList = serde_json::from_slice(&body).map_err(|error| malformed("list of events", &error))?;
        let mut told = HashSet::new();
        let lines = list.items.into_iter().map(EventLine::from);
        Ok(lines.filter(|line| told.insert((line.reason.clone(), line.message.clone(), line.last))).collect())
    }

    /// The last lines of a container's log, or of its run before. What is too much
    /// for a kubelet it leaves out at the end, where the failure is: so that there
    /// is none, more is read than kept.
    pub(in crate::source) async fn read_log(
        &self,
        pod: &Key,
        container: &str,
        previous: bool,
        lines: usize,
    ) -> Result<Vec<String>, Problem> {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}/log?container={}&previous={previous}&tailLines={lines}&limitBytes={}",
            escape(&pod.namespace),
            escape(&pod.name),
            escape(container),
            LOG.saturating_mul(lines),
        );
        let body = self.get(&path, "*/*").await.map_err(|failure| failure.problem)?;
        Ok(last_lines(&String::from_utf8_lossy(&body)))
    }
}

/// The last lines, as many as are not too much. The last of all, if it is too much by
/// itself, is cut at its end: what tells that a secret is one stands before it.
fn last_lines(text: &str) -> Vec<String> {
    let mut room = LOG;
    let mut lines = Vec::new();
    for line in text.lines().rev() {
        if line.len() > room && !lines.is_empty() {
            break;
        }
        lines.push(line[..line.floor_char_boundary(room)].to_owned());
        room = room.saturating_sub(line.len());
    }
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_log_whole_lines_of_its_end_are_kept() {
        assert_eq!(last_lines("a\n\nb"), ["a", "", "b"]);
        let long = "x".repeat(LOG - 3);
        assert_eq!(last_lines(&format!("a\n{long}\nend\n")), [long.as_str(), "end"]);
        assert_eq!(last_lines(&format!("{long}\nthe end\n")), ["the end"]);
        assert_eq!(last_lines(&format!("a\n{long}xxé")), [format!("{long}xx")]);
        assert_eq!(last_lines(""), [""; 0]);
    }
}
