//! `daymark logs`

use std::collections::BTreeSet;

use daymark::api::{Filter, LogNotice, LogNoticeKind, ObjectRef, StreamLogsRequest};
use daymark::{LogWatch, LogWatchEvent};

use self::line::Lines;
use super::session;
use crate::args::{Global, Logs};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::targets::Selection;

mod line;

/// Notices that are not said again; behind that many some may be.
const SAID: usize = 1000;

/// Logs that are shown.
struct Showing<'a> {
    printer: &'a mut Printer,
    lines: Lines,
    /// What was said, and is told again after a break.
    said: BTreeSet<String>,
    /// Why the first log could not be read.
    failed: Option<(Exit, String)>,
}

/// Shows the logs of all pods below objects, and goes on with what comes if asked to.
pub async fn run(global: &Global, args: &Logs, printer: &mut Printer) -> Result<Exit, Failure> {
    printer.read_by(args.ci);
    let request = request(global, args)?;
    let client = session::connect(global).await?;
    let lines = Lines::new(args, printer.on_terminal());
    let mut watch = client.stream_logs(request);
    let mut showing = Showing { printer, lines, said: BTreeSet::new(), failed: None };
    while let Some(event) = next(&mut watch, &mut showing).await? {
        match event {
            LogWatchEvent::Line { source, line } => showing.lines.print(showing.printer, &source, &line)?,
            LogWatchEvent::Notice { notice, .. } => showing.notice(&notice)?,
            LogWatchEvent::Lost(error) => showing.problem(&session::lost(&client, &error))?,
        }
    }
    showing.end()
}

/// What comes next. Before it is waited for, what was printed is handed on.
async fn next(watch: &mut LogWatch, showing: &mut Showing<'_>) -> Result<Option<LogWatchEvent>, Failure> {
    if watch.is_drained() {
        showing.printer.flush()?;
    }
    Ok(watch.next().await?)
}

fn request(global: &Global, args: &Logs) -> Result<StreamLogsRequest, Failure> {
    let since = args.since.map(prost_types::Duration::try_from).transpose();
    Ok(StreamLogsRequest {
        filter: Some(filter(global, args)?),
        containers: args.containers.clone(),
        all_containers: args.all_containers,
        follow: args.follow,
        previous: args.previous,
        since: since.map_err(|_| Failure::usage("--since is too long"))?,
        since_time: args.since_time,
        tail_lines: args.tail.filter(|tail| *tail >= 0),
        told: Vec::new(),
    })
}

/// Whose logs: as to kubectl, a word alone is a pod; with labels, words are kinds.
fn filter(global: &Global, args: &Logs) -> Result<Filter, Failure> {
    let (cluster, namespace) = (session::cluster(global).to_owned(), session::namespace(global));
    if !args.selector.is_empty() {
        let pods = ["pods".to_owned()];
        let words = if args.words.is_empty() { &pods[..] } else { &args.words };
        let selection = match Selection::parse(words)? {
            kinds @ Selection::Kinds(_) => kinds,
            Selection::Objects(_) => {
                return Err(Failure::usage(
                    "object names cannot be used with --selector: leave out the names, or --selector",
                ));
            }
        };
        let label_selector = args.selector.clone();
        return Ok(Filter { cluster, label_selector, ..selection.filter(namespace, args.all_namespaces) });
    }
    session::one_namespace(global)?;
    let of_pod = |word: &String| if word.contains('/') { word.clone() } else { format!("pods/{word}") };
    let words: Vec<String> = args.words.iter().map(of_pod).collect();
    let selection = Selection::parse(&words)?;
    let mut filter = selection.filter(namespace, false);
    filter.refs = filter.refs.into_iter().map(|it| ObjectRef { cluster: cluster.clone(), ..it }).collect();
    Ok(Filter { cluster, ..filter })
}

impl Showing<'_> {
    fn notice(&mut self, notice: &LogNotice) -> Result<(), Failure> {
        if notice.kind() == LogNoticeKind::Failed && self.failed.is_none() {
            self.failed = Some((exit(&notice.reason), notice.message.clone()));
        }
        let once = matches!(
            notice.kind(),
            LogNoticeKind::Failed | LogNoticeKind::Defaulted | LogNoticeKind::NoPods | LogNoticeKind::NotRead
        );
        if self.said.len() >= SAID {
            self.said.clear();
        }
        if once && !self.said.insert(notice.message.clone()) {
            return Ok(());
        }
        self.problem(&notice.message)
    }

    /// A line on stderr, behind what was printed before it.
    fn problem(&mut self, text: &str) -> Result<(), Failure> {
        self.printer.flush()?;
        self.printer.problem(text);
        Ok(())
    }

    fn end(&mut self) -> Result<Exit, Failure> {
        self.printer.flush()?;
        // It was said when it came.
        Ok(self.failed.take().map_or(Exit::Passed, |(exit, _)| exit))
    }
}

/// The exit code that stands for a log that could not be read.
fn exit(reason: &str) -> Exit {
    match reason {
        "PERMISSION_DENIED" | "KIND_FORBIDDEN" => Exit::NotPermitted,
        "LOG_NOT_FOUND" | "OBJECT_NOT_FOUND" => Exit::NotFound,
        _ => Exit::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn read(line: &str) -> Option<(Vec<String>, Vec<String>)> {
        let args = Args::try_parse_from(line.split(' ')).ok()?;
        let Command::Logs(logs) = args.command else { return None };
        let filter = request(&args.global, &logs).ok()?.filter?;
        let refs = filter.refs.iter().map(|it| format!("{}/{}", it.resource, it.name));
        Some((refs.collect(), filter.kinds))
    }

    #[test]
    fn a_word_alone_is_a_pod_and_with_labels_a_kind() {
        let told = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (line, refs, kinds) in [
            ("daymark logs a b", &["pods/a", "pods/b"][..], &[][..]),
            ("daymark logs a deploy/web -f", &["pods/a", "deploy/web"], &[]),
            ("daymark logs -l app=x", &[], &["pods"]),
            ("daymark logs deploy,sts -l app=x -A", &[], &["deploy", "sts"]),
        ] {
            assert_eq!(read(line), Some((told(refs), told(kinds))), "{line}");
        }
        for line in [
            "daymark logs",
            "daymark logs a -A",
            "daymark logs pod/a -l app=x",
            "daymark logs a -f -p",
            "daymark logs a --tail=-2",
            "daymark logs a --since 1m --since-time 2026-01-01T00:00:00Z",
            "daymark logs a --since-time noon",
            "daymark logs a -c b --all-containers",
            "daymark logs a/",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
