//! The pods that were met, as far as their logs are concerned.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::paths;
use crate::logs::pod::Pod;
use crate::record::Key;

/// Pods that are kept in mind; the logs of more are left out.
const MOST: usize = 300_000;

/// Pods whose logs are to be read.
#[derive(Default)]
pub(super) struct Pods {
    met: Vec<Target>,
    words: BTreeSet<Arc<str>>,
    /// How many there were besides.
    pub(super) left_out: usize,
}

/// A pod.
pub(super) struct Target {
    pub(super) key: Key,
    pub(super) node: Arc<str>,
    pub(super) containers: Box<[Runs]>,
}

/// The runs of a container whose logs there may be.
pub(super) struct Runs {
    pub(super) container: Arc<str>,
    pub(super) previous: bool,
}

impl Target {
    /// Its place among others: that of its path in etcd.
    pub(super) fn mark(&self) -> String {
        format!("{}/{}", self.key.namespace, self.key.name)
    }
}

impl Pods {
    /// Takes in a pod, if a container of it has run.
    pub(super) fn meet(&mut self, key: &Key, json: &[u8]) {
        #[derive(Deserialize)]
        struct Placed {
            spec: Spec,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Spec {
            #[serde(default)]
            node_name: String,
        }
        let (Ok(pod), Ok(placed)) = (Pod::of(json), serde_json::from_slice::<Placed>(json)) else { return };
        let has_name = |name: &str| paths::is_name(name) && !name.contains('.');
        let runs = pod.containers.iter().filter(|container| has_name(&container.name));
        let runs = runs.filter_map(|it| Some((&it.name, it.standing.run?.restarts > 0)));
        let runs: Vec<_> = runs.collect();
        if runs.is_empty() || !paths::is_name(&key.name) {
            return;
        }
        if self.met.len() == MOST {
            self.left_out += 1;
            return;
        }
        let containers =
            runs.into_iter().map(|(name, previous)| Runs { container: self.word(name), previous }).collect();
        let node = self.word(&placed.spec.node_name);
        let key = Key::new(self.word(&key.namespace), Arc::clone(&key.name));
        self.met.push(Target { key, node, containers });
    }

    /// Forgets all: they are listed anew.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Those behind a mark, in the order of their marks.
    pub(super) fn behind(self, mark: &str) -> Vec<Target> {
        let mut targets = self.met;
        targets.retain(|target| *target.mark() > *mark);
        targets.sort_by_cached_key(Target::mark);
        targets
    }

    /// The same text once: many pods have it.
    fn word(&mut self, text: &str) -> Arc<str> {
        match self.words.get(text) {
            Some(word) => Arc::clone(word),
            None => {
                let word: Arc<str> = text.into();
                self.words.insert(Arc::clone(&word));
                word
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(containers: &[(&str, i32, bool)]) -> Vec<u8> {
        let named: Vec<_> = containers.iter().map(|(name, ..)| json!({"name": name})).collect();
        let status = |&(name, restarts, has_run): &(&str, i32, bool)| {
            let state = if has_run { json!({"running": {}}) } else { json!({"waiting": {"reason": "X"}}) };
            json!({"name": name, "restartCount": restarts, "state": state})
        };
        let statuses: Vec<_> = containers.iter().map(status).collect();
        json!({"spec": {"nodeName": "n", "containers": named}, "status": {"containerStatuses": statuses}})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn logs_are_of_containers_that_have_run_in_the_order_of_their_pods() {
        let mut pods = Pods::default();
        for (namespace, name) in [("b", "x"), ("a", "y"), ("a-b", "z"), ("a", "..")] {
            pods.meet(&Key::new(namespace, name), &pod(&[("one", 0, true), ("two", 3, true), ("no", 0, false)]));
        }
        pods.meet(&Key::new("a", "waits"), &pod(&[("one", 0, false), ("../x", 1, true)]));
        pods.meet(&Key::new("a", "none"), b"[]");
        let targets = pods.behind("a-b/z");
        let marks: Vec<_> = targets.iter().map(Target::mark).collect();
        assert_eq!(marks, ["a/y", "b/x"]);
        let runs: Vec<_> = targets[0].containers.iter().map(|runs| (&*runs.container, runs.previous)).collect();
        assert_eq!((runs, &*targets[0].node), (vec![("one", false), ("two", true)], "n"));
    }
}
