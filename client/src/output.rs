//! What `-o` asks for.

use std::fs;
use std::path::{Path, PathBuf};

use daymark::text_file;

use crate::exit::Failure;

/// An expression that is longer is none: the daemon is not asked, nothing is read.
const LONGEST_EXPRESSION: u64 = 1 << 20;

/// How objects are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A table of states.
    Table,
    /// A table with more columns.
    Wide,
    /// The Kubernetes objects, as kubectl prints them.
    Json,
    /// The Kubernetes objects, as YAML.
    Yaml,
    /// The Kubernetes objects, one a line.
    Ndjson,
    /// Names, as kubectl prints them.
    Name,
    /// The states, as JSON.
    StatusJson,
    /// The API server's own table, with the columns that are left out where there is little room.
    Kubectl { wide: bool },
    /// A table of one's own, as it is said in one line, or in a file of two.
    Columns { text: String, is_file: bool },
    /// What an expression makes of the objects.
    Expression(Language, String),
}

/// A language of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Jq,
    JsonPath,
    /// All results together, as one JSON array.
    JsonPathAsJson,
    GoTemplate,
}

/// The words of `-o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputArg {
    form: Form,
    source: Option<Source>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// One that is said whole.
    Plain(Output),
    Columns,
    Expression(Language),
}

/// Where an expression is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Here(String),
    File(PathBuf),
}

/// The forms that are said by a word.
const PLAIN: &[(&str, Output)] = &[
    ("table", Output::Table),
    ("wide", Output::Wide),
    ("json", Output::Json),
    ("yaml", Output::Yaml),
    ("ndjson", Output::Ndjson),
    ("name", Output::Name),
    ("status-json", Output::StatusJson),
    ("kubectl", Output::Kubectl { wide: false }),
    ("kubectl-wide", Output::Kubectl { wide: true }),
];

/// The forms that take a text, or its file under another word: kubectl's words, and jq.
const WITH_TEXT: &[(&str, &str, Form)] = &[
    ("jq", "jq-file", Form::Expression(Language::Jq)),
    ("jsonpath", "jsonpath-file", Form::Expression(Language::JsonPath)),
    ("jsonpath-as-json", "", Form::Expression(Language::JsonPathAsJson)),
    ("go-template", "go-template-file", Form::Expression(Language::GoTemplate)),
    ("template", "templatefile", Form::Expression(Language::GoTemplate)),
    ("custom-columns", "custom-columns-file", Form::Columns),
];

impl OutputArg {
    /// Reads `json`, `jq=EXPRESSION`, `go-template-file=FILE` and the like.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, rest) = match text.split_once('=') {
            Some((word, rest)) => (word, Some(rest)),
            None => (text, None),
        };
        if let (Some((_, output)), None) = (PLAIN.iter().find(|(name, _)| *name == word), rest) {
            return Ok(Self { form: Form::Plain(output.clone()), source: None });
        }
        for (name, file, form) in WITH_TEXT {
            if word == *name {
                return Ok(Self { form: form.clone(), source: rest.map(|text| Source::Here(text.to_owned())) });
            }
            if word == *file && !file.is_empty() {
                let path = rest.filter(|path| !path.is_empty());
                let path = path.ok_or_else(|| format!("{word} needs a file: {word}=FILE"))?;
                return Ok(Self { form: form.clone(), source: Some(Source::File(path.into())) });
            }
        }
        Err(format!("there are {}", words().join(", ")))
    }

    /// What is asked for; `template` is what `--template` says.
    ///
    /// # Errors
    /// If there is no expression where one is needed, two of them, or a file that cannot be read.
    pub fn resolve(output: Option<&Self>, template: Option<&str>) -> Result<Output, Failure> {
        match (output, template) {
            (None, None) => Ok(Output::Table),
            (None, Some(template)) => Ok(Output::Expression(Language::GoTemplate, template.to_owned())),
            (Some(Self { form: Form::Plain(output), .. }), None) => Ok(output.clone()),
            (Some(Self { form: Form::Plain(_), .. }), Some(_)) => {
                Err(Failure::usage("--template needs -o go-template or -o jsonpath"))
            }
            (Some(Self { source: Some(_), .. }), Some(_)) => {
                Err(Failure::usage("-o and --template both contain an expression: leave one out"))
            }
            (Some(Self { form, source: None }), Some(template)) => Ok(form.of(template.to_owned(), false)),
            (Some(Self { form, source: Some(Source::Here(text)) }), None) if !text.is_empty() => {
                Ok(form.of(text.clone(), false))
            }
            (Some(Self { form, source: Some(Source::File(path)) }), None) => Ok(form.of(read(path)?, true)),
            (Some(Self { form, .. }), None) => {
                let word = WITH_TEXT.iter().find(|(.., known)| known == form).map_or("", |(word, ..)| word);
                Err(Failure::usage(format!("-o {word} needs an expression: -o {word}=EXPRESSION")))
            }
        }
    }
}

