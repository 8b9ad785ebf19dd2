//! What is found to be wrong with objects, as the API server would give them: the situations are
//! in `tests/diagnose/`, a file for each subject.
//!
//! A situation is a `name`; a `target`, as `Deployment/web`; `objects`, beside the file's own;
//! `events` and `logs` of them; and what is found: `finds`, the causes in their order, and parts of
//! the first one: of its `message`, its `object`, its `evidence` and what to do `next`. Kinds that
//! are `hidden` are not known. An object may be `ownedBy` another, and is in the namespace `shop`,
//! if its kind has any.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use daymarkd::diagnose::{
    Diagnosis, Event, Name, Object, Observation, Outcome, Reason, diagnose, kinds, logs, subjects,
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[path = "support/any_json.rs"]
mod any_json;

use self::any_json::{any_json, places};

const NOW: &str = "2026-01-01T01:00:00Z";
/// Kinds that are known unless they are hidden.
const KINDS: &[&str] = &[
    kinds::POD,
    kinds::NODE,
    kinds::SERVICE,
    kinds::SERVICE_ACCOUNT,
    kinds::SECRET,
    kinds::CONFIG_MAP,
    kinds::CLAIM,
    kinds::VOLUME,
    kinds::QUOTA,
    kinds::LIMIT_RANGE,
    kinds::DEPLOYMENT,
    kinds::REPLICA_SET,
    kinds::STATEFUL_SET,
    kinds::DAEMON_SET,
    kinds::JOB,
    kinds::CRON_JOB,
    kinds::ENDPOINT_SLICE,
    kinds::STORAGE_CLASS,
];
const CLUSTER_SCOPED: &[&str] = &["Node", "Namespace", "PersistentVolume", "StorageClass"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    objects: Vec<Value>,
    cases: Vec<Case>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    target: String,
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    events: Vec<Told>,
    /// By pod and container, as `web-1/app`.
    #[serde(default)]
    logs: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    hidden: Vec<String>,
    finds: Vec<String>,
    message: Option<String>,
    object: Option<String>,
    #[serde(default)]
    evidence: Vec<String>,
    #[serde(default)]
    next: Vec<String>,
    certainty: Option<String>,
    /// Checks that are bad.
    #[serde(default)]
    bad: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    of: String,
    reason: String,
    message: String,
    #[serde(default)]
    normal: bool,
    #[serde(default)]
    count: u32,
}

/// An object with what the file leaves out.
fn whole(mut value: Value) -> Value {
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let owner = value.as_object_mut().and_then(|fields| fields.remove("ownedBy"));
    let metadata = &mut value["metadata"];
    if metadata["namespace"].is_null() && !CLUSTER_SCOPED.contains(&&*kind) {
        metadata["namespace"] = "shop".into();
    }
    metadata["uid"] = format!("{kind}/{name}").into();
    if metadata["creationTimestamp"].is_null() {
        metadata["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
    }
    if let Some((kind, name)) = owner.as_ref().and_then(Value::as_str).and_then(|owner| owner.split_once('/')) {
        let group = match kind {
            "Job" | "CronJob" => "batch/v1",
            "Pod" | "Node" => "v1",
            _ => "apps/v1",
        };
        metadata["ownerReferences"] = json!([{
            "apiVersion": group, "kind": kind, "name": name, "uid": format!("{kind}/{name}"), "controller": true,
        }]);
    }
    value
}

impl Case {
    fn values(&self, common: &[Value]) -> Vec<Value> {
        let own: BTreeSet<_> =
            self.objects.iter().map(|it| (it["kind"].to_string(), it["metadata"]["name"].to_string())).collect();
        let is_own = |it: &Value| own.contains(&(it["kind"].to_string(), it["metadata"]["name"].to_string()));
        let common = common.iter().filter(|it| !is_own(it));
        common.chain(&self.objects).cloned().map(whole).collect()
    }

    fn observe(&self, values: Vec<Value>) -> (Observation, Vec<Name>) {
        let mut observation = Observation::new(NOW.parse().unwrap());
        let mut target = None;
        for value in values {
            observation.carries(&value);
            let Some(object) = Object::read(value) else { continue };
            if format!("{}/{}", object.name.kind, object.name.name) == self.target {
                target = Some(object.name.clone());
            }
            observation.add(object);
        }
        observation.carries_all();
        for kind in KINDS.iter().filter(|kind| !self.hidden.iter().any(|hidden| kind.split('.').next() == Some(hidden)))
        {
            observation.knows_all(kind, "");
        }
        for told in &self.events {
            let event = Event {
                is_warning: !told.normal,
                reason: told.reason.clone(),
                message: told.message.clone(),
                count: told.count,
                last: NOW.parse().ok(),
            };
            observation.tells(&told.of, vec![event]);
        }
        for (place, lines) in &self.logs {
            let (pod, container) = place.split_once('/').unwrap();
            observation.logged(&format!("Pod/{pod}"), container, false, lines.clone());
        }
        (observation, target.into_iter().collect())
    }

    fn diagnose(&self, common: &[Value]) -> Diagnosis {
        let (observation, names) = self.observe(self.values(common));
        assert_eq!(names.len(), 1, "{}: there is no {}", self.name, self.target);
        diagnose(&observation, &names)
    }

    /// What was found otherwise than the case has it.
    fn check(&self, common: &[Value]) -> Vec<String> {
        let Diagnosis { causes, checks } = self.diagnose(common);
        let found: Vec<_> = causes.iter().map(|cause| cause.reason.as_str()).collect();
        let mut wrong = Vec::new();
        if found != self.finds.iter().map(String::as_str).collect::<Vec<_>>() {
            let messages: Vec<_> = causes.iter().map(|cause| &cause.message).collect();
            wrong.push(format!("finds {found:?}, not {:?}: {messages:#?}", self.finds));
        }
        let (first, nothing) = (causes.first(), String::new());
        let message = first.map_or(&nothing, |first| &first.message);
        if self.message.as_ref().is_some_and(|part| !message.contains(part)) {
            wrong.push(format!("says {message:?}, without {:?}", self.message));
        }
        let object = first.map(|first| format!("{}/{}", first.object.kind, first.object.name)).unwrap_or_default();
        if self.object.as_ref().is_some_and(|expected| *expected != object) {
            wrong.push(format!("blames {object:?}, not {:?}", self.object));
        }
        let certainty = first.map(|first| format!("{:?}", first.certainty)).unwrap_or_default();
        if self.certainty.as_ref().is_some_and(|expected| *expected != certainty) {
            wrong.push(format!("is {certainty:?}, not {:?}", self.certainty));
        }
        let evidence: Vec<_> = first.into_iter().flat_map(|first| &first.evidence).map(|it| &*it.text).collect();
        let next: Vec<_> = first.into_iter().flat_map(|first| &first.next).map(|it| &**it).collect();
        for (what, parts, texts) in [("evidence", &self.evidence, &evidence), ("next", &self.next, &next)] {
            for part in parts.iter().filter(|part| !texts.iter().any(|text| text.contains(&***part))) {
                wrong.push(format!("no {what} has {part:?}: {texts:#?}"));
            }
        }
        for (name, check) in self.bad.iter().map(|name| (name, checks.iter().find(|check| check.name == name))) {
            if check.is_none_or(|check| check.outcome != Outcome::Bad) {
                wrong.push(format!("check {name} is not bad: {check:?}"));
            }
        }
        assert_eq!(checks.len(), 9, "{}", self.name);
        wrong.into_iter().map(|wrong| format!("{}: {wrong}", self.name)).collect()
    }
}

fn files() -> Vec<(String, File)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnose");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let file = serde_saphyr::from_str(&fs::read_to_string(path).unwrap());
        file.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(path))).collect()
}

