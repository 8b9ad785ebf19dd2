//! `daymark control-plane`

use std::path::Path;

use daymark_tests::cluster::{Cluster, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::awaited;
use daymark_tests::workspace;
use serde_json::{Value, json};

use crate::rights::{SHARED, accounts, token, write_private};
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "control_plane::is_told_thing_by_thing", needs: &[], run: Run::Shared(told) },
    Test { name: "control_plane::is_told_within_rights", needs: &[], run: Run::Shared(rights) },
    Test {
        name: "control_plane::names_etcd_when_it_does_not_answer",
        needs: &[Need::Steering],
        run: Run::Own(installed),
    },
];

/// A lease as a leader has it that will not renew it soon.
const LEASE: &str = "
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: kube-scheduler, namespace: kube-system}
spec: {holderIdentity: some-machine_1, leaseDurationSeconds: 2000000000, leaseTransitions: 3,
  acquireTime: '2026-01-01T00:00:00.000000Z', renewTime: '2026-01-01T00:00:00.000000Z'}
";

/// The document, and the exit code.
fn ask(daemon: &Daemon, flags: &str) -> (Value, Option<i32>) {
    let mut cli = daemon.cli();
    if flags.contains("--token-file") {
        cli.address = daemon.tcp().to_owned();
    }
    let run = cli.run(&format!("control-plane -o json {flags}"));
    let document = serde_json::from_str(&run.stdout);
    (document.unwrap_or_else(|error| panic!("{error}: {run:?}")), run.code)
}

/// The document once all is well: one look may come while the machine stands still.
fn healthy(daemon: &Daemon, flags: &str) -> Value {
    let fits = |(told, code): &(Value, Option<i32>)| {
        let is_late = told["notVisible"].as_array().is_some_and(|it| it.iter().any(|it| it["reason"] == "Unreachable"));
        *code == Some(0) && told["health"] == "healthy" && !is_late
    };
    awaited("a control plane that is well", || ask(daemon, flags), fits).0
}

/// The nodes that kubelets are counted by.
fn counted(told: &Value) -> u64 {
    told["kubelets"].as_array().expect("a list").iter().filter_map(|it| it["nodes"].as_u64()).sum()
}

fn find<'a>(list: &'a Value, name: &str) -> &'a Value {
    let mut items = list.as_array().expect("a list").iter();
    items.find(|item| item["name"] == name).unwrap_or(&Value::Null)
}

fn hidden(told: &Value, kind: &str) -> String {
    let mut items = told["notVisible"].as_array().expect("a list").iter();
    let item = items.find(|item| item["kind"] == kind).unwrap_or(&Value::Null);
    item["reason"].as_str().unwrap_or_default().to_owned()
}

