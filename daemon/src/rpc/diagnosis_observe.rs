//! From what is asked to what is known of it: targets, what belongs to them, and what they need.

use std::collections::BTreeSet;
use std::sync::Arc;

use daymark_proto::v1::{Filter, ObjectRef};
use tonic::{Code, Status};

use super::Served;
use super::convert::View;
use super::diagnosis_gather::{Gathering, Namespaces, name, reason};
use super::error::{Reason, status};
use super::rights::Use;
use super::status_service::not_found;
use crate::access::Caller;
use crate::access::authorizer::Right;
use crate::cache::Snapshot;
use crate::diagnose::{self, Name, kinds};
use crate::record::{Key, Link, Record};
use crate::state::State;
use crate::subscription::{Scope, Selection};

/// Objects of a namespace or cluster that are looked into, the worst first.
const TARGETS: usize = 200;
/// Namespaces that they may be in.
const NAMESPACES: usize = 50;
/// Objects of one kind that are looked at.
const OF_A_KIND: usize = 3000;
/// Nodes.
const NODES: usize = 500;

/// What is looked into where no kinds are named.
const KINDS: &[&str] = &[
    kinds::DEPLOYMENT,
    kinds::STATEFUL_SET,
    kinds::DAEMON_SET,
    kinds::REPLICA_SET,
    kinds::CRON_JOB,
    kinds::JOB,
    kinds::POD,
    kinds::SERVICE,
    kinds::INGRESS,
    kinds::CLAIM,
    kinds::AUTOSCALER,
    kinds::BUDGET,
];
/// What belongs to one of these is told with it.
const OWNERS: &[&str] = &["CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "StatefulSet"];
/// And where the whole cluster is.
const OF_CLUSTER: &[&str] = &[kinds::NODE, kinds::NAMESPACE];
/// What may belong to a target, or be needed by it, in its namespace: what it cannot do without
/// first.
const AROUND: &[&str] = &[
    kinds::REPLICA_SET,
    kinds::DEPLOYMENT,
    kinds::STATEFUL_SET,
    kinds::DAEMON_SET,
    kinds::JOB,
    kinds::CRON_JOB,
    kinds::SERVICE,
    kinds::ENDPOINT_SLICE,
    kinds::CLAIM,
    kinds::QUOTA,
    kinds::LIMIT_RANGE,
    kinds::SERVICE_ACCOUNT,
    kinds::AUTOSCALER,
];

/// What is asked: one object, or all of some.
pub(super) struct Asked {
    /// The objects.
    pub(super) names: Vec<Name>,
    /// What is said to be diagnosed: the object, or a namespace, or the cluster.
    pub(super) target: Name,
    /// Where it is.
    namespaces: Namespaces,
}

impl Served {
    /// What is known of what a filter asks for.
    pub(super) async fn observe<'a>(
        &'a self,
        caller: &'a Caller,
        filter: &Filter,
    ) -> Result<(Gathering<'a>, Asked), Status> {
        if !filter.states.is_empty()
            || !filter.cel.is_empty()
            || !filter.field_selector.is_empty()
            || filter.refs.len() > 1
        {
            let message = "a diagnosis's filter takes one ref, or kinds, namespaces and a label selector";
            return Err(status(Code::InvalidArgument, Reason::InvalidFilter, message, []));
        }
        let mut gathering = self.gather(caller).await;
        let asked = match filter.refs.is_empty() {
            false => self.one(&mut gathering, filter, true).await?,
            true => self.all(&mut gathering, filter).await?,
        };
        self.look_around(caller, &mut gathering, &asked).await;
        Ok((gathering, asked))
    }

    /// Nothing yet, but that what will be needed is being listed.
    pub(super) async fn gather<'a>(&'a self, caller: &'a Caller) -> Gathering<'a> {
        let mut gathering = Gathering::new(self, caller);
        let early = AROUND.iter().chain(&[kinds::POD, kinds::NODE, kinds::STORAGE_CLASS]);
        gathering.begin(early.copied()).await;
        gathering
    }

    /// Takes in what belongs to the targets, what they need, and what the cluster tells of them.
    pub(super) async fn look_around(&self, caller: &Caller, gathering: &mut Gathering<'_>, asked: &Asked) {
        around(gathering, asked).await;
        needs(gathering, asked).await;
        self.add_up(caller, gathering).await;
        self.evidence(caller, gathering, &asked.names).await;
    }

    /// Several objects by name; those that are not there, or may not be seen, are left out.
    pub(super) async fn several(
        &self,
        gathering: &mut Gathering<'_>,
        filter: &Filter,
        objects: Vec<ObjectRef>,
    ) -> Asked {
        let (mut names, mut namespaces) = (Vec::new(), BTreeSet::new());
        for object in objects {
            let (kind, namespace) = (object.resource.clone(), object.namespace.clone());
            if namespaces.len() >= NAMESPACES && !namespaces.contains(&*namespace) {
                let message = format!("more than {NAMESPACES} namespaces are not looked into: ask about fewer");
                gathering.not_visible(&kind, &namespace, "TooMany", message);
                continue;
            }
            namespaces.insert(Arc::from(namespace.as_str()));
            match self.one(gathering, &Filter { refs: vec![object], ..filter.clone() }, false).await {
                // Several manifests may be of one object.
                Ok(one) if names.contains(&one.target) => {}
                Ok(one) => names.push(one.target),
                Err(status) => gathering.not_visible(&kind, &namespace, reason(&status), status.message().to_owned()),
            }
        }
        namespaces.remove("");
        let target = match (&names[..], namespaces.iter().next()) {
            ([one], _) => one.clone(),
            (_, Some(namespace)) if namespaces.len() == 1 => Name::of(kinds::NAMESPACE, "", namespace),
            _ => Name::of("Cluster", "", &self.cluster),
        };
        Asked { names, target, namespaces: Some(namespaces) }
    }

    /// One object by name. Of a namespace it is what is in it as well, if it was asked about `alone`.
    async fn one(&self, gathering: &mut Gathering<'_>, filter: &Filter, alone: bool) -> Result<Asked, Status> {
        let selection = self.select(filter).await?;
        self.seen(gathering.caller(), &selection, Use::Read, View::Full).await?;
        let Scope::Named(named) = &selection.scope else { return Err(Status::internal("refs name objects")) };
        let Some(named) = named.first() else { return Err(Status::internal("one ref names one object")) };
        let cache = &selection.caches[named.cache];
        let is_meant = |record: &Arc<Record>| named.uid.as_ref().is_none_or(|uid| *uid == record.uid);
        let record = cache.get(&named.key).filter(is_meant).ok_or_else(|| not_found(cache, &named.key))?;
        gathering.take_one(cache, &record).await;
        let target = name(cache.kind(), &named.key);
        let namespaces = match (&*named.key.namespace, &*target.id()) {
            // A namespace is what is in it.
            ("", kinds::NAMESPACE) => Some([Arc::clone(&named.key.name)].into()),
            ("", _) => Some(BTreeSet::new()),
            _ => Some([Arc::clone(&named.key.namespace)].into()),
        };
        let all_pods = Right::to_any("list", "", "pods", None);
        if target.id() == kinds::NODE && self.may_read(gathering.caller(), all_pods).await.is_ok() {
            let link = Link::Node(Arc::clone(&named.key.name));
            gathering.take_linked(kinds::POD, &None, &link, OF_A_KIND).await;
            gathering.take(kinds::BUDGET, &None, OF_A_KIND, |_| true).await;
        }
        let mut names = vec![target.clone()];
        if target.id() == kinds::NAMESPACE && alone {
            let inside = Filter { namespaces: vec![named.key.name.to_string()], ..Filter::default() };
            // Who may see the namespace alone is told of that.
            names.extend(self.all(gathering, &inside).await.map(|inside| inside.names).unwrap_or_default());
        }
        Ok(Asked { names, target, namespaces })
    }

    /// All objects that may be wrong, of some namespaces or all.
    async fn all(&self, gathering: &mut Gathering<'_>, filter: &Filter) -> Result<Asked, Status> {
        let is_any_kind = filter.kinds.is_empty();
        let mut filter = filter.clone();
        if is_any_kind {
            filter.kinds = self.usual_kinds(&filter).await?;
        }
        let selection = self.select(&filter).await?;
        let (sight, unreachable) = self.seen(gathering.caller(), &selection, Use::Read, View::Full).await?;
        gathering.unreachable(sight.refused.iter().cloned().chain(unreachable));
        let selection = sight.narrow(selection);
        let mut found = self.suspects(&selection, is_any_kind);
        found.sort_by_key(|(_, _, record)| {
            (std::cmp::Reverse(record.judgement.doom), record.judgement.state == State::Ready)
        });
        let (mut names, mut namespaces) = (Vec::new(), BTreeSet::new());
        let mut left_out = found.len().saturating_sub(TARGETS);
        for (place, key, record) in found.into_iter().take(TARGETS) {
            if !namespaces.contains(&key.namespace) && namespaces.len() >= NAMESPACES {
                left_out += 1;
                continue;
            }
            namespaces.insert(Arc::clone(&key.namespace));
            gathering.take_one(&selection.caches[place], &record).await;
            names.push(name(selection.caches[place].kind(), &key));
        }
        if left_out > 0 {
            let message = format!("{left_out} more objects may be wrong, and were not looked into: ask about fewer");
            gathering.not_visible("objects", "", "TooMany", message);
        }
        namespaces.remove("");
        let target = match &selection.scope {
            Scope::Namespaces(asked) => {
                let mut asked = asked.iter().filter(|namespace| !namespace.is_empty());
                namespaces.extend(asked.clone().take(NAMESPACES).cloned());
                Name::of(kinds::NAMESPACE, "", asked.next().map_or("", |namespace| namespace))
            }
            Scope::All | Scope::Named(_) => Name::of("Cluster", "", &self.cluster),
        };
        Ok(Asked { names, target, namespaces: Some(namespaces) })
    }

    /// The kinds that are looked into where none are named, as far as they are served.
    async fn usual_kinds(&self, filter: &Filter) -> Result<Vec<String>, Status> {
        self.caches.catalog().loaded().await.map_err(|problem| super::error::unknown_kinds(&problem))?;
        let of_cluster = OF_CLUSTER.iter().filter(|_| filter.all_namespaces && filter.label_selector.is_empty());
        let known = KINDS.iter().chain(of_cluster).filter_map(|id| {
            let name = Name::of(id, "", "");
            self.caches.catalog().find_exactly((&name.group, &name.kind))
        });
        Ok(known.map(|kind| kind.to_string()).collect())
    }

    /// Objects of a selection that may be wrong: what belongs to another is told with that.
    fn suspects(&self, selection: &Selection, is_any_kind: bool) -> Vec<(usize, Key, Arc<Record>)> {
        let mut suspects = Vec::new();
        for (place, cache) in selection.caches.iter().enumerate() {
            let snapshot = Snapshot::take([&**cache], &self.log);
            // Their states do not say all that can be wrong with them.
            let says_little = ["Service", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget"];
            let is_telling = !says_little.contains(&&*cache.kind().kind);
            let is_suspect = |record: &Record| {
                let is_others = record.owners.iter().any(|it| it.controller && OWNERS.contains(&&*it.kind));
                let is_well = record.judgement.state == State::Ready && is_telling;
                !(is_well || (is_others && is_any_kind))
            };
            let selected = snapshot.objects(0, None).filter(|(_, record)| {
                selection.may_select(cache.id(), record, snapshot.revision) && is_suspect(record)
            });
            suspects.extend(selected.take(OF_A_KIND).map(|(key, record)| (place, key.clone(), Arc::clone(record))));
        }
        suspects
    }
}

/// What is in the targets' namespaces.
async fn around(gathering: &mut Gathering<'_>, asked: &Asked) {
    if asked.namespaces.as_ref().is_some_and(BTreeSet::is_empty) {
        return;
    }
    gathering.take(kinds::POD, &asked.namespaces, OF_A_KIND, |_| true).await;
    for id in AROUND {
        gathering.take(id, &asked.namespaces, OF_A_KIND, |_| true).await;
    }
    let budgets = [kinds::BUDGET, kinds::INGRESS];
    for id in budgets.into_iter().filter(|id| asked.names.iter().any(|name| name.id() == **id)) {
        gathering.take(id, &asked.namespaces, OF_A_KIND, |_| true).await;
    }
    if diagnose::configures(&gathering.observation) {
        for id in [kinds::SECRET, kinds::CONFIG_MAP] {
            gathering.take(id, &asked.namespaces, OF_A_KIND, |_| true).await;
        }
    }
}

/// What the cluster has, and pods need.
async fn needs(gathering: &mut Gathering<'_>, asked: &Asked) {
    gathering.take(kinds::NODE, &None, NODES, |_| true).await;
    gathering.take(kinds::STORAGE_CLASS, &None, OF_A_KIND, |_| true).await;
    let claims = gathering.observation.all(kinds::CLAIM).filter_map(volume).collect::<BTreeSet<_>>();
    if diagnose::is_crowded(&gathering.observation) && !claims.is_empty() {
        gathering.take_some(kinds::VOLUME, &None, OF_A_KIND, |record| claims.contains(&*record.key.name)).await;
    }
    let system: Namespaces = Some(["kube-system".into()].into());
    if asked.namespaces != system {
        let is_of_the_network = |record: &Record| record.label("k8s-app").is_some();
        gathering.take_some(kinds::POD, &system, OF_A_KIND, is_of_the_network).await;
    }
}

/// The volume of a claim.
fn volume(claim: &diagnose::Object) -> Option<String> {
    claim.value.pointer("/spec/volumeName").and_then(serde_json::Value::as_str).map(str::to_owned)
}
