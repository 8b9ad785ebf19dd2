//! A gate that is followed to its verdict: what is said on the way, and at last.

mod screen;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daymark::api::{Freshness, Gate, GateObject, ObjectRef, Outcome, RankedCause, Standing, Status, WatchGateResponse};
use daymark::{Client, Error};
use serde::Serialize;
use tokio::time::Instant;

use self::screen::Screen;
use super::session;
use crate::args::{Report, ReportFormat};
use crate::ci::{Ci, github, gitlab, junit};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::staleness::{self, Staleness};
use crate::verdict::{ObjectJson, Verdict, VerdictJson, are_of_several};
use crate::{sanitize, words};

/// In silence, it is said so often that it goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// A verdict is new for so long.
const JUST_NOW: Duration = Duration::from_mins(1);

/// Why gates end without having failed, and others need not (docs/api.md, "Gates").
const PASSING: [&str; 7] =
    ["Deadline", "TooFewObjects", "NotProven", "KindChanged", "DaemonAbsent", "NotReopened", "RightsUnknown"];

/// A gate that is followed.
pub struct Following<'a> {
    printer: &'a mut Printer,
    report: &'a Report,
    begun: Instant,
    objects: BTreeMap<String, GateObject>,
    /// Whether objects are told with their namespaces.
    everywhere: bool,
    /// The line that was last said of each object.
    said: BTreeMap<String, String>,
    /// What was last printed of each object.
    printed: BTreeMap<String, GateObject>,
    gate: Gate,
    /// What is behind the gate's cause.
    root_cause: Option<RankedCause>,
    /// How new the view is, and when that was told.
    freshness: Option<(Freshness, Instant)>,
    staleness: Staleness,
    /// When something was said last.
    spoken: Instant,
    /// Where people watch; then no lines are said of objects.
    screen: Option<Screen>,
    /// Whether nothing is said of the way but what is wrong.
    is_quiet: bool,
}

