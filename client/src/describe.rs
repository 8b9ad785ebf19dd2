//! What is said of an object: from its JSON, its state and its neighbours to a document.
//!
//! A kind is described by a [`Subject`]: a line in [`SUBJECTS`]. Whatever has none is described by what
//! its fields say.

mod autoscaler;
mod budget;
mod conditions;
mod config;
mod container;
mod document;
mod endpoints;
mod events;
mod generic;
mod ingress;
mod job;
mod json;
mod metadata;
mod node;
mod pod;
mod quantity;
mod quota;
mod read;
mod related;
mod render;
mod service;
mod storage;
mod template;
mod volume;
mod workload;

use daymark::NOT_PERMITTED;
use daymark::api::{ListEventsRequest, ListEventsResponse, Status, Unreachable, WatchTreeResponse};
use prost_types::Timestamp;
use serde_json::Value;

pub use self::config::without_secrets;
use self::document::Document;
pub use self::json::DescribedJson;
pub use self::related::{Answer, Ask, Question, owner, selects};
use crate::layout::Line;

/// What is known of an object that is described.
#[derive(Debug)]
pub struct Described {
    pub status: Status,
    /// The object as the API server gave it.
    pub object: Value,
    /// The time that ages are counted to.
    pub now: Option<Timestamp>,
    /// What is known of other objects.
    pub answers: Vec<Answer>,
    /// What it owns, or why that is not known; nothing if such objects own nothing.
    pub tree: Option<Result<WatchTreeResponse, String>>,
    /// What has happened to it and to what it owns, the newest first, or why that is not known.
    pub events: Result<ListEventsResponse, String>,
}

/// How the objects of a kind are described.
struct Subject {
    /// The API group; empty for the core group.
    group: &'static str,
    /// The plural resource name.
    resource: &'static str,
    /// Adds what such an object has of its own.
    add: fn(&Described, &mut Document),
    /// Which other objects belong into its description.
    ask: fn(&Described) -> Vec<Question>,
    /// Whether such objects own others.
    owns: bool,
}

impl Subject {
    const fn new(group: &'static str, resource: &'static str, add: fn(&Described, &mut Document)) -> Self {
        Self { group, resource, add, ask: |_| Vec::new(), owns: false }
    }

    const fn asking(self, ask: fn(&Described) -> Vec<Question>) -> Self {
        Self { ask, ..self }
    }

    const fn owning(self) -> Self {
        Self { owns: true, ..self }
    }
}

/// The kinds that are described in words of their own.
const SUBJECTS: &[Subject] = &[
    Subject::new("", "configmaps", config::add),
    Subject::new("", "endpoints", endpoints::add).asking(endpoints::ask),
    Subject::new("", "limitranges", quota::add_limits),
    Subject::new("", "namespaces", quota::add_of_namespace).asking(quota::ask),
    Subject::new("", "nodes", node::add).asking(node::ask),
    Subject::new("", "persistentvolumeclaims", storage::add_claim).asking(storage::ask_of_claim),
    Subject::new("", "persistentvolumes", storage::add_volume).asking(storage::ask_of_volume),
    Subject::new("", "pods", pod::add).asking(pod::ask),
    Subject::new("", "replicationcontrollers", workload::add).asking(workload::ask).owning(),
    Subject::new("", "resourcequotas", quota::add),
    Subject::new("", "secrets", config::add_secret),
    Subject::new("", "services", service::add).asking(service::ask),
    Subject::new("apps", "daemonsets", workload::add).asking(workload::ask).owning(),
    Subject::new("apps", "deployments", workload::add).asking(workload::ask).owning(),
    Subject::new("apps", "replicasets", workload::add).asking(workload::ask).owning(),
    Subject::new("apps", "statefulsets", workload::add).asking(workload::ask).owning(),
    Subject::new("autoscaling", "horizontalpodautoscalers", autoscaler::add).asking(autoscaler::ask),
    Subject::new("batch", "cronjobs", job::add_cron).owning(),
    Subject::new("batch", "jobs", job::add).owning(),
    Subject::new("discovery.k8s.io", "endpointslices", endpoints::add_slice).asking(endpoints::ask_of_slice),
    Subject::new("networking.k8s.io", "ingresses", ingress::add).asking(ingress::ask),
    Subject::new("policy", "poddisruptionbudgets", budget::add).asking(budget::ask),
];

/// Kubernetes' own kinds own nothing but what is said above; a custom resource may own anything.
const GENERIC: Subject = Subject::new("", "", generic::add);
const CUSTOM: Subject = Subject::new("", "", generic::add).owning();

impl Described {
    fn subject(&self) -> &'static Subject {
        let own = self.status.r#ref.as_ref();
        let (group, resource) = own.map(|own| (own.group.as_str(), own.resource.as_str())).unwrap_or_default();
        let known = SUBJECTS.iter().find(|subject| (subject.group, subject.resource) == (group, resource));
        known.unwrap_or(if is_builtin(group) { &GENERIC } else { &CUSTOM })
    }

    /// Which other objects belong into the description.
    pub fn questions(&self) -> Vec<Question> {
        (self.subject().ask)(self)
    }

    /// Whether such an object owns others.
    pub fn may_own(&self) -> bool {
        self.subject().owns
    }

    /// Which events belong into the description.
    pub fn events_request(&self) -> ListEventsRequest {
        events::request(self)
    }

    /// The description.
    pub fn lines(&self) -> Vec<Line> {
        let mut document = Document::default();
        metadata::add(self, &mut document);
        (self.subject().add)(self, &mut document);
        conditions::add(self, &mut document);
        related::add_tree(self, &mut document);
        related::add(self, &mut document);
        events::add(self, &mut document);
        render::lines(&document)
    }
}

/// Groups of Kubernetes' own kinds: those without a domain, and those of k8s.io that are not of projects beside it.
fn is_builtin(group: &str) -> bool {
    let is_beside = group.starts_with("gateway.") || group.ends_with(".x-k8s.io");
    !group.contains('.') || (group.ends_with(".k8s.io") && !is_beside)
}

/// Why a kind, or a part of it, is not known, in a few words.
pub fn unread(kind: &Unreachable) -> String {
    match kind.reason.as_str() {
        NOT_PERMITTED => "not permitted".to_owned(),
        reason => format!("cannot be read: {reason}: {}", kind.message),
    }
}
