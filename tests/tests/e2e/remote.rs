//! The remote path, as `docs/install.md` and `docs/ci.md` tell it: a daemon with the rights of `deploy/minimal.yaml`
//! alone, and a CI job elsewhere with a CA's certificate and an OIDC token, behind a proxy.

#[path = "remote/documented.rs"]
mod documented;
#[path = "remote/installed.rs"]
mod installed;
#[path = "remote/job.rs"]
mod job;
#[path = "remote/place.rs"]
mod place;
#[path = "remote/proxy.rs"]
mod proxy;

use std::time::Instant;

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::process::PATIENCE;
use serde_json::{Value, json};

use self::installed::Installed;
use self::job::Job;
use crate::wait::deployment;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "remote::a_gate_outlives_the_token_that_has_opened_it",
        needs: &[Need::Controllers, Need::Steering],
        run: Run::Own(path),
    },
    Test { name: "remote::manifests_grant_reading_and_no_more", needs: &[], run: Run::Own(manifests) },
];

/// How long a token is good for that is to expire during a wait: longer than it takes to open a gate with it, on a
/// machine that has other things to do.
const SHORT: i64 = 15;
const LONG: i64 = 3600;

/// One installation serves all of it: that is what takes long.
fn path(cluster: Cluster) {
    let installed = Installed::on(&cluster);
    let shop = Namespace::of(&cluster, "shop");
    gitlab(&installed, &shop);
    github(&installed, &shop);
    what_is_not_granted(&installed);
    let log = installed.stop();
    // What the manifest grants is enough for all that the daemon has to follow.
    let mut refused = log.lines().filter(|line| line.to_lowercase().contains("forbidden"));
    assert!(refused.all(|line| line.contains("secrets")), "{log}");
    assert!(
        log.contains("off: no logs are shown, and causes of failures contain none: the daemon may not get pods/log"),
        "{log}"
    );
}

/// The token is in a variable, and nothing renews it.
fn gitlab(installed: &Installed, shop: &Namespace<'_>) {
    let token = installed.gitlab_token(SHORT);
    let job = Job::new(installed).env("DAYMARK_TOKEN", &token);
    shop.apply(&deployment("web", 1, "never-ready", "1s", ""));
    let mut waiting = job.start("wait deploy/web -n shop --timeout 100s");
    waiting.expect_stderr("how it stands", |line| line.contains("deployment.apps/web"));

    until_refused(installed, &token);
    make_ready(shop);
    let waited = waiting.finish();
    assert_eq!((waited.code, waited.stdout.contains("passed: Met")), (Some(0), true), "{waited:?}");
    shop.kubectl(["delete", "deploy/web"]);
}

/// A token is asked for when one is needed: the connection breaks after the first has expired.
fn github(installed: &Installed, shop: &Namespace<'_>) {
    let token = installed.github_token(SHORT);
    let endpoint = installed.github_endpoint();
    endpoint.describe(json!({"value": token}).to_string());
    let job = Job::new(installed).of_github(endpoint);
    shop.apply(&deployment("web", 1, "never-ready", "1s", ""));
    let mut waiting = job.start("wait deploy/web -n shop --timeout 100s");
    waiting.expect_stderr("how it stands", |line| line.contains("deployment.apps/web"));

    until_refused(installed, &token);
    let token = installed.github_token(LONG);
    endpoint.describe(json!({"value": token}).to_string());
    installed.proxy.cut();
    waiting.expect_stderr("that the daemon is lost", |line| line.contains("lost") || line.contains("broke"));
    make_ready(shop);
    let waited = waiting.finish();
    assert_eq!((waited.code, waited.stdout.contains("passed: Met")), (Some(0), true), "{waited:?}");
}

/// The job is bound to a role in one namespace, and the daemon itself may not read everything.
fn what_is_not_granted(installed: &Installed) {
    let token = installed.gitlab_token(LONG);
    let job = Job::new(installed).env("DAYMARK_TOKEN", &token);
    let got = job.run("get deploy,pods -n shop -o name");
    assert_eq!((got.code, got.stdout.contains("deployment.apps/web")), (Some(0), true), "{got:?}");
    for (args, says) in [
        ("get deploy -n daymark", "may not list deployments.apps in namespace \"daymark\""),
        ("wait deploy/daymarkd -n daymark --timeout 0", "may not get deployments.apps"),
    ] {
        let refused = job.run(args);
        assert_eq!((refused.code, refused.stderr.contains(says)), (Some(5), true), "{args}: {refused:?}");
        assert!(refused.stderr.contains("gitlab:example/shop"), "{refused:?}");
    }
    // Of the daemon's own rights only who has such hears.
    let refused = job.run("get secrets -n shop");
    assert_eq!((refused.code, refused.stderr.contains("may not list secrets")), (Some(5), true), "{refused:?}");
    let other = installed.gitlab_token_with("project_path", "example/other");
    let refused = Job::new(installed).env("DAYMARK_TOKEN", &other).run("get deploy -n shop");
    assert_eq!(refused.code, Some(5), "{refused:?}");
    let unprotected = installed.gitlab_token_with("ref_protected", "false");
    let refused = Job::new(installed).env("DAYMARK_TOKEN", &unprotected).run("get deploy -n shop");
    assert_eq!((refused.code, refused.stderr.contains("not valid for this daemon")), (Some(5), true), "{refused:?}");
}

