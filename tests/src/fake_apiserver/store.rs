//! The objects of a fake API server and the history of their changes.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde_json::{Value, json};

use super::Collection;

/// One version of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The object's UID.
    pub uid: String,
    /// The version's resourceVersion.
    pub version: u64,
}

/// A change as a watch tells it.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) version: u64,
    /// The line of the watch, with its end.
    pub(super) line: Bytes,
}

type Key = (Collection, String, String);

/// Objects and their history, under one rising resourceVersion.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) version: u64,
    /// The history up to here is forgotten.
    pub(super) compacted: u64,
    uids: u64,
    objects: BTreeMap<Key, Value>,
    history: HashMap<Collection, Vec<Event>>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self { version: 1000, compacted: 0, uids: 0, objects: BTreeMap::new(), history: HashMap::new() }
    }

    /// Creates or changes the object that has this one's name.
    pub(super) fn put(&mut self, collection: Collection, mut object: Value) -> Written {
        self.version += 1;
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        let key = (collection, text("namespace"), text("name"));
        let before = self.objects.get(&key);
        let uid = before.map(uid_of).unwrap_or_else(|| {
            self.uids += 1;
            format!("uid-{}", self.uids)
        });
        let r#type = if before.is_some() { "MODIFIED" } else { "ADDED" };
        object["metadata"]["uid"] = uid.as_str().into();
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        self.tell(collection, r#type, &object);
        self.objects.insert(key, object);
        Written { uid, version: self.version }
    }

    /// Deletes an object; says whether there was one.
    pub(super) fn delete(&mut self, collection: Collection, namespace: &str, name: &str) -> bool {
        let Some(mut object) = self.objects.remove(&(collection, namespace.to_owned(), name.to_owned())) else {
            return false;
        };
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.tell(collection, "DELETED", &object);
        true
    }

    pub(super) fn get(&self, collection: Collection, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&(collection, namespace.to_owned(), name.to_owned()))
    }

    /// The objects of a collection, in the order of their names.
    pub(super) fn objects(&self, collection: Collection) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |((of, ..), _)| *of == collection).map(|(_, object)| object)
    }

    /// What happened in a collection after `after`, up to `until`.
    pub(super) fn events(&self, collection: Collection, after: u64, until: u64) -> &[Event] {
        let events = self.history.get(&collection).map_or(&[][..], Vec::as_slice);
        let from = events.partition_point(|event| event.version <= after);
        let to = events.partition_point(|event| event.version <= until);
        &events[from.min(to)..to]
    }

    /// The object as a watch tells it, with its kind.
    pub(super) fn typed(&self, collection: Collection, object: &Value) -> Value {
        let mut typed = object.clone();
        typed["apiVersion"] = collection.api_version().into();
        typed["kind"] = collection.kind().into();
        typed
    }

    fn tell(&mut self, collection: Collection, r#type: &str, object: &Value) {
        let line = line(r#type, &self.typed(collection, object));
        self.history.entry(collection).or_default().push(Event { version: self.version, line });
    }
}

/// A line of a watch.
pub(super) fn line(r#type: &str, object: &Value) -> Bytes {
    format!("{}\n", json!({"type": r#type, "object": object})).into()
}

fn uid_of(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}
