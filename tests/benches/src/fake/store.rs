//! The pods, their history, and who watches them.

use std::collections::{HashMap, VecDeque};

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::document;
use super::query::{RESOURCES, Resource};
use crate::pods::{Pod, PodSet};

/// The resourceVersion of an empty cluster.
const FIRST_VERSION: u64 = 1_000_000;
/// Events that watches may begin at.
const HISTORY: usize = 100_000;
/// Bytes that initial events are joined to.
const PART: usize = 256 << 10;

/// All pods at their newest version.
pub(super) struct Store {
    pods: PodSet,
    objects: Vec<Object>,
    /// Their indexes by namespace and name, as API servers list them: siblings stand together.
    order: Vec<usize>,
    by_name: HashMap<(String, String), usize>,
    /// The newest version that was published, and that was made.
    version: u64,
    made: u64,
    /// Watches from before this version are told 410.
    compacted: u64,
    history: VecDeque<Change>,
    watchers: Vec<Watcher>,
    initial: Option<Vec<Bytes>>,
    /// By objects per page.
    pages: HashMap<usize, Vec<Bytes>>,
}

struct Object {
    pod: Pod,
    ready: bool,
}

/// A pod's new version.
#[derive(Clone)]
pub struct Change {
    /// Which pod.
    pub index: usize,
    /// Its new resourceVersion.
    pub version: u64,
    /// Whether it is ready now.
    pub ready: bool,
    /// The watch event.
    line: Bytes,
    /// Where in the event the object is.
    pod: (usize, std::ops::Range<usize>),
}

struct Watcher {
    resource: Resource,
    wanted: Wanted,
    events: UnboundedSender<Bytes>,
}

/// Which pods are asked for.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
}

impl Wanted {
    pub(super) fn everything(&self) -> bool {
        self.namespace.is_none() && self.name.is_none()
    }

    fn takes(&self, pods: &PodSet, index: usize) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| namespace == pods.namespace(index))
            && self.name.as_deref().is_none_or(|name| name == pods.name(index))
    }
}

impl Store {
    pub(super) fn new(pods: PodSet) -> Self {
        let render = |index| Object { pod: pods.render(index, FIRST_VERSION + index as u64, true), ready: true };
        let objects: Vec<_> = (0..pods.count()).map(render).collect();
        let mut order: Vec<_> = (0..pods.count()).collect();
        order.sort_by_cached_key(|index| (pods.namespace(*index).to_owned(), pods.name(*index)));
        let by_name = (0..pods.count()).map(|i| ((pods.namespace(i).to_owned(), pods.name(i)), i)).collect();
        let version = FIRST_VERSION + objects.len() as u64;
        Self {
            pods,
            objects,
            order,
            by_name,
            version,
            made: version,
            compacted: FIRST_VERSION,
            history: VecDeque::new(),
            watchers: Vec::new(),
            initial: None,
            pages: HashMap::new(),
        }
    }

    pub(super) fn pods(&self) -> &PodSet {
        &self.pods
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(super) fn mean_size(&self) -> f64 {
        let bytes: usize = self.objects.iter().map(|object| object.pod.json.len()).sum();
        bytes as f64 / self.objects.len().max(1) as f64
    }

    pub(super) fn change(&mut self, index: usize) -> Change {
        self.made += 1;
        let object = &mut self.objects[index];
        object.ready = !object.ready;
        let pod = self.pods.render(index, self.made, object.ready);
        let line: Bytes = document::event("MODIFIED", &pod.json).into();
        let start = line.len() - 2 - pod.json.len();
        Change { index, version: self.made, ready: object.ready, line, pod: (start, pod.metadata) }
    }

    pub(super) fn publish(&mut self, change: Change) {
        self.version = change.version;
        let (start, metadata) = change.pod.clone();
        let json = change.line.slice(start..change.line.len() - 2);
        self.objects[change.index].pod = Pod { json, metadata };
        self.initial = None;
        self.pages.clear();
        let pods = &self.pods;
        // Nobody is always the first to be told.
        if !self.watchers.is_empty() {
            self.watchers.rotate_left(1);
        }
        self.watchers.retain(|watcher| {
            let wanted = watcher.resource == RESOURCES[0] && watcher.wanted.takes(pods, change.index);
            if wanted { watcher.events.send(change.line.clone()).is_ok() } else { !watcher.events.is_closed() }
        });
        self.history.push_back(change);
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.compacted = oldest.version;
        }
    }

