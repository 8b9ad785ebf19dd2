//! The table of states.

use std::collections::BTreeMap;

use anstyle::Style;
use daymark::api::{Doom, Status};
use prost_types::Timestamp;
use serde::Deserialize;

use crate::layout::Cell;
use crate::sanitize;
use crate::words;

/// Which columns a table has.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// TIME first: when it was told.
    pub time: bool,
    /// NAMESPACE first.
    pub namespaces: bool,
    /// Names carry their kind.
    pub kinds: bool,
    /// DOOM, GENERATION and MESSAGE last.
    pub wide: bool,
    /// Whether there is a header.
    pub header: bool,
    /// Labels that have a column, last.
    pub labels: Vec<String>,
    /// All labels in a column, behind those.
    pub all_labels: bool,
}

/// The part of an object that columns of labels are made from.
#[derive(Default, Deserialize)]
struct Labelled {
    #[serde(default)]
    metadata: LabelledMetadata,
}

#[derive(Default, Deserialize)]
struct LabelledMetadata {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Columns {
    /// The header, if there is one.
    pub fn header(&self) -> Option<Vec<Cell>> {
        let mut names = vec!["NAME", "STATE", "REASON", "PROGRESS", "AGE"];
        if self.namespaces {
            names.insert(0, "NAMESPACE");
        }
        if self.time {
            names.insert(0, "TIME");
        }
        if self.wide {
            names.extend(["DOOM", "GENERATION", "MESSAGE"]);
        }
        let mut names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        names.extend(self.labels.iter().map(|label| label_header(label)));
        names.extend(self.all_labels.then(|| "LABELS".to_owned()));
        let cells = names.into_iter().map(|name| (Style::new().bold(), name));
        self.header.then(|| cells.collect())
    }

    /// A row as wide as most are, so that rows which are still to come stay
    /// below each other.
    pub fn room(&self) -> Vec<Cell> {
        let mut widths = vec![if self.kinds { 40 } else { 30 }, 11, 24, 14, 5];
        if self.namespaces {
            widths.insert(0, 12);
        }
        if self.time {
            widths.insert(0, 20);
        }
        widths.into_iter().map(|width| (Style::new(), " ".repeat(width))).collect()
    }

    /// An object's row, as old as it is at `now`.
    pub fn row(&self, status: &Status, now: Option<&Timestamp>) -> Vec<Cell> {
        let object = status.r#ref.clone().unwrap_or_default();
        let plain = |text: &str| (Style::new(), sanitize::cell(text).into_owned());
        let mut cells = Vec::new();
        if self.time {
            cells.push(plain(&now.map(ToString::to_string).unwrap_or_default()));
        }
        if self.namespaces {
            cells.push(plain(&object.namespace));
        }
        cells.push(plain(&if self.kinds { words::name(status) } else { object.name }));
        cells.push((words::state_style(status.state()), words::state(status.state()).to_owned()));
        cells.push(plain(&status.reason));
        cells.push(plain(&status.progress.as_ref().map(words::progress).unwrap_or_default()));
        cells.push(plain(&words::age(status.creation_time.as_ref(), now)));
        if self.wide {
            cells.push(plain(doom(status.doom())));
            cells.push(plain(&match status.generation {
                0 => String::new(),
                generation => generation.to_string(),
            }));
            cells.push(plain(&status.message));
        }
        if self.all_labels || !self.labels.is_empty() {
            cells.extend(self.labels_of(status).iter().map(|text| plain(text)));
        }
        cells
    }

    fn labels_of(&self, status: &Status) -> Vec<String> {
        // An object that came without its JSON, or with none that is, has no labels to show.
        let object: Labelled = serde_json::from_slice(&status.object).unwrap_or_default();
        let labels = object.metadata.labels;
        let mut cells: Vec<_> =
            self.labels.iter().map(|label| labels.get(label).cloned().unwrap_or_default()).collect();
        if self.all_labels {
            cells.push(all_labels(labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
        }
        cells
    }
}

/// The header of a label's column, as kubectl writes it: what is behind the last slash.
pub fn label_header(label: &str) -> String {
    label.rsplit('/').next().unwrap_or_default().to_uppercase()
}

/// `a=b,c=d`, as kubectl writes labels.
pub fn all_labels<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let labels: Vec<_> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    if labels.is_empty() { "<none>".to_owned() } else { labels.join(",") }
}

fn doom(doom: Doom) -> &'static str {
    match doom {
        Doom::Unspecified => "",
        Doom::Transient => "Transient",
        Doom::Persistent => "Persistent",
        Doom::Fatal => "Fatal",
    }
}
