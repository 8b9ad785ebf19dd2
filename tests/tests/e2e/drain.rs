//! Nodes that are emptied, as `kubectl drain` would, and what comes in between: `node.cordon`, `node.drain`,
//! `node.drain-json`.

#[path = "drain/down.rs"]
mod down;
#[path = "drain/stage.rs"]
mod stage;

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Finished, Process};
use serde_json::Value;

use self::stage::{NODES, OTHERS, Stage, deployment};
use crate::rights::{SHARED, token as token_of, write_private};
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "drain::empties_a_node_as_kubectl_would", needs: STEERED, run: Run::Own(empties) },
    Test { name: "drain::of_a_node_that_is_down", needs: &[], run: Run::Nervous(down::of_a_node) },
    Test { name: "drain::is_done_as_the_caller", needs: STEERED, run: Run::Shared(as_the_caller) },
    Test { name: "drain::goes_on_whatever_happens_to_either_side", needs: STEERED, run: Run::Own(interrupted) },
];

/// What `kubectl drain` is told so that all goes that may.
const ALL: &str = "--ignore-daemonsets --delete-emptydir-data --force";

fn says(finished: &Finished, text: &str) {
    assert!(finished.stderr.contains(text), "{text:?} is not said:\n{}", finished.stderr);
}

fn empties(mut cluster: Cluster) {
    let control_plane = cluster.control_plane.take();
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    let manifests = format!("{}---{OTHERS}", deployment("web", 3, 2));
    let stage = Stage::set(&cluster, &daemon, &manifests, "deploy/web sts/db pod/bare ds/agent");
    let node = NODES[0];
    nothing_is_touched_while_something_is_in_the_way(&stage, &daemon, node);
    the_plan_tells_what_would_become_of_each(&stage, &daemon, node);
    a_dry_run_changes_nothing(&stage, &daemon, node);

    let before = stage.pods_on(node);
    // It cannot be missed: until the budget wants less again, nothing that it covers may go.
    stage.budget_wants("web", 3);
    assert_eq!(daemon.cli().run("wait pdb/web --for jsonpath={.status.desiredHealthy}=3 --timeout 30s").code, Some(0));
    let draining = held_up(&daemon, &format!("{node} -o json"));
    stage.budget_wants("web", 2);
    let drained = draining.finish();
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    let outcome: Value = serde_json::from_str(&drained.stdout).expect("JSON");
    assert_eq!((&outcome["stage"], &outcome["reason"]), (&"SUCCEEDED".into(), &"Drained".into()));
    every_pod_was_a_step_once(&before, &outcome);
    let left: Vec<_> = stage.pods_on(node).into_iter().map(|(name, _)| name).collect();
    assert!(matches!(&left[..], [only] if only.starts_with("agent-")), "{left:?}");

    let waited = daemon.cli().run(&format!("wait node/{node} --for drained --timeout 30s"));
    assert_eq!(waited.code, Some(0), "{}", waited.stderr);
    the_replacement_of_the_same_name_is_left_alone(&stage, &daemon);
    assert_eq!(daemon.cli().run(&format!("node uncordon {node}")).stdout, format!("node/{node} uncordoned\n"));
    assert!(!stage.is_cordoned(node));
    let waited = daemon.cli().run(&format!("wait node/{node} --for drained --timeout 0"));
    assert_eq!(waited.code, Some(3), "{}", waited.stderr);
    refusals(&stage, &daemon);
    drop(stage);
    drop(control_plane);
}

/// `node.drain-blocked`.
fn nothing_is_touched_while_something_is_in_the_way(stage: &Stage<'_>, daemon: &Daemon, node: &str) {
    let before = stage.pods_on(node);
    let blocked = daemon.cli().run(&format!("node drain {node}"));
    assert_eq!(blocked.code, Some(1), "{}", blocked.stderr);
    for said in ["nothing was touched", "--ignore-daemonsets", "default/bare: it has data in an emptyDir volume"] {
        says(&blocked, said);
    }
    assert!(!stage.is_cordoned(node));
    assert_eq!(stage.pods_on(node), before);
}

