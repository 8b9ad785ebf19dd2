//! States and objects in words for people.

use anstyle::{AnsiColor, Style};
use daymark::api::{ObjectRef, Outcome, Progress, Standing, State, Status};
use prost_types::Timestamp;

use crate::args::StateArg;
use crate::sanitize;

/// A state in one word.
pub fn state(state: State) -> &'static str {
    match state {
        State::Ready => "Ready",
        State::InProgress => "InProgress",
        State::Failed => "Failed",
        State::Terminating => "Terminating",
        State::Paused => "Paused",
        State::Unspecified | State::Unknown => "Unknown",
        State::Absent => "Absent",
    }
}

/// An outcome in a word.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unspecified => "open",
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Undecided => "undecided",
        Outcome::Cancelled => "cancelled",
    }
}

/// How an object stands, in a word.
pub fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Unspecified | Standing::Waiting => "waiting",
        Standing::Met => "met",
        Standing::Failed => "failed",
    }
}

/// The state that a word of the command line selects.
pub fn selected(state: StateArg) -> State {
    match state {
        StateArg::Ready => State::Ready,
        StateArg::InProgress => State::InProgress,
        StateArg::Failed => State::Failed,
        StateArg::Terminating => State::Terminating,
        StateArg::Paused => State::Paused,
        StateArg::Unknown => State::Unknown,
    }
}

/// The colour of a state. The word says the same.
pub fn state_style(state: State) -> Style {
    let colour = match state {
        State::Ready => AnsiColor::Green,
        State::Failed => AnsiColor::Red,
        State::InProgress | State::Terminating | State::Paused => AnsiColor::Yellow,
        State::Unspecified | State::Unknown | State::Absent => return Style::new().dimmed(),
    };
    Style::new().fg_color(Some(colour.into()))
}

/// `3/5 updated`
pub fn progress(progress: &Progress) -> String {
    let Progress { done, total, unit } = progress;
    format!("{done}/{total} {unit}").trim_end().to_owned()
}

/// `deployment.apps/web`, as kubectl names objects.
pub fn name(status: &Status) -> String {
    let empty = ObjectRef::default();
    object(&status.kind, status.r#ref.as_ref().unwrap_or(&empty))
}

/// The same with its namespace before it: `shop/deployment.apps/web`.
pub fn placed(status: &Status) -> String {
    match status.r#ref.as_ref().map_or("", |it| &it.namespace) {
        "" => name(status),
        namespace => format!("{namespace}/{}", name(status)),
    }
}

/// As [`name`], of an object of a kind.
pub fn object(kind: &str, it: &ObjectRef) -> String {
    let kind = match kind {
        "" => it.resource.clone(),
        kind => kind.to_lowercase(),
    };
    let dot = if it.group.is_empty() { "" } else { "." };
    format!("{kind}{dot}{}/{}", it.group, it.name)
}

/// `InProgress RollingOut 1/3 updated: message`
pub fn condition(status: &Status) -> String {
    if status.state() == State::Absent {
        return "does not exist".to_owned();
    }
    let progress = status.progress.as_ref().map(progress).unwrap_or_default();
    let mut words = vec![state(status.state())];
    // "Ready Ready" says no more than "Ready".
    if status.reason != words[0] {
        words.push(&status.reason);
    }
    words.push(&progress);
    words.retain(|word| !word.is_empty());
    with_message(&words.join(" "), &status.message)
}

/// `REASON: message`, whichever there is.
pub fn explanation(status: &Status) -> String {
    match status.reason.as_str() {
        "" => with_message(state(status.state()), &status.message),
        reason => with_message(reason, &status.message),
    }
}

fn with_message(words: &str, message: &str) -> String {
    let text = if message.is_empty() { words.to_owned() } else { format!("{words}: {message}") };
    sanitize::cell(&text).into_owned()
}

/// The time from `then` to `now` as kubectl shows ages.
pub fn age(then: Option<&Timestamp>, now: Option<&Timestamp>) -> String {
    match (then, now) {
        (Some(then), Some(now)) => human_duration(now.seconds - then.seconds),
        _ => "<unknown>".to_owned(),
    }
}

/// `512 B`, `1.5 MiB`
pub fn bytes(count: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    // A fraction is lost beyond 8 PiB.
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        (size, unit) = (size / 1024.0, unit + 1);
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// At most two units, the fewer the longer it is.
fn human_duration(seconds: i64) -> String {
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => two(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        let sizes = [0, 1023, 1024, 1536, 5 << 20, i64::MAX];
        assert_eq!(sizes.map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "8192.0 PiB"]);
    }

    #[test]
    fn ages_are_kubectls() {
        for (seconds, shown) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (312, "5m12s"),
            (3600, "60m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 300, "3h5m"),
            (8 * 3600, "8h"),
            (48 * 3600, "2d"),
            (52 * 3600, "2d4h"),
            (45 * 86400, "45d"),
            (733 * 86400, "2y3d"),
            (2920 * 86400, "8y"),
        ] {
            assert_eq!(human_duration(seconds), shown, "{seconds}");
        }
        assert_eq!(age(None, None), "<unknown>");
    }

    #[test]
    fn a_condition_names_what_there_is() {
        let mut status = Status { reason: "RollingOut".to_owned(), message: "a\nb".to_owned(), ..Status::default() };
        status.set_state(State::InProgress);
        status.progress = Some(Progress { done: 1, total: 3, unit: "updated".to_owned() });
        assert_eq!(condition(&status), "InProgress RollingOut 1/3 updated: a b");
        assert_eq!(explanation(&status), "RollingOut: a b");
        status.set_state(State::Absent);
        assert_eq!(condition(&status), "does not exist");
    }
}
