//! The benchmarks, one file each, and what several of them need.

pub mod all;
pub mod backlog;
pub mod completion;
pub mod dump;
pub mod fanout;
pub mod gates;
pub mod load;
pub mod lone_pod;
pub mod memory;
pub mod pods;
pub mod propagation;
pub mod reads;
pub mod serve;
pub mod stalled;
pub mod subject;
pub mod sync;
pub mod tunnel;
pub mod waits;

use std::path::PathBuf;

use clap::Args;

/// What benchmarks of the daemon take.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The daemon to measure: a release build
    #[arg(long, value_name = "PATH", env = "DAYMARK_BENCH_DAYMARKD")]
    pub daymarkd: PathBuf,
    /// What pods are made from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}