    /// What a watch from `version` on has missed, and what comes.
    pub(super) fn watch(
        &mut self,
        resource: Resource,
        wanted: Wanted,
        version: u64,
    ) -> (Vec<Bytes>, UnboundedReceiver<Bytes>) {
        let from = self.history.partition_point(|change| change.version <= version);
        let missed = self.history.range(from..).filter(|change| wanted.takes(&self.pods, change.index));
        let missed = if resource == RESOURCES[0] { missed.map(|c| c.line.clone()).collect() } else { Vec::new() };
        let (events, live) = unbounded_channel();
        self.watchers.push(Watcher { resource, wanted, events });
        (missed, live)
    }

    pub(super) fn bookmark(&mut self) {
        let version = self.version;
        let told = |w: &Watcher| w.events.send(document::bookmark(w.resource, version, false)).is_ok();
        self.watchers.retain(told);
    }

    pub(super) fn end_watches(&mut self) {
        self.watchers.clear();
    }

    pub(super) fn open_watches(&self) -> usize {
        self.watchers.iter().filter(|w| w.resource == RESOURCES[0] && !w.events.is_closed()).count()
    }

    pub(super) fn expire(&mut self) {
        self.made += 1;
        self.compacted = self.made;
        self.version = self.made;
        self.history.clear();
    }

    /// The `ADDED` events of all pods.
    pub(super) fn initial_events(&mut self) -> Vec<Bytes> {
        let objects = self.order.iter().map(|index| &self.objects[*index]);
        let join = || {
            let mut parts = Vec::new();
            let mut part = BytesMut::new();
            for object in objects {
                part.put_slice(&document::event("ADDED", &object.pod.json));
                if part.len() > PART {
                    parts.push(part.split().freeze());
                }
            }
            parts.push(part.freeze());
            parts
        };
        self.initial.get_or_insert_with(join).clone()
    }

    /// The items of all pages of so many pods; at least one page.
    pub(super) fn pages(&mut self, limit: usize) -> &[Bytes] {
        let objects = &self.objects;
        self.pages.entry(limit).or_insert_with(|| {
            let page = |indexes: &[usize]| joined(indexes.iter().map(|index| &objects[*index]));
            let mut pages: Vec<_> = self.order.chunks(limit.max(1)).map(page).collect();
            if pages.is_empty() {
                pages.push(Bytes::new());
            }
            pages
        })
    }

    /// Indexes of some pods.
    pub(super) fn find(&self, wanted: &Wanted) -> Vec<usize> {
        match wanted {
            Wanted { namespace: Some(namespace), name: Some(name) } => {
                self.by_name.get(&(namespace.clone(), name.clone())).copied().into_iter().collect()
            }
            _ => self.order.iter().copied().filter(|index| wanted.takes(&self.pods, *index)).collect(),
        }
    }

    /// The items of some pods.
    pub(super) fn items(&self, indexes: &[usize]) -> Bytes {
        joined(indexes.iter().map(|index| &self.objects[*index]))
    }

    /// Some pods as rows of a table.
    pub(super) fn rows(&self, indexes: &[usize]) -> Bytes {
        let row = |index: &usize| document::row(&self.pods, *index, &self.metadata(*index));
        indexes.iter().map(row).collect::<Vec<_>>().join(&b',').into()
    }

    pub(super) fn json(&self, index: usize) -> Bytes {
        self.objects[index].pod.json.clone()
    }

    /// The value of a pod's `metadata`.
    pub(super) fn metadata(&self, index: usize) -> Bytes {
        let pod = &self.objects[index].pod;
        pod.json.slice(pod.metadata.clone())
    }
}

fn joined<'a>(objects: impl Iterator<Item = &'a Object>) -> Bytes {
    let mut items = BytesMut::new();
    for object in objects {
        if !items.is_empty() {
            items.put_u8(b',');
        }
        document::item(&object.pod.json).for_each(|part| items.put_slice(part));
    }
    items.freeze()
}
