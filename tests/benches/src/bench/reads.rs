//! `get pods -A` of a large cluster: the client's with the daemon, and
//! kubectl's, on a real control plane.

mod cluster;
mod reader;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use self::cluster::Cluster;
use self::reader::{Reader, Sample, Tool};
use super::Common;
use crate::daemon::DaemonBinary;
use crate::report::{Figure, Report};
use crate::stats::median;
use crate::targets::{self, Target};

/// They take turns in that order.
const TOOLS: [Tool; 2] = [Tool::Daymark, Tool::Kubectl];

/// What `reads` takes.
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
    /// Pods in the cluster
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pods: usize,
    /// Times of each; medians are shown
    #[arg(long, value_name = "N", default_value_t = 7)]
    rounds: usize,
    /// What starts a control plane
    #[arg(long, value_name = "PATH", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane/up"))]
    control_plane: PathBuf,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let cluster = Cluster::start(&options.control_plane, &binary, options.pods).await?;
    let reader = Reader::new(&cluster, options.daymark.clone(), options.kubectl.clone())?;
    // Then the programs are in memory, and kubectl knows the kinds.
    for tool in TOOLS {
        reader.read(tool, options.pods).await?;
    }
    let mut samples = TOOLS.map(|_| Vec::new());
    for _ in 0..options.rounds {
        for (tool, samples) in TOOLS.into_iter().zip(&mut samples) {
            samples.push(reader.read(tool, options.pods).await?);
        }
    }
    cluster.end().await?;
    report(&options, &samples).print();
    Ok(())
}

fn report(options: &Options, samples: &[Vec<Sample>; 2]) -> Report {
    let mut report = Report::new(format!(
        "reads, `get pods -A` of {} pods, medians of {} runs in turn",
        options.pods, options.rounds
    ));
    let [ours, theirs] = samples;
    let mut compare = |what: &str, unit, target, of: &dyn Fn(&Sample) -> f64| {
        let figure = |samples: &[Sample]| Figure(median(samples.iter().map(of)), unit);
        report.compare(what, figure(ours), (&Tool::Kubectl.to_string(), figure(theirs)), target);
    };
    compare("client CPU", "ms", targets::READS_CPU, &|s| s.cpu);
    compare("the client's largest resident set", "MB", targets::READS_MEMORY, &|s| s.peak / 1e6);
    compare("until the first row", "ms", Target::Unset, &|s| s.first);
    compare("until the last row", "ms", Target::Unset, &|s| s.last);
    report.note("the daemon's CPU is not in it: it is what one list of the caches costs");
    report
}
