//! Parses the command line, builds the daemon and runs it.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use daymarkd::app::{self, AppError};
use daymarkd::args::Args;
use daymarkd::lifecycle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// It gives back what a first sync needed, and keeps small objects close.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may read it any more; the exit code says the same.
            let _unread = writeln!(std::io::stderr(), "daymarkd: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(args: Args) -> Result<(), AppError> {
    let config = args.into_config()?;
    let filter = EnvFilter::try_new(&config.log)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // It would tell of a closed standard error on standard error, and panic.
        .log_internal_errors(false)
        .init();
    let daemon = app::bind(config).await?;
    for address in daemon.addresses() {
        tracing::info!("listening on {address}");
    }
    let abort = CancellationToken::new();
    let signals = tokio::spawn(lifecycle::signals(daemon.shutdown(), abort.clone()));
    let result = daemon.run(abort).await;
    signals.abort();
    result
}
