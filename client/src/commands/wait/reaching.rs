//! Reaching a daemon that may not be there yet.

use std::time::Duration;

use daymark::Client;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::following::Following;
use super::super::session;
use crate::args::{Global, IfUnreachable};
use crate::exit::{Exit, Failure};
use crate::signals::Signals;

/// Before it is looked for again: twice as long each time, up to the longest.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(10);

/// What there is.
pub(super) enum Reached {
    /// A daemon.
    Daemon(Box<Client>),
    /// None, and that is to be no hindrance: why.
    Nobody(String),
}

/// Connects to the daemon, or does without as `if_unreachable` says, until the deadline at the latest.
pub(super) async fn reach(
    global: &Global,
    if_unreachable: IfUnreachable,
    deadline: Instant,
    signals: &mut Signals,
    following: &mut Following<'_>,
) -> Result<Reached, Failure> {
    let mut pause = FIRST;
    loop {
        let failure = tokio::select! {
            biased;
            ending = signals.next() => return Err(ending.into()),
            client = timeout_at(deadline, session::connect(global)) => match client {
                Ok(Ok(client)) => return Ok(Reached::Daemon(Box::new(client))),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::new(Exit::Unreachable, "no connection before the deadline"),
            },
        };
        let Failure::Said { exit: Exit::Unreachable, message } = &failure else { return Err(failure) };
        match if_unreachable {
            IfUnreachable::Fail => return Err(failure),
            IfUnreachable::Pass => return Ok(Reached::Nobody(message.clone())),
            IfUnreachable::Wait => {}
        }
        // Once, however many tries it takes.
        if pause == FIRST {
            following.problem(&format!("{message}; trying again"));
        }
        let again = Instant::now() + pause;
        if again >= deadline {
            return Err(failure);
        }
        tokio::select! {
            biased;
            ending = signals.next() => return Err(ending.into()),
            () = sleep_until(again) => pause = (pause * 2).min(LONGEST),
        }
    }
}
