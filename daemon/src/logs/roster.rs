//! Whose logs are read: the pods that were met, and their containers.

use std::collections::VecDeque;

use foldhash::{HashMap, HashMapExt as _, HashSet};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::pod::{Choice, Container, Pod, Standing};
use super::{Event, Failure, NoticeKind};
use crate::access::shares;
use crate::record::{Key, Record, Uid};

/// Pods that one request looks at.
pub(super) const MOST_PODS: usize = 1000;

/// The pods that were met.
#[derive(Default)]
pub(super) struct Roster {
    pods: HashMap<Uid, Met>,
    numbers: u32,
    said_default: bool,
}

/// A pod that was met.
struct Met {
    key: Key,
    /// As of this version.
    version: u64,
    containers: HashMap<String, watch::Sender<Standing>>,
    /// Containers that are to be read and are not yet.
    skipped: usize,
    /// Whether the caller may not read it.
    denied: bool,
}

/// A container whose log is to be read from now on.
pub(super) struct Newcomer {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) standing: watch::Receiver<Standing>,
    pub(super) place: Place,
}

/// A place among the logs that may be open, for as long as it is held.
pub(super) struct Place {
    pub(super) _of_all: OwnedSemaphorePermit,
    pub(super) _of_its_caller: Option<shares::Place>,
}

impl Roster {
    /// Whether nothing is new of a pod.
    pub(super) fn knows(&self, record: &Record) -> bool {
        let met = self.pods.get(&record.uid);
        met.is_some_and(|met| met.denied || (met.version == record.resource_version && met.skipped == 0))
    }

    /// Whether the pod was met before.
    pub(super) fn has_met(&self, uid: &Uid) -> bool {
        self.pods.contains_key(uid)
    }

    /// A pod is met whose logs the caller may not read.
    pub(super) fn deny(&mut self, record: &Record) {
        self.meet(record).denied = true;
    }

    fn meet(&mut self, record: &Record) -> &mut Met {
        let met = self.pods.entry(record.uid.clone()).or_insert_with(|| Met {
            key: record.key.clone(),
            version: 0,
            containers: HashMap::new(),
            skipped: 0,
            denied: false,
        });
        met.version = record.resource_version;
        met
    }

    /// Takes in how a pod is by now. Of its chosen containers, those are returned that are to be
    /// read from now on; as far as there is room.
    pub(super) fn update(
        &mut self,
        record: &Record,
        pod: &Pod,
        choice: &Choice,
        mut room: impl FnMut() -> Option<Place>,
        notices: &mut VecDeque<Event>,
    ) -> Vec<Newcomer> {
        let is_new = !self.has_met(&record.uid);
        let (chosen, lacking) = pod.chosen(choice);
        if is_new {
            notices.extend(lacking.iter().map(|name| lacks(&record.key, name, pod)));
            self.say_default(&record.key, pod, choice, &chosen, notices);
        }
        let mut number = self.numbers;
        let met = self.meet(record);
        met.skipped = 0;
        let mut newcomers = Vec::new();
        for container in chosen {
            if let Some(standing) = met.containers.get(&container.name) {
                standing.send_if_modified(|standing| {
                    let differs = *standing != container.standing;
                    standing.clone_from(&container.standing);
                    differs
                });
            } else if let Some(place) = room() {
                number += 1;
                let (sender, standing) = watch::channel(container.standing.clone());
                met.containers.insert(container.name.clone(), sender);
                newcomers.push(Newcomer { number, name: container.name.clone(), standing, place });
            } else {
                met.skipped += 1;
            }
        }
        self.numbers = number;
        newcomers
    }

    /// Pods that are not among these are gone: what they have written is read to its end.
    pub(super) fn keep(&mut self, there: &HashSet<Uid>) {
        self.pods.retain(|uid, met| {
            let stays = there.contains(uid);
            if !stays {
                met.containers.values().for_each(|standing| standing.send_modify(|standing| standing.gone = true));
            }
            stays
        });
    }

    /// How many containers are not read for want of room.
    pub(super) fn skipped(&self) -> usize {
        self.pods.values().map(|met| met.skipped).sum()
    }

    /// The pods that are read.
    pub(super) fn read(&self) -> Vec<Key> {
        self.pods.values().filter(|met| !met.denied && !met.containers.is_empty()).map(|met| met.key.clone()).collect()
    }

    /// Says once which container is read where several could be.
    fn say_default(
        &mut self,
        key: &Key,
        pod: &Pod,
        choice: &Choice,
        chosen: &[&Container],
        notices: &mut VecDeque<Event>,
    ) {
        let Some(first) = chosen.first().filter(|_| *choice == Choice::Default && pod.is_ambiguous()) else { return };
        if std::mem::replace(&mut self.said_default, true) {
            return;
        }
        let message = format!("pod {}: defaulted container {} out of {}", key.name, first.name, names(pod));
        notices.push_back(Event::notice(NoticeKind::Defaulted, 0, message));
    }
}

fn lacks(key: &Key, name: &str, pod: &Pod) -> Event {
    let message = format!("pod {} has no container {name:?}, but {}", key.name, names(pod));
    Event::notice(NoticeKind::Failed(Failure::NoLog), 0, message)
}

fn names(pod: &Pod) -> String {
    let names: Vec<_> = pod.containers.iter().map(|it| it.name.as_str()).collect();
    names.join(", ")
}
