//! `SnapshotService`: all that a caller may see, as files.

use std::sync::Arc;

use daymark_proto::Encoded;
use daymark_proto::v1::snapshot_service_server::SnapshotService;
use daymark_proto::v1::{DumpRequest, DumpResponse};
use futures::future::FutureExt as _;
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::{Code, Request, Response, Status};

use super::Served;
use super::auth::caller;
use super::error::{Reason, come_again, draining, shared_out, status, unreviewed};
use super::snapshot_convert::told;
use crate::access::Caller;
use crate::dump::outlet::Outlet;
use crate::dump::session::{Stopped, Tools, dump};
use crate::dump::{LogBounds, Wanted};

/// Dumps that are made at a time.
pub(super) const MOST: usize = 8;
/// Namespaces that a request may name.
const MOST_NAMESPACES: usize = 1000;
/// Kinds that its sender may have.
const MOST_KINDS: usize = 10_000;
/// What of a log may be asked for at most: lines, and bytes.
const MOST_OF_A_LOG: (i64, i64) = (100_000_000, 1 << 30);
/// What `kubectl cluster-info dump` takes in besides the namespace of who asks.
const OF_THE_SYSTEM: &str = "kube-system";

type Message = Result<Encoded<DumpResponse>, Status>;

pub(super) struct Handler {
    served: Arc<Served>,
}

impl Handler {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { served }
    }
}

#[tonic::async_trait]
impl SnapshotService for Handler {
    type DumpStream = BoxStream<'static, Message>;

    async fn dump(&self, request: Request<DumpRequest>) -> Result<Response<Self::DumpStream>, Status> {
        let caller = caller(&request)?;
        let served = &self.served;
        let permit = served.streams.begin(&caller)?;
        let wanted = served.wanted_dump(request.into_inner())?;
        if served.source.is_replay() {
            let message = "a recording is replayed, and there is no API server to read a dump from";
            return Err(status(Code::FailedPrecondition, Reason::NoApiServer, message, []));
        }
        let of_its_caller = served.shares.dump(&caller).map_err(|exceeded| shared_out(&exceeded))?;
        let place = Arc::clone(&served.dump_places).try_acquire_owned().map_err(|_| {
            come_again(Reason::TooManyStreams, format!("{MOST} dumps are being made, and no more are: try again later"))
        })?;
        // What its maker has is held for as long as the stream is.
        let held = (permit, of_its_caller, place);
        let messages = served.dump(caller, wanted).map(move |message| {
            let _held = &held;
            message
        });
        Ok(Response::new(messages.boxed()))
    }
}

impl Served {
    /// What a dump tells. It is made by whoever reads it: nothing is read ahead.
    fn dump(self: &Arc<Self>, caller: Caller, wanted: Wanted) -> BoxStream<'static, Message> {
        let tools = Tools {
            source: self.source.clone(),
            authorizer: Arc::clone(&self.authorizer),
            redaction: Arc::clone(&self.redaction),
            clock: self.clock.clone(),
            log_places: Arc::clone(&self.log_places),
        };
        let namespaces = wanted.namespaces.clone().unwrap_or_default();
        let (outlet, events) = Outlet::new();
        let drain = self.drain.clone();
        let making = async move {
            let made = tokio::select! {
                biased;
                () = drain.cancelled() => Err(Stopped::Ending),
                made = dump(tools, caller, wanted, &outlet) => made,
            };
            if let Err(why) = made {
                outlet.fail(why).await;
            }
        }
        .boxed();
        let served = Arc::clone(self);
        let events = stream::unfold(events, |mut events| async { events.recv().await.map(|event| (event, events)) });
        let told = events.map(move |event| match event {
            Ok(event) => Ok(Encoded::new(&told(&served, &namespaces, event))),
            Err(why) => Err(stopped(&why)),
        });
        let nothing: BoxStream<'static, Message> =
            making.into_stream().filter_map(|()| std::future::ready(None)).boxed();
        stream::select(told.boxed(), nothing).boxed()
    }

    fn wanted_dump(&self, request: DumpRequest) -> Result<Wanted, Status> {
        let DumpRequest { cluster, all_namespaces, namespaces, without_logs, log_lines, log_bytes, have, mark } =
            request;
        self.check_cluster(&cluster)?;
        if all_namespaces && !namespaces.is_empty() {
            return Err(invalid("all_namespaces excludes namespaces"));
        }
        if namespaces.len() > MOST_NAMESPACES {
            return Err(invalid(format!("{} namespaces are more than {MOST_NAMESPACES}", namespaces.len())));
        }
        if have.len() > MOST_KINDS {
            return Err(invalid(format!("{} kinds are more than {MOST_KINDS}", have.len())));
        }
        let bound = |what: &str, value: i64, most: i64, default: u64| match value {
            0 => Ok(default),
            value if (1..=most).contains(&value) => Ok(value.unsigned_abs()),
            value => Err(invalid(format!("{what} is {value}, and may be from 1 to {most}"))),
        };
        let default = LogBounds::default();
        let lines = bound("log_lines", log_lines, MOST_OF_A_LOG.0, default.lines)?;
        let bytes = bound("log_bytes", log_bytes, MOST_OF_A_LOG.1, default.bytes)?;
        let namespaces = self.namespaces_to_dump(all_namespaces, namespaces)?;
        let logs = (!without_logs).then_some(LogBounds { lines, bytes });
        Ok(Wanted { namespaces, logs, have: have.into_iter().collect(), mark })
    }

    /// The namespaces that are meant; `None` for all.
    fn namespaces_to_dump(&self, all: bool, named: Vec<String>) -> Result<Option<Vec<Arc<str>>>, Status> {
        let followed = &self.caches.policy().namespaces;
        let mut namespaces = match (all, named.is_empty()) {
            (true, _) if followed.is_empty() => return Ok(None),
            (true, _) => followed.clone(),
            (false, true) => {
                let of_the_system = (followed.is_empty() || followed.iter().any(|it| it == OF_THE_SYSTEM))
                    .then(|| OF_THE_SYSTEM.to_owned());
                of_the_system.into_iter().chain([self.default_namespace.clone()]).collect()
            }
            (false, false) => named,
        };
        namespaces.sort_unstable();
        namespaces.dedup();
        if let Some(bad) = namespaces.iter().find(|it| it.is_empty() || it.contains(['/', '%', '.'])) {
            return Err(invalid(format!("{bad:?} is no namespace")));
        }
        if let Some(other) = namespaces.iter().find(|it| !followed.is_empty() && !followed.contains(it)) {
            return Err(self.not_served(other));
        }
        Ok(Some(namespaces.into_iter().map(Into::into).collect()))
    }
}

fn stopped(why: &Stopped) -> Status {
    match why {
        Stopped::Unreachable(problem) => {
            let message = format!("the cluster cannot be read: {}", problem.message);
            let metadata = [("problem", problem.reason.to_string())];
            status(Code::Unavailable, Reason::ClusterUnreachable, message, metadata)
        }
        Stopped::Unreviewed(problem) => unreviewed(problem),
        // Who does not read it is not told, either.
        Stopped::Closed(_) | Stopped::Ending => draining(),
    }
}

fn invalid(message: impl Into<String>) -> Status {
    let message = format!("invalid request for a dump: {}", message.into());
    status(Code::InvalidArgument, Reason::InvalidDump, message, [])
}
