//! From nodes that are asked about to what is known of them: by caches, as far as the caller may
//! see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use daymark_proto::v1::{self, Freshness, NodeCertificateRequest, NodeReport, Unreachable};
use tonic::{Code, Status};

use super::Served;
use super::convert::View;
use super::diagnosis_convert::unreachable;
use super::diagnosis_gather::{Gathering, Opened, json};
use super::error::{Reason, status};
use super::node_question::{MOST_NODES, Question};
use crate::access::Caller;
use crate::cache::{Cache, Snapshot};
use crate::caches::Lease;
use crate::diagnose::{Object, kinds};
use crate::kind::Kind;
use crate::node::{self, Agent, Known, PodOnNode, Pods};
use crate::record::{Key, Link, Record};
use crate::state::State;
use crate::subscription::{Found, Named, Scope, Selection, Visible};

/// What is looked at besides nodes.
const AROUND: [&str; 4] = [kinds::POD, kinds::LEASE, kinds::DAEMON_SET, kinds::CERTIFICATE_REQUEST];
/// The namespace of kubelets' leases.
const LEASES: &str = "kube-node-lease";
/// Pods that one look takes in.
const PODS: usize = 20_000;
/// DaemonSets that nodes need.
const AGENTS: usize = 50;
/// Requests for certificates that are looked at, and of one node those that are told.
const REQUESTS: (usize, usize) = (500, 20);

/// What was seen of nodes.
pub(super) struct Look {
    pub(super) nodes: Vec<NodeReport>,
    /// Requests for certificates of nodes that there are not.
    pub(super) requests: Vec<NodeCertificateRequest>,
    pub(super) not_visible: Vec<Unreachable>,
    pub(super) freshness: Freshness,
    /// The last node, if there are more behind it.
    pub(super) next: Option<Key>,
    /// What it rests on.
    pub(super) evidence: Evidence,
}

/// What a look rests on, and a proof of it is to be of.
pub(super) struct Evidence {
    /// The nodes.
    pub(super) nodes: Selection,
    /// Where pods are.
    places: Vec<Lease>,
    /// The pods.
    pub(super) pods: BTreeSet<Key>,
}

impl Evidence {
    /// Pods that are proven one by one; of more, all of their namespaces are.
    const ONE_BY_ONE: usize = 64;

    /// The selections that a proof is to be of.
    pub(super) fn into_selections(self) -> Vec<Selection> {
        let Self { nodes, places, pods } = self;
        if pods.is_empty() {
            return vec![nodes];
        }
        if pods.len() > Self::ONE_BY_ONE {
            let namespaces = pods.iter().map(|key| Arc::clone(&key.namespace)).collect();
            return vec![nodes, Selection::of(places, Scope::Namespaces(namespaces))];
        }
        let place = |key: &Key| {
            let holds = |place: &Lease| place.collection().namespace.as_deref().is_none_or(|it| *it == *key.namespace);
            places.iter().position(holds)
        };
        let named = pods
            .into_iter()
            .filter_map(|key| Some(Named { cache: place(&key)?, key, uid: None, absence: Found::default() }));
        let named = named.collect();
        vec![nodes, Selection::of(places, Scope::Named(named))]
    }
}

/// A node that is meant.
struct Meant {
    /// The place of its cache.
    place: usize,
    key: Key,
    /// Nothing, if there is no such node.
    record: Option<Arc<Record>>,
}

/// What is seen besides the nodes themselves.
struct Around {
    version: Option<String>,
    leases: Arc<Opened>,
    pods: Arc<Opened>,
    /// Why not all pods are seen; `None` if they are.
    unseen: Option<String>,
    /// How many pods may still be looked at.
    room: usize,
    agents: Vec<Agent>,
    /// By the node that they are for.
    requests: BTreeMap<String, Vec<NodeCertificateRequest>>,
}

