//! From a request's filter to the objects that are meant.

use std::collections::BTreeSet;
use std::sync::Arc;

use daymark_proto::v1::{Filter, ObjectRef, State as WireState};
use tonic::{Code, Status};

use super::Served;
use super::convert::known_state;
use super::error::{Reason, status, unevaluated, unknown_kinds};
use crate::access::Caller;
use crate::caches::Lease;
use crate::kind::Kind;
use crate::predicate::Expression;
use crate::record::{Key, Uid};
use crate::subscription::fields::FieldSelector;
use crate::subscription::labels::LabelSelector;
use crate::subscription::{Found, Named, Predicate, Scope, Selection};

/// At most this many objects by name in one filter.
const MOST_REFS: usize = 1000;
/// So many kinds can be told in a line.
const FEW_KINDS: usize = 16;
/// At most so many characters of a selector.
const LONGEST_SELECTOR: usize = 4096;

impl Served {
    /// The objects that a caller's filter means: what it asks of each counts for the caller's part.
    pub(super) async fn select_for(&self, caller: &Caller, filter: &Filter) -> Result<Selection, Status> {
        let mut selection = self.select(filter).await?;
        if let Some(predicate) = &mut selection.predicate {
            predicate.evaluator = self.evaluator.of(caller);
        }
        Ok(selection)
    }

    /// The objects that `filter` means; what is needed to answer is followed from
    /// now on.
    pub(super) async fn select(&self, filter: &Filter) -> Result<Selection, Status> {
        self.check_cluster(&filter.cluster)?;
        self.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let mut selection =
            if filter.refs.is_empty() { self.select_kinds(filter).await? } else { self.select_refs(filter).await? };
        for selector in [&filter.label_selector, &filter.field_selector] {
            if selector.len() > LONGEST_SELECTOR {
                return Err(invalid(format!("a selector is longer than {LONGEST_SELECTOR} characters")));
            }
        }
        let labels = LabelSelector::parse(&filter.label_selector);
        selection.labels = labels.map_err(|e| invalid(format!("label_selector: {e}")))?;
        let fields = FieldSelector::parse(&filter.field_selector);
        selection.fields = fields.map_err(|e| invalid(format!("field_selector: {e}")))?;
        let states: BTreeSet<_> = filter.states.iter().copied().collect();
        selection.states = states.into_iter().map(filterable).collect::<Result<_, _>>()?;
        if !filter.cel.is_empty() {
            let expression = Expression::cel(filter.cel.as_str());
            self.evaluator.check(&expression).await.map_err(|error| unevaluated(&error))?;
            selection.predicate = Some(Predicate { expression, evaluator: self.evaluator.clone() });
        }
        if selection.reads_bodies() {
            selection.need_bodies()?;
        }
        Ok(selection)
    }

    /// Objects by name.
    async fn select_refs(&self, filter: &Filter) -> Result<Selection, Status> {
        let others = !filter.kinds.is_empty() || filter.namespaces.len() > 1 || filter.all_namespaces;
        let narrowed = [&filter.label_selector, &filter.field_selector, &filter.cel].iter().any(|it| !it.is_empty());
        if others || narrowed || !filter.states.is_empty() {
            return Err(invalid("refs exclude every other field, but for one namespace"));
        }
        if filter.refs.len() > MOST_REFS {
            return Err(invalid(format!("{} refs are more than {MOST_REFS}", filter.refs.len())));
        }
        let mut caches = Caches::default();
        let mut named = Vec::with_capacity(filter.refs.len());
        for r in &filter.refs {
            let (cache, key) = self.resolve(r, filter.namespaces.first()).await?;
            let uid = (!r.uid.is_empty()).then(|| Uid::from(r.uid.as_str()));
            named.push(Named { cache: caches.place(cache), key, uid, absence: Found::default() });
        }
        Ok(Selection::of(caches.0, Scope::Named(named)))
    }

    /// The cache and key that `r` means, in that namespace if it names none.
    pub(super) async fn resolve(&self, r: &ObjectRef, default: Option<&String>) -> Result<(Lease, Key), Status> {
        self.check_cluster(&r.cluster)?;
        if r.name.is_empty() {
            return Err(invalid("an object's name is empty"));
        }
        // What Kubernetes takes for a part of a path (k8s.io/apimachinery
        // `pkg/api/validation/path`).
        for (what, value) in [("name", &r.name), ("namespace", &r.namespace)] {
            if value.contains(['/', '%']) || value == "." || value == ".." {
                return Err(invalid(format!("{value:?} is not the {what} of an object")));
            }
        }
        let name = if r.group.is_empty() { r.resource.clone() } else { format!("{}.{}", r.resource, r.group) };
        let kind = self.kind(&name).await?;
        let namespace = match (kind.namespaced, r.namespace.as_str()) {
            // As kubectl takes it: who names a namespace need not know which kinds have one.
            (false, _) => "",
            (true, "") => default.unwrap_or(&self.default_namespace),
            (true, namespace) => namespace,
        };
        let caches = self.lease(&kind).await?;
        let holds = |cache: &Lease| cache.collection().namespace.as_deref().is_none_or(|only| only == namespace);
        let cache = caches.into_iter().find(holds).ok_or_else(|| self.not_served(namespace))?;
        Ok((cache, Key::new(namespace, r.name.as_str())))
    }

