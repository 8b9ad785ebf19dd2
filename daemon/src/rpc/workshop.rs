//! What takes a while, and a part of a processor: so much of it is done at a time, and of that a part
//! for one caller.

use std::time::Duration;

use tonic::Status;

use super::Served;
use super::error::{Reason, come_again, draining};
use crate::access::Caller;
use crate::access::identity::User;
use crate::access::turns::{Limits, Turns};
use crate::errands::NotDone;

/// Work at a time, of one caller, and what waits of it.
const LIMITS: Limits = Limits { at_once: 4, of_one: 2, waiting: 100, patience: Duration::from_secs(30) };

/// Where work of one kind is done.
pub(super) struct Workshop {
    turns: Turns<User>,
}

impl Workshop {
    pub(super) fn new() -> Self {
        Self { turns: Turns::new(LIMITS) }
    }

    /// What comes of the work, which is begun when it is its turn.
    pub(super) async fn have_done<T: Send + 'static>(
        &self,
        served: &Served,
        caller: &Caller,
        work: impl Future<Output = Result<T, Status>> + Send + 'static,
    ) -> Result<T, Status> {
        let waiting = self.turns.wait(caller.user()).ok_or_else(busy)?;
        let work = async move {
            let _turn = waiting.turn().await.ok_or_else(busy)?;
            work.await
        };
        tokio::select! {
            biased;
            () = served.drain.cancelled() => Err(draining()),
            done = served.errands.run(work) => done.unwrap_or_else(|not_done| Err(match not_done {
                NotDone::Busy => busy(),
                NotDone::Stopping => draining(),
                NotDone::Panicked => Status::internal(not_done.to_string()),
            })),
        }
    }
}

fn busy() -> Status {
    come_again(Reason::TooManyRequests, "too much of this is to be done at the same time: try again later".into())
}
