//! How the process ends.

use std::process::ExitCode;

use daymark::{
    Address, AddressError, CredentialsError, Distrust, Error, OptionsError, ProxyError, RpcError, TlsError, TokenError,
};
use tonic::Code;

use crate::contexts::ContextError;
use crate::expression::ExpressionError;
use crate::printer::PrintError;

/// The process' exit code. CI branches on it: a code means one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for holds.
    Passed = 0,
    /// The objects failed, or what was asked for cannot be done.
    Failed = 1,
    /// The words of the command line make no sense.
    Usage = 2,
    /// The deadline came before the verdict.
    Undecided = 3,
    /// The daemon or the cluster cannot be reached.
    Unreachable = 4,
    /// The caller may not.
    NotPermitted = 5,
    /// There is no such object.
    NotFound = 6,
    /// A fault in Daymark itself.
    Fault = 70,
    /// Ended by SIGINT.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// Something to say on stderr, in one line.
    Said { exit: Exit, message: String },
    /// Whoever reads stdout has gone: nothing is left to do.
    ReaderGone,
    /// A command that was run has ended with that code, and has said why.
    Ended(u8),
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::Said { exit, message: message.into() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

impl From<PrintError> for Failure {
    fn from(error: PrintError) -> Self {
        match error {
            PrintError::ReaderGone => Self::ReaderGone,
            error => Self::new(Exit::Fault, error.to_string()),
        }
    }
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ProxyError> for Failure {
    fn from(error: ProxyError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ContextError> for Failure {
    fn from(error: ContextError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<ExpressionError> for Failure {
    fn from(error: ExpressionError) -> Self {
        let exit = if error.is_usage() { Exit::Usage } else { Exit::Fault };
        Self::new(exit, error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(exit_of(&error), format!("{error}{}", hint(&error)))
    }
}

/// What to do about `error`, behind its words.
fn hint(error: &Error) -> String {
    let hint = match error {
        Error::Unreachable { address, .. } if address.is_local() && !address.is_tls() => {
            return format!("; start one with: {}", start_command(address));
        }
        Error::Untrusted { .. } => "; choose another socket with --address",
        Error::Distrusted { distrust: Distrust::UnknownIssuer, .. } => "; use --ca-file to name a CA to trust",
        Error::Distrusted { distrust: Distrust::WrongName { .. }, .. } => "; use --server-name to expect another name",
        Error::NotAdmitted { .. } => "; pass one with --client-certificate and --client-key",
        Error::Options(OptionsError::Plaintext { .. }) => {
            "; use https://HOST:PORT, or allow plaintext with http:// or --insecure-plaintext"
        }
        Error::Options(OptionsError::PlaintextToken { .. }) => {
            "; use https://HOST:PORT, or allow plaintext with --insecure-plaintext"
        }
        Error::Options(OptionsError::Tls(error)) if matches!(**error, TlsError::NoRoots) => {
            "; pass a file of them with --ca-file"
        }
        Error::TimedOut { .. } => "; use --request-timeout to allow more",
        Error::Rpc(error) if error.code == Code::Unauthenticated => {
            "; pass a token with --token-file, --token-env or --github-oidc-audience"
        }
        Error::Rpc(error) if error.code == Code::Unimplemented => {
            "; compare the versions of client and daemon with daymark version"
        }
        _ => "",
    };
    hint.to_owned()
}

/// Reasons for which nothing is done to the cluster.
const CANNOT_BE_DONE: &[&str] =
    &["ACT_REFUSED", "DRAIN_BLOCKED", "LABELS_CHANGED", "NO_EVICTION", "NOT_QUARANTINED", "NOT_TO_BE_QUARANTINED"];

/// Reasons why a request makes sense, but not here.
const OF_ANOTHER: &[&str] = &["EVENTS_NOT_KEPT", "NO_API_SERVER", "NO_SELECTOR", "NOT_FORWARDABLE"];

/// The exit code that stands for `error`.
pub fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Unreachable { .. }
        | Error::Untrusted { .. }
        | Error::Distrusted { .. }
        | Error::Broken { .. }
        | Error::TimedOut { .. }
        | Error::Credentials(CredentialsError::Unanswered { .. }) => Exit::Unreachable,
        Error::NotAdmitted { .. } | Error::Credentials(CredentialsError::Refused { .. }) => Exit::NotPermitted,
        Error::Options(_) | Error::Credentials(_) => Exit::Usage,
        // Asked of another daemon, or of another object, it makes sense.
        Error::Rpc(RpcError { reason, .. }) if OF_ANOTHER.contains(&reason.as_str()) => Exit::Usage,
        // Nobody is there by now.
        Error::Rpc(RpcError { reason, .. }) if reason == "NO_ENDPOINT" => Exit::Unreachable,
        // What was asked for cannot be done as things are.
        Error::Rpc(RpcError { reason, .. }) if CANNOT_BE_DONE.contains(&reason.as_str()) => Exit::Failed,
        Error::Rpc(RpcError { code, .. }) => match code {
            Code::InvalidArgument => Exit::Usage,
            Code::NotFound => Exit::NotFound,
            Code::PermissionDenied | Code::Unauthenticated => Exit::NotPermitted,
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Aborted | Code::Cancelled => {
                Exit::Unreachable
            }
            _ => Exit::Fault,
        },
    }
}

/// The command that starts the daemon which was looked for.
fn start_command(address: &Address) -> String {
    let listen = match address {
        address if *address == Address::default_socket() => String::new(),
        Address::Http(authority) => format!(" --listen {authority}"),
        address => format!(" --listen {address}"),
    };
    format!("daymarkd --kubeconfig ~/.kube/config{listen}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn each_code_has_one_exit_and_none_is_the_objects_failure() {
        for number in 0..=16 {
            let code = Code::from(number);
            let exit = exit_of(&Error::Rpc(RpcError {
                code,
                reason: String::new(),
                message: String::new(),
                metadata: HashMap::new(),
                retry_after: None,
            }));
            let expected = match number {
                3 => Exit::Usage,
                5 => Exit::NotFound,
                7 | 16 => Exit::NotPermitted,
                1 | 4 | 8 | 10 | 14 => Exit::Unreachable,
                _ => Exit::Fault,
            };
            assert_eq!(exit, expected, "{code:?}");
        }
    }
}
