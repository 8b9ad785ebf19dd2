//! What is known of objects when they are diagnosed: from caches, as far as the caller may see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::Unreachable;
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::Served;
use super::convert::View;
use super::rights::Use;
use crate::access::Caller;
use crate::cache::Snapshot;
use crate::caches::Lease;
use crate::diagnose::{Name, NotVisible, Object, Observation, Verdict};
use crate::record::{Key, Link, Record};
use crate::state::State;
use crate::subscription::{Scope, Selection, Visible};

/// How long a kind may take to be read for the first time: then it is left out.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of JSON that one diagnosis looks at.
const BYTES: usize = 32 << 20;
/// Objects that are looked at before others have their turn.
const AT_ONCE: usize = 64;
/// Pods whose requests are added up.
const PODS: usize = 20_000;

/// Namespaces; `None` for all, or where there are none.
pub(super) type Namespaces = Option<BTreeSet<Arc<str>>>;

/// What is being gathered.
pub(super) struct Gathering<'a> {
    served: &'a Served,
    caller: &'a Caller,
    /// What is known so far.
    pub(super) observation: Observation,
    opened: BTreeMap<(String, Namespaces), Arc<Opened>>,
    /// What is being listed meanwhile.
    early: Vec<Lease>,
    /// Bytes that may still be looked at.
    room: usize,
}

/// A kind that is open, and what of it the caller may see.
#[derive(Debug, Default)]
pub(super) struct Opened {
    pub(super) caches: Vec<(Lease, Visible)>,
    /// Whether that is everything.
    pub(super) is_whole: bool,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(served: &'a Served, caller: &'a Caller) -> Self {
        let observation = Observation::new(served.clock.now());
        Self { served, caller, observation, opened: BTreeMap::new(), early: Vec::new(), room: BYTES }
    }

    /// Who asks.
    pub(super) fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// The caches that were read.
    pub(super) fn caches(&self) -> Vec<Lease> {
        self.opened.values().flat_map(|opened| opened.caches.iter().map(|(lease, _)| lease.clone())).collect()
    }

    /// Has kinds followed that will be needed, so that they are listed at the same time.
    pub(super) async fn begin(&mut self, ids: impl Iterator<Item = &str>) {
        for id in ids {
            let name = Name::of(id, "", "");
            if let Some(kind) = self.served.caches.catalog().find_exactly((&name.group, &name.kind)) {
                self.early.extend(self.served.lease(&kind).await.unwrap_or_default());
            }
        }
    }