/// `node.plan`, `node.plan-json`.
fn the_plan_tells_what_would_become_of_each(stage: &Stage<'_>, daemon: &Daemon, node: &str) {
    let planned = daemon.cli().run(&format!("node drain {node} --plan --ignore-daemonsets -o json"));
    assert_eq!(planned.code, Some(1), "{}", planned.stderr);
    let plan: Value = serde_json::from_str(&planned.stdout).expect("JSON");
    let plan = &plan["plans"][0];
    let fate = |name: &str| {
        let pods = plan["pods"].as_array().cloned().unwrap_or_default();
        let pod = pods.into_iter().find(|pod| pod["ref"]["name"].as_str().is_some_and(|it| it.starts_with(name)));
        pod.map(|pod| format!("{} {}", pod["fate"].as_str().unwrap_or(""), pod["reason"].as_str().unwrap_or("")))
    };
    for (name, expected) in [
        ("agent", "STAYS DaemonSet"),
        ("bare", "BLOCKS LocalStorage"),
        ("db-0", "EVICTED Evictable"),
        ("web", "EVICTED Evictable"),
    ] {
        assert_eq!(fate(name).as_deref(), Some(expected), "{name}: {plan}");
    }
    let budget = &plan["budgets"][0];
    let numbers = ["allowed", "healthy", "desired", "expected", "here"].map(|it| budget[it].as_i64());
    assert_eq!(numbers, [1, 3, 2, 3, 3].map(Some), "{budget}");
    assert_eq!(plan["room"]["unplaced"], serde_json::json!([]), "{plan}");
    let table = daemon.cli().run(&format!("node drain {node} --plan {ALL}"));
    assert_eq!(table.code, Some(0), "{}", table.stderr);
    for part in ["NAMESPACE", "in quarantine", "evicted", "stays", "allows 1 disruption now", "room: "] {
        assert_eq!(table.stdout.contains(part), part != "in quarantine", "{part}: {}", table.stdout);
    }
    assert!(!stage.is_cordoned(node));
}

fn a_dry_run_changes_nothing(stage: &Stage<'_>, daemon: &Daemon, node: &str) {
    let before = stage.pods_on(node);
    let dry = daemon.cli().run(&format!("node drain {node} {ALL} --disable-eviction --dry-run"));
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(dry.stdout.contains("would be drained"), "{}", dry.stdout);
    assert!(!stage.is_cordoned(node));
    assert_eq!(stage.pods_on(node), before);
}

/// No pod is evicted twice, and none that took another's name.
fn every_pod_was_a_step_once(before: &[(String, String)], outcome: &Value) {
    let steps = outcome["steps"].as_array().cloned().unwrap_or_default();
    let mut stepped: Vec<_> = steps.iter().filter_map(|step| step["ref"]["uid"].as_str()).collect();
    let mut uids: Vec<_> = before.iter().map(|(_, uid)| uid.as_str()).collect();
    stepped.sort_unstable();
    uids.sort_unstable();
    assert_eq!(stepped, uids);
}

fn the_replacement_of_the_same_name_is_left_alone(stage: &Stage<'_>, daemon: &Daemon) {
    assert_eq!(daemon.cli().run("wait sts/db deploy/web --timeout 60s").code, Some(0));
    let there = stage.pods_on(NODES[1]);
    let db = there.iter().find(|(name, _)| name == "db-0").expect("it came back under its name").clone();
    let drained = daemon.cli().run(&format!("node drain {} {ALL}", NODES[0]));
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    assert!(stage.pods_on(NODES[1]).contains(&db));
}

