//! Finds out what broke first below an object.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{Cause, ContainerEnd, EventLine, LogTail, Redaction, Target, containers};
use crate::access::Caller;
use crate::access::authorizer::{Authorizer, Right};
use crate::cache::Cache;
use crate::caches::neighbours::Neighbours;
use crate::record::{Key, Record};
use crate::rule::view::Related;
use crate::source::{Problem, Source};
use crate::state::State;

/// How long it may take to find out why something has failed: then it is told
/// without.
const FOR_FAILURES: Duration = Duration::from_secs(3);
/// Where it is told at a deadline, that is to be kept.
const AT_DEADLINES: Duration = Duration::from_millis(700);
/// Lines of a log.
const LINES: usize = 20;
/// Events.
const EVENTS: usize = 10;
/// Containers whose logs are read.
const LOGS: usize = 3;
/// Investigations that read from the API server at a time.
const AT_ONCE: usize = 16;

/// Finds out what broke first below an object.
#[derive(Debug)]
pub struct Investigator {
    neighbours: Arc<Neighbours>,
    source: Source,
    authorizer: Arc<Authorizer>,
    redaction: Arc<Redaction>,
    turns: Semaphore,
}

/// What is suspected: an object, and where it is.
struct Suspect {
    cache: Arc<Cache>,
    record: Arc<Record>,
}

impl Suspect {
    fn again(&self) -> Self {
        Self { cache: Arc::clone(&self.cache), record: Arc::clone(&self.record) }
    }

    /// To do that with objects of the core group beside it.
    fn right(&self, verb: &'static str, resource: &str) -> Right {
        let namespace = match &*self.record.key.namespace {
            "" => "default",
            namespace => namespace,
        };
        Right::to_any(verb, "", resource, Some(namespace))
    }
}

impl Investigator {
    /// Looks into these caches, and asks that source.
    #[must_use]
    pub fn new(
        neighbours: Arc<Neighbours>,
        source: Source,
        authorizer: Arc<Authorizer>,
        redaction: Arc<Redaction>,
    ) -> Self {
        Self { neighbours, source, authorizer, redaction, turns: Semaphore::new(AT_ONCE) }
    }

    /// What broke first below the object of that name; `None` if there is no such
    /// object. `failure` is why the object has failed, if it has: a word and a
    /// sentence. What cannot be found out in time, which is soon after `deadline` at the
    /// latest, is said to be missing; so is what the caller may not see.
    pub async fn investigate(
        &self,
        caller: &Caller,
        cache: &Arc<Cache>,
        key: &Key,
        failure: Option<(&str, &str)>,
        deadline: Instant,
    ) -> Option<Cause> {
        let now = Instant::now();
        let long = if failure.is_some() { FOR_FAILURES } else { AT_DEADLINES };
        let ends = (now + long).min(deadline.max(now) + AT_DEADLINES);
        let target = Suspect { cache: Arc::clone(cache), record: cache.get(key)? };
        let mut missing = Vec::new();
        let culprit = self.visibly_blamed(caller, &target, ends, &mut missing).await;
        let judgement = &culprit.record.judgement;
        // One that crashes may be on its way again by now.
        let (reason, message) = match failure {
            Some(failure) if judgement.state != State::Failed => failure,
            _ => (&*judgement.reason, &*judgement.message),
        };
        let mut cause = Cause {
            kind: Arc::clone(&culprit.cache.collection().kind),
            record: Arc::new(culprit.record.without_body()),
            reason: reason.to_owned(),
            message: message.to_owned(),
            containers: Vec::new(),
            events: Vec::new(),
            logs: Vec::new(),
            missing,
            others: 0,
            object: Target {
                kind: Arc::clone(&target.cache.collection().kind),
                key: target.record.key.clone(),
                uid: target.record.uid.clone(),
            },
        };
        if self.source.is_replay() {
            cause.missing.push("a recording has no logs".to_owned());
        }
        let turn = timeout_at(ends, self.turns.acquire()).await;
        if turn.is_err() || timeout_at(ends, self.gather(caller, &target, &culprit, &mut cause)).await.is_err() {
            cause.missing.push("not everything could be read in time".to_owned());
        } else if culprit.cache.kind().is_pods() && !self.source.is_replay() {
            self.visible_logs(caller, &culprit, &mut cause, ends).await;
        }
        self.redact(&mut cause);
        Some(cause)
    }

