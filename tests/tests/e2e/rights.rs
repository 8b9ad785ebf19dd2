//! Whoever asks sees what the cluster's own RBAC lets them see.

use std::collections::HashMap;

use daymark_proto::FILE_DESCRIPTOR_SET;
use daymark_proto::v1::{EventFilter, Filter, ObjectRef};
use daymark_tests::cluster::{Cluster, Namespace};
use daymark_tests::daemon::Daemon;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

#[path = "rights/accounts.rs"]
mod accounts;
#[path = "rights/requests.rs"]
mod requests;

pub(crate) use self::accounts::accounts;
use self::requests::ask;
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[
    Test { name: "rights::are_those_of_the_cluster", needs: &[], run: Run::Shared(matrix) },
    Test { name: "rights::that_are_withdrawn_narrow_and_end_a_stream", needs: &[], run: Run::Shared(withdrawn) },
    Test { name: "rights::are_audited_when_they_lack", needs: &[], run: Run::Shared(audited) },
];

pub(crate) const SHARED: &[&str] = &["--token-review", "--authorization-ttl", "2"];

/// Kinds of each sort: as an RPC names them, and as `kubectl auth can-i` does.
const KINDS: &[(&str, &str)] = &[("", "pods"), ("apps", "deployments"), ("", "secrets"), ("", "nodes")];

pub(crate) fn token(cluster: &Cluster, namespace: &Namespace<'_>, account: &str) -> String {
    let token = cluster.kubectl(["create", "token", account, "-n", &namespace.name, "--audience", "daymark"]);
    token.trim().to_owned()
}

/// What RBAC says, asked once each.
struct Truth<'a> {
    cluster: &'a Cluster,
    known: HashMap<String, bool>,
}

impl Truth<'_> {
    fn may(&mut self, account: &str, verb: &str, what: &str, namespace: Option<&str>) -> bool {
        let scope = namespace.map_or("-A".to_owned(), |namespace| format!("-n {namespace}"));
        let question = format!("{verb} {what} {scope} --as=system:serviceaccount:{account}");
        let cluster = self.cluster;
        *self.known.entry(question).or_insert_with_key(|question| cluster.can_i(question.split(' ')))
    }
}