/// A line of what happens, for programs.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is written at once")]
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "SCREAMING_SNAKE_CASE")]
enum Line<'a> {
    Object { object: ObjectJson<'a> },
    Verdict { verdict: VerdictJson<'a> },
}

impl<'a> Following<'a> {
    /// Nothing is known yet.
    pub fn new(printer: &'a mut Printer, report: &'a Report, begun: Instant) -> Self {
        let watched = printer.on_terminal() && report.output == ReportFormat::Text && printer.ci() == Ci::None;
        Self {
            printer,
            report,
            begun,
            objects: BTreeMap::new(),
            everywhere: false,
            said: BTreeMap::new(),
            printed: BTreeMap::new(),
            gate: Gate::default(),
            root_cause: None,
            freshness: None,
            staleness: Staleness::default(),
            spoken: begun,
            screen: watched.then(Screen::default),
            is_quiet: false,
        }
    }

    /// The same, which says one line when it begins, this one, and one when it ends.
    pub fn quietly(mut self, line: &str) -> Self {
        (self.is_quiet, self.screen) = (true, None);
        self.note(line);
        self
    }

    /// The same, which tells objects with their namespaces, also while they are of one.
    pub fn everywhere(mut self, is_everywhere: bool) -> Self {
        self.everywhere = is_everywhere;
        self
    }

    /// A stream begins, which tells all objects.
    pub fn begin(&mut self) {
        self.objects.clear();
    }

    /// Takes in what is told, and says what is new.
    pub fn told(&mut self, message: WatchGateResponse) -> Result<(), Failure> {
        let news = self.staleness.news(message.freshness.as_ref(), &[]);
        if news.is_some() {
            self.make_room();
            self.spoken = Instant::now();
        }
        staleness::tell(news, self.printer);
        if let Some(freshness) = message.freshness {
            self.freshness = Some((freshness, Instant::now()));
        }
        self.everywhere |= are_of_several(self.objects.values().chain(&message.objects));
        for gone in &message.gone {
            self.objects.remove(&place(gone));
        }
        for object in message.objects {
            if self.report.output == ReportFormat::Ndjson {
                self.print_object(&object)?;
            }
            self.say(&object);
            let place = object.status.as_ref().and_then(|status| status.r#ref.as_ref()).map(place);
            self.objects.insert(place.unwrap_or_default(), object);
        }
        self.gate = message.gate.unwrap_or_default();
        if let Some(screen) = &mut self.screen {
            let freshness = self.freshness.as_ref().map(|(freshness, _)| freshness);
            screen.draw(self.printer, self.objects.values(), freshness, self.everywhere)?;
        }
        Ok(())
    }

    /// Once: after a break all objects are told again.
    fn print_object(&mut self, object: &GateObject) -> Result<(), Failure> {
        let place = object.status.as_ref().and_then(|status| status.r#ref.as_ref()).map(place).unwrap_or_default();
        if self.printed.get(&place) != Some(object) {
            self.print_json(&Line::Object { object: ObjectJson::from(object) })?;
            self.printer.flush()?;
            self.printed.insert(place, object.clone());
        }
        Ok(())
    }

    fn say(&mut self, object: &GateObject) {
        let is_said = self.screen.is_none() && !self.is_quiet;
        let Some(status) = object.status.as_ref().filter(|_| is_said) else { return };
        let name = self.name(status);
        let why = if object.why.is_empty() { String::new() } else { format!(" ({})", object.why) };
        let line = format!("{}: {}{}", sanitize::line(&name), words::condition(status), sanitize::line(&why));
        let place = status.r#ref.as_ref().map(place).unwrap_or_default();
        if self.said.get(&place) != Some(&line) {
            self.note(&line);
            self.said.insert(place, line);
        }
    }

    fn name(&self, status: &Status) -> String {
        if self.everywhere { words::placed(status) } else { words::name(status) }
    }

    /// A line on stderr, which is no command to whoever reads it.
    fn note(&mut self, line: &str) {
        self.printer.note(line);
        self.spoken = Instant::now();
    }

    /// Says what is wrong.
    pub fn problem(&mut self, text: &str) {
        self.make_room();
        self.printer.problem(text);
        self.spoken = Instant::now();
    }

    /// Takes the table off the screen, until it is drawn again.
    fn make_room(&mut self) {
        if let Some(screen) = &mut self.screen {
            // What cannot be written will not be the next time either.
            let _again = screen.clear(self.printer);
        }
    }

    /// When it is to be said that it goes on.
    pub fn silent_until(&self) -> Instant {
        self.spoken + HEARTBEAT
    }

    /// Says that it goes on.
    pub fn go_on(&mut self) {
        if self.screen.is_some() || self.is_quiet {
            self.spoken = Instant::now();
            return;
        }
        let elapsed = crate::duration::show(Duration::from_secs(self.begun.elapsed().as_secs()));
        let (met, all) = (self.gate.met, self.objects.len());
        let waiting = self.objects.values().find(|object| object.standing() != Standing::Met);
        let first = waiting
            .and_then(|object| object.status.as_ref())
            .map(|status| format!("; {}: {}", sanitize::line(&self.name(status)), words::condition(status)));
        self.note(&format!("still waiting after {elapsed}: {met} of {all} are met{}", first.unwrap_or_default()));
    }

    /// The connection is lost.
    pub fn lost(&mut self, client: &Client, error: &Error) {
        self.problem(&session::lost(client, error));
    }

    /// How long the gate is open at most, by the daemon's own clock; not known before
    /// it has told that.
    pub fn left(&self) -> Option<Duration> {
        let (freshness, told) = self.freshness.as_ref()?;
        let (deadline, time) = (self.gate.deadline?, freshness.time?);
        let seconds = u64::try_from(deadline.seconds.saturating_sub(time.seconds)).unwrap_or(0);
        Some(Duration::from_secs(seconds.saturating_add(1)).saturating_sub(told.elapsed()))
    }

    /// Whether it has ended so that another gate may pass: when its time was up, or because the
    /// daemon had to begin anew.
    pub fn may_pass_later(&self) -> bool {
        let gate = &self.gate;
        gate.outcome() == Outcome::Undecided && PASSING.contains(&&*gate.reason)
    }

    /// How the gate stands.
    pub fn outcome(&self) -> Outcome {
        self.gate.outcome()
    }

    /// The object that did not pass, if that was just now: later, it may have another cause.
    pub fn at_fault(&self) -> Option<&ObjectRef> {
        let (freshness, _) = self.freshness.as_ref()?;
        let (ended, now) = (self.gate.end_time?, freshness.time?);
        let is_new = now.seconds.saturating_sub(ended.seconds) <= JUST_NOW.as_secs().cast_signed();
        self.gate.cause.as_ref().filter(|_| is_new)?.object.as_ref()
    }

    /// What is behind the cause, or why that is not known.
    pub fn take_root_cause(&mut self, found: Result<Option<RankedCause>, String>) {
        match (found, &mut self.gate.cause) {
            (Ok(found), _) => self.root_cause = found,
            (Err(why), Some(cause)) => cause.missing.push(format!("what is behind it: {why}")),
            (Err(_), None) => {}
        }
    }

    /// The verdict as far as it goes, which was not told: why is said in a sentence.
    pub fn undecided(&mut self, reason: &str, message: String) {
        self.gate.set_outcome(Outcome::Undecided);
        (self.gate.reason, self.gate.message) = (reason.to_owned(), message);
    }

    /// Nothing could be checked, which counts as passed: says so, loudly.
    pub fn pass_unchecked(&mut self, problem: &str) -> Result<Exit, Failure> {
        self.undecided("NotChecked", problem.to_owned());
        let verdict = self.verdict();
        self.make_room();
        self.print(&verdict)?;
        self.printer.flush()?;
        self.problem(&format!("warning: NOTHING WAS CHECKED: {problem}; passed anyway (--if-unreachable=pass)"));
        Ok(Exit::Passed)
    }

    /// Prints the verdict and chooses the exit code.
    pub fn finish(&mut self) -> Result<Exit, Failure> {
        let verdict = self.verdict();
        self.make_room();
        self.print(&verdict)?;
        self.printer.flush()?;
        match verdict.gate.outcome() {
            Outcome::Passed => Ok(Exit::Passed),
            Outcome::Failed => Ok(Exit::Failed),
            outcome => {
                let word = if outcome == Outcome::Cancelled { "cancelled" } else { "undecided" };
                let open = verdict.objects.iter().filter(|object| object.standing() != Standing::Met).count();
                let age = verdict.view_age.map(|age| format!("; the view is {} old", crate::duration::show(age)));
                let text = format!(
                    "{word}: {}; {open} of {} unfinished{}",
                    verdict.gate.message,
                    verdict.objects.len(),
                    age.unwrap_or_default()
                );
                Err(Failure::new(Exit::Undecided, text))
            }
        }
    }

    fn verdict(&self) -> Verdict {
        let verdict = Verdict {
            gate: self.gate.clone(),
            objects: self.objects.values().cloned().collect(),
            elapsed: Some(self.begun.elapsed()),
            everywhere: self.everywhere,
            root_cause: self.root_cause.clone(),
            ..Verdict::default()
        };
        let (freshness, told) = self.freshness.as_ref().map(|(it, told)| (it, told.elapsed())).unzip();
        verdict.seen(freshness, told.unwrap_or_default())
    }

    fn print(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        match self.report.output {
            ReportFormat::Text => self.print_lines(verdict)?,
            ReportFormat::Json => self.print_json(&verdict.json())?,
            ReportFormat::Ndjson => self.print_json(&Line::Verdict { verdict: verdict.json() })?,
            ReportFormat::Junit => {
                let document = junit::document(verdict, "daymark");
                self.printer.line(document.trim_end())?;
            }
        }
        if self.report.output != ReportFormat::Text && verdict.gate.outcome() != Outcome::Passed {
            // People read stderr.
            verdict.cause_lines(self.report.logs).iter().for_each(|line| self.note(line));
        }
        self.annotate(verdict)
    }

    fn print_json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        match self.report.output {
            ReportFormat::Ndjson => self.printer.json_line(value)?,
            _ => self.printer.json(value)?,
        }
        Ok(())
    }

    fn print_lines(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        let lines = verdict.lines();
        // The last one is the verdict.
        let is_short = self.is_quiet && verdict.gate.outcome() == Outcome::Passed;
        let from = if is_short { lines.len().saturating_sub(1) } else { 0 };
        for line in &lines[from..] {
            self.printer.line(line)?;
        }
        let cause = verdict.cause_lines(self.report.logs);
        if cause.is_empty() {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed());
        let (before, after) = match self.printer.ci() {
            Ci::None => (None, None),
            Ci::Github => (Some(github::group("cause")), Some(github::end_group().to_owned())),
            Ci::Gitlab => (
                Some(gitlab::section_start("daymark_cause", "cause", now, false)),
                Some(gitlab::section_end("daymark_cause", now)),
            ),
        };
        before.iter().try_for_each(|command| self.printer.command(command))?;
        cause.iter().try_for_each(|line| self.printer.line(line))?;
        Ok(after.iter().try_for_each(|command| self.printer.command(command))?)
    }

    /// What a CI system shows besides.
    fn annotate(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        if self.printer.ci() != Ci::Github {
            return Ok(());
        }
        if verdict.gate.outcome() != Outcome::Passed {
            let annotation = github::annotation(verdict, "daymark wait");
            self.printer.command_note(&annotation);
        }
        if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
            let summary = github::summary(verdict);
            if let Err(error) = github::append_summary(Path::new(&path), &summary) {
                // The verdict stands all the same.
                self.problem(&format!("warning: the job's summary cannot be written: {error}"));
            }
        }
        Ok(())
    }
}

fn place(it: &ObjectRef) -> String {
    format!("{}/{}/{}/{}", it.group, it.resource, it.namespace, it.name)
}
