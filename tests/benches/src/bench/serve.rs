//! The fake API server by itself, for looking at it with other clients.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::fake::FakeApiServer;
use crate::pods::PodSet;

/// What `serve` takes.
#[derive(Args, Debug)]
pub struct Options {
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pods: usize,
    /// What pods are made from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Where to write a kubeconfig that leads there
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Flips so many pods per second between ready and not ready
    #[arg(long, value_name = "N", default_value_t = 0)]
    rate: u32,
}

/// Serves until it is killed.
pub async fn run(options: Options) -> Result<()> {
    let server = FakeApiServer::start(PodSet::new(options.pods, options.seed))?;
    std::fs::write(&options.kubeconfig, server.kubeconfig())?;
    println!("{}", server.url());
    if options.rate == 0 {
        return std::future::pending().await;
    }
    let mut pace = tokio::time::interval(std::time::Duration::from_secs(1) / options.rate);
    for event in 0.. {
        pace.tick().await;
        server.publish([server.change(event % options.pods)]);
    }
    Ok(())
}