/// `node.usage`, `node.not-found`, `node.drain-late`, `operation.unknown`.
fn refusals(stage: &Stage<'_>, daemon: &Daemon) {
    for (command, code, said) in [
        ("node drain nowhere", 6, "not found"),
        ("node drain pod/web", 2, "is not the kind of a node"),
        ("node cordon -l pool=none", 6, "no node matches the selector"),
        ("node drain kwok-node-0 --pod-selector a=b=c", 2, "pod_selector"),
        ("node drain kwok-node-0 --timeout 8d", 2, "timeout"),
        ("node drain -l pool=a --detach", 2, "cannot be used with '--detach'"),
        ("operation watch drain-none", 6, "no such operation"),
    ] {
        let refused = daemon.cli().run(command);
        assert_eq!(refused.code, Some(code), "{command}: {}", refused.stderr);
        says(&refused, said);
    }
    // A budget that never allows a disruption is told to be one.
    stage.budget_wants("web", 3);
    assert_eq!(daemon.cli().run("wait pdb/web --for jsonpath={.status.desiredHealthy}=3 --timeout 30s").code, Some(0));
    let late = daemon.cli().run(&format!("node drain {} {ALL} --timeout 20s", NODES[1]));
    assert_eq!(late.code, Some(3), "{}", late.stderr);
    for said in ["never allows a disruption", "It stays cordoned: daymark node uncordon kwok-node-1 undoes that"] {
        says(&late, said);
    }
    assert!(stage.is_cordoned(NODES[1]));
    let twice = daemon.cli().run("node cordon kwok-node-1 node/kwok-node-1");
    assert_eq!((twice.code, &*twice.stdout), (Some(0), "node/kwok-node-1 already cordoned\n"), "{twice:?}");
}

/// `node.drain-interrupted`, `node.drain-lost`, `operation.list`, `operation.watch`, `operation.cancel`.
fn interrupted(mut cluster: Cluster) {
    let control_plane = cluster.control_plane.take();
    let mut daemon = Daemon::of_cluster(cluster.kubeconfig());
    let stage = Stage::set(&cluster, &daemon, &deployment("web", 2, 2), "deploy/web");
    let node = NODES[0];

    let mut draining = held_up(&daemon, node);
    draining.signal("INT");
    let ended = draining.finish();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    says(&ended, "It stays cordoned");
    let listed = daemon.cli().run("operation list -o json");
    let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!(listed["operations"][0]["stage"], "CANCELLED", "{listed}");

    // A client that is lost, and another one that takes its drain up.
    draining = held_up(&daemon, node);
    draining.kill();
    let listed: Value = serde_json::from_str(&daemon.cli().run("operation list -o json").stdout).expect("JSON");
    let id = listed["operations"][0]["id"].as_str().expect("an operation").to_owned();
    assert_eq!(listed["operations"][0]["stage"], "RUNNING", "{listed}");
    let mut watching = daemon.cli().start(&format!("operation watch {id}"));
    watching.expect_stderr("what holds it up", |line| line.contains("DisruptionBudget"));
    stage.namespace.apply(&late(node));
    stage.budget_wants("web", 1);
    let watched = watching.finish();
    assert_eq!(watched.code, Some(0), "{}", watched.stderr);
    says(&watched, "default/pods/late: done");
    assert_eq!(stage.pods_on(node), []);

    a_drain_outlives_the_daemon(&stage, &mut daemon);
    two_drains_at_once(&stage, &daemon);
    nodes_with_a_label_one_after_another(&stage, &daemon);
    drop(stage);
    drop(control_plane);
}

/// A pod that comes to a node whatever the scheduler is told.
fn late(node: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: late}}, spec: {{nodeName: {node}, \
         terminationGracePeriodSeconds: 1, containers: [{{name: main, image: nginx}}]}}}}"
    )
}

/// `node.drain-selected`: the pods of the first are ready again before the second has its turn.
fn nodes_with_a_label_one_after_another(stage: &Stage<'_>, daemon: &Daemon) {
    stage.cluster.kubectl(["uncordon", NODES[0], NODES[1]]);
    let drained = daemon.cli().run(&format!("node drain {} {ALL} --timeout 60s", NODES[2]));
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    stage.cluster.kubectl(["uncordon", NODES[2]]);
    stage.cluster.kubectl(["label", "node", NODES[0], NODES[1], "pool.example.com/old=yes"]);
    let drained = daemon.cli().run(&format!("node drain -l pool.example.com/old=yes {ALL} --timeout 60s"));
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    says(&drained, "waiting until the 1 workload whose pods were evicted are ready again");
    let said: Vec<_> = drained.stdout.lines().collect();
    assert!(matches!(said[..], [one, two] if one.contains(NODES[0]) && two.contains(NODES[1])), "{said:?}");
    assert_eq!((stage.pods_on(NODES[0]), stage.pods_on(NODES[1])), (Vec::new(), Vec::new()));
}

