//! What was seen of a control plane, before it is known who asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::checks::Endpoint;
use super::histogram::Histogram;
use super::leader::Leader;
use super::metrics::Metrics;
use crate::access::authorizer::{Action, PathRight, Right};
use crate::source::Problem;

/// Where those leases are by which components elect their leaders (kubernetes
/// `cmd/kube-scheduler/app/options`, `cmd/kube-controller-manager/app/options`).
const NAMESPACE: &str = "kube-system";

/// What something is taken from, and so what it takes to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A path of the API server's, such as `/livez`.
    Path(&'static str),
    /// The Lease of that name.
    Lease(&'static str),
    /// All nodes.
    Nodes,
}

impl Subject {
    /// The API server's version.
    pub const VERSION: Self = Self::Path("/version");
    /// Its metrics.
    pub const METRICS: Self = Self::Path("/metrics");
    /// What it says of itself.
    pub const ENDPOINTS: [Self; 2] = [Self::Path("/livez"), Self::Path("/readyz")];
    /// Who leads.
    pub const LEASES: [Self; 2] = [Self::Lease("kube-scheduler"), Self::Lease("kube-controller-manager")];

    /// What it takes to see it.
    #[must_use]
    pub fn right(self) -> Action {
        match self {
            Self::Path(path) => PathRight::to_get(path).into(),
            Self::Lease(name) => {
                Right::to_any("get", "coordination.k8s.io", "leases", Some(NAMESPACE)).of(&name.into()).into()
            }
            Self::Nodes => Right::to_any("list", "", "nodes", None).into(),
        }
    }

    /// What it is called, such as `/livez` or `leases.coordination.k8s.io/kube-scheduler`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Path(path) => path.to_owned(),
            Self::Lease(name) => format!("leases.coordination.k8s.io/{name}"),
            Self::Nodes => "nodes".to_owned(),
        }
    }

    /// Its namespace; empty if it has none.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Lease(_) => NAMESPACE,
            Self::Path(_) | Self::Nodes => "",
        }
    }

    /// The path, or the object's name; empty of all nodes.
    #[must_use]
    pub fn object(self) -> &'static str {
        match self {
            Self::Path(path) => path,
            Self::Lease(name) => name,
            Self::Nodes => "",
        }
    }

    /// The request that reads it, such as `GET /livez`.
    #[must_use]
    pub fn request(self) -> String {
        match self {
            Self::Path(path) => format!("GET {path}"),
            Self::Lease(name) => format!("GET lease {name}"),
            Self::Nodes => "LIST nodes".to_owned(),
        }
    }
}

/// What was seen. Each part may be read, or there is a problem with it.
#[derive(Clone, Debug)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// Why the API server does not answer: then nothing else was asked for.
    pub unreachable: Option<Problem>,
    /// Its version.
    pub version: Result<String, Problem>,
    /// What it says of itself, in the order of [`Subject::ENDPOINTS`].
    pub endpoints: Vec<(Subject, Result<Endpoint, Problem>)>,
    /// Who leads, in the order of [`Subject::LEASES`]; `None` where there is no such lease.
    pub leases: Vec<(Subject, Result<Option<Leader>, Problem>)>,
    /// The nodes' kubelets.
    pub kubelets: Result<Vec<Kubelets>, Problem>,
    /// How long answers took.
    pub latencies: Vec<Latency>,
}

impl Observation {
    /// Nothing, because of that.
    #[must_use]
    pub fn nothing(at: Timestamp, problem: Problem) -> Self {
        Self {
            at,
            version: Err(problem.clone()),
            endpoints: Vec::new(),
            leases: Vec::new(),
            kubelets: Err(problem.clone()),
            latencies: Vec::new(),
            unreachable: Some(problem),
        }
    }
}

/// How long one answer took.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// To what.
    pub subject: Subject,
    /// How long.
    pub took: Duration,
}

/// Kubelets of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubelets {
    /// The version; empty of nodes that have not said it.
    pub version: Arc<str>,
    /// How many there are.
    pub nodes: usize,
    /// Some nodes that have them.
    pub examples: Vec<Arc<str>>,
}

impl Kubelets {
    /// Nodes that are told by name.
    const EXAMPLES: usize = 5;

    /// The kubelets of nodes, of which name and version are given, by version: the oldest first.
    pub fn group(nodes: impl Iterator<Item = (Arc<str>, Arc<str>)>) -> Vec<Self> {
        let mut by_version: BTreeMap<_, Self> = BTreeMap::new();
        for (name, version) in nodes {
            let place = (super::skew::minor(&version), Arc::clone(&version));
            let one = by_version.entry(place).or_insert_with(|| Self { version, nodes: 0, examples: Vec::new() });
            one.nodes += 1;
            if one.examples.len() < Self::EXAMPLES {
                one.examples.push(name);
            }
        }
        by_version.into_values().collect()
    }
}

/// Metrics as they were read, and what came since they were read before.
#[derive(Clone, Debug)]
pub struct Measured {
    /// All since the API server has started.
    pub metrics: Metrics,
    /// What came since.
    pub recent: Option<Recent>,
}

/// What came between two readings.
#[derive(Clone, Debug)]
pub struct Recent {
    /// In how long.
    pub over: Duration,
    /// By operation.
    pub operations: BTreeMap<String, Histogram>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_takes_the_right_to_what_it_is_taken_from() {
        let told = |subject: Subject| (subject.name(), subject.right().to_string());
        assert_eq!(told(Subject::METRICS), ("/metrics".into(), r#"get path "/metrics""#.into()));
        let lease = r#"get leases.coordination.k8s.io "kube-scheduler" in namespace "kube-system""#;
        assert_eq!(told(Subject::LEASES[0]), ("leases.coordination.k8s.io/kube-scheduler".into(), lease.into()));
        assert_eq!(told(Subject::Nodes), ("nodes".into(), "list nodes in all namespaces".into()));
    }

    #[test]
    fn kubelets_are_grouped_by_version_the_oldest_first() {
        let node = |number: usize, version: &str| (Arc::from(format!("n{number}")), Arc::from(version));
        let nodes = (0..9).map(|number| node(number, if number == 4 { "v1.9.0" } else { "v1.36.1" }));
        let told = Kubelets::group(nodes.chain([node(9, "")]));
        let told: Vec<_> = told.iter().map(|it| (&*it.version, it.nodes, it.examples.len())).collect();
        assert_eq!(told, [("", 1, 1), ("v1.9.0", 1, 1), ("v1.36.1", 8, 5)]);
    }
}
