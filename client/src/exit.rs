//! How the process ends.

use std::io;
use std::process::ExitCode;

use daymark::{Address, AddressError, Error, RpcError, TokenError};
use tonic::Code;

/// The process' exit code. CI branches on it: a code means one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked for holds.
    Passed = 0,
    /// The objects failed, and nothing else.
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
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::Said { exit, message: message.into() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::new(Exit::Fault, format!("cannot write to stdout: {error}")),
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

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = exit_of(&error);
        let hint = match &error {
            Error::Unreachable { address, .. } => format!("; start one with: {}", start_command(address)),
            Error::Untrusted { .. } => "; name another socket with --address".to_owned(),
            Error::TimedOut { .. } => "; --request-timeout allows more".to_owned(),
            Error::Rpc(error) if error.code == Code::Unauthenticated => {
                "; --token-file names the file of a token".to_owned()
            }
            Error::Rpc(error) if error.code == Code::Unimplemented => {
                "; daymark version tells whether client and daemon are of one version".to_owned()
            }
            Error::Broken { .. } | Error::Rpc(_) => String::new(),
        };
        Self::new(exit, format!("{error}{hint}"))
    }
}

/// The exit code that stands for `error`.
pub fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Unreachable { .. } | Error::Untrusted { .. } | Error::Broken { .. } | Error::TimedOut { .. } => {
            Exit::Unreachable
        }
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