    /// Kinds in namespaces.
    async fn select_kinds(&self, filter: &Filter) -> Result<Selection, Status> {
        if filter.kinds.is_empty() {
            return Err(invalid("it names neither kinds nor refs"));
        }
        if filter.all_namespaces && !filter.namespaces.is_empty() {
            return Err(invalid("all_namespaces excludes namespaces"));
        }
        let namespaces: Option<Vec<&str>> = match &filter.namespaces[..] {
            _ if filter.all_namespaces => None,
            [] => Some(vec![&self.default_namespace]),
            some => Some(some.iter().map(String::as_str).collect()),
        };
        let served = &self.caches.policy().namespaces;
        let outside = |namespace: &&&str| !served.is_empty() && !served.iter().any(|n| n == **namespace);
        if let Some(namespace) = namespaces.iter().flatten().find(outside) {
            return Err(self.not_served(namespace));
        }
        let kinds = self.kinds(&filter.kinds).await?;
        let wanted = |cache: &Lease| match (&cache.collection().namespace, &namespaces) {
            (Some(only), Some(namespaces)) => namespaces.contains(&&**only),
            _ => true,
        };
        let mut caches = Caches::default();
        for kind in &kinds {
            self.lease(kind).await?.into_iter().filter(wanted).for_each(|cache| caches.add(cache));
        }
        let scope = match namespaces {
            // What has no namespace is everywhere.
            Some(namespaces) if kinds.iter().any(|kind| kind.namespaced) => {
                let cluster_scoped = kinds.iter().any(|kind| !kind.namespaced).then_some("");
                Scope::Namespaces(namespaces.into_iter().chain(cluster_scoped).map(Into::into).collect())
            }
            _ => Scope::All,
        };
        Ok(Selection::of(caches.0, scope))
    }

    pub(super) async fn kinds(&self, names: &[String]) -> Result<Vec<Arc<Kind>>, Status> {
        let mut kinds = Vec::with_capacity(names.len());
        for name in names {
            kinds.push(self.kind(name).await?);
        }
        Ok(kinds)
    }

    async fn kind(&self, name: &str) -> Result<Arc<Kind>, Status> {
        self.caches.catalog().resolve(name).await.ok_or_else(|| self.unknown_kind(name))
    }

    /// No kind goes by that name.
    pub(super) fn unknown_kind(&self, name: &str) -> Status {
        let kinds = self.caches.catalog().kinds();
        let known = match kinds.len() {
            1..=FEW_KINDS => {
                let names: Vec<_> = kinds.iter().map(ToString::to_string).collect();
                format!("; there are {}", names.join(", "))
            }
            _ => String::new(),
        };
        let message = format!("no kind {name:?} is served{known}");
        status(Code::InvalidArgument, Reason::UnknownKind, message, [("kind", name.to_owned())])
    }

    pub(super) async fn lease(&self, kind: &Arc<Kind>) -> Result<Vec<Lease>, Status> {
        self.caches.lease(kind).await.map_err(|_| super::error::draining())
    }

    pub(super) fn not_served(&self, namespace: &str) -> Status {
        let served = self.caches.policy().namespaces.join(", ");
        let message = format!("the daemon does not serve namespace {namespace:?}, only {served}");
        let metadata = [("namespace", namespace.to_owned())];
        status(Code::PermissionDenied, Reason::NamespaceNotServed, message, metadata)
    }

    pub(super) fn check_cluster(&self, name: &str) -> Result<(), Status> {
        if name.is_empty() || name == self.cluster {
            return Ok(());
        }
        Err(invalid(format!("no cluster {name:?} is served; available: {:?}", self.cluster)))
    }
}

impl Selection {
    /// Whole objects are wanted, as they are kept.
    pub(super) fn need_bodies(&self) -> Result<(), Status> {
        match self.caches.iter().find(|cache| !cache.keeps_bodies()) {
            None => Ok(()),
            Some(cache) => {
                let kind = cache.kind();
                let message = format!("of {kind} the daemon keeps only the state (--no-bodies): read them one by one");
                Err(status(Code::FailedPrecondition, Reason::BodiesNotKept, message, [("kind", kind.to_string())]))
            }
        }
    }
}

fn filterable(number: i32) -> Result<crate::state::State, Status> {
    let state = WireState::try_from(number).map_err(|_| invalid(format!("this daemon knows no state {number}")))?;
    known_state(state).ok_or_else(|| invalid(format!("no object is ever in {}", state.as_str_name())))
}

/// Caches, each once.
#[derive(Default)]
pub(super) struct Caches(Vec<Lease>);

impl From<Vec<Lease>> for Caches {
    fn from(caches: Vec<Lease>) -> Self {
        Self(caches)
    }
}

impl Caches {
    pub(super) fn into_inner(self) -> Vec<Lease> {
        self.0
    }

    pub(super) fn add(&mut self, cache: Lease) {
        self.place(cache);
    }

    /// The place of `cache`.
    fn place(&mut self, cache: Lease) -> usize {
        self.0.iter().position(|known| known.id() == cache.id()).unwrap_or_else(|| {
            self.0.push(cache);
            self.0.len() - 1
        })
    }
}

fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, Reason::InvalidFilter, format!("invalid filter: {}", message.into()), [])
}
