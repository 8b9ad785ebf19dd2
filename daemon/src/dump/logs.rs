//! The logs of the pods that were met: several at a time, and told of in the order of the pods.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{FuturesUnordered, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::kinds::Stopped;
use super::outlet::{Closed, File, Outlet};
use super::pods::{Runs, Target};
use super::rights::Rights;
use super::scrub::Scrubber;
use super::{Event, LogBounds, Progress, Refusal, Refused, paths};
use crate::logs::line::{Line, Lines};
use crate::source::logs::{LogBody, LogRequest};
use crate::source::{Problem, ProblemReason, Source};

/// Pods whose logs are read at a time.
const AT_ONCE: usize = 8;
/// Pods that may be ahead of the first that is not told.
const AHEAD: usize = 256;
/// Pods after which it is told how far the logs are.
const PODS_TO_A_MARK: usize = 50;
/// Logs of a node that could not be read until the others are not tried: each may take long.
const TRIES_OF_A_NODE: u32 = 2;
/// Lines of a private key that are left out behind its first.
const KEY_LINES: u32 = 200;

/// What logs are read with.
pub(super) struct LogReading<'a> {
    pub(super) source: &'a Source,
    pub(super) rights: &'a Rights,
    pub(super) scrubber: &'a Scrubber,
    pub(super) outlet: &'a Outlet,
    pub(super) places: &'a Semaphore,
    pub(super) bounds: LogBounds,
    pub(super) troubles: Mutex<Troubles>,
}

/// What was told, so that it is not told again.
#[derive(Default)]
pub(super) struct Troubles {
    denied: HashSet<Arc<str>>,
    nodes: HashMap<Arc<str>, u32>,
}

impl Troubles {
    pub(super) fn new() -> Self {
        Self { denied: HashSet::new(), nodes: HashMap::new() }
    }
}

/// What of a pod's logs was told.
#[derive(Default)]
struct Told {
    mark: String,
    logs: u64,
    cut: u64,
}

impl Progress {
    fn count(&mut self, pod: Told) {
        self.mark = pod.mark;
        self.pods += 1;
        self.logs += pod.logs;
        self.cut += pod.cut;
    }
}

impl LogReading<'_> {
    /// Reads the logs of all these pods. One that takes long holds up others only when they are far
    /// ahead of it: a mark tells up to which pod everything was told.
    pub(super) async fn all(&self, targets: &[Target]) -> Result<(), Stopped> {
        let mut progress = Progress { of_pods: targets.len(), ..Progress::default() };
        self.outlet.tell(Event::Logs(progress.clone())).await?;
        let mut under_way = FuturesUnordered::new();
        // Those from the first on that is not told, as far as they were begun.
        let mut begun: VecDeque<Option<Told>> = VecDeque::new();
        loop {
            while under_way.len() < AT_ONCE
                && begun.len() < AHEAD
                && let Some(target) = targets.get(progress.pods + begun.len())
            {
                under_way.push(self.begun(progress.pods + begun.len(), target));
                begun.push_back(None);
            }
            let Some(told) = under_way.next().await else { return Ok(()) };
            let (place, told) = told?;
            if let Some(its) = begun.get_mut(place - progress.pods) {
                *its = Some(told);
            }
            while let Some(Some(pod)) = begun.pop_front_if(|pod| pod.is_some()) {
                progress.count(pod);
                if progress.pods.is_multiple_of(PODS_TO_A_MARK) || progress.pods == progress.of_pods {
                    self.outlet.tell(Event::Logs(progress.clone())).await?;
                }
            }
        }
    }

    fn begun<'a>(&'a self, place: usize, target: &'a Target) -> BoxFuture<'a, Result<(usize, Told), Stopped>> {
        self.pod(target).map(move |told| Ok((place, told?))).boxed()
    }

    async fn pod(&self, target: &Target) -> Result<Told, Stopped> {
        let mut told = Told { mark: target.mark(), ..Told::default() };
        let namespace = &target.key.namespace;
        let may = self.rights.may_read_logs(namespace).await.map_err(Stopped::Unreviewed)?;
        if let Err(message) = may {
            if self.troubles.lock().denied.insert(Arc::clone(namespace)) {
                self.refuse(target, "", Refusal::Denied, message).await?;
            }
            return Ok(told);
        }
        for Runs { container, previous } in &target.containers {
            for previous in [false, true].into_iter().take(1 + usize::from(*previous)) {
                match self.log(target, container, previous).await? {
                    Some(is_cut) => {
                        told.logs += 1;
                        told.cut += u64::from(is_cut);
                    }
                    None => continue,
                }
            }
        }
        Ok(told)
    }

    /// Reads a log; whether it was longer than it may be. `None` if there is none.
    async fn log(&self, target: &Target, container: &str, previous: bool) -> Result<Option<bool>, Stopped> {
        if self.troubles.lock().nodes.get(&target.node).is_some_and(|tries| *tries >= TRIES_OF_A_NODE) {
            let message = format!("node {:?} has not given other logs", target.node);
            self.refuse(target, container, Refusal::Unreachable, message).await?;
            return Ok(None);
        }
        // It is never closed.
        let _place = self.places.acquire().await;
        let wanted = LogRequest {
            pod: target.key.clone(),
            container: container.to_owned(),
            previous,
            follow: false,
            since: None,
            tail: Some(self.bounds.lines),
        };
        match self.source.open_log(&wanted).await {
            Ok(body) => {
                let path = paths::log(&target.key.namespace, &target.key.name, container, previous);
                self.write(target, container, self.outlet.file(path), body).await.map(Some)
            }
            // The run has left no log, or the pod has gone.
            Err(problem) if matches!(problem.reason, ProblemReason::Invalid | ProblemReason::NotServed) => Ok(None),
            Err(problem) => {
                self.trouble(target, container, &problem).await?;
                Ok(None)
            }
        }
    }

    async fn write(
        &self,
        target: &Target,
        container: &str,
        mut file: File<'_>,
        mut body: LogBody,
    ) -> Result<bool, Stopped> {
        let mut lines = Lines::default();
        let mut written = Written { scrubber: self.scrubber, left: self.bounds.bytes, key_lines: 0 };
        while let Some(frame) = body.next().await {
            match frame {
                Ok(frame) => lines.put(frame),
                Err(problem) => {
                    file.write(b"[broken off: the node gave no more]\n").await?;
                    file.end().await?;
                    self.trouble(target, container, &problem).await?;
                    return Ok(false);
                }
            }
            while let Some(line) = lines.next_line() {
                if !written.line(&line, &mut file).await? {
                    file.end().await?;
                    return Ok(true);
                }
            }
        }
        let is_whole = match lines.rest() {
            Some(line) => written.line(&line, &mut file).await?,
            None => true,
        };
        file.end().await?;
        Ok(!is_whole)
    }

    /// Tells that a log could not be read, and remembers it of its node.
    async fn trouble(&self, target: &Target, container: &str, problem: &Problem) -> Result<(), Closed> {
        if problem.reason != ProblemReason::Forbidden {
            *self.troubles.lock().nodes.entry(Arc::clone(&target.node)).or_default() += 1;
        }
        self.refuse(target, container, problem.into(), problem.message.clone()).await
    }

    async fn refuse(&self, target: &Target, container: &str, reason: Refusal, message: String) -> Result<(), Closed> {
        let namespace = target.key.namespace.to_string();
        let name = if container.is_empty() { String::new() } else { format!("{}/{container}", target.key.name) };
        self.outlet
            .tell(Event::Refused(Refused { kind: "pods/log".to_owned(), namespace, name, reason, message }))
            .await
    }
}

