//! What an API server tells of an object besides the object: events, and the logs
//! of pods.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Verb;
use super::logs::Wanted;

/// Events and logs, as tests have written them.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) events: Vec<Value>,
    pub(super) logs: HashMap<Log, String>,
}

/// The log of a container of a pod, or of its run before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Log {
    pub(super) pod: String,
    pub(super) container: String,
    pub(super) previous: bool,
}

/// What a request for evidence asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The events of an object, by its UID.
    Events(String),
    /// The end of a log: so many lines, and of these the first so many bytes.
    Log(Log, usize, usize),
    /// A log as it is written.
    Stream(Wanted),
}

impl Asked {
    pub(super) fn of(path: &str, query: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let rest = path.strip_prefix("/api/v1/namespaces/")?;
        let number = |name: &str| query(name).and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
        match rest.split('/').collect::<Vec<_>>()[..] {
            [_, "events"] => {
                let selector = query("fieldSelector")?.replace("%3D", "=");
                Some(Self::Events(selector.strip_prefix("involvedObject.uid=")?.to_owned()))
            }
            [_, "pods", pod, "log"] => {
                if let Some(wanted) = Wanted::of(pod, &query) {
                    return Some(Self::Stream(wanted));
                }
                let (pod, container) = (pod.to_owned(), query("container").unwrap_or_default());
                let previous = query("previous").as_deref() == Some("true");
                Some(Self::Log(Log { pod, container, previous }, number("tailLines"), number("limitBytes")))
            }
            _ => None,
        }
    }

    pub(super) fn verb(&self) -> Verb {
        match self {
            Self::Events(_) => Verb::Events,
            Self::Log(..) | Self::Stream(_) => Verb::Log,
        }
    }
}

impl Evidence {
    /// The list of an object's events.
    pub(super) fn events(&self, uid: &str) -> Value {
        let items: Vec<_> = self.events.iter().filter(|event| event["involvedObject"]["uid"] == uid).collect();
        json!({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": items})
    }

    /// The end of a log, cut as a kubelet cuts it: what is too much is missing at
    /// its end.
    pub(super) fn log(&self, log: &Log, lines: usize, bytes: usize) -> Option<String> {
        let all: Vec<_> = self.logs.get(log)?.split_inclusive('\n').collect();
        let mut end = all[all.len().saturating_sub(lines)..].concat().into_bytes();
        end.truncate(bytes);
        Some(String::from_utf8_lossy(&end).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_as_a_kubelet_cuts_it() {
        let log = Log { pod: "a".into(), container: "main".into(), previous: false };
        let logs = HashMap::from([(log.clone(), "one\ntwo\nthree\n".to_owned())]);
        let evidence = Evidence { logs, ..Evidence::default() };
        assert_eq!(evidence.log(&log, 2, 6).as_deref(), Some("two\nth"));
        assert_eq!(evidence.log(&log, 9, 99).as_deref(), Some("one\ntwo\nthree\n"));
        assert_eq!(evidence.log(&Log { previous: true, ..log }, 2, 9), None);
    }
}