#[test]
fn the_rules_find_what_the_cases_have() {
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for (name, file) in files() {
        assert!(!file.cases.is_empty(), "{name} has no cases");
        for case in &file.cases {
            assert!(names.insert((name.clone(), case.name.clone())), "{name}: two cases are called {}", case.name);
            wrong.extend(case.check(&file.objects).into_iter().map(|wrong| format!("{name}: {wrong}")));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Each reason has a case, and a row in `docs/diagnose.md`; there are no other rows.
#[test]
fn every_reason_has_a_case_and_a_row() {
    let files = files();
    let found: BTreeSet<_> =
        files.iter().flat_map(|(_, file)| &file.cases).flat_map(|case| &case.finds).cloned().collect();
    let known: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    assert_eq!(known.difference(&found).collect::<Vec<_>>(), [""; 0], "no case has it");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/diagnose.md");
    let page = fs::read_to_string(page).unwrap();
    let is_word = |word: &&str| word.starts_with(|char: char| char.is_ascii_uppercase()) && !word.contains(' ');
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let rows: BTreeSet<_> = rows.map(|(word, _)| word).filter(is_word).map(str::to_owned).collect();
    assert_eq!(rows, known, "docs/diagnose.md has other rows than there are reasons");
}

static CASES: LazyLock<Vec<(Case, Vec<Value>)>> = LazyLock::new(|| {
    let cases = files().into_iter().flat_map(|(_, file)| {
        let objects = file.objects;
        file.cases.into_iter().map(move |case| (case.clone(), case.values(&objects))).collect::<Vec<_>>()
    });
    cases.collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    /// Whatever becomes of a situation's objects, events and logs, the rules survive it.
    #[test]
    fn nothing_breaks_the_rules(
        (case, values) in prop::sample::select(&**CASES),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any_json()), 1..4),
        text in ".{0,40}",
    ) {
        let (mut case, mut values) = (case, values);
        for (which, place, with) in changes {
            let value = which.get(&values).clone();
            let at = which.index(values.len());
            let mut paths = Vec::new();
            places(&value, "", &mut paths);
            let path: &String = place.get(&paths);
            if let Some(found) = values[at].pointer_mut(path) {
                *found = with;
            }
        }
        case.events.iter_mut().step_by(2).for_each(|event| event.message = text.clone());
        case.logs.values_mut().for_each(|lines| lines.push(text.clone()));
        let (observation, mut names) = case.observe(values);
        names.push(Name { kind: "Pod".into(), ..Name::default() });
        let Diagnosis { causes, checks } = diagnose(&observation, &names);
        prop_assert!(checks.len() == 9 && causes.iter().all(|cause| !cause.message.is_empty()));
        prop_assert!(subjects(&observation, &names).len() <= 40 && logs(&observation, &names).len() <= 6);
    }
}
