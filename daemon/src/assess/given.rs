//! Objects that are given together: each is seen by the rules for the others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{AssessError, Assessed, Document};
use crate::cache::Objects;
use crate::object::Object;
use crate::record::{Key, Link, Packer, Record};
use crate::rule::kinds::{self, ReadAs};
use crate::rule::view::{Named, Related, View};
use crate::rule::{self, Ruling};
use crate::rulebook::Rulebook;

/// From an object to what depends on it there are fewer steps than that.
const STEPS: usize = 8;

/// All objects that there are.
pub(super) struct Given {
    objects: Vec<One>,
    packer: Packer,
    sets: HashMap<Related, Objects>,
}

struct One {
    group: String,
    api_version: String,
    kind: String,
    object: Arc<Object>,
    ruling: Option<Ruling>,
}

impl Given {
    pub(super) fn new(documents: Vec<Document>, rules: &Rulebook) -> Result<Self, AssessError> {
        let with_status: HashSet<_> = documents.iter().filter_map(|document| with_status(&document.value)).collect();
        let read = |document| One::read(document, rules, &with_status);
        let objects = documents.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { objects, packer: Packer::default(), sets: HashMap::new() })
    }

    /// Judges all of them, until none is judged otherwise because of another.
    pub(super) fn judge(mut self, now: Timestamp) -> Vec<Assessed> {
        for _step in 0..STEPS {
            let mut changed = false;
            for place in 0..self.objects.len() {
                let ruling = rule::judge(&self.objects[place].object, &Seen { sets: &self.sets, now }, now);
                if self.objects[place].ruling.as_ref() != Some(&ruling) {
                    changed = true;
                    self.set(place, ruling);
                }
            }
            if !changed {
                break;
            }
        }
        self.objects.iter().filter_map(One::assessed).collect()
    }

    fn set(&mut self, place: usize, ruling: Ruling) {
        let one = &mut self.objects[place];
        one.ruling = Some(ruling.clone());
        // Rules pick the events that they read: one may be in several sets.
        let sets: Vec<_> =
            Related::ALL.into_iter().filter(|set| set.group_kind() == (&*one.group, &*one.kind)).collect();
        if !sets.is_empty() {
            let record = Arc::new(self.packer.pack_shared(&one.object, ruling));
            for set in sets {
                self.sets.entry(set).or_default().insert(Arc::clone(&record));
            }
        }
    }
}

/// The group and kind that a document defines, if their objects have a status by itself.
fn with_status(value: &Value) -> Option<(String, String)> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let versions = value.pointer("/spec/versions").and_then(Value::as_array)?;
    let has_status = versions.iter().any(|version| version.pointer("/subresources/status").is_some());
    let is_definition = text("/kind")? == "CustomResourceDefinition";
    (is_definition && has_status).then_some((text("/spec/group")?, text("/spec/names/kind")?))
}

impl One {
    fn read(
        document: Document,
        rules: &Rulebook,
        with_status: &HashSet<(String, String)>,
    ) -> Result<Self, AssessError> {
        let Document { origin, value } = document;
        let invalid = |problem: String| AssessError::Invalid { origin: origin.clone(), problem };
        let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
        let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            return Err(invalid("it has no apiVersion and kind: it is no Kubernetes object".into()));
        };
        let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
        let json = completed(value).to_string();
        let custom = rules.rule_of(&group, &kind);
        let has_status = with_status.contains(&(group.clone(), kind.clone()));
        let as_what = ReadAs { group: &group, kind: &kind, has_status, custom: custom.as_ref() };
        let (object, _) = kinds::read(json.as_bytes(), as_what).map_err(|e| invalid(e.to_string()))?;
        if object.metadata.name.is_empty() {
            return Err(invalid("metadata.name is empty".into()));
        }
        Ok(Self { group, api_version, kind, object: Arc::new(object), ruling: None })
    }

    fn assessed(&self) -> Option<Assessed> {
        let metadata = &self.object.metadata;
        let judgement = &self.ruling.as_ref()?.judgement;
        Some(Assessed::of(&self.api_version, &self.kind, &metadata.namespace, &metadata.name, judgement))
    }
}

/// What the API server would have added to what a person writes.
fn completed(value: Value) -> Value {
    let mut value = without_nulls(value);
    let Some(object) = value.as_object_mut() else { return value };
    let metadata = object.entry("metadata").or_insert_with(|| Map::new().into());
    if let Some(metadata) = metadata.as_object_mut() {
        let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
        let uid = format!("{}/{}", text("namespace"), text("name"));
        metadata.entry("uid").or_insert_with(|| uid.into());
        metadata.entry("resourceVersion").or_insert_with(|| "0".into());
    }
    value
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Of kinds that nothing was given of, nothing can be seen.
struct Seen<'a> {
    sets: &'a HashMap<Related, Objects>,
    now: Timestamp,
}

impl View for Seen<'_> {
    fn linked(&self, set: Related, namespace: &str, link: &Link) -> Option<Vec<Arc<Record>>> {
        let namespace =
            |record: &&Arc<Record>| [namespace, ""].contains(&&*record.key.namespace) || namespace.is_empty();
        Some(self.sets.get(&set)?.linked(link).filter(namespace).cloned().collect())
    }

    fn named(&self, set: Related, namespace: &str, name: &str) -> Named {
        let Some(objects) = self.sets.get(&set) else { return Named::NotVisible };
        objects.get(&Key::new(namespace, name)).cloned().map_or(Named::Absent, Named::There)
    }

    fn known_until(&self, _set: Related, _namespace: &str) -> Option<Timestamp> {
        Some(self.now)
    }

    fn serves(&self, _group: &str, _resource: &str) -> Option<bool> {
        None
    }
}
