//! Which errors are worth another try.

use tonic::Code;

use crate::{CredentialsError, Error};

/// What to do after an error of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Try again after a while: it may pass.
    Retry,
    /// Try again without the cursor, which this daemon does not understand, or
    /// whose history it no longer holds.
    Restart,
    /// Give up: the next try would end the same.
    Stop,
}

/// What to do after `error`.
pub fn recovery(error: &Error) -> Recovery {
    match error {
        Error::Unreachable { .. } | Error::Broken { .. } | Error::TimedOut { .. } => Recovery::Retry,
        Error::Credentials(CredentialsError::Unanswered { .. }) => Recovery::Retry,
        // Somebody took the daemon's place: no try may give them a request.
        Error::Untrusted { .. } | Error::Distrusted { .. } => Recovery::Stop,
        Error::NotAdmitted { .. } | Error::Options(_) | Error::Credentials(_) => Recovery::Stop,
        Error::Rpc(error) => match error.code {
            Code::InvalidArgument if error.reason == "INVALID_CURSOR" => Recovery::Restart,
            // A watch that skips nothing has lost something: it is told so.
            Code::OutOfRange if error.reason == "CURSOR_EXPIRED" => Recovery::Restart,
            Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::Cancelled | Code::DeadlineExceeded => {
                Recovery::Retry
            }
            Code::Ok
            | Code::Unknown
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss
            | Code::Unauthenticated => Recovery::Stop,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::RpcError;

    fn after(code: Code, reason: &str) -> Recovery {
        recovery(&Error::Rpc(RpcError {
            code,
            reason: reason.to_owned(),
            message: String::new(),
            metadata: HashMap::new(),
            retry_after: None,
        }))
    }

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        assert_eq!(recovery(&Error::ended()), Recovery::Retry);
        for number in 0..=16 {
            let code = Code::from(number);
            let retried = matches!(number, 1 | 4 | 8 | 10 | 14);
            assert_eq!(after(code, "") == Recovery::Retry, retried, "{code:?}");
        }
        assert_eq!(after(Code::InvalidArgument, "INVALID_CURSOR"), Recovery::Restart);
        assert_eq!(after(Code::OutOfRange, "CURSOR_EXPIRED"), Recovery::Restart);
        assert_eq!(after(Code::InvalidArgument, "INVALID_FILTER"), Recovery::Stop);
    }
}
