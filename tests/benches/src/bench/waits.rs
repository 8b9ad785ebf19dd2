//! Processes that wait for one object: the client's with the daemon, and
//! kubectl's, on a real control plane.

mod clients;
mod cluster;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use self::clients::{Calls, Clients, Tool};
use self::cluster::Cluster;
use super::Common;
use crate::daemon::DaemonBinary;
use crate::proc;
use crate::report::{Figure, Report};
use crate::stats::{median, ms};
use crate::targets::{self, Target};

/// They take turns in that order.
const TOOLS: [Tool; 2] = [Tool::Daymark, Tool::Kubectl];
const MIB: f64 = 1024.0 * 1024.0;

/// What `waits` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// The client to measure: a release build
    #[arg(long, value_name = "PATH", env = "DAYMARK_BENCH_DAYMARK")]
    daymark: PathBuf,
    /// The kubectl to compare with [default: the control plane's]
    #[arg(long, value_name = "PATH")]
    kubectl: Option<PathBuf>,
    /// Processes that wait at the same time
    #[arg(long, value_name = "N", default_value_t = 100)]
    clients: usize,
    /// Times of each; medians are shown
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Waits for what is so already, of each
    #[arg(long, value_name = "N", default_value_t = 21)]
    satisfied: usize,
    /// What starts a control plane
    #[arg(long, value_name = "PATH", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane/up"))]
    control_plane: PathBuf,
}

/// What one round showed of one tool.
struct Sample {
    /// PSS of all clients, and of the daemon if they need it, while they wait.
    memory: f64,
    /// Memory of one client that waits by itself: private, and what of that is
    /// dirty.
    alone: [f64; 2],
    /// Private memory of one of many.
    private: f64,
    /// From before the change was asked for to the last client's exit, in
    /// milliseconds.
    last: f64,
    /// CPU of all clients, from their start to their exit, and of the daemon
    /// meanwhile, in milliseconds.
    cpu: [f64; 2],
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let cluster = Cluster::start(&options.control_plane, &binary).await?;
    let calls = Calls::new(&cluster, options.daymark.clone(), options.kubectl.clone())?;
    let satisfied = satisfied(&options, &cluster, &calls).await?;
    let mut samples = TOOLS.map(|_| Vec::new());
    for round in 0..options.rounds {
        for (tool, samples) in TOOLS.into_iter().zip(&mut samples) {
            eprintln!("waits: round {} of {}: {tool}", round + 1, options.rounds);
            samples.push(sample(tool, options.clients, &cluster, &calls).await?);
        }
    }
    let empty = proc::pss(cluster.daemon().pid())?;
    cluster.end().await?;
    report(&options, &satisfied, &samples, empty).print();
    Ok(())
}

/// How long each tool takes to find that the pod is ready, in milliseconds.
async fn satisfied(options: &Options, cluster: &Cluster, calls: &Calls) -> Result<[Vec<f64>; 2]> {
    cluster.pod().set_ready(true).await?;
    // Then the programs are in memory, and kubectl knows the kinds.
    for tool in TOOLS {
        calls.find_ready(tool).await?;
    }
    let mut times = TOOLS.map(|_| Vec::new());
    for _ in 0..options.satisfied {
        for (tool, times) in TOOLS.into_iter().zip(&mut times) {
            times.push(ms(calls.find_ready(tool).await?));
        }
    }
    Ok(times)
}

async fn sample(tool: Tool, count: usize, cluster: &Cluster, calls: &Calls) -> Result<Sample> {
    let daemon = cluster.daemon().pid();
    cluster.pod().set_ready(false).await?;
    let alone = Clients::start(cluster, calls, tool, 1).await?;
    let memory_alone = [alone.sum(proc::private)?, alone.sum(proc::private_dirty)?];
    cluster.pod().set_ready(true).await?;
    alone.end().await?;

    cluster.pod().set_ready(false).await?;
    let (before, daemon_before) = (proc::cpu_of_ended_children()?, proc::cpu(daemon)?);
    let clients = Clients::start(cluster, calls, tool, count).await?;
    let private = clients.sum(proc::private)? / count as f64;
    // kubectl has no use for it.
    let of_daemon = |value: f64| if tool == Tool::Daymark { value } else { 0.0 };
    let memory = clients.sum(proc::pss)? + of_daemon(proc::pss(daemon)?);
    let asked = Instant::now();
    // Who is the first to end does so before the answer comes.
    let (changed, last) = tokio::join!(cluster.pod().set_ready(true), clients.end());
    let (_, last) = (changed?, ms(last? - asked));
    let cpu = ms(proc::cpu_of_ended_children()? - before);
    let cpu = [cpu, of_daemon(ms(proc::cpu(daemon)? - daemon_before))];
    Ok(Sample { memory, alone: memory_alone, private, last, cpu })
}

fn report(options: &Options, satisfied: &[Vec<f64>; 2], samples: &[Vec<Sample>; 2], daemon: f64) -> Report {
    let clients = options.clients;
    let mut report = Report::new(format!(
        "waits, {clients} processes that wait for one pod, medians of {} rounds; one pod that is ready, of {} runs",
        options.rounds, options.satisfied
    ));
    let [ours, theirs] = samples;
    let mut compare = |what: &str, unit, target, of: &dyn Fn(&Sample) -> f64| {
        let figure = |samples: &[Sample]| Figure(median(samples.iter().map(of)), unit);
        report.compare(what, figure(ours), (&Tool::Kubectl.to_string(), figure(theirs)), target);
    };
    compare("memory while all wait, the daemon's included", "MB", targets::WAITS_MEMORY, &|s| s.memory / 1e6);
    compare("client CPU, all clients, start to exit", "ms", targets::WAITS_CPU, &|s| s.cpu[0]);
    compare("the same and the daemon's", "ms", Target::Unset, &|s| s.cpu[0] + s.cpu[1]);
    compare("from the change to the last exit", "ms", targets::WAITS_LAST, &|s| s.last);
    compare("private memory of one of all", "MiB", Target::Unset, &|s| s.private / MIB);
    compare("private memory of one that waits alone, dirty", "MiB", Target::Unset, &|s| s.alone[1] / MIB);
    let alone = |samples: &[Sample]| Figure(median(samples.iter().map(|s| s.alone[0] / MIB)), "MiB");
    let what = "private memory of one that waits alone, clean and dirty";
    report.figure(what, alone(ours), targets::WAITS_PRIVATE);
    report.aside(what, alone(theirs), &Tool::Kubectl.to_string());
    let [ours, theirs] = [&satisfied[0], &satisfied[1]].map(|times| Figure(median(times.iter().copied()), "ms"));
    let peer = (&*Tool::Kubectl.to_string(), theirs);
    report.compare("one wait for what is so already", ours, peer, targets::WAITS_SATISFIED);
    report.note(format!("the daemon at the end, nobody waiting: {:.1} MB", daemon / 1e6));
    report.note("from the change: from before it was asked for; the time of the change itself is in both");
    report.note("a process alone has the pages of its program to itself, which are private then, and clean");
    report
}
