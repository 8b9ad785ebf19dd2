//! `daymark diagnose -f`: what a real API server says of manifests, and that it changes nothing.

use std::path::Path;

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Finished;
use serde_json::Value;

use crate::rights::{SHARED, token, write_private};
use crate::wait::deployment;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "diagnose_manifests::tell_what_is_wrong_and_where", needs: &[], run: Run::Shared(wrong) },
    Test { name: "diagnose_manifests::are_followed_by_their_objects", needs: STEERED, run: Run::Shared(objects) },
    Test { name: "diagnose_manifests::are_asked_about_as_the_caller", needs: &[], run: Run::Shared(as_the_caller) },
];

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

/// What is in a Secret, and is to be in nothing that is told.
const SECRET: &str = "hunter2hunter2";

fn config_map(name: &str, more: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n{more}\n")
}

/// Manifests, and what is said of each; nothing, if it is valid.
fn cases() -> Vec<(String, Option<&'static str>)> {
    let web = deployment("web", 1, "ready", "0s", "");
    let of = |object: &str, more: &str| format!("{object}\n{more}\n");
    let secret =
        |data: &str| of("{apiVersion: v1, kind: Secret, metadata: {name: s}", &format!(", stringData: {data}}}"));
    vec![
        (config_map("good", "data: {a: b}"), None),
        (web.clone(), None),
        (
            web.replace("image:", "imge:"),
            Some(r#"spec.template.spec.containers[name="main"].imge: field not declared"#),
        ),
        (web.replace("replicas: 1", "replicas: three"), Some("spec.replicas: expected numeric")),
        (of(web.trim_end(), "  replicas: 2"), Some(r#"key "replicas" already set in map"#)),
        (
            web.replace("{name: web}\nspec", "{name: web, namespace: nowhere}\nspec"),
            Some(r#"namespaces "nowhere" not found"#),
        ),
        (
            "{apiVersion: example.com/v1, kind: Unknown, metadata: {name: x}}\n".into(),
            Some("the cluster serves no Unknown"),
        ),
        (web.replace("apps/v1", "apps/v9"), Some(r#"the cluster serves no Deployment of "apps/v9""#)),
        (config_map("Bad_Name", ""), Some("metadata.name: Invalid value")),
        (secret(&format!("{{a: {SECRET}}}")), None),
        (secret("{a: {b: 12345678}}"), Some("stringData.a: expected string")),
    ]
}

fn diagnosis(told: &Finished) -> Value {
    serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"))
}

/// The check of the manifests: its result, and its message.
fn check(told: &Finished) -> (String, String) {
    let diagnosis = diagnosis(told);
    let first = &diagnosis["checks"][0];
    assert_eq!(first["name"], "manifest", "{told:?}");
    let text = |key: &str| first[key].as_str().unwrap_or_default().to_owned();
    (text("result"), text("message"))
}

/// `diagnose.manifests`
fn wrong(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.yaml");
    let ask = |file: &Path| daemon.cli().run(&format!("diagnose -n {n} -f {} -o json --exit-code", file.display()));
    let cases = cases();
    let texts: Vec<_> = cases.iter().map(|(text, _)| text.as_str()).collect();
    std::fs::write(&file, texts.join("---\n")).expect("a file");
    let told = ask(&file);
    let (result, message) = check(&told);
    assert_eq!((told.code, result.as_str()), (Some(1), "bad"), "{told:?}");
    for (number, (text, problem)) in (1..).zip(&cases) {
        let place = format!("{}#{number}: ", file.display());
        let line = message.lines().find(|line| line.starts_with(&place));
        assert_eq!(line.is_some(), problem.is_some(), "{text}: {message}");
        assert!(problem.is_none_or(|problem| line.is_some_and(|line| line.contains(problem))), "{text}: {message}");
    }
    assert!(!told.stdout.contains(SECRET) && !told.stdout.contains("12345678"), "{told:?}");
    // Nothing of it is there.
    assert_eq!(diagnosis(&told)["state"], "ABSENT", "{told:?}");
    assert_eq!(namespace.kubectl(["get", "deployments,secrets", "-o", "name"]).trim(), "");

    // What another one makes is not there yet, and nobody can say.
    let made = "{apiVersion: v1, kind: Namespace, metadata: {name: nowhere}}\n---\n\
        {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: nowhere}}\n";
    std::fs::write(&file, made).expect("a file");
    let told = ask(&file);
    let (result, message) = check(&told);
    assert_eq!((told.code, result.as_str()), (Some(0), "notChecked"), "{told:?}");
    assert!(message.contains("#2: ConfigMap a: not checked: its namespace is made by another"), "{message}");
}

/// What is there is looked at as if it had been named.
fn objects(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    let web = deployment("web", 1, "image-pull-backoff", "0s", "");
    namespace.apply(&web);
    let waited = daemon.cli().run(&format!("wait -n {n} deploy/web --fatal-after 0s --timeout 60s"));
    assert_eq!(waited.code, Some(1), "{waited:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.yaml");
    std::fs::write(&file, format!("{web}---\n{}", config_map("absent", ""))).expect("a file");
    let told = daemon.cli().run(&format!("diagnose -n {n} -f {} -o json", folder.path().display()));
    assert_eq!(check(&told), ("ok".to_owned(), "the API server would take 2 manifests".to_owned()), "{told:?}");
    let diagnosis = diagnosis(&told);
    assert_eq!(diagnosis["causes"][0]["reason"], "ImageNotFound", "{told:?}");
    assert_eq!(diagnosis["target"]["name"], "web", "{told:?}");
    let left_out = diagnosis["notVisible"].as_array().expect("a list");
    assert!(left_out.iter().any(|it| it["kind"] == "configmaps" && it["reason"] == "NotFound"), "{told:?}");
}

/// `diagnose.manifests-unchecked`: who may not apply it, or has nobody to ask, is told so, and gets all else.
fn as_the_caller(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let n = &namespace.name;
    cluster.apply(&callers(&namespace));
    let folder = tempfile::tempdir().expect("a folder");
    let (file, key) = (folder.path().join("all.yaml"), folder.path().join("token"));
    let secret = format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, stringData: {{a: {SECRET}}}}}\n");
    std::fs::write(&file, format!("{}---\n{secret}", config_map("a", "data: {a: b}"))).expect("a file");
    let ask = |daemon: &Daemon, account: &str| {
        write_private(&key, &token(cluster, &namespace, account));
        let mut cli = daemon.cli();
        cli.address = daemon.tcp().to_owned();
        cli.run(&format!("--token-file {} diagnose -n {n} -f {} -o json", key.display(), file.display()))
    };
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let (result, message) = check(&ask(&daemon, "deployer"));
    assert!(result == "notChecked" && message.contains("--remote-acts dry-run"), "{message}");

    let daemon = Daemon::shared(cluster.kubeconfig(), &[SHARED, &["--remote-acts", "dry-run"]].concat());
    let told = ask(&daemon, "deployer");
    assert_eq!(check(&told), ("ok".to_owned(), "the API server would take 2 manifests".to_owned()), "{told:?}");
    let account = format!("system:serviceaccount:{n}:deployer");
    daemon.expect_log("the act", |line| {
        assert!(!line.contains(SECRET), "{line}");
        line.contains("audit: act") && line.contains(&account) && line.contains("dry-run") && line.contains("valid")
    });
    let told = ask(&daemon, "reader");
    let (result, message) = check(&told);
    assert!(told.code == Some(0) && result == "notChecked", "{told:?}");
    assert!(message.contains("may not patch configmaps"), "{message}");
    assert!(diagnosis(&told)["checks"][0]["command"].as_str().is_some_and(|it| it.contains("--dry-run=server")));
    // Of an object that is not there, the API server asks for the right to create it.
    let (result, message) = check(&ask(&daemon, "patcher"));
    assert!(result == "notChecked" && message.contains("cannot create resource"), "{message}");
}

/// Accounts that may apply, read, and change what is there.
fn callers(namespace: &Namespace<'_>) -> String {
    let n = &namespace.name;
    let account = |name: &str, verbs: &str| {
        format!(
            r#"
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}, namespace: {n}}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}, namespace: {n}}}
rules: [{{apiGroups: [""], resources: [configmaps, secrets], verbs: [{verbs}]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}, namespace: {n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}
subjects: [{{kind: ServiceAccount, name: {name}, namespace: {n}}}]
"#
        )
    };
    [account("deployer", "get, patch, create"), account("reader", "get, list"), account("patcher", "get, patch")]
        .join("---")
}
