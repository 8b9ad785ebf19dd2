//! From a request's filter to the events that are meant, as far as its caller may see them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::{self, Filter, Unreachable};
use tonic::{Code, Status};

use super::Served;
use super::convert::View;
use super::error::{Reason, status, unknown_kinds};
use super::rights::{Sight, Use};
use super::status_service::not_found;
use crate::access::Caller;
use crate::caches::Lease;
use crate::event_store::filter::{EventFilter, Namespaces, Target};
use crate::event_store::{Order, Step, keeper};
use crate::record::{Key, Uid};
use crate::subscription::{Scope, Selection, Visible};

/// Types, or reasons, in one filter.
const MOST: usize = 100;
/// Where events are that are about what has no namespace
/// (`k8s.io/client-go/tools/record`, `makeEvent`).
const OF_THE_CLUSTER: &str = "default";

/// Events that a caller asks for.
pub(super) struct Asked {
    pub(super) caller: Caller,
    /// The caches that they come from.
    pub(super) selection: Selection,
    /// What of these the caller may see.
    pub(super) sight: Sight,
    /// What of these cannot be read.
    pub(super) unreachable: Vec<Unreachable>,
    /// The object that they are about.
    pub(super) target: Option<(Lease, Key)>,
    /// Which of them.
    pub(super) filter: EventFilter,
}

impl Served {
    /// What `filter` means to that caller.
    pub(super) async fn events_asked(
        &self,
        caller: Caller,
        filter: v1::EventFilter,
        r#use: Use,
    ) -> Result<Asked, Status> {
        if !self.events.is_on() {
            let message = "the daemon keeps no events (--events-kept 0): get events reads those of the API server";
            return Err(status(Code::FailedPrecondition, Reason::EventsNotKept, message, []));
        }
        self.caches.catalog().loaded().await.map_err(|problem| unknown_kinds(&problem))?;
        let target = self.event_target(&caller, &filter).await?;
        let selection = self.select(&places(&self.event_kind(), &filter, target.as_ref())).await?;
        let (sight, unreachable) = self.seen(&caller, &selection, r#use, View::Full).await?;
        let wanted = EventFilter {
            namespaces: namespaces(&selection, &sight),
            target: target.as_ref().map(|(cache, key)| meant(cache, key, &filter)),
            since: filter.since.map(|since| self.before(since)).transpose()?,
            types: few("types", filter.types)?,
            reasons: few("reasons", filter.reasons)?,
        };
        // What is in the caches by now is in the store by then.
        let revision = selection.caches.iter().map(|cache| self.log.last_of(cache.id())).max();
        self.events.reaches(revision.unwrap_or(0)).await;
        Ok(Asked { caller, selection, sight, unreachable, target, filter: wanted })
    }

    /// The kind, as requests name it.
    fn event_kind(&self) -> String {
        let kind = keeper::kind(&self.caches);
        kind.map_or_else(|| "events".to_owned(), |kind| format!("{}.{}", kind.resource, kind.group))
    }

    /// The object that is asked for, if the caller may see it.
    async fn event_target(&self, caller: &Caller, filter: &v1::EventFilter) -> Result<Option<(Lease, Key)>, Status> {
        let Some(object) = &filter.r#ref else {
            return if filter.with_owned { Err(invalid("with_owned is of a ref")) } else { Ok(None) };
        };
        if filter.all_namespaces || filter.namespaces.len() > 1 {
            return Err(invalid("ref excludes all_namespaces, and more than one namespace"));
        }
        let (cache, key) = self.resolve(object, filter.namespaces.first()).await?;
        self.may_get(caller, cache.kind(), &key, View::Basic).await?;
        Ok(Some((cache, key)))
    }

    /// The time so long ago.
    fn before(&self, since: prost_types::Duration) -> Result<jiff::Timestamp, Status> {
        let since = Duration::try_from(since).map_err(|_| invalid("since is negative"))?;
        Ok(self.clock.now().checked_sub(since).unwrap_or(jiff::Timestamp::MIN))
    }

