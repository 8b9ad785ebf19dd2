//! What subscribers that do not read cost those that do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::task::JoinSet;

use super::Common;
use crate::daemon::{Daemon, DaemonBinary};
use crate::fake::FakeApiServer;
use crate::grpc::{self, Stream};
use crate::pods::PodSet;
use crate::process::PATIENCE;
use crate::report::{Figure, Report};
use crate::stats::{median, ms, percentile};
use crate::targets::{self, Target};

/// What `stalled` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pods: usize,
    /// Subscribers that read
    #[arg(long, value_name = "N", default_value_t = 200)]
    healthy: usize,
    /// Subscribers that do not
    #[arg(long, value_name = "N", default_value_t = 20)]
    stalled: usize,
    /// Changes
    #[arg(long, value_name = "N", default_value_t = 500)]
    events: usize,
    /// Changes per second
    #[arg(long, value_name = "N", default_value_t = 50)]
    rate: u32,
    /// Times with and without; medians are shown
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
}

/// When each version was published.
type Published = Arc<Mutex<HashMap<u64, Instant>>>;

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        without.push(round(&options, &binary, 0).await?);
        with.push(round(&options, &binary, options.stalled).await?);
    }
    let mut report = Report::new(format!(
        "stalled, {} subscribers that read and {} that do not, {} changes, {} per second, medians of {} rounds",
        options.healthy, options.stalled, options.events, options.rate, options.rounds
    ));
    for (what, percent, target) in [("p50", 50.0, Target::Unset), ("p99", 99.0, targets::STALLED)] {
        let of = |rounds: &[Vec<f64>]| median(rounds.iter().map(|round| percentile(round.iter().copied(), percent)));
        let ours = Figure(of(&with), "ms");
        report.compare(
            format!("latency of those that read, {what}"),
            ours,
            ("none stalled", Figure(of(&without), "ms")),
            target,
        );
    }
    report.note(
        "from publication at the API server to arrival; of the stalled, half stopped in the snapshot, half after it",
    );
    report.print();
    Ok(())
}

/// Latencies in milliseconds, of every change at every healthy subscriber.
async fn round(options: &Options, binary: &DaemonBinary, stalled: usize) -> Result<Vec<f64>> {
    let server = FakeApiServer::start(PodSet::new(options.pods, options.common.seed))?;
    let daemon = binary.start(&server.kubeconfig(), &[], None)?;
    daemon.ready().await?;
    let stalled = stall(&daemon, stalled).await?;
    let published = Published::default();
    let mut readers = JoinSet::new();
    for _ in 0..options.healthy {
        let mut stream = grpc::watch(daemon.connect().await?, grpc::all_pods()).await?;
        grpc::until_current(&mut stream).await?;
        readers.spawn(read(stream, Arc::clone(&published), options.events));
    }
    let mut pace = tokio::time::interval(Duration::from_secs(1) / options.rate.max(1));
    for event in 0..options.events {
        pace.tick().await;
        let change = server.change(event % options.pods);
        published.lock().unwrap_or_else(PoisonError::into_inner).insert(change.version, Instant::now());
        server.publish([change]);
    }
    let mut latencies = Vec::new();
    while let Some(ended) =
        tokio::time::timeout(PATIENCE, readers.join_next()).await.context("a reader waits in vain")?
    {
        latencies.extend(ended??);
    }
    drop(stalled);
    daemon.end().await?;
    Ok(latencies)
}

/// Subscribers that stop reading.
async fn stall(daemon: &Daemon, count: usize) -> Result<Vec<Stream>> {
    let mut streams = Vec::new();
    for place in 0..count {
        let mut stream = grpc::watch(daemon.connect().await?, grpc::all_pods()).await?;
        if place % 2 == 0 {
            grpc::until_current(&mut stream).await?;
        }
        streams.push(stream);
    }
    Ok(streams)
}

/// Reads so many changes; returns how long each took in milliseconds.
async fn read(mut stream: Stream, published: Published, events: usize) -> Result<Vec<f64>> {
    let mut latencies = Vec::with_capacity(events);
    while latencies.len() < events {
        let message = grpc::next(&mut stream).await?;
        let at = Instant::now();
        for status in grpc::changed(message)? {
            let version = status.resource_version.parse()?;
            let since = published.lock().unwrap_or_else(PoisonError::into_inner).get(&version).copied();
            latencies.push(ms(at - since.context("a change came that nobody made")?));
        }
    }
    Ok(latencies)
}
