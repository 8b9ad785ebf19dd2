//! A diagnosis in lines for people. Every line is sanitised: what the cluster says can neither act
//! on a terminal nor begin a line of its own.

mod json;

use daymark::api::{
    CauseEvidence, Certainty, CheckResult, Diagnosis, DiagnosisCheck, EvidenceKind, KindedRef, RankedCause, State,
};

pub use self::json::{DiagnosisJson, RankedCauseJson};
use crate::{sanitize, words};

/// The check of what was written.
const MANIFEST: &str = "manifest";

/// What is what of a line, for whoever paints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Of what, and how that is.
    Target,
    /// The first cause, or a check that is bad.
    Wrong,
    /// All is well.
    Well,
    /// Anything else.
    Plain,
}

/// A line, and what it is.
pub type Line = (Part, String);

/// The diagnosis in lines: the first cause with its evidence and what to try next, the others in a
/// line each, the checks, and what was left out.
pub fn lines(it: &Diagnosis) -> Vec<Line> {
    let mut lines = vec![(Part::Target, headline(it))];
    match it.causes.split_first() {
        None => lines.push(without_causes(it)),
        Some((first, others)) => {
            lines.push((Part::Wrong, format!("cause: {}", cause(first))));
            lines.extend(plain(whole(first)));
            lines.extend(plain(others.iter().map(|other| format!("also: {}{}", cause(other), having(other)))));
        }
    }
    if it.more_causes > 0 {
        lines.push((Part::Plain, format!("and {} more", it.more_causes)));
    }
    lines.push((Part::Plain, "checks:".to_owned()));
    lines.extend(it.checks.iter().flat_map(check));
    lines.extend(plain(it.not_visible.iter().map(|left_out| {
        let place = if left_out.namespace.is_empty() { String::new() } else { format!(" in {}", left_out.namespace) };
        format!("not looked at: {}{place}: {}: {}", left_out.kind, left_out.reason, left_out.message)
    })));
    lines.into_iter().map(|(part, line)| (part, sanitize::line(&line).into_owned())).collect()
}

/// Whether something is wrong: there is a cause, a failure without one, or a manifest that is not
/// valid.
pub fn is_wrong(it: &Diagnosis) -> bool {
    !it.causes.is_empty() || it.state() == State::Failed || has_bad_manifest(it)
}

fn has_bad_manifest(it: &Diagnosis) -> bool {
    it.checks.iter().any(|check| check.name == MANIFEST && check.result() == CheckResult::Bad)
}

fn without_causes(it: &Diagnosis) -> Line {
    let (part, text) = match it.state() {
        _ if has_bad_manifest(it) => (Part::Wrong, "a manifest is not valid: see the check"),
        State::Absent => (Part::Plain, "none of its objects exists yet"),
        State::Failed => (Part::Wrong, "no cause was found"),
        State::InProgress | State::Terminating => (Part::Plain, "nothing is wrong so far: it is in progress"),
        _ => (Part::Well, "nothing is wrong"),
    };
    (part, text.to_owned())
}

/// One line for a cause that is gone.
pub fn gone(cause: &RankedCause) -> String {
    let line = format!("gone: {}: {} ({})", cause.reason, cause.message, name(cause.object.as_ref()));
    sanitize::line(&line).into_owned()
}

/// A cause that explains another: what it is, of which object, and what to try next.
pub fn root_cause(it: &RankedCause) -> Vec<String> {
    let mut lines = vec![format!("root cause: {}: {}", name(it.object.as_ref()), cause(it))];
    lines.extend(next(it));
    lines.iter().map(|line| sanitize::line(line).into_owned()).collect()
}

fn plain(lines: impl IntoIterator<Item = String>) -> Vec<Line> {
    lines.into_iter().map(|line| (Part::Plain, line)).collect()
}

