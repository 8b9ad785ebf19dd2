//! Parses the command line, builds the daemon and runs it.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use daymarkd::app::{self, AppError};
use daymarkd::args::{Args, AssessArgs, Command, LogFormat};
use daymarkd::assess;
use daymarkd::lifecycle::Signals;
use daymarkd::predicate::worker;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use zeroizing_alloc::ZeroAlloc;

/// It gives back what a first sync needed, and keeps small objects close. What is freed is
/// overwritten: Secrets' data come by in an annotation, and tokens in headers.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<mimalloc::MiMalloc> = ZeroAlloc(mimalloc::MiMalloc);

fn main() -> ExitCode {
    // The allocator asks for huge pages, of which a cache's small objects fill a part: it would hold
    // half as much again. Where the kernel knows no such request, there are none.
    let _unknown = rustix::thread::disable_transparent_huge_pages(true);
    // A worker shares the binary with the daemon, and nothing else.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == worker::COMMAND) {
        return worker::run();
    }
    let args = Args::parse();
    if let Some(Command::Assess(args)) = args.command() {
        return assess(args);
    }
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may read it any more; the exit code says the same.
            let _unread = writeln!(std::io::stderr(), "daymarkd: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn assess(args: &AssessArgs) -> ExitCode {
    match assess::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may read it any more; the exit code says the same.
            let _unread = writeln!(std::io::stderr(), "daymarkd: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn start(args: Args) -> Result<(), AppError> {
    let fault = |error: std::io::Error| AppError::Fault(format!("no threads: {error}"));
    // What comes from the cluster is read and decoded on threads of its own:
    // side by side with its writing, whoever is being served.
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(4));
    let ingest = Builder::new_multi_thread().worker_threads(threads).thread_name("ingest").enable_all().build();
    let ingest = ingest.map_err(fault)?;
    let serving = Builder::new_multi_thread().thread_name("serve").enable_all().build().map_err(fault)?;
    let ended = serving.block_on(run(args, ingest.handle().clone()));
    // A recording's reader may sit in a read.
    ingest.shutdown_background();
    ended
}

async fn run(args: Args, ingest: Handle) -> Result<(), AppError> {
    let config = args.into_config()?;
    let filter = EnvFilter::try_new(&config.log)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // It would tell of a closed standard error on standard error, and panic.
        .log_internal_errors(false);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().with_target(true).flatten_event(true).init(),
    }
    let daemon = app::bind(config, ingest).await?;
    for address in daemon.addresses() {
        tracing::info!("listening on {address}");
    }
    if let Some(address) = daemon.metrics() {
        tracing::info!("metrics at http://{address}/metrics");
    }
    let abort = CancellationToken::new();
    let signals = Signals::handle().map_err(|error| AppError::Fault(format!("signals cannot be handled: {error}")))?;
    let signals = tokio::spawn(signals.cancel(daemon.shutdown(), abort.clone()));
    let result = daemon.run(abort).await;
    signals.abort();
    result
}
