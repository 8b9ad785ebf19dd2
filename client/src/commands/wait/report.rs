//! The verdict on stdout.

use daymark::api::State;
use serde::Serialize;

use super::Waiter;
use crate::args::{Goal, Report};
use crate::exit::Failure;
use crate::status_json::StatusJson;
use crate::verdict::{Awaited, Verdict};
use crate::{duration, json, sanitize, words};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    verdict: &'static str,
    elapsed_seconds: f64,
    replayed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    view_age_seconds: Option<f64>,
    targets: Vec<TargetJson<'a>>,
}

#[derive(Serialize)]
struct TargetJson<'a> {
    target: String,
    verdict: &'static str,
    #[serde(rename = "for")]
    goal: &'static str,
    #[serde(flatten)]
    status: Option<StatusJson<'a>>,
}

impl Waiter<'_> {
    /// Prints the verdict as it was asked for.
    pub(super) fn report(&mut self, verdict: Verdict) -> Result<(), Failure> {
        if self.args.output == Report::Text {
            for object in self.gate.objects() {
                self.printer.line(&self.text(object))?;
            }
            return Ok(());
        }
        let targets = self.gate.objects().iter().map(|object| TargetJson {
            target: object.target().to_string(),
            verdict: word(self.gate.verdict_on(object)),
            goal: match self.gate.goal(object) {
                Goal::Ready => "ready",
                Goal::Rollout => "rollout",
            },
            status: object.status().map(StatusJson::from),
        });
        let document = Document {
            verdict: word(verdict),
            elapsed_seconds: millis(self.begun.elapsed()),
            replayed: self.is_replayed(),
            view_age_seconds: self.view_age().map(millis),
            targets: targets.collect(),
        };
        let terminal = self.printer.on_terminal();
        Ok(json::pretty(self.printer.out(), &document, terminal)?)
    }

    fn text(&self, object: &Awaited) -> String {
        let verdict = self.gate.verdict_on(object);
        let missing = || match object.status() {
            None => "nothing was heard of it".to_owned(),
            // Until the view is proven, an old picture may say it is ready.
            Some(status) if !self.gate.is_proven() && status.state() != State::Absent => {
                format!("not proven to be current: {}", words::condition(status))
            }
            Some(status) => words::condition(status),
        };
        let (word, why) = match (verdict, object.status()) {
            (Verdict::Passed, Some(status)) => ("passed", words::explanation(status)),
            (Verdict::Failed, Some(status)) => ("failed", words::explanation(status)),
            _ => ("undecided", missing()),
        };
        let elapsed = duration::show(self.begun.elapsed());
        let age = match self.view_age() {
            Some(age) if word == "undecided" => format!(", view {} old", duration::show(age)),
            _ => String::new(),
        };
        let replayed = if self.is_replayed() { " (replayed)" } else { "" };
        format!("{} {word}: {why} ({elapsed}{age}){replayed}", sanitize::line(&object.name()))
    }

    fn is_replayed(&self) -> bool {
        self.freshness.as_ref().is_some_and(|(freshness, _)| freshness.replayed)
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "PASSED",
        Verdict::Failed => "FAILED",
        Verdict::Undecided => "UNDECIDED",
    }
}

/// Seconds, to the millisecond.
fn millis(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
