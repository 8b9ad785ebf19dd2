//! What the rules say of objects, as the API server would give them: the cases
//! are in `tests/rules/`, a file for each kind.
//!
//! A case is a `name`; an object, which is the file's `object` `with` other
//! fields laid over; objects `and` others beside it; and what the rules say:
//! `says` of the first, or of those in `of`, as `Pod/web-1`. `message` is a part
//! of it. Without `doom` or `progress` there is none.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use daymarkd::assess::{Assessed, Document, assess};
use daymarkd::rulebook::Rulebook;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

const NOW: &str = "2026-01-01T00:01:00Z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    object: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    with: Value,
    #[serde(default)]
    and: Vec<Value>,
    says: Option<Says>,
    #[serde(default)]
    of: BTreeMap<String, Says>,
}

/// What is said: state and reason, and what else is to be compared.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Says {
    state: String,
    reason: String,
    #[serde(default)]
    doom: String,
    progress: Option<String>,
    message: Option<String>,
}

/// Lays `over` over `value`: maps field by field, `null` takes a field away, all
/// else is replaced.
fn lay(value: &mut Value, over: &Value) {
    match (value, over) {
        (Value::Object(fields), Value::Object(others)) => {
            for (name, other) in others {
                if other.is_null() {
                    fields.remove(name);
                } else {
                    lay(fields.entry(name).or_insert(Value::Null), other);
                }
            }
        }
        (value, over) => *value = over.clone(),
    }
}

impl Case {
    fn judge(&self, object: &Value) -> Vec<Assessed> {
        let mut first = object.clone();
        if !self.with.is_null() {
            lay(&mut first, &self.with);
        }
        let given = [first].into_iter().chain(self.and.clone());
        let documents = given.map(|value| Document { origin: self.name.clone(), value }).collect();
        assess(documents, &RULES, NOW.parse().unwrap()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// What was said otherwise than the case has it.
    fn check(&self, object: &Value) -> Vec<String> {
        let judged = self.judge(object);
        let find = |name: &str| judged.iter().find(|one| format!("{}/{}", one.kind, one.name) == name);
        let of =
            self.of.iter().map(|(name, says)| (find(name).unwrap_or_else(|| panic!("{}: no {name}", self.name)), says));
        let both = self.says.iter().map(|says| (&judged[0], says)).chain(of);
        both.filter(|(one, says)| !says.fits(one))
            .map(|(one, says)| format!("{}: {one:?}\n  is not {says:?}", self.name))
            .collect()
    }
}

impl Says {
    fn fits(&self, one: &Assessed) -> bool {
        (&*self.state, &*self.reason, &*self.doom) == (one.state, &*one.reason, one.doom)
            && self.progress.as_ref().is_none_or(|progress| *progress == one.progress)
            && self.message.as_ref().is_none_or(|message| one.message.contains(message))
    }
}

/// Any JSON.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["True|False|Unknown|Ready|Running|Failed|2026-01-01T00:00:00Z|-5", ".{0,8}"].prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((FIELDS, inner), 0..5).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Names of fields that rules read, and others.
const FIELDS: &str = "spec|status|metadata|conditions|type|reason|message|phase|replicas|observedGeneration|readyReplicas|\
    updatedReplicas|availableReplicas|containerStatuses|state|waiting|terminated|exitCode|containers|endpoints|ready|\
    webhooks|clientConfig|service|loadBalancer|ingress|lastTransitionTime|health|parents|hard|used|suspend|[a-z]{1,3}";

/// The objects of all cases.
static OBJECTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let mut objects = Vec::new();
    for (_, file) in files() {
        for case in &file.cases {
            let mut object = file.object.clone();
            if !case.with.is_null() {
                lay(&mut object, &case.with);
            }
            objects.push(object);
        }
    }
    objects
});

