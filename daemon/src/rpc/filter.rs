//! From a request's filter to the objects that are meant.

use std::sync::{Arc, OnceLock};

use daymark_proto::v1::{Filter, ObjectRef};
use tonic::{Code, Status};

use super::Served;
use super::error::{Reason, status};
use crate::cache::Cache;
use crate::object::Key;
use crate::subscription::{Named, Scope, Selection};

/// At most this many objects by name in one filter.
const MOST_REFS: usize = 1000;

impl Served {
    /// The objects that `filter` means.
    pub(super) fn select(&self, filter: &Filter) -> Result<Selection, Status> {
        self.check_cluster(&filter.cluster)?;
        if filter.refs.is_empty() {
            return self.select_kinds(filter);
        }
        if !filter.kinds.is_empty() || !filter.namespaces.is_empty() || filter.all_namespaces {
            return Err(invalid("refs exclude kinds, namespaces and all_namespaces"));
        }
        if filter.refs.len() > MOST_REFS {
            return Err(invalid(format!("{} refs are more than {MOST_REFS}", filter.refs.len())));
        }
        let mut caches = Caches::default();
        let named = filter.refs.iter().map(|r| {
            let (cache, key) = self.resolve(r)?;
            let uid = (!r.uid.is_empty()).then(|| r.uid.as_str().into());
            Ok(Named { cache: caches.place(cache), key, uid, absence: OnceLock::new() })
        });
        let named = named.collect::<Result<_, Status>>()?;
        Ok(Selection { caches: caches.0, scope: Scope::Named(named) })
    }

    /// The cache and key that `r` means.
    pub(super) fn resolve(&self, r: &ObjectRef) -> Result<(&Arc<Cache>, Key), Status> {
        self.check_cluster(&r.cluster)?;
        if r.name.is_empty() {
            return Err(invalid("an object's name is empty"));
        }
        // Names go into the API server's paths.
        for (what, value) in [("name", &r.name), ("namespace", &r.namespace)] {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
            if !value.chars().all(plain) || value == "." || value == ".." {
                return Err(invalid(format!("{value:?} is not the {what} of an object")));
            }
        }
        let name = if r.group.is_empty() { r.resource.clone() } else { format!("{}.{}", r.resource, r.group) };
        let cache = self.cache(&name)?;
        let namespace = match (cache.kind().namespaced, r.namespace.as_str()) {
            (false, "") => "",
            (false, _) => return Err(invalid(format!("{} have no namespace", cache.kind()))),
            (true, "") => &self.default_namespace,
            (true, namespace) => namespace,
        };
        Ok((cache, Key::new(namespace, r.name.as_str())))
    }

    fn select_kinds(&self, filter: &Filter) -> Result<Selection, Status> {
        if filter.kinds.is_empty() {
            return Err(invalid("it names neither kinds nor refs"));
        }
        if filter.all_namespaces && !filter.namespaces.is_empty() {
            return Err(invalid("all_namespaces excludes namespaces"));
        }
        let mut caches = Caches::default();
        for name in &filter.kinds {
            caches.place(self.cache(name)?);
        }
        let scope = if filter.all_namespaces {
            Scope::All
        } else if filter.namespaces.is_empty() {
            Scope::Namespaces([self.default_namespace.as_str().into()].into())
        } else {
            Scope::Namespaces(filter.namespaces.iter().map(|n| n.as_str().into()).collect())
        };
        Ok(Selection { caches: caches.0, scope })
    }

    fn cache(&self, name: &str) -> Result<&Arc<Cache>, Status> {
        self.caches.iter().find(|cache| cache.kind().answers_to(name)).ok_or_else(|| {
            let known: Vec<_> = self.caches.iter().map(|cache| cache.kind().to_string()).collect();
            let message = format!("no kind {name:?} is served; there are {}", known.join(", "));
            status(Code::InvalidArgument, Reason::UnknownKind, message, [("kind", name.to_owned())])
        })
    }

    fn check_cluster(&self, name: &str) -> Result<(), Status> {
        if name.is_empty() || name == self.cluster {
            return Ok(());
        }
        Err(invalid(format!("no cluster {name:?} is served; there is {:?}", self.cluster)))
    }
}

/// Caches, each once.
#[derive(Default)]
struct Caches(Vec<Arc<Cache>>);

impl Caches {
    /// The place of `cache`.
    fn place(&mut self, cache: &Arc<Cache>) -> usize {
        self.0.iter().position(|known| Arc::ptr_eq(known, cache)).unwrap_or_else(|| {
            self.0.push(Arc::clone(cache));
            self.0.len() - 1
        })
    }
}

fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, Reason::InvalidFilter, format!("invalid filter: {}", message.into()), [])
}
