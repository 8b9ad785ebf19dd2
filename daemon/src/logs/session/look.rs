//! Which pods there are by now, and whose logs are read of them.

use foldhash::{HashSet, HashSetExt as _};
use futures::stream::StreamExt as _;
use tokio::time::Instant;

use super::{MOST_OF_ONE, ROOM, Session, Stopped};
use crate::kind::Kind;
use crate::logs::below::{self, Found};
use crate::logs::pod::Pod;
use crate::logs::reader::{Part, Reader};
use crate::logs::roster::{MOST_PODS, Newcomer};
use crate::logs::{Event, Failure, NoticeKind, Origin, Told, Wanted};

impl Session {
    /// Looks which pods there are.
    pub(super) async fn look(&mut self) -> Result<(), Stopped> {
        self.news.mark_unchanged();
        if let Some(kind) = self.closed() {
            return Err(Stopped::Closed(kind));
        }
        let (pods, left_out) = self.pods().await;
        let mut denied = None;
        for pod in &pods {
            if let Err(why) = self.meet(pod).await? {
                denied.get_or_insert(why);
            }
        }
        if let Some(why) = denied.filter(|_| !self.looked && self.roster.read().is_empty()) {
            return Err(Stopped::Denied(why));
        }
        self.roster.keep(&pods.iter().map(|pod| pod.record.uid.clone()).collect());
        let left_out = left_out + self.roster.skipped();
        self.say_what_lacks(pods.is_empty(), left_out);
        (self.looked, self.last_look) = (true, Instant::now());
        // What is read in the order of time cannot be joined later.
        self.look_at = (left_out > 0 && self.wanted.follow).then(|| self.last_look + ROOM);
        Ok(())
    }

    /// A kind that is not followed any more, at least not as it was.
    fn closed(&self) -> Option<Kind> {
        let mut caches = self.below.all().chain(&self.targets.caches);
        caches.find(|cache| cache.closed().is_cancelled()).map(|cache| cache.kind().clone())
    }

    /// The pods below the targets, in the order of their names, and how many there are besides.
    async fn pods(&mut self) -> (Vec<Found>, usize) {
        let mut seen = HashSet::new();
        let mut pods = Vec::new();
        for target in below::targets(&self.targets, &self.tools.log) {
            match self.below.pods(&self.tools.source, &self.tools.log, &target).await {
                Ok(below) => pods.extend(below.into_iter().filter(|pod| seen.insert(pod.record.uid.clone()))),
                Err(problem) if !self.looked => {
                    let message = format!("the pods of {}: {}", target.record.key.name, problem.message);
                    self.queue.push_back(Event::notice(NoticeKind::Failed((&problem).into()), 0, message));
                }
                Err(_) => {}
            }
        }
        pods.sort_by(|a, b| a.record.key.cmp(&b.record.key));
        let left_out = pods.len().saturating_sub(MOST_PODS);
        pods.truncate(MOST_PODS);
        (pods, left_out)
    }

    /// Takes in how a pod is by now; it is an error, to be told, if the caller may not read it.
    async fn meet(&mut self, found: &Found) -> Result<Result<(), String>, Stopped> {
        let record = &found.record;
        if self.roster.knows(record) {
            return Ok(Ok(()));
        }
        let is_new = !self.roster.has_met(&record.uid);
        if is_new && let Err(why) = self.rights.to_read(&record.key).await.map_err(Stopped::Unreviewed)? {
            self.roster.deny(record);
            self.queue.push_back(Event::notice(NoticeKind::Failed(Failure::Denied), 0, why.clone()));
            return Ok(Err(why));
        }
        let json = match found.json(&self.tools.source).await {
            Ok(Some(json)) => json,
            Err(problem) if !self.looked => {
                let message = format!("pod {}: {}", record.key.name, problem.message);
                self.queue.push_back(Event::notice(NoticeKind::Failed((&problem).into()), 0, message));
                return Ok(Ok(()));
            }
            // It is gone, or is read the next time.
            Ok(None) | Err(_) => return Ok(Ok(())),
        };
        let Ok(pod) = Pod::of(&json) else {
            self.roster.deny(record);
            let message = format!("pod {} cannot be understood", record.key.name);
            self.queue.push_back(Event::notice(NoticeKind::Failed(Failure::Unreachable), 0, message));
            return Ok(Ok(()));
        };
        self.read(found, &pod, is_new && self.looked);
        Ok(Ok(()))
    }

    /// Begins to read the logs of a pod that are not read yet.
    fn read(&mut self, found: &Found, pod: &Pod, joined: bool) {
        let record = &found.record;
        if joined {
            self.queue.push_back(Event::notice(NoticeKind::Joined, 0, format!("pod {} came", record.key.name)));
        }
        let (tools, caller) = (&self.tools, &self.rights.caller);
        let mut room = MOST_OF_ONE.saturating_sub(self.readers.len());
        let place = || {
            room = room.checked_sub(1)?;
            tools.place(caller)
        };
        let newcomers = self.roster.update(record, pod, &self.wanted.containers, place, &mut self.queue);
        for newcomer in newcomers {
            self.open(found, newcomer, joined);
        }
    }

    /// Begins to read the log of a container.
    fn open(&mut self, found: &Found, newcomer: Newcomer, joined: bool) {
        let Newcomer { number, name, standing, place } = newcomer;
        let (key, uid) = (found.record.key.clone(), found.record.uid.clone());
        let Wanted { follow, previous, since, tail, .. } = self.wanted;
        let told = self.wanted.told(&uid, &name, found.record.created);
        let joined = joined || told == Told::Nothing;
        let part = Part {
            follow,
            previous,
            since,
            tail: tail.filter(|_| !joined),
            mark: told.mark(),
            now: self.tools.clock.now(),
        };
        let reader = Reader::new(self.tools.opener(), number, (key.clone(), name.clone()), part, standing);
        self.queue.push_back(Event::Origin(Origin { number, pod: key, uid, container: name, joined }));
        let events = reader.into_stream().map(move |event| {
            let _held = &place;
            event
        });
        self.readers.add(events.boxed());
    }

    fn say_what_lacks(&mut self, is_empty: bool, left_out: usize) {
        if is_empty && !std::mem::replace(&mut self.said_none, true) {
            let then = if self.wanted.follow { ": waiting for some" } else { "" };
            self.queue.push_back(Event::notice(NoticeKind::NoPods, 0, format!("there are no pods{then}")));
        }
        if left_out > self.said_left_out {
            let message = format!(
                "{left_out} containers or pods are not read: at most {MOST_OF_ONE} per request are read at a time"
            );
            self.queue.push_back(Event::notice(NoticeKind::NotRead, 0, message));
        }
        self.said_left_out = left_out;
    }
}
