//! Why a daemon does not start, or go on.

use std::io;
use std::net::SocketAddr;

use crate::access::TokenError;
use crate::access::oidc::ConfigurationError;
use crate::args::ArgsError;
use crate::cause::BadPattern;
use crate::gate::store::StoreError;
use crate::recording::recorder::RecordError;
use crate::rpc::listener::ListenError;
use crate::rpc::tls::TlsError;
use crate::rulebook::RuleError;
use crate::source::connect::ConnectError;
use crate::source::replay::ReplayError;

/// A daemon that cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The arguments contradict each other.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// `--log` is not a filter.
    #[error("--log: {0}")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    /// There is no cluster to talk to.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The cluster cannot be recorded.
    #[error("the cluster cannot be recorded: {0}")]
    Unrecordable(String),
    /// The recording cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The recording, or the dump, cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The operator's rules cannot be read.
    #[error("--rules: {0}")]
    Rules(#[from] RuleError),
    /// A pattern of what is to be redacted.
    #[error("--redact: {0}")]
    Redact(#[from] BadPattern),
    /// Gates cannot be kept.
    #[error("--gates: {0}")]
    Gates(#[from] StoreError),
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// TLS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The issuers of tokens cannot be read.
    #[error("--authentication-config: {0}")]
    Authentication(#[from] ConfigurationError),
    /// Tokens cannot be reviewed: there is no cluster.
    #[error("--token-review: a recording knows no tokens")]
    NothingReviews,
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Metrics cannot be served there.
    #[error("--metrics-listen: cannot listen on {0}: {1}")]
    Metrics(SocketAddr, io::Error),
    /// A fault in the daemon itself.
    #[error("internal fault: {0}")]
    Fault(String),
}

impl AppError {
    /// The process's exit code: 2 for what the user can mend by giving other
    /// arguments or files, 4 for a cluster that does not answer, 70 for a fault.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fault(_) => 70,
            Self::Unrecordable(_) => 4,
            _ => 2,
        }
    }
}