impl Form {
    fn of(&self, text: String, is_file: bool) -> Output {
        match self {
            Self::Plain(output) => output.clone(),
            Self::Columns => Output::Columns { text, is_file },
            Self::Expression(language) => Output::Expression(*language, text),
        }
    }
}

impl Output {
    /// Whether whole objects are needed for it.
    pub fn reads_objects(&self) -> bool {
        matches!(self, Self::Json | Self::Yaml | Self::Ndjson | Self::Columns { .. } | Self::Expression(..))
    }

    /// Whether each object is shown by itself, so that nothing is gained by waiting for all.
    pub fn is_by_row(&self) -> bool {
        self.is_table() || matches!(self, Self::Name | Self::Ndjson)
    }

    /// Whether it is a table of states.
    pub fn is_table(&self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }
}

/// The words that `-o` takes; those that end in `=` take more.
pub fn words() -> Vec<String> {
    let plain = PLAIN.iter().map(|(word, _)| (*word).to_owned());
    let with_text = WITH_TEXT.iter().flat_map(|(word, file, _)| [*word, *file]).filter(|word| !word.is_empty());
    plain.chain(with_text.map(|word| format!("{word}="))).collect()
}

/// The text of a file, without the line break at its end, which is no part of an expression.
fn read(path: &Path) -> Result<String, Failure> {
    let problem = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let size = fs::metadata(path).map_err(|error| problem(&error))?.len();
    if size > LONGEST_EXPRESSION {
        return Err(problem(&format!("an expression of {size} bytes is more than {LONGEST_EXPRESSION}")));
    }
    // What says no size, such as a device, has an end, too.
    text_file::read(path, LONGEST_EXPRESSION).map_err(|error| problem(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(output: Option<&str>, template: Option<&str>) -> Result<Output, ()> {
        let arg = output.map(|text| OutputArg::parse(text).map_err(drop)).transpose()?;
        OutputArg::resolve(arg.as_ref(), template).map_err(drop)
    }

    #[test]
    fn it_is_said_as_to_kubectl() {
        let go = |text: &str| Ok(Output::Expression(Language::GoTemplate, text.to_owned()));
        for (output, template, expected) in [
            (None, None, Ok(Output::Table)),
            (None, Some("{{.a}}"), go("{{.a}}")),
            (Some("go-template"), Some("{{.a}}"), go("{{.a}}")),
            (Some("go-template={{.a=b}}"), None, go("{{.a=b}}")),
            (Some("template={{.a}}"), None, go("{{.a}}")),
            (Some("jq=.a"), None, Ok(Output::Expression(Language::Jq, ".a".to_owned()))),
            (Some("jsonpath"), Some("{.a}"), Ok(Output::Expression(Language::JsonPath, "{.a}".to_owned()))),
            (Some("custom-columns=A:.a"), None, Ok(Output::Columns { text: "A:.a".to_owned(), is_file: false })),
            (Some("kubectl-wide"), None, Ok(Output::Kubectl { wide: true })),
            (Some("json"), Some("{{.a}}"), Err(())),
            (Some("jq"), None, Err(())),
            (Some("jq="), None, Err(())),
            (Some("jq=.a"), Some(".b"), Err(())),
            (Some("json=.a"), None, Err(())),
            (Some("jsonpath-file"), None, Err(())),
            (Some("jsonpath-file=/nothing/here"), None, Err(())),
            (Some("xml"), None, Err(())),
        ] {
            assert_eq!(resolve(output, template), expected, "{output:?} {template:?}");
        }
    }
}
