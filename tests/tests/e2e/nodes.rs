//! `daymark node list` and `daymark node wait`: nodes that tests make come late, lack something, or
//! may not be seen.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::process::Finished;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::Value;

use crate::rights::{SHARED, accounts, token, write_private};
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "nodes::that_come_late_are_waited_for", needs: STEERED, run: Run::Shared(late) },
    Test { name: "nodes::need_their_agents_and_a_first_pod", needs: STEERED, run: Run::Shared(agents) },
    Test { name: "nodes::that_lack_something_do_not_pass", needs: STEERED, run: Run::Shared(lacking) },
    Test { name: "nodes::are_told_as_far_as_they_may_be_seen", needs: STEERED, run: Run::Shared(limited) },
];

/// A node of one test, with a taint that keeps others' pods away. It is deleted when dropped.
struct OwnNode<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl<'a> OwnNode<'a> {
    /// The name of one in this test's namespace, which is not there yet.
    fn named(cluster: &'a Cluster, namespace: &Namespace<'_>) -> Self {
        Self { cluster, name: format!("node-{}", namespace.name) }
    }

    /// Its kubelet registers it.
    fn register(&self) {
        let (name, version) = (&self.name, self.version());
        self.cluster.apply(&format!(
            r#"
apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}, late: {name}}}}}
spec: {{taints: [{{key: late, value: {name}, effect: NoSchedule}}]}}
status:
  capacity: {{cpu: "4", memory: 8Gi, pods: "110"}}
  allocatable: {{cpu: "4", memory: 8Gi, pods: "110"}}
  addresses: [{{type: InternalIP, address: 172.16.99.9}}]
  nodeInfo: {{kubeletVersion: {version}, containerRuntimeVersion: "containerd://2.2.0", kernelVersion: 6.12.0, osImage: kwok, operatingSystem: linux, architecture: amd64, kubeProxyVersion: "", bootID: "", machineID: "", systemUUID: ""}}
"#
        ));
    }

    /// The version of the control plane's other nodes, which is its own.
    fn version(&self) -> String {
        let path = "jsonpath={.items[0].status.nodeInfo.kubeletVersion}";
        self.cluster.kubectl(["get", "nodes", "--selector", "type=kwok", "-o", path])
    }
}

impl Drop for OwnNode<'_> {
    fn drop(&mut self) {
        self.cluster.kubectl(["delete", "node", &self.name, "--ignore-not-found", "--wait=false"]);
    }
}

fn document(run: &Finished) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// What came of a look at a part of the first node.
fn result(document: &Value, part: &str) -> String {
    let parts = document["nodes"][0]["parts"].as_array().expect("a node has parts");
    let found = parts.iter().find(|it| it["name"] == part).expect("it has that part");
    found["result"].as_str().expect("a word").to_owned()
}

/// A kubelet that holds a bootstrap token asks for its certificate: nobody approves it.
fn ask_for_certificate(cluster: &Cluster, namespace: &Namespace<'_>, node: &str) {
    let n = &namespace.name;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
    let request = params.serialize_request(&KeyPair::generate().expect("a key")).expect("a request");
    let request = STANDARD.encode(request.pem().expect("it can be written"));
    accounts(cluster, namespace);
    cluster.apply(&format!(
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: bootstrap-{n}}}
rules: [{{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [create, get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: bootstrap-{n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: bootstrap-{n}}}
subjects: [{{kind: ServiceAccount, name: nobody, namespace: {n}}}]
"#
    ));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("request.yaml");
    let manifest = format!(
        "{{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: {{name: csr-{n}}}, spec: {{request: {request}, \
         signerName: kubernetes.io/kube-apiserver-client-kubelet, usages: [digital signature, client auth]}}}}"
    );
    std::fs::write(&file, manifest).expect("a file can be written");
    let asker = format!("--as=system:serviceaccount:{n}:nobody");
    cluster.kubectl(["create", "--filename", &file.display().to_string(), &asker]);
}

fn late(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let node = OwnNode::named(cluster, &namespace);
    let name = &node.name;
    let mut wait = daemon.cli().start(&format!("node wait {name} --tolerate late={name} -o json"));
    wait.expect_stderr("that it is not there", |line| line == format!("node/{name}: does not exist yet"));
    ask_for_certificate(cluster, &namespace, name);
    wait.expect_stderr("the request", |line| {
        line.starts_with(&format!("certificate request csr-{} of node {name} to ", namespace.name))
            && line.contains("NotApproved")
    });
    node.register();
    wait.expect_stderr("that it has come", |line| line == format!("node/{name}: is registered"));
    let passed = wait.finish();
    let told = document(&passed);
    assert_eq!((passed.code, &told["outcome"]), (Some(0), &"PASSED".into()), "{passed:?}");
    for part in ["registered", "ready", "versions", "lease", "schedulable", "capacity"] {
        assert_eq!(result(&told, part), "ok", "{part}: {passed:?}");
    }
    // Nothing there makes a network, and nobody has sent a pod.
    for part in ["network", "proxy", "firstPod"] {
        assert_eq!(result(&told, part), "notVisible", "{part}: {passed:?}");
    }
    cluster.kubectl(["delete", "csr", &format!("csr-{}", namespace.name)]);
}

fn agents(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let node = OwnNode::named(cluster, &namespace);
    let name = &node.name;
    node.register();
    let pod = format!("nodeSelector: {{late: {name}}}, tolerations: [{{operator: Exists}}]");
    let proxy = |behaviour: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: DaemonSet, metadata: {{name: kube-proxy}}, spec: {{selector: {{matchLabels: {{app: proxy}}}}, \
             template: {{metadata: {{labels: {{app: proxy}}, annotations: {{test.daymark.dev/behaviour: {behaviour}}}}}, \
             spec: {{{pod}, containers: [{{name: c, image: nginx}}]}}}}}}}}"
        )
    };
    namespace.apply(&proxy("never-ready"));
    let mut wait = daemon.cli().start(&format!("node wait {name} --tolerate late --first-pod"));
    wait.expect_stderr("that kube-proxy is not ready", |line| {
        line.starts_with(&format!("node/{name}: proxy missing: pod {}/kube-proxy-", namespace.name))
    });
    namespace.apply(&proxy("ready"));
    wait.expect_stderr("that it is", |line| line.starts_with(&format!("node/{name}: proxy ok: ")));
    namespace.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: first}}, spec: {{{pod}, \
         containers: [{{name: c, image: nginx, readinessProbe: {{httpGet: {{port: 80}}}}}}]}}}}"
    ));
    let passed = wait.finish();
    let proof = format!("pod {}/first was pulled, mounted and probed", namespace.name);
    assert!(passed.code == Some(0) && passed.stdout.contains(&proof), "{passed:?}");
}

