//! A pod's containers.

use serde::Deserialize;

use super::Pod;
use crate::rule::doom;
use crate::state::{Doom, Judgement, State};

/// `spec.initContainers[]`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct InitContainer {
    name: Box<str>,
    /// `Always` makes it a sidecar: it starts before the others, and goes on.
    restart_policy: Box<str>,
}

impl InitContainer {
    fn is_sidecar(&self) -> bool {
        &*self.restart_policy == "Always"
    }
}

/// `status.containerStatuses[]`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Container {
    name: Box<str>,
    ready: bool,
    /// Whether its startup probe has passed, if it has one.
    started: Option<bool>,
    pub(super) state: ContainerState,
    last_state: ContainerState,
    restart_count: i64,
}

/// At most one of the fields is set, or `running`, which no rule reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerState {
    pub(super) waiting: Option<Waiting>,
    terminated: Option<Terminated>,
}

/// Why a container waits.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Waiting {
    pub(super) reason: String,
    pub(super) message: String,
}

/// How a container ended.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: i64,
    reason: String,
    message: String,
}

impl Terminated {
    /// Its reason; what containerd says of any failure if it gives none.
    fn reason(&self) -> String {
        if self.reason.is_empty() { "Error".to_owned() } else { self.reason.clone() }
    }
}

/// The first container that cannot start or keeps ending.
pub(super) fn judge(pod: &Pod) -> Option<Judgement> {
    all(pod).find_map(|container| match &container.state.waiting {
        Some(waiting) => cannot_start(container, waiting),
        None => has_ended(pod, container),
    })
}

fn cannot_start(container: &Container, waiting: &Waiting) -> Option<Judgement> {
    let last = container.last_state.terminated.as_ref();
    let for_good = last.and_then(|last| doom::find(doom::ENDED, &last.reason, &last.message));
    let mut doom = doom::find(doom::WAITING, &waiting.reason, &waiting.message)?;
    if waiting.reason == "CrashLoopBackOff" {
        doom = for_good.unwrap_or(doom);
    }
    let state = if doom == Doom::Transient { State::InProgress } else { State::Failed };
    let message = match last {
        Some(last) => format!(
            "container {}: {}; restarted {} times; last time {}",
            container.name,
            waiting.message,
            container.restart_count,
            ending(last)
        ),
        None => format!("container {}: {}", container.name, waiting.message),
    };
    Some(Judgement::new(state, waiting.reason.clone(), message).with_doom(doom))
}

fn has_ended(pod: &Pod, container: &Container) -> Option<Judgement> {
    let terminated = container.state.terminated.as_ref().filter(|t| t.exit_code != 0)?;
    let (state, doom, then) = match &*pod.spec.restart_policy {
        _ if is_sidecar(pod, container) => (State::InProgress, Doom::Transient, "it will be restarted"),
        // The pod's phase says so when its other containers have ended.
        "Never" => (State::Failed, Doom::Fatal, "it will not be restarted"),
        _ => (State::InProgress, Doom::Transient, "it will be restarted"),
    };
    let message = format!("container {} {}; {then}", container.name, ending(terminated));
    Some(Judgement::new(state, terminated.reason(), message).with_doom(doom))
}

fn is_sidecar(pod: &Pod, container: &Container) -> bool {
    pod.spec.init_containers.iter().any(|init| init.name == container.name && init.is_sidecar())
}

/// How the first container ended that failed: its reason, and a sentence. Sidecars
/// come last: they are stopped when the others have ended.
pub(super) fn first_failure(pod: &Pod) -> Option<(String, String)> {
    let (sidecars, others): (Vec<_>, Vec<_>) = all(pod).partition(|container| is_sidecar(pod, container));
    others.into_iter().chain(sidecars).find_map(|c| {
        let terminated = c.state.terminated.as_ref().filter(|t| t.exit_code != 0)?;
        Some((terminated.reason(), format!("container {} {}", c.name, ending(terminated))))
    })
}

/// The first init container or sidecar that the others wait for.
pub(super) fn initializing(pod: &Pod) -> Option<Judgement> {
    let inits = &pod.spec.init_containers;
    let status = |init: &InitContainer| pod.status.init_container_statuses.iter().find(|c| c.name == init.name);
    let done = |init: &&InitContainer| {
        status(init).is_some_and(|status| match init.is_sidecar() {
            true => status.started == Some(true),
            false => status.state.terminated.as_ref().is_some_and(|t| t.exit_code == 0),
        })
    };
    // Before a kubelet has taken it up there is nothing to wait for.
    if pod.status.init_container_statuses.is_empty() {
        return None;
    }
    let next = inits.iter().find(|init| !done(init))?;
    let what = if next.is_sidecar() { "sidecar {} has not started" } else { "init container {} has not ended" };
    let (n, total) = (inits.iter().filter(done).count(), inits.len());
    let message = format!("{}; {n} of {total} are done", what.replace("{}", &next.name));
    Some(Judgement::new(State::InProgress, "Initializing", message))
}

/// Whether none of them has been created, as far as the kubelet says
/// (kubernetes `pkg/kubelet/kubelet_pods.go`, `convertToAPIContainerStatuses`).
pub(super) fn none_is_created(pod: &Pod) -> bool {
    let awaits = |waiting: &Waiting| matches!(&*waiting.reason, "ContainerCreating" | "PodInitializing");
    all(pod).all(|container| container.state.waiting.as_ref().is_some_and(awaits))
}

/// How many of the containers that stay are ready: sidecars are among them, as
/// kubectl counts.
pub(super) fn with_progress(judgement: Judgement, pod: &Pod) -> Judgement {
    let sidecars = || pod.spec.init_containers.iter().filter(|init| init.is_sidecar());
    let of_sidecar = |c: &&Container| sidecars().any(|sidecar| sidecar.name == c.name);
    let stay = pod.status.init_container_statuses.iter().filter(of_sidecar).chain(&pod.status.container_statuses);
    let ready = stay.filter(|c| c.ready).count();
    // Counts of containers, which no pod has 2^63 of.
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    judgement.with_progress(count(ready), count(pod.spec.containers.len() + sidecars().count()), "ready")
}

/// How often the container was restarted that was most often.
pub(super) fn restarts(pod: &Pod) -> u32 {
    let most = all(pod).map(|container| container.restart_count).max().unwrap_or_default();
    u32::try_from(most).unwrap_or_default()
}

fn all(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses)
}

fn ending(terminated: &Terminated) -> String {
    let mut text = format!("ended with exit code {}", terminated.exit_code);
    for detail in [&terminated.reason, &terminated.message] {
        if !detail.is_empty() {
            text.push_str(": ");
            text.push_str(detail);
        }
    }
    text
}
