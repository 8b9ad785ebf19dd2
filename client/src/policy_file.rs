//! Policies from files.

use std::path::Path;
use std::time::Duration;

use daymark::text_file;
use serde::Deserialize;
use serde::de::Error as _;

use crate::args::Policy;
use crate::criterion::Asked;
use crate::duration;
use crate::exit::Failure;

/// Bytes of a file.
const LARGEST: u64 = 1 << 20;

/// A policy as a file says it: the words of the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct File {
    r#for: Vec<Asked>,
    for_any: Vec<Asked>,
    fail_on: Vec<Asked>,
    ignore_failures: bool,
    stable_for: Option<Span>,
    fatal_after: Option<Span>,
    tolerate: Option<Span>,
    tolerate_restarts: Option<i32>,
    no_progress: Option<Span>,
    timeout: Option<Limit>,
    min: Option<i32>,
}

/// A duration, as `90s`.
#[derive(Debug, Clone, Copy)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
    }
}

/// A duration, or `none`.
#[derive(Debug, Clone, Copy)]
struct Limit(Duration);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse_or_none(&text).map(Self).map_err(|error| D::Error::custom(format!("{text:?}: {error}")))
    }
}

/// The policy of the flags, and of the file where these say nothing.
///
/// # Errors
/// If the file cannot be read, or is no policy.
pub fn over(flags: &Policy, file: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = file else { return Ok(flags.clone()) };
    let wrong = |error: &dyn std::fmt::Display| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default().trim_end_matches(':').to_owned();
        Failure::usage(format!("{}: {line}", path.display()))
    };
    let text = text_file::read(path, LARGEST).map_err(|error| wrong(&error))?;
    let file: File = serde_saphyr::from_str(&text).map_err(|error| wrong(&error))?;
    Ok(merge(flags, file))
}

fn merge(flags: &Policy, file: File) -> Policy {
    let all = |flags: &[Asked], file: Vec<Asked>| if flags.is_empty() { file } else { flags.to_vec() };
    let one = |flag: Option<Duration>, file: Option<Span>| flag.or(file.map(|span| span.0));
    Policy {
        all_of: all(&flags.all_of, file.r#for),
        any_of: all(&flags.any_of, file.for_any),
        fail_on: all(&flags.fail_on, file.fail_on),
        ignore_failures: flags.ignore_failures || file.ignore_failures,
        stable_for: one(flags.stable_for, file.stable_for),
        fatal_after: one(flags.fatal_after, file.fatal_after),
        tolerate: one(flags.tolerate, file.tolerate),
        tolerate_restarts: flags.tolerate_restarts.or(file.tolerate_restarts),
        no_progress: one(flags.no_progress, file.no_progress),
        timeout: flags.timeout.or(file.timeout.map(|limit| limit.0)),
        min: flags.min.or(file.min),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &Policy, text: &str) -> Result<Policy, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("release.yaml");
        std::fs::write(&path, text).unwrap();
        over(flags, Some(&path)).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn flags_go_before_the_file() {
        let flags = Policy { min: Some(3), ..Policy::default() };
        let policy =
            read(&flags, "for: [ready, 'condition=Available']\nstableFor: 30s\nmin: 2\ntimeout: 5m\n").unwrap();
        assert_eq!((policy.all_of.len(), policy.min), (2, Some(3)));
        assert_eq!(
            (policy.stable_for, policy.timeout),
            (Some(Duration::from_secs(30)), Some(Duration::from_secs(300)))
        );
    }

    #[test]
    fn there_may_be_no_deadline() {
        let policy = read(&Policy::default(), "timeout: none\n").unwrap();
        assert_eq!(policy.timeout, Some(duration::FOREVER));
    }

    #[test]
    fn what_is_no_policy_is_refused_in_one_line() {
        for (text, says) in [
            ("stableFr: 30s", "stableFr"),
            ("for: [lunch]", "lunch"),
            ("stableFor: soon", "soon"),
            ("stableFor: none", "none"),
            ("min: many", "line 1 column 6"),
            ("for: {", "line 1"),
        ] {
            let refused = read(&Policy::default(), text).unwrap_err();
            assert!(refused.contains(says) && !refused.contains("\\n"), "{text}: {refused}");
        }
    }
}
