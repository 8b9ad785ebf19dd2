//! A node whose kubelet does not answer, so that its pods cannot end: `node.drain-not-ready`, `node.drain-skipped`.

use daymark_tests::cluster::{Cluster, Namespace};
use daymark_tests::daemon::Daemon;

use super::says;
use super::stage::{NODES, Stage};

/// Without a budget: of pods that are not ready it would allow no eviction.
const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {pool: down}
      containers: [{name: main, image: "nginx:1.27"}]
"#;

const SILENT: &str = "is not ready: its kubelet does not answer (Ready is Unknown since ";

pub(super) fn of_a_node(mut cluster: Cluster) {
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    let mut control_plane = cluster.control_plane.take().expect("it is our own");
    {
        let stage = Stage { cluster: &cluster, namespace: Namespace::of(&cluster, "default") };
        let node = NODES[0];
        cluster.kubectl(["label", "node", node, "pool=down"]);
        stage.namespace.apply(WEB);
        assert_eq!(daemon.cli().run("wait deploy/web --timeout 60s").code, Some(0));
        let pods = stage.pods_on(node);
        assert_eq!(pods.len(), 2, "{pods:?}");

        control_plane.say("pause kwok");
        let lost = daemon.cli().run(&format!("wait node/{node} --for condition=Ready=Unknown --timeout 60s"));
        assert_eq!(lost.code, Some(0), "{}", lost.stderr);
        pods_are_left_behind(&stage, &daemon, node);
        assert_eq!(stage.pods_on(node), pods);

        let mut draining = daemon.cli().start(&format!("node drain {node}"));
        draining.expect_stderr("that its pods cannot end", |line| {
            line.contains("under way (NodeNotReady)") && line.contains("but its node's kubelet does not answer")
        });
        control_plane.say("resume kwok");
        let drained = draining.finish();
        assert_eq!(drained.code, Some(0), "{}", drained.stderr);
        assert_eq!(stage.pods_on(node), []);
    }
    drop(control_plane);
}

fn pods_are_left_behind(stage: &Stage<'_>, daemon: &Daemon, node: &str) {
    let skipping = "--skip-wait-for-delete-timeout 1 --timeout 60s";
    let plan = daemon.cli().run(&format!("node drain {node} --plan"));
    assert_eq!(plan.code, Some(0), "{}", plan.stderr);
    assert!(plan.stdout.contains(SILENT) && plan.stdout.contains("--skip-wait-for-delete-timeout"), "{}", plan.stdout);

    // They are evicted, and waited for until their time has been over for long enough.
    let drained = daemon.cli().run(&format!("node drain {node} {skipping}"));
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    let end = format!("node {node} is drained: 0 pods removed; 2 pods not waited for, still terminating\n");
    assert_eq!(drained.stdout, end);
    for said in ["2 to remove, 0 to keep\n", SILENT, "left as it is (NotAwaited): it should have terminated by "] {
        says(&drained, said);
    }
    let waited = daemon.cli().run(&format!("wait node/{node} --for drained --timeout 0"));
    assert_eq!(waited.code, Some(3), "{}", waited.stderr);

    // Those that a plan finds like that are not even evicted.
    let again = daemon.cli().run(&format!("node drain {node} {skipping}"));
    assert_eq!((again.code, &*again.stdout), (Some(0), &*end), "{}", again.stderr);
    says(&again, "0 to remove, 0 to keep, 2 not to wait for\n");

    let late = daemon.cli().run(&format!("node drain {node} --timeout 20s"));
    assert_eq!(late.code, Some(3), "{}", late.stderr);
    for said in ["it should have terminated by ", "but its node's kubelet does not answer", "The node is not ready: "] {
        says(&late, said);
    }
    assert!(stage.is_cordoned(node));
}