    /// A text without secrets.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        self.redaction.of(text)
    }

    /// Every text of the cluster's own.
    fn redact(&self, cause: &mut Cause) {
        let redact = |text: &mut String| *text = self.redaction.of(text);
        [&mut cause.reason, &mut cause.message].into_iter().chain(&mut cause.missing).for_each(redact);
        for end in &mut cause.containers {
            [&mut end.reason, &mut end.message].into_iter().for_each(redact);
        }
        for event in &mut cause.events {
            [&mut event.reason, &mut event.message].into_iter().for_each(redact);
        }
        for log in &mut cause.logs {
            // What is a secret may be of several lines.
            log.lines = self.redaction.of(&log.lines.join("\n")).lines().map(str::to_owned).collect();
        }
    }

    /// The pod that the object's judgement blames, or the object itself.
    fn blamed(&self, target: &Suspect) -> Suspect {
        let Some(blamed) = &target.record.judgement.blames else { return target.again() };
        let pods = self.neighbours.caches(Related::Pods, Some(&blamed.namespace));
        let pod = pods.into_iter().find_map(|cache| Some(Suspect { record: cache.get(blamed)?, cache }));
        pod.unwrap_or_else(|| target.again())
    }

    /// The same, as far as the caller may see it: else the object itself.
    async fn visibly_blamed(
        &self,
        caller: &Caller,
        target: &Suspect,
        ends: Instant,
        missing: &mut Vec<String>,
    ) -> Suspect {
        let culprit = self.blamed(target);
        if culprit.record.uid == target.record.uid {
            return culprit;
        }
        match timeout_at(ends, self.may_see(caller, &culprit)).await {
            Ok(Ok(())) => return culprit,
            Ok(Err(why)) => missing.push(format!("its pod: {why}")),
            Err(_) => missing.push("its pod: not found out in time whether it may be seen".to_owned()),
        }
        target.again()
    }

    /// The logs, if the caller may read them.
    async fn visible_logs(&self, caller: &Caller, pod: &Suspect, cause: &mut Cause, ends: Instant) {
        let right = pod.right("get", "pods").below("log").of(&pod.record.key.name);
        match timeout_at(ends, self.may(caller, right)).await {
            Ok(Ok(())) => self.logs(pod, cause, ends).await,
            Ok(Err(why)) => cause.missing.push(format!("its logs: {why}")),
            Err(_) => cause.missing.push("its logs: not read in time".to_owned()),
        }
    }

    /// Whether the caller may, and why not.
    async fn may(&self, caller: &Caller, right: Right) -> Result<(), String> {
        match self.authorizer.may(caller, right.clone()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("{caller} may not {right}")),
            Err(problem) => Err(problem.message),
        }
    }

    /// Whether the caller may see an object, all of it.
    async fn may_see(&self, caller: &Caller, suspect: &Suspect) -> Result<(), String> {
        let key = &suspect.record.key;
        self.may(caller, Right::to("get", suspect.cache.kind(), Some(&key.namespace)).of(&key.name)).await
    }

    /// What is known of it besides its logs.
    async fn gather(&self, caller: &Caller, target: &Suspect, culprit: &Suspect, cause: &mut Cause) {
        if culprit.cache.kind().is_pods() {
            let containers = match self.may_see(caller, culprit).await {
                Ok(()) => self.containers(culprit).await,
                Err(why) => Err(why),
            };
            match containers {
                Ok(containers) => cause.containers = containers,
                Err(problem) => cause.missing.push(format!("its containers: {problem}")),
            }
        }
        if let Err(why) = self.may(caller, culprit.right("list", "events")).await {
            cause.missing.push(format!("its events: {why}"));
            return;
        }
        let is_another = culprit.record.uid != target.record.uid;
        let subjects = std::iter::once(culprit).chain(is_another.then_some(target));
        for events in join_all(subjects.map(|subject| self.events(subject))).await {
            match events {
                Ok(events) => cause.events.extend(events),
                Err(problem) => cause.missing.push(format!("its events: {}", problem.message)),
            }
        }
        cause.events.sort_by_key(|event| event.last);
        // What is normal makes room for warnings.
        while cause.events.len() > EVENTS {
            let normal = cause.events.iter().position(|event| event.r#type != "Warning");
            cause.events.remove(normal.unwrap_or(0));
        }
    }

    async fn containers(&self, pod: &Suspect) -> Result<Vec<ContainerEnd>, String> {
        let json = match &pod.record.body {
            Some(body) => body.json().map_err(|error| error.to_string())?,
            None => {
                let read = self.source.read_whole(pod.cache.collection(), &pod.record.key).await;
                let read = read.map_err(|problem| problem.message)?;
                read.ok_or_else(|| "it is gone".to_owned())?.into_bytes()
            }
        };
        containers::not_well(&json).map_err(|error| error.to_string())
    }

    async fn events(&self, subject: &Suspect) -> Result<Vec<EventLine>, Problem> {
        let (namespace, uid) = (&subject.record.key.namespace, subject.record.uid.to_string());
        self.source.read_events(namespace, &uid).await
    }

    /// The logs that come before `ends`: some may where others do not.
    async fn logs(&self, pod: &Suspect, cause: &mut Cause, ends: Instant) {
        let have_run = cause.containers.iter().filter(|container| container.has_run).take(LOGS);
        let wanted = have_run.flat_map(|it| [(it.restarts > 0).then_some((it, true)), Some((it, false))]).flatten();
        let reads = wanted.map(|(container, previous)| async move {
            let log = self.source.read_log(&pod.record.key, &container.name, previous, LINES);
            let log = match timeout_at(ends, log).await {
                Ok(log) => log.map_err(|problem| problem.message),
                Err(_) => Err("not read in time".to_owned()),
            };
            (container.name.clone(), previous, log)
        });
        let reads = join_all(reads).await;
        for (container, previous, log) in reads {
            match log {
                Ok(lines) if lines.is_empty() => {}
                Ok(lines) => cause.logs.push(LogTail { container, previous, lines }),
                Err(problem) => {
                    let run = if previous { "previous " } else { "" };
                    cause.missing.push(format!("the {run}log of container {container}: {problem}"));
                }
            }
        }
    }
}