/// A request: the rpc, what it is about, and what it takes: verb, what and namespace.
struct Sample {
    rpc: String,
    of: Of,
    takes: Vec<(&'static str, String, Option<String>)>,
}

/// What a request is about.
#[derive(Clone, Debug)]
enum Of {
    Nothing,
    Kind(Filter),
    Object(ObjectRef),
    Events(EventFilter),
}

impl Of {
    fn is_everywhere(&self) -> bool {
        match self {
            Self::Kind(filter) => filter.all_namespaces,
            Self::Events(filter) => filter.all_namespaces,
            Self::Nothing | Self::Object(_) => false,
        }
    }
}

/// Requests to every rpc that there is; one that is not known here has to be thought of.
fn samples(here: &str, there: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    for file in FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("descriptors").file {
        for service in &file.service {
            for method in &service.method {
                samples.extend(samples_of(&format!("{}/{}", service.name(), method.name()), here, there));
            }
        }
    }
    samples
}

fn samples_of(rpc: &str, here: &str, there: &str) -> Vec<Sample> {
    let of_kinds = |verbs: &[&'static str]| kinds(rpc, verbs, here, there);
    let of_object = |verbs: &[&'static str]| object(rpc, verbs, here);
    match rpc {
        "StatusService/GetStatus" => of_object(&["get"]),
        "StatusService/ListStatuses" | "CompletionService/Complete" => of_kinds(&["list"]),
        "StatusService/WatchStatuses" => [of_kinds(&["list", "watch"]), of_object(&["get", "watch"])].concat(),
        "TableService/ListTables" => [of_kinds(&["list"]), of_object(&["get"])].concat(),
        "TreeService/WatchTree" => of_object(&["get", "watch"]),
        "EventService/ListEvents" => events(rpc, &["list"], here, there),
        "EventService/WatchEvents" => events(rpc, &["list", "watch"], here, there),
        "DiagnosisService/Diagnose" | "DiagnosisService/WatchDiagnosis" => {
            [of_kinds(&["list"]), of_object(&["get"])].concat()
        }
        "NodeReadinessService/ListNodes" => nodes(rpc, &["list"]),
        "NodeReadinessService/WatchNodes" => nodes(rpc, &["list", "watch"]),
        "GateService/OpenGate" => [of_kinds(&["list", "watch"]), of_object(&["get", "watch"])].concat(),
        "LogService/StreamLogs" => parts(rpc, &["get"], "get", "log", here),
        "TunnelService/Resolve" | "TunnelService/Forward" => parts(rpc, &["get"], "create", "portforward", here),
        "ProxyService/Fetch" => of_object(&["get"]),
        "NodeService/Cordon" | "NodeService/Uncordon" => node(rpc, &[("get", NODE), ("patch", NODE)]),
        "NodeService/PlanDrain" => node(rpc, &[("get", NODE), ("list", "pods")]),
        "NodeService/StartDrain" => node(rpc, &[("get", NODE), ("list", "pods"), ("patch", NODE)]),
        "PodService/ListQuarantined" => of_pods(of_kinds(&["list"])),
        "PodService/StartQuarantine" => {
            curated(rpc, "two", here, &[("list", "services"), ("list", "endpointslices.discovery.k8s.io")])
        }
        "PodService/Release" => curated(rpc, "one", here, &[]),
        // What may not be seen of it is left out.
        "ControlPlaneService/GetControlPlane"
        | "ControlPlaneService/WatchControlPlane"
        | "OperationService/ListOperations"
        | "ServerService/GetServerInfo"
        | "ServerService/ListCaches"
        // What it takes of each kind is seen by what comes: it tells what it leaves out.
        | "SnapshotService/Dump" => {
            vec![Sample { rpc: rpc.to_owned(), of: Of::Nothing, takes: Vec::new() }]
        }
        // By a token that is somebody else's: for nobody.
        "OperationService/CancelOperation" | "OperationService/GetOperation" | "OperationService/WatchOperation" => {
            vec![Sample { rpc: rpc.to_owned(), of: Of::Nothing, takes: vec![("nothing", "operations".into(), None)] }]
        }
        "GateService/ArmGate" | "GateService/CancelGate" | "GateService/GetGate" | "GateService/WatchGate" => {
            vec![Sample { rpc: rpc.to_owned(), of: Of::Nothing, takes: vec![("nothing", "gates".into(), None)] }]
        }
        other => panic!("{other}: what does it take? Say it here"),
    }
}

fn kinds(rpc: &str, verbs: &[&'static str], here: &str, there: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (group, resource) in KINDS {
        let name = if group.is_empty() { (*resource).to_owned() } else { format!("{resource}.{group}") };
        for namespace in [Some(here), Some(there), None] {
            let namespaces = namespace.iter().map(|it| (*it).to_owned()).collect();
            let filter = Filter {
                kinds: vec![name.clone()],
                namespaces,
                all_namespaces: namespace.is_none(),
                ..Default::default()
            };
            let namespace = namespace.filter(|_| *resource != "nodes").map(str::to_owned);
            let takes = verbs.iter().map(|verb| (*verb, name.clone(), namespace.clone())).collect();
            samples.push(Sample { rpc: rpc.to_owned(), of: Of::Kind(filter), takes });
        }
    }
    samples
}

/// A node that there is, as `kubectl auth can-i` names it.
const NODE: &str = "nodes/kwok-node-0";

fn node(rpc: &str, takes: &[(&'static str, &str)]) -> Vec<Sample> {
    let name = NODE.trim_start_matches("nodes/").to_owned();
    let r#ref = ObjectRef { resource: "nodes".into(), name, ..Default::default() };
    let takes = takes.iter().map(|(verb, what)| (*verb, (*what).to_owned(), None)).collect();
    vec![Sample { rpc: rpc.to_owned(), of: Of::Object(r#ref), takes }]
}

/// Of samples of kinds, those of pods.
fn of_pods(samples: Vec<Sample>) -> Vec<Sample> {
    samples.into_iter().filter(|sample| matches!(&sample.of, Of::Kind(filter) if filter.kinds == ["pods"])).collect()
}

/// A pod whose labels are changed, and what that takes besides the pod.
fn curated(rpc: &str, pod: &str, here: &str, more: &[(&'static str, &str)]) -> Vec<Sample> {
    let r#ref = ObjectRef { resource: "pods".into(), namespace: here.into(), name: pod.into(), ..Default::default() };
    let what = format!("pods/{pod}");
    let takes = [("get", &*what), ("patch", &*what)].into_iter().chain(more.iter().copied());
    let takes = takes.map(|(verb, what)| (verb, what.to_owned(), Some(here.to_owned()))).collect();
    vec![Sample { rpc: rpc.to_owned(), of: Of::Object(r#ref), takes }]
}

/// Those of a namespace, or of all, and those of a pod.
fn events(rpc: &str, verbs: &[&'static str], here: &str, there: &str) -> Vec<Sample> {
    let takes = |namespace: Option<&str>| -> Vec<(&'static str, String, Option<String>)> {
        verbs.iter().map(|verb| (*verb, "events".to_owned(), namespace.map(str::to_owned))).collect()
    };
    let of = |namespace: Option<&str>| {
        let namespaces = namespace.iter().map(|it| (*it).to_owned()).collect();
        let filter = EventFilter { namespaces, all_namespaces: namespace.is_none(), ..Default::default() };
        Sample { rpc: rpc.to_owned(), of: Of::Events(filter), takes: takes(namespace) }
    };
    let mut samples = [Some(here), Some(there), None].map(of).to_vec();
    for pod in object(rpc, &["get"], here) {
        let Of::Object(pod_ref) = pod.of else { continue };
        let filter = EventFilter { r#ref: Some(pod_ref), ..Default::default() };
        let takes = [takes(Some(here)), pod.takes].concat();
        samples.push(Sample { rpc: rpc.to_owned(), of: Of::Events(filter), takes });
    }
    samples
}

fn object(rpc: &str, verbs: &[&'static str], here: &str) -> Vec<Sample> {
    let sample = |name: &str| {
        let r#ref = ObjectRef {
            resource: "pods".into(),
            namespace: here.to_owned(),
            name: name.to_owned(),
            ..Default::default()
        };
        let takes = verbs.iter().map(|verb| (*verb, format!("pods/{name}"), Some(here.to_owned()))).collect();
        Sample { rpc: rpc.to_owned(), of: Of::Object(r#ref), takes }
    };
    ["one", "two"].map(sample).into()
}

/// All nodes.
fn nodes(rpc: &str, verbs: &[&'static str]) -> Vec<Sample> {
    let takes = verbs.iter().map(|verb| (*verb, "nodes".to_owned(), None)).collect();
    vec![Sample { rpc: rpc.to_owned(), of: Of::Nothing, takes }]
}

/// A part of a pod, such as its log, takes that the pod may be seen, and that with the part.
fn parts(rpc: &str, verbs: &[&'static str], verb: &'static str, part: &str, here: &str) -> Vec<Sample> {
    let with_part = |mut sample: Sample| {
        let of_part = sample
            .takes
            .iter()
            .map(|(_, what, namespace)| (verb, format!("{what} --subresource={part}"), namespace.clone()));
        let of_part: Vec<_> = of_part.collect();
        sample.takes.extend(of_part);
        sample
    };
    object(rpc, verbs, here).into_iter().map(with_part).collect()
}

impl Clone for Sample {
    fn clone(&self) -> Self {
        Self { rpc: self.rpc.clone(), of: self.of.clone(), takes: self.takes.clone() }
    }
}

fn pod(name: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: c, image: nginx}}]}}}}"
    )
}

fn matrix(cluster: &Cluster, _: &Daemon) {
    let (here, there) = (cluster.namespace(), cluster.namespace());
    accounts(cluster, &here);
    for namespace in [&here, &there] {
        namespace.apply(&pod("one"));
        namespace.apply(&pod("two"));
    }
    let note = r#"daymark.dev/quarantine={"labels": {}, "by": "somebody", "at": "2026-01-01T00:00:00Z"}"#;
    here.kubectl(["annotate", "pod", "one", note]);
    let acting = [SHARED, &["--remote-acts", "all"]].concat();
    let daemon = Daemon::shared(cluster.kubeconfig(), &acting);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut truth = Truth { cluster, known: HashMap::new() };
    let gate = daemon.cli().run(&format!("gate open -n {} pods --timeout 5m", here.name)).stdout;
    let (mut allowed, mut denied) = (0, 0);
    for account in ["nobody", "local", "everywhere", "single", "keeper", "curator"] {
        let token = token(cluster, &here, account);
        let name = format!("{}:{account}", here.name);
        for sample in samples(&here.name, &there.name) {
            let may = sample.takes.iter().all(|(verb, what, namespace)| match *verb {
                "nothing" => false,
                verb => truth.may(&name, verb, what, namespace.as_deref()),
            });
            // Who may see some namespaces gets these of all.
            let is_told = !sample.rpc.starts_with("GateService/");
            let partly = sample.of.is_everywhere()
                && is_told
                && sample.takes.iter().all(|(verb, what, _)| truth.may(&name, verb, what, Some(&here.name)));
            let answer = runtime.block_on(async {
                let channel = Endpoint::from_shared(format!("http://{}", daemon.tcp())).expect("an address");
                ask(channel.connect().await.expect("the daemon listens"), &sample, &token, gate.trim()).await
            });
            let is_denied = |error: &Status| matches!(error.code(), Code::PermissionDenied | Code::NotFound);
            match answer {
                Ok(()) => assert!(may || partly, "{account} may not, and was let: {} {:?}", sample.rpc, sample.of),
                Err(error) => {
                    assert!(is_denied(&error), "{error:?}");
                    assert!(
                        !may && !partly,
                        "{account} may, and was not let: {} {:?}: {error:?}",
                        sample.rpc,
                        sample.of
                    );
                }
            }
            if may || partly { allowed += 1 } else { denied += 1 }
        }
    }
    assert!(allowed > 20 && denied > 20, "{allowed} were allowed, {denied} denied: that says little");
}

/// A stream of one who may see two namespaces, then one, then none: `get.partly-permitted`,
/// `get.watch-narrowed`.
fn withdrawn(cluster: &Cluster, _: &Daemon) {
    let (here, there) = (cluster.namespace(), cluster.namespace());
    accounts(cluster, &here);
    here.apply(&pod("one"));
    there.apply(&pod("two"));
    there.kubectl([
        "create",
        "rolebinding",
        "local",
        "--clusterrole=view",
        &format!("--serviceaccount={}:local", here.name),
    ]);
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    write_private(&file, &token(cluster, &here, "local"));
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let mut watch = cli.start(&format!("--token-file {} get pods -A -w -o status-json", file.display()));
    watch.expect_stderr("that not all is shown", |line| line.contains("not all pods are shown"));
    for name in ["\"one\"", "\"two\""] {
        watch.expect_stdout("both pods", |line| line.contains(name) && line.contains("ENTERED"));
    }
    there.kubectl(["delete", "rolebinding", "local"]);
    watch.expect_stdout("the pod to leave", |line| line.contains("\"two\"") && line.contains("LEFT"));
    here.kubectl(["delete", "rolebinding", "local"]);
    let ended = watch.finish();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(ended.stderr.contains("may not list pods"), "{ended:?}");
}

/// What is denied is a line of the log, without the token.
fn audited(cluster: &Cluster, _: &Daemon) {
    let here = cluster.namespace();
    accounts(cluster, &here);
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    let secret = token(cluster, &here, "nobody");
    write_private(&file, &secret);
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let refused = cli.run(&format!("--token-file {} get pods -n {}", file.display(), here.name));
    assert_eq!((refused.code, refused.stderr.contains("may not list pods")), (Some(5), true), "{refused:?}");
    let account = format!("system:serviceaccount:{}:nobody", here.name);
    daemon.expect_log("the denial", |line| {
        assert!(!line.contains(&secret), "a token is in the log");
        line.contains("audit: denied") && line.contains(&account) && line.contains("ListStatuses")
    });
}

pub(crate) fn write_private(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("a file can be written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode can be set");
}
