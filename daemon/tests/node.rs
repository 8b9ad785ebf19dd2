//! What is found of nodes: the situations are in `tests/node/`, a file for each subject.
//!
//! A situation is a `name`, and how it differs from `base.yaml`, in which all parts of a node are
//! there: `objects` in place of those or besides, `without` some of them, what is `hidden` from who
//! asks, the API server's `version`, taints that are meant (`tolerate`). What is found is
//! otherwise than there, too: `finds`, by part, with a part of what it `says`. A part that is not
//! named is ok.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use daymarkd::diagnose::Object;
use daymarkd::node::{self, Agent, Finding, Known, Lease, PartName, PodOnNode, Pods, Report, report};
use jiff::Timestamp;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

#[path = "support/any_json.rs"]
mod any_json;

use self::any_json::{any_json, places};

const NOW: &str = "2026-01-01T01:00:00Z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    hidden: Vec<String>,
    version: Option<String>,
    #[serde(default)]
    tolerate: Vec<String>,
    /// When leases were heard of last.
    heard: Option<Timestamp>,
    #[serde(default)]
    finds: BTreeMap<String, String>,
    #[serde(default)]
    says: BTreeMap<String, String>,
    /// What the report rests on.
    rests_on: Option<Vec<String>>,
}

fn id(object: &Value) -> String {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("{}/{}", text("/kind"), text("/metadata/name"))
}

impl Case {
    fn values(&self, base: &[Value]) -> Vec<Value> {
        let own: BTreeSet<_> = self.objects.iter().map(id).chain(self.without.iter().cloned()).collect();
        base.iter().filter(|it| !own.contains(&id(it))).chain(&self.objects).cloned().collect()
    }

    fn report(&self, values: &[Value]) -> Option<Report> {
        let of = |kind: &'static str| values.iter().filter(move |it| it["kind"] == kind);
        let is_hidden = |what: &str| self.hidden.iter().any(|hidden| hidden == what);
        let node = Object::read(of("Node").next()?.clone())?;
        let lease = match of("Lease").next() {
            _ if is_hidden("leases") => Lease::NotVisible("leases are not visible".to_owned()),
            Some(lease) => Lease::read(lease, self.heard.unwrap_or(NOW.parse().unwrap())),
            None => Lease::Absent,
        };
        let pods = Pods {
            pods: of("Pod").map(PodOnNode::read).collect(),
            others: is_hidden("pods").then(|| "not all pods are visible".to_owned()),
        };
        let agents: Vec<_> = of("DaemonSet").filter_map(|it| Some(Agent::of(Object::read(it.clone())?))).collect();
        let tolerated: Vec<_> = self.tolerate.iter().map(|text| text.parse().unwrap()).collect();
        let version = self.version.as_deref().unwrap_or("v1.36.0");
        Some(report(&Known {
            now: NOW.parse().unwrap(),
            node: &node,
            control_plane: Some(version).filter(|_| !is_hidden("version")),
            lease: &lease,
            pods: &pods,
            agents: &agents,
            tolerated: &tolerated,
        }))
    }

    /// What was found otherwise than the case has it.
    fn check(&self, base: &[Value]) -> Vec<String> {
        let found = self.report(&self.values(base)).unwrap();
        let mut wrong = Vec::new();
        for part in &found.parts {
            let name = part.name.as_str();
            let expected = self.finds.get(name).map_or("ok", String::as_str);
            if word(part.finding) != expected {
                wrong.push(format!("{name} is {}, not {expected}: {}", word(part.finding), part.message));
            }
            let says = self.says.get(name).map(String::as_str).unwrap_or_default();
            if !part.message.contains(says) || part.message.is_empty() {
                wrong.push(format!("{name} says {:?}, without {says:?}", part.message));
            }
        }
        let known: BTreeSet<_> = PartName::ALL.into_iter().map(PartName::as_str).collect();
        assert!(self.finds.keys().chain(self.says.keys()).all(|it| known.contains(&**it)), "{}", self.name);
        let rests_on: Vec<_> = found.rests_on.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
        if self.rests_on.as_ref().is_some_and(|expected| *expected != rests_on) {
            wrong.push(format!("rests on {rests_on:?}"));
        }
        let is_usable = !self.finds.values().any(|finding| finding == "missing");
        if found.is_usable(&[]) != is_usable || found.is_usable(&PartName::ALL) != self.finds.is_empty() {
            wrong.push("is usable, or is not".to_owned());
        }
        wrong.into_iter().map(|wrong| format!("{}: {wrong}", self.name)).collect()
    }
}

fn word(finding: Finding) -> &'static str {
    match finding {
        Finding::Ok => "ok",
        Finding::Missing => "missing",
        Finding::NotVisible => "not visible",
    }
}

fn read(path: &Path) -> File {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

static BASE: LazyLock<Vec<Value>> = LazyLock::new(|| read(&folder().join("base.yaml")).objects);
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let mut paths: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().flat_map(|path| read(path).cases).collect()
});

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"))
}

#[test]
fn the_parts_are_as_the_cases_have_them() {
    let names: BTreeSet<_> = CASES.iter().map(|case| &case.name).collect();
    assert!(names.len() == CASES.len() && names.len() > 30, "two cases go by one name, or there are too few");
    let wrong: Vec<_> = CASES.iter().flat_map(|case| case.check(&BASE)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_part_but_what_is_there_with_the_node_can_be_missing_or_invisible() {
    let found: BTreeSet<_> =
        CASES.iter().flat_map(|case| &case.finds).map(|(part, finding)| (part.as_str(), finding.as_str())).collect();
    for part in PartName::ALL.into_iter().filter(|part| *part != PartName::Registered) {
        let is_ever = |finding| found.contains(&(part.as_str(), finding));
        assert!(is_ever("missing") || part == PartName::FirstPod, "{part:?} is never missing");
        let is_of_the_node = matches!(part, PartName::Ready | PartName::Schedulable | PartName::Capacity);
        assert!(is_ever("not visible") || is_of_the_node, "{part:?} is never invisible");
    }
    let absent = node::absent();
    assert!(!absent.is_usable(&[]) && absent.parts.len() == PartName::ALL.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    /// Whatever becomes of a situation's objects, a look at the node survives it.
    #[test]
    fn nothing_breaks_a_look(
        case in prop::sample::select(&**CASES),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        let mut values = case.values(&BASE);
        for (which, place, with) in changes {
            let at = which.index(values.len());
            let mut paths = Vec::new();
            places(&values[at], "", &mut paths);
            let path: &String = place.get(&paths);
            if let Some(found) = values[at].pointer_mut(path) {
                *found = with;
            }
        }
        if let Some(report) = case.report(&values) {
            prop_assert!(report.parts.iter().map(|part| part.name).eq(PartName::ALL));
            prop_assert!(report.parts.iter().all(|part| !part.message.is_empty()));
        }
    }
}
