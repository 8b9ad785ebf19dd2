//! Lines of aligned cells.

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::printer::Printer;
use crate::sanitize;

const GAP: usize = 3;

/// The widths of a table's columns. They only grow, so that rows which come
/// later stay below their headers.
#[derive(Debug, Default)]
pub struct Layout {
    widths: Vec<usize>,
}

/// A line in pieces, each with its style.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Line(Vec<(Style, String)>);

/// A cell and its style.
pub type Cell = (Style, String);

/// A header of these names.
pub fn header<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Cell> {
    names.into_iter().map(|name| (Style::new().bold(), name.to_owned())).collect()
}

/// A row of texts, which cannot act on a terminal nor leave their line.
pub fn plain(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Cell> {
    texts.into_iter().map(|text| (Style::new(), sanitize::cell(text.as_ref()).into_owned())).collect()
}

impl Layout {
    /// Makes room for a row.
    pub fn fit(&mut self, row: &[Cell]) {
        self.widths.resize(self.widths.len().max(row.len()), 0);
        for (width, (_, text)) in self.widths.iter_mut().zip(row) {
            *width = (*width).max(text.width());
        }
    }

    /// The row as a line; nothing follows its last cell.
    pub fn line(&self, row: &[Cell]) -> Line {
        let mut pieces = Vec::new();
        for (index, (style, text)) in row.iter().enumerate() {
            pieces.push((*style, text.clone()));
            if index + 1 < row.len() {
                let width = self.widths.get(index).copied().unwrap_or_default();
                pieces.push((Style::new(), " ".repeat(width.saturating_sub(text.width()) + GAP)));
            }
        }
        Line(pieces)
    }
}

impl Line {
    /// A line of one piece.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![(Style::new(), text.into())])
    }

    /// The line without its styles.
    #[cfg(test)]
    pub fn text(&self) -> String {
        let text: String = self.0.iter().map(|(_, text)| text.as_str()).collect();
        text.trim_end().to_owned()
    }

    /// The line cut to `width` columns.
    pub fn cut(mut self, width: usize) -> Self {
        let mut left = width;
        for (_, text) in &mut self.0 {
            let mut end = 0;
            for (at, char) in text.char_indices() {
                let wide = char.width().unwrap_or_default();
                if wide > left {
                    left = 0;
                    break;
                }
                left -= wide;
                end = at + char.len_utf8();
            }
            text.truncate(end);
        }
        self
    }

    /// The line as stdout takes it.
    pub fn paint(&self, printer: &Printer) -> String {
        let painted = self.0.iter().map(|(style, text)| match *style == Style::new() || text.is_empty() {
            true => text.clone(),
            false => printer.paint(*style, text),
        });
        painted.collect::<String>().trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Cell> {
        cells.iter().map(|text| (Style::new(), (*text).to_owned())).collect()
    }

    #[test]
    fn cells_stand_below_each_other_by_their_width_on_screen() {
        let mut layout = Layout::default();
        let rows = [row(&["NAME", "AGE"]), row(&["漢字x", "1s"]), row(&["é", "2s"])];
        rows.iter().for_each(|row| layout.fit(row));
        let lines: Vec<_> = rows.iter().map(|row| layout.line(row).text()).collect();
        assert_eq!(lines, ["NAME    AGE", "漢字x   1s", "é       2s"]);
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        let line = Layout::default().line(&row(&["漢字", "abc"]));
        for (width, cut) in [(0, ""), (1, ""), (3, "漢"), (4, "漢字"), (8, "漢字   a"), (99, "漢字   abc")] {
            assert_eq!(line.clone().cut(width).text(), cut, "{width}");
        }
    }
}
