//! The words of `daymark dump`.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};

/// `daymark dump`
#[derive(Debug, clap::Args)]
pub struct Dump {
    /// Where to: a folder that is empty or is made, or that of an unfinished dump, which goes on
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub output_directory: PathBuf,
    /// All namespaces [default: those of --namespace, which may be several with commas between
    /// them, else the daemon's default one and kube-system]
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Which logs
    #[arg(long, value_enum, default_value_t = DumpLogs::All, value_name = "WHICH")]
    pub logs: DumpLogs,
    /// The last so many lines of each log
    #[arg(long, value_name = "LINES", default_value_t = 10_000, value_parser = clap::value_parser!(i64).range(1..=100_000_000))]
    pub log_tail: i64,
    /// Of these, from the first on, at most so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20, value_parser = clap::value_parser!(i64).range(1..=1 << 30))]
    pub log_bytes: i64,
}

/// Which logs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DumpLogs {
    /// Of every container, and of its run before
    All,
    /// None
    None,
}
