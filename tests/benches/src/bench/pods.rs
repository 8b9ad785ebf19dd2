//! What the generated pods are like.

use anyhow::Result;
use clap::Args;

use crate::pods::{PodSet, without_managed_fields};
use crate::report::{Figure, Report};

/// What `pods` takes.
#[derive(Args, Debug)]
pub struct Options {
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pods: usize,
    /// What pods are made from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Prints one pod's JSON instead
    #[arg(long, value_name = "INDEX")]
    show: Option<usize>,
}

/// Measures and prints.
pub fn run(options: &Options) -> Result<()> {
    let set = PodSet::new(options.pods, options.seed);
    if let Some(index) = options.show {
        println!("{}", String::from_utf8_lossy(&set.render(index, 1, true).json));
        return Ok(());
    }
    let (mut whole, mut trimmed, mut smallest, mut single) = (Vec::new(), Vec::new(), usize::MAX, 0);
    for index in 0..set.count() {
        let json = set.render(index, 1_000_000 + index as u64, true).json;
        let rest = without_managed_fields(&String::from_utf8_lossy(&json));
        smallest = smallest.min(json.len());
        single += zstd::bulk::compress(rest.as_bytes(), 1)?.len();
        whole.extend_from_slice(&json);
        trimmed.extend_from_slice(rest.as_bytes());
    }
    let mut report = Report::new(format!("{} generated pods, bytes per pod", options.pods));
    let mut row = |what, bytes: usize| report.aside(what, Figure(bytes as f64 / options.pods as f64, "B"), "");
    row("JSON", whole.len());
    row("JSON without managedFields", trimmed.len());
    row("the same, zstd -1, each by itself", single);
    row("the same, zstd -19, all in one", zstd::bulk::compress(&trimmed, 19)?.len());
    row("JSON, zstd -19, all in one", zstd::bulk::compress(&whole, 19)?.len());
    report.aside("the smallest", Figure(smallest as f64, "B"), "");
    report.print();
    Ok(())
}
