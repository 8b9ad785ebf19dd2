//! What a client knows of the objects, and what must hold of each.

use std::collections::{HashMap, HashSet};

use daymark_proto::v1::{ObjectRef, State, Status};

/// The objects that a stream has told of, by UID.
#[derive(Debug)]
pub struct Picture {
    with_objects: bool,
    every_version: bool,
    objects: HashMap<String, Status>,
    /// Names that no object has, of the last snapshot.
    absent: Vec<ObjectRef>,
    /// UIDs that were deleted.
    gone: HashSet<String>,
    /// The newest version that was told of each UID; it outlives snapshots.
    versions: HashMap<String, u64>,
    /// Those of which a resumed stream has told; `None` before the first such.
    since_resumed: Option<HashSet<String>>,
}

type Checked = Result<(), &'static str>;

impl Picture {
    pub(super) fn new(with_objects: bool, history: bool) -> Self {
        let every_version = with_objects || history;
        let (objects, versions) = (HashMap::new(), HashMap::new());
        Self {
            with_objects,
            every_version,
            objects,
            absent: Vec::new(),
            gone: HashSet::new(),
            versions,
            since_resumed: None,
        }
    }

    /// The objects, by UID.
    #[must_use]
    pub fn objects(&self) -> &HashMap<String, Status> {
        &self.objects
    }

    /// The object of that kind and name.
    #[must_use]
    pub fn get(&self, resource: &str, name: &str) -> Option<&Status> {
        self.objects
            .values()
            .find(|status| status.r#ref.as_ref().is_some_and(|r#ref| r#ref.resource == resource && r#ref.name == name))
    }

    /// The names that no object has, as the last snapshot told them.
    #[must_use]
    pub fn absent(&self) -> &[ObjectRef] {
        &self.absent
    }

    pub(super) fn resume(&mut self) {
        self.since_resumed = Some(HashSet::new());
    }

    pub(super) fn begin(&mut self) {
        self.objects.clear();
        self.absent.clear();
    }

    pub(super) fn item(&mut self, status: &Status) -> Checked {
        let r#ref = status.r#ref.clone().unwrap_or_default();
        if status.state() == State::Absent {
            self.absent.push(r#ref);
            return Ok(());
        }
        // By name only: its kind cannot be read.
        if status.state() == State::Unknown && r#ref.uid.is_empty() {
            return Ok(());
        }
        // Who names an object twice is told it twice.
        if self.objects.get(&r#ref.uid).is_some_and(|known| known != status) {
            return Err("a snapshot has one version of an object");
        }
        self.exists(status)
    }

    pub(super) fn entered(&mut self, status: &Status) -> Checked {
        if self.objects.contains_key(uid(status)) {
            return Err("only an object that is not in the picture enters it");
        }
        self.exists(status)
    }

    pub(super) fn changed(&mut self, status: &Status) -> Checked {
        let Some(before) = self.objects.get(uid(status)) else {
            return Err("only an object that is in the picture changes");
        };
        let judgement = |s: &Status| (s.state, s.reason.clone(), s.doom, s.progress.clone());
        let same = judgement(before) == judgement(status);
        // Changes that the stream before had skipped may come back to what it told.
        let skipped = self.since_resumed.as_mut().is_some_and(|told| told.insert(uid(status).to_owned()));
        if !self.every_version && !skipped && same && before.generation == status.generation {
            return Err("a change without its object is one of state, reason, doom, progress or generation");
        }
        // What comes of age changes its state, and not its version.
        if same && before.resource_version == status.resource_version {
            return Err("no version is told twice");
        }
        self.exists(status)
    }

    pub(super) fn left(&mut self, status: &Status) -> Checked {
        self.go(status)
    }

    pub(super) fn deleted(&mut self, status: &Status) -> Checked {
        if status.state() != State::Absent {
            return Err("what was deleted is absent");
        }
        self.go(status)?;
        self.gone.insert(uid(status).to_owned());
        Ok(())
    }

    fn exists(&mut self, status: &Status) -> Checked {
        if matches!(status.state(), State::Unspecified | State::Absent) || status.reason.is_empty() {
            return Err("an object that exists has a state and a reason");
        }
        if self.gone.contains(uid(status)) {
            return Err("what was deleted does not come back");
        }
        let same_name = |known: &&Status| name(known) == name(status) && uid(known) != uid(status);
        if self.objects.values().find(same_name).is_some() {
            return Err("a name has one object at a time");
        }
        self.check_body(status)?;
        self.check_version(status)?;
        self.objects.insert(uid(status).to_owned(), status.clone());
        Ok(())
    }

    fn go(&mut self, status: &Status) -> Checked {
        self.check_version(status)?;
        match self.objects.remove(uid(status)) {
            Some(_) => Ok(()),
            None => Err("only an object that is in the picture leaves it"),
        }
    }

    fn check_version(&mut self, status: &Status) -> Checked {
        let version: u64 = status.resource_version.parse().map_err(|_| "an object has a version")?;
        if uid(status).is_empty() {
            return Err("an object that exists has a UID");
        }
        let newest = self.versions.entry(uid(status).to_owned()).or_default();
        if version < *newest {
            return Err("an object's version does not go back");
        }
        *newest = version;
        Ok(())
    }

    /// With its object, a status is of that version of it; without, it has none.
    fn check_body(&self, status: &Status) -> Checked {
        if !self.with_objects {
            return if status.object.is_empty() { Ok(()) } else { Err("the basic view has no object") };
        }
        let object: serde_json::Value =
            serde_json::from_slice(&status.object).map_err(|_| "the full view has the object")?;
        let metadata = &object["metadata"];
        let same = metadata["uid"] == uid(status) && metadata["resourceVersion"] == status.resource_version.as_str();
        if same { Ok(()) } else { Err("the object is the version that was judged") }
    }
}

fn uid(status: &Status) -> &str {
    status.r#ref.as_ref().map_or("", |r#ref| &r#ref.uid)
}

fn name(status: &Status) -> Option<(&str, &str, &str)> {
    status.r#ref.as_ref().map(|r#ref| (r#ref.resource.as_str(), r#ref.namespace.as_str(), r#ref.name.as_str()))
}
