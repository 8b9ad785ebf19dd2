//! `daymark diagnose`

use anstyle::{AnsiColor, Style};
use daymark::api::{Diagnosis, Filter, RankedCause};
use daymark::{Error, Followed};
use tokio::time::{Instant, sleep_until};

use super::session;
use crate::args::{Diagnose, DiagnoseFormat, Global};
use crate::diagnosis::{self, DiagnosisJson, Part};
use crate::exit::{Exit, Failure};
use crate::manifests::texts;
use crate::printer::Printer;
use crate::staleness::{self, Staleness};
use crate::targets::Selection;

/// Tells what is wrong, why, and what to try next.
pub async fn run(global: &Global, args: &Diagnose, printer: &mut Printer) -> Result<Exit, Failure> {
    printer.read_by(args.ci);
    let (filter, manifests) = match args.files.is_empty() {
        true => (filter(global, args)?, Vec::new()),
        false => (place(global)?, texts::read(&args.files, printer).await?),
    };
    let client = session::connect(global).await?;
    let mut telling = Telling { args, printer, staleness: Staleness::default() };
    if args.watch {
        return watch(&client, filter, &mut telling).await;
    }
    let diagnosis = client.diagnose_manifests(filter, manifests).await?.diagnosis.unwrap_or_default();
    telling.tell(&diagnosis, None)?;
    Ok(if args.exit_code && diagnosis::is_wrong(&diagnosis) { Exit::Failed } else { Exit::Passed })
}

/// What the words of the command line ask for.
fn filter(global: &Global, args: &Diagnose) -> Result<Filter, Failure> {
    let namespace = session::namespace(global);
    let selection = match args.words.is_empty() {
        true => Selection::Kinds(Vec::new()),
        false => Selection::parse(&args.words)?,
    };
    if let Selection::Objects(targets) = &selection {
        session::one_namespace(global)?;
        if args.all_namespaces || !args.selector.is_empty() {
            return Err(Failure::usage(
                "an object name cannot be used with -A or -l: leave out the name, or -A and -l",
            ));
        }
        if targets.len() > 1 {
            return Err(Failure::usage("name one object, or select several by kind and label"));
        }
    }
    let mut filter = selection.filter(namespace, args.all_namespaces);
    filter.cluster = session::cluster(global).to_owned();
    filter.label_selector.clone_from(&args.selector);
    for object in &mut filter.refs {
        object.cluster.clone_from(&filter.cluster);
    }
    Ok(filter)
}

/// Where objects of manifests are that do not say it.
fn place(global: &Global) -> Result<Filter, Failure> {
    let namespaces = session::one_namespace(global)?.map(str::to_owned).into_iter().collect();
    Ok(Filter { cluster: session::cluster(global).to_owned(), namespaces, ..Filter::default() })
}

async fn watch(client: &daymark::Client, filter: Filter, telling: &mut Telling<'_>) -> Result<Exit, Failure> {
    let limit = telling.args.timeout.filter(|limit| !limit.is_zero()).unwrap_or(session::FOREVER);
    let deadline = Instant::now() + limit;
    let mut watch = client.watch_diagnosis(filter);
    let mut is_told = false;
    loop {
        tokio::select! {
            biased;
            event = watch.next() => match event? {
                Followed::Told(told) => {
                    is_told = true;
                    telling.tell(&told.diagnosis.unwrap_or_default(), Some(&told.gone))?;
                }
                Followed::Lost(error) => telling.printer.problem(&session::lost(client, &error)),
                Followed::Restored => {}
            },
            () = sleep_until(deadline) => return end(is_told, watch.lost()),
        }
    }
}

/// The time is over: no failure, if the diagnosis was followed to the end.
fn end(is_told: bool, lost: Option<&Error>) -> Result<Exit, Failure> {
    match lost {
        Some(error) => Err(session::timed_out(error)),
        None if is_told => Ok(Exit::Passed),
        None => Err(Failure::new(Exit::Unreachable, "timed out before the daemon answered")),
    }
}

/// Where diagnoses are told.
struct Telling<'a> {
    args: &'a Diagnose,
    printer: &'a mut Printer,
    staleness: Staleness,
}

impl Telling<'_> {
    fn tell(&mut self, diagnosis: &Diagnosis, gone: Option<&[RankedCause]>) -> Result<(), Failure> {
        match (self.args.output, gone) {
            (DiagnoseFormat::Text, gone) => self.lines(diagnosis, gone.unwrap_or_default())?,
            (DiagnoseFormat::Json, None) => {
                self.printer.json(&DiagnosisJson::from(diagnosis))?;
            }
            (DiagnoseFormat::Json, Some(gone)) => {
                self.printer.json_line(&DiagnosisJson::from(diagnosis).and_gone(gone))?;
            }
        }
        self.printer.flush()?;
        // Or what is said to be well may be so no longer.
        let news = self.staleness.news(diagnosis.freshness.as_ref(), &diagnosis.not_visible);
        staleness::tell(news, self.printer);
        Ok(())
    }

    fn lines(&mut self, diagnosis: &Diagnosis, gone: &[RankedCause]) -> Result<(), Failure> {
        for cause in gone {
            let line = diagnosis::gone(cause);
            self.line(Part::Well, &line)?;
        }
        diagnosis::lines(diagnosis).iter().try_for_each(|(part, line)| self.line(*part, line))
    }

    fn line(&mut self, part: Part, line: &str) -> Result<(), Failure> {
        let style = match part {
            Part::Target => Style::new().bold(),
            Part::Wrong => Style::new().fg_color(Some(AnsiColor::Red.into())),
            Part::Well => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Part::Plain => Style::new(),
        };
        let line = self.printer.paint(style, line);
        Ok(self.printer.line(&line)?)
    }
}
