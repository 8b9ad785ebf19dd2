//! Who may have the cluster changed, and how that is told.

use std::sync::Arc;

use tonic::{Code, Request, Status};

use super::Served;
use super::connection::Arrival;
use super::error::{Reason, status, unreviewed};
use crate::access::Caller;
use crate::act::Act;
use crate::act::actor::{Actor, NotActing, NotDone};
use crate::source::ProblemReason;
use crate::source::apiserver::requests::Refusal;

impl Served {
    /// Whoever acts for that caller, if it may have such a thing done at all. What it may do of
    /// it is a matter of its rights, which [`Actor::may`] and the API server look after.
    pub(super) async fn actor(&self, caller: &Caller, act: Act) -> Result<Actor, Status> {
        if *caller != Caller::Owner && !self.remote_acts.has(act) {
            let message = format!(
                "the daemon does not {act} for {caller}: its operator can enable this with --remote-acts {act}"
            );
            return Err(status(Code::PermissionDenied, Reason::ActNotEnabled, message, [("act", act.to_string())]));
        }
        self.reader(caller).await
    }

    /// The same, of who only reads.
    pub(super) async fn reader(&self, caller: &Caller) -> Result<Actor, Status> {
        let Some(server) = self.source.api_server() else {
            let message = "a recording is not a cluster: nothing can be done to it";
            return Err(status(Code::FailedPrecondition, Reason::NoApiServer, message, []));
        };
        let actor = Actor::new(server, Arc::clone(&self.authorizer), caller).await;
        actor.map_err(|error| match error {
            NotActing::Unnameable(_) => status(Code::PermissionDenied, Reason::PermissionDenied, error.to_string(), []),
            NotActing::Unreviewed(problem) => unreviewed(&problem),
        })
    }
}

/// What was asked for was not done.
pub(super) fn not_done(error: &NotDone) -> Status {
    match error {
        NotDone::Denied { .. } => status(Code::PermissionDenied, Reason::PermissionDenied, error.to_string(), []),
        NotDone::Unreviewed(problem) => unreviewed(problem),
        NotDone::Another { .. } => status(Code::NotFound, Reason::ObjectNotFound, error.to_string(), []),
        NotDone::Refused(refusal) => refused(refusal),
    }
}

fn refused(refusal: &Refusal) -> Status {
    let (code, reason) = match (refusal.status, refusal.problem.reason) {
        (_, ProblemReason::Forbidden) => (Code::PermissionDenied, Reason::PermissionDenied),
        (Some(404), _) => (Code::NotFound, Reason::ObjectNotFound),
        (Some(409), _) => (Code::Aborted, Reason::ActRefused),
        _ if refusal.may_pass() => (Code::Unavailable, Reason::ClusterUnreachable),
        (None, _) => (Code::Unavailable, Reason::ClusterUnreachable),
        (Some(_), _) => (Code::FailedPrecondition, Reason::ActRefused),
    };
    let problem = if refusal.reason.is_empty() { refusal.problem.reason.to_string() } else { refusal.reason.clone() };
    status(code, reason, refusal.to_string(), [("problem", problem)])
}

/// An act, to be noted with whoever has asked for it.
#[derive(Clone, Debug)]
pub(super) struct Note {
    from: String,
    caller: String,
    act: Act,
    target: String,
}

impl Note {
    /// Of a request that has that done to a target.
    pub(super) fn of<T>(request: &Request<T>, caller: &Caller, act: Act, target: impl Into<String>) -> Self {
        let from = request.extensions().get::<Arrival>();
        let from = from.map_or_else(|| "unknown".to_owned(), |arrival| arrival.peer.to_string());
        Self { from, caller: caller.to_string(), act, target: target.into() }
    }

    /// The same, of one of several targets.
    pub(super) fn at(&self, target: String) -> Self {
        Self { target, ..self.clone() }
    }

    /// The same, of what has been done at once.
    pub(super) fn tell_of<T>(&self, done: &Result<T, NotDone>) {
        match done {
            Ok(_) => self.tell("done", ""),
            Err(error) => self.tell("failed", &error.to_string()),
        }
    }

    /// Writes into the log what has become of it: `done`, `failed`, `begun`...
    pub(super) fn tell(&self, outcome: &str, message: &str) {
        let Self { from, caller, act, target } = self;
        tracing::info!(target: "daymark::audit", from, caller, %act, target, outcome, message, "audit: act");
    }
}
