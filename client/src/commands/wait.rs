//! `daymark wait`

mod connecting;
mod reaching;

use std::time::Duration;

use daymark::api::{CancelGateRequest, OpenGateRequest, Outcome};
use daymark::{Backoff, Client, Error, Followed, Recovery, recovery};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use self::reaching::Reached;
use super::following::Following;
use super::operation::request_id;
use super::{root_cause, session};
use crate::args::{Global, IfUnreachable, Wait};
use crate::ask::{self, Ask};
use crate::exit::{Exit, Failure, exit_of};
use crate::printer::Printer;
use crate::signals::Signals;

/// The verdict is the daemon's: it may come so much later than its deadline.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// Before another gate is opened for one that ended without a verdict.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The longest that a daemon lets a gate be open.
const LONGEST_GATE: Duration = Duration::from_hours(24);
/// How long it may take to cancel a gate.
const CANCELLING: Duration = Duration::from_secs(1);

/// A wait on its way.
struct Waiter<'a> {
    client: Client,
    ask: Ask,
    following: Following<'a>,
    deadline: Instant,
    signals: &'a mut Signals,
    if_unreachable: IfUnreachable,
    /// Why the daemon is lost, while it is.
    lost: Option<Error>,
    /// Whether another gate has been opened before.
    is_again: bool,
}

/// How opening a gate has ended.
enum Opened {
    /// It is open: its token.
    Gate(String),
    /// The deadline came first.
    Late,
    /// Nobody can be asked, and that is to be no hindrance.
    Unchecked(String),
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
    printer.read_by(args.report.ci);
    let begun = Instant::now();
    let ask = signals.or(ask::read(&args.question, session::namespace(global), printer)).await?;
    let ask = ask.of_cluster(session::cluster(global));
    // Looking once takes as long as a single call may.
    let limit = if ask.once { session::request_timeout(global) } else { ask.deadline };
    let deadline = begun + limit;
    let mut following = Following::new(printer, &args.report, begun).everywhere(args.question.all_namespaces);
    if args.quiet {
        following = following.quietly(&beginning(args, &ask));
    }
    let if_unreachable = args.if_unreachable;
    let client = match reaching::reach(global, if_unreachable, deadline, signals, &mut following).await? {
        Reached::Daemon(client) => *client,
        Reached::Nobody(problem) => return following.pass_unchecked(&problem),
    };
    let waiter = Waiter { client, ask, following, deadline, signals, if_unreachable, lost: None, is_again: false };
    waiter.wait(limit).await
}

/// `waiting for statefulset/db, 5m at most`
fn beginning(args: &Wait, ask: &Ask) -> String {
    let question = &args.question;
    let what = match &question.words[..] {
        [] => question.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" "),
        words => words.join(" "),
    };
    let limit = match () {
        () if ask.once => "once".to_owned(),
        () if ask.is_endless() => "without a deadline".to_owned(),
        () => format!("{} at most", crate::duration::show(ask.deadline)),
    };
    format!("waiting for {}, {limit}", crate::sanitize::line(&what))
}

impl Waiter<'_> {
    async fn wait(mut self, limit: Duration) -> Result<Exit, Failure> {
        loop {
            let token = match self.open().await? {
                Opened::Gate(token) => token,
                Opened::Late => return self.give_up(limit),
                Opened::Unchecked(problem) => return self.following.pass_unchecked(&problem),
            };
            match self.follow(&token).await? {
                // Not the time that was set is up, but a gate's.
                End::Verdict if self.ask.is_endless() && self.following.may_pass_later() => {
                    self.is_again = true;
                    self.pause(ASK_AGAIN).await?;
                }
                End::Verdict => break,
                End::Forgotten => {
                    let text = "the daemon restarted and lost this gate; opening another";
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
        self.look_deeper().await;
        self.following.finish()
    }

    /// Finds out what is behind the verdict, if it is one on whether objects are well. Who looks only
    /// once does not wait for that.
    async fn look_deeper(&mut self) {
        if !self.ask.once && self.ask.is_about_being_well() {
            let cluster = self.ask.request.filter.as_ref().map_or("", |filter| &filter.cluster);
            root_cause::look_for(&self.client, cluster, &mut self.following, self.signals).await;
        }
    }

    /// Opens a gate until the deadline, and says its token.
    async fn open(&mut self) -> Result<Opened, Failure> {
        let (request_id, mut backoff) = (request_id(), Backoff::default());
        loop {
            let Some(request) = self.request() else { return Ok(Opened::Late) };
            let request = OpenGateRequest { request_id: request_id.clone(), ..request };
            let opened = tokio::select! {
                biased;
                ending = self.signals.next() => return Err(ending.into()),
                opened = timeout_at(self.deadline, self.client.open_gate(request)) => opened,
            };
            let error = match opened {
                Ok(Ok(opened)) => return Ok(Opened::Gate(opened.token)),
                Ok(Err(error)) if recovery(&error) == Recovery::Stop => return Err(error.into()),
                Ok(Err(error)) => error,
                Err(_) => return Ok(Opened::Late),
            };
            // One that has answered before is waited for.
            if self.if_unreachable == IfUnreachable::Pass && !self.is_again && exit_of(&error) == Exit::Unreachable {
                return Ok(Opened::Unchecked(error.to_string()));
            }
            let wait = backoff.wait(&error);
            self.lose(error);
            self.pause(wait).await?;
            if Instant::now() >= self.deadline {
                return Ok(Opened::Late);
            }
        }
    }

    /// Waits for so long, or until the deadline.
    async fn pause(&mut self, long: Duration) -> Result<(), Failure> {
        let until = Instant::now().checked_add(long).map_or(self.deadline, |end| end.min(self.deadline));
        tokio::select! {
            biased;
            ending = self.signals.next() => Err(ending.into()),
            () = sleep_until(until) => Ok(()),
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
        let left = if self.ask.is_endless() { left.min(LONGEST_GATE) } else { left };
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
                    Ok(Some(Followed::Told(message))) => {
                        if self.lost.take().is_some() {
                            self.following.begin();
                        }
                        self.following.told(*message)?;
                    }
                    Ok(Some(Followed::Lost(error))) => self.lose(error),
                    Ok(Some(Followed::Restored)) => {}
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
        let text = format!("the deadline of {limit} passed, and {problem}");
        if self.if_unreachable == IfUnreachable::Pass && exit == Exit::Unreachable {
            return self.following.pass_unchecked(&text);
        }
        self.following.undecided("DaemonLost", text.clone());
        // The exit code is another one than that of a verdict.
        match self.following.finish() {
            Ok(_) | Err(Failure::Said { .. }) => Err(Failure::new(exit, text)),
            Err(failure) => Err(failure),
        }
    }
}
