//! What the daemon adds to an event's latency.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::Common;
use crate::daemon::DaemonBinary;
use crate::fake::FakeApiServer;
use crate::grpc;
use crate::pods::PodSet;
use crate::process::PATIENCE;
use crate::raw::{self, RawWatch};
use crate::report::{Figure, Report};
use crate::stats::{ms, percentile};
use crate::targets::{self, Target};

/// What `propagation` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pods: usize,
    /// Changes
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    events: usize,
    /// Changes per second
    #[arg(long, value_name = "N", default_value_t = 200)]
    rate: u32,
}

/// Which way an event of a resourceVersion came, and when.
type Arrival = (bool, u64, Instant);

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let server = FakeApiServer::start(PodSet::new(options.pods, options.common.seed))?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("kubeconfig"), server.kubeconfig())?;
    let client = raw::client(&folder.path().join("kubeconfig")).await?;
    let raw = RawWatch::open(client, "/api/v1/pods?watch=true&allowWatchBookmarks=true").await?;
    let daemon = binary.start(&server.kubeconfig(), &[], None)?;
    let mut stream = grpc::watch(daemon.connect().await?, grpc::all_pods()).await?;
    grpc::until_current(&mut stream).await?;

    let (arrivals, mut arrived) = unbounded_channel();
    let readers = [tokio::spawn(read_raw(raw, arrivals.clone())), tokio::spawn(read_daemon(stream, arrivals))];
    let mut pace = tokio::time::interval(Duration::from_secs(1) / options.rate.max(1));
    for event in 0..options.events {
        pace.tick().await;
        server.publish([server.change(event % options.pods)]);
    }
    let mut times: HashMap<u64, [Option<Instant>; 2]> = HashMap::new();
    let mut whole = 0;
    while whole < options.events {
        let arrival = tokio::time::timeout(PATIENCE, arrived.recv()).await.context("not every event came both ways")?;
        let (via_daemon, version, at) = arrival.context("a stream ended early")?;
        let both = times.entry(version).or_default();
        both[usize::from(via_daemon)] = Some(at);
        whole += usize::from(both.iter().all(Option::is_some));
    }
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    daemon.end().await?;
    report(&options, times.into_values()).print();
    Ok(())
}

fn report(options: &Options, times: impl Iterator<Item = [Option<Instant>; 2]>) -> Report {
    let added: Vec<_> = times.filter_map(|[raw, daemon]| Some(difference(raw?, daemon?))).collect();
    let at = |percent| Figure(percentile(added.iter().copied(), percent), "ms");
    let mut report = Report::new(format!(
        "propagation, {} changes of {} pods, {} per second: arrival by the daemon less arrival by a raw watch",
        added.len(),
        options.pods,
        options.rate
    ));
    report.figure("added, p50", at(50.0), targets::ADDED_P50);
    report.figure("added, p99", at(99.0), targets::ADDED_P99);
    report.figure("added, the most", at(100.0), Target::Unset);
    report
}

/// In milliseconds; negative if the daemon was faster.
fn difference(raw: Instant, daemon: Instant) -> f64 {
    ms(daemon.saturating_duration_since(raw)) - ms(raw.saturating_duration_since(daemon))
}

async fn read_raw(mut watch: RawWatch, arrivals: UnboundedSender<Arrival>) -> Result<()> {
    loop {
        let event = watch.next().await?;
        let at = Instant::now();
        if let Some(version) = raw::version(&event) {
            arrivals.send((false, version, at))?;
        }
    }
}

async fn read_daemon(mut stream: grpc::Stream, arrivals: UnboundedSender<Arrival>) -> Result<()> {
    loop {
        let message = grpc::next(&mut stream).await?;
        let at = Instant::now();
        for status in grpc::changed(message)? {
            arrivals.send((true, status.resource_version.parse()?, at))?;
        }
    }
}
