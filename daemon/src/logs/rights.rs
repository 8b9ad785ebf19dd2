//! Whose logs a caller may read.

use std::sync::Arc;

use tokio::time::Instant;

use crate::access::Caller;
use crate::access::authorizer::{Authorizer, Right};
use crate::access::trust::Trust;
use crate::record::Key;
use crate::source::Problem;

/// What a caller may read.
pub(super) struct Rights {
    pub(super) caller: Caller,
    pub(super) authorizer: Arc<Authorizer>,
    /// What was found out last.
    pub(super) trust: Trust,
}

impl Rights {
    /// Whether the caller may read the logs of a pod: of all in its namespace, or of it; and why
    /// not.
    pub(super) async fn to_read(&self, pod: &Key) -> Result<Result<(), String>, Problem> {
        let here = Right::to_any("get", "", "pods", Some(&pod.namespace)).below("log");
        if self.authorizer.may(&self.caller, here.clone()).await? {
            return Ok(Ok(()));
        }
        let of_it = here.of(&pod.name);
        Ok(match self.authorizer.may(&self.caller, of_it.clone()).await? {
            true => Ok(()),
            false => Err(format!("{} may not {of_it}", self.caller)),
        })
    }

    /// When they are to be looked at again; never, if they are the daemon's own.
    pub(super) fn lasting_until(&self) -> Option<Instant> {
        matches!(self.caller, Caller::User(_)).then(|| self.trust.ask_at())
    }
}
