//! What CI systems make of a job's output. They read commands from it, and so
//! the cluster's text, which anybody who may write a log line writes, must never
//! look like one.

#[cfg(test)]
mod attacks;
pub mod github;
pub mod gitlab;
pub mod junit;

use std::borrow::Cow;

use clap::ValueEnum;
use daymark::api::Gate;

use crate::{sanitize, words};

/// Log lines of each container that reports hold.
const LOGS: usize = 20;

/// The CI system that reads stdout and stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ci {
    /// None, or one that reads no commands.
    None,
    /// GitHub Actions, and what runs its runner or one like it.
    Github,
    /// GitLab CI/CD.
    Gitlab,
}

/// For which CI system to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CiArg {
    /// Detect the system from the environment
    Auto,
    /// No CI system
    None,
    /// GitHub Actions: annotations, groups and a step summary
    Github,
    /// GitLab CI/CD: sections
    Gitlab,
}

impl CiArg {
    /// The system that is meant, by the environment if that is asked for.
    pub fn choose(self, env: impl Fn(&str) -> Option<String>) -> Ci {
        match self {
            Self::Auto => Ci::detect(env),
            Self::None => Ci::None,
            Self::Github => Ci::Github,
            Self::Gitlab => Ci::Gitlab,
        }
    }
}

impl Ci {
    /// The system that an environment is of. Both set their variable to `true`
    /// in every job.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let is_true = |name: &str| env(name).as_deref() == Some("true");
        match () {
            () if is_true("GITHUB_ACTIONS") => Self::Github,
            () if is_true("GITLAB_CI") => Self::Gitlab,
            () => Self::None,
        }
    }

    /// `line`, so that this system finds no command in it: a backslash stands
    /// where one would begin. Every line that may hold text from the cluster goes
    /// through here on its way to stdout or stderr; what is harmless stays as is.
    pub fn harmless<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let breaks = match self {
            Self::None => return Cow::Borrowed(line),
            Self::Github => github::commands(line),
            Self::Gitlab => gitlab::markers(line),
        };
        broken(line, &breaks)
    }

    /// Whether this system finds no command in `text`.
    pub fn is_harmless(&self, text: &str) -> bool {
        matches!(self.harmless(text), Cow::Borrowed(_))
    }
}

impl Ci {
    /// A JSON document, so that this system finds no command in it: whatever is one
    /// within a line of JSON has a `#`, which JSON can write otherwise.
    pub fn harmless_json<'a>(&self, json: &'a str) -> Cow<'a, str> {
        match self {
            Self::Github if json.contains('#') => Cow::Owned(json.replace('#', "\\u0023")),
            _ => Cow::Borrowed(json),
        }
    }
}

/// `text` with a backslash before each of these bytes.
fn broken<'a>(text: &'a str, breaks: &[usize]) -> Cow<'a, str> {
    if breaks.is_empty() {
        return Cow::Borrowed(text);
    }
    let ends = breaks.iter().copied().chain([text.len()]);
    let mut start = 0;
    let pieces = ends.filter_map(|end| text.get(std::mem::replace(&mut start, end)..end));
    Cow::Owned(pieces.collect::<Vec<_>>().join("\\"))
}

/// `failed: CrashLoopBackOff: message`, in one line.
fn verdict(gate: &Gate) -> String {
    let mut parts = vec![words::outcome(gate.outcome()), &gate.reason, &gate.message];
    parts.retain(|part| !part.is_empty());
    sanitize::line(&parts.join(": ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &'static str, value: &'static str) -> impl Fn(&str) -> Option<String> {
        move |name| (name == set).then(|| value.to_owned())
    }

    #[test]
    fn the_environment_tells_the_system() {
        for (name, value, system) in [
            ("GITHUB_ACTIONS", "true", Ci::Github),
            ("GITLAB_CI", "true", Ci::Gitlab),
            ("GITHUB_ACTIONS", "", Ci::None),
            ("GITLAB_CI", "false", Ci::None),
            ("CI", "true", Ci::None),
        ] {
            assert_eq!(Ci::detect(environment(name, value)), system, "{name}={value}");
            assert_eq!(CiArg::Auto.choose(environment(name, value)), system, "{name}={value}");
        }
        let github = || environment("GITHUB_ACTIONS", "true");
        assert_eq!(CiArg::None.choose(github()), Ci::None);
        assert_eq!(CiArg::Gitlab.choose(github()), Ci::Gitlab);
        assert_eq!(CiArg::Github.choose(|_| None), Ci::Github);
    }

    #[test]
    fn what_is_no_command_stays_as_it_is() {
        let texts =
            ["", "plain", "a::b::c", "# [x]", "## Title [x]", "#[derive]", "std::io: x", ": :", "section_start"];
        for text in texts {
            for ci in [Ci::None, Ci::Github, Ci::Gitlab] {
                assert!(matches!(ci.harmless(text), Cow::Borrowed(same) if same == text), "{ci:?} {text}");
            }
        }
        assert_eq!(Ci::None.harmless("::error::x"), "::error::x");
    }

    #[test]
    fn what_was_made_harmless_stays_so() {
        for (ci, text) in [(Ci::Github, " ::error::##[x]"), (Ci::Gitlab, "section_end:1:x")] {
            let once = ci.harmless(text);
            assert_eq!(ci.harmless(&once), once);
        }
    }
}
