//! A tree that is told again whenever it is another one.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::{Freshness, State, Status as WireStatus, TreeNode, WatchTreeResponse};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, Stream};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{Ground, Root};
use crate::access::Caller;
use crate::cache::Cache;
use crate::record::Record;
use crate::rpc::Served;
use crate::rpc::convert::View;
use crate::rpc::error::draining;
use crate::rpc::rights::{Sight, Use};
use crate::rpc::streams::Permit;
use crate::subscription::{Feed, Interruption, Scope, Selection};
use crate::tree::Tree;

type Message = Result<Encoded<WatchTreeResponse>, Status>;

/// A tree that is followed.
pub(super) struct Growing {
    served: Arc<Served>,
    root: Root,
    /// Its newest version, also when it is gone.
    known: Option<Arc<Record>>,
    ground: Ground,
    interval: Duration,
    /// Tells when something may be otherwise.
    feed: Feed,
    /// What was told last.
    told: Option<Vec<TreeNode>>,
    last: Option<Instant>,
    /// Resolves when the root may no longer be seen.
    blinded: BoxFuture<'static, Status>,
    /// Resolves when other objects below it may be seen.
    other_sight: BoxFuture<'static, Result<Sight, Status>>,
    caller: Caller,
    ended: bool,
    _permit: Permit,
}

impl Growing {
    pub(super) fn new(
        served: Arc<Served>,
        caller: Caller,
        (root, sight): (Root, Sight),
        ground: Ground,
        interval: Duration,
        permit: Permit,
    ) -> Self {
        let feed = feed(&served, &root, &ground);
        let blinded = blinded(&served, &caller, root.selection(), sight);
        let other_sight = other_sight(&served, &caller, &ground);
        Self {
            served,
            root,
            known: None,
            ground,
            interval,
            feed,
            told: None,
            last: None,
            blinded,
            other_sight,
            caller,
            ended: false,
            _permit: permit,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Message> {
        stream::unfold(Box::new(self), |mut growing| async move {
            if growing.ended {
                return None;
            }
            let message = growing.next().await;
            growing.ended = message.is_err();
            Some((message, growing))
        })
    }

    async fn next(&mut self) -> Message {
        loop {
            if self.told.is_some() {
                self.change().await?;
            }
            self.last = Some(Instant::now());
            let (nodes, omitted) = self.grow()?;
            if self.told.as_ref() != Some(&nodes) {
                self.told = Some(nodes.clone());
                let unreachable = self.ground.unreachable.iter().chain(&self.ground.sight.refused).cloned().collect();
                let omitted = i32::try_from(omitted).unwrap_or(i32::MAX);
                let freshness = Some(self.freshness());
                return Ok(Encoded::new(&WatchTreeResponse { nodes, omitted, unreachable, freshness }));
            }
        }
    }

    /// Returns when the tree may be another one, and the last was told long enough ago.
    async fn change(&mut self) -> Result<(), Status> {
        let drain = self.served.drain.clone();
        tokio::select! {
            biased;
            () = drain.cancelled() => return Err(draining()),
            error = &mut self.blinded => return Err(error),
            sight = &mut self.other_sight => return self.see(sight),
            // What changed is looked up; a log that has moved on is as good a sign.
            changed = self.feed.next() => if matches!(changed, Err(Interruption::Expired)) {
                self.feed.skip_to(self.served.log.head());
            },
        }
        if let Some(last) = self.last {
            // However long that is, who may no longer see it is told so.
            tokio::select! {
                biased;
                () = drain.cancelled() => return Err(draining()),
                error = &mut self.blinded => return Err(error),
                () = tokio::time::sleep_until(last + self.interval) => {}
            }
        }
        // The rest of what was read is in the tree, too.
        while self.feed.pop().is_some() {}
        Ok(())
    }

    /// Something else may be seen below.
    fn see(&mut self, sight: Result<Sight, Status>) -> Result<(), Status> {
        self.ground.sight = match sight {
            Ok(sight) => sight,
            Err(denied) if denied.code() == Code::PermissionDenied => Sight::nothing(&self.ground.selection, &denied),
            Err(error) => return Err(error),
        };
        self.other_sight = other_sight(&self.served, &self.caller, &self.ground);
        Ok(())
    }

    /// The tree as it is now.
    fn grow(&mut self) -> Result<(Vec<TreeNode>, usize), Status> {
        let root = self.root.cache.get(&self.root.key);
        let is_there = root.is_some();
        self.known = root.or_else(|| self.known.take());
        let Some(record) = &self.known else { return Ok((Vec::new(), 0)) };
        let mut first = self.served.status(self.root.cache.kind(), record, View::Basic)?;
        if !is_there {
            first = deleted(first);
        }
        let selection = &self.ground.selection;
        let visible = &self.ground.sight.visible;
        let may = |cache: usize, record: &Record| {
            visible.get(cache).is_none_or(|visible| visible.has(&record.key.namespace)) && selection.may_list(record)
        };
        let tree = Tree::below(&record.uid, &selection.caches, may);
        let mut nodes = vec![TreeNode { status: Some(first), depth: 0 }];
        for node in &tree.nodes {
            let status = self.served.status(selection.caches[node.cache].kind(), &node.record, View::Basic)?;
            nodes.push(TreeNode { status: Some(status), depth: i32::try_from(node.depth).unwrap_or(i32::MAX) });
        }
        Ok((nodes, tree.omitted))
    }

    fn freshness(&self) -> Freshness {
        let below = self.ground.selection.caches.iter();
        self.served.freshness([&self.root.cache].into_iter().chain(below).map(|cache| -> &Cache { cache }))
    }
}

fn deleted(status: WireStatus) -> WireStatus {
    WireStatus {
        state: State::Absent.into(),
        reason: "Deleted".into(),
        message: "the object was deleted".into(),
        progress: None,
        ..status
    }
}

/// Whatever happens where the tree grows.
fn feed(served: &Arc<Served>, root: &Root, ground: &Ground) -> Feed {
    let mut caches = ground.selection.caches.clone();
    if caches.iter().all(|cache| cache.id() != root.cache.id()) {
        caches.push(root.cache.clone());
    }
    let scope = match &ground.selection.scope {
        Scope::Namespaces(namespaces) => Scope::Namespaces(namespaces.clone()),
        Scope::All | Scope::Named(_) => Scope::All,
    };
    let after = served.log.head();
    Feed::new(served.groups.join(&served.log, Selection::of(caches, scope)), after)
}

/// Resolves when the root may no longer be seen.
fn blinded(served: &Arc<Served>, caller: &Caller, root: Selection, sight: Sight) -> BoxFuture<'static, Status> {
    if !matches!(caller, Caller::User(_)) {
        return std::future::pending().boxed();
    }
    let (served, caller) = (Arc::clone(served), caller.clone());
    let mut sight = sight;
    let blinded = async move {
        loop {
            match served.other_sight(&caller, &root, (Use::Follow, View::Basic), &sight).await {
                Ok(other) => sight = other,
                Err(error) => return error,
            }
        }
    };
    blinded.boxed()
}

/// Resolves when other objects below it may be seen.
fn other_sight(served: &Arc<Served>, caller: &Caller, ground: &Ground) -> BoxFuture<'static, Result<Sight, Status>> {
    if !matches!(caller, Caller::User(_)) || ground.selection.caches.is_empty() {
        return std::future::pending().boxed();
    }
    let (served, caller) = (Arc::clone(served), caller.clone());
    let (of, sight) = (ground.selection.seeing(Vec::new()), ground.sight.clone());
    async move { served.other_sight(&caller, &of, (Use::Follow, View::Basic), &sight).await }.boxed()
}
