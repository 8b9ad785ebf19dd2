//! All benchmarks, one after the other, each in a process of its own.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::Common;

/// What `all` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// The client to measure: a release build
    #[arg(long, value_name = "PATH", env = "DAYMARK_BENCH_DAYMARK")]
    daymark: PathBuf,
    /// The kubectl to compare with
    #[arg(long, value_name = "PATH", default_value = "kubectl")]
    kubectl: PathBuf,
}

/// Runs them with their defaults; goes on if one cannot measure.
pub async fn run(options: Options) -> Result<()> {
    let program = std::env::current_exe().context("where is this program?")?;
    let seed = format!("--seed={}", options.common.seed);
    let daemon = format!("--daymarkd={}", options.common.daymarkd.display());
    let kubectl = format!("--kubectl={}", options.kubectl.display());
    let client = format!("--daymark={}", options.daymark.display());
    let (seed, daemon, kubectl, client) = (seed.as_str(), daemon.as_str(), kubectl.as_str(), client.as_str());
    let runs: [&[&str]; 14] = [
        &["pods", seed],
        &["memory", daemon, seed, kubectl],
        &["sync", daemon, seed],
        &["propagation", daemon, seed],
        &["backlog", daemon, seed],
        &["stalled", daemon, seed],
        &["load", daemon, seed, kubectl],
        &["gates", daemon, seed],
        &["completion", daemon, seed, client, kubectl],
        &["fanout", daemon, seed],
        &["waits", daemon, seed, client],
        &["reads", daemon, seed, client],
        &["dump", daemon, seed, client],
        &["tunnel", daemon, seed, client],
    ];
    let mut failed = Vec::new();
    for arguments in runs {
        let status = tokio::process::Command::new(&program).args(arguments).status().await?;
        if !status.success() {
            failed.push(arguments[0]);
        }
    }
    ensure!(failed.is_empty(), "could not measure: {}", failed.join(", "));
    Ok(())
}
