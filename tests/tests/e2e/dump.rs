//! `daymark dump` of a real cluster, and what is made of it afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use daymark_tests::cluster::{Cluster, Namespace, Need};
use daymark_tests::daemon::Daemon;
use serde_json::Value;

use crate::kinds::{define, definition};
use crate::rights::{SHARED, accounts, token, write_private};
use crate::wait::deployment;
use crate::{Run, Test};

const STEERED: &[Need] = &[Need::Controllers, Need::Steering];

pub(crate) const TESTS: &[Test] = &[
    Test { name: "dump::is_complete_and_holds_no_secret", needs: STEERED, run: Run::Own(complete) },
    Test { name: "dump::is_what_its_caller_may_see", needs: &[], run: Run::Shared(rights) },
];

const PASSWORD: &str = "correct-horse-battery-staple";
/// The same, as a Secret's data have it.
const ENCODED: &str = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==";

fn objects(group: &str) -> String {
    let crash = deployment("crash", 1, "crash-loop", "1s", "");
    let web = deployment("web", 2, "ready", "1s", "");
    let web = web.replace(
        r#"[{name: main, image: "nginx:1.27"}]"#,
        &format!(r#"[{{name: main, image: "nginx:1.27", env: [{{name: DB_PASSWORD, value: {PASSWORD}}}]}}]"#),
    );
    format!(
        "{web}
---{crash}
---
{{apiVersion: v1, kind: Secret, metadata: {{name: key}}, stringData: {{password: {PASSWORD}}}}}
---
{{apiVersion: v1, kind: ConfigMap, metadata: {{name: settings}}, data: {{app.properties: \"user=a\\npassword={PASSWORD}\\n\"}}}}
---
{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: w}}, spec: {{size: 7, apiToken: {PASSWORD}}}}}
"
    )
}

/// Every listable kind's objects, as `namespace/name`.
type Objects = BTreeMap<String, BTreeSet<String>>;

fn by_kubectl(cluster: &Cluster) -> Objects {
    let kinds = cluster.kubectl(["api-resources", "--verbs=list", "-o", "name"]);
    let template = r#"jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}"#;
    let listed = |kind: &str| {
        let names = cluster.kubectl(["get", kind, "-A", "-o", template]);
        (kind.to_owned(), names.lines().map(str::to_owned).collect())
    };
    kinds.lines().map(listed).collect()
}

/// All files below a folder.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() { folders.push(entry) } else { found.push(entry) }
        }
    }
    found
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).expect("JSON")
}

fn by_dump(folder: &Path) -> Objects {
    let manifest = json(&folder.join("manifest.json"));
    assert_eq!(manifest["finished"], true);
    let mut objects = Objects::new();
    for kind in manifest["kinds"].as_array().expect("kinds") {
        let word = |field: &str| kind[field].as_str().expect("a word").to_owned();
        let (resource, group, file) = (word("resource"), word("group"), word("file"));
        let name = if group.is_empty() { resource } else { format!("{resource}.{group}") };
        let mut found = BTreeSet::new();
        for path in files(folder).iter().filter(|path| path.ends_with(&file)) {
            let list = json(path);
            assert_eq!(list["kind"], format!("{}List", word("kind")), "{}", path.display());
            assert_eq!(list["metadata"]["resourceVersion"], kind["resourceVersion"], "{}", path.display());
            for item in list["items"].as_array().expect("items") {
                assert!(item["metadata"]["managedFields"].is_null());
                let part = |field: &str| item["metadata"][field].as_str().unwrap_or_default();
                found.insert(format!("{}/{}", part("namespace"), part("name")));
            }
        }
        assert_eq!(kind["objects"].as_u64(), Some(found.len() as u64), "{name}");
        objects.insert(name, found);
    }
    objects
}

