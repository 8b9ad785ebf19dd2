//! Whether the API server would take a manifest: a dry run of a server-side apply, which changes
//! nothing, and takes the rights of one that does.

use super::actor::{Actor, NotDone};
use crate::access::authorizer::Right;
use crate::diagnose::Ruling;
use crate::kind::{Kind, escape};
use crate::source::apiserver::requests::Refusal;

/// What an error without a reason begins with that tells of the manifest (k8s.io/apimachinery
/// `pkg/util/managedfields`), and not of the API server.
const OF_THE_MANIFEST: &[&str] = &["failed to create typed patch object", "failed to convert new object"];
/// What the API server says of whoever lacks a right (k8s.io/apiserver `ForbiddenStatusError`);
/// what admission refuses is said otherwise.
const LACKS_RIGHT: &[&str] = &["cannot patch resource", "cannot create resource"];

/// Asks the API server whether it would take a manifest of that object, for the actor.
pub async fn attempt(actor: &Actor, kind: &Kind, (namespace, name): (&str, &str), text: Vec<u8>) -> Ruling {
    let place = kind.namespaced.then_some(namespace);
    let right = Right::to("patch", kind, place).of(&name.into());
    // The API server asks for the right to create itself, but of whom it knows only.
    let creates = (!actor.is_named()).then(|| Right::to("create", kind, place));
    for right in std::iter::once(right).chain(creates) {
        if let Err(error) = actor.may(right).await {
            return Ruling::NotChecked(error.to_string());
        }
    }
    let path = format!("{}/{}", kind.path(place), escape(name));
    match actor.try_apply(&path, text).await {
        Ok(warnings) => Ruling::Valid(warnings),
        Err(NotDone::Refused(refusal)) => ruling(&refusal, kind),
        Err(error) => Ruling::NotChecked(error.to_string()),
    }
}

/// What a refusal says of a manifest.
fn ruling(refusal: &Refusal, kind: &Kind) -> Ruling {
    let message = &*refusal.message;
    let is_of_the_manifest = match refusal.status {
        // No answer, nobody who may ask, no server-side apply there, or too much to do.
        None | Some(401 | 415 | 429) => false,
        Some(403) => !LACKS_RIGHT.iter().any(|words| message.contains(words)),
        Some(500) => OF_THE_MANIFEST.iter().any(|words| message.starts_with(words)),
        Some(status) => status < 500,
    };
    let is_secret = kind.group.is_empty() && kind.resource == "secrets";
    let shown = |text: &str| if is_secret { without_values(text) } else { without_wrapping(text) };
    match is_of_the_manifest {
        false => Ruling::NotChecked(shown(message)),
        true if refusal.status == Some(404) && message == "the server could not find the requested resource" => {
            Ruling::Invalid(vec![format!("the cluster serves no {} of {:?}", kind.kind, kind.api_version())])
        }
        true => Ruling::Invalid(reasons(message).into_iter().map(shown).collect()),
    }
}

/// The reasons in a refusal's message, without what is known anyway.
fn reasons(message: &str) -> Vec<&str> {
    let text = match message.strip_prefix(OF_THE_MANIFEST[0]).and_then(|rest| rest.split_once("): ")) {
        Some((_, rest)) => rest,
        // `Deployment.apps "web" is invalid: spec...`
        None => message.split_once(" is invalid: ").map_or(message, |(_, rest)| rest),
    };
    let each = match text.strip_prefix("errors:") {
        Some(list) => list.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
        None => vec![text],
    };
    each.into_iter().map(|reason| reason.strip_prefix('.').unwrap_or(reason)).collect()
}

/// A message that shows a value as it was found, and not as the API server holds it
/// (structured-merge-diff `value.valueUnstructured`).
fn without_wrapping(text: &str) -> String {
    match text.split_once("&value.valueUnstructured{Value:") {
        Some((before, value)) => format!("{before}{}", value.strip_suffix('}').unwrap_or(value)),
        None => text.to_owned(),
    }
}

