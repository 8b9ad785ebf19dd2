//! What Daymark says of workloads at every turn of their lives, and what
//! `kubectl rollout status` says of the same.

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Process;

use serde_json::Value;

use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "states::of_a_deployment", needs: STEERED, run: Run::Shared(deployment) },
    Test { name: "states::of_a_stateful_set", needs: STEERED, run: Run::Shared(stateful_set) },
    Test { name: "states::of_a_daemon_set", needs: STEERED, run: Run::Shared(daemon_set) },
    Test { name: "states::of_a_job", needs: STEERED, run: Run::Shared(job) },
    Test { name: "states::of_pods_that_are_refused", needs: STEERED, run: Run::Shared(refused) },
    Test { name: "states::of_pods_that_are_held_up", needs: STEERED, run: Run::Shared(held) },
    Test { name: "states::of_services_and_namespaces", needs: STEERED, run: Run::Shared(others) },
    Test { name: "states::of_pods_whose_nodes_are_lost", needs: &[], run: Run::Nervous(nodes_lost) },
];

/// A workload whose pods behave as told.
#[derive(Clone, Copy)]
struct Workload<'a> {
    kind: &'a str,
    name: &'a str,
    behaviour: &'a str,
    /// Fields of its `spec`.
    spec: &'a str,
    /// Fields of its pods' `spec`.
    pods: &'a str,
}

impl Workload<'_> {
    fn yaml(&self) -> String {
        let Self { kind, name, behaviour, spec, pods } = self;
        let (version, selector, restart) = match *kind {
            "Job" => ("batch/v1", String::new(), "restartPolicy: Never"),
            _ => ("apps/v1", format!("selector: {{matchLabels: {{app: {name}}}}}"), "restartPolicy: Always"),
        };
        format!(
            r#"
apiVersion: {version}
kind: {kind}
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  {spec}
  {selector}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{test.daymark.dev/behaviour: {behaviour}, test.daymark.dev/delay: 500ms}}
    spec:
      {restart}
      terminationGracePeriodSeconds: 1
      containers: [{{name: main, image: "nginx:1.27"}}]
      {pods}
"#
        )
    }
}

/// One object, followed.
struct Followed<'a> {
    namespace: &'a Namespace<'a>,
    target: String,
    states: Process,
}

impl<'a> Followed<'a> {
    /// The object of that kind and label `app`, which is yet to be made: each of its versions is told.
    fn new(namespace: &'a Namespace<'a>, daemon: &Daemon, kind: &str, name: &str) -> Self {
        let watch = format!("get {kind} -l app={name} -n {} -w --history -o status-json", namespace.name);
        let mut states = daemon.cli().start(&watch);
        states.expect_stderr("that it is followed", |line| line.contains("No objects found"));
        Self { namespace, target: format!("{kind}/{name}"), states }
    }

    /// Awaits a state for one of these reasons; `""` is any.
    fn comes_to(&mut self, state: &str, reasons: &[&str], doom: &str) -> Value {
        let fits = |line: &str| {
            let told: Value = serde_json::from_str(line).expect("each line is JSON");
            let text = |field: &str| told["status"][field].as_str().unwrap_or_default().to_owned();
            let reason = text("reason");
            text("state") == state && reasons.iter().any(|r| r.is_empty() || *r == reason) && text("doom") == doom
        };
        let line = self.states.expect_stdout(&format!("{}: {state} {reasons:?} {doom}", self.target), fits);
        serde_json::from_str(&line).expect("each line is JSON")
    }

    /// Awaits that it is ready, which kubectl must say, too, by then.
    fn is_rolled_out(&mut self, reason: &str) {
        self.comes_to("READY", &[reason], "");
        let says = self.kubectl();
        let done = ["successfully rolled out", "complete"].iter().any(|done| says.contains(done));
        assert!(done, "{}: ready before kubectl says so: {says}", self.target);
    }

    /// Awaits that it has failed, where kubectl would wait on.
    fn fails_where_kubectl_waits(&mut self, reasons: &[&str], doom: &str) -> Value {
        let told = self.comes_to("FAILED", reasons, doom);
        let says = self.kubectl();
        assert!(says.contains("Waiting for"), "{}: kubectl does not wait: {says}", self.target);
        told
    }

    fn kubectl(&self) -> String {
        self.namespace.kubectl(["rollout", "status", &self.target, "--watch=false"])
    }