/// `dump.complete` `dump.no-secrets` `dump.logs` `dump.layout` `dump.node-stats` `dump.replayed`
fn complete(cluster: Cluster) {
    let namespace = cluster.namespace();
    let group = format!("{}.example.com", namespace.name);
    define(&namespace, &group, &definition(&group, "wd"));
    namespace.apply(&objects(&group));
    namespace.kubectl(["rollout", "status", "deploy/web"]);
    let restarted = "jsonpath={.status.containerStatuses[0].restartCount}=1";
    let crashing = ["wait", "pod", "-l", "app=crash", "--timeout=60s", &format!("--for={restarted}")];
    // It may have been restarted more often by then.
    let _more = namespace.try_kubectl(crashing);
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("dump");
    let daemon = Daemon::of_cluster(cluster.kubeconfig());

    let before = by_kubectl(&cluster);
    let run = daemon.cli().run(&format!("dump -A --output-directory {}", dump.display()));
    assert_eq!(run.code, Some(0), "{run:?}");
    let after = by_kubectl(&cluster);
    let dumped = by_dump(&dump);
    assert!(before.len() > 40, "{before:?}");
    for (kind, before) in &before {
        let found = dumped.get(kind).unwrap_or_else(|| panic!("{kind} is not in the dump: {run:?}"));
        let after = &after[kind];
        let always: BTreeSet<_> = before.intersection(after).collect();
        let ever: BTreeSet<_> = before.union(after).collect();
        assert!(always.iter().all(|it| found.contains(*it)), "{kind}: {always:?}, and dumped are {found:?}");
        assert!(found.iter().all(|it| ever.contains(it)), "{kind}: {ever:?}, and dumped are {found:?}");
    }
    assert!(dumped[&format!("widgets.{group}")].contains(&format!("{}/w", namespace.name)));

    without_secrets(&dump, &namespace);
    nodes(&dump, &dumped["nodes"]);
    logs(&dump, &namespace);
    let again = daemon.cli().run(&format!("dump -A --output-directory {}", dump.display()));
    assert_eq!((again.code, again.stderr.contains("contains a finished dump")), (Some(2), true), "{again:?}");
    replayed(&daemon, &dump, &namespace);
}

/// The API server asks no kubelet at loopback: why there is no summary is told of each node.
fn nodes(dump: &Path, nodes: &BTreeSet<String>) {
    let manifest = json(&dump.join("manifest.json"));
    let refused = manifest["refused"].as_array().expect("refusals").iter();
    let of_nodes = refused.filter(|it| it["kind"] == "nodes/proxy" && it["reason"] == "CLUSTER_UNREACHABLE");
    let named: BTreeSet<_> = of_nodes.map(|it| format!("/{}", it["name"].as_str().expect("a node"))).collect();
    assert_eq!(named, *nodes, "{manifest}");
}

fn without_secrets(dump: &Path, namespace: &Namespace<'_>) {
    for file in files(dump) {
        let text = fs::read(&file).expect("a file");
        for secret in [PASSWORD, ENCODED] {
            assert!(memchr::memmem::find(&text, secret.as_bytes()).is_none(), "{secret} is in {}", file.display());
        }
    }
    let here = dump.join(&namespace.name);
    let named = |file: &str, name: &str| {
        let list = json(&here.join(file));
        let mut items = list["items"].as_array().expect("items").clone().into_iter();
        items.find(|item| item["metadata"]["name"] == name).expect("the object is there")
    };
    let secret = named("secrets.json", "key");
    assert_eq!((&secret["data"]["password"], &secret["type"]), (&"W3JlZGFjdGVkXQ==".into(), &"Opaque".into()));
    assert_eq!(named("configmaps.json", "settings")["data"]["app.properties"], "user=a\npassword=[redacted]\n");
    let web = named("deployments.json", "web");
    assert_eq!(web.pointer("/spec/template/spec/containers/0/env/0/value"), Some(&"[redacted]".into()));
    // What kubectl reads it reads still.
    let list = namespace.kubectl([
        "create",
        "--dry-run=client",
        "-o",
        "name",
        "-f",
        &here.join("configmaps.json").display().to_string(),
    ]);
    assert!(list.contains("configmap/settings"), "{list}");
}

