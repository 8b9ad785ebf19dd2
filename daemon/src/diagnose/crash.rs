//! Processes that end.

use jiff::SignedDuration;

use super::cause::{Cause, Certainty, Evidence};
use super::containers::{ContainerOfPod, End, containers};
use super::fields::{brief, text, word};
use super::image::owner;
use super::object::kinds;
use super::observation::Observation;
use super::probe::killed_by;
use super::reason::Reason;
use super::target::{Pod, Target};

/// The shell's for a command that is not there, or cannot be executed (POSIX), and the
/// runtimes' for a process that could not be started.
const NO_COMMAND: &[i64] = &[126, 127, 128];
/// What has run for less has failed at its start.
const SOON: SignedDuration = SignedDuration::from_secs(60);

pub(super) fn rule(observation: &Observation, target: &Target<'_>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for pod in &target.troubled {
        for container in containers(pod.object) {
            let found = cannot_start(pod, &container).or_else(|| {
                let end = container.crash(observation.now).filter(|_| !explained(observation, pod, &container))?;
                Some(cause(observation, target, pod, &container, end))
            });
            causes.extend(found.map(|cause| Cause { is_old: pod.is_old, ..cause }));
        }
    }
    causes
}

/// Whether rules for memory and probes say why it has ended.
fn explained(observation: &Observation, pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> bool {
    let is_put_out = super::node::is_put_out(pod.object);
    is_put_out
        || super::memory::is_out(container, observation)
        || killed_by(observation, pod.object, container).is_some()
}

/// Whether a message says that there is no such command (opencontainers/runc, and the shells).
pub(super) fn is_no_command(message: &str) -> bool {
    let words = ["executable file not found", "no such file or directory", "exec format error", "permission denied"];
    let is_start = message.contains("exec") || message.contains("start") || message.contains("stat ");
    is_start && words.iter().any(|word| message.contains(word))
}

/// A container whose process cannot even be started.
fn cannot_start(pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> Option<Cause> {
    let (reason, message) = container.waits();
    let waits = matches!(reason, "RunContainerError" | "CreateContainerError") && is_no_command(message);
    let end = container.end().filter(|end| is_no_command(end.message()));
    let text = match end {
        Some(end) if !waits => format!("{}: {}: {}", end.reason(), end.code(), brief(end.message())),
        _ if waits => format!("{reason}: {}", brief(message)),
        _ => return None,
    };
    let evidence = Evidence::container(pod.object, format!("{}: {text}", container.spoken()));
    Some(no_command(pod, container).because([evidence]))
}

fn no_command(pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> Cause {
    let command = command(container);
    let message = match &*command {
        "" => format!("{}: there is no such command in image {:?}", container.spoken(), container.image()),
        command => format!("{}: image {:?} cannot run `{command}`", container.spoken(), container.image()),
    };
    let owner = owner(pod.object);
    let look = format!("docker run --rm -it --entrypoint sh {}", word(container.image()));
    Cause::new(Reason::CommandNotFound, pod.object, message)
        .keyed(pod.key(container.name()))
        .then([look, owner.kubectl(&format!("edit {}", owner.short()))])
}

/// What a container is to run, as far as the pod says it.
pub(super) fn command(container: &ContainerOfPod<'_>) -> String {
    let words = ["/command", "/args"].into_iter().flat_map(|path| super::fields::list(container.spec, path));
    brief(&words.filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(" "))
}

fn cause(
    observation: &Observation,
    target: &Target<'_>,
    pod: &Pod<'_>,
    container: &ContainerOfPod<'_>,
    end: End<'_>,
) -> Cause {
    let log = observation.log(pod.object, container.name());
    let evidence = [Evidence::container(pod.object, status(container, end))];
    let evidence = evidence.into_iter().chain(Evidence::log(pod.object, container.name(), log));
    let cause = match end.code() {
        0 => ended(pod, container),
        code if NO_COMMAND.contains(&code) => no_command(pod, container).is(match code {
            127 => Certainty::Certain,
            _ => Certainty::Likely,
        }),
        _ if container.is_init => failed(Reason::InitContainerFailing, pod, container, end),
        _ => failed(Reason::CrashOnStart, pod, container, end),
    };
    // A run that is to end is the Job's.
    let is_of_job = target.members(kinds::JOB).next().is_some();
    let cause = if is_of_job && !container.stays { cause.is(Certainty::Likely) } else { cause };
    cause.because(evidence).because(back_off(observation, pod))
}

/// `container app: exit code 1 (Error) after 2s, restarted 4 times`
pub(super) fn status(container: &ContainerOfPod<'_>, end: End<'_>) -> String {
    let mut text = format!("{}: exit code {}", container.spoken(), end.code());
    if !end.reason().is_empty() {
        text += &format!(" ({})", end.reason());
    }
    if let Some(ran) = end.ran() {
        text += &format!(" after {}s", ran.as_secs());
    }
    match container.restarts() {
        ..1 => {}
        1 => text += ", restarted once",
        times => text += &format!(", restarted {times} times"),
    }
    if !end.message().is_empty() {
        text += &format!(": {}", brief(end.message()));
    }
    text
}

/// The newest event that tells of a back-off.
fn back_off(observation: &Observation, pod: &Pod<'_>) -> Option<Evidence> {
    let event = observation.events(pod.object).rfind(|event| event.reason == "BackOff")?;
    Some(Evidence::event(pod.object, event))
}

/// It has done what it had to do, where it was to go on for ever.
fn ended(pod: &Pod<'_>, container: &ContainerOfPod<'_>) -> Cause {
    let command = match &*command(container) {
        "" => "the command of its image".to_owned(),
        command => format!("`{command}`"),
    };
    let message = format!(
        "{}: the command ended; a server was expected to stay: {command} ends with exit code 0, and restartPolicy Always starts it again",
        container.spoken()
    );
    let owner = owner(pod.object);
    Cause::new(Reason::CommandEnded, pod.object, message).keyed(pod.key(container.name())).then([
        owner.kubectl(&format!("edit {}", owner.short())),
        owner.kubectl(&format!("create job NAME --image={}", word(container.image()))),
    ])
}

fn failed(reason: Reason, pod: &Pod<'_>, container: &ContainerOfPod<'_>, end: End<'_>) -> Cause {
    let when = match end.ran() {
        Some(ran) if ran < SOON => " soon after its start".to_owned(),
        Some(ran) => format!(" after {} minutes", ran.as_mins().max(1)),
        None => String::new(),
    };
    let code = match end.code() {
        // 128 and a signal's number (POSIX shells, and container runtimes).
        code @ 129..=192 => format!("{code} (signal {})", code - 128),
        code => code.to_string(),
    };
    let message = format!("{} ends with exit code {code}{when}", container.spoken());
    let (name, of) = (word(&pod.object.name.name), word(container.name()));
    let previous = if text(container.status, "/lastState/terminated/reason").is_empty() { "" } else { " --previous" };
    Cause::new(reason, pod.object, message).keyed(pod.key(container.name())).then([
        pod.object.name.kubectl(&format!("logs {name} -c {of}{previous}")),
        pod.object.name.kubectl(&format!("debug {name} -it --copy-to=try --container={of} -- sh")),
    ])
}