    fn set(&self, behaviour: &str) {
        let annotations = format!(r#"{{"test.daymark.dev/behaviour":"{behaviour}"}}"#);
        let patch = format!(r#"{{"spec":{{"template":{{"metadata":{{"annotations":{annotations}}}}}}}}}"#);
        self.patch(&patch);
    }

    fn patch(&self, patch: &str) {
        self.namespace.kubectl(["patch", &self.target, "--patch", patch]);
    }
}

const NO_IMAGE: &[&str] = &["ErrImagePull", "ImagePullBackOff"];

/// What all workloads have in common that are rolled out.
fn common(namespace: &Namespace<'_>, daemon: &Daemon, kind: &str, spec: &str) {
    let huge = "resources: {requests: {cpu: '1000'}}";
    let all = [
        ("healthy", "ready", ""),
        ("slow", "ready-after", ""),
        ("image", "image-pull-backoff", ""),
        ("config", "config-error", ""),
        ("crash", "crash-loop", ""),
        ("huge", "ready", huge),
    ];
    let all = all.map(|(name, behaviour, pods)| Workload { kind, name, behaviour, spec, pods });
    let lower = kind.to_lowercase();
    let [mut healthy, mut slow, mut image, mut config, mut crash, mut huge] =
        all.map(|workload| Followed::new(namespace, daemon, &lower, workload.name));
    all.iter().for_each(|workload| namespace.apply(&workload.yaml()));
    healthy.is_rolled_out("RolloutComplete");
    slow.comes_to("IN_PROGRESS", &[""], "");
    slow.is_rolled_out("RolloutComplete");
    image.fails_where_kubectl_waits(NO_IMAGE, "FATAL");
    config.fails_where_kubectl_waits(&["CreateContainerConfigError"], "FATAL");
    let told = crash.fails_where_kubectl_waits(&["CrashLoopBackOff"], "PERSISTENT");
    let message = told["status"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("pod crash-") && message.contains("exit code 1"), "the cause is told: {message}");
    huge.fails_where_kubectl_waits(&["Unschedulable"], "PERSISTENT");

    // Deleted in the middle of a rollout.
    slow.set("never-ready");
    slow.comes_to("IN_PROGRESS", &[""], "");
    namespace.kubectl(["delete", &slow.target, "--cascade=foreground", "--wait=false"]);
    slow.comes_to("TERMINATING", &["HeldByFinalizers"], "");
    slow.comes_to("ABSENT", &[""], "");
}

fn deployment(cluster: &Cluster, daemon: &Daemon) {
    let namespace = &cluster.namespace();
    common(namespace, daemon, "Deployment", "replicas: 2");

    let mut web = Followed::new(namespace, daemon, "deployment", "web");
    let workload = Workload { kind: "Deployment", name: "web", behaviour: "ready", spec: "replicas: 2", pods: "" };
    namespace.apply(&workload.yaml());
    web.is_rolled_out("RolloutComplete");
    web.set("image-pull-backoff");
    web.fails_where_kubectl_waits(NO_IMAGE, "FATAL");
    namespace.kubectl(["rollout", "undo", &web.target]);
    web.is_rolled_out("RolloutComplete");
    namespace.kubectl(["scale", &web.target, "--replicas=0"]);
    web.comes_to("IN_PROGRESS", &[""], "");
    web.is_rolled_out("RolloutComplete");
    web.patch(r#"{"spec":{"paused":true,"replicas":3}}"#);
    web.comes_to("PAUSED", &["DeploymentPaused"], "");
    web.patch(r#"{"spec":{"paused":false}}"#);
    web.is_rolled_out("RolloutComplete");
}

fn stateful_set(cluster: &Cluster, daemon: &Daemon) {
    let namespace = &cluster.namespace();
    common(namespace, daemon, "StatefulSet", "replicas: 2");

    let mut db = Followed::new(namespace, daemon, "statefulset", "db");
    let spec = "replicas: 2";
    namespace.apply(&Workload { kind: "StatefulSet", name: "db", behaviour: "ready", spec, pods: "" }.yaml());
    db.is_rolled_out("RolloutComplete");
    db.set("image-pull-backoff");
    db.fails_where_kubectl_waits(NO_IMAGE, "FATAL");
    // The controller waits for the broken pod before it puts the good one in its
    // place (kubernetes#67250).
    namespace.kubectl(["rollout", "undo", &db.target]);
    let told = db.fails_where_kubectl_waits(&["BlockedByOldPod"], "PERSISTENT");
    let message = told["status"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("pod db-1"), "the pod to delete is named: {message}");
    namespace.kubectl(["delete", "pod", "db-1"]);
    db.is_rolled_out("RolloutComplete");

    db.patch(r#"{"spec":{"updateStrategy":{"rollingUpdate":{"partition":1}}}}"#);
    db.is_rolled_out("PartitionComplete");
    db.set("ready-after");
    db.comes_to("IN_PROGRESS", &[""], "");
    db.is_rolled_out("PartitionComplete");
    db.patch(r#"{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}"#);
    db.comes_to("IN_PROGRESS", &["WaitingForDeletion"], "");
    namespace.kubectl(["scale", &db.target, "--replicas=0"]);
    db.comes_to("READY", &["RolloutComplete"], "");
}

fn daemon_set(cluster: &Cluster, daemon: &Daemon) {
    let namespace = &cluster.namespace();
    common(namespace, daemon, "DaemonSet", "minReadySeconds: 0");

    let mut agent = Followed::new(namespace, daemon, "daemonset", "agent");
    let workload =
        Workload { kind: "DaemonSet", name: "agent", behaviour: "ready", spec: "minReadySeconds: 0", pods: "" };
    namespace.apply(&workload.yaml());
    agent.is_rolled_out("RolloutComplete");
    agent.set("image-pull-backoff");
    agent.fails_where_kubectl_waits(NO_IMAGE, "FATAL");
    // The broken pod's successor is of an older template, and good.
    namespace.kubectl(["rollout", "undo", &agent.target]);
    agent.is_rolled_out("RolloutComplete");
    agent.patch(r#"{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}"#);
    agent.set("ready-after");
    agent.comes_to("IN_PROGRESS", &["WaitingForDeletion"], "");
}

fn job(cluster: &Cluster, daemon: &Daemon) {
    let namespace = &cluster.namespace();
    let none = "backoffLimit: 0";
    for (name, behaviour, spec, end) in [
        ("good", "completes", "completions: 2", ("READY", &["Complete"][..], "")),
        ("bad", "fails", none, ("FAILED", &["BackoffLimitExceeded"], "FATAL")),
        ("image", "image-pull-backoff", none, ("FAILED", NO_IMAGE, "FATAL")),
        ("config", "config-error", none, ("FAILED", &["CreateContainerConfigError"], "FATAL")),
        ("held", "completes", "suspend: true", ("PAUSED", &["JobSuspended"], "")),
        ("late", "never-ready", "activeDeadlineSeconds: 2", ("FAILED", &["DeadlineExceeded"], "FATAL")),
    ] {
        let mut job = Followed::new(namespace, daemon, "job", name);
        namespace.apply(&Workload { kind: "Job", name, behaviour, spec, pods: "" }.yaml());
        let (state, reasons, doom) = end;
        job.comes_to(state, reasons, doom);
        if name == "held" {
            job.patch(r#"{"spec":{"suspend":false}}"#);
            job.comes_to("READY", &["Complete"], "");
        }
    }
}

/// Where a quota leaves no room, all of them say so, and go on when it does.
fn refused(cluster: &Cluster, daemon: &Daemon) {
    let namespace = &cluster.namespace();
    namespace.kubectl(["create", "quota", "none", "--hard=pods=0"]);
    // A quota holds from when its usage is known on.
    let known = format!("wait -n {} quota/none --for jsonpath={{.status.hard.pods}}=0 --timeout 60s", namespace.name);
    assert_eq!(daemon.cli().run(&known).code, Some(0));
    let mut followed = Vec::new();
    for kind in ["Deployment", "StatefulSet", "DaemonSet", "Job"] {
        let lower = kind.to_lowercase();
        followed.push(Followed::new(namespace, daemon, &lower, &lower));
        let (behaviour, spec) =
            if kind == "Job" { ("completes", "completions: 1") } else { ("ready", "minReadySeconds: 0") };
        namespace.apply(&Workload { kind, name: &lower, behaviour, spec, pods: "" }.yaml());
    }
    for workload in &mut followed {
        // A Deployment counts its pods: none is there that could make room.
        let doom = if workload.target.starts_with("deployment/") { "FATAL" } else { "PERSISTENT" };
        let told = workload.comes_to("FAILED", &["FailedCreate"], doom);
        let message = told["status"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("exceeded quota"), "{message}");
    }
    namespace.kubectl(["delete", "quota", "none"]);
    for workload in &mut followed {
        // The controllers try again after a while that doubles.
        workload.comes_to("READY", &["RolloutComplete", "Complete"], "");
    }
}

/// Of pods whose volumes or network cannot be made only events tell.
fn held(cluster: &Cluster, daemon: &Daemon) {
    let namespace = &cluster.namespace();
    let no_secret =
        r#"held, test.daymark.dev/message: 'MountVolume.SetUp failed for volume "tls" : secret "tls" not found'"#;
    let no_network = r#"held, test.daymark.dev/event-reason: FailedCreatePodSandBox, test.daymark.dev/message: 'Failed to create pod sandbox: no network'"#;
    for (kind, behaviour, reason, says) in [
        ("Deployment", no_secret, "FailedMount", r#"secret "tls" not found"#),
        ("StatefulSet", no_network, "FailedCreatePodSandBox", "no network"),
        ("Job", no_secret, "FailedMount", r#"secret "tls" not found"#),
    ] {
        let lower = kind.to_lowercase();
        let mut workload = Followed::new(namespace, daemon, &lower, &lower);
        let spec = if kind == "Job" { "completions: 1" } else { "minReadySeconds: 0" };
        namespace.apply(&Workload { kind, name: &lower, behaviour, spec, pods: "" }.yaml());
        let told = workload.comes_to("FAILED", &[reason], "PERSISTENT");
        let message = told["status"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{message}");
        if kind == "Deployment" {
            workload.set("ready");
            workload.is_rolled_out("RolloutComplete");
        }
    }
}

fn others(cluster: &Cluster, daemon: &Daemon) {
    let namespace = &cluster.namespace();
    let mut service = Followed::new(namespace, daemon, "service", "web");
    namespace.kubectl(["create", "service", "clusterip", "web", "--tcp=80"]);
    service.comes_to("IN_PROGRESS", &["NoEndpoints"], "");
    // Services look at workloads only where these are watched anyway.
    let mut deployment = Followed::new(namespace, daemon, "deployment", "web");
    let web = Workload { kind: "Deployment", name: "web", behaviour: "ready", spec: "replicas: 1", pods: "" };
    namespace.apply(&web.yaml());
    service.comes_to("READY", &["EndpointsReady"], "");
    namespace.kubectl(["scale", "deployment/web", "--replicas=0"]);
    service.comes_to("IN_PROGRESS", &["ScaledToZero"], "");
    // It was ready before, too, in its first generation.
    while deployment.comes_to("READY", &["RolloutComplete"], "")["status"]["generation"] == 1 {}
    namespace.kubectl(["create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=1"]);
    for target in ["service/web", "poddisruptionbudget/web"] {
        let settled = format!("wait -n {} {target} --for settled --timeout 60s", namespace.name);
        assert_eq!(daemon.cli().run(&settled).code, Some(0), "{target} waits for nobody");
    }

    // A namespace that cannot go says which finalizer holds it.
    let other = &cluster.namespace();
    other.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}");
    let label = format!("kubernetes.io/metadata.name={}", other.name);
    let mut states = daemon.cli().start(&format!("get namespaces -l {label} -w -o status-json"));
    other.kubectl(["delete", "namespace", &other.name, "--wait=false"]);
    states.expect_stdout("why it stays", |line| line.contains("TERMINATING") && line.contains("example.com/hold"));
    other.kubectl(["patch", "configmap", "held", "--patch", r#"{"metadata":{"finalizers":null}}"#]);
    states.expect_stdout("its end", |line| line.contains("DELETED"));
}

/// An unavailable pod on a node that is lost is the node's fault.
fn nodes_lost(mut cluster: Cluster) {
    let daemon = Daemon::of_cluster(cluster.kubeconfig());
    let mut control_plane = cluster.control_plane.take().expect("it is our own");
    {
        let namespace = &Namespace::of(&cluster, "default");
        let mut web = Followed::new(namespace, &daemon, "deployment", "web");
        let workload = Workload { kind: "Deployment", name: "web", behaviour: "ready", spec: "replicas: 3", pods: "" };
        namespace.apply(&workload.yaml());
        web.is_rolled_out("RolloutComplete");
        control_plane.say("pause kwok");
        let told = web.comes_to("IN_PROGRESS", &["NodeNotReady"], "TRANSIENT");
        let message = told["status"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("is not ready"), "{message}");
        control_plane.say("resume kwok");
        web.is_rolled_out("RolloutComplete");
    }
    drop(control_plane);
}
