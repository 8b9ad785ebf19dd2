//! Subscribers, and when each of them had an event.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kube::{Client, Config};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::cluster::{Cluster, NAME, NAMESPACE};
use crate::grpc;
use crate::process::PATIENCE;
use crate::raw::{self, RawWatch};

/// Connections that are opened at a time.
const AT_ONCE: usize = 16;

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a watch of the API server.
    Raw = 0,
    /// By the daemon.
    Daemon = 1,
}

/// Which way an event of a resourceVersion came, and when.
type Arrival = (Way, u64, Instant);

/// One thread for the readers of each way, so that neither waits for the
/// other's.
pub(super) struct Threads([Runtime; 2]);

impl Threads {
    pub(super) fn new() -> Result<Self> {
        let one = || Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Ok(Self([one()?, one()?]))
    }

    /// Lets them end; they are not waited for.
    pub(super) fn end(self) {
        self.0.into_iter().for_each(Runtime::shutdown_background);
    }

    fn of(&self, way: Way) -> &Handle {
        self.0[way as usize].handle()
    }
}

/// Open subscriptions, each with a task that reads it. They end with this.
pub(super) struct Readers {
    counts: [usize; 2],
    arrived: UnboundedReceiver<Arrival>,
    /// How many have a version, and when the newest of them had it, by way.
    seen: HashMap<u64, [(usize, Option<Instant>); 2]>,
    tasks: JoinSet<Result<()>>,
}

impl Readers {
    pub(super) async fn open(cluster: &Cluster, threads: &Threads, raw: usize, daemon: usize) -> Result<Self> {
        let version = cluster.version().await?;
        let path = format!(
            "/api/v1/namespaces/{NAMESPACE}/pods?watch=true&fieldSelector=metadata.name%3D{NAME}\
             &resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=3600"
        );
        // Connections belong to the thread that opens them.
        let watches = threads.of(Way::Raw).spawn(open_raw(cluster.config.clone(), path, raw)).await??;
        let socket = cluster.daemon().socket().to_owned();
        let streams = threads.of(Way::Daemon).spawn(open_daemon(socket, daemon)).await??;
        let (arrivals, arrived) = unbounded_channel();
        let mut tasks = JoinSet::new();
        for watch in watches {
            tasks.spawn_on(read_raw(watch, arrivals.clone()), threads.of(Way::Raw));
        }
        for stream in streams {
            tasks.spawn_on(read_daemon(stream, arrivals.clone()), threads.of(Way::Daemon));
        }
        Ok(Self { counts: [raw, daemon], arrived, seen: HashMap::new(), tasks })
    }

    /// Waits until all that came that way have a version, and returns when the
    /// last of them had it; `None` if nobody subscribes that way.
    pub(super) async fn all_have(&mut self, version: u64, way: Way) -> Result<Option<Instant>> {
        let wanted = self.counts[way as usize];
        loop {
            let (count, last) = self.seen.get(&version).map_or((0, None), |seen| seen[way as usize]);
            if count == wanted {
                return Ok(last);
            }
            let arrival = tokio::select! {
                arrival = self.arrived.recv() => arrival.context("every subscription has ended")?,
                Some(ended) = self.tasks.join_next() => return ended?.and(Ok(None)),
                () = tokio::time::sleep(PATIENCE) => bail!("only {count} of {wanted} have version {version} ({way:?})"),
            };
            let (way, version, at) = arrival;
            let (count, last) = &mut self.seen.entry(version).or_default()[way as usize];
            *count += 1;
            *last = (*last).max(Some(at));
        }
    }
}

async fn open_raw(config: Config, path: String, count: usize) -> Result<Vec<RawWatch>> {
    let open = |_| async {
        // A client of its own has a connection of its own.
        RawWatch::open(Client::try_from(config.clone())?, &path).await
    };
    stream::iter(0..count).map(open).buffer_unordered(AT_ONCE).try_collect().await
}

async fn open_daemon(socket: PathBuf, count: usize) -> Result<Vec<grpc::Stream>> {
    let open = |_| async {
        let request = grpc::named_pods([(NAMESPACE.to_owned(), NAME.to_owned())]);
        let mut stream = grpc::watch(grpc::connect(&socket).await?, request).await?;
        grpc::until_current(&mut stream).await?;
        anyhow::Ok(stream)
    };
    stream::iter(0..count).map(open).buffer_unordered(AT_ONCE).try_collect().await
}

async fn read_raw(mut watch: RawWatch, arrivals: UnboundedSender<Arrival>) -> Result<()> {
    loop {
        let event = watch.next().await?;
        let at = Instant::now();
        if let Some(version) = raw::version(&event) {
            arrivals.send((Way::Raw, version, at))?;
        }
    }
}

async fn read_daemon(mut stream: grpc::Stream, arrivals: UnboundedSender<Arrival>) -> Result<()> {
    loop {
        let message = grpc::next(&mut stream).await?;
        let at = Instant::now();
        for status in grpc::changed(message)? {
            arrivals.send((Way::Daemon, status.resource_version.parse()?, at))?;
        }
    }
}
