//! What outlives the daemon of its gates, in the API's words: those that earlier
//! daemons have kept, and what is kept of those that end.

use std::sync::Arc;
use std::time::Duration;

use daymark_proto::v1::{self, ArmGateRequest, GetGateResponse, OpenGateRequest};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt as _};

use super::Served;
use super::error::Reason;
use crate::access::Caller;
use crate::access::identity::Identity;
use crate::gate::ending::{Ending, Fault};
use crate::gate::register::{Gate, Opening, Outline};
use crate::gate::reopening::{Over, Reopening};
use crate::gate::report::Report;
use crate::gate::run::Run;
use crate::gate::store::{Ended, Loaded, Opened};
use crate::gate::{Outcome, Verdict};

/// Before a request that cannot be served yet is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl Served {
    /// Knows the gates again that earlier daemons have kept, and returns those that
    /// are to be reopened.
    #[must_use]
    pub fn know_again(&self, loaded: Loaded) -> Vec<Reopening> {
        for ended in loaded.ended {
            match read(&ended) {
                Some((outline, verdict)) => self.gates.know_ended(ended, outline, verdict),
                None => tracing::warn!("a gate that has ended is kept in words that are not known: it is forgotten"),
            }
        }
        let reopening = |(opened, armed): (Opened, Option<Vec<u8>>)| {
            let awaits_arming = OpenGateRequest::decode(&*opened.request).is_ok_and(|request| request.await_arming);
            let caller = whose(&opened)?;
            Some(self.gates.know_open(opened, caller, awaits_arming, armed, loaded.last))
        };
        loaded.open.into_iter().filter_map(reopening).collect()
    }

    /// Judges a gate that an earlier daemon has opened.
    #[must_use]
    pub fn judge_again(self: &Arc<Self>, reopening: Reopening) -> BoxFuture<'static, ()> {
        let (served, fault) = (Arc::clone(self), Fault::from(&reopening));
        let judging = async move {
            match served.reopen(reopening).await {
                Ok(gate) => served.judge(*gate).await,
                Err(ending) => served.tell(*ending).await,
            }
        };
        self.to_an_end(judging.boxed(), fault)
    }

    /// Follows a gate to its end, and tells it when it is kept.
    ///
    /// There are many: what follows one is boxed at once, because each layer around it
    /// would hold it twice, and so is what comes at its end only.
    #[must_use]
    pub fn judge(self: &Arc<Self>, gate: Run) -> BoxFuture<'static, ()> {
        let fault = Fault::from(&gate);
        let (served, gate) = (Arc::clone(self), Box::pin(gate.run()));
        let judging = async move {
            if let Some(ending) = gate.await {
                Box::pin(served.tell(ending)).await;
            }
        };
        self.to_an_end(judging.boxed(), fault)
    }

    /// Has a gate an end, also if what follows it has none.
    fn to_an_end(self: &Arc<Self>, following: BoxFuture<'static, ()>, fault: Fault) -> BoxFuture<'static, ()> {
        let served = Arc::clone(self);
        let tell = |ending| Box::pin(async move { served.tell(ending).await });
        fault.unless(following, tell).boxed()
    }

    async fn tell(&self, ending: Ending) {
        ending.tell(|gate, report| self.summary(gate, report)).await;
    }

    fn summary(&self, gate: &Gate, report: &Report) -> Vec<u8> {
        let told = self.gate_and_objects(gate, report);
        // What cannot be told of objects cannot be kept, either: the outcome can.
        let told = told.or_else(|_| Ok(GetGateResponse { gate: Some(self.gate(gate, report)?), objects: Vec::new() }));
        with_caller(told.unwrap_or_else(|_: Status| GetGateResponse::default()).encode_to_vec(), &gate.caller)
    }

    /// Looks at the gate's objects from now on, as soon as that can be; or ends it.
    async fn reopen(self: &Arc<Self>, mut gate: Reopening) -> Result<Box<Run>, Box<Ending>> {
        if gate.is_late() {
            return Err(Box::new(gate.absent()));
        }
        let mut why = "nobody has answered yet".to_owned();
        loop {
            let opening = self.kept_opening(gate.request.clone(), gate.armed.clone());
            let tried = tokio::select! {
                biased;
                over = gate.over() => Err(over),
                opening = opening => Ok(opening),
            };
            let over = match tried {
                Ok(Ok(opening)) => return Ok(Box::new(self.gates.reopen(gate, opening))),
                Ok(Err(error)) if !may_pass(&error) => return Err(Box::new(gate.refused(error.message()))),
                Ok(Err(error)) => {
                    error.message().clone_into(&mut why);
                    tokio::time::timeout(TRY_AGAIN, gate.over()).await.ok()
                }
                Err(over) => Some(over),
            };
            match over {
                Some(Over::Cancelled) => return Err(Box::new(gate.cancelled())),
                Some(Over::Late) => return Err(Box::new(gate.refused(&why))),
                None => {}
            }
        }
    }

    async fn kept_opening(self: &Arc<Self>, request: Vec<u8>, armed: Option<Vec<u8>>) -> Result<Opening, Status> {
        let unknown = |error: prost::DecodeError| Status::internal(format!("it is kept in unknown words: {error}"));
        let caller = caller_of(&request).map_err(|error| Status::internal(error.to_string()))?;
        let opening = self.opening(&caller, OpenGateRequest::decode(&*request).map_err(unknown)?).await?;
        match armed {
            None => Ok(opening),
            Some(armed) => self.armed(opening, &ArmGateRequest::decode(&*armed).map_err(unknown)?.applied),
        }
    }
}

