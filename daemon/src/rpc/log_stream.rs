//! `StreamLogs`: what a session of logs tells, as messages.

use std::sync::Arc;

use daymark_proto::Encoded;
use daymark_proto::v1::log_event::Event as Told;
use daymark_proto::v1::{
    LogEnd, LogEvent, LogLine, LogNotice, LogNoticeKind, LogSource, ObjectRef, StreamLogsResponse,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::{Code, Status};

use super::Served;
use super::convert::{View, timestamp};
use super::error::{Reason, cache_closed, draining, status, unreviewed};
use super::rights::{Sight, Use};
use super::streams::Permit;
use super::watch::Eyes;
use crate::access::Caller;
use crate::logs::session::{Session, Stopped};
use crate::logs::{Event, Failure, Notice, NoticeKind, Origin};
use crate::subscription::Selection;

/// About how many bytes of events a message has.
const MESSAGE: usize = 64 << 10;

type Message = Result<Encoded<StreamLogsResponse>, Status>;

/// What a stream is to be.
pub(super) struct Order {
    pub(super) session: Session,
    pub(super) selection: Arc<Selection>,
    pub(super) eyes: Eyes,
    /// What is done with the objects that are selected.
    pub(super) r#use: Use,
}

/// One stream.
pub(super) struct LogStream {
    served: Arc<Served>,
    session: Session,
    caller: Caller,
    /// Resolves when its reader may see otherwise.
    other_sight: BoxFuture<'static, Result<Sight, Status>>,
    ended: bool,
    _permit: Permit,
}

impl LogStream {
    pub(super) fn new(served: Arc<Served>, order: Order, permit: Permit) -> Self {
        let Order { session, selection, eyes, r#use } = order;
        let other_sight = eyes.open_for(&served, &selection, (r#use, View::Basic));
        Self { served, session, caller: eyes.caller, other_sight, ended: false, _permit: permit }
    }

    pub(super) fn into_stream(self) -> BoxStream<'static, Message> {
        stream::unfold(self, |mut logs| async move { logs.next().await.map(|message| (message, logs)) }).boxed()
    }

    async fn next(&mut self) -> Option<Message> {
        if self.ended {
            return None;
        }
        let message = self.message().await.transpose();
        self.ended |= !matches!(message, Some(Ok(_)));
        message
    }

    async fn message(&mut self) -> Result<Option<Encoded<StreamLogsResponse>>, Status> {
        let drain = self.served.drain.clone();
        let first = tokio::select! {
            biased;
            () = drain.cancelled() => return Err(draining()),
            sight = &mut self.other_sight => return Err(sight.map_or_else(|error| error, |_| rights_changed())),
            event = self.session.next() => event,
        };
        let Some(first) = first.map_err(|why| self.stopped(why))? else { return Ok(None) };
        let mut size = first.size();
        let mut events = vec![self.told(first)];
        // What is there already goes with it; an error comes again.
        while size < MESSAGE
            && let Some(Ok(Some(event))) = self.session.next().now_or_never()
        {
            size += event.size();
            events.push(self.told(event));
        }
        Ok(Some(Encoded::new(&StreamLogsResponse { events })))
    }

    fn stopped(&self, why: Stopped) -> Status {
        let error = stopped(why);
        if error.code() == Code::PermissionDenied {
            let (caller, why) = (self.caller.to_string(), error.message());
            tracing::warn!(target: "daymark::audit", caller, why, "audit: withdrawn");
        }
        error
    }

    fn told(&self, event: Event) -> LogEvent {
        let event = match event {
            Event::Origin(origin) => Told::Source(self.source(origin)),
            Event::Line { origin, line } => {
                let time = line.time.map(timestamp);
                Told::Line(LogLine { source: origin, time, text: line.text, cut: line.cut })
            }
            Event::Notice(notice) => Told::Notice(told_notice(notice)),
            Event::End => Told::End(LogEnd {}),
        };
        LogEvent { event: Some(event) }
    }

    fn source(&self, origin: Origin) -> LogSource {
        let Origin { number, pod, uid, container, joined } = origin;
        let pod = ObjectRef {
            cluster: self.served.cluster.clone(),
            resource: "pods".to_owned(),
            namespace: pod.namespace.to_string(),
            name: pod.name.to_string(),
            uid: uid.to_string(),
            ..ObjectRef::default()
        };
        LogSource { number, pod: Some(pod), container, joined }
    }
}

fn told_notice(notice: Notice) -> LogNotice {
    let Notice { kind, origin, message } = notice;
    let (kind, reason) = match kind {
        NoticeKind::NoPods => (LogNoticeKind::NoPods, ""),
        NoticeKind::Defaulted => (LogNoticeKind::Defaulted, ""),
        NoticeKind::Waiting => (LogNoticeKind::Waiting, ""),
        NoticeKind::Joined => (LogNoticeKind::Joined, ""),
        NoticeKind::Restarted => (LogNoticeKind::Restarted, ""),
        NoticeKind::Ended => (LogNoticeKind::Ended, ""),
        NoticeKind::Broken => (LogNoticeKind::Broken, ""),
        NoticeKind::Missing => (LogNoticeKind::Missing, ""),
        NoticeKind::NotRead => (LogNoticeKind::NotRead, ""),
        NoticeKind::Failed(failure) => (LogNoticeKind::Failed, reason(failure)),
    };
    LogNotice { kind: kind.into(), source: origin, message, reason: reason.to_owned() }
}

fn reason(failure: Failure) -> &'static str {
    match failure {
        Failure::Denied => Reason::PermissionDenied.as_str(),
        Failure::Forbidden => Reason::KindForbidden.as_str(),
        Failure::NoLog => "LOG_NOT_FOUND",
        Failure::NoObject => Reason::ObjectNotFound.as_str(),
        Failure::Unreachable => Reason::ClusterUnreachable.as_str(),
    }
}

/// Who comes again goes on with what may be seen by then.
fn rights_changed() -> Status {
    status(Code::Aborted, Reason::RightsChanged, "what you may see has changed: ask again", [])
}

pub(super) fn stopped(stopped: Stopped) -> Status {
    match stopped {
        Stopped::Denied(why) => status(Code::PermissionDenied, Reason::PermissionDenied, why, []),
        Stopped::Unreviewed(problem) => unreviewed(&problem),
        Stopped::Closed(kind) => cache_closed(&kind),
    }
}
