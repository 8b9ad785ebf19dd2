//! How far a dump is: a line that is drawn again on a terminal, else few lines.

use std::time::{Duration, Instant};

use daymark::api::{DumpBegun, DumpKind, DumpLogs};

use crate::printer::Printer;

/// How often the line is drawn at most.
const EVERY: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: usize = 24;
/// Lines that are written of logs, where there is no terminal.
const STEPS: i64 = 10;

/// How far a dump is.
#[derive(Default)]
pub struct Progress {
    on_terminal: bool,
    kinds: i64,
    of_kinds: i64,
    objects: i64,
    pods: i64,
    of_pods: i64,
    /// Steps of the logs that were told.
    steps: i64,
    drawn: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// Nothing has come yet.
    pub fn new(printer: &Printer) -> Self {
        Self { on_terminal: printer.notes_on_terminal(), ..Self::default() }
    }

    /// A stream has begun.
    pub fn begin(&mut self, begun: &DumpBegun) {
        let Self { on_terminal, drawn, is_shown, .. } = *self;
        *self = Self { on_terminal, drawn, is_shown, of_kinds: i64::from(begun.kinds), ..Self::default() };
    }

    /// A kind is complete.
    pub fn kind(&mut self, kind: &DumpKind) {
        self.kinds += 1;
        self.objects += kind.objects;
    }

    /// The logs are that far.
    pub fn logs(&mut self, told: &DumpLogs, printer: &mut Printer) {
        (self.pods, self.of_pods) = (told.pods, told.of_pods);
        let step = self.pods.checked_mul(STEPS).and_then(|pods| pods.checked_div(self.of_pods)).unwrap_or(0);
        if !self.on_terminal && (step > self.steps || self.pods == 0) {
            self.steps = step;
            printer.note(&self.text());
        }
    }

    /// Draws the line, if it is time to.
    pub fn show(&mut self, printer: &mut Printer) {
        if !self.on_terminal || self.drawn.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        (self.drawn, self.is_shown) = (Some(Instant::now()), true);
        printer.draw_note(&format!("\r{} {}\x1b[K", self.bar(), self.text()));
    }

    /// Takes the line away, to write something in its place.
    pub fn clear(&mut self, printer: &mut Printer) {
        if std::mem::take(&mut self.is_shown) {
            printer.draw_note("\r\x1b[K");
        }
        self.drawn = None;
    }

    fn text(&self) -> String {
        let Self { kinds, of_kinds, objects, pods, of_pods, .. } = self;
        let logs = if *of_pods == 0 { String::new() } else { format!(", logs of {pods} of {of_pods} pods") };
        format!("{kinds} of {of_kinds} kinds, {objects} objects{logs}")
    }

    /// The kinds are half of it, the logs the rest: nobody knows before they have come.
    fn bar(&self) -> String {
        let part = |done: i64, all: i64| if all <= 0 { 0.0 } else { (done as f64 / all as f64).clamp(0.0, 1.0) };
        let done = (part(self.kinds, self.of_kinds) + part(self.pods, self.of_pods)) / 2.0;
        // It is between 0 and the width.
        let full = (done * WIDTH as f64) as usize;
        format!("[{}{}]", "#".repeat(full), "-".repeat(WIDTH - full))
    }
}
