//! How the containers of a pod that is not well have ended.

use serde::Deserialize;

/// A container that is not well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerEnd {
    /// Its name.
    pub name: String,
    /// How often it was restarted.
    pub restarts: u32,
    /// Why it waits, or has ended, in a CamelCase word.
    pub reason: String,
    /// The same in a sentence, if there is one.
    pub message: String,
    /// With which exit code it has ended last, if it has.
    pub exit_code: Option<i32>,
    /// By which signal.
    pub signal: Option<i32>,
    /// Whether it has run: then it may have a log.
    pub has_run: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pod {
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    name: String,
    ready: bool,
    restart_count: u32,
    state: State,
    last_state: State,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
    running: Option<serde::de::IgnoredAny>,
    terminated: Option<Terminated>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Waiting {
    reason: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: i32,
    signal: i32,
    reason: String,
    message: String,
}

/// Those containers of a pod, given as JSON, that are not well: those that have
/// failed first, then those that are not ready.
///
/// # Errors
/// If it is no pod.
pub fn not_well(pod: &[u8]) -> Result<Vec<ContainerEnd>, serde_json::Error> {
    let Status { init_container_statuses, container_statuses } = serde_json::from_slice::<Pod>(pod)?.status;
    let all = init_container_statuses.into_iter().chain(container_statuses);
    let mut ends: Vec<_> = all.filter(is_not_well).map(end).collect();
    ends.sort_by_key(|end| end.exit_code.unwrap_or(0) == 0 && end.reason.is_empty());
    Ok(ends)
}

fn is_not_well(container: &Container) -> bool {
    !container.ready && !has_done(container)
}

fn has_done(container: &Container) -> bool {
    container.state.terminated.as_ref().is_some_and(|ended| ended.exit_code == 0)
}

fn end(container: Container) -> ContainerEnd {
    let Container { name, restart_count, state, last_state, .. } = container;
    let State { waiting, running, terminated } = state;
    let has_run = running.is_some() || terminated.is_some() || last_state.terminated.is_some();
    let ended = terminated.or(last_state.terminated);
    let exit_code = ended.as_ref().map(|ended| ended.exit_code);
    let signal = ended.as_ref().map(|ended| ended.signal).filter(|signal| *signal != 0);
    let (reason, message) = match (waiting, ended) {
        (Some(waiting), _) if !waiting.reason.is_empty() => (waiting.reason, waiting.message),
        (_, Some(ended)) => (ended.reason, ended.message),
        _ => Default::default(),
    };
    ContainerEnd { name, restarts: restart_count, reason, message, exit_code, signal, has_run }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn those_that_have_failed_come_first_and_those_that_are_well_not_at_all() {
        let pod = json!({"status": {
            "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 0}}}],
            "containerStatuses": [
                {"name": "well", "ready": true, "state": {"running": {}}},
                {"name": "slow", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}},
                {"name": "crashing", "restartCount": 3,
                 "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                 "lastState": {"terminated": {"exitCode": 137, "signal": 9, "reason": "OOMKilled"}}},
            ],
        }});
        let ends = not_well(pod.to_string().as_bytes()).unwrap();
        let crashing = ContainerEnd {
            name: "crashing".into(),
            restarts: 3,
            reason: "CrashLoopBackOff".into(),
            message: "back-off".into(),
            exit_code: Some(137),
            signal: Some(9),
            has_run: true,
        };
        let slow = ContainerEnd { name: "slow".into(), has_run: true, ..ContainerEnd::default() };
        assert_eq!(ends, [crashing, slow]);
        assert!(not_well(b"[").is_err());
    }
}
