//! `daymark wait` in CI systems.

use daymark_proto::v1::{Cause, Doom, Gate, LogTail, Outcome, Standing, Status};

use crate::fake::Fake;
use crate::fake_gates::GateStep;
use crate::objects::doomed;
use crate::process::{Run, against, finish};
use crate::wait::{ended, object, script, told};

/// Texts that would be commands, in messages and logs.
pub const ATTACKS: [&str; 5] = [
    "::error::pwned",
    "  ::set-env name=PATH::/evil",
    "x ##[add-path]/evil",
    "##vso[task.setvariable]evil",
    "\u{1b}[0Ksection_start:1:evil\r\u{1b}[0Kevil",
];

fn failed() -> Vec<GateStep> {
    let attack = ATTACKS.join("\n");
    let status = Status { reason: "::error::reason".to_owned(), ..doomed("a", Doom::Fatal, &attack) };
    let objects = vec![object(status, Standing::Failed)];
    let cause = Cause {
        kind: "Pod".to_owned(),
        message: attack.clone(),
        logs: vec![LogTail {
            container: "main".to_owned(),
            previous: false,
            lines: ATTACKS.map(str::to_owned).to_vec(),
        }],
        missing: vec![attack.clone()],
        ..Cause::default()
    };
    let gate = Gate { cause: Some(cause), ..ended(Outcome::Failed, "Evil", &attack, &objects) };
    vec![told(gate, objects), GateStep::End]
}

fn run(args: &[&str], environment: &[(&str, &str)]) -> Run {
    let fake = Fake::new(script(vec![failed()]));
    let mut command = against(&fake, &[&["wait", "pod/a"], args].concat());
    command.envs(environment.iter().copied());
    finish(&mut command)
}

/// What a runner of GitHub's takes for a command: its name.
pub fn github_commands(run: &Run) -> Vec<String> {
    let lines = run.out.lines().chain(run.err.lines()).flat_map(|line| line.split('\r'));
    let command = |line: &str| {
        let v2 = line.trim_start().strip_prefix("::").and_then(|rest| rest.split_once("::"));
        let v1 = line.split_once("##[").and_then(|(_, rest)| rest.split_once(']'));
        v2.or(v1).map(|(command, _)| command.split(' ').next().unwrap_or_default().to_owned())
    };
    lines.filter_map(command).collect()
}

/// `wait.ci-github`
#[test]
fn github_is_told_by_its_own_commands_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.md");
    let summary_path = summary.display().to_string();
    let environment = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", &*summary_path)];
    let told = run(&[], &environment);
    assert_eq!(told.code, 1, "{told:?}");
    assert_eq!(github_commands(&told), ["group", "endgroup", "error"], "{told:?}");
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.contains("FAILED") || summary.to_lowercase().contains("failed"), "{summary}");

    // Asked for, or not, whatever the environment says.
    assert_eq!(github_commands(&run(&["--ci", "github"], &[])), ["group", "endgroup", "error"]);
    let plain = run(&["--ci", "none"], &environment);
    assert!(!plain.out.contains("::group::"), "{plain:?}");
    for output in ["json", "ndjson", "junit"] {
        let told = run(&["-o", output, "--ci", "github"], &[]);
        let commands = github_commands(&told);
        assert_eq!(commands, ["error"], "{output}: {told:?}");
    }
}

/// `wait.ci-gitlab`
#[test]
fn gitlab_is_told_by_sections_and_no_others() {
    let told = run(&[], &[("GITLAB_CI", "true")]);
    assert_eq!(told.code, 1, "{told:?}");
    let all = format!("{}{}", told.out, told.err);
    let markers: Vec<_> = all.match_indices("\u{1b}[0Ksection_").map(|(at, _)| &all[at..]).collect();
    assert_eq!(markers.len(), 2, "{told:?}");
    assert!(markers.iter().all(|marker| marker.contains(":daymark_cause")), "{told:?}");
    assert_eq!(all.matches('\r').count(), 2, "{told:?}");
}

/// `wait.junit`
#[test]
fn a_junit_report_is_on_stdout_alone() {
    let told = run(&["-o", "junit"], &[]);
    assert_eq!(told.code, 1);
    assert!(
        told.out.starts_with("<?xml") && told.out.trim_end().ends_with("</testsuites>")
            || told.out.trim_end().ends_with("</testsuite>"),
        "{told:?}"
    );
    assert!(told.out.contains("<failure"), "{told:?}");
    assert!(told.err.contains("cause: "), "people read stderr: {told:?}");
}