fn logs(dump: &Path, namespace: &Namespace<'_>) {
    let here = dump.join(&namespace.name);
    let pod = |label: &str| {
        namespace.kubectl(["get", "pods", "-l", label, "-o", "jsonpath={.items[0].metadata.name}"]).trim().to_owned()
    };
    // Each line is behind its time, as kubectl shows it.
    let stamps = |log: &str| {
        let time = |line: &str| {
            line.split_once(' ').map(|(time, text)| (time.parse::<jiff::Timestamp>().ok(), text.to_owned()))
        };
        log.lines().filter_map(time).collect::<Vec<_>>()
    };
    for (label, previous) in [("app=web", false), ("app=crash", false), ("app=crash", true)] {
        let name = pod(label);
        let file = if previous { "main.previous.log" } else { "main.log" };
        let ours = fs::read_to_string(here.join(&name).join(file)).expect("a log");
        let flags = ["logs", &name, "--timestamps", &format!("--previous={previous}")];
        // Their pods log a password.
        let theirs = namespace.kubectl(flags).replace("=hunter2", "=[redacted]");
        assert!(!theirs.is_empty() && stamps(&ours) == stamps(&theirs), "{label}: {ours}\n{theirs}");
    }
}

fn replayed(daemon: &Daemon, dump: &Path, namespace: &Namespace<'_>) {
    let replay = Daemon::of_recording(dump, 1);
    let get = |daemon: &Daemon, what: &str| {
        let shown = daemon.cli().run(&format!("get -n {} {what}", namespace.name));
        assert_eq!(shown.code, Some(0), "{what}: {shown:?}");
        shown.stdout
    };
    for what in ["deploy,rs,po,secrets,cm,sa -o name", "sa -o json", "widgets -o name", "nodes -o name"] {
        assert_eq!(get(&replay, what), get(daemon, what), "{what}");
    }
    let refused = replay.cli().run(&format!("dump --output-directory {}", dump.with_extension("again").display()));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("a recording is replayed"), "{refused:?}");
}

/// `dump.rights`
fn rights(cluster: &Cluster, _: &Daemon) {
    let (here, there) = (cluster.namespace(), cluster.namespace());
    accounts(cluster, &here);
    for namespace in [&here, &there] {
        namespace.apply(&objects_of_one());
    }
    let daemon = Daemon::shared(cluster.kubeconfig(), SHARED);
    let folder = tempfile::tempdir().expect("a folder");
    let mut cli = daemon.cli();
    cli.address = daemon.tcp().to_owned();
    let dump = |account: &str, scope: &str| {
        let (file, out) = (folder.path().join("token"), folder.path().join(account));
        write_private(&file, &token(cluster, &here, account));
        let run =
            cli.run(&format!("--token-file {} dump {scope} --output-directory {}", file.display(), out.display()));
        (run, out)
    };
    let (run, out) = dump("local", "-A");
    assert_eq!(run.code, Some(0), "{run:?}");
    let dumped = by_dump(&out);
    let of_pods: Vec<_> = dumped["pods"].iter().collect();
    assert_eq!(of_pods, [&format!("{}/one", here.name)]);
    assert!(!out.join(&there.name).exists(), "what is elsewhere is not there");
    assert!(!dumped.contains_key("secrets") && !dumped.contains_key("nodes"), "{dumped:?}");
    let manifest = json(&out.join("manifest.json"));
    let refused = manifest["refused"].as_array().expect("refusals");
    let is_refused = |kind: &str| refused.iter().any(|it| it["kind"] == kind && it["reason"] == "PERMISSION_DENIED");
    assert!(["secrets", "nodes", "pods"].into_iter().all(is_refused), "{refused:?}");

    let (run, out) = dump("nobody", &format!("-n {}", here.name));
    assert_eq!((run.code, run.stderr.contains("nothing can be listed")), (Some(5), true), "{run:?}");
    assert!(!out.exists());
}

fn objects_of_one() -> String {
    "{apiVersion: v1, kind: Pod, metadata: {name: one}, spec: {containers: [{name: c, image: nginx}]}}
---
{apiVersion: v1, kind: Secret, metadata: {name: key}, stringData: {a: b}}
"
    .to_owned()
}
