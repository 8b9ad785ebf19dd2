//! `daymark wait`

use std::collections::BTreeSet;
use std::time::Duration;

use daymark::api::status_event::{Event, Reset};
use daymark::api::{Freshness, View, WatchStatusesRequest};
use daymark::{Client, Error, Told, WatchEvent};
use tokio::time::Instant;

use super::session;
use crate::args::{Global, Wait};
use crate::exit::{Exit, Failure, exit_of};
use crate::printer::Printer;
use crate::targets::{Selection, Target};
use crate::verdict::{Gate, GateError, Verdict};
use crate::{duration, sanitize, words};

mod report;

const PROGRESS: Duration = Duration::from_secs(5);

/// A wait on its way.
struct Waiter<'a> {
    args: &'a Wait,
    printer: &'a mut Printer,
    gate: Gate,
    begun: Instant,
    /// The line that was last said of each object.
    said: Vec<String>,
    warned: BTreeSet<String>,
    /// How new the view is, and when that was told.
    freshness: Option<(Freshness, Instant)>,
    /// Why the stream is lost, while it is.
    lost: Option<Error>,
}

impl From<GateError> for Failure {
    fn from(error: GateError) -> Self {
        let exit = match error {
            GateError::NoRollout(_) => Exit::Usage,
            GateError::Mismatch { .. } => Exit::Fault,
        };
        Self::new(exit, error.to_string())
    }
}

/// Waits until the verdict or the deadline.
pub async fn run(global: &Global, args: &Wait, printer: &mut Printer) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let Selection::Objects(targets) = Selection::parse(&args.words)? else {
        return Err(Failure::usage("name the objects to wait for: KIND/NAME"));
    };
    // Looking once takes as long as a single call may.
    let limit = if args.timeout.is_zero() { session::request_timeout(global) } else { args.timeout };
    let deadline = begun + limit;
    let client = match tokio::time::timeout_at(deadline, session::connect(global)).await {
        Ok(client) => client?,
        Err(_) => return Err(Failure::new(Exit::Unreachable, "no connection before the deadline")),
    };
    let mut waiter = Waiter {
        args,
        printer,
        gate: Gate::new(&targets, args.goal, args.tolerate),
        begun,
        said: vec![String::new(); targets.len()],
        warned: BTreeSet::new(),
        freshness: None,
        lost: None,
    };
    waiter.wait(&client, request(&targets, session::namespace(global)), deadline).await?;
    waiter.finish(limit)
}

fn request(targets: &[Target], namespace: Option<&str>) -> WatchStatusesRequest {
    WatchStatusesRequest {
        filter: Some(Selection::Objects(targets.to_vec()).filter(namespace, false)),
        view: View::Basic.into(),
        proven: true,
        progress_interval: PROGRESS.try_into().ok(),
        ..WatchStatusesRequest::default()
    }
}

impl Waiter<'_> {
    async fn wait(&mut self, client: &Client, request: WatchStatusesRequest, deadline: Instant) -> Result<(), Failure> {
        let mut watch = client.watch(request);
        while !self.is_over() {
            let due = self.gate.due().map(|due| self.begun + due);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => return Ok(()),
                () = sleep_until(due) => {}
                event = watch.next() => match event? {
                    WatchEvent::Told(told) => self.told(told)?,
                    WatchEvent::Restored => self.lost = None,
                    WatchEvent::Lost { error } => {
                        self.gate.lose();
                        self.printer.problem(&session::lost(client, &error));
                        self.lost = Some(error);
                    }
                },
            }
        }
        Ok(())
    }

    fn is_over(&mut self) -> bool {
        self.gate.at(self.begun.elapsed());
        self.gate.verdict() != Verdict::Undecided || (self.args.timeout.is_zero() && self.gate.is_proven())
    }

    fn told(&mut self, Told { event, freshness }: Told) -> Result<(), Failure> {
        if let Some(freshness) = freshness {
            self.freshness = Some((freshness, Instant::now()));
        }
        self.gate.at(self.begun.elapsed());
        if let Event::Reset(reset) = &event {
            self.unreachable(reset)?;
        }
        self.gate.apply(event)?;
        self.tell();
        Ok(())
    }

    fn unreachable(&mut self, reset: &Reset) -> Result<(), Failure> {
        for kind in &reset.unreachable {
            let text = session::unreachable(kind);
            if kind.reason == "Forbidden" {
                return Err(Failure::new(Exit::NotPermitted, text.trim_start_matches("warning: ")));
            }
            if self.warned.insert(text.clone()) {
                self.printer.problem(&text);
            }
        }
        Ok(())
    }

    /// Says on stderr what is new.
    fn tell(&mut self) {
        for (object, said) in self.gate.objects().iter().zip(&mut self.said) {
            let Some(status) = object.status() else { continue };
            let line = format!("{}: {}", sanitize::line(&object.name()), words::condition(status));
            if *said != line {
                self.printer.note(&line);
                *said = line;
            }
        }
    }

    /// Prints the verdict and chooses the exit code.
    fn finish(mut self, limit: Duration) -> Result<Exit, Failure> {
        let verdict = self.gate.verdict();
        self.report(verdict)?;
        self.printer.flush()?;
        match (verdict, &self.lost) {
            (Verdict::Passed, _) => Ok(Exit::Passed),
            (Verdict::Failed, _) => Ok(Exit::Failed),
            (Verdict::Undecided, Some(error)) => {
                let text = format!("the deadline of {} came, and the daemon is lost: {error}", duration::show(limit));
                Err(Failure::new(exit_of(error), text))
            }
            (Verdict::Undecided, None) => Err(Failure::new(Exit::Undecided, self.why_undecided(limit))),
        }
    }

    fn why_undecided(&self, limit: Duration) -> String {
        let objects = self.gate.objects();
        let open = objects.iter().filter(|object| self.gate.verdict_on(object) == Verdict::Undecided).count();
        let when = match self.args.timeout.is_zero() {
            true => "when looked at once".to_owned(),
            false => format!("at the deadline of {}", duration::show(limit)),
        };
        let age = match self.view_age() {
            Some(age) => format!("; the view is {} old", duration::show(age)),
            None => "; nothing was heard of the cluster".to_owned(),
        };
        let problem = match self.freshness.as_ref().map(|(freshness, _)| freshness.problem.as_str()) {
            None | Some("") => String::new(),
            Some(problem) => format!("; {problem}"),
        };
        format!("undecided {when}: {open} of {} unfinished{age}{problem}", objects.len())
    }

    /// How old the newest view of the cluster is now.
    fn view_age(&self) -> Option<Duration> {
        let (freshness, told) = self.freshness.as_ref()?;
        Some(crate::status_json::age(freshness)? + told.elapsed())
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
