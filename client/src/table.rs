//! The table of states.

use anstyle::Style;
use daymark::api::{Doom, Status};
use prost_types::Timestamp;

use crate::layout::Cell;
use crate::sanitize;
use crate::words;

/// Which columns a table has.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// NAMESPACE first.
    pub namespaces: bool,
    /// Names carry their kind.
    pub kinds: bool,
    /// DOOM, GENERATION and MESSAGE last.
    pub wide: bool,
    /// Whether there is a header.
    pub header: bool,
}

impl Columns {
    /// The header, if there is one.
    pub fn header(self) -> Option<Vec<Cell>> {
        let mut names = vec!["NAME", "STATE", "REASON", "PROGRESS", "AGE"];
        if self.namespaces {
            names.insert(0, "NAMESPACE");
        }
        if self.wide {
            names.extend(["DOOM", "GENERATION", "MESSAGE"]);
        }
        let cells = names.into_iter().map(|name| (Style::new().bold(), name.to_owned()));
        self.header.then(|| cells.collect())
    }

    /// A row as wide as most are, so that rows which are still to come stay
    /// below each other.
    pub fn room(self) -> Vec<Cell> {
        let mut widths = vec![if self.kinds { 40 } else { 30 }, 11, 24, 14, 5];
        if self.namespaces {
            widths.insert(0, 12);
        }
        widths.into_iter().map(|width| (Style::new(), " ".repeat(width))).collect()
    }

    /// An object's row, as old as it is at `now`.
    pub fn row(self, status: &Status, now: Option<&Timestamp>) -> Vec<Cell> {
        let object = status.r#ref.clone().unwrap_or_default();
        let plain = |text: &str| (Style::new(), sanitize::cell(text).into_owned());
        let mut cells = Vec::new();
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
        cells
    }
}

fn doom(doom: Doom) -> &'static str {
    match doom {
        Doom::Unspecified => "",
        Doom::Transient => "Transient",
        Doom::Persistent => "Persistent",
        Doom::Fatal => "Fatal",
    }
}
