//! What broke first, in lines for people. Every line is sanitised: what the
//! cluster says can neither act on a terminal nor begin a line of its own.

use daymark::api::{Cause, ContainerEnd, EventLine, LogTail, ObjectRef};
use prost_types::Timestamp;

use crate::{sanitize, words};

/// The cause in lines, with the last `logs` lines of each log. Events have an
/// age where `now`, a time by the daemon's clock, is given: that of a gate's end
/// is always at hand, and makes the lines the same whenever they are asked for.
pub fn lines(cause: &Cause, logs: usize, now: Option<&Timestamp>) -> Vec<String> {
    let mut lines = vec![headline(cause)];
    lines.extend(cause.containers.iter().map(container));
    lines.extend(cause.events.iter().map(|it| event(it, now)));
    lines.extend(cause.logs.iter().filter(|_| logs > 0).flat_map(|it| log(it, logs)));
    lines.extend(cause.missing.iter().map(|missing| format!("  could not determine: {missing}")));
    lines.extend(match cause.others {
        ..1 => None,
        1 => Some("  and 1 other has failed, too".to_owned()),
        others => Some(format!("  and {others} others have failed, too")),
    });
    lines.iter().map(|line| sanitize::line(line).into_owned()).collect()
}

/// `cause: pod/web-5f-x (shop): CrashLoopBackOff: container main ...`
fn headline(cause: &Cause) -> String {
    let empty = ObjectRef::default();
    let it = cause.r#ref.as_ref().unwrap_or(&empty);
    let name = match it.namespace.as_str() {
        "" => words::object(&cause.kind, it),
        namespace => format!("{} ({namespace})", words::object(&cause.kind, it)),
    };
    let parts = ["cause", &name, &cause.reason, &cause.message];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// `  container main: restarted 3 times, last exit code 137 (signal 9), OOMKilled: message`
fn container(it: &ContainerEnd) -> String {
    let restarts = match it.restarts {
        ..1 => String::new(),
        1 => "restarted once".to_owned(),
        times => format!("restarted {times} times"),
    };
    let end = match (it.exit_code, it.signal) {
        (Some(code), Some(signal)) => format!("last exit code {code} (signal {signal})"),
        (Some(code), None) => format!("last exit code {code}"),
        (None, Some(signal)) => format!("last ended by signal {signal}"),
        (None, None) => String::new(),
    };
    let mut parts = vec![restarts, end, it.reason.clone()];
    parts.retain(|part| !part.is_empty());
    let mut all = vec![format!("  container {}", it.name), parts.join(", "), it.message.clone()];
    all.retain(|part| !part.is_empty());
    all.join(": ")
}

/// `  event Warning BackOff x5 12s ago: message`
fn event(it: &EventLine, now: Option<&Timestamp>) -> String {
    let mut parts = vec!["  event".to_owned(), it.r#type.clone(), it.reason.clone()];
    if it.count > 1 {
        parts.push(format!("x{}", it.count));
    }
    if let (Some(last), Some(now)) = (&it.last_time, now) {
        // The clock of whoever reports an event may be ahead.
        let now = if now.seconds < last.seconds { last } else { now };
        parts.push(format!("{} ago", words::age(Some(last), Some(now))));
    }
    parts.retain(|part| !part.is_empty());
    let event = parts.join(" ");
    if it.message.is_empty() { event } else { format!("{event}: {}", it.message) }
}

fn log(it: &LogTail, count: usize) -> Vec<String> {
    let run = if it.previous { " (previous run)" } else { "" };
    let title = format!("  log of {}{run}", it.container);
    if it.lines.is_empty() {
        return vec![format!("{title}: empty")];
    }
    let last = &it.lines[it.lines.len().saturating_sub(count)..];
    std::iter::once(format!("{title}:")).chain(last.iter().map(|line| format!("    | {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause() -> Cause {
        Cause {
            r#ref: Some(ObjectRef { namespace: "shop".into(), name: "web-5f-x".into(), ..ObjectRef::default() }),
            kind: "Pod".into(),
            reason: "CrashLoopBackOff".into(),
            message: "container main crashes".into(),
            containers: vec![ContainerEnd {
                name: "main".into(),
                restarts: 3,
                reason: "OOMKilled".into(),
                message: "too much".into(),
                exit_code: Some(137),
                signal: Some(9),
            }],
            events: vec![EventLine {
                r#type: "Warning".into(),
                reason: "BackOff".into(),
                message: "restarting".into(),
                count: 5,
                last_time: Some(Timestamp { seconds: 100, nanos: 0 }),
            }],
            logs: vec![LogTail {
                container: "main".into(),
                previous: true,
                lines: vec!["one".into(), "two".into(), "three".into()],
            }],
            missing: vec!["the log of container main: gone".into()],
            others: 3,
            object: None,
        }
    }

    #[test]
    fn a_cause_is_told_from_the_culprit_to_what_is_missing() {
        let now = Timestamp { seconds: 112, nanos: 0 };
        assert_eq!(
            lines(&cause(), 2, Some(&now)),
            [
                "cause: pod/web-5f-x (shop): CrashLoopBackOff: container main crashes",
                "  container main: restarted 3 times, last exit code 137 (signal 9), OOMKilled: too much",
                "  event Warning BackOff x5 12s ago: restarting",
                "  log of main (previous run):",
                "    | two",
                "    | three",
                "  could not determine: the log of container main: gone",
                "  and 3 others have failed, too",
            ]
        );
    }

    #[test]
    fn logs_and_ages_can_be_left_out() {
        let lines = lines(&cause(), 0, None);
        assert!(!lines.iter().any(|line| line.contains("  log of") || line.contains("    |")), "{lines:?}");
        assert_eq!(lines[2], "  event Warning BackOff x5: restarting");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let name = String::from("main");
        let end = |it: ContainerEnd| container(&ContainerEnd { name: name.clone(), ..it });
        assert_eq!(end(ContainerEnd { restarts: 1, ..Default::default() }), "  container main: restarted once");
        assert_eq!(
            end(ContainerEnd { exit_code: Some(1), ..Default::default() }),
            "  container main: last exit code 1"
        );
        assert_eq!(
            end(ContainerEnd { signal: Some(15), message: "m".into(), ..Default::default() }),
            "  container main: last ended by signal 15: m"
        );
        assert_eq!(end(ContainerEnd::default()), "  container main");
        assert_eq!(event(&EventLine::default(), None), "  event");
        let log_of_main = LogTail { container: name.clone(), ..Default::default() };
        assert_eq!(log(&log_of_main, 3), ["  log of main: empty"]);
        assert_eq!(lines(&Cause { others: 1, ..Default::default() }, 1, None)[1], "  and 1 other has failed, too");
    }

    #[test]
    fn an_event_from_a_clock_ahead_happened_now() {
        let mut cause = cause();
        cause.containers.clear();
        let lines = lines(&cause, 0, Some(&Timestamp { seconds: 10, nanos: 0 }));
        assert_eq!(lines[1], "  event Warning BackOff x5 0s ago: restarting");
    }

    #[test]
    fn nothing_begins_a_line_of_its_own() {
        let mut cause = cause();
        cause.message = "a\ncause: b\u{1b}[2J".into();
        cause.containers[0].message = "x\r\ny".into();
        cause.events[0].message = "\u{202e}z".into();
        cause.logs[0].lines = vec!["l\n::error::m".into()];
        cause.missing[0] = "\u{9b}1m".into();
        let lines = lines(&cause, 9, None);
        assert_eq!(lines.len(), 7, "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains(sanitize::is_hidden)), "{lines:?}");
        assert_eq!(lines[4], "    | l\\n::error::m");
    }
}