    /// Opens a kind for those namespaces; what may not be seen of it is noted.
    pub(super) async fn open(&mut self, id: &str, namespaces: &Namespaces) -> Arc<Opened> {
        let place = (id.to_owned(), namespaces.clone());
        if let Some(opened) = self.opened.get(&place) {
            return Arc::clone(opened);
        }
        let opened = match tokio::time::timeout(PATIENCE, self.open_anew(id, namespaces)).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(status)) => {
                self.leave_out(id, namespaces, reason(&status), status.message());
                Opened::default()
            }
            Err(_) => {
                self.leave_out(id, namespaces, "Unreachable", "not read in time");
                Opened::default()
            }
        };
        let opened = Arc::new(opened);
        self.opened.insert(place, Arc::clone(&opened));
        opened
    }

    async fn open_anew(&mut self, id: &str, namespaces: &Namespaces) -> Result<Opened, Status> {
        let name = Name::of(id, "", "");
        let Some(kind) = self.served.caches.catalog().find_exactly((&name.group, &name.kind)) else {
            return Err(Status::unavailable("the cluster, or the recording of it, has no such kind"));
        };
        let leases = self.served.lease(&kind).await?.into_iter();
        let is_meant = |lease: &Lease| match (&lease.collection().namespace, namespaces) {
            (Some(only), Some(meant)) => meant.contains(&**only),
            _ => true,
        };
        let leases: Vec<_> = leases.filter(is_meant).collect();
        let scope = match namespaces {
            Some(namespaces) if kind.namespaced => Scope::Namespaces(namespaces.clone()),
            _ => Scope::All,
        };
        let selection = Selection::of(leases.clone(), scope);
        let (sight, unreachable) = self.served.seen(self.caller, &selection, Use::Read, View::Full).await?;
        let is_whole = sight.refused.is_empty() && unreachable.is_empty() && !leases.is_empty();
        self.unreachable(sight.refused.into_iter().chain(unreachable));
        let visible = sight.visible.into_iter().chain(std::iter::repeat(Visible::All));
        Ok(Opened { caches: leases.into_iter().zip(visible).collect(), is_whole })
    }

    /// What cannot be read, or may not be seen.
    pub(super) fn unreachable(&mut self, all: impl Iterator<Item = Unreachable>) {
        self.observation.not_visible.extend(all.map(|it| {
            let Unreachable { kind, reason, message, namespace } = it;
            NotVisible { kind, namespace, reason, message }
        }));
    }

    fn leave_out(&mut self, id: &str, namespaces: &Namespaces, reason: &str, message: &str) {
        let name = Name::of(id, "", "");
        let kind = self.served.caches.catalog().find_exactly((&name.group, &name.kind));
        let namespace = match namespaces.iter().flatten().collect::<Vec<_>>()[..] {
            [one] => one.to_string(),
            _ => String::new(),
        };
        let kind = kind.map_or_else(|| id.to_lowercase(), |kind| kind.to_string());
        let (reason, message) = (reason.to_owned(), message.to_owned());
        self.observation.not_visible.insert(NotVisible { kind, namespace, reason, message });
    }

    /// Takes in the objects of a kind in those namespaces, at most so many, those that are not
    /// ready first.
    pub(super) async fn take(
        &mut self,
        id: &str,
        namespaces: &Namespaces,
        most: usize,
        is_meant: impl Fn(&Record) -> bool,
    ) {
        let opened = self.open(id, namespaces).await;
        let mut is_all = opened.is_whole;
        for (lease, visible) in &opened.caches {
            let mut records = self.records(lease, visible, namespaces, &is_meant);
            if records.len() > most {
                is_all = false;
                records.sort_by_key(|record| record.judgement.state == State::Ready);
                records.truncate(most);
            }
            is_all &= self.add_all(lease, &records).await;
        }
        if is_all {
            match namespaces {
                None => self.observation.knows_all(id, ""),
                Some(namespaces) => namespaces.iter().for_each(|it| self.observation.knows_all(id, it)),
            }
        }
    }

    /// The same of some of them only: no others are known not to be there.
    pub(super) async fn take_some(
        &mut self,
        id: &str,
        namespaces: &Namespaces,
        most: usize,
        is_meant: impl Fn(&Record) -> bool,
    ) {
        let opened = self.open(id, namespaces).await;
        for (lease, visible) in &opened.caches {
            let mut records = self.records(lease, visible, namespaces, &is_meant);
            records.truncate(most);
            self.add_all(lease, &records).await;
        }
    }

    /// The same of those that a link leads to, in any namespace that may be seen.
    pub(super) async fn take_linked(&mut self, id: &str, namespaces: &Namespaces, link: &Link, most: usize) {
        let opened = self.open(id, namespaces).await;
        for (lease, visible) in &opened.caches {
            let linked = lease.linked(link).into_iter().filter(|record| visible.has(&record.key.namespace));
            let records: Vec<_> = linked.take(most).collect();
            self.add_all(lease, &records).await;
        }
    }

    /// Takes in one object, whose cache the caller has been let see.
    pub(super) async fn take_one(&mut self, lease: &Lease, record: &Arc<Record>) {
        self.add_all(lease, &[Arc::clone(record)]).await;
    }

    /// Adds up what pods take of nodes, if there are not too many of them, and all may be seen.
    pub(super) async fn add_up(&mut self, id: &str, is_needed: bool) {
        let opened = self.open(id, &None).await;
        let sees_all = opened.is_whole && opened.caches.iter().all(|(_, visible)| *visible == Visible::All);
        let mut records = Vec::new();
        for (lease, visible) in &opened.caches {
            let placed =
                |record: &Record| record.node().is_some_and(|node| !node.is_empty()) && !record.detail.is_over();
            records.extend(self.records(lease, visible, &None, &placed));
        }
        let most = if is_needed { PODS } else { PODS / 10 };
        if !sees_all || records.len() > most {
            return;
        }
        for some in records.chunks(AT_ONCE) {
            for pod in some.iter().filter_map(|record| json(record)) {
                self.observation.carries(&pod);
            }
            tokio::task::yield_now().await;
        }
        self.observation.carries_all();
    }

    pub(super) fn records(
        &self,
        lease: &Lease,
        visible: &Visible,
        namespaces: &Namespaces,
        is_meant: &dyn Fn(&Record) -> bool,
    ) -> Vec<Arc<Record>> {
        let snapshot = Snapshot::take([&**lease], &self.served.log);
        let is_seen = |record: &&Arc<Record>| visible.has(&record.key.namespace) && is_meant(record);
        match namespaces {
            Some(namespaces) if lease.kind().namespaced => {
                let each = namespaces.iter().flat_map(|namespace| snapshot.in_namespace(0, namespace));
                each.filter(is_seen).cloned().collect()
            }
            _ => snapshot.objects(0, None).map(|(_, record)| record).filter(is_seen).cloned().collect(),
        }
    }

    /// Takes objects in while there is room; whether there was for all.
    async fn add_all(&mut self, lease: &Lease, records: &[Arc<Record>]) -> bool {
        if !lease.keeps_bodies() && !records.is_empty() {
            let message = "the daemon keeps no whole objects of the kind (--no-bodies)";
            self.left_out(lease, "BodiesNotKept", message);
            return false;
        }
        for some in records.chunks(AT_ONCE) {
            for record in some {
                let length = record.body.as_ref().map_or(0, crate::body::Body::length);
                let Some(room) = self.room.checked_sub(length) else {
                    self.left_out(lease, "TooMany", "there are too many objects to look at all");
                    return false;
                };
                self.room = room;
                if let Some(object) = object(record) {
                    self.observation.add(object);
                }
            }
            tokio::task::yield_now().await;
        }
        true
    }

    fn left_out(&mut self, lease: &Lease, reason: &str, message: &str) {
        let namespace = lease.collection().namespace.as_deref().unwrap_or_default().to_owned();
        let (reason, message) = (reason.to_owned(), message.to_owned());
        self.observation.not_visible.insert(NotVisible { kind: lease.kind().to_string(), namespace, reason, message });
    }

    /// What of a kind could not be read, in a word and a sentence.
    pub(super) fn not_visible(&mut self, kind: &str, namespace: &str, reason: &str, message: String) {
        let (kind, namespace, reason) = (kind.to_owned(), namespace.to_owned(), reason.to_owned());
        self.observation.not_visible.insert(NotVisible { kind, namespace, reason, message });
    }
}

