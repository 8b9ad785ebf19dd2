//! Tables as kubectl lays them out: Go's `text/tabwriter` with the settings of
//! k8s.io/cli-runtime `pkg/printers`, `GetNewTabWriter`.

/// Between two columns.
const PADDING: usize = 3;
/// A column's least width, what follows its cells included.
const LEAST_WIDTH: usize = 6;

/// The widths of a table's columns; they only grow.
#[derive(Debug, Default)]
pub struct TabWriter {
    widths: Vec<usize>,
}

impl TabWriter {
    /// The rows as lines, below each other and below those before. Characters are counted, not what they
    /// take up on a screen.
    pub fn lines(&mut self, rows: &[Vec<String>]) -> Vec<String> {
        for row in rows {
            self.widths.resize(self.widths.len().max(row.len()), LEAST_WIDTH);
            // A line's last cell is of no column.
            let cells = row.split_last().map_or(&[][..], |(_, cells)| cells);
            for (width, cell) in self.widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count() + PADDING);
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    /// Nothing follows the last cell.
    fn line(&self, row: &[String]) -> String {
        let mut line = String::new();
        for (number, (cell, width)) in row.iter().zip(&self.widths).enumerate() {
            line.push_str(cell);
            if number + 1 < row.len() {
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_where_kubectl_puts_them() {
        let rows = [["NAME", "A", "AGE"], ["web-1", "", "3s"], ["漢字", "xxxxxx", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let lines = TabWriter::default().lines(&rows);
        assert_eq!(lines, ["NAME    A        AGE", "web-1            3s", "漢字      xxxxxx   "]);
    }
}
