//! Measures what Daymark's daemon costs, against its peers. No figure fails a
//! run; a run fails if it cannot measure, or if what was measured was wrong.

mod args;
mod bench;
mod control_plane;
mod daemon;
mod fake;
mod grpc;
mod peer;
mod pods;
mod proc;
mod process;
mod raw;
mod report;
mod stats;
mod targets;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use self::args::{Cli, Command};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("daymark-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let mut builder = match command {
        // As its users run it.
        Command::Reflector(_) | Command::Naive(_) => tokio::runtime::Builder::new_multi_thread(),
        // The other core is for what is measured.
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()?.block_on(async {
        match command {
            Command::Pods(options) => bench::pods::run(&options),
            Command::Memory(options) => bench::memory::run(options).await,
            Command::Sync(options) => bench::sync::run(options).await,
            Command::Propagation(options) => bench::propagation::run(options).await,
            Command::Fanout(options) => bench::fanout::run(options).await,
            Command::All(options) => bench::all::run(options).await,
            Command::Backlog(options) => bench::backlog::run(options).await,
            Command::Stalled(options) => bench::stalled::run(options).await,
            Command::Load(options) => bench::load::run(options).await,
            Command::Gates(options) => bench::gates::run(options).await,
            Command::Waits(options) => bench::waits::run(options).await,
            Command::Tunnel(options) => bench::tunnel::run(options).await,
            Command::Reads(options) => bench::reads::run(options).await,
            Command::Dump(options) => bench::dump::run(options).await,
            Command::Completion(options) => bench::completion::run(options).await,
            Command::Serve(options) => bench::serve::run(options).await,
            Command::Naive(arguments) => peer::naive::run(arguments).await,
            Command::Reflector(arguments) => peer::reflector::run(arguments).await,
        }
    })
}