const KEEPER: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: keeper, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: keeper}
rules: [{apiGroups: [''], resources: [nodes], verbs: [get, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: keeper}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: keeper}
subjects: [{kind: ServiceAccount, name: keeper, namespace: default}]
";

/// `node.not-permitted`: what is not enabled is refused; what is, is done by the caller's rights, and the API server's
/// audit log names the caller.
fn as_the_caller(_: &Cluster, _: &Daemon) {
    let folder = tempfile::tempdir().expect("a folder");
    let (policy, log) = (folder.path().join("policy.yaml"), folder.path().join("audit.log"));
    std::fs::write(&policy, "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n")
        .expect("a policy");
    let flags = [
        format!("--apiserver-arg=--audit-policy-file={}", policy.display()),
        format!("--apiserver-arg=--audit-log-path={}", log.display()),
    ];
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let mut cluster = Cluster::start_own_with(1, &flags).expect("a control plane");
    let control_plane = cluster.control_plane.take();
    cluster.apply(KEEPER);
    let token = folder.path().join("token");
    write_private(&token, &token_of(&cluster, &Namespace::of(&cluster, "default"), "keeper"));
    let ask = |daemon: &Daemon, words: &str| {
        let mut cli = daemon.cli();
        cli.address = daemon.tcp().to_owned();
        cli.run(&format!("--token-file {} {words}", token.display()))
    };
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let refused = ask(&daemon, "node cordon kwok-node-0");
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    says(&refused, "--remote-acts cordon");

    let daemon = Daemon::shared(cluster.kubeconfig(), &[SHARED, &["--remote-acts", "cordon,drain"]].concat());
    let cordoned = ask(&daemon, "node cordon kwok-node-0");
    assert_eq!(cordoned.code, Some(0), "{}", cordoned.stderr);
    let account = "system:serviceaccount:default:keeper";
    daemon.expect_log("the act", |line| line.contains("audit: act") && line.contains(account) && line.contains("done"));
    let log = std::fs::read_to_string(&log).expect("an audit log");
    let named = format!(r#""impersonatedUser":{{"username":"{account}""#);
    let patches: Vec<_> =
        log.lines().filter(|line| line.contains(r#""verb":"patch""#) && line.contains(&named)).collect();
    assert!(matches!(&patches[..], [one] if one.contains(r#""resource":"nodes","name":"kwok-node-0""#)), "{patches:?}");

    let refused = ask(&daemon, "node drain kwok-node-0");
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    says(&refused, "may not list pods");
    drop(cluster);
    drop(control_plane);
}

/// A drain that a budget holds up.
fn held_up(daemon: &Daemon, node: &str) -> Process {
    let mut draining = daemon.cli().start(&format!("node drain {node} {ALL}"));
    draining.expect_stderr("that a budget holds it up", |line| line.contains("blocked (DisruptionBudget)"));
    draining
}

fn a_drain_outlives_the_daemon(stage: &Stage<'_>, daemon: &mut Daemon) {
    stage.budget_wants("web", 2);
    assert_eq!(daemon.cli().run("wait deploy/web --timeout 60s").code, Some(0));
    let mut draining = held_up(daemon, NODES[1]);
    daemon.kill();
    draining.expect_stderr("that the daemon is lost", |line| line.contains("lost the daemon"));
    daemon.restart();
    draining.expect_stderr("that it is planned anew", |line| line.contains("replanning"));
    stage.cluster.kubectl(["uncordon", NODES[0]]);
    stage.budget_wants("web", 1);
    let drained = draining.finish();
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    assert_eq!(stage.pods_on(NODES[1]), []);
}

fn two_drains_at_once(stage: &Stage<'_>, daemon: &Daemon) {
    stage.cluster.kubectl(["label", "node", NODES[2], "pool=a", "--overwrite"]);
    stage.cluster.kubectl(["uncordon", NODES[1]]);
    stage.namespace.kubectl(["scale", "deploy/web", "--replicas=6"]);
    stage.budget_wants("web", 5);
    assert_eq!(daemon.cli().run("wait deploy/web --timeout 60s").code, Some(0));
    let drains = [0, 1].map(|node| daemon.cli().start(&format!("node drain {} {ALL} --timeout 60s", NODES[node])));
    for drain in drains {
        let drained = drain.finish();
        assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    }
    assert_eq!((stage.pods_on(NODES[0]), stage.pods_on(NODES[1])), (Vec::new(), Vec::new()));
}
