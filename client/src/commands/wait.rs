//! `daymark wait`

mod connecting;

use std::time::Duration;

use daymark::api::{CancelGateRequest, OpenGateRequest, Outcome};
use daymark::{Client, Error, GateEvent, Recovery, recovery};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::following::Following;
use super::operation::request_id;
use super::session;
use crate::args::{Global, Wait};
use crate::ask::{self, Ask};
use crate::exit::{Exit, Failure, exit_of};
use crate::printer::Printer;
use crate::signals::Signals;

/// The verdict is the daemon's: it may come so much later than its deadline.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// Before a daemon that cannot answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long it may take to cancel a gate.
const CANCELLING: Duration = Duration::from_secs(1);

/// A wait on its way.
struct Waiter<'a> {
    client: Client,
    ask: Ask,
    following: Following<'a>,
    deadline: Instant,
    signals: &'a mut Signals,
    /// Why the daemon is lost, while it is.
    lost: Option<Error>,
    /// Whether another gate has been opened before.
    is_again: bool,
}

/// How following a gate has ended.
enum End {
    /// It has its verdict.
    Verdict,
    /// The daemon knows it no longer.
    Forgotten,
    /// The deadline is long over.
    Late,
}

/// Waits until the verdict or the deadline.
pub async fn run(global: &Global, args: &Wait, printer: &mut Printer, signals: &mut Signals) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let ask = ask::read(&args.question, session::namespace(global))?.of_cluster(session::cluster(global));
    // Looking once takes as long as a single call may.
    let limit = if ask.once { session::request_timeout(global) } else { ask.deadline };
    let deadline = begun + limit;
    let client = tokio::select! {
        biased;
        ending = signals.next() => return Err(ending.into()),
        client = timeout_at(deadline, session::connect(global)) => match client {
            Ok(client) => client?,
            Err(_) => return Err(Failure::new(Exit::Unreachable, "no connection before the deadline")),
        },
    };
    let following = Following::new(printer, &args.report, begun);
    Waiter { client, ask, following, deadline, signals, lost: None, is_again: false }.wait(limit).await
}

impl Waiter<'_> {
    async fn wait(mut self, limit: Duration) -> Result<Exit, Failure> {
        loop {
            let Some(token) = self.open().await? else { return self.give_up(limit) };
            match self.follow(&token).await? {
                End::Verdict => break,
                End::Forgotten => {
                    let text = "the daemon knows the gate no longer: it was started anew; asking again";
                    self.following.problem(text);
                    self.is_again = true;
                }
                End::Late => return self.give_up(limit),
            }
        }
        if self.following.outcome() == Outcome::Passed {
            let answering = tokio::select! {
                biased;
                ending = self.signals.next() => return Err(ending.into()),
                answering = connecting::until_all_answer(&self.ask.connect, self.deadline, self.ask.once) => answering,
            };
            if let Err(problem) = answering {
                self.following.undecided("NoConnection", problem);
            }
        }
        self.following.finish()
    }

    /// Opens a gate until the deadline, and says its token.
    async fn open(&mut self) -> Result<Option<String>, Failure> {
        let request_id = request_id();
        loop {
            let Some(request) = self.request() else { return Ok(None) };
            let request = OpenGateRequest { request_id: request_id.clone(), ..request };
            let opened = tokio::select! {
                biased;
                ending = self.signals.next() => return Err(ending.into()),
                opened = timeout_at(self.deadline, self.client.open_gate(request)) => opened,
            };
            let error = match opened {
                Ok(Ok(opened)) => return Ok(Some(opened.token)),
                Ok(Err(error)) if recovery(&error) == Recovery::Stop => return Err(error.into()),
                Ok(Err(error)) => error,
                Err(_) => return Ok(None),
            };
            self.lose(error);
            let again = (Instant::now() + ASK_AGAIN).min(self.deadline);
            tokio::select! {
                biased;
                ending = self.signals.next() => return Err(ending.into()),
                () = sleep_until(again) => if again >= self.deadline { return Ok(None) },
            }
        }
    }

    /// What is asked, with what is left of the deadline; nothing, if it could not pass
    /// any more.
    fn request(&self) -> Option<OpenGateRequest> {
        let mut request = self.ask.request.clone();
        let policy = request.policy.as_mut()?;
        let left = self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let is_too_long = |duration: &prost_types::Duration| Duration::try_from(*duration).is_ok_and(|it| it >= left);
        // The first time it is the daemon's to say that they contradict each other.
        if self.lost.is_some() || self.is_again {
            if policy.stable_for.as_ref().is_some_and(is_too_long) {
                return None;
            }
            policy.no_progress = policy.no_progress.take().filter(|duration| !is_too_long(duration));
        }
        policy.deadline = left.try_into().ok();
        Some(request)
    }

    fn lose(&mut self, error: Error) {
        // Once, however many tries it takes.
        if self.lost.is_none() {
            self.following.lost(&self.client, &error);
        }
        self.lost = Some(error);
    }

    async fn follow(&mut self, token: &str) -> Result<End, Failure> {
        let mut watch = self.client.watch_gate(token);
        self.following.begin();
        loop {
            let silent_until = self.following.silent_until();
            tokio::select! {
                biased;
                ending = self.signals.next() => {
                    // Nobody waits for it any more; it would end by itself.
                    let cancel = CancelGateRequest { token: token.to_owned() };
                    let _cancelled = timeout(CANCELLING, self.client.cancel_gate(cancel)).await;
                    return Err(ending.into());
                }
                event = watch.next() => match event {
                    Ok(Some(GateEvent::Told(message))) => {
                        if self.lost.take().is_some() {
                            self.following.begin();
                        }
                        self.following.told(*message)?;
                    }
                    Ok(Some(GateEvent::Lost(error))) => self.lose(error),
                    Ok(None) => return Ok(End::Verdict),
                    Err(Error::Rpc(error)) if error.reason == "GATE_NOT_FOUND" => return Ok(End::Forgotten),
                    Err(error) => return Err(error.into()),
                },
                () = sleep_until(self.deadline + GRACE) => return Ok(End::Late),
                () = sleep_until(silent_until) => self.following.go_on(),
            }
        }
    }

    /// The deadline came, and the daemon has said nothing.
    fn give_up(&mut self, limit: Duration) -> Result<Exit, Failure> {
        let limit = crate::duration::show(limit);
        let (exit, problem) = match &self.lost {
            Some(error) => (exit_of(error), format!("the daemon is lost: {error}")),
            None => (Exit::Unreachable, "the daemon has given no verdict".to_owned()),
        };
        let text = format!("the deadline of {limit} came, and {problem}");
        self.following.undecided("DaemonLost", text.clone());
        // The exit code is another one than that of a verdict.
        match self.following.finish() {
            Ok(_) | Err(Failure::Said { .. }) => Err(Failure::new(exit, text)),
            Err(failure) => Err(failure),
        }
    }
}
