//! Deliveries per second of one core, when more is to be told than can be.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clap::Args;
use daymark_proto::v1::WatchStatusesResponse;
use prost::Message as _;
use tokio::task::JoinSet;

use super::Common;
use crate::daemon::DaemonBinary;
use crate::fake::FakeApiServer;
use crate::grpc::{self, Stream};
use crate::peer::naive;
use crate::pods::PodSet;
use crate::proc;
use crate::process::PATIENCE;
use crate::report::{Figure, Report};
use crate::stats::median;
use crate::targets::{self, Target};

/// The core of whatever is measured; readers and the API server have the other.
const SERVER_CORE: usize = 0;
const OTHER_CORE: usize = 1;

/// What `backlog` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pods: usize,
    /// Subscribers of all pods, each on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 200)]
    subscribers: usize,
    /// Changes, all at once
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    changes: usize,
    /// Fresh processes of each sort; medians are shown
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
}

/// When subscribers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// As the burst comes.
    AtOnce,
    /// When the server has taken the whole of it.
    Later,
}

/// One burst to the end.
struct Burst {
    /// Messages of changes that subscribers have received.
    deliveries: u64,
    /// The server's CPU time in seconds, and the time that passed.
    cpu: f64,
    wall: f64,
    /// What one subscriber received, undecoded.
    messages: Vec<Bytes>,
}

/// Bursts of one way of reading.
#[derive(Default)]
struct Bursts {
    daemon: Vec<Burst>,
    /// With one subscriber.
    alone: Vec<Burst>,
    peer: Vec<Burst>,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    pin()?;
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let mut bursts = [Bursts::default(), Bursts::default()];
    for _ in 0..options.rounds {
        for (reading, bursts) in [Reading::AtOnce, Reading::Later].into_iter().zip(&mut bursts) {
            bursts.alone.push(daemon(&options, &binary, 0, reading).await?);
            let burst = daemon(&options, &binary, options.subscribers, reading).await?;
            bursts.peer.push(peer(&options, &burst.messages, reading).await?);
            bursts.daemon.push(burst);
        }
    }
    let mut report = Report::new(format!(
        "backlog, {} subscribers, a burst of {} changes of {} pods, the server on one core, medians of {} rounds",
        options.subscribers, options.changes, options.pods, options.rounds
    ));
    tell(&mut report, "read at once", &bursts[0]);
    tell(&mut report, "read later", &bursts[1]);
    let all = (options.subscribers + 1) * options.changes;
    report.note(format!("{all} deliveries would be every change to everybody; only the newest must not be skipped"));
    report.note("read later: nobody but one reads before the server has taken the whole burst");
    report.note("ingest: the CPU time of the same burst with that one subscriber");
    report.note("the naive server is handed what that one got of the daemon: it parses and judges nothing");
    report.print();
    Ok(())
}

fn tell(report: &mut Report, reading: &str, Bursts { daemon, alone, peer }: &Bursts) {
    const NAIVE: &str = "naive broadcast";
    let of = |bursts: &[Burst], value: fn(&Burst) -> f64| median(bursts.iter().map(value));
    let rate = |bursts| Figure(of(bursts, |burst| burst.deliveries as f64 / burst.cpu), "/s");
    report.compare(
        format!("{reading}: deliveries per server CPU second"),
        rate(daemon),
        (NAIVE, rate(peer)),
        Target::Unset,
    );
    let ingest = of(alone, |burst| burst.cpu);
    let told = of(daemon, |burst| burst.deliveries as f64) - of(alone, |burst| burst.deliveries as f64);
    let fanout = told / (of(daemon, |burst| burst.cpu) - ingest);
    report.compare(
        format!("{reading}: the same, less ingest"),
        Figure(fanout, "/s"),
        (NAIVE, rate(peer)),
        targets::BACKLOG,
    );
    let deliveries = |bursts| Figure(of(bursts, |burst| burst.deliveries as f64), "");
    report.compare(format!("{reading}: deliveries"), deliveries(daemon), (NAIVE, deliveries(peer)), Target::Unset);
    let cpu = |bursts| Figure(of(bursts, |burst| burst.cpu), "s");
    report.compare(format!("{reading}: server CPU"), cpu(daemon), (NAIVE, cpu(peer)), Target::Unset);
    let wall = |bursts| Figure(of(bursts, |burst| burst.wall), "s");
    report.compare(format!("{reading}: until all have it"), wall(daemon), (NAIVE, wall(peer)), Target::Unset);
    report.figure(format!("{reading}: server CPU of ingest"), Figure(ingest, "s"), Target::Unset);
}

