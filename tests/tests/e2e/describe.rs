//! `daymark describe` tells what `kubectl describe` tells.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::{Finished, awaited};
use serde_json::Value;

use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "describe::endpoints_are_kubectls",
        needs: &[Need::Controllers, Need::Steering],
        run: Run::Shared(endpoints),
    },
    Test {
        name: "describe::an_unhappy_pod_is_told_with_its_facts",
        needs: &[Need::Controllers, Need::Steering],
        run: Run::Shared(unhappy),
    },
    Test {
        name: "describe::a_nodes_sums_are_kubectls",
        needs: &[Need::Controllers, Need::Steering],
        run: Run::Shared(node),
    },
    Test { name: "describe::every_kind_is_described", needs: &[Need::Controllers], run: Run::Shared(kinds) },
];

const NGINX: &str = "
{apiVersion: apps/v1, kind: Deployment, metadata: {name: nginx}, spec: {replicas: 3, selector: {matchLabels: {app: nginx}},
  template: {metadata: {labels: {app: nginx}}, spec: {containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: slow, labels: {app: nginx}, annotations: {test.daymark.dev/behaviour: never-ready}},
  spec: {containers: [{name: c, image: nginx}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: nginx, labels: {app: nginx}}, spec: {selector: {app: nginx}, ports: [{port: 80}]}}
";

const UNHAPPY: &str = "
{apiVersion: apps/v1, kind: Deployment, metadata: {name: unhappy}, spec: {replicas: 1, selector: {matchLabels: {app: nevermind}},
  template: {metadata: {labels: {app: nevermind}, annotations: {test.daymark.dev/behaviour: crash-loop, test.daymark.dev/delay: 100ms,
    test.daymark.dev/exit-code: '3'}},
    spec: {containers: [{name: shell, image: 'busybox:1.36', command: [sh, -c, echo I will just print something here and then exit]}]}}}}
";

/// What stands behind a name in a description, whoever has made it.
fn fact(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(&format!("{name}:")))?;
    Some(line.trim().to_owned())
}

/// What stands below the heading of events, which come last.
fn events(text: &str) -> &str {
    text.split_once("\nEvents:").map_or("", |(_, events)| events)
}

fn describe(daemon: &Daemon, namespace: &Namespace<'_>, words: &str) -> Finished {
    daemon.cli().run(&format!("describe {words} -n {}", namespace.name))
}

fn is_well(shown: &Finished) -> bool {
    shown.code == Some(0) && shown.stderr.is_empty()
}

/// A description, once all of that is in it: others have made it, and the daemon learns of it later.
fn comes_to_tell(daemon: &Daemon, namespace: &Namespace<'_>, words: &str, parts: &[&str]) -> String {
    let tells = |shown: &Finished| {
        is_well(shown)
            && !shown.stdout.contains("cannot be read")
            && parts.iter().all(|part| shown.stdout.contains(part))
    };
    awaited(&format!("{words} with {parts:?}"), || describe(daemon, namespace, words), tells).stdout
}

/// What `kubectl describe` and `daymark describe` say of it, once they say what is awaited.
fn both(
    daemon: &Daemon,
    namespace: &Namespace<'_>,
    words: &str,
    is_there: impl Fn(&str, &str) -> bool,
) -> (String, String) {
    // What changes in between is read again, and kubectl fails on what is not there yet.
    let ask = || {
        let theirs = namespace.try_kubectl(["describe"].into_iter().chain(words.split(' ')));
        (describe(daemon, namespace, words), theirs.unwrap_or_default())
    };
    let fits = |(ours, theirs): &(Finished, String)| is_well(ours) && is_there(&ours.stdout, theirs);
    let (ours, theirs) = awaited(words, ask, fits);
    (ours.stdout, theirs)
}

/// The chapter's `describe endpoints nginx`.
fn endpoints(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(NGINX);
    namespace.kubectl(["rollout", "status", "deployment/nginx"]);
    namespace.kubectl(["wait", "--for=jsonpath={.status.phase}=Running", "pod/slow"]);
    let is_there = |ours: &str, theirs: &str| {
        let of = |text: &str| ["Addresses", "NotReadyAddresses"].map(|name| fact(text, name));
        let count = of(theirs).map(|addresses| addresses.map_or(0, |it| it.split(',').count()));
        count == [3, 1] && of(theirs)[1].as_deref() != Some("<none>") && of(ours) == of(theirs)
    };
    let (ours, _) = both(daemon, &namespace, "endpoints nginx", is_there);
    assert!(ours.contains("pod/slow") && ours.contains("service/nginx"), "{ours}");
    // Its EndpointSlices are another controller's work.
    let has_all = |ours: &str, _: &str| {
        let is_slow = |line: &str| line.contains(" false ") && line.contains("pod/slow");
        ours.matches(" true ").count() == 3 && ours.lines().any(is_slow)
    };
    both(daemon, &namespace, "svc nginx", has_all);
}

/// The chapter's `describe pod -l app=nevermind`.
fn unhappy(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(UNHAPPY);
    let same = ["Controlled By", "Node", "QoS Class", "Service Account", "Image"];
    let is_there = |ours: &str, theirs: &str| {
        let ours_of = |name: &str| fact(ours, &lower(name));
        let restarts = fact(theirs, "Restart Count");
        same.iter().all(|name| ours_of(name) == fact(theirs, name))
            && restarts.is_some_and(|count| count != "0" && fact(ours, "Restarts") == Some(count))
            && fact(ours, "Last state").is_some_and(|last| last.contains("exit code 3"))
            && ours.contains("CrashLoopBackOff")
            && [ours, theirs].iter().all(|text| events(text).contains("Back-off restarting failed container"))
    };
    let (ours, theirs) = both(daemon, &namespace, "pod -l app=nevermind", is_there);
    assert!(theirs.contains("Exit Code:    3"), "{theirs}");
    for condition in ["Initialized", "Ready", "ContainersReady", "PodScheduled"] {
        let status = |text: &str| {
            let row = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            row.into_iter().find(|row| row.len() > 1 && row[0] == condition).map(|row| row[1].to_owned())
        };
        assert_eq!(status(&ours), status(&theirs), "{condition}: {ours}\n{theirs}");
    }
    let json = comes_to_tell(daemon, &namespace, "deploy/unhappy -o json", &["\"Pod\""]);
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(json["tree"]["owns"][0]["owns"][0]["status"]["kind"], "Pod", "{json}");
}

/// kubectl writes every word of a name with a capital.
fn lower(name: &str) -> String {
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    format!("{first} {}", rest.to_lowercase()).trim_end().to_owned()
}

fn node(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let pod = |name: &str, cpu: &str, memory: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: c, image: nginx,
              resources: {{requests: {{cpu: {cpu}, memory: {memory}}}, limits: {{memory: 1Gi}}}}}}]}}}}"
        )
    };
    namespace.apply(&[pod("a", "100m", "70Mi"), pod("b", "'1'", "170M")].join("\n---\n"));
    namespace.kubectl(["wait", "--for=condition=Ready", "pod/a", "pod/b"]);
    let name = namespace.kubectl(["get", "pod", "b", "-o", "jsonpath={.spec.nodeName}"]);
    // Other tests' pods come and go on the same node.
    let is_there = |ours: &str, theirs: &str| {
        let theirs = theirs.split("Allocated resources:").nth(1).unwrap_or_default();
        let percents = |text: &str, resource: &str| {
            let line = text.lines().find(|line| line.split_whitespace().next() == Some(resource)).unwrap_or_default();
            line.split('(').skip(1).filter_map(|part| part.split(')').next()).map(str::to_owned).collect::<Vec<_>>()
        };
        ["cpu", "memory"].iter().all(|resource| {
            let expected = percents(theirs, resource);
            !expected.is_empty() && percents(ours, resource) == expected
        })
    };
    both(daemon, &namespace, &format!("node {name}"), is_there);
}

