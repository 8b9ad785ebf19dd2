//! A pod as its logs are read: its containers, and their runs.

/// A pod's containers, in the order in which kubectl reads their logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Init containers and sidecars, then the others, then ephemeral ones.
    pub containers: Vec<Container>,
    default: Option<String>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// How it is by now.
    pub standing: Standing,
    is_regular: bool,
}

/// How a container is, as far as that concerns its logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its newest run; `None` before the first.
    pub run: Option<Run>,
    /// Whether there will be no further run.
    pub is_last: bool,
    /// Whether its pod is gone: there is nothing to be read any more.
    pub gone: bool,
    /// Why it waits, if it does.
    pub waits: String,
}

/// A run of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How often the container was restarted before it.
    pub restarts: u32,
    /// Whether it has ended.
    pub over: bool,
}

/// Which containers of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The default one.
    Default,
    /// All.
    All,
    /// Those of these names.
    Named(Vec<String>),
}

impl Pod {
    /// Reads a pod's JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn of(json: &[u8]) -> Result<Self, serde_json::Error> {
        let wire::Pod { metadata, spec, status } = serde_json::from_slice(json)?;
        let over = matches!(&*status.phase, "Succeeded" | "Failed");
        let sorts = [
            (Sort::Init, &spec.init_containers, &status.init_container_statuses),
            (Sort::Regular, &spec.containers, &status.container_statuses),
            (Sort::Ephemeral, &spec.ephemeral_containers, &status.ephemeral_container_statuses),
        ];
        let mut containers = Vec::new();
        for (sort, named, statuses) in sorts {
            for it in named {
                let status = statuses.iter().find(|status| status.name == it.name);
                let again = sort.runs_again(&it.restart_policy, &spec.restart_policy);
                let standing = standing(status, over, again);
                containers.push(Container { name: it.name.clone(), standing, is_regular: sort == Sort::Regular });
            }
        }
        Ok(Self { containers, default: metadata.annotations.default })
    }

    /// The containers that are meant, and of named ones those that there are not.
    #[must_use]
    pub fn chosen(&self, choice: &Choice) -> (Vec<&Container>, Vec<String>) {
        let find = |name: &String| self.containers.iter().find(|it| it.name == *name);
        match choice {
            Choice::All => (self.containers.iter().collect(), Vec::new()),
            Choice::Named(names) => {
                let lacking = names.iter().filter(|name| find(name).is_none()).cloned().collect();
                (names.iter().filter_map(find).collect(), lacking)
            }
            // An annotation that names none is not obeyed, as by kubectl.
            Choice::Default => {
                let first = || self.containers.iter().find(|it| it.is_regular);
                (self.default.as_ref().and_then(find).or_else(first).into_iter().collect(), Vec::new())
            }
        }
    }

    /// Whether nobody but the order of its containers says which is the default one.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        let annotated = self.default.as_ref().is_some_and(|name| self.containers.iter().any(|it| it.name == *name));
        self.containers.len() > 1 && !annotated
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Init,
    Regular,
    Ephemeral,
}

