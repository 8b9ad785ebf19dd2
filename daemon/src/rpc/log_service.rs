//! `LogService`: the logs of pods.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use daymark_proto::Encoded;
use daymark_proto::v1::log_service_server::LogService;
use daymark_proto::v1::{Filter, StreamLogsRequest, StreamLogsResponse};
use futures::future::join_all;
use futures::stream::BoxStream;
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::convert::View;
use super::error::{Reason, draining, status, unreadable};
use super::log_stream::{LogStream, Order, stopped};
use super::rights::Use;
use super::status_service::not_found;
use super::watch::Eyes;
use crate::logs::below::Below;
use crate::logs::mark::Mark;
use crate::logs::pod::Choice;
use crate::logs::session::{Session, Tools};
use crate::logs::{Event, Failure, NoticeKind, Wanted};
use crate::record::Uid;
use crate::source::Truth;
use crate::subscription::{Scope, Selection};

/// Positions of an earlier stream that a request may hold.
const MOST_POSITIONS: usize = 1000;
/// Containers that a request may name.
const MOST_CONTAINERS: usize = 100;
/// How long it may take until a cache holds an object that is there.
const CATCHING_UP: Duration = Duration::from_secs(5);

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

#[tonic::async_trait]
impl LogService for Handler {
    type StreamLogsStream = BoxStream<'static, Result<Encoded<StreamLogsResponse>, Status>>;

