//! Probes that fail. The words are the kubelet's (k8s.io/kubernetes `pkg/kubelet/prober`,
//! `kuberuntime_manager.go`).

use jiff::SignedDuration;

use super::cause::{Cause, Certainty, Evidence};
use super::containers::{ContainerOfPod, containers};
use super::fields::{at, condition_is, list, number, text, word};
use super::image::owner;
use super::object::Object;
use super::observation::{Event, Observation};
use super::reason::Reason;
use super::target::{Pod, Target};

/// How long a container may run unready before its probe is blamed, beside its initial delay.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// A probe by which the kubelet kills containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Killer {
    Startup,
    Liveness,
}

impl Killer {
    fn field(self) -> &'static str {
        match self {
            Self::Startup => "startupProbe",
            Self::Liveness => "livenessProbe",
        }
    }

    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Startup => ["Startup probe ", "failed startup probe"],
            Self::Liveness => ["Liveness probe ", "failed liveness probe"],
        }
    }

    /// Whether an event tells that this probe has failed.
    fn is_told(self, event: &Event, container: &str) -> bool {
        let [failed, killed] = self.words();
        let is_of = event.message.contains(&format!("Container {container} {killed}"));
        (event.reason == "Unhealthy" && event.message.starts_with(failed)) || (event.reason == "Killing" && is_of)
    }
}

/// The probe by which a container was killed, if it was.
pub(super) fn killed_by(observation: &Observation, pod: &Object, container: &ContainerOfPod<'_>) -> Option<Killer> {
    let is_back = container.restarts() > 0 && !container.is_ready();
    let is_down = is_back || container.crash(observation.now).is_some();
    let killers = [Killer::Startup, Killer::Liveness].into_iter();
    killers.filter(|_| is_down).find(|killer| {
        let has_it = at(container.spec, &format!("/{}", killer.field())).is_object();
        has_it && observation.events(pod).any(|event| killer.is_told(event, container.name()))
    })
}

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for pod in &target.troubled {
        for container in containers(pod.object).iter().filter(|container| !container.is_init) {
            let found = match killed_by(observation, pod.object, container) {
                _ if super::memory::is_out(container, observation) => None,
                Some(killer) => Some(killed(observation, pod, container, killer)),
                None => starting(observation, pod, container).or_else(|| unready(observation, pod, container)),
            };
            causes.extend(found.map(|cause| Cause { is_old: pod.is_old, ..cause }));
        }
    }
    causes
}

fn told<'a>(observation: &'a Observation, pod: &Object, is_it: impl Fn(&Event) -> bool) -> Option<&'a Event> {
    let uid_of = pod;
    observation.events(uid_of).filter(|event| is_it(event)).last()
}

fn killed(observation: &Observation, pod: &Pod<'_>, container: &ContainerOfPod<'_>, killer: Killer) -> Cause {
    let was_never_ready = !condition_is(&pod.object.value, "Ready", "True") && !container.is_ready();
    let (reason, message) = match killer {
        Killer::Startup => {
            (Reason::StartupProbeFailing, format!("{} is killed by its startup probe", container.spoken()))
        }
        Killer::Liveness if was_never_ready => (
            Reason::LivenessProbeFailing,
            format!(
                "{} is killed by its liveness probe, and is not ready before: the probe may begin too early",
                container.spoken()
            ),
        ),
        Killer::Liveness => {
            (Reason::LivenessProbeFailing, format!("{} is killed by its liveness probe", container.spoken()))
        }
    };
    let [failed, _] = killer.words();
    let unhealthy =
        told(observation, pod.object, |event| event.reason == "Unhealthy" && event.message.starts_with(failed));
    let killing =
        told(observation, pod.object, |event| event.reason == "Killing" && killer.is_told(event, container.name()));
    let events = unhealthy.into_iter().chain(killing).map(|event| Evidence::event(pod.object, event));
    let end = container.end().map(|end| Evidence::container(pod.object, super::crash::status(container, end)));
    Cause::new(reason, pod.object, message)
        .keyed(pod.key(container.name()))
        .because(events)
        .because([setting(pod.object, container, killer.field())])
        .because(end)
        .because(Evidence::log(pod.object, container.name(), observation.log(pod.object, container.name())))
        .then(next(pod.object, container))
}

/// A startup probe fails, and may yet succeed.
fn starting(observation: &Observation, pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> Option<Cause> {
    let is_starting =
        at(container.spec, "/startupProbe").is_object() && !super::fields::is(container.status, "/started");
    let is_it = |event: &Event| event.reason == "Unhealthy" && event.message.starts_with("Startup probe ");
    let event = told(observation, pod.object, is_it).filter(|_| is_starting && container.runs())?;
    let message = format!("the startup probe of {} fails", container.spoken());
    let cause = Cause::new(Reason::StartupProbeFailing, pod.object, message).is(Certainty::Likely);
    let evidence = [Evidence::event(pod.object, event), setting(pod.object, container, "startupProbe")];
    Some(cause.keyed(pod.key(container.name())).because(evidence).then(next(pod.object, container)))
}

/// It runs, and is not ready.
fn unready(observation: &Observation, pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> Option<Cause> {
    let since = container.runs_since().filter(|_| !container.is_ready())?;
    if container.crash(observation.now).is_some() {
        return None;
    }
    let is_it = |event: &Event| event.reason == "Unhealthy" && event.message.starts_with("Readiness probe ");
    let event = told(observation, pod.object, is_it);
    let delay = number(container.spec, "/readinessProbe/initialDelaySeconds").unwrap_or(0).clamp(0, 3600);
    let is_early = observation.now.duration_since(since) < PATIENCE + SignedDuration::from_secs(delay);
    if event.is_none() && is_early {
        return None;
    }
    let seconds = observation.now.duration_since(since).as_secs();
    let message = format!("{} has run for {seconds}s, and its readiness probe fails", container.spoken());
    let certainty = if event.is_some() { Certainty::Certain } else { Certainty::Likely };
    let cause = Cause::new(Reason::ReadinessProbeFailing, pod.object, message)
        .is(certainty)
        .keyed(pod.key(container.name()))
        .because(event.map(|event| Evidence::event(pod.object, event)))
        .because([setting(pod.object, container, "readinessProbe")])
        .because([Evidence::container(pod.object, format!("{}: running, not ready", container.spoken()))])
        .because(Evidence::log(pod.object, container.name(), observation.log(pod.object, container.name())))
        .then(next(pod.object, container));
    Some(cause)
}

/// What a probe asks, and the ports that there are.
fn setting(pod: &Object, container: &ContainerOfPod<'_>, probe: &str) -> Evidence {
    let ports = list(container.spec, "/ports").iter().filter_map(|port| number(port, "/containerPort"));
    let ports: Vec<_> = ports.map(|port| port.to_string()).collect();
    let ports = if ports.is_empty() { "none named".to_owned() } else { ports.join(", ") };
    let probe_value = at(container.spec, &format!("/{probe}"));
    let name = text(container.spec, "/name");
    Evidence::field(pod, format!("{probe} of container {name}: {probe_value}; its ports: {ports}"))
}

fn next(pod: &Object, container: &ContainerOfPod<'_>) -> Vec<String> {
    let (name, of) = (word(&pod.name.name), word(container.name()));
    let owner = owner(pod);
    vec![
        pod.name.kubectl(&format!("logs {name} -c {of}")),
        pod.name.kubectl(&format!("describe pod {name}")),
        owner.kubectl(&format!("edit {}", owner.short())),
    ]
}