impl Sort {
    /// After which ends a container of this sort runs again (`core/v1`, `Container.restartPolicy`
    /// and `PodSpec.restartPolicy`).
    fn runs_again(self, own: &str, of_pod: &str) -> Again {
        match (self, own, of_pod) {
            (Self::Ephemeral, ..) => Again::Never,
            (Self::Init, "Always", _) => Again::Always,
            (Self::Init, _, "Never") | (Self::Regular, _, "Never") => Again::Never,
            (Self::Init, ..) | (Self::Regular, _, "OnFailure") => Again::OnFailure,
            (Self::Regular, ..) => Again::Always,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Always,
    OnFailure,
    Never,
}

/// The run whose log is the current one is the one that kubelets take for it (k8s.io/kubernetes
/// `pkg/kubelet`, `validateContainerLogStatus`).
fn standing(status: Option<&wire::Status>, pod_is_over: bool, again: Again) -> Standing {
    let Some(status) = status else { return Standing { is_last: pod_is_over, ..Standing::default() } };
    let wire::State { running, terminated, waiting } = &status.state;
    let has_run = running.is_some() || terminated.is_some() || status.last_state.terminated.is_some();
    let run = has_run.then_some(Run { restarts: status.restart_count, over: running.is_none() });
    let failed = terminated.as_ref().map(|it| it.exit_code != 0);
    let was_last = match (failed, again) {
        (None, _) | (_, Again::Always) => false,
        (Some(failed), Again::OnFailure) => !failed,
        (Some(_), Again::Never) => true,
    };
    let waits = waiting.as_ref().map(|it| it.reason.clone()).unwrap_or_default();
    Standing { run, is_last: was_last || pod_is_over, gone: false, waits }
}

mod wire {
    use serde::Deserialize;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Pod {
        pub(super) metadata: Metadata,
        pub(super) spec: Spec,
        pub(super) status: PodStatus,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Metadata {
        pub(super) annotations: Annotations,
    }

    #[derive(Default, Deserialize)]
    pub(super) struct Annotations {
        #[serde(rename = "kubectl.kubernetes.io/default-container")]
        pub(super) default: Option<String>,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub(super) struct Spec {
        pub(super) restart_policy: String,
        pub(super) init_containers: Vec<Named>,
        pub(super) containers: Vec<Named>,
        pub(super) ephemeral_containers: Vec<Named>,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub(super) struct Named {
        pub(super) name: String,
        pub(super) restart_policy: String,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub(super) struct PodStatus {
        pub(super) phase: String,
        pub(super) init_container_statuses: Vec<Status>,
        pub(super) container_statuses: Vec<Status>,
        pub(super) ephemeral_container_statuses: Vec<Status>,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub(super) struct Status {
        pub(super) name: String,
        pub(super) restart_count: u32,
        pub(super) state: State,
        pub(super) last_state: State,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct State {
        pub(super) running: Option<serde::de::IgnoredAny>,
        pub(super) terminated: Option<Terminated>,
        pub(super) waiting: Option<Waiting>,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    pub(super) struct Terminated {
        pub(super) exit_code: i32,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    pub(super) struct Waiting {
        pub(super) reason: String,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(value: &Value) -> Pod {
        Pod::of(value.to_string().as_bytes()).unwrap()
    }

    fn names(containers: &[&Container]) -> Vec<String> {
        containers.iter().map(|it| it.name.clone()).collect()
    }

    #[test]
    fn the_default_container_is_kubectls() {
        let spec = json!({
            "initContainers": [{"name": "init"}], "containers": [{"name": "a"}, {"name": "b"}],
            "ephemeralContainers": [{"name": "debug"}],
        });
        let chosen = |annotation: &str, choice: &Choice| {
            let annotations = json!({"kubectl.kubernetes.io/default-container": annotation});
            let pod = pod(&json!({"metadata": {"annotations": annotations}, "spec": spec}));
            let (chosen, lacking) = pod.chosen(choice);
            (names(&chosen), lacking, pod.is_ambiguous())
        };
        let told = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(chosen("b", &Choice::Default), (told(&["b"]), vec![], false));
        assert_eq!(chosen("gone", &Choice::Default), (told(&["a"]), vec![], true));
        assert_eq!(chosen("", &Choice::All).0, told(&["init", "a", "b", "debug"]));
        let some = Choice::Named(told(&["debug", "x", "init"]));
        assert_eq!(chosen("", &some), (told(&["debug", "init"]), told(&["x"]), true));
    }

    #[test]
    fn a_containers_log_is_that_of_the_run_that_kubelets_take() {
        let ended = json!({"terminated": {"exitCode": 1}});
        let done = json!({"terminated": {"exitCode": 0}});
        let run = |restarts, over| Some(Run { restarts, over });
        for (policy, state, last, expected) in [
            ("Always", json!({"running": {}}), json!({}), (run(3, false), false)),
            ("Always", ended.clone(), json!({}), (run(3, true), false)),
            ("Always", json!({"waiting": {"reason": "CrashLoopBackOff"}}), ended.clone(), (run(3, true), false)),
            ("Always", json!({"waiting": {"reason": "ContainerCreating"}}), json!({}), (None, false)),
            ("OnFailure", ended.clone(), json!({}), (run(3, true), false)),
            ("OnFailure", done.clone(), json!({}), (run(3, true), true)),
            ("Never", ended, json!({}), (run(3, true), true)),
        ] {
            let status = json!({"name": "a", "restartCount": 3, "state": state, "lastState": last});
            let json = json!({
                "spec": {"restartPolicy": policy, "containers": [{"name": "a"}]},
                "status": {"phase": "Running", "containerStatuses": [status]},
            });
            let standing = pod(&json).containers.remove(0).standing;
            assert_eq!((standing.run, standing.is_last), expected, "{json}");
        }
    }

    #[test]
    fn init_containers_that_have_done_their_work_write_no_more_and_sidecars_go_on() {
        let done = json!({"terminated": {"exitCode": 0}});
        let json = json!({
            "spec": {"initContainers": [{"name": "init"}, {"name": "side", "restartPolicy": "Always"}]},
            "status": {"initContainerStatuses": [{"name": "init", "state": done}, {"name": "side", "state": done}]},
        });
        let last: Vec<_> = pod(&json).containers.iter().map(|it| it.standing.is_last).collect();
        assert_eq!(last, [true, false]);
        assert!(Pod::of(b"{\"spec\":1}").is_err());
    }
}
