//! What is said of an object: sections of facts and tables, in no layout yet.

use anstyle::Style;

use crate::layout::Cell;

/// Everything that is said of an object. Its texts are the cluster's own; they are
/// escaped when they are laid out.
#[derive(Debug, Default)]
pub struct Document {
    sections: Vec<Section>,
}

/// What belongs together, below a heading.
#[derive(Debug, Default)]
pub struct Section {
    heading: String,
    parts: Vec<Part>,
}

/// A part of a section.
#[derive(Debug)]
pub enum Part {
    /// What is known, by name.
    Facts(Vec<Fact>),
    /// Rows below a header.
    Table { header: &'static [&'static str], rows: Vec<Vec<Cell>> },
    /// A sentence.
    Line(String),
    /// What is said of a part of the object, such as a container.
    Group(Section),
}

/// Something that is known of an object.
#[derive(Debug)]
pub struct Fact {
    pub name: String,
    /// There is at least one.
    pub values: Vec<Cell>,
}

impl Document {
    /// Begins a section. One to which nothing is added is not shown.
    pub fn section(&mut self, heading: &str) -> &mut Section {
        self.sections.push(Section { heading: heading.to_owned(), parts: Vec::new() });
        let last = self.sections.len() - 1;
        &mut self.sections[last]
    }

    /// The sections that have something in them.
    pub fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(|section| !section.parts.is_empty())
    }
}

impl Section {
    /// What stands above it; empty for that which begins a document.
    pub fn heading(&self) -> &str {
        &self.heading
    }

    /// Its parts, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Adds what is known; an empty text is nothing.
    pub fn fact(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.painted(name, (Style::new(), value.into()))
    }

    /// As [`Section::fact`], in a style.
    pub fn painted(&mut self, name: &str, value: Cell) -> &mut Self {
        self.add(name, vec![value])
    }

    /// Adds several values of one name, below each other.
    pub fn facts(&mut self, name: &str, values: impl IntoIterator<Item = String>) -> &mut Self {
        self.add(name, values.into_iter().map(|value| (Style::new(), value)).collect())
    }

    /// Adds a table, if it has rows.
    pub fn table(&mut self, header: &'static [&'static str], rows: impl IntoIterator<Item = Vec<String>>) -> &mut Self {
        let plain = |row: Vec<String>| row.into_iter().map(|text| (Style::new(), text)).collect();
        self.painted_table(header, rows.into_iter().map(plain).collect())
    }

    /// As [`Section::table`], with styles.
    pub fn painted_table(&mut self, header: &'static [&'static str], rows: Vec<Vec<Cell>>) -> &mut Self {
        if !rows.is_empty() {
            self.parts.push(Part::Table { header, rows });
        }
        self
    }

    /// Adds a sentence.
    pub fn line(&mut self, text: impl Into<String>) {
        self.parts.push(Part::Line(text.into()));
    }

    /// Adds sentences.
    pub fn lines(&mut self, texts: impl IntoIterator<Item = String>) {
        texts.into_iter().for_each(|text| self.line(text));
    }

    /// Adds what is said of a part of the object.
    pub fn group(&mut self, heading: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut group = Self { heading: heading.to_owned(), parts: Vec::new() };
        fill(&mut group);
        self.parts.push(Part::Group(group));
        self
    }

    fn add(&mut self, name: &str, mut values: Vec<Cell>) -> &mut Self {
        values.retain(|(_, text)| !text.is_empty());
        if values.is_empty() {
            return self;
        }
        let fact = Fact { name: name.to_owned(), values };
        match self.parts.last_mut() {
            Some(Part::Facts(facts)) => facts.push(fact),
            _ => self.parts.push(Part::Facts(vec![fact])),
        }
        self
    }
}
