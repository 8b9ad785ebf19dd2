//! What is known when something is diagnosed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value;

use super::fields::text;
use super::manifest::Manifest;
use super::object::{Name, Object, kinds};
use super::room::Load;

/// What an event tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Whether it is a warning.
    pub is_warning: bool,
    /// In a CamelCase word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
    /// How often.
    pub count: u32,
    /// When it happened last.
    pub last: Option<Timestamp>,
}

/// Objects that were left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotVisible {
    /// Their kind, such as `nodes` or `deployments.apps`.
    pub kind: String,
    /// Their namespace; empty for all.
    pub namespace: String,
    /// Why, in a CamelCase word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
}

/// What is known: objects, and what is told of them.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The time that ages are counted to.
    pub now: Timestamp,
    /// What was left out.
    pub not_visible: BTreeSet<NotVisible>,
    /// The manifests that were asked about, with what the API server says of them.
    pub manifests: Vec<Manifest>,
    objects: BTreeMap<String, BTreeMap<(String, String), Object>>,
    owned: HashMap<String, Vec<Name>>,
    /// Kinds of which all objects are here; of one namespace, or, if that is empty, of all.
    whole: BTreeSet<(String, String)>,
    /// By the UIDs of what they are about.
    events: HashMap<String, Vec<Event>>,
    /// UIDs of which it is known what events tell of them.
    told: BTreeSet<String>,
    /// By the UID of the pod, the container, and whether it is of the run before.
    logs: BTreeMap<(String, String, bool), Vec<String>>,
    loads: BTreeMap<String, Load>,
    loads_are_whole: bool,
}

impl Observation {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            not_visible: BTreeSet::new(),
            manifests: Vec::new(),
            objects: BTreeMap::new(),
            owned: HashMap::new(),
            whole: BTreeSet::new(),
            events: HashMap::new(),
            told: BTreeSet::new(),
            logs: BTreeMap::new(),
            loads: BTreeMap::new(),
            loads_are_whole: false,
        }
    }

    /// Takes an object in, once.
    pub fn add(&mut self, object: Object) {
        let key = (object.name.namespace.clone(), object.name.name.clone());
        for owner in object.owners() {
            let owned = self.owned.entry(owner.to_owned()).or_default();
            if !owned.contains(&object.name) {
                owned.push(object.name.clone());
            }
        }
        self.objects.entry(object.name.id()).or_default().insert(key, object);
    }

    /// All objects of a kind in that namespace are here; in all, if it is empty.
    pub fn knows_all(&mut self, id: &str, namespace: &str) {
        self.whole.insert((id.to_owned(), namespace.to_owned()));
    }

    /// What events tell of the object of that UID.
    pub fn tells(&mut self, uid: &str, events: Vec<Event>) {
        self.told.insert(uid.to_owned());
        self.events.entry(uid.to_owned()).or_default().extend(events);
    }

    /// The last lines of a container's log, of its run before the last restart or of this one.
    pub fn logged(&mut self, pod: &str, container: &str, previous: bool, lines: Vec<String>) {
        self.logs.insert((pod.to_owned(), container.to_owned(), previous), lines);
    }

    /// A pod takes room of its node.
    pub fn carries(&mut self, pod: &Value) {
        let node = text(pod, "/spec/nodeName");
        let is_over = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
        if !node.is_empty() && !is_over {
            self.loads.entry(node.to_owned()).or_default().add(pod);
        }
    }

    /// Every pod that takes room of a node has been told.
    pub fn carries_all(&mut self) {
        self.loads_are_whole = true;
    }

    /// What pods take of a node; `None` if that is not known.
    pub(super) fn load(&self, node: &str) -> Option<Load> {
        self.loads_are_whole.then(|| self.loads.get(node).copied().unwrap_or_default())
    }

    /// The object of that name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Object> {
        self.find(&name.id(), &name.namespace, &name.name)
    }

    /// The object of that kind, namespace and name.
    #[must_use]
    pub fn find(&self, id: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(id)?.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// The objects of a kind.
    pub fn all(&self, id: &str) -> impl Iterator<Item = &Object> {
        self.objects.get(id).into_iter().flat_map(BTreeMap::values)
    }

    /// Those in a namespace.
    pub fn within(&self, id: &str, namespace: &str) -> impl Iterator<Item = &Object> {
        self.all(id).filter(move |object| object.name.namespace == namespace)
    }

    /// What an object owns.
    pub fn owned_by(&self, object: &Object) -> impl Iterator<Item = &Object> {
        // Whoever has no UID owns nothing.
        let owned = self.owned.get(&object.uid).filter(|_| !object.uid.is_empty());
        owned.into_iter().flatten().filter_map(|name| self.get(name))
    }

    /// Whether all objects of a kind in that namespace are known.
    pub(super) fn is_whole(&self, id: &str, namespace: &str) -> bool {
        let has = |namespace: &str| self.whole.contains(&(id.to_owned(), namespace.to_owned()));
        has(namespace) || has("")
    }

    /// Whether it is known that there is no such object.
    pub(super) fn lacks(&self, id: &str, namespace: &str, name: &str) -> bool {
        self.is_whole(id, namespace) && self.find(id, namespace, name).is_none()
    }

    /// What events tell of an object, the newest last.
    pub(super) fn events(&self, object: &Object) -> impl DoubleEndedIterator<Item = &Event> {
        let mut events: Vec<_> = self.events.get(&object.uid).into_iter().flatten().collect();
        events.sort_by_key(|event| event.last);
        events.into_iter()
    }

    /// Whether it is known what events tell of an object.
    pub(super) fn has_heard_of(&self, object: &Object) -> bool {
        self.told.contains(&object.uid)
    }

    /// The last lines of a container's log, of the run that has ended, if there was one.
    pub(super) fn log(&self, pod: &Object, container: &str) -> &[String] {
        let log = |previous| self.logs.get(&(pod.uid.clone(), container.to_owned(), previous));
        let found = [true, false].into_iter().filter_map(log).find(|lines| !lines.is_empty());
        found.map(Vec::as_slice).unwrap_or_default()
    }

    /// The nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Object> {
        self.all(kinds::NODE)
    }
}