fn lacking(cluster: &Cluster, daemon: &Daemon) {
    let namespace = cluster.namespace();
    let node = OwnNode::named(cluster, &namespace);
    let name = &node.name;
    node.register();
    let wait = |words: &str| daemon.cli().run(&format!("node wait {words}"));
    let passed = wait(&format!("{name} --tolerate late"));
    assert_eq!(passed.code, Some(0), "{passed:?}");
    let tainted = wait(&format!("{name} --timeout 0"));
    let lacks = |run: &Finished, what: &str| {
        let said = format!("daymark: undecided: node/{name}: lacks {what}\n");
        assert!(run.code == Some(3) && run.stderr.ends_with(&said), "{run:?}");
    };
    lacks(&tainted, "schedulable");
    assert!(tainted.stderr.contains(&format!("taints keep pods away: late={name}:NoSchedule")), "{tainted:?}");
    // What was true before the question is not the answer, however late the news of it is.
    cluster.kubectl(["cordon", name]);
    lacks(&wait(&format!("{name} --tolerate late --timeout 0")), "schedulable");
    let listed = daemon.cli().run(&format!("node list -l late={name} -o json"));
    assert_eq!(result(&document(&listed), "schedulable"), "missing", "{listed:?}");
    let table = daemon.cli().run(&format!("node list -l late={name} --no-headers"));
    assert!(table.code == Some(0) && table.stdout.trim_end().ends_with("schedulable"), "{table:?}");
    cluster.kubectl(["uncordon", name]);
    let passed = wait(&format!("-l late={name} --tolerate late"));
    assert!(passed.code == Some(0) && passed.stdout.contains("passed: 1 node is usable"), "{passed:?}");
    let few = wait(&format!("-l late={name} --tolerate late --min 2 --timeout 0"));
    assert!(few.code == Some(3) && few.stderr.contains("there are 1 of 2 nodes"), "{few:?}");
    cluster.kubectl(["annotate", "node", name, "test.daymark.dev/behaviour=stopped"]);
    let silent = daemon.cli().run(&format!("wait node/{name} --for condition=Ready=Unknown --ignore-failures"));
    assert_eq!(silent.code, Some(0), "{silent:?}");
    let silent = wait(&format!("{name} --tolerate late --tolerate node.kubernetes.io/unreachable --timeout 0"));
    assert!(silent.code == Some(3) && silent.stderr.contains(&format!("node {name} does not report")), "{silent:?}");
}

/// Who may see a node, and nothing else, gets what the node itself tells.
fn limited(cluster: &Cluster, _: &Daemon) {
    let namespace = cluster.namespace();
    let node = OwnNode::named(cluster, &namespace);
    let (n, name) = (&namespace.name, &node.name);
    accounts(cluster, &namespace);
    cluster.apply(&format!(
        r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: node-{n}}}
rules: [{{apiGroups: [""], resources: [nodes], resourceNames: [{name}], verbs: [get, watch]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: node-{n}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: node-{n}}}
subjects: [{{kind: ServiceAccount, name: local, namespace: {n}}}]
"#
    ));
    node.register();
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    write_private(&file, &token(cluster, &namespace, "local"));
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let as_local = |words: &str| cli.run(&format!("--token-file {} {words}", file.display()));
    let told = as_local(&format!("node wait {name} --tolerate late -o json"));
    let document = document(&told);
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in ["ready", "versions", "schedulable", "capacity"] {
        assert_eq!(result(&document, part), "ok", "{part}: {told:?}");
    }
    for part in ["lease", "network", "proxy", "firstPod"] {
        assert_eq!(result(&document, part), "notVisible", "{part}: {told:?}");
    }
    assert!(told.stderr.contains("may not list leases.coordination.k8s.io"), "{told:?}");
    let listed = as_local("node list");
    assert!(listed.code == Some(5) && listed.stderr.contains("may not list nodes"), "{listed:?}");
    let others = as_local("node wait kwok-node-0 --timeout 0");
    assert!(others.code == Some(5) && others.stderr.contains("may not get nodes"), "{others:?}");
    write_private(&file, &token(cluster, &namespace, "nobody"));
    assert_eq!(as_local(&format!("node wait {name} --timeout 0")).code, Some(5));
}
