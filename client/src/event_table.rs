//! The table of events.

use anstyle::{AnsiColor, Style};
use daymark::api::ClusterEvent;
use prost_types::Timestamp;

use crate::layout::Cell;
use crate::{sanitize, words};

/// Which columns a table has.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// NAMESPACE first.
    pub namespaces: bool,
    /// SOURCE, FIRST SEEN and COUNT, before MESSAGE.
    pub wide: bool,
    /// Whether there is a header.
    pub header: bool,
}

impl Columns {
    /// The header, if there is one.
    pub fn header(self) -> Option<Vec<Cell>> {
        let mut names = vec!["LAST SEEN", "TYPE", "REASON", "OBJECT"];
        if self.namespaces {
            names.insert(0, "NAMESPACE");
        }
        if self.wide {
            names.extend(["SOURCE", "FIRST SEEN", "COUNT"]);
        }
        names.push("MESSAGE");
        let cells = names.into_iter().map(|name| (Style::new().bold(), name.to_owned()));
        self.header.then(|| cells.collect())
    }

    /// A row as wide as most are, so that rows which are still to come stay below each
    /// other.
    pub fn room(self) -> Vec<Cell> {
        let mut widths = vec![9, 7, 18, 36];
        if self.namespaces {
            widths.insert(0, 12);
        }
        widths.into_iter().map(|width| (Style::new(), " ".repeat(width))).collect()
    }

    /// An event's row, as old as it is at `now`.
    pub fn row(self, event: &ClusterEvent, now: Option<&Timestamp>) -> Vec<Cell> {
        let plain = |text: &str| (Style::new(), sanitize::cell(text).into_owned());
        let mut cells = Vec::new();
        if self.namespaces {
            cells.push(plain(&event.namespace));
        }
        cells.push(plain(&last_seen(event, now)));
        cells.push((type_style(&event.r#type), sanitize::cell(&event.r#type).into_owned()));
        cells.push(plain(&event.reason));
        cells.push(plain(&object(event)));
        if self.wide {
            cells.push(plain(&source(event)));
            cells.push(plain(&words::age(event.first_time.as_ref(), now)));
            cells.push(plain(&event.occurrences.to_string()));
        }
        cells.push(plain(event.message.trim()));
        cells
    }
}

/// `3m`, or `3m (x5 over 10m)` of what has happened several times, as `kubectl events` says it.
fn last_seen(event: &ClusterEvent, now: Option<&Timestamp>) -> String {
    let last = words::age(event.last_time.as_ref(), now);
    match event.occurrences {
        ..=1 => last,
        count => format!("{last} (x{count} over {})", words::age(event.first_time.as_ref(), now)),
    }
}

/// `Pod/web-1`, as `kubectl events` names what an event is about.
fn object(event: &ClusterEvent) -> String {
    event.involved_object.as_ref().map(|object| format!("{}/{}", object.kind, object.name)).unwrap_or_default()
}

/// `kubelet, node-1`, as `kubectl get events -o wide` says it.
fn source(event: &ClusterEvent) -> String {
    let either = |old: &str, new: &str| if old.is_empty() { new.to_owned() } else { old.to_owned() };
    let component = either(&event.source_component, &event.reporting_component);
    let instance = either(&event.source_host, &event.reporting_instance);
    if instance.is_empty() { component } else { format!("{component}, {instance}") }
}

/// The word says the same.
fn type_style(r#type: &str) -> Style {
    match r#type {
        "Warning" => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        _ => Style::new(),
    }
}
