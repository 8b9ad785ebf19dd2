//! A table that is redrawn in place on a terminal.
//!
//! It changes no mode of the terminal, so that nothing is to be restored,
//! however the process ends: the last picture stays on the screen.

use crate::layout::Line;
use crate::printer::{PrintError, Printer};

/// The smallest screen that is drawn for.
const LEAST_HEIGHT: usize = 4;

/// What stands on the screen.
#[derive(Debug, Default)]
pub struct Live {
    drawn: usize,
}

impl Live {
    /// Draws `header` and as many of `rows` as the screen takes, over what was
    /// drawn before.
    pub fn draw(&mut self, printer: &mut Printer, header: Option<Line>, rows: Vec<Line>) -> Result<(), PrintError> {
        let (width, height) = size();
        let lines = fit(header, rows, height);
        let text: String = lines.into_iter().map(|line| line.cut(width).paint(printer) + "\n").collect();
        self.clear(printer)?;
        self.drawn = text.lines().count();
        printer.text(text.as_bytes())?;
        printer.flush()
    }

    /// Takes the table off the screen, to write something above it.
    pub fn clear(&mut self, printer: &mut Printer) -> Result<(), PrintError> {
        if self.drawn > 0 {
            // To the first of the lines, then empty the screen from there.
            printer.own(&format!("\x1b[{}F\x1b[J", std::mem::take(&mut self.drawn)))?;
            printer.flush()?;
        }
        Ok(())
    }
}

/// The lines that stay on a screen of `height`, the cursor's own line apart.
fn fit(header: Option<Line>, mut rows: Vec<Line>, height: usize) -> Vec<Line> {
    let room = height.max(LEAST_HEIGHT) - 1 - usize::from(header.is_some());
    let mut more = None;
    if rows.len() > room {
        let hidden = rows.len() - (room - 1);
        rows.truncate(room - 1);
        more = Some(Line::plain(format!("... and {hidden} more that this screen has no room for")));
    }
    header.into_iter().chain(rows).chain(more).collect()
}

fn size() -> (usize, usize) {
    match terminal_size::terminal_size() {
        Some((width, height)) => (width.0.into(), height.0.into()),
        None => (80, 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let rows = |count| (0..count).map(|row| Line::plain(row.to_string())).collect::<Vec<_>>();
        for (count, height, lines) in [(3, 24, 4), (22, 24, 23), (23, 24, 23), (100, 24, 23), (100, 1, 3)] {
            assert_eq!(fit(Some(Line::plain("NAME")), rows(count), height).len(), lines, "{count} {height}");
        }
        let last = fit(None, rows(10), 5).pop();
        assert_eq!(last, Some(Line::plain("... and 7 more that this screen has no room for")));
    }
}
