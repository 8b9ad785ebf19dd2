//! `daymark dump`

use daymark::api::dump_response::Event;
use daymark::api::{DumpBegun, DumpKind, DumpLogs as LogsTold, DumpRefused, DumpRequest};
use daymark::{Client, DumpEvent, DumpStream};

use self::files::Files;
use self::folder::Folder;
use self::manifest::{Kind, LogsOf, Refused, Subject, time};
use self::progress::Progress;
use super::session;
use crate::args::{Dump, DumpLogs, Global};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::signals::Signals;

mod files;
mod folder;
mod manifest;
mod progress;

/// What is refused is said so often; the rest is in the manifest.
const SAID: usize = 10;

/// A dump that is being written.
struct Writing<'a> {
    folder: Folder,
    files: Files,
    progress: Progress,
    printer: &'a mut Printer,
    /// What the logs had come to before this stream.
    logs_before: LogsOf,
}

/// Writes all that may be seen of a cluster into a folder.
pub async fn run(global: &Global, args: &Dump, printer: &mut Printer, signals: &mut Signals) -> Result<Exit, Failure> {
    let subject = subject(global, args)?;
    let client = tokio::select! {
        biased;
        ending = signals.next() => return Err(ending.into()),
        client = session::connect(global) => client?,
    };
    let folder = Folder::open(&args.output_directory, subject)?;
    let stream = client.dump(request(&folder));
    let files = Files::new(folder.path());
    let progress = Progress::new(printer);
    let logs_before = folder.manifest.logs.clone();
    let mut writing = Writing { folder, files, progress, printer, logs_before };
    let outcome = tokio::select! {
        biased;
        ending = signals.next() => Err(ending.into()),
        outcome = writing.read(&client, stream) => outcome,
    };
    writing.progress.clear(writing.printer);
    match outcome {
        Ok(()) => writing.end(),
        Err(failure) => Err(writing.break_off(failure)),
    }
}

/// What the words of the command line ask for.
fn subject(global: &Global, args: &Dump) -> Result<Subject, Failure> {
    let named = session::namespace(global).filter(|_| !args.all_namespaces).unwrap_or_default();
    let namespaces: Vec<String> = named.split(',').map(str::trim).filter(|it| !it.is_empty()).map(Into::into).collect();
    Ok(Subject {
        address: session::address(global)?.to_string(),
        cluster: session::cluster(global).to_owned(),
        all_namespaces: args.all_namespaces,
        namespaces,
        logs: args.logs == DumpLogs::All,
        log_lines: args.log_tail,
        log_bytes: args.log_bytes,
    })
}

/// What is asked of the daemon: all but what is there already.
fn request(folder: &Folder) -> DumpRequest {
    let (of, manifest) = (&folder.manifest.of, &folder.manifest);
    DumpRequest {
        cluster: of.cluster.clone(),
        all_namespaces: of.all_namespaces,
        namespaces: of.namespaces.clone(),
        without_logs: !of.logs,
        log_lines: of.log_lines,
        log_bytes: of.log_bytes,
        have: manifest.kinds.iter().map(Kind::name).collect(),
        mark: manifest.logs.mark.clone(),
    }
}

impl Writing<'_> {
    async fn read(&mut self, client: &Client, mut stream: DumpStream) -> Result<(), Failure> {
        while let Some(event) = stream.next().await? {
            match event {
                DumpEvent::Told(event) => self.take(event)?,
                DumpEvent::Lost(error) => {
                    self.files.drop_unfinished();
                    self.progress.clear(self.printer);
                    self.printer.problem(&session::lost(client, &error));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Begun(begun) => self.begin(begun)?,
            Event::Part(part) => self.files.part(part)?,
            Event::Kind(kind) => self.kind(kind)?,
            Event::Restarted(_) => self.files.drop_kind(),
            Event::Refused(refused) => self.refuse(refused),
            Event::Logs(logs) => self.logs(&logs)?,
            Event::End(end) => self.folder.manifest.finished_at = time(end.time),
        }
        self.progress.show(self.printer);
        Ok(())
    }

    fn begin(&mut self, begun: DumpBegun) -> Result<(), Failure> {
        self.progress.begin(&begun);
        self.logs_before = self.folder.manifest.logs.clone();
        self.folder.manifest.begin(begun)?;
        self.folder.save()
    }

    fn kind(&mut self, kind: DumpKind) -> Result<(), Failure> {
        self.files.end_kind()?;
        self.progress.kind(&kind);
        self.folder.manifest.kinds.push(kind.into());
        self.folder.save_now_and_then()
    }

    fn refuse(&mut self, refused: DumpRefused) {
        let refused = Refused::from(refused);
        let manifest = &mut self.folder.manifest;
        if manifest.refuse(refused.clone()) && manifest.refused.len() <= SAID {
            self.progress.clear(self.printer);
            self.printer.problem(&format!("warning: {}", refused.line()));
        }
    }

    fn logs(&mut self, told: &LogsTold) -> Result<(), Failure> {
        self.progress.logs(told, self.printer);
        self.folder.manifest.logs.go_on(&self.logs_before, told);
        self.folder.save_now_and_then()
    }

    fn end(mut self) -> Result<Exit, Failure> {
        let manifest = &self.folder.manifest;
        if manifest.kinds.is_empty() {
            let denied = |it: &Refused| matches!(&*it.reason, "PERMISSION_DENIED" | "KIND_FORBIDDEN");
            let exit = if manifest.refused.iter().all(denied) { Exit::NotPermitted } else { Exit::Unreachable };
            let why = manifest.refused.iter().next().map(Refused::line).unwrap_or_default();
            self.folder.remove();
            return Err(Failure::new(exit, format!("nothing can be listed: {why}")));
        }
        let (refused, path) = (manifest.refused.len() as u64 + manifest.refused_besides, self.folder.path());
        if refused > SAID as u64 {
            let more = refused - SAID as u64;
            self.printer.problem(&format!("warning: and {more} more, which are in {}/manifest.json", path.display()));
        }
        let (objects, kinds) = (manifest.kinds.iter().map(|kind| kind.objects).sum::<i64>(), manifest.kinds.len());
        let line = format!("{objects} objects of {kinds} kinds and {} logs in {}", manifest.logs.logs, path.display());
        self.folder.manifest.finished = true;
        self.folder.save()?;
        self.printer.line(&line)?;
        Ok(Exit::Passed)
    }

    /// What there is stays, to be gone on with.
    fn break_off(mut self, failure: Failure) -> Failure {
        self.files.drop_unfinished();
        let is_begun = !self.folder.manifest.kinds.is_empty();
        if !is_begun || self.folder.save().is_err() {
            if !is_begun {
                self.folder.remove();
            }
            return failure;
        }
        match failure {
            Failure::Said { exit, message } => Failure::new(
                exit,
                format!("{message}; the partial dump is kept: run the same command again to resume it"),
            ),
            said @ (Failure::ReaderGone | Failure::Ended(_)) => said,
        }
    }
}