/// A message about a Secret without what is quoted in it, and what was found in the place of
/// what was expected: both may be of its data.
fn without_values(text: &str) -> String {
    let text = text.split(", got ").next().unwrap_or_default();
    let mut shown = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        shown.push(char);
        if !matches!(char, '"' | '`') {
            continue;
        }
        shown.push('…');
        while let Some(quoted) = chars.next() {
            match quoted {
                '\\' => drop(chars.next()),
                end if end == char => {
                    shown.push(char);
                    break;
                }
                _ => {}
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Problem, ProblemReason};

    fn refused(status: u16, message: &str) -> Refusal {
        let problem = Problem::new(ProblemReason::Refused, message);
        Refusal { status: Some(status), message: message.to_owned(), ..problem.into() }
    }

    fn of_deployment(status: u16, message: &str) -> Ruling {
        ruling(&refused(status, message), &crate::kind::samples()[1])
    }

    fn invalid(reasons: &[&str]) -> Ruling {
        Ruling::Invalid(reasons.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_said_of_a_manifest_is_told_from_what_is_wrong_elsewhere() {
        let typed = "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): ";
        for (status, message, reasons) in [
            (
                500,
                format!("{typed}.spec.x: field not declared in schema"),
                &["spec.x: field not declared in schema"][..],
            ),
            (
                500,
                format!("{typed}.spec.x: expected string, got &value.valueUnstructured{{Value:5}}"),
                &["spec.x: expected string, got 5"],
            ),
            (500, format!("{typed}errors:\n  .spec.x: field\n  .spec.y: field"), &["spec.x: field", "spec.y: field"]),
            (422, "Deployment.apps \"web\" is invalid: spec.x: Required".into(), &["spec.x: Required"]),
            (400, "error strict decoding YAML: line 3".into(), &["error strict decoding YAML: line 3"]),
            (404, "namespaces \"a\" not found".into(), &["namespaces \"a\" not found"]),
            (403, "pods \"a\" is forbidden: exceeded quota".into(), &["pods \"a\" is forbidden: exceeded quota"]),
            (
                404,
                "the server could not find the requested resource".into(),
                &["the cluster serves no Deployment of \"apps/v1\""],
            ),
        ] {
            assert_eq!(of_deployment(status, &message), invalid(reasons), "{message}");
        }
        for (status, message) in [
            (500, "Internal error occurred: failed calling webhook"),
            (503, "unavailable"),
            (429, "too many requests"),
            (403, "deployments.apps \"web\" is forbidden: User \"jane\" cannot create resource \"deployments\""),
        ] {
            assert_eq!(of_deployment(status, message), Ruling::NotChecked(message.to_owned()), "{message}");
        }
        let unreachable = Refusal::from(Problem::new(ProblemReason::Unreachable, "no answer"));
        assert_eq!(ruling(&unreachable, &crate::kind::samples()[1]), Ruling::NotChecked("no answer".into()));
    }

    #[test]
    fn nothing_of_a_secrets_data_is_told() {
        let mut secrets = crate::kind::samples()[0].clone();
        (secrets.resource, secrets.kind) = ("secrets".into(), "Secret".into());
        for (message, told) in [
            (
                "failed to create typed patch object (/s; /v1, Kind=Secret): .stringData.a: expected string, got &value.valueUnstructured{Value:12345}",
                "stringData.a: expected string",
            ),
            (r#"data.a: Invalid value: "12\"345": too "long"#, r#"data.a: Invalid value: "…": too "…"#),
            ("cannot unmarshal !!str `12345` into int", "cannot unmarshal !!str `…` into int"),
        ] {
            let told = invalid(&[told]);
            let status = if message.starts_with("failed") { 500 } else { 400 };
            assert_eq!(ruling(&refused(status, message), &secrets), told, "{message}");
        }
    }
}
