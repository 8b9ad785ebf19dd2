//! Why a process has ended that was to evaluate.

use std::io;
use std::os::unix::process::ExitStatusExt as _;

use rustix::process::Signal;

use super::process::End;
use super::{ExpressionError, Limits};

/// What Rust says before it aborts a process whose stack has run out.
const STACK: &str = "has overflowed its stack";
/// What it says if there is no memory.
const MEMORY: &str = "memory allocation of";
/// What it says if more is asked for than there can be.
const CAPACITY: &str = "capacity overflow";

/// What it was that `end` followed from. `error` is how it was noticed.
pub fn cause(kind: &'static str, limits: &Limits, end: &End, error: &io::Error) -> ExpressionError {
    let End { status, words } = end;
    let signal = status.and_then(|status| status.signal());
    let is = |wanted: Signal| signal == Some(wanted.as_raw());
    if words.contains(STACK) || is(Signal::SEGV) || is(Signal::BUS) {
        return ExpressionError::TooDeep(kind);
    }
    // The system kills what it has no memory for.
    if words.contains(MEMORY) || words.contains(CAPACITY) || is(Signal::KILL) {
        return ExpressionError::TooLarge(kind, limits.memory);
    }
    if is(Signal::XCPU) {
        return ExpressionError::TooSlow(kind, limits.time);
    }
    let first = words.lines().find(|line| !line.trim().is_empty());
    let how = match (first, status) {
        (Some(line), _) => line.trim().to_owned(),
        (None, Some(status)) => format!("its process ended with {status}"),
        (None, None) => error.to_string(),
    };
    ExpressionError::Unavailable(kind, how)
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::*;

    fn told(status: i32, words: &str) -> String {
        let limits = Limits { time: Duration::from_secs(2), memory: 1 << 30, output: 1 };
        let end = End { status: Some(ExitStatus::from_raw(status)), words: words.into() };
        cause("jq program", &limits, &end, &io::ErrorKind::UnexpectedEof.into()).to_string()
    }

    #[test]
    fn each_death_is_told_by_its_cause() {
        for (status, words, expected) in [
            (6, "\nthread 'evaluation' has overflowed its stack\n", "the jq program recurses too deeply"),
            (11, "", "the jq program recurses too deeply"),
            (6, "memory allocation of 9 bytes failed", "the jq program needs more memory than 1 GiB"),
            (9, "", "the jq program needs more memory than 1 GiB"),
            (24, "", "the jq program ran longer than 2s"),
            (1 << 8, "\nthread panicked: x\ny", "the jq program cannot be evaluated: thread panicked: x"),
            (3 << 8, "", "the jq program cannot be evaluated: its process ended with exit status: 3"),
        ] {
            assert_eq!(told(status, words), expected);
        }
    }
}