/// A log as it is written: each line behind its time, without secrets.
struct Written<'a> {
    scrubber: &'a Scrubber,
    /// Bytes that may be written.
    left: u64,
    /// Lines that are left out at most, because a private key has begun.
    key_lines: u32,
}

impl Written<'_> {
    /// Writes a line; false if there is no more room, which is said in its place.
    async fn line(&mut self, line: &Line, file: &mut File<'_>) -> Result<bool, Closed> {
        let text = String::from_utf8_lossy(&line.text);
        if self.is_of_a_key(&text) {
            return Ok(true);
        }
        let time = line.time.map(|time| format!("{time} ")).unwrap_or_default();
        let cut = if line.cut { " [cut: the line is longer]" } else { "" };
        let text = format!("{time}{}{cut}\n", self.scrubber.line(&text));
        match self.left.checked_sub(text.len() as u64) {
            Some(left) => {
                self.left = left;
                file.write(text.as_bytes()).await?;
                Ok(true)
            }
            None => {
                file.write(b"[cut: the log is longer]\n").await?;
                Ok(false)
            }
        }
    }

    /// Whether a line belongs to a private key whose beginning was in one before.
    fn is_of_a_key(&mut self, text: &str) -> bool {
        let is_of_one = self.key_lines > 0;
        let ends = text.contains("-----END ");
        if !ends && text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
            self.key_lines = KEY_LINES;
            return is_of_one;
        }
        self.key_lines = if ends { 0 } else { self.key_lines.saturating_sub(1) };
        is_of_one
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::cause::Redaction;

    /// What becomes of a log, and whether it was cut.
    async fn written(log: &str, bytes: u64) -> (String, bool) {
        let scrubber = Scrubber::new(Arc::new(Redaction::new(&[]).unwrap()));
        let (outlet, mut comes) = Outlet::new();
        let write = async {
            let mut lines = Lines::default();
            lines.put(Bytes::copy_from_slice(log.as_bytes()));
            let (mut file, mut is_whole) = (outlet.file("a".into()), true);
            let mut written = Written { scrubber: &scrubber, left: bytes, key_lines: 0 };
            while is_whole && let Some(line) = lines.next_line() {
                is_whole = written.line(&line, &mut file).await.unwrap();
            }
            file.end().await.unwrap();
            drop(outlet);
            !is_whole
        };
        let read = async {
            let mut text = Vec::new();
            while let Some(Ok(Event::Part(part))) = comes.recv().await {
                text.extend_from_slice(&part.data);
            }
            String::from_utf8(text).unwrap()
        };
        let (is_cut, text) = tokio::join!(write, read);
        (text, is_cut)
    }

    #[tokio::test]
    async fn a_log_is_written_without_secrets_and_within_its_bounds() {
        let log = "2026-01-01T00:00:00Z a password=hunter2\nno time\n";
        let all = "2026-01-01T00:00:00Z a password=[redacted]\nno time\n";
        assert_eq!(written(log, 1000).await, (all.to_owned(), false));
        let (text, is_cut) = written(log, 45).await;
        assert_eq!((&*text, is_cut), ("2026-01-01T00:00:00Z a password=[redacted]\n[cut: the log is longer]\n", true));
    }

    #[tokio::test]
    async fn of_a_private_key_no_line_is_left() {
        let log = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA\n-----END RSA PRIVATE KEY-----\nb\n";
        assert_eq!(written(log, 1000).await.0, "a\n[redacted]\nb\n");
    }
}