static RULES: LazyLock<Rulebook> = LazyLock::new(|| Rulebook::of(&[], None).0);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    /// Whatever an object says, a rule survives it, and does not call it ready
    /// while it is being deleted, or while its controller is behind.
    #[test]
    fn no_object_breaks_a_rule(
        object in prop::sample::select(&**OBJECTS), spec in json(), status in json(), deleted: bool, behind in any::<Option<u8>>(),
    ) {
        let mut object = object;
        let metadata = json!({"name": "a", "namespace": "n", "deletionTimestamp": null});
        lay(&mut object, &json!({"metadata": metadata, "spec": spec, "status": status}));
        if deleted {
            object["metadata"]["deletionTimestamp"] = NOW.into();
        }
        let behind = behind.filter(|_| object["status"].is_object());
        if let Some(behind) = behind {
            object["status"]["observedGeneration"] = behind.into();
            object["metadata"]["generation"] = (i64::from(behind) + 1).into();
        }
        let document = Document { origin: "it".into(), value: object };
        // A field of another type than its schema's is an error.
        if let Ok(judged) = assess(vec![document], &RULES, NOW.parse().unwrap()) {
            let one = &judged[0];
            prop_assert!(!deleted || one.state == "TERMINATING", "{one:?}");
            prop_assert!(behind.is_none() || !OBSERVED.contains(&&*one.kind) || one.state != "READY", "{one:?}");
        }
    }
}

/// Kinds whose controllers tell the generation that they have acted on.
const OBSERVED: &[&str] = &[
    "DaemonSet",
    "Deployment",
    "HelmRelease",
    "HorizontalPodAutoscaler",
    "Kustomization",
    "PodDisruptionBudget",
    "ReplicaSet",
    "ReplicationController",
    "Rollout",
    "StatefulSet",
    "ValidatingAdmissionPolicy",
    "Widget",
];

fn files() -> Vec<(String, File)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let file = serde_saphyr::from_str(&fs::read_to_string(path).unwrap());
        file.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(path))).collect()
}

#[test]
fn the_rules_say_what_the_cases_have() {
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for (name, file) in files() {
        assert!(!file.cases.is_empty(), "{name} has no cases");
        for case in &file.cases {
            assert!(names.insert((name.clone(), case.name.clone())), "{name}: two cases are called {}", case.name);
            assert!(case.says.is_some() || !case.of.is_empty(), "{name}: {} says nothing", case.name);
            wrong.extend(case.check(&file.object).into_iter().map(|wrong| format!("{name}: {wrong}")));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rows of `docs/states.md`: kind, state and reason. A section may be about
/// several kinds; a reason in italics is somebody else's.
fn documented() -> BTreeSet<(String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/states.md");
    let mut rows = BTreeSet::new();
    let mut kinds: Vec<String> = Vec::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        if let Some(title) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
            kinds = title.split(", ").map(str::to_owned).collect();
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let state = cells.get(1).map(|cell| cell.trim_matches('`')).unwrap_or_default();
        if ["READY", "IN_PROGRESS", "FAILED", "TERMINATING", "PAUSED", "UNKNOWN"].contains(&state) {
            for (kind, reason) in kinds.iter().flat_map(|kind| cells[2].split(", ").map(move |reason| (kind, reason))) {
                rows.insert((kind.clone(), state.to_owned(), reason.trim_matches('`').to_owned()));
            }
        }
    }
    rows
}

const EVERY: &str = "Every kind";

#[test]
fn the_documentation_has_what_the_cases_have_and_nothing_else() {
    let documented = documented();
    let mut said = BTreeSet::new();
    for (_, file) in files() {
        for case in &file.cases {
            for one in case.judge(&file.object) {
                said.insert((one.kind, one.state.to_owned(), one.reason));
            }
        }
    }
    let is_said = |(kind, state, reason): &(String, String, String)| {
        let kind_fits = |said: &str| kind == EVERY || kind == said || kind == "Custom resources";
        said.iter().any(|(k, s, r)| kind_fits(k) && s == state && (reason.starts_with('*') || r == reason))
    };
    let unsaid: Vec<_> = documented.iter().filter(|row| !is_said(row)).collect();
    assert!(unsaid.is_empty(), "documented, but no case has it: {unsaid:#?}");
    let has_section = |kind: &str| documented.iter().any(|(k, ..)| k == kind);
    let is_documented = |(kind, state, reason): &(String, String, String)| {
        let section = if has_section(kind) { kind.as_str() } else { "Custom resources" };
        documented
            .iter()
            .any(|(k, s, r)| (k == section || k == EVERY) && s == state && (r == reason || r.starts_with('*')))
    };
    let undocumented: Vec<_> = said.iter().filter(|row| !is_documented(row)).collect();
    assert!(undocumented.is_empty(), "said, but not documented: {undocumented:#?}");
}