/// What is called so in lists of what cannot be read.
pub(super) fn reason(status: &Status) -> &'static str {
    let details = status.get_error_details();
    let is_the_daemons = details.error_info().is_some_and(|info| info.reason == "KIND_FORBIDDEN");
    match status.code() {
        Code::PermissionDenied if is_the_daemons => "Forbidden",
        Code::PermissionDenied => "PermissionDenied",
        Code::NotFound => "NotFound",
        _ => "Unreachable",
    }
}

/// The JSON of a record, if its cache keeps it.
pub(super) fn json(record: &Record) -> Option<Value> {
    serde_json::from_slice(&record.body.as_ref()?.json().ok()?).ok()
}

/// The object of a record, with what the rules say of it.
pub(super) fn object(record: &Record) -> Option<Object> {
    let judgement = &record.judgement;
    let verdict = Verdict {
        state: judgement.state,
        reason: judgement.reason.to_string(),
        message: judgement.message.to_string(),
        doom: judgement.doom,
    };
    Some(Object { verdict: Some(verdict), ..Object::read(json(record)?)? })
}

/// The name of a key of a kind.
pub(super) fn name(kind: &crate::kind::Kind, key: &Key) -> Name {
    Name {
        group: kind.group.clone(),
        kind: kind.kind.clone(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
    }
}
