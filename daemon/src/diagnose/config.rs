//! What containers are started with, and is missing: Secrets, ConfigMaps, their keys.
//!
//! Whether a key of a Secret is there, the kubelet tells alone: its data are not looked at.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cause::{Cause, Certainty, Evidence};
use super::containers::containers;
use super::fields::{at, brief, is, list, text, word};
use super::object::{Name, Object, kinds};
use super::observation::Observation;
use super::reason::Reason;
use super::target::{Pod, Target};

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let waits = |pod: &&Pod<'_>| !text(&pod.object.value, "/spec/nodeName").is_empty() && has_not_started(pod.object);
    target.troubled.iter().filter(waits).flat_map(|pod| causes(observation, pod)).collect()
}

/// Whether a container has never run, and waits.
fn has_not_started(pod: &Object) -> bool {
    let all = containers(pod);
    all.is_empty() || all.iter().any(|container| !container.runs() && container.end().is_none())
}

fn causes(observation: &Observation, pod: &Pod<'_>) -> Vec<Cause> {
    let mut causes = said(observation, pod);
    for needed in needed(pod.object) {
        if observation.lacks(needed.id, pod.object.namespace(), &needed.name) {
            causes.push(missing(pod, &needed, None));
        } else if let Some(cause) = lacks_key(observation, pod, &needed) {
            causes.push(cause);
        }
    }
    for cause in &mut causes {
        cause.is_old = pod.is_old;
    }
    causes
}

/// What the kubelet says, of a container or in an event.
fn said(observation: &Observation, pod: &Pod<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for container in containers(pod.object) {
        let (reason, message) = container.waits();
        if !matches!(reason, "CreateContainerConfigError" | "CreateContainerError") {
            continue;
        }
        let evidence = Evidence::container(pod.object, format!("{}: {reason}: {}", container.spoken(), brief(message)));
        if let Some(needed) = read(message) {
            causes.push(told(observation, pod, needed, evidence));
        } else if !super::crash::is_no_command(message) {
            let message = format!("{} cannot be created: {}", container.spoken(), brief(message));
            let cause = Cause::new(Reason::ContainerNotCreated, pod.object, message);
            causes.push(cause.keyed(pod.key(container.name())).because([evidence]));
        }
    }
    let mounts = observation.events(pod.object).filter(|event| event.reason == "FailedMount");
    for event in mounts {
        if let Some(needed) = read(&event.message) {
            causes.push(told(observation, pod, needed, Evidence::event(pod.object, event)));
        }
    }
    causes
}

/// What the kubelet says to be missing. Of what is not there at all no key is missed.
fn told(observation: &Observation, pod: &Pod<'_>, needed: Needed, evidence: Evidence) -> Cause {
    let is_gone = observation.lacks(needed.id, pod.object.namespace(), &needed.name) && !needed.name.is_empty();
    let key = needed.key.clone().filter(|_| !is_gone);
    missing(pod, &Needed { key, ..needed }, Some(evidence))
}

/// Something that a pod needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Needed {
    id: &'static str,
    name: String,
    /// Where it is not the whole of it.
    key: Option<String>,
}

impl Needed {
    fn whole(id: &'static str, name: &str) -> Self {
        Self { id, name: name.to_owned(), key: None }
    }

    fn key(id: &'static str, name: &str, key: &str) -> Self {
        Self { id, name: name.to_owned(), key: Some(key.to_owned()) }
    }
}

/// What a message of the kubelet's says is missing (k8s.io/kubernetes `pkg/kubelet`,
/// `kubelet_pods.go`, and `pkg/volume/secret`, `configmap`, `projected`).
fn read(message: &str) -> Option<Needed> {
    let kind = |word: &str| match word.to_lowercase().as_str() {
        "secret" => Some(kinds::SECRET),
        "configmap" => Some(kinds::CONFIG_MAP),
        _ => None,
    };
    // couldn't find key K in Secret NAMESPACE/NAME
    if let Some((_, rest)) = message.split_once("couldn't find key ") {
        let (key, rest) = rest.split_once(" in ")?;
        let (word, name) = rest.split_once(' ')?;
        let name = name.split([' ', ',', ':']).next()?;
        return Some(Needed::key(kind(word)?, name.rsplit_once('/').map_or(name, |(_, name)| name), key));
    }
    // references non-existent secret key: K, references non-existent config key: K
    for (words, id) in [("non-existent secret key: ", kinds::SECRET), ("non-existent config key: ", kinds::CONFIG_MAP)]
    {
        if let Some((_, key)) = message.split_once(words) {
            return Some(Needed::key(id, "", key.split_whitespace().next()?));
        }
    }
    // secret "NAME" not found
    let before = message.split_once("\" not found")?.0;
    let (before, name) = before.rsplit_once('"')?;
    Some(Needed::whole(kind(before.split_whitespace().next_back()?)?, name))
}

/// What a pod names in its specification, and has to have.
fn needed(pod: &Object) -> BTreeSet<Needed> {
    let mut needed = BTreeSet::new();
    for container in containers(pod) {
        for source in list(container.spec, "/envFrom") {
            for (path, id) in [("/secretRef", kinds::SECRET), ("/configMapRef", kinds::CONFIG_MAP)] {
                take(&mut needed, id, at(source, path), "/name", None);
            }
        }
        for variable in list(container.spec, "/env") {
            for (path, id) in [("/secretKeyRef", kinds::SECRET), ("/configMapKeyRef", kinds::CONFIG_MAP)] {
                let source = at(at(variable, "/valueFrom"), path);
                take(&mut needed, id, source, "/name", Some(text(source, "/key")));
            }
        }
    }
    for volume in list(&pod.value, "/spec/volumes") {
        let projected = list(volume, "/projected/sources");
        take_volume(&mut needed, volume, "/secretName");
        projected.iter().for_each(|source| take_volume(&mut needed, source, "/name"));
    }
    needed
}

