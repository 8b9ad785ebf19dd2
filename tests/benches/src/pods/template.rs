//! A workload: what all its pods have in common.

use super::managed::managed_fields;
use super::pattern::{Pattern, Slot};
use super::spec::{Container, spec};
use super::status::{status, unready};
use super::{TYPE_META, words};

/// A Deployment's ReplicaSet, as its pods show it.
pub(super) struct Template {
    /// The JSON of its pods.
    pub(super) pattern: Pattern,
    /// The ReplicaSet's name, which its pods' names begin with.
    pub(super) replica_set: String,
    /// The namespace.
    pub(super) namespace: String,
    /// Containers in each pod.
    pub(super) containers: usize,
    /// Why a pod is not ready, as JSON fields of a condition.
    pub(super) unready: String,
}

impl Template {
    /// Some workload.
    pub(super) fn random(rng: &mut fastrand::Rng) -> Self {
        let (team, role) = (words::team(rng), words::role(rng));
        let app = format!("{team}-{role}");
        let hash = words::suffix(rng, 10);
        let replica_set = format!("{app}-{hash}");
        let namespace = format!("{team}-{}", words::one(rng, &["prod", "staging", "canary"]));
        let containers = containers(rng, &app);
        let labels = labels(rng, team, &app, &hash);
        let annotations = annotations(rng, &app);
        let owner = words::uuid(rng);
        let metadata = metadata(&owner, &replica_set, &namespace, &labels, &annotations);
        let managed = managed_fields(&owner, &labels, &annotations, &containers);
        let json = format!(
            r#"{TYPE_META}"metadata":{{{metadata},"managedFields":{managed}}},"spec":{},"status":{}}}"#,
            spec(rng, &app, &containers),
            status(&containers),
        );
        let unready = unready(&containers);
        Self { pattern: Pattern::new(&json), replica_set, namespace, containers: containers.len(), unready }
    }
}

/// Pairs in the order of their keys, as Kubernetes writes maps.
pub(super) type Map = Vec<(String, String)>;

/// The JSON of a map of strings.
pub(super) fn object(map: &Map) -> String {
    let fields: Vec<_> = map.iter().map(|(key, value)| format!(r#""{key}":"{value}""#)).collect();
    format!("{{{}}}", fields.join(","))
}

fn metadata(owner: &str, replica_set: &str, namespace: &str, labels: &Map, annotations: &Map) -> String {
    let (name, uid, version, created) = (Slot::Name, Slot::Uid, Slot::Version, Slot::Created);
    format!(
        concat!(
            r#""name":"{name}","generateName":"{replica_set}-","namespace":"{namespace}","uid":"{uid}","#,
            r#""resourceVersion":"{version}","generation":1,"creationTimestamp":"{created}","#,
            r#""labels":{labels},"annotations":{annotations},"ownerReferences":[{{"apiVersion":"apps/v1","#,
            r#""kind":"ReplicaSet","name":"{replica_set}","uid":"{owner}","controller":true,"#,
            r#""blockOwnerDeletion":true}}]"#,
        ),
        name = name,
        replica_set = replica_set,
        namespace = namespace,
        uid = uid,
        version = version,
        created = created,
        labels = object(labels),
        annotations = object(annotations),
        owner = owner,
    )
}

fn labels(rng: &mut fastrand::Rng, team: &str, app: &str, hash: &str) -> Map {
    let mut labels = vec![
        ("app.kubernetes.io/instance".to_owned(), app.to_owned()),
        ("app.kubernetes.io/managed-by".to_owned(), words::one(rng, &["Helm", "argocd", "flux"]).to_owned()),
        ("app.kubernetes.io/name".to_owned(), app.to_owned()),
        ("app.kubernetes.io/version".to_owned(), format!("{}.{}.{}", rng.u8(..9), rng.u8(..30), rng.u8(..99))),
        ("pod-template-hash".to_owned(), hash.to_owned()),
        ("team".to_owned(), team.to_owned()),
    ];
    if rng.bool() {
        labels.push(("topology.example.com/tier".to_owned(), words::one(rng, &["gold", "silver", "best"]).to_owned()));
    }
    labels
}

fn annotations(rng: &mut fastrand::Rng, app: &str) -> Map {
    let mut annotations = vec![
        ("checksum/config".to_owned(), words::hex(rng, 64)),
        ("cni.projectcalico.org/containerID".to_owned(), Slot::Id(3).to_string()),
        ("cni.projectcalico.org/podIP".to_owned(), format!("{}/32", Slot::PodIp)),
        ("kubectl.kubernetes.io/restartedAt".to_owned(), words::time(1_789_000_000 + rng.i64(0..900_000))),
        ("prometheus.io/path".to_owned(), "/metrics".to_owned()),
        ("prometheus.io/port".to_owned(), rng.u16(8_000..9_999).to_string()),
    ];
    if rng.bool() {
        let path = format!("secret/data/{app}/{}", words::suffix(rng, 8));
        annotations.push(("vault.hashicorp.com/secret-path".to_owned(), path));
    }
    annotations
}

/// One to three: the program, and what stands beside it.
fn containers(rng: &mut fastrand::Rng, app: &str) -> Vec<Container> {
    let mut containers = vec![Container::random(rng, app, 3..7)];
    for (name, share) in [("istio-proxy", 35), ("log-shipper", 20)] {
        if rng.u8(..100) < share {
            containers.push(Container::random(rng, name, 1..3));
        }
    }
    containers
}