fn told(cluster: &Cluster, daemon: &Daemon) {
    // Other tests' nodes come and go.
    let both = || {
        let told = healthy(daemon, "");
        (told, cluster.kubectl(["get", "nodes", "-o", "name"]).lines().count())
    };
    let (told, _) = awaited("each node", both, |(told, nodes)| usize::try_from(counted(told)).ok() == Some(*nodes));
    for endpoint in ["livez", "readyz"] {
        let endpoint = find(&told["endpoints"], endpoint);
        assert_eq!(find(&endpoint["checks"], "etcd")["passed"], true, "{endpoint}");
    }
    let version: Value = serde_json::from_str(&cluster.kubectl(["get", "--raw", "/version"])).expect("JSON");
    assert_eq!(told["version"], version["gitVersion"]);
    assert!(told["latencies"].as_array().is_some_and(|it| it.len() >= 5), "{told}");
    let etcd = &told["etcd"];
    assert!(etcd["sizes"][0]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{etcd}");
    let operations = etcd["operations"].as_array().expect("a list");
    let gets = operations.iter().find(|it| it["operation"] == "get").expect("somebody has read something");
    assert!(gets["sinceStart"]["p99"].as_f64() >= gets["sinceStart"]["p50"].as_f64(), "{gets}");

    // Here, nobody elects a leader.
    let is_ours = find(&told["leases"], "kube-scheduler")["found"] == false;
    if is_ours {
        cluster.apply(LEASE);
        let mut watch = daemon.cli().start("control-plane -w --interval 1s -o json");
        watch.expect_stdout("who holds the lease", |line| line.contains("some-machine_1"));
        let held = "kube-scheduler            held   by some-machine_1";
        let text = || daemon.cli().run("control-plane");
        awaited("the same as text", text, |text| text.code == Some(0) && text.stdout.contains(held));
        cluster.kubectl(["delete", "lease", "kube-scheduler", "-n", "kube-system"]);
        watch.expect_stdout("that there is none", |line| !line.contains("some-machine_1"));
    }
}

/// What every user may read, and nothing else.
fn rights(cluster: &Cluster, _: &Daemon) {
    let here = cluster.namespace();
    accounts(cluster, &here);
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    write_private(&file, &token(cluster, &here, "nobody"));
    let flags = format!("--token-file {}", file.display());
    let told = healthy(&daemon, &flags);
    let scheduler = "leases.coordination.k8s.io/kube-scheduler";
    for kind in ["/metrics", "nodes", scheduler] {
        assert_eq!(hidden(&told, kind), "PermissionDenied", "{told}");
    }
    assert!(told["etcd"].is_null() && told["kubelets"] == json!([]), "{told}");

    let name = &here.name;
    cluster.apply(&format!(
        "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: metrics-{name}}}
rules: [{{nonResourceURLs: [/metrics], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: metrics-{name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: metrics-{name}}}
subjects: [{{kind: ServiceAccount, name: nobody, namespace: {name}}}]
"
    ));
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let mut watch = cli.start(&format!("control-plane -w --interval 1s -o json {flags}"));
    watch.expect_stdout("the metrics", |line| line.contains("\"sinceStart\""));
    cluster.kubectl(["delete", "clusterrolebinding", &format!("metrics-{name}")]);
    watch.expect_stdout("that they are hidden again", |line| !line.contains("\"sinceStart\""));
}

/// A daemon with the rights that `deploy/` gives it, and a control plane whose etcd stops.
fn installed(mut cluster: Cluster) {
    cluster.kubectl(["apply", "--filename", &file("deploy/minimal.yaml")]);
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    write_private(&kubeconfig, &of_its_account(&cluster));
    let daemon = Daemon::of_cluster(&kubeconfig);
    let told = healthy(&daemon, "");
    for kind in ["/metrics", "leases.coordination.k8s.io/kube-scheduler"] {
        assert_eq!(hidden(&told, kind), "Forbidden", "{told}");
    }
    cluster.kubectl(["apply", "--filename", &file("deploy/rbac/control-plane.yaml")]);
    let mut watch = daemon.cli().start("control-plane -w --interval 1s -o json");
    let sees_all = |line: &str| line.contains("\"notVisible\":[]") && line.contains("\"health\":\"healthy\"");
    watch.expect_stdout("all of it", sees_all);

    let control_plane = cluster.control_plane.as_mut().expect("this test has its own");
    control_plane.say("pause etcd");
    let fails = |line: &str| {
        let told: Value = serde_json::from_str(line).expect("JSON");
        let readyz = find(&told["endpoints"], "readyz");
        told["health"] == "unhealthy" && find(&readyz["checks"], "etcd")["passed"] == false
    };
    watch.expect_stdout("that etcd does not answer", fails);
    let text = awaited("why", || daemon.cli().run("control-plane"), |text| text.stdout.contains("readyz/etcd failed"));
    assert!(text.code == Some(1) && text.stdout.contains("not healthy: "), "{text:?}");
    control_plane.say("resume etcd");
    watch.expect_stdout("that it answers again", sees_all);
}

fn file(path: &str) -> String {
    workspace().join(Path::new(path)).display().to_string()
}

/// A kubeconfig of the daemon's ServiceAccount.
fn of_its_account(cluster: &Cluster) -> String {
    let config = cluster.kubectl(["config", "view", "--raw", "-o", "json"]);
    let mut config: Value = serde_json::from_str(&config).expect("JSON");
    let token = cluster.kubectl(["create", "token", "daymarkd", "-n", "daymark"]);
    config["users"][0]["user"] = json!({"token": token.trim()});
    config.to_string()
}
