//! The init container of `client/ci/kubernetes`: its command line as the cluster has it, with the rights that it is given.
//! What plays the nodes runs nothing, so it runs here, with what is elsewhere in its place.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::Path;

use daymark_tests::cli::Cli;
use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use daymark_tests::workspace;
use serde_json::Value;

use crate::rights::{token, write_private};
use crate::{Run, Test};

pub(crate) const TESTS: &[Test] = &[Test {
    name: "init_container::waits_for_the_daemon_for_the_objects_and_for_the_port",
    needs: &[Need::Controllers],
    run: Run::Shared(waits),
}];

const DB: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: nginx}]}
";

/// What the manifest says, as the API server has taken it.
fn pod(namespace: &Namespace<'_>) -> Value {
    for name in ["init-container-rights.yaml", "init-container.yaml"] {
        let file = workspace().join("client/ci/kubernetes").join(name);
        namespace.kubectl([OsStr::new("apply"), OsStr::new("-f"), file.as_os_str()]);
    }
    let deployment = namespace.kubectl(["get", "deployment", "web", "-o", "json"]);
    let deployment: Value = serde_json::from_str(&deployment).expect("JSON");
    deployment["spec"]["template"]["spec"].clone()
}

/// Where things are: the daemon, the token, and the database.
struct Place<'a> {
    daemon: u16,
    token: &'a Path,
    db: u16,
}

/// The words of the container's command line, as its kubelet would expand them.
fn words(container: &Value, namespace: &str, place: &Place<'_>) -> Vec<String> {
    assert_eq!(container["command"], serde_json::json!(["daymark"]));
    assert_eq!(container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"], "metadata.namespace");
    let variable = format!("$({})", container["env"][0]["name"].as_str().expect("a name"));
    let word = |word: &Value| {
        let word = word.as_str().expect("a word").replace(&variable, namespace);
        match word.split_once('=') {
            Some(("--address", _)) => Some(format!("--address=127.0.0.1:{}", place.daemon)),
            Some(("--ca-file", _)) => None,
            Some(("--token-file", _)) => Some(format!("--token-file={}", place.token.display())),
            Some(("--for", "connect=db:5432")) => Some(format!("--for=connect=127.0.0.1:{}", place.db)),
            _ => Some(word),
        }
    };
    container["args"].as_array().expect("words").iter().filter_map(word).collect()
}

/// A port that nobody listens at.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn waits(cluster: &Cluster, _: &Daemon) {
    let here = cluster.namespace();
    let pod = pod(&here);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |account: &str| {
        let path = folder.path().join(account);
        write_private(&path, &token(cluster, &here, account));
        path
    };
    let account = write(pod["serviceAccountName"].as_str().expect("an account"));
    let place = Place { daemon: free_port(), token: &account, db: free_port() };
    let start = |place: &Place<'_>| {
        let words = words(&pod["initContainers"][0], &here.name, place);
        Cli::new(String::new()).start_words(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };

    let mut waiting = start(&place);
    waiting.expect_stderr("that it begins", |line| line == "waiting for statefulset/db, without a deadline");
    let is_absent = |line: &str| line.contains("no daemon answers") && line.ends_with("trying again");
    waiting.expect_stderr("that there is no daemon", is_absent);
    let listen = format!("127.0.0.1:{}", place.daemon);
    let kubeconfig = cluster.kubeconfig().as_os_str();
    let args = ["--token-review", "--authorization-ttl", "2", "--listen", &listen].map(OsStr::new);
    let daemon = Daemon::start([OsStr::new("--kubeconfig"), kubeconfig].into_iter().chain(args));

    // Somebody without these rights is told so.
    let nobody = write("default");
    let refused = start(&Place { token: &nobody, ..place }).finish();
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("may not get statefulsets.apps"), "{refused:?}");

    here.apply(DB);
    here.kubectl(["rollout", "status", "statefulset/db"]);
    let db = TcpListener::bind(("127.0.0.1", place.db)).expect("the port is still free");
    let ended = waiting.finish();
    // One line when it begins, one for the daemon that is not there, and one when it ends.
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(0), 2), "{ended:?}");
    assert!(ended.stdout.starts_with("passed: ") && ended.stdout.lines().count() == 1, "{ended:?}");
    db.set_nonblocking(true).expect("a mode can be set");
    assert!(db.accept().is_ok(), "it has connected");
    drop(daemon);
}