fn take_volume(needed: &mut BTreeSet<Needed>, source: &Value, secret_name: &str) {
    for (path, id, name) in [("/secret", kinds::SECRET, secret_name), ("/configMap", kinds::CONFIG_MAP, "/name")] {
        let source = at(source, path);
        take(needed, id, source, name, None);
        for item in list(source, "/items") {
            take(needed, id, source, name, Some(text(item, "/key")));
        }
    }
}

fn take(needed: &mut BTreeSet<Needed>, id: &'static str, source: &Value, name: &str, key: Option<&str>) {
    let name = text(source, name);
    if !name.is_empty() && !is(source, "/optional") {
        needed.insert(Needed { id, name: name.to_owned(), key: key.map(str::to_owned) });
    }
}

/// Whether a ConfigMap is there without the key that is needed of it.
fn lacks_key(observation: &Observation, pod: &Pod<'_>, needed: &Needed) -> Option<Cause> {
    let key = needed.key.as_ref().filter(|_| needed.id == kinds::CONFIG_MAP)?;
    let config_map = observation.find(kinds::CONFIG_MAP, pod.object.namespace(), &needed.name)?;
    let has = ["/data", "/binaryData"].iter().any(|path| at(&config_map.value, path).get(key).is_some());
    (!has).then(|| {
        let data = at(&config_map.value, "/data").as_object();
        let keys: Vec<_> = data.into_iter().flat_map(|data| data.keys()).take(10).map(String::as_str).collect();
        let has = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        missing(pod, needed, Some(Evidence::field(config_map, format!("data has {has}"))))
    })
}

fn missing(pod: &Pod<'_>, needed: &Needed, evidence: Option<Evidence>) -> Cause {
    let (kind, namespace) = (needed.id, pod.object.namespace());
    let (reason, message) = match (&needed.key, needed.id == kinds::SECRET) {
        (None, true) => (Reason::MissingSecret, format!("there is no Secret {:?}", needed.name)),
        (None, false) => (Reason::MissingConfigMap, format!("there is no ConfigMap {:?}", needed.name)),
        (Some(key), true) => (Reason::MissingSecretKey, format!("Secret {:?} has no key {key:?}", needed.name)),
        (Some(key), false) => (Reason::MissingConfigMapKey, format!("ConfigMap {:?} has no key {key:?}", needed.name)),
    };
    // Of one that is not there at all no key is looked for.
    let is_whole = needed.key.is_none() || evidence.is_some();
    let (reason, message) = match (is_whole, needed.id == kinds::SECRET) {
        (true, _) => (reason, message),
        (false, true) => (Reason::MissingSecret, format!("there is no Secret {:?}", needed.name)),
        (false, false) => (Reason::MissingConfigMap, format!("there is no ConfigMap {:?}", needed.name)),
    };
    let name = word(&needed.name);
    let resource = kind.to_lowercase();
    let wanted = Evidence::field(pod.object, format!("it names {kind} {:?}", needed.name));
    let culprit = Name::of(kind, namespace, &needed.name);
    let command = match (&needed.key, is_whole) {
        (Some(_), true) => format!("describe {resource} {name}"),
        _ if needed.id == kinds::SECRET => format!("create secret generic {name} --from-literal=KEY=VALUE"),
        _ => format!("create configmap {name} --from-literal=KEY=VALUE"),
    };
    let affected = [pod.object.name.clone()].into();
    let certainty = if needed.name.is_empty() { Certainty::Likely } else { Certainty::Certain };
    let mut cause = Cause::new(reason, pod.object, message).is(certainty);
    cause = match needed.name.is_empty() {
        true => cause.keyed(pod.key("")),
        false => cause.by(culprit.clone()),
    };
    cause.key += needed.key.as_deref().filter(|_| is_whole).unwrap_or_default();
    let evidence = evidence.into_iter().chain([wanted]);
    Cause { affected, ..cause }.because(evidence).then([culprit.kubectl(&command)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelets_words_are_understood() {
        for (message, expected) in [
            ("secret \"db\" not found", Some(Needed::whole(kinds::SECRET, "db"))),
            ("configmap \"app\" not found", Some(Needed::whole(kinds::CONFIG_MAP, "app"))),
            ("couldn't find key pass in Secret shop/db", Some(Needed::key(kinds::SECRET, "db", "pass"))),
            ("couldn't find key a.b in ConfigMap shop/app", Some(Needed::key(kinds::CONFIG_MAP, "app", "a.b"))),
            (
                "MountVolume.SetUp failed for volume \"cfg\" : configmap \"app\" not found",
                Some(Needed::whole(kinds::CONFIG_MAP, "app")),
            ),
            (
                "MountVolume.SetUp failed for volume \"s\" : references non-existent secret key: tls.key",
                Some(Needed::key(kinds::SECRET, "", "tls.key")),
            ),
            ("persistentvolumeclaim \"data\" not found", None),
            ("container has runAsNonRoot and image will run as root", None),
            ("couldn't find key ", None),
            ("\" not found", None),
        ] {
            assert_eq!(read(message), expected, "{message}");
        }
    }
}