impl Served {
    /// What is seen of nodes now, by an API server of that version.
    pub(super) async fn look_at_nodes(
        &self,
        caller: &Caller,
        question: &Question,
        version: Option<String>,
    ) -> Result<Look, Status> {
        let selection = self.select(&question.filter).await?;
        selection.need_bodies()?;
        let (sight, unread) = self.seen(caller, &selection, question.r#use, View::Full).await?;
        let selection = sight.narrow(selection);
        let (found, next) = self.found(&selection, question)?;
        let mut gathering = Gathering::new(self, caller);
        gathering.unreachable(unread.into_iter());
        let mut around = self.around(&mut gathering, version).await;
        let (mut nodes, mut pods) = (Vec::with_capacity(found.len()), BTreeSet::new());
        for Meant { place, key, record } in &found {
            let kind = selection.caches[*place].kind();
            let (report, rests_on) = self.look_at(&gathering, &mut around, question, kind, (key, record.as_ref()))?;
            pods.extend(rests_on);
            nodes.push(report);
            // Unpacking takes its time.
            tokio::task::yield_now().await;
        }
        let exists = |name: &str| selection.caches.iter().any(|cache| cache.get(&Key::new("", name)).is_some());
        let others = around.requests.into_iter().filter(|(node, _)| !exists(node)).flat_map(|(_, requests)| requests);
        let requests = others.take(REQUESTS.1).collect();
        let caches = gathering.caches();
        let freshness = self.freshness(selection.caches.iter().chain(&caches).map(|cache| -> &Cache { cache }));
        let not_visible = gathering.observation.not_visible.iter().map(unreachable).collect();
        let places = around.pods.caches.iter().map(|(place, _)| place.clone()).collect();
        let evidence = Evidence { nodes: selection, places, pods };
        Ok(Look { nodes, requests, not_visible, freshness, next, evidence })
    }

    /// What is told of a node, and the pods on which that rests.
    fn look_at(
        &self,
        gathering: &Gathering<'_>,
        around: &mut Around,
        question: &Question,
        kind: &Kind,
        (key, record): (&Key, Option<&Arc<Record>>),
    ) -> Result<(NodeReport, Vec<Key>), Status> {
        let requests = around.requests.remove(&*key.name).unwrap_or_default();
        let status = match record {
            Some(record) => self.status(kind, record, View::Basic)?,
            None => self.absent(kind, key),
        };
        let (mut report, rests_on) = match record.map(|record| Object::read(json(record)?)) {
            Some(Some(object)) => self.report(gathering, around, question, status, &object),
            Some(None) => (self.bare_node(status, &node::unreadable()), Vec::new()),
            None => (self.bare_node(status, &node::absent()), Vec::new()),
        };
        report.certificate_requests = requests.into_iter().take(REQUESTS.1).collect();
        Ok((report, rests_on))
    }

    /// What is told of a node that there is, and the pods on which that rests.
    fn report(
        &self,
        gathering: &Gathering<'_>,
        around: &mut Around,
        question: &Question,
        status: v1::Status,
        node: &Object,
    ) -> (NodeReport, Vec<Key>) {
        let name: Arc<str> = node.name.name.as_str().into();
        let pods = pods_on(around, &name);
        let lease = lease(&around.leases, &name, gathering);
        let known = Known {
            now: gathering.observation.now,
            node,
            control_plane: around.version.as_deref(),
            lease: &lease,
            pods: &pods,
            agents: &around.agents,
            tolerated: &question.tolerated,
        };
        let report = node::report(&known);
        let rests_on = report.rests_on.iter().map(|(namespace, name)| Key::new(&**namespace, &**name)).collect();
        (self.node_report(status, &known, &report, &question.required), rests_on)
    }

    /// The nodes that are meant, whether they exist or not, and the last of them if there are more.
    fn found(&self, selection: &Selection, question: &Question) -> Result<(Vec<Meant>, Option<Key>), Status> {
        if let Scope::Named(named) = &selection.scope {
            let found = |named: &Named| {
                let record = selection.caches[named.cache].get(&named.key);
                Meant { place: named.cache, key: named.key.clone(), record }
            };
            return Ok((named.iter().map(found).collect(), None));
        }
        let mut all = Vec::new();
        for (place, cache) in selection.caches.iter().enumerate() {
            let snapshot = Snapshot::take([&**cache], &self.log);
            let meant = snapshot
                .objects(0, question.after.as_ref())
                .filter(|(_, record)| selection.may_select(cache.id(), record, snapshot.revision));
            let found = |(key, record): (&Key, &Arc<Record>)| Meant {
                place,
                key: key.clone(),
                record: Some(Arc::clone(record)),
            };
            all.extend(meant.take(question.most + 1).map(found));
        }
        let is_more = all.len() > question.most;
        if is_more && !question.has_pages {
            let message = format!("more than {MOST_NODES} nodes are selected: select fewer");
            return Err(status(Code::InvalidArgument, Reason::InvalidNodeRequest, message, []));
        }
        all.truncate(question.most);
        let next = all.last().filter(|_| is_more).map(|meant| meant.key.clone());
        Ok((all, next))
    }

    async fn around(&self, gathering: &mut Gathering<'_>, version: Option<String>) -> Around {
        gathering.begin(AROUND.into_iter()).await;
        let leases = gathering.open(kinds::LEASE, &Some([LEASES.into()].into())).await;
        let pods = gathering.open(kinds::POD, &None).await;
        let is_all = |(cache, visible): &(Lease, Visible)| {
            cache.collection().namespace.is_none() && *visible == Visible::All && cache.keeps_bodies()
        };
        let sees_all = pods.is_whole && pods.caches.iter().all(is_all);
        let unseen = (!sees_all).then(|| format!("not all pods are visible: {}", why(gathering, "pods")));
        let agents = self.agents(gathering).await;
        let requests = self.requests(gathering).await;
        Around { version, leases, pods, unseen, room: PODS, agents, requests }
    }

    /// The DaemonSets that nodes need.
    async fn agents(&self, gathering: &mut Gathering<'_>) -> Vec<Agent> {
        let opened = gathering.open(kinds::DAEMON_SET, &None).await;
        let is_agent = |record: &Record| Agent::is_called(&record.key.name);
        let records =
            opened.caches.iter().flat_map(|(cache, visible)| gathering.records(cache, visible, &None, &is_agent));
        records.take(AGENTS).filter_map(|record| Some(Agent::of(Object::read(json(&record)?)?))).collect()
    }

    /// Kubelets' requests for certificates that were not answered by one, the newest first.
    async fn requests(&self, gathering: &mut Gathering<'_>) -> BTreeMap<String, Vec<NodeCertificateRequest>> {
        let opened = gathering.open(kinds::CERTIFICATE_REQUEST, &None).await;
        let is_open = |record: &Record| record.judgement.state != State::Ready;
        let mut told: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (cache, visible) in &opened.caches {
            let mut records = gathering.records(cache, visible, &None, &is_open);
            records.sort_by_key(|record| std::cmp::Reverse(record.created));
            for record in records.into_iter().take(REQUESTS.0) {
                let Some(request) = self.certificate_request(cache.kind(), &record) else { continue };
                told.entry(request.node.clone()).or_default().push(request);
            }
        }
        told
    }
}

/// The pods on a node that are visible.
fn pods_on(around: &mut Around, node: &Arc<str>) -> Pods {
    let mut pods = Pods { pods: Vec::new(), others: around.unseen.clone() };
    for (cache, visible) in &around.pods.caches {
        let on_it = cache.linked(&Link::Node(Arc::clone(node))).into_iter();
        for record in on_it.filter(|record| visible.has(&record.key.namespace)) {
            let Some(left) = around.room.checked_sub(1) else {
                pods.others = Some(format!("more than {PODS} pods are not looked at: ask about fewer nodes"));
                return pods;
            };
            around.room = left;
            match json(&record) {
                Some(pod) => pods.pods.push(PodOnNode::read(&pod)),
                None => pods.others = Some("the daemon keeps no whole pods (--no-bodies)".to_owned()),
            }
        }
    }
    pods
}

/// What is known of a node's lease.
fn lease(opened: &Opened, node: &Arc<str>, gathering: &Gathering<'_>) -> node::Lease {
    let key = Key { namespace: LEASES.into(), name: Arc::clone(node) };
    for (cache, visible) in &opened.caches {
        if !visible.has(LEASES) {
            continue;
        }
        // Before it is looked at: what is heard later counts for the next look.
        let heard = cache.freshness().heard;
        match cache.get(&key).map(|record| json(&record)) {
            Some(Some(lease)) => return node::Lease::read(&lease, heard),
            Some(None) => return node::Lease::NotVisible("the daemon keeps no whole leases (--no-bodies)".to_owned()),
            None if opened.is_whole => return node::Lease::Absent,
            None => {}
        }
    }
    node::Lease::NotVisible(format!("leases are not visible: {}", why(gathering, "leases")))
}

/// Why not all of a kind is visible, as far as that was noted.
fn why(gathering: &Gathering<'_>, resource: &str) -> String {
    let noted = gathering.observation.not_visible.iter().find(|it| it.kind.split('.').next() == Some(resource));
    noted.map_or_else(|| "the daemon follows some namespaces only".to_owned(), |it| it.message.clone())
}
