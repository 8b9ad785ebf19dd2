//! Many open gates: what they cost, and how soon they have their verdicts.

mod verdicts;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use futures::future::try_join_all;

use self::verdicts::{Watcher, open_all};
use super::Common;
use super::subject::settled;
use crate::daemon::{Daemon, DaemonBinary};
use crate::fake::FakeApiServer;
use crate::pods::PodSet;
use crate::proc;
use crate::process::PATIENCE;
use crate::raw::{self, RawWatch};
use crate::report::{Figure, Report};
use crate::stats::{median, ms, percentile};
use crate::targets::Target;

/// How long the daemon at rest is looked at.
const REST: Duration = Duration::from_secs(5);

/// What `gates` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pods, with a gate on each
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pods: usize,
    /// Pods that become ready, one after the other
    #[arg(long, value_name = "N", default_value_t = 200)]
    changes: usize,
    /// Clients that watch the same gate, each on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    watchers: usize,
    /// Gates that so many watch, one after the other
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
}

/// What opening the gates, and having them open, costs.
struct Costs {
    /// PSS at rest before and after, in bytes.
    memory: [f64; 2],
    /// Until every gate was open, in milliseconds.
    time: f64,
    /// CPU until the daemon was at rest again, in milliseconds.
    cpu: f64,
    /// CPU in milliseconds per second, at rest.
    rest: f64,
    /// What it asked of the API server.
    requests: String,
}

/// What many watchers of one gate cost.
struct Crowd {
    /// From publication to the last verdict, in milliseconds.
    last: f64,
    /// CPU until the daemon was at rest again, in milliseconds.
    cpu: f64,
}

/// Everything that takes part.
struct Stage {
    server: FakeApiServer,
    raw: RawWatch,
    daemon: Daemon,
    tokens: Vec<String>,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    ensure!(options.pods >= options.changes + options.rounds, "--pods: each change needs a pod of its own");
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let (mut stage, costs) = Stage::set(&options, &binary).await?;
    let times = stage.one_by_one(options.changes).await?;
    let proofs = stage.server.counts().to_string();
    let mut crowds = Vec::new();
    for round in 0..options.rounds {
        crowds.push(stage.crowd(options.watchers, options.changes + round).await?);
    }
    stage.daemon.end().await?;
    let mut report = report(&options, &costs, &times, &crowds);
    report.note(format!("requests for the verdicts of {} pods, one by one: {proofs}", times.len()));
    report.print();
    Ok(())
}

impl Stage {
    /// Opens a gate on each pod, none of which is ready.
    async fn set(options: &Options, binary: &DaemonBinary) -> Result<(Self, Costs)> {
        let server = FakeApiServer::start(PodSet::new(options.pods, options.common.seed))?;
        server.publish((0..options.pods).map(|index| server.change(index)).collect::<Vec<_>>());
        server.prepare(500);
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("kubeconfig"), server.kubeconfig())?;
        let client = raw::client(&folder.path().join("kubeconfig")).await?;
        // Opened first, so that the server tells it first.
        let raw = RawWatch::open(client, "/api/v1/pods?watch=true&allowWatchBookmarks=true").await?;
        let daemon = binary.start(&server.kubeconfig(), &[], None)?;
        daemon.synced(server.name(0)).await?;
        let pid = daemon.pid();
        settled(pid).await?;

