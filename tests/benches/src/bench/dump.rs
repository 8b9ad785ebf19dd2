//! `daymark dump -A`, and `kubectl cluster-info dump -A`, of a real control plane with many pods.

mod bare;
mod cluster;
mod dumper;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use self::cluster::Cluster;
use self::dumper::{Dumper, Sample, Tool};
use super::Common;
use crate::daemon::DaemonBinary;
use crate::report::{Figure, Report};
use crate::stats::median;
use crate::targets::{self, Target};

/// They take turns in that order.
const TOOLS: [Tool; 2] = [Tool::Daymark, Tool::Kubectl];

/// What `dump` takes.
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
    /// Pods in the cluster, each with a log
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pods: usize,
    /// Times of each; medians are shown
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// What starts a control plane
    #[arg(long, value_name = "PATH", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane/up"))]
    control_plane: PathBuf,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let cluster = Cluster::start(&options.control_plane, &binary, options.pods).await?;
    let dumper = Dumper::new(&cluster, options.daymark.clone(), options.kubectl.clone());
    let (mut samples, mut bare) = (TOOLS.map(|_| Vec::new()), Vec::new());
    for _ in 0..options.rounds {
        bare.push(bare::read(&cluster).await?);
        for (tool, samples) in TOOLS.into_iter().zip(&mut samples) {
            samples.push(dumper.dump(tool, options.pods).await?);
        }
    }
    cluster.end().await?;
    report(&options, &samples, &bare).print();
    Ok(())
}

fn report(options: &Options, samples: &[Vec<Sample>; 2], bare: &[f64]) -> Report {
    let mut report = Report::new(format!(
        "dump, all of a cluster with {} pods and their logs, medians of {} runs in turn",
        options.pods, options.rounds
    ));
    let [ours, theirs] = samples;
    let kubectl = Tool::Kubectl.to_string();
    let mut compare = |what: &str, unit, target, ours_of: &dyn Fn(&Sample) -> f64, of: &dyn Fn(&Sample) -> f64| {
        let ours = Figure(median(ours.iter().map(ours_of)), unit);
        report.compare(what, ours, (&kubectl, Figure(median(theirs.iter().map(of)), unit)), target);
    };
    compare("from start to exit", "s", targets::DUMP_TIME, &|s| s.seconds, &|s| s.seconds);
    let both = |s: &Sample| (s.peak + s.daemon) / 1e6;
    let client = |s: &Sample| s.peak / 1e6;
    compare("the client's largest resident set", "MB", targets::DUMP_MEMORY, &client, &client);
    compare("the same, and what the daemon's grew by", "MB", Target::Unset, &both, &client);
    compare("files", "", Target::Unset, &|s| s.files as f64, &|s| s.files as f64);
    let bare = Figure(median(bare.iter().copied()), "s");
    report.aside("pods and logs alone, read 8 at a time and discarded", bare, "bare");
    report
        .note("kubectl's has eight kinds and no log of a run before; Daymark's has every kind, CRDs and their objects");
    report
}
