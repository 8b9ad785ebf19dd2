//! The words of `daymark dump`.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};

/// `daymark dump`
#[derive(Debug, clap::Args)]
pub struct Dump {
    /// Directory to write to: new, empty, or that of an unfinished dump, which is resumed
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub output_directory: PathBuf,
    /// All namespaces [default: those of --namespace, separated by commas, else the daemon's
    /// default namespace and kube-system]
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Which logs to include
    #[arg(long, value_enum, default_value_t = DumpLogs::All, value_name = "WHICH")]
    pub logs: DumpLogs,
    /// Number of most recent lines to include per log
    #[arg(long, value_name = "LINES", default_value_t = 10_000, value_parser = clap::value_parser!(i64).range(1..=100_000_000))]
    pub log_tail: i64,
    /// Maximum number of bytes per log, counted from the first included line
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, value_parser = clap::value_parser!(i64).range(1..=1 << 30))]
    pub log_bytes: i64,
}

/// Which logs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DumpLogs {
    /// Logs of every container and of its previous run
    All,
    /// No logs
    None,
}
