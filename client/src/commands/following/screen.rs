//! How a gate's objects stand, redrawn in place on a terminal.

use anstyle::Style;
use daymark::api::{Freshness, GateObject, Standing};

use crate::exit::Failure;
use crate::layout::{Layout, Line};
use crate::live::Live;
use crate::printer::Printer;
use crate::table::Columns;
use crate::words;

/// The table of a gate's objects.
#[derive(Debug, Default)]
pub struct Screen(Live);

impl Screen {
    /// Draws the objects: those first that are waited for.
    pub fn draw<'a>(
        &mut self,
        printer: &mut Printer,
        objects: impl Iterator<Item = &'a GateObject>,
        freshness: Option<&Freshness>,
        namespaces: bool,
    ) -> Result<(), Failure> {
        let mut objects: Vec<_> = objects.collect();
        objects.sort_by_key(|object| object.standing() == Standing::Met);
        let columns = Columns { namespaces, kinds: true, header: true, ..Columns::default() };
        let now = freshness.and_then(|freshness| freshness.time.as_ref());
        let row = |object: &&GateObject| {
            let mut row = columns.row(object.status.as_ref()?, now);
            row.insert(0, (Style::new(), words::standing(object.standing()).to_owned()));
            Some(row)
        };
        let header = columns.header().map(|mut header| {
            header.insert(0, (Style::new().bold(), "STANDING".to_owned()));
            header
        });
        let rows: Vec<_> = objects.iter().filter_map(row).collect();
        let mut layout = Layout::default();
        header.iter().chain(&rows).for_each(|row| layout.fit(row));
        let rows: Vec<Line> = rows.iter().map(|row| layout.line(row)).collect();
        Ok(self.0.draw(printer, header.map(|row| layout.line(&row)), rows)?)
    }

    /// Takes the table off, to write something in its place.
    pub fn clear(&mut self, printer: &mut Printer) -> Result<(), Failure> {
        Ok(self.0.clear(printer)?)
    }
}