/// `deployment.apps/web (shop): Failed ImagePullBackOff: ...`
fn headline(it: &Diagnosis) -> String {
    let state = match it.state() {
        // Of a namespace it says no more than the causes.
        State::Failed | State::Ready if it.reason.is_empty() => String::new(),
        state => words::state(state).to_owned(),
    };
    let mut head = vec![state];
    head.push(if head[0] == it.reason { String::new() } else { it.reason.clone() });
    head.retain(|word| !word.is_empty());
    let parts = [name(it.target.as_ref()), head.join(" "), it.message.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// `pod/web-5f-x (shop)`
fn name(it: Option<&KindedRef>) -> String {
    let Some(it) = it else { return String::new() };
    let object = it.r#ref.clone().unwrap_or_default();
    let name = words::object(&it.kind, &object);
    match object.namespace.as_str() {
        "" => name,
        namespace => format!("{name} ({namespace})"),
    }
}

/// `ImageNotFound (likely): there is no ...`
fn cause(it: &RankedCause) -> String {
    let certainty = match it.certainty() {
        Certainty::Unspecified | Certainty::Certain => "",
        Certainty::Likely => " (likely)",
        Certainty::Possible => " (possible)",
    };
    format!("{}{certainty}: {}", it.reason, it.message)
}

/// ` [3: pod/a (shop), pod/b (shop), ...]`
fn having(it: &RankedCause) -> String {
    let examples: Vec<_> = it.examples.iter().map(|example| name(Some(example))).collect();
    let more = usize::try_from(it.count).is_ok_and(|count| count > examples.len());
    format!(" [{}: {}{}]", it.count, examples.join(", "), if more { ", ..." } else { "" })
}

/// Whom a cause concerns, how it is known, and what to try next.
fn whole(it: &RankedCause) -> Vec<String> {
    let mut lines = vec![format!("  object: {}", name(it.object.as_ref()))];
    let is_its_own = it.count <= 1 && it.examples.first() == it.object.as_ref();
    if !is_its_own && it.count > 0 {
        lines.push(format!("  concerns{}", having(it)));
    }
    lines.extend(it.evidence.iter().flat_map(evidence));
    lines.extend(next(it));
    lines
}

fn next(it: &RankedCause) -> impl Iterator<Item = String> {
    it.next.iter().map(|command| format!("  next: {command}"))
}

fn evidence(it: &CauseEvidence) -> Vec<String> {
    let kind = match it.kind() {
        EvidenceKind::Unspecified => "evidence",
        EvidenceKind::Event => "event",
        EvidenceKind::Condition => "condition",
        EvidenceKind::ContainerStatus => "status",
        EvidenceKind::Log => "log",
        EvidenceKind::Field => "field",
        EvidenceKind::Arithmetic => "sum",
    };
    let mut text = it.text.lines();
    let first = format!("  {kind} of {}: {}", name(it.object.as_ref()), text.next().unwrap_or_default());
    std::iter::once(first).chain(text.map(|line| format!("    | {line}"))).collect()
}

fn check(it: &DiagnosisCheck) -> Vec<Line> {
    let (part, result) = match it.result() {
        CheckResult::Ok => (Part::Plain, "ok"),
        CheckResult::Bad => (Part::Wrong, "bad"),
        CheckResult::Unspecified | CheckResult::NotChecked => (Part::Plain, "not checked"),
    };
    let mut message = it.message.lines();
    // A sentence's end would stand beside the colon.
    let first = message.next().unwrap_or_default().trim_end_matches('.').to_owned();
    let mut parts = vec![format!("  {result:<12}{}", it.name), first, it.command.clone()];
    parts.retain(|part| !part.is_empty());
    let more = message.map(|line| (part, format!("    | {line}")));
    std::iter::once((part, parts.join(": "))).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use daymark::api::{ObjectRef, Unreachable};

    use super::*;

    fn pod(text: &str) -> KindedRef {
        let object = ObjectRef { namespace: "shop".into(), name: text.into(), ..ObjectRef::default() };
        KindedRef { kind: "Pod".into(), r#ref: Some(object) }
    }

    fn diagnosis(text: &str) -> Diagnosis {
        let evidence = CauseEvidence { kind: EvidenceKind::Log.into(), object: Some(pod("p")), text: text.into() };
        let cause = RankedCause {
            reason: "CrashOnStart".into(),
            message: text.into(),
            object: Some(pod(text)),
            certainty: Certainty::Likely.into(),
            evidence: vec![evidence],
            next: vec![text.into()],
            count: 7,
            examples: vec![pod("a"), pod("b")],
        };
        let check = DiagnosisCheck {
            name: "dns".into(),
            result: CheckResult::NotChecked.into(),
            message: text.into(),
            command: text.into(),
        };
        let left_out = Unreachable {
            kind: "nodes".into(),
            reason: "Forbidden".into(),
            message: text.into(),
            ..Unreachable::default()
        };
        Diagnosis {
            target: Some(pod("p")),
            state: State::Failed.into(),
            reason: "CrashLoopBackOff".into(),
            message: text.into(),
            causes: vec![cause.clone(), cause],
            more_causes: 2,
            checks: vec![check],
            not_visible: vec![left_out],
            freshness: None,
        }
    }

    #[test]
    fn the_first_cause_is_told_whole_and_the_others_in_a_line() {
        let lines: Vec<_> = lines(&diagnosis("x")).into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            lines,
            [
                "pod/p (shop): Failed CrashLoopBackOff: x",
                "cause: CrashOnStart (likely): x",
                "  object: pod/x (shop)",
                "  concerns [7: pod/a (shop), pod/b (shop), ...]",
                "  log of pod/p (shop): x",
                "  next: x",
                "also: CrashOnStart (likely): x [7: pod/a (shop), pod/b (shop), ...]",
                "and 2 more",
                "checks:",
                "  not checked dns: x: x",
                "not looked at: nodes: Forbidden: x",
            ]
        );
    }

    #[test]
    fn nothing_begins_a_line_of_its_own() {
        let lines = lines(&diagnosis("a\n::error::m\r\u{1b}[2J\u{202e}"));
        assert!(!lines.iter().any(|(_, line)| line.contains(sanitize::is_hidden)), "{lines:?}");
        assert!(lines.iter().any(|(_, line)| line.starts_with("    | ::error::m")), "{lines:?}");
    }
}
