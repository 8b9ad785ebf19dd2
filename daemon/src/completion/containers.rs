//! The containers of pods, and of the pods that workloads make.

use serde::Deserialize;

/// A container that somebody may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// `init`, `ephemeral`, or empty.
    pub sort: &'static str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    spec: Spec,
}

/// The specification of a pod, or of what has one inside (`PodTemplateSpec`,
/// `JobTemplateSpec`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    containers: Vec<Named>,
    init_containers: Vec<Named>,
    ephemeral_containers: Vec<Named>,
    template: Option<Box<Object>>,
    job_template: Option<Box<Object>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

/// The containers of an object, given as JSON: first those that run beside each other. None, if it
/// has none where pods and workloads have theirs.
#[must_use]
pub fn containers(object: &[u8]) -> Vec<Container> {
    let Ok(mut object) = serde_json::from_slice::<Object>(object) else { return Vec::new() };
    while let Some(inner) = object.spec.template.take().or_else(|| object.spec.job_template.take()) {
        object = *inner;
    }
    let Spec { containers, init_containers, ephemeral_containers, .. } = object.spec;
    let sorts = [("", containers), ("init", init_containers), ("ephemeral", ephemeral_containers)];
    let named =
        sorts.into_iter().flat_map(|(sort, all)| all.into_iter().map(move |it| Container { name: it.name, sort }));
    named.filter(|container| !container.name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(object: &str) -> String {
        let all = containers(object.as_bytes());
        all.iter().map(|it| format!("{}:{}", it.name, it.sort)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_sort_of_object_names_its_containers() {
        let pod = r#"{"spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "a", "image": "x"}, {"name": "b"}],
            "ephemeralContainers": [{"name": "e"}]}}"#;
        let deployment = format!(r#"{{"spec": {{"replicas": 1, "template": {pod}}}}}"#);
        let cron_job = format!(r#"{{"spec": {{"jobTemplate": {deployment}}}}}"#);
        for object in [pod, &deployment, &cron_job] {
            assert_eq!(found(object), "a: b: i:init e:ephemeral", "{object}");
        }
    }

    #[test]
    fn what_has_none_has_none() {
        for object in
            ["", "[]", "{}", r#"{"spec": 1}"#, r#"{"spec": {"containers": "x"}}"#, r#"{"spec": {"containers": [{}]}}"#]
        {
            assert_eq!(found(object), "", "{object}");
        }
    }
}