fn make_ready(namespace: &Namespace<'_>) {
    let ready = r#"{"spec":{"template":{"metadata":{"annotations":{"test.daymark.dev/behaviour":"ready"}}}}}"#;
    namespace.kubectl(["patch", "deploy/web", "--patch", ready]);
}

/// Asks with that token for as long as it is taken: until the daemon says that it has expired.
fn until_refused(installed: &Installed, token: &str) {
    let job = Job::new(installed).env("DAYMARK_TOKEN", token);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = job.run("get deploy -n shop");
        if asked.code == Some(5) {
            assert!(asked.stderr.contains("the token has expired"), "{asked:?}");
            return;
        }
        assert!(asked.code == Some(0) && Instant::now() < deadline, "{asked:?}");
    }
}

/// Of all files of `deploy/`; and the pods that they make keep to the namespace's restrictions, or the API server
/// would not take them.
fn manifests(cluster: Cluster) {
    cluster.kubectl(["apply", "--filename", &documented::file("deploy/minimal.yaml")]);
    cluster.kubectl(["rollout", "status", "deployment/daymarkd", "--namespace=daymark", "--timeout=100s"]);
    cluster.kubectl(["apply", "--filename", &documented::file("deploy/rbac")]);
    let roles = cluster.kubectl(["get", "clusterroles", "--selector=app.kubernetes.io/part-of=daymark", "-o", "json"]);
    let roles: Value = serde_json::from_str(&roles).expect("kubectl prints JSON");
    let (acting, reading): (Vec<_>, Vec<_>) = items(&roles["items"]).iter().partition(|role| acts(role));
    assert_eq!(acting.len(), 2, "{roles}");
    changes_are_named(&acting);
    let rules: Vec<_> = reading.iter().flat_map(|role| items(&role["rules"])).collect();
    assert!(rules.len() > 10, "{roles}");
    for rule in rules {
        let reviews = ["subjectaccessreviews", "tokenreviews"].map(Value::from);
        let resources = items(&rule["resources"]);
        let is_review = !resources.is_empty() && resources.iter().all(|resource| reviews.contains(resource));
        let allowed = if is_review { vec!["create"] } else { vec!["get", "list", "watch"] };
        assert!(items(&rule["verbs"]).iter().all(|verb| verb.as_str().is_some_and(|v| allowed.contains(&v))), "{rule}");
        assert!(!resources.contains(&"*".into()) || rule["apiGroups"] != json!(["*"]), "{rule}");
    }
}

/// The files that grant more, and say so.
fn acts(role: &Value) -> bool {
    role["metadata"]["name"].as_str().is_some_and(|name| matches!(name, "daymarkd-acts" | "daymarkd-impersonate"))
}

/// What these let the daemon change is what it does, and whom it may impersonate is named.
fn changes_are_named(roles: &[&Value]) {
    const CHANGES: &[(&str, &str)] = &[
        ("nodes", "patch"),
        ("pods", "patch"),
        ("pods", "delete"),
        ("pods/eviction", "create"),
        ("pods/portforward", "create"),
    ];
    for rule in roles.iter().flat_map(|role| items(&role["rules"])) {
        for (resource, verb) in
            items(&rule["resources"]).iter().flat_map(|r| items(&rule["verbs"]).iter().map(move |v| (r, v)))
        {
            let (resource, verb) = (resource.as_str().unwrap_or("*"), verb.as_str().unwrap_or("*"));
            let is_named = !matches!(resource, "users" | "groups") || !items(&rule["resourceNames"]).is_empty();
            let is_known = match verb {
                "get" | "list" | "watch" => resource != "*",
                "impersonate" => is_named,
                verb => CHANGES.contains(&(resource, verb)),
            };
            assert!(is_known, "{verb} {resource}: {rule}");
        }
    }
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}