        server.reset();
        let (memory, cpu, began) = (proc::pss(pid)?, proc::cpu(pid)?, Instant::now());
        let tokens = open_all(daemon.connect().await?, &server).await?;
        let time = ms(began.elapsed());
        settled(pid).await?;
        let (memory, cpu) = ([memory, proc::pss(pid)?], ms(proc::cpu(pid)? - cpu));
        let requests = server.counts().to_string();
        let before = proc::cpu(pid)?;
        tokio::time::sleep(REST).await;
        let rest = ms(proc::cpu(pid)? - before) / REST.as_secs_f64();
        Ok((Self { server, raw, daemon, tokens }, Costs { memory, time, cpu, rest, requests }))
    }

    /// Makes pods ready one after the other; returns how long each took to be told
    /// by the raw watch and by its gate, in milliseconds.
    async fn one_by_one(&mut self, changes: usize) -> Result<Vec<[f64; 2]>> {
        self.server.reset();
        let channel = self.daemon.connect().await?;
        let mut times = Vec::new();
        for index in 0..changes {
            let watcher = Watcher::open(channel.clone(), &self.tokens[index]).await?;
            let (version, published) = self.make_ready(index)?;
            let both = async { tokio::try_join!(arrives(&mut self.raw, version), watcher.passes(version)) };
            let both = tokio::time::timeout(PATIENCE, both).await.context("a gate has no verdict")?;
            let (raw, gate) = both?;
            times.push([raw, gate].map(|at| ms(at - published)));
        }
        let proofs = self.server.counts().gets();
        ensure!(proofs >= changes as u64, "{proofs} pods were read for {changes} verdicts: some are not proven");
        Ok(times)
    }

    /// Makes one pod ready whose gate many watch.
    async fn crowd(&mut self, watchers: usize, index: usize) -> Result<Crowd> {
        let pid = self.daemon.pid();
        let mut channels = Vec::new();
        for _ in 0..watchers {
            channels.push(self.daemon.connect().await?);
        }
        let watchers = Watcher::open_many(&channels, &self.tokens[index]).await?;
        settled(pid).await?;
        let before = proc::cpu(pid)?;
        let (version, published) = self.make_ready(index)?;
        let passed = try_join_all(watchers.into_iter().map(|watcher| watcher.passes(version)));
        let passed = tokio::time::timeout(PATIENCE, passed).await.context("a watcher has no verdict")??;
        let last = passed.into_iter().max().context("nobody watches")?;
        settled(pid).await?;
        Ok(Crowd { last: ms(last - published), cpu: ms(proc::cpu(pid)? - before) })
    }

    /// Publishes that a pod is ready; returns its version, and when that was.
    fn make_ready(&self, index: usize) -> Result<(u64, Instant)> {
        let change = self.server.change(index);
        ensure!(change.ready, "a pod was ready before");
        let version = change.version;
        let published = Instant::now();
        self.server.publish([change]);
        Ok((version, published))
    }
}

/// Waits for the event of a version; returns when it came.
async fn arrives(raw: &mut RawWatch, version: u64) -> Result<Instant> {
    loop {
        let event = raw.next().await?;
        let at = Instant::now();
        if raw::version(&event) == Some(version) {
            return Ok(at);
        }
    }
}

fn report(options: &Options, costs: &Costs, times: &[[f64; 2]], crowds: &[Crowd]) -> Report {
    let gates = options.pods as f64;
    let mut report = Report::new(format!("gates, one open on each of {gates} pods, none of which is ready"));
    let mut figure = |what: &str, value, unit| report.figure(what, Figure(value, unit), Target::Unset);
    let [before, after] = costs.memory;
    figure("PSS per open gate", (after - before) / gates, "B");
    figure("PSS, no gate", before / 1e6, "MB");
    figure("PSS, all gates", after / 1e6, "MB");
    figure("time to open all", costs.time, "ms");
    figure("CPU to open all", costs.cpu, "ms");
    figure("CPU per gate", costs.cpu * 1e3 / gates, "us");
    figure("CPU per second at rest, all gates open", costs.rest, "ms");
    for (what, percent) in [("p50", 50.0), ("p99", 99.0)] {
        let of = |place: usize| Figure(percentile(times.iter().map(|both| both[place]), percent), "ms");
        report.compare(format!("change to verdict, {what}"), of(1), ("raw watch", of(0)), Target::Unset);
    }
    for (what, percent) in [("p50", 50.0), ("p99", 99.0), ("the most", 100.0)] {
        let added = percentile(times.iter().map(|[raw, gate]| gate - raw), percent);
        report.figure(format!("added by the gate, {what}"), Figure(added, "ms"), Target::Unset);
    }
    let last = median(crowds.iter().map(|crowd| crowd.last));
    // The kernel counts in steps of 10 ms, which a median would show.
    let cpu = crowds.iter().map(|crowd| crowd.cpu).sum::<f64>() / crowds.len() as f64;
    let watchers = options.watchers;
    report.figure(format!("change to the last verdict, {watchers} watchers"), Figure(last, "ms"), Target::Unset);
    report.figure("the daemon's CPU for it", Figure(cpu, "ms"), Target::Unset);
    report.figure("the same per verdict", Figure(cpu * 1e3 / watchers as f64, "us"), Target::Unset);
    report.note(format!("requests to open all gates: {}", costs.requests));
    report.note("a verdict waits for a read of the pod, which the raw watch has no need of");
    report
}