/// Leaves the server's core to the server: this thread, and those that it makes.
fn pin() -> Result<()> {
    let own = std::process::id().to_string();
    let pinned = std::process::Command::new("taskset").args(["-cp", &OTHER_CORE.to_string(), &own]).output()?;
    ensure!(pinned.status.success(), "taskset: {}", String::from_utf8_lossy(&pinned.stderr));
    Ok(())
}

async fn daemon(options: &Options, binary: &DaemonBinary, subscribers: usize, reading: Reading) -> Result<Burst> {
    let server = FakeApiServer::start(PodSet::new(options.pods, options.common.seed))?;
    let daemon = binary.start(&server.kubeconfig(), &[], Some(SERVER_CORE))?;
    daemon.ready().await?;
    let mut changes: Vec<_> =
        (1..options.changes).map(|change| server.change(1 + change % (options.pods - 1))).collect();
    // It changes only once: nobody can skip it, and everything came before it.
    let last = server.change(0);
    let version = last.version;
    changes.push(last);

    let streams = subscribe(daemon.socket(), subscribers + 1).await?;
    tokio::time::sleep(naive::PAUSE).await;
    let (cpu, began) = (proc::cpu(daemon.pid())?, Instant::now());
    server.publish(changes);
    let burst = read_all(streams, version, daemon.pid(), (cpu, began), reading).await?;
    daemon.end().await?;
    Ok(burst)
}

async fn peer(options: &Options, messages: &[Bytes], reading: Reading) -> Result<Burst> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("messages");
    let mut file = Vec::new();
    for message in messages {
        let WatchStatusesResponse { events, cursor, freshness } = WatchStatusesResponse::decode(message.clone())?;
        for event in events {
            // Each change is a message: nothing is gathered where nothing is shared.
            let message =
                WatchStatusesResponse { events: vec![event], cursor: cursor.clone(), freshness: freshness.clone() };
            file.extend(message.encode_length_delimited_to_vec());
        }
    }
    std::fs::write(&path, file)?;
    let last = messages.last().context("the daemon told nothing")?;
    let last = grpc::changed(last.clone())?.last().context("the last is no change")?;
    let version = last.resource_version.parse()?;

    let process = naive::start(&path, options.subscribers + 1, SERVER_CORE).await?;
    let streams = subscribe(&process.folder().join("naive.sock"), options.subscribers + 1).await?;
    let (cpu, began) = (proc::cpu(process.pid())?, Instant::now() + naive::PAUSE);
    let burst = read_all(streams, version, process.pid(), (cpu, began), reading).await?;
    process.end().await?;
    Ok(burst)
}

async fn subscribe(socket: &Path, subscribers: usize) -> Result<Vec<Stream>> {
    let mut streams = Vec::new();
    for _ in 0..subscribers {
        let mut stream = grpc::watch(grpc::connect(socket).await?, grpc::all_pods()).await?;
        grpc::until_current(&mut stream).await?;
        streams.push(stream);
    }
    Ok(streams)
}

/// Reads every stream up to that version.
async fn read_all(
    streams: Vec<Stream>,
    version: u64,
    pid: u32,
    since: (Duration, Instant),
    reading: Reading,
) -> Result<Burst> {
    let mut streams = streams.into_iter();
    let first = read(streams.next().context("nobody has subscribed")?, version, true);
    let mut readers = JoinSet::new();
    let (mut deliveries, messages, _open) = if reading == Reading::Later {
        let first = tokio::time::timeout(PATIENCE, first).await.context("a burst has no end")??;
        readers.extend(streams.map(|stream| read(stream, version, false)));
        first
    } else {
        readers.extend(streams.map(|stream| read(stream, version, false)));
        tokio::time::timeout(PATIENCE, first).await.context("a burst has no end")??
    };
    while let Some(ended) = tokio::time::timeout(PATIENCE, readers.join_next()).await.context("a burst has no end")? {
        deliveries += ended??.0;
    }
    let cpu = (proc::cpu(pid)? - since.0).as_secs_f64();
    Ok(Burst { deliveries, cpu, wall: since.1.elapsed().as_secs_f64(), messages })
}

/// Counts changes up to that version, and keeps them if they are wanted.
async fn read(mut stream: Stream, version: u64, keep: bool) -> Result<(u64, Vec<Bytes>, Stream)> {
    let (mut count, mut kept) = (0, Vec::new());
    loop {
        let message = grpc::next(&mut stream).await?;
        let mut last = None;
        for status in grpc::changed(message.clone())? {
            count += 1;
            last = status.resource_version.parse().ok();
        }
        if keep && last.is_some() {
            kept.push(message);
        }
        if last == Some(version) {
            return Ok((count, kept, stream));
        }
    }
}
