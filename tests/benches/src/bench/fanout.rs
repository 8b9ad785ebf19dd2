//! One event to a thousand subscribers: the daemon's, and a real API server's.

mod cluster;
mod readers;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use self::cluster::Cluster;
use self::readers::{Readers, Threads, Way};
use super::Common;
use crate::daemon::DaemonBinary;
use crate::proc;
use crate::report::{Figure, Report};
use crate::stats::{median, ms, percentile};
use crate::targets::{self, Target};

/// Between everybody having an event and the next.
const PAUSE: Duration = Duration::from_millis(30);
/// How long the CPU of a server at rest is looked at.
const REST: Duration = Duration::from_secs(4);

/// What `fanout` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Subscribers of either sort, each on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    subscribers: usize,
    /// Events in each phase
    #[arg(long, value_name = "N", default_value_t = 200)]
    events: usize,
    /// Times of each phase; medians are shown
    #[arg(long, value_name = "N", default_value_t = 2)]
    rounds: usize,
    /// What starts a control plane
    #[arg(long, value_name = "PATH", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane/up"))]
    control_plane: PathBuf,
}

/// Who subscribes in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody: what an event costs the servers by itself.
    Nobody,
    Raw,
    Daemon,
    /// Both, of the same events.
    Both,
}

/// What a phase showed.
struct Figures {
    /// From before the change was asked for to its last arrival, in
    /// milliseconds, by event: of raw watches and of the daemon's subscribers.
    last: [Vec<f64>; 2],
    /// From before the change was asked for to its answer, in milliseconds.
    answer: Vec<f64>,
    /// CPU in microseconds per event, less what is used at rest: of the API
    /// server, of the daemon, and of this process, which reads.
    cpu: [f64; 3],
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let cluster = Cluster::start(&options.control_plane, &binary).await?;
    let threads = Threads::new()?;
    let phases = [Phase::Nobody, Phase::Raw, Phase::Daemon, Phase::Both];
    let mut figures = phases.map(|_| Vec::new());
    for round in 0..options.rounds {
        for (phase, figures) in phases.into_iter().zip(&mut figures) {
            eprintln!("fanout: round {} of {}: {phase:?}", round + 1, options.rounds);
            figures.push(self::phase(phase, &options, &cluster, &threads).await?);
        }
    }
    threads.end();
    cluster.end().await?;
    report(&options, &figures).print();
    Ok(())
}

async fn phase(phase: Phase, options: &Options, cluster: &Cluster, threads: &Threads) -> Result<Figures> {
    let count = |wanted: bool| if wanted { options.subscribers } else { 0 };
    let raw = count(matches!(phase, Phase::Raw | Phase::Both));
    let daemon = count(matches!(phase, Phase::Daemon | Phase::Both));
    let mut readers = Readers::open(cluster, threads, raw, daemon).await?;
    let pids = [cluster.api_server()?, cluster.daemon().pid(), std::process::id()];
    tokio::time::sleep(REST / 2).await;
    let rest = rates(pids).await?;

    let began = Instant::now();
    let before = cpu_of(pids)?;
    let (mut last, mut answer) = ([Vec::new(), Vec::new()], Vec::new());
    for _ in 0..options.events {
        let asked = Instant::now();
        let version = cluster.change().await?;
        answer.push(ms(asked.elapsed()));
        for way in [Way::Raw, Way::Daemon] {
            if let Some(at) = readers.all_have(version, way).await? {
                last[way as usize].push(ms(at - asked));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    let passed = began.elapsed();
    let after = cpu_of(pids)?;
    let cpu = [0, 1, 2].map(|place| {
        let used = after[place] - before[place] - rest[place] * passed.as_secs_f64();
        used * 1e6 / options.events as f64
    });
    Ok(Figures { last, answer, cpu })
}

/// CPU seconds that processes have used.
fn cpu_of(pids: [u32; 3]) -> Result<[f64; 3]> {
    let mut used = [0.0; 3];
    for (used, pid) in used.iter_mut().zip(pids) {
        *used = proc::cpu(pid)?.as_secs_f64();
    }
    Ok(used)
}

/// CPU seconds per second that processes at rest use.
async fn rates(pids: [u32; 3]) -> Result<[f64; 3]> {
    let before = cpu_of(pids)?;
    tokio::time::sleep(REST).await;
    let after = cpu_of(pids)?;
    Ok([0, 1, 2].map(|place| (after[place] - before[place]) / REST.as_secs_f64()))
}

/// The place in [`Figures::cpu`] of this process.
const READERS: usize = 2;

fn report(options: &Options, [nobody, raw, daemon, both]: &[Vec<Figures>; 4]) -> Report {
    let mut report = Report::new(format!(
        "fanout, {} subscribers of one pod, {} events in each phase, medians of {} rounds",
        options.subscribers, options.events, options.rounds
    ));
    let last = |rounds: &[Figures], way: Way, percent| {
        let of = |figures: &Figures| percentile(figures.last[way as usize].iter().copied(), percent);
        Figure(median(rounds.iter().map(of)), "ms")
    };
    for (what, percent, target) in [("p50", 50.0, Target::Unset), ("p99", 99.0, targets::FANOUT_LAST)] {
        let peer = ("raw watches", last(raw, Way::Raw, percent));
        report.compare(format!("time to last, {what}"), last(daemon, Way::Daemon, percent), peer, target);
    }
    for (what, percent) in [("p50", 50.0), ("p99", 99.0)] {
        let peer = ("raw watches", last(both, Way::Raw, percent));
        let ours = last(both, Way::Daemon, percent);
        report.compare(format!("time to last, {what}, both at once"), ours, peer, Target::Unset);
    }
    tell_cpu(&mut report, options, [nobody, raw, daemon]);
    report
}

fn tell_cpu(report: &mut Report, options: &Options, [nobody, raw, daemon]: [&[Figures]; 3]) {
    let of = |rounds: &[Figures], place: usize| median(rounds.iter().map(|figures| figures.cpu[place]));
    let cpu = |rounds, way: Way| of(rounds, way as usize);
    let subscribers = options.subscribers as f64;
    let each = |total: f64| Figure(total / subscribers, "us");
    let theirs = each(cpu(raw, Way::Raw) - cpu(nobody, Way::Raw));
    let ours = each(cpu(daemon, Way::Daemon));
    report.compare("server CPU per delivery", ours, ("kube-apiserver", theirs), targets::FANOUT_CPU);
    let changes = Figure(cpu(nobody, Way::Raw), "us");
    let ingest = Figure(cpu(nobody, Way::Daemon), "us");
    report.compare("server CPU per event, nobody subscribed", ingest, ("kube-apiserver", changes), Target::Unset);
    let reading = |rounds| each(of(rounds, READERS) - of(nobody, READERS));
    let peer = ("raw watches", reading(raw));
    report.compare("the readers' own CPU per delivery", reading(daemon), peer, Target::Unset);
    let answer = median(nobody.iter().map(|figures| median(figures.answer.iter().copied())));
    report.aside("the change itself, until its answer, p50", Figure(answer, "ms"), "kube-apiserver");
    report.note("time to last: from before the change was asked for; the time of the change itself is in both");
    report.note("kube-apiserver's CPU per delivery is less that of the change itself, the daemon's is not");
    report.note("the readers share the cores with the servers: both at once, everybody waits for everybody");
}
