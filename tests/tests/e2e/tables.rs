//! `-o kubectl` is what kubectl prints.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::awaited;

use crate::kinds::{define_for, definition};
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "tables::are_kubectls_for_every_kind", needs: &[Need::Controllers], run: Run::Shared(kinds) },
    Test { name: "tables::have_kubectls_columns_of_labels", needs: &[], run: Run::Shared(labels) },
    Test { name: "tables::of_many_objects_come_in_pages", needs: &[], run: Run::Shared(pages) },
];

/// Kinds with columns of their own, and objects of them.
const KINDS: &[&str] = &[
    "pods",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "services",
    "endpointslices",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "persistentvolumeclaims",
    "horizontalpodautoscalers",
    "poddisruptionbudgets",
    "networkpolicies",
    "ingresses",
    "resourcequotas",
    "roles",
    "nodes",
    "namespaces",
];

const OBJECTS: &str = "
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2, selector: {matchLabels: {app: web}},
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, selector: {matchLabels: {app: db}},
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}},
  template: {metadata: {labels: {app: agent}}, spec: {nodeSelector: {no: where}, containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {suspend: true,
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {schedule: '0 3 * * *', suspend: true,
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {a: b}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: none,
  accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {maxReplicas: 3,
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: none}, spec: {podSelector: {matchLabels: {app: web}}}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {rules: [{host: a.example, http: {paths: [{path: /,
  pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {configmaps: '5'}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}
";

/// What both print, but for ages, which go on.
fn equal(daemon: &Daemon, namespace: &Namespace<'_>, kind: &str, wide: bool) {
    let (ours, theirs) = (if wide { "kubectl-wide" } else { "kubectl" }, if wide { &["-o", "wide"][..] } else { &[] });
    let tables = || {
        let shown = daemon.cli().run(&format!("get {kind} -n {} -o {ours}", namespace.name));
        assert_eq!(shown.code, Some(0), "{kind}: {shown:?}");
        (ageless(&shown.stdout), ageless(&namespace.kubectl([&["get", kind], theirs].concat())))
    };
    // What changes in between is read again.
    awaited(&format!("the same tables of {kind}"), tables, |(ours, theirs)| ours == theirs);
}

/// Ages and the blanks that they bring with them stand for themselves.
fn ageless(table: &str) -> Vec<String> {
    let word = |word: &str| {
        let number = word.trim_end_matches(|c: char| "smhdy".contains(c));
        let is_age = number.len() < word.len() && word.chars().all(|c| c.is_ascii_digit() || "smhdy".contains(c));
        if is_age { "AGE".to_owned() } else { word.to_owned() }
    };
    let line = |line: &str| match line.contains(|c: char| c.is_ascii_digit()) {
        true => line.split_whitespace().map(word).collect::<Vec<_>>().join(" "),
        false => line.to_owned(),
    };
    table.lines().map(line).collect()
}

/// `get.kubectl` `get.kubectl-wide`
fn kinds(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    namespace.apply(OBJECTS);
    let group = format!("{}.example.com", namespace.name);
    let definition = definition(&group, "wd").replace(
        "    schema:",
        "    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}, {name: Note, type: string, jsonPath: .spec.note, priority: 1}]\n    schema:",
    );
    define_for(daemon, &namespace, &group, &definition);
    namespace.apply(&format!(
        "{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: w}}, spec: {{size: 7, note: large}}}}"
    ));
    namespace.kubectl(["rollout", "status", "deployment/web"]);
    namespace.kubectl(["rollout", "status", "statefulset/db"]);
    for kind in KINDS.iter().copied().chain([&*format!("widgets.{group}")]) {
        equal(daemon, &namespace, kind, false);
        equal(daemon, &namespace, kind, true);
    }
    // A line between two kinds, and kinds before the names.
    equal(daemon, &namespace, "deployments,services", false);
}

/// The chapter's `get pods -Lapp`.
fn labels(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    for (name, labels) in [("a", "app=web"), ("b", "app=notworking,tier=x"), ("c", "other=1")] {
        namespace.kubectl(["run", name, "--image=nginx", "--labels", labels]);
    }
    for flags in [&["-Lapp"][..], &["-L", "tier,app"], &["--show-labels"], &["--show-labels", "--no-headers"]] {
        // Where a label is missing, the age is the last.
        let columns = |table: &str| {
            let last = |line: &String| line.split_whitespace().last().unwrap_or_default().to_owned();
            ageless(table).iter().map(last).collect::<Vec<_>>()
        };
        let both = || {
            let ours = daemon.cli().run(&format!("get pods -n {} -o kubectl {}", namespace.name, flags.join(" ")));
            (columns(&ours.stdout), columns(&namespace.kubectl([&["get", "pods"], flags].concat())))
        };
        awaited(&format!("the same columns with {flags:?}"), both, |(ours, theirs)| ours == theirs);
    }
}

fn pages(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let one = |number: usize| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c-{number}}}}}");
    namespace.apply(&(0..1100).map(one).collect::<Vec<_>>().join("\n---\n"));
    equal(daemon, &namespace, "cm", false);
    let shown = daemon.cli().run(&format!("get cm -n {} -o kubectl", namespace.name));
    assert_eq!(shown.stdout.lines().count(), 1 + 1100 + 1, "with that of the namespace's CA");
}
