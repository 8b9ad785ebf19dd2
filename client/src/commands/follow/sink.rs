//! How changes are shown.

use daymark::api::{Freshness, Status};
use daymark::{Change, Picture};
use prost_types::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::commands::get::{Expressed, Mode, Query, object};
use crate::exit::Failure;
use crate::layout::{Layout, Line};
use crate::live::Live;
use crate::output::Output;
use crate::printer::Printer;
use crate::status_json::{StatusJson, event};
use crate::table::Columns;
use crate::{sanitize, words};

/// How changes are shown.
pub struct Sink {
    form: Form,
    columns: Columns,
    /// The daemon's clock, and when it was heard.
    clock: Option<(Freshness, Instant)>,
}

enum Form {
    /// A table that grows downwards.
    Rows { layout: Layout, begun: bool },
    /// A table that is redrawn in place.
    Live { live: Live, drawn: Option<Instant>, stale: bool },
    /// Documents, one after another.
    Documents { format: Output, begun: bool },
    /// What an expression makes of each object.
    Expressed(Box<Expressed>),
}

#[derive(Serialize)]
struct ObjectLine {
    event: &'static str,
    object: Value,
}

#[derive(Serialize)]
struct StatusLine<'a> {
    event: &'static str,
    status: StatusJson<'a>,
}

impl Sink {
    pub async fn new(query: &Query<'_>, printer: &Printer) -> Result<Self, Failure> {
        let form = match &query.output {
            output if output.is_table() && query.mode == Mode::Watch && printer.on_terminal() => {
                Form::Live { live: Live::default(), drawn: None, stale: false }
            }
            output if output.is_table() => Form::Rows { layout: Layout::default(), begun: false },
            Output::Columns { .. } | Output::Expression(..) => {
                Form::Expressed(Box::new(Expressed::new(query, printer.on_terminal()).await?))
            }
            format => Form::Documents { format: format.clone(), begun: false },
        };
        Ok(Self { form, columns: query.columns(), clock: None })
    }

    /// Whether [`Sink::draw`] is to be called from time to time.
    pub fn is_live(&self) -> bool {
        matches!(self.form, Form::Live { .. })
    }

    /// Takes the daemon's time.
    pub fn heard(&mut self, freshness: Option<Freshness>) {
        if let Some(freshness) = freshness {
            self.clock = Some((freshness, Instant::now()));
        }
    }

    /// Shows changes, or lets the next frame show them.
    pub async fn changes(
        &mut self,
        printer: &mut Printer,
        picture: &Picture,
        changes: Vec<Change>,
    ) -> Result<(), Failure> {
        if changes.is_empty() {
            return Ok(());
        }
        let now = self.now();
        match &mut self.form {
            Form::Live { drawn: None, .. } => self.draw_now(printer, picture)?,
            Form::Live { stale, .. } => *stale = true,
            Form::Rows { layout, begun } => {
                if !*begun {
                    layout.fit(&self.columns.room());
                }
                let header = self.columns.header().filter(|_| !std::mem::replace(begun, true));
                let rows = changes.iter().map(|change| self.columns.row(&change.status, now.as_ref()));
                printer.rows(layout, header.into_iter().chain(rows).collect())?;
            }
            Form::Documents { format, begun } => {
                for change in &changes {
                    document(printer, format, begun, change)?;
                }
            }
            Form::Expressed(expressed) => {
                for change in changes.iter().filter(|change| has_object(&change.status)) {
                    expressed.print_line(printer, &change.status.object).await?;
                }
            }
        }
        Ok(())
    }

    /// Redraws a live table if something changed or its ages did.
    pub fn draw(&mut self, printer: &mut Printer, picture: &Picture) -> Result<(), Failure> {
        match &self.form {
            Form::Live { drawn: Some(drawn), stale, .. } if *stale || drawn.elapsed().as_secs() >= 1 => {
                self.draw_now(printer, picture)
            }
            _ => Ok(()),
        }
    }

    /// Makes the line free for something on stderr.
    pub fn make_room(&mut self, printer: &mut Printer) -> Result<(), Failure> {
        printer.flush()?;
        if let Form::Live { live, stale, .. } = &mut self.form {
            live.clear(printer)?;
            *stale = true;
        }
        Ok(())
    }

    fn draw_now(&mut self, printer: &mut Printer, picture: &Picture) -> Result<(), Failure> {
        let now = self.now();
        let Form::Live { live, drawn, stale } = &mut self.form else { return Ok(()) };
        (*drawn, *stale) = (Some(Instant::now()), false);
        let mut layout = Layout::default();
        let header = self.columns.header();
        let rows: Vec<_> = picture.statuses().map(|status| self.columns.row(status, now.as_ref())).collect();
        header.iter().chain(&rows).for_each(|row| layout.fit(row));
        let header = header.map(|row| layout.line(&row));
        let rows: Vec<Line> = rows.iter().map(|row| layout.line(row)).collect();
        Ok(live.draw(printer, header, rows)?)
    }

    /// The daemon's time now. A recording has its own pace: there, the time
    /// that was told last.
    fn now(&self) -> Option<Timestamp> {
        let (freshness, heard) = self.clock.as_ref()?;
        let mut now = freshness.time?;
        if !freshness.replayed {
            now.seconds += i64::try_from(heard.elapsed().as_secs()).unwrap_or_default();
        }
        Some(now)
    }
}

fn document(printer: &mut Printer, format: &Output, begun: &mut bool, change: &Change) -> Result<(), Failure> {
    let Change { kind, status } = change;
    match format {
        Output::StatusJson => {
            let line = StatusLine { event: event(*kind), status: StatusJson::from(status) };
            printer.json_line(&line)?;
        }
        Output::Name => printer.line(&sanitize::line(&words::name(status)))?,
        _ if !has_object(status) => {}
        Output::Ndjson => {
            let line = ObjectLine { event: event(*kind), object: object(status)? };
            printer.json_line(&line)?;
        }
        Output::Yaml => {
            if std::mem::replace(begun, true) {
                printer.line("---")?;
            }
            printer.yaml(&object(status)?)?;
        }
        _ => printer.json(&object(status)?)?,
    }
    Ok(())
}

/// A deletion may come without the object.
fn has_object(status: &Status) -> bool {
    !status.object.is_empty()
}
