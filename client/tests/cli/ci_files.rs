//! The files of client/ci: that they can be read, and keep what they promise.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ci").join(name)
}

fn yaml(name: &str) -> Value {
    let text = fs::read_to_string(file(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Every string below a key of that name.
fn below<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value.as_str() {
            Some(text) if name == key => found.push(text),
            _ => below(value, key, found),
        }),
        Value::Array(items) => items.iter().for_each(|value| below(value, key, found)),
        _ => {}
    }
}

#[test]
fn no_script_holds_an_expression() {
    let action = yaml("github/action.yml");
    let mut scripts = Vec::new();
    below(&action, "run", &mut scripts);
    assert_eq!(scripts.len(), 1);
    assert!(!scripts.iter().any(|script| script.contains("${{")), "{scripts:?}");

    let step = &action["runs"]["steps"][0];
    let env = step["env"].as_object().unwrap();
    for name in action["inputs"].as_object().unwrap().keys() {
        let variable = format!("INPUT_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(env[&variable], format!("${{{{ inputs.{name} }}}}"));
        assert!(scripts[0].contains(&variable), "{variable}");
    }
}

#[test]
fn pods_are_restricted_and_their_token_is_their_own() {
    for name in ["kubernetes/helm-hook-job.yaml", "kubernetes/init-container.yaml"] {
        let pod = &yaml(name)["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        // The kubelet gives the token to this user alone, unless there is a group.
        assert!(pod["securityContext"]["runAsUser"].is_u64(), "{name}");
        assert!(pod["securityContext"]["fsGroup"].is_null(), "{name}");
        let containers = |key: &str| pod[key].as_array().cloned().unwrap_or_default();
        let all = [containers("initContainers"), containers("containers")].concat();
        for container in &all {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["capabilities"]["drop"][0], "ALL", "{name}");
            assert!(context["runAsUser"].is_null(), "{name}");
        }
        let waits = all.iter().filter(|container| container["command"][0] == "daymark");
        assert_eq!(waits.map(|container| &container["args"][0]).collect::<Vec<_>>(), ["wait"], "{name}");
    }
    let hook = &yaml("kubernetes/helm-hook-job.yaml")["metadata"]["annotations"];
    assert_eq!(hook["helm.sh/hook"], "post-install,post-upgrade");
    assert_eq!(hook["argocd.argoproj.io/hook"], "PostSync");
}

/// A folder with a program `daymark` that prints its words, one on a line, and
/// the token, and ends with `EXIT`.
fn program() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("daymark");
    let script = r#"#!/bin/sh
for word in "$@"; do
  echo "[$word]"
  case $word in --token-file=*) DAYMARK_TOKEN_FILE=${word#--token-file=} ;; esac
done
echo "token $(cat "$DAYMARK_TOKEN_FILE") mode $(ls -l "$DAYMARK_TOKEN_FILE" | cut -c1-10)"
env | grep -c s3cret
exit "${EXIT:-0}"
"#;
    fs::File::create(&path).unwrap().write_all(script.as_bytes()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn run(shell: &str, script: &str, folder: &Path, env: &[(&str, &str)]) -> Output {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(shell);
    command.args(["-e", "-c", script]).current_dir(folder).env("PATH", path).env("TMPDIR", folder);
    command.env("RUNNER_TEMP", folder).env("GITHUB_OUTPUT", folder.join("output")).envs(env.iter().copied());
    command.output().unwrap()
}

/// The files in a folder: a token must not stay.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_step_passes_words_and_tells_the_outcome() {
    let action = yaml("github/action.yml");
    let script = action["runs"]["steps"][0]["run"].as_str().unwrap();
    for (exit, outcome) in [("0", "passed"), ("1", "failed"), ("3", "undecided"), ("4", "error")] {
        let folder = program();
        let env = [
            ("INPUT_ADDRESS", "host:1"),
            ("INPUT_CA_FILE", "ca.pem"),
            ("INPUT_OIDC_AUDIENCE", ""),
            ("INPUT_TOKEN", "s3cret"),
            ("INPUT_TOKEN_FILE", ""),
            ("INPUT_ARGS", "deployment/web\n  $(touch evil) * -l  a=b; touch evil\n"),
            ("INPUT_FOR", "jsonpath={.a b}=\"c\"\n\ncondition=Ready\n"),
            ("INPUT_TIMEOUT", "5m"),
            ("INPUT_NAMESPACE", "shop"),
            ("INPUT_BINARY", ""),
            ("EXIT", exit),
        ];
        let done = run("bash", script, folder.path(), &env);
        assert_eq!(done.status.code().unwrap().to_string(), exit, "{done:?}");
        let said = String::from_utf8(done.stdout).unwrap();
        let token = format!("[--token-file={}/daymark-token.", folder.path().display());
        let (kept, file): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| !line.starts_with(&token));
        let expected = "[wait] [--ci] [github] [--timeout=5m] [--address=host:1] [--ca-file=ca.pem] [--namespace=shop] \
            [--for=jsonpath={.a b}=\"c\"] [--for=condition=Ready] [deployment/web] [$(touch] [evil)] [*] [-l] [a=b;] \
            [touch] [evil] token s3cret mode -rw------- 0";
        assert_eq!((kept.join(" ").as_str(), file.len()), (expected, 1));
        assert_eq!(fs::read_to_string(folder.path().join("output")).unwrap(), format!("outcome={outcome}\n"));
        assert_eq!(names(folder.path()), ["daymark", "output"]);
    }
}

#[test]
fn the_job_passes_words_and_keeps_the_report() {
    let job = &yaml("gitlab/daymark.gitlab-ci.yml")[".daymark-wait"];
    assert_eq!(job["artifacts"]["reports"]["junit"], "daymark.xml");
    let script = job["script"][0].as_str().unwrap();
    for (name, value) in [("DAYMARK_TOKEN", "s3cret"), ("DAYMARK_TOKEN_FILE", "given")] {
        let folder = program();
        fs::write(folder.path().join("given"), "s3cret").unwrap();
        let targets = ("DAYMARK_TARGETS", "deployment/web $(touch evil) * ; touch evil");
        let env = [("DAYMARK_BINARY", "daymark"), ("DAYMARK_TIMEOUT", "5m"), targets, (name, value), ("EXIT", "3")];
        let done = run("sh", script, folder.path(), &env);
        assert_eq!(done.status.code(), Some(3), "{done:?}");
        let said = fs::read_to_string(folder.path().join("daymark.xml")).unwrap();
        assert_eq!(
            said.lines().collect::<Vec<_>>().join(" "),
            "[wait] [--ci] [gitlab] [--timeout=5m] [-o] [junit] [deployment/web] [$(touch] [evil)] [*] [;] [touch] \
             [evil] token s3cret mode -rw------- 0"
        );
        assert_eq!(names(folder.path()), ["daymark", "daymark.xml", "given"]);
    }
}
