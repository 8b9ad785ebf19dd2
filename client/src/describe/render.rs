//! The layout of what is said of an object. Everything that is shown goes through here,
//! and is escaped here.

use anstyle::Style;

use super::document::{Document, Fact, Part, Section};
use crate::layout::{Cell, Layout, Line};
use crate::sanitize;

/// How far each level is moved in.
const STEP: usize = 2;

/// The document's lines, sections divided by empty ones.
pub fn lines(document: &Document) -> Vec<Line> {
    let mut lines = Vec::new();
    for section in document.sections() {
        if !lines.is_empty() {
            lines.push(Line::plain(""));
        }
        let depth = usize::from(!section.heading().is_empty());
        if depth > 0 {
            lines.push(heading(section, 0));
        }
        add(&mut lines, section, depth);
    }
    lines
}

fn heading(section: &Section, depth: usize) -> Line {
    let text = format!("{}{}:", " ".repeat(depth * STEP), sanitize::cell(section.heading()));
    Layout::default().line(&[(Style::new().bold(), text)])
}

fn add(lines: &mut Vec<Line>, section: &Section, depth: usize) {
    for part in section.parts() {
        match part {
            Part::Facts(facts) => align(lines, facts.iter().flat_map(rows).collect(), depth),
            Part::Table { header, rows } => {
                let header = header.iter().map(|name| (Style::new().bold(), (*name).to_owned())).collect();
                align(lines, std::iter::once(header).chain(rows.iter().cloned()).collect(), depth);
            }
            Part::Line(text) => align(lines, vec![vec![(Style::new(), text.clone())]], depth),
            Part::Group(group) => {
                lines.push(heading(group, depth));
                add(lines, group, depth + 1);
            }
        }
    }
}

/// A row for each value, the first behind the name.
fn rows(fact: &Fact) -> Vec<Vec<Cell>> {
    let name = |place: usize| if place == 0 { format!("{}:", fact.name) } else { String::new() };
    let row = |(place, value): (usize, &Cell)| vec![(Style::new(), name(place)), value.clone()];
    fact.values.iter().enumerate().map(row).collect()
}

fn align(lines: &mut Vec<Line>, mut rows: Vec<Vec<Cell>>, depth: usize) {
    for row in &mut rows {
        for (place, (_, text)) in row.iter_mut().enumerate() {
            let indent = if place == 0 { depth * STEP } else { 0 };
            *text = format!("{}{}", " ".repeat(indent), sanitize::cell(text));
        }
    }
    let mut layout = Layout::default();
    rows.iter().for_each(|row| layout.fit(row));
    lines.extend(rows.iter().map(|row| layout.line(row)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_part_is_laid_out_and_escaped() {
        let mut document = Document::default();
        document.section("").fact("Name", "a\u{1b}[31m").facts("Labels", ["x=1".to_owned(), "y=2".to_owned()]);
        document.section("Empty").fact("Nothing", "");
        let section = document.section("Ports");
        section.table(&["PORT", "NAME"], [vec!["80".to_owned(), "ht\ntp".to_owned()]]).line("and more");
        section.group("\u{202e}c", |group| {
            group.fact("Image", "nginx");
        });
        let lines: Vec<_> = lines(&document).iter().map(Line::text).collect();
        let expected = [
            "Name:     a\\x1b[31m",
            "Labels:   x=1",
            "          y=2",
            "",
            "Ports:",
            "  PORT   NAME",
            "  80     ht tp",
            "  and more",
            "  \\u{202e}c:",
            "    Image:   nginx",
        ];
        assert_eq!(lines, expected);
    }
}
