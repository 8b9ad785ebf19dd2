//! The table that a benchmark prints.

use std::fmt;

use crate::targets::Target;

/// One benchmark's figures.
pub struct Report {
    title: String,
    rows: Vec<[String; 6]>,
    notes: Vec<String>,
}

/// A figure with its unit, printed with as many digits as mean something.
#[derive(Clone, Copy, Debug)]
pub struct Figure(pub f64, pub &'static str);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, unit) = *self;
        match value.abs() {
            _ if value.is_nan() => write!(f, "-"),
            ..10.0 => write!(f, "{value:.3} {unit}"),
            10.0..1_000.0 => write!(f, "{value:.1} {unit}"),
            _ => write!(f, "{value:.0} {unit}"),
        }
    }
}

impl Report {
    /// A report without figures.
    pub fn new(title: impl Into<String>) -> Self {
        let head = ["measured", "daymark", "peer", "", "ratio", "target"].map(ToOwned::to_owned);
        Self { title: title.into(), rows: vec![head], notes: Vec::new() }
    }

    /// A figure of Daymark's against a peer's. The ratio is Daymark's to the
    /// peer's.
    pub fn compare(&mut self, what: impl Into<String>, ours: Figure, peer: (&str, Figure), target: Target) {
        let ratio = ours.0 / peer.1.0;
        let shown = if ratio.is_finite() { format!("{ratio:.3}") } else { "-".to_owned() };
        let (name, theirs) = peer;
        self.rows.push([
            what.into(),
            ours.to_string(),
            theirs.to_string(),
            name.to_owned(),
            shown,
            target.judge(ratio),
        ]);
    }

    /// A figure of Daymark's that has a target, but no peer.
    pub fn figure(&mut self, what: impl Into<String>, ours: Figure, target: Target) {
        let judged = target.judge(ours.0);
        self.rows.push([what.into(), ours.to_string(), "-".into(), String::new(), "-".into(), judged]);
    }

    /// A figure that stands beside the others, of nobody or of a peer alone.
    pub fn aside(&mut self, what: impl Into<String>, theirs: Figure, whose: &str) {
        self.rows.push([what.into(), "-".into(), theirs.to_string(), whose.into(), "-".into(), "-".into()]);
    }

    /// Something to know when reading the table.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Prints it, with the command that makes it again.
    pub fn print(&self) {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..6).map(width).collect();
        println!("\n{}", self.title);
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| match column {
                1 | 2 | 4 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            });
            println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        for note in &self.notes {
            println!("  * {note}");
        }
        println!("  again: {}", std::env::args().collect::<Vec<_>>().join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn figures_have_the_digits_that_count() {
        assert_eq!(Figure(1.23456, "ms").to_string(), "1.235 ms");
        assert_eq!(Figure(123.456, "ms").to_string(), "123.5 ms");
        assert_eq!(Figure(12_345.6, "B").to_string(), "12346 B");
        assert_eq!(Figure(f64::NAN, "B").to_string(), "-");
    }
}
