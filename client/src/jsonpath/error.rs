//! What is wrong with a template, and what does not fit a document: the words are kubectl's, so that they are
//! found where people look for them.

use std::fmt;
use std::io;

use crate::sanitize;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{syntax}, at character {at}")]
pub struct ParseError {
    /// What is wrong.
    pub syntax: Syntax,
    /// Where: the first character is 1.
    pub at: usize,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Syntax {
    /// A `{` has no `}` in its line.
    #[error("unclosed action")]
    UnclosedAction,
    /// Nothing begins with this character.
    #[error("unrecognized character in action: {}", Rune(*.0))]
    Unrecognized(char),
    /// A `[` has no `]` in its line.
    #[error("unterminated array")]
    UnterminatedArray,
    /// It is no index, slice or key in single quotes.
    #[error("invalid array index {}", sanitize::line(.0))]
    InvalidIndex(String),
    /// It is no number, or one too large.
    #[error("array index {} is not a number", sanitize::line(.0))]
    IndexNotNumber(String),
    /// A `[?(` has no `)` in its line.
    #[error("unterminated filter")]
    UnterminatedFilter,
    /// A filter's `)` is not followed by `]`.
    #[error("unclosed array expect ]")]
    UnclosedFilter,
    /// A quotation mark has no other in its line.
    #[error("unterminated quoted string")]
    UnterminatedQuote,
    /// An escape in quotation marks that there is not.
    #[error("unquote string {} error invalid syntax", sanitize::line(.0))]
    BadEscape(String),
    /// It begins as a number and is none.
    #[error("cannot parse number {0}")]
    BadNumber(String),
    /// `..` follows `..`.
    #[error("invalid multiple recursive descent")]
    RepeatedDescent,
    /// A path was wanted, and this is a template.
    #[error(
        "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{{name1.name2}}' or '{{.name1.name2}}'"
    )]
    NoPath,
    /// Filters and unions are within each other more often than anybody writes.
    #[error("more than {0} filters and unions within each other")]
    TooDeep(usize),
    /// It is longer than templates may be.
    #[error("longer than {0} bytes")]
    TooLong(usize),
}

/// A character as Go's `%#U` shows it.
struct Rune(char);

impl fmt::Display for Rune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.0))?;
        if sanitize::is_hidden(self.0) { Ok(()) } else { write!(f, " '{}'", self.0) }
    }
}

/// Why a template cannot be executed on a document.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The template is strict, and nothing has this field.
    #[error("{} is not found", sanitize::line(.0))]
    NotFound(String),
    /// It is not in quotation marks, and no word of the language.
    #[error("unrecognized identifier {}", sanitize::line(.0))]
    UnknownWord(String),
    /// There is no range to end.
    #[error("not in range, nothing to end")]
    NothingToEnd,
    /// An index or slice of what is no list; Go's name of the type.
    #[error("{0} is not array or slice")]
    NotAList(&'static str),
    /// An index or slice goes beyond the list.
    #[error("array index out of bounds: index {index}, length {length}")]
    OutOfBounds {
        /// The index, counted from the list's begin.
        index: i64,
        /// How many items there are.
        length: i64,
    },
    /// A slice ends before it begins.
    #[error("starting index {from} is greater than ending index {to}")]
    Backwards {
        /// Where it begins.
        from: i64,
        /// Where it ends.
        to: i64,
    },
    /// A slice's step is none, or goes back.
    #[error("step must be > 0")]
    Step,
    /// A filter of what is no list, as Go shows it.
    #[error("{0} is not array or slice and cannot be filtered")]
    NotFilterable(String),
    /// A side of a filter's comparison finds several values.
    #[error("can only compare one element at a time")]
    SeveralCompared,
    /// A filter's operator that there is not.
    #[error("unrecognized filter operator {0}")]
    UnknownOperator(String),
    /// A filter compares maps, lists or null, or orders booleans.
    #[error("invalid type for comparison")]
    NotComparable,
    /// A filter compares values of two types, such as an integer and a float.
    #[error("incompatible types for comparison")]
    Incompatible,
    /// It takes more work than it may.
    #[error("the template takes more than {0} steps on this document; ask for less at once")]
    TooManySteps(u64),
    /// Ranges are within each other too often.
    #[error("more than {0} ranges within each other")]
    TooManyRanges(usize),
    /// A value is nested too deep.
    #[error("a value is nested deeper than {0} levels")]
    TooDeep(usize),
    /// What is printed is not taken.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

impl ExecuteError {
    /// Whether a limit was reached, which nothing in a template may pass over.
    pub(super) fn is_limit(&self) -> bool {
        matches!(self, Self::TooManySteps(_) | Self::TooManyRanges(_) | Self::TooDeep(_))
    }
}