    async fn stream_logs(
        &self,
        request: Request<StreamLogsRequest>,
    ) -> Result<Response<Self::StreamLogsStream>, Status> {
        let caller = caller(&request)?;
        let mut request = request.into_inner();
        let served = &self.served;
        let permit = served.streams.begin(&caller)?;
        let filter = request.filter.take().unwrap_or_default();
        check(&filter)?;
        let wanted = served.wanted_logs(request)?;
        if served.source.is_replay() {
            let message = "a recording is replayed, which has no logs: ask a daemon that watches the cluster";
            return Err(status(Code::InvalidArgument, Reason::NoLogs, message, []));
        }
        let selection = served.select_for(&caller, &filter).await?;
        let r#use = if wanted.follow { Use::Follow } else { Use::Read };
        let (sight, unreachable) = served.seen(&caller, &selection, r#use, View::Basic).await?;
        let absent = served.absent_targets(&selection).await?;
        let below = served.below(&selection).await?;
        let tools = served.log_tools();
        let selection = sight.narrow(selection);
        let targets = selection.seeing(selection.visible.clone());
        let mut session = Session::new(tools, caller.clone(), wanted, targets, below);
        let unread = unreachable.into_iter().map(|it| (Failure::Unreachable, it.message));
        let refused = sight.refused.iter().map(|it| (Failure::Denied, it.message.clone()));
        let absent = absent.into_iter().map(|it| (Failure::NoObject, it));
        for (failure, message) in unread.chain(refused).chain(absent) {
            session.tell(Event::notice(NoticeKind::Failed(failure), 0, message));
        }
        session.begin().await.map_err(stopped)?;
        let eyes = Eyes { caller, sight };
        let order = Order { session, selection: Arc::new(selection), eyes, r#use };
        Ok(Response::new(LogStream::new(Arc::clone(served), order, permit).into_stream()))
    }
}

impl Served {
    fn log_tools(&self) -> Tools {
        Tools {
            log: Arc::clone(&self.log),
            source: self.source.clone(),
            authorizer: Arc::clone(&self.authorizer),
            shares: Arc::clone(&self.shares),
            clock: self.clock.clone(),
            places: Arc::clone(&self.log_places),
        }
    }

    /// What is needed to find the pods below the objects, once it can be read.
    pub(super) async fn below(&self, selection: &Selection) -> Result<Below, Status> {
        let below = Below::open(&self.caches, &selection.caches).await;
        let below = below.map_err(|_| draining())?.ok_or_else(|| invalid("the cluster serves no pods"))?;
        let needed: Vec<_> = below.needed().map(|cache| cache.id()).collect();
        let listed = join_all(below.all().map(|cache| self.listed(cache))).await;
        for (cache, listed) in below.all().zip(listed) {
            match listed? {
                Err(problem) if needed.contains(&cache.id()) => return Err(unreadable(cache.kind(), &problem)),
                _ => {}
            }
        }
        Ok(below)
    }

    /// Of objects that are named, those that there are not, in a sentence each. It is an error if
    /// none is there.
    pub(super) async fn absent_targets(&self, selection: &Selection) -> Result<Vec<String>, Status> {
        let Scope::Named(named) = &selection.scope else { return Ok(Vec::new()) };
        let (mut absent, mut error) = (Vec::new(), None);
        for named in named {
            let cache = &selection.caches[named.cache];
            let there = || cache.get(&named.key).is_some_and(|record| named.means(&record, self.log.head()));
            if there() {
                continue;
            }
            // It may be newer than what the cache has heard of.
            if let Ok(Truth::Seen(version)) = self.source.read(cache.kind(), &named.key).await {
                let _in_time = tokio::time::timeout(CATCHING_UP, cache.reaches(version)).await;
            }
            if !there() {
                let missing = not_found(cache, &named.key);
                absent.push(missing.message().to_owned());
                error = Some(missing);
            }
        }
        match error {
            Some(error) if absent.len() == named.len() => Err(error),
            _ => Ok(absent),
        }
    }

    /// What of logs a request wants, if that makes sense.
    fn wanted_logs(&self, request: StreamLogsRequest) -> Result<Wanted, Status> {
        let StreamLogsRequest {
            containers, all_containers, follow, previous, since, since_time, tail_lines, told, ..
        } = request;
        let containers = match (containers.len(), all_containers) {
            (0, false) => Choice::Default,
            (0, true) => Choice::All,
            (_, true) => return Err(invalid("all_containers excludes containers")),
            (1..=MOST_CONTAINERS, false) => Choice::Named(containers),
            (more, false) => return Err(invalid(format!("{more} containers are more than {MOST_CONTAINERS}"))),
        };
        if previous && follow {
            return Err(invalid("previous excludes follow: a run before the last restart has ended"));
        }
        let since = match (since, since_time) {
            (Some(_), Some(_)) => return Err(invalid("since_time excludes since")),
            (Some(since), None) => {
                let since = Duration::try_from(since).map_err(|_| invalid("since is negative"))?;
                // What is longer ago than there is time takes in everything.
                jiff::SignedDuration::try_from(since).ok().and_then(|since| self.clock.now().checked_sub(since).ok())
            }
            (None, Some(time)) => Some(time_of(time).ok_or_else(|| invalid("since_time is no time"))?),
            (None, None) => None,
        };
        let tail = tail_lines.map(u64::try_from).transpose().map_err(|_| invalid("tail_lines is negative"))?;
        if told.len() > MOST_POSITIONS {
            return Err(invalid(format!("{} positions are more than {MOST_POSITIONS}", told.len())));
        }
        let mut marks = HashMap::new();
        for position in told {
            let lines = u64::try_from(position.lines).map_err(|_| invalid("the lines of a position are negative"))?;
            let time = position.time.map(|time| time_of(time).ok_or_else(|| invalid("a position's time is none")));
            let mark = time.transpose()?.map(|time| Mark { time, lines });
            marks.insert((Uid::from(position.pod_uid.as_str()), position.container), mark);
        }
        Ok(Wanted { containers, follow, previous, since, tail, told: marks })
    }
}

/// Pods are found below what is named, or has labels.
fn check(filter: &Filter) -> Result<(), Status> {
    if !filter.states.is_empty() || !filter.cel.is_empty() || !filter.field_selector.is_empty() {
        let message = "a filter for logs takes refs, or kinds, namespaces and a label selector";
        return Err(status(Code::InvalidArgument, Reason::InvalidFilter, message, []));
    }
    Ok(())
}

fn time_of(time: prost_types::Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::new(time.seconds, time.nanos).ok()
}

fn invalid(message: impl Into<String>) -> Status {
    let message = format!("invalid request for logs: {}", message.into());
    status(Code::InvalidArgument, Reason::InvalidLogRequest, message, [])
}
