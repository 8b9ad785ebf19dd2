//! What can go wrong between a client and its daemon.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::time::Duration;

use tonic::{Code, ConnectError, Status};
use tonic_types::StatusExt;

use crate::connect::OpenError;
use crate::{Address, CredentialsError, Distrust, OptionsError};

/// What can go wrong between a client and its daemon.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Nobody answers at the address.
    #[error("no daemon answers at {address}: {problem}")]
    Unreachable {
        /// Where it was looked for.
        address: Address,
        /// What the system says.
        problem: String,
    },
    /// The socket is not the daemon's of this user or of root.
    #[error("refused to talk to {address}: {problem}")]
    Untrusted {
        /// Where it was looked for.
        address: Address,
        /// Whose it is.
        problem: String,
    },
    /// The daemon's certificate does not prove that it is the daemon.
    #[error("refused to talk to {address}: {distrust}")]
    Distrusted {
        /// Where it was looked for.
        address: Address,
        /// Why.
        distrust: Distrust,
    },
    /// The daemon does not take the client's certificate, or wants one.
    #[error("not admitted to {address}: {problem}")]
    NotAdmitted {
        /// Where it was looked for.
        address: Address,
        /// What the daemon says.
        problem: String,
    },
    /// The options cannot be used with this daemon.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// There are no credentials for a call.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The connection broke, or the stream ended without an error.
    #[error("the connection to the daemon broke: {problem}")]
    Broken {
        /// What the transport says.
        problem: String,
    },
    /// A call took longer than the client waits.
    #[error("the daemon gave no answer within {}", seconds(*limit))]
    TimedOut {
        /// How long the client waited.
        limit: Duration,
    },
    /// The daemon answered with an error.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// An error that the daemon answered with.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// The canonical code.
    pub code: Code,
    /// `google.rpc.ErrorInfo.reason`, such as `OBJECT_NOT_FOUND`; empty if the
    /// error carries none.
    pub reason: String,
    /// What happened, in a sentence.
    pub message: String,
    /// `google.rpc.ErrorInfo.metadata`.
    pub metadata: HashMap<String, String>,
    /// `google.rpc.RetryInfo.retry_delay`: the daemon wants no other try before.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// The code and the reason that the daemon gave, if it gave one.
    pub fn rpc(&self) -> Option<&RpcError> {
        match self {
            Self::Rpc(error) => Some(error),
            _ => None,
        }
    }

    /// The failure to open a connection.
    pub(crate) fn from_connect(address: &Address, error: &(dyn StdError + 'static)) -> Self {
        let address = address.clone();
        let opening = chain(error).find_map(|cause| cause.downcast_ref::<OpenError>());
        let problem = || opening.map_or_else(|| root_cause(error), ToString::to_string);
        match opening {
            Some(OpenError::Foreign(_)) => Self::Untrusted { address, problem: problem() },
            Some(OpenError::Distrusted(distrust)) => Self::Distrusted { address, distrust: distrust.clone() },
            Some(OpenError::Refused(_)) => Self::NotAdmitted { address, problem: problem() },
            // Files that could be used once are being exchanged, perhaps: that passes.
            _ => Self::Unreachable { address, problem: problem() },
        }
    }

    /// The end that a stream may not have.
    pub(crate) fn ended() -> Self {
        Self::Broken { problem: "the stream ended".to_owned() }
    }

    /// The outcome of a call. An error without a source comes from the daemon;
    /// one with a source was made here, out of the transport's failure.
    pub(crate) fn from_status(address: &Address, status: &Status) -> Self {
        if let Some(cause) = status.source() {
            if chain(cause).any(|cause| cause.is::<ConnectError>()) {
                return Self::from_connect(address, cause);
            }
            return Self::Broken { problem: root_cause(cause) };
        }
        if is_cut_off(status) {
            return Self::Broken { problem: status.message().to_owned() };
        }
        let (reason, metadata) =
            status.get_details_error_info().map(|info| (info.reason, info.metadata)).unwrap_or_default();
        Self::Rpc(RpcError {
            code: status.code(),
            reason,
            message: match status.message() {
                "" => format!("the daemon answered with the code {:?}", status.code()),
                message => message.to_owned(),
            },
            metadata,
            retry_after: status.get_details_retry_info().and_then(|info| info.retry_delay),
        })
    }
}

/// Whether the answer ended before its status or within a message: the codec
/// reports this without naming a source.
fn is_cut_off(status: &Status) -> bool {
    let message = status.message();
    match status.code() {
        Code::Internal => message.starts_with("Unexpected EOF") || message.contains("h2 protocol"),
        Code::Unknown => message.contains("grpc-status") && message.contains("missing"),
        _ => false,
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The innermost error's words: the outer ones only say "transport error".
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use tonic_types::ErrorDetails;

    use super::*;

    fn address() -> Address {
        "localhost:1".parse().unwrap()
    }

    #[test]
    fn an_answer_keeps_its_reason_and_metadata() {
        let metadata = HashMap::from([("name".to_owned(), "web".to_owned())]);
        let details = ErrorDetails::with_error_info("OBJECT_NOT_FOUND", "daymark.dev", metadata);
        let status = Status::with_error_details(Code::NotFound, "no such object", details);
        let error = Error::from_status(&address(), &status);
        let error = error.rpc().unwrap();
        assert_eq!((error.code, error.reason.as_str()), (Code::NotFound, "OBJECT_NOT_FOUND"));
        assert_eq!(error.metadata.get("name").map(String::as_str), Some("web"));
        assert_eq!(error.to_string(), "no such object");
    }

    #[test]
    fn an_answer_keeps_when_to_come_again() {
        let mut details = ErrorDetails::with_error_info("TOO_MANY_STREAMS", "daymark.dev", HashMap::new());
        details.set_retry_info(Some(Duration::from_secs(5)));
        let status = Status::with_error_details(Code::ResourceExhausted, "too many streams", details);
        let error = Error::from_status(&address(), &status);
        let error = error.rpc().unwrap();
        assert_eq!((error.reason.as_str(), error.retry_after), ("TOO_MANY_STREAMS", Some(Duration::from_secs(5))));
    }

    #[test]
    fn a_failure_with_a_source_is_the_transports() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let error = Error::from_status(&address(), &Status::from_error(Box::new(reset)));
        assert!(matches!(error, Error::Broken { .. }), "{error:?}");
    }

    #[test]
    fn an_answer_cut_off_is_a_broken_connection() {
        for status in [
            Status::internal("Unexpected EOF decoding stream."),
            Status::unknown("grpc-status header missing, mapped from HTTP status code 200"),
        ] {
            let error = Error::from_status(&address(), &status);
            assert!(matches!(error, Error::Broken { .. }), "{error:?}");
        }
        let error = Error::from_status(&address(), &Status::internal("a bug"));
        assert!(matches!(error, Error::Rpc(_)), "{error:?}");
    }
}