/// Whether the same request may be served later. Its kinds were served once, and an
/// API server that starts, too, may not say all of them yet.
fn may_pass(error: &Status) -> bool {
    let is_kind_unknown = |info: ErrorInfo| info.reason == Reason::UnknownKind.as_str();
    matches!(error.code(), Code::Unavailable | Code::ResourceExhausted)
        || error.get_details_error_info().is_some_and(is_kind_unknown)
}

/// What is to be known of a gate that has ended: when it was opened, its deadline,
/// and its outcome.
fn read(ended: &Ended) -> Option<(Outline, Verdict)> {
    let gate = GetGateResponse::decode(&*ended.summary).ok()?.gate?;
    let outcome = match gate.outcome() {
        v1::Outcome::Unspecified => return None,
        v1::Outcome::Passed => Outcome::Passed,
        v1::Outcome::Failed => Outcome::Failed,
        v1::Outcome::Undecided => Outcome::Undecided,
        v1::Outcome::Cancelled => Outcome::Cancelled,
    };
    let time = |time: prost_types::Timestamp| Timestamp::new(time.seconds, time.nanos).ok();
    let verdict = Verdict { outcome, reason: gate.reason, message: gate.message, at: ended.at, culprit: None };
    let caller = caller_of(&ended.summary).ok()?;
    Some((Outline { opened: time(gate.open_time?)?, deadline: time(gate.deadline?)?, caller }, verdict))
}

/// Whose a message is, behind it: the API's messages have no such field.
#[derive(prost::Message)]
struct KeptFor {
    #[prost(message, optional, tag = "1000")]
    user: Option<KeptIdentity>,
}

#[derive(prost::Message)]
struct KeptIdentity {
    #[prost(string, tag = "1")]
    username: String,
    #[prost(string, optional, tag = "2")]
    uid: Option<String>,
    #[prost(string, repeated, tag = "3")]
    groups: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    extra: Vec<KeptExtra>,
}

#[derive(prost::Message)]
struct KeptExtra {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, repeated, tag = "2")]
    values: Vec<String>,
}

/// A message, and whose it is.
pub(super) fn with_caller(mut message: Vec<u8>, caller: &Caller) -> Vec<u8> {
    let Caller::User(identity) = caller else { return message };
    let Identity { username, uid, groups, extra } = Identity::clone(identity);
    let extra = extra.into_iter().map(|(key, values)| KeptExtra { key, values }).collect();
    message.extend(KeptFor { user: Some(KeptIdentity { username, uid, groups, extra }) }.encode_to_vec());
    message
}

/// It cannot be read whose a message is: it is nobody's then, and least of all the daemon's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be read who has opened it: {0}")]
struct NotReadable(#[from] prost::DecodeError);

/// Whose a message is: the daemon's own, if it says nobody.
fn caller_of(message: &[u8]) -> Result<Caller, NotReadable> {
    Ok(match KeptFor::decode(message)?.user {
        None => Caller::Owner,
        Some(KeptIdentity { username, uid, groups, extra }) => {
            let extra = extra.into_iter().map(|KeptExtra { key, values }| (key, values)).collect();
            Caller::User(Arc::new(Identity { username, uid, groups, extra }))
        }
    })
}

/// Whose a gate is that is open. One of which that cannot be read stays where it is kept, and is not reopened.
fn whose(gate: &Opened) -> Option<Caller> {
    let caller = caller_of(&gate.request);
    caller.inspect_err(|error| tracing::warn!(opened = %gate.opened, "a gate is not reopened: {error}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::token::Name;

    #[test]
    fn a_message_keeps_whose_it_is_and_says_the_same() {
        let extra = [("scopes".to_owned(), vec!["a".to_owned(), "b".to_owned()])].into();
        let identity = Identity { uid: Some("7".into()), extra, ..Identity::new("jane", vec!["dev".into()]) };
        let request = OpenGateRequest { request_id: "id".into(), await_arming: true, ..Default::default() };
        for caller in [Caller::User(Arc::new(identity)), Caller::Owner] {
            let kept = with_caller(request.encode_to_vec(), &caller);
            assert_eq!(caller_of(&kept), Ok(caller));
            assert_eq!(OpenGateRequest::decode(&*kept), Ok(request.clone()));
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_the_daemons_own() {
        let jane = Caller::User(Arc::new(Identity::new("jane", vec!["dev".into()])));
        let request = OpenGateRequest { request_id: "id".into(), ..Default::default() }.encode_to_vec();
        let kept = with_caller(request.clone(), &jane);
        for length in request.len() + 1..kept.len() {
            assert!(caller_of(&kept[..length]).is_err(), "the first {length} bytes");
        }
        let gate = |request: &[u8]| Opened {
            name: Name::of("token"),
            asked: None,
            opened: Timestamp::UNIX_EPOCH,
            deadline: Timestamp::UNIX_EPOCH,
            request: request.to_vec(),
        };
        assert_eq!(whose(&gate(&kept)), Some(jane));
        assert_eq!(whose(&gate(&kept[..kept.len() - 1])), None);
        // Those that daemons have kept that knew no users.
        assert_eq!([whose(&gate(&request)), whose(&gate(&[]))], [Some(Caller::Owner), Some(Caller::Owner)]);
    }
}
