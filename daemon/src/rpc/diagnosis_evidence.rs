//! What is told of objects besides themselves: events, logs, and how full nodes are.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tokio::time::{Instant, timeout_at};

use super::Served;
use super::diagnosis_gather::Gathering;
use crate::access::Caller;
use crate::access::authorizer::{Action, Right};
use crate::cause::EventLine;
use crate::diagnose::{self, Event, Name, kinds};
use crate::record::Key;
use crate::source::Problem;

/// How long the API server may take to tell of events, and of logs: then it is told without.
const FOR_EVIDENCE: Duration = Duration::from_secs(5);
/// What is said of the rest then.
const LATE: (&str, &str) = ("Unreachable", "not all were read in time");
/// Questions to the API server at a time.
const AT_ONCE: usize = 8;
/// Lines of a log.
const LINES: usize = 20;
/// Events of a recording that are looked at.
const RECORDED: usize = 3000;

/// Why something was not read, in a word and a sentence.
pub(super) struct Unread {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl From<Problem> for Unread {
    fn from(problem: Problem) -> Self {
        Self { reason: "Unreachable", message: problem.message }
    }
}

impl Served {
    /// What events and logs tell, as far as the caller may read them, and in time.
    pub(super) async fn evidence(&self, caller: &Caller, gathering: &mut Gathering<'_>, names: &[Name]) {
        let ends = Instant::now() + FOR_EVIDENCE;
        match self.source.is_replay() {
            true => recorded_events(gathering).await,
            false => {
                if timeout_at(ends, self.events(caller, gathering, names)).await.is_err() {
                    gathering.not_visible("events", "", LATE.0, LATE.1.to_owned());
                }
                if timeout_at(ends, self.logs(caller, gathering, names)).await.is_err() {
                    gathering.not_visible("pods/log", "", LATE.0, LATE.1.to_owned());
                }
            }
        }
    }

    async fn events(&self, caller: &Caller, gathering: &mut Gathering<'_>, names: &[Name]) {
        let subjects = diagnose::subjects(&gathering.observation, names);
        let subjects = subjects.iter().filter_map(|name| gathering.observation.get(name));
        let subjects: Vec<_> = subjects.map(|it| (it.name.namespace.clone(), it.uid.clone())).collect();
        let each: Vec<_> = subjects
            .into_iter()
            .map(|(namespace, uid)| async move {
                // Events about what has no namespace are in this one.
                let place = if namespace.is_empty() { "default" } else { &*namespace };
                let right = Right::to_any("list", "", "events", Some(place));
                if let Err(why) = self.may_read(caller, right).await {
                    return Err((place.to_owned(), why));
                }
                let read = self.source.read_events(&namespace, &uid).await;
                read.map(|events| (uid, events)).map_err(|problem| (place.to_owned(), problem.into()))
            })
            .collect();
        let mut answers = stream::iter(each).buffered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok((uid, events)) => gathering.observation.tells(&uid, events.into_iter().map(Event::from).collect()),
                Err((namespace, why)) => gathering.not_visible("events", &namespace, why.reason, why.message),
            }
        }
    }

    async fn logs(&self, caller: &Caller, gathering: &mut Gathering<'_>, names: &[Name]) {
        let wanted = diagnose::logs(&gathering.observation, names);
        let each: Vec<_> = wanted
            .into_iter()
            .map(|log| async move {
                let key = Key::new(log.pod.namespace.as_str(), log.pod.name.as_str());
                let right = Right::to_any("get", "", "pods", Some(&log.pod.namespace)).below("log").of(&key.name);
                let lines = match self.may_read(caller, right).await {
                    Err(why) => Err(why),
                    Ok(()) => {
                        let read = self.source.read_log(&key, &log.container, log.previous, LINES).await;
                        read.map_err(Unread::from)
                    }
                };
                (log, lines)
            })
            .collect();
        let mut answers = stream::iter(each).buffered(AT_ONCE);
        while let Some((log, lines)) = answers.next().await {
            match lines {
                Ok(lines) => gathering.observation.logged(&log.uid, &log.container, log.previous, lines),
                Err(why) => gathering.not_visible("pods/log", &log.pod.namespace, why.reason, why.message),
            }
        }
    }

    /// Adds up what pods take of nodes, for those who may see all pods: others are not asked about
    /// namespace by namespace.
    pub(super) async fn add_up(&self, caller: &Caller, gathering: &mut Gathering<'_>) {
        match self.may_read(caller, Right::to_any("list", "", "pods", None)).await {
            Ok(()) => {
                let is_needed = diagnose::is_crowded(&gathering.observation);
                gathering.add_up(kinds::POD, is_needed).await;
            }
            Err(Unread { reason, message }) => {
                gathering.not_visible("pods", "", reason, format!("what nodes have left is not known: {message}"));
            }
        }
    }

    /// Whether the caller may, and why not.
    pub(super) async fn may_read(&self, caller: &Caller, action: impl Into<Action>) -> Result<(), Unread> {
        let action = action.into();
        match self.authorizer.may(caller, action.clone()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unread { reason: "PermissionDenied", message: format!("{caller} may not {action}") }),
            Err(problem) => Err(problem.into()),
        }
    }
}

/// A recording has events as objects.
async fn recorded_events(gathering: &mut Gathering<'_>) {
    gathering.take("Event", &None, RECORDED, |_| true).await;
    let told: Vec<_> = gathering.observation.all("Event").filter_map(recorded).collect();
    for (uid, event) in told.into_iter().filter(|(uid, _)| !uid.is_empty()) {
        gathering.observation.tells(&uid, vec![event]);
    }
    gathering.not_visible("pods/log", "", "NotRecorded", "a recording has no logs".to_owned());
}

fn recorded(event: &diagnose::Object) -> Option<(String, Event)> {
    let text = |path: &str| event.value.pointer(path).and_then(serde_json::Value::as_str);
    let count = ["/count", "/series/count"].into_iter().find_map(|path| event.value.pointer(path)?.as_u64());
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp"];
    let subject = text("/involvedObject/uid").or_else(|| text("/regarding/uid"))?;
    let told = Event {
        is_warning: text("/type") == Some("Warning"),
        reason: text("/reason").unwrap_or_default().to_owned(),
        message: text("/message").or_else(|| text("/note")).unwrap_or_default().to_owned(),
        count: count.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        last: times.into_iter().find_map(|path| text(path)?.parse().ok()),
    };
    Some((subject.to_owned(), told))
}

impl From<EventLine> for Event {
    fn from(line: EventLine) -> Self {
        let EventLine { r#type, reason, message, count, last } = line;
        Self { is_warning: r#type == "Warning", reason, message, count, last }
    }
}