    /// Whether there is no such object, and no event of one by its name.
    pub(super) async fn is_absent(&self, asked: &Asked) -> Result<bool, Status> {
        let Some((cache, key)) = &asked.target else { return Ok(false) };
        let any = EventFilter { types: Vec::new(), reasons: Vec::new(), since: None, ..asked.filter.clone() };
        if !self.events.page(&any, Order::OldestFirst, None, Step::MAX, 1).is_empty() {
            return Ok(false);
        }
        // Of a kind that cannot be listed nothing is known.
        let is_listed = self.listed(cache).await?.is_ok();
        Ok(is_listed && cache.get(key).is_none())
    }

    /// An object that is not there, as an error.
    pub(super) async fn check_target(&self, asked: &Asked) -> Result<(), Status> {
        match &asked.target {
            Some((cache, key)) if self.is_absent(asked).await? => Err(not_found(cache, key)),
            _ => Ok(()),
        }
    }
}

impl Asked {
    /// The caller sees so much by now.
    pub(super) fn see(&mut self, sight: Sight) {
        self.sight = sight;
        self.filter.namespaces = namespaces(&self.selection, &self.sight);
    }

    /// What is missing of what was asked for.
    pub(super) fn missing(&self) -> Vec<Unreachable> {
        self.unreachable.iter().chain(&self.sight.refused).cloned().collect()
    }
}

/// Where the events are.
fn places(kind: &str, filter: &v1::EventFilter, target: Option<&(Lease, Key)>) -> Filter {
    let (namespaces, all_namespaces) = match target {
        None => (filter.namespaces.clone(), filter.all_namespaces),
        // What it owns may be anywhere.
        Some((_, key)) if key.namespace.is_empty() && filter.with_owned => (Vec::new(), true),
        Some((_, key)) if key.namespace.is_empty() => (vec![OF_THE_CLUSTER.to_owned()], false),
        Some((_, key)) => (vec![key.namespace.to_string()], false),
    };
    let cluster = filter.cluster.clone();
    Filter { cluster, kinds: vec![kind.to_owned()], namespaces, all_namespaces, ..Filter::default() }
}

fn meant(cache: &Lease, key: &Key, filter: &v1::EventFilter) -> Target {
    let uid = filter.r#ref.as_ref().map(|it| it.uid.as_str()).filter(|uid| !uid.is_empty());
    Target {
        group: cache.kind().group.clone(),
        kind: cache.kind().kind.clone(),
        namespace: Arc::clone(&key.namespace),
        name: Arc::clone(&key.name),
        uid: uid.map(Uid::from),
        with_owned: filter.with_owned,
    }
}

/// The namespaces that are asked for, as far as they may be seen.
fn namespaces(selection: &Selection, sight: &Sight) -> Namespaces {
    let mut seen = BTreeSet::new();
    for (place, cache) in selection.caches.iter().enumerate() {
        let visible = sight.visible.get(place).unwrap_or(&Visible::All);
        let asked = |namespace: &str| match &selection.scope {
            Scope::Namespaces(asked) => asked.contains(namespace),
            Scope::All | Scope::Named(_) => true,
        };
        match (&cache.collection().namespace, &selection.scope, visible) {
            (Some(only), ..) => seen.extend([Arc::from(&**only)]),
            (None, Scope::Namespaces(asked), _) => seen.extend(asked.iter().cloned()),
            (None, _, Visible::In(some)) => seen.extend(some.iter().cloned()),
            (None, _, Visible::All) => return Namespaces::All,
        }
        let of_this =
            |namespace: &Arc<str>| cache.collection().namespace.as_deref().is_none_or(|it| *it == **namespace);
        seen.retain(|namespace| !of_this(namespace) || (asked(namespace) && visible.has(namespace)));
    }
    Namespaces::In(seen)
}

fn few(what: &str, words: Vec<String>) -> Result<Vec<String>, Status> {
    match words.len() {
        ..=MOST => Ok(words),
        number => Err(invalid(format!("{number} {what} are more than {MOST}"))),
    }
}

fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, Reason::InvalidFilter, format!("invalid filter: {}", message.into()), [])
}