const OBJECTS: &str = "
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, selector: {matchLabels: {app: db}},
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}},
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {schedule: '0 3 * * *', suspend: true,
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}}}}
---
{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {a: c2VjcmV0}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: none,
  accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: user}, spec: {containers: [{name: c, image: nginx}],
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {maxReplicas: 3,
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: db}}}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {rules: [{host: a.example, http: {paths: [{path: /,
  pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {configmaps: '5'}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}
";

/// What is asked of the daemon is what it answers, for each kind.
fn kinds(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(OBJECTS);
    namespace.kubectl(["rollout", "status", "statefulset/db"]);
    for (target, parts) in [
        ("sts/db", &["Replicas:", "└─pod/db-0"][..]),
        ("ds/agent", &["Replicas:", "─pod/agent-"]),
        ("cronjob/nightly", &["Schedule:", "0 3 * * *"]),
        ("secret/key", &["secret/key"]),
        ("pvc/data", &["Requested:", "pod/user", "storageclass.storage.k8s.io/none: not found"]),
        ("pod/user", &["data: claim data", "persistentvolumeclaim/data "]),
        ("pod/db-0", &["statefulset.apps/db "]),
        ("hpa/web", &["StatefulSet/db", "statefulset.apps/db "]),
        ("pdb/web", &["app=db", "pod/db-0 "]),
        ("ingress/web", &["a.example", "service/web: not found"]),
        ("quota/few", &["configmaps"]),
        ("cm/kube-root-ca.crt", &["ca.crt"]),
        ("sa/robot", &["serviceaccount/robot"]),
    ] {
        let shown = comes_to_tell(daemon, &namespace, target, parts);
        assert!(!shown.contains("c2VjcmV0"), "{target}: {shown}");
    }
    comes_to_tell(daemon, &namespace, &format!("ns/{}", namespace.name), &["configmaps"]);
}
