//! What can be wrong with a template, in Go's words.

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub struct ParseError {
    /// The template's name.
    pub name: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A template that cannot be executed with a document.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// Something in it does not suit the document.
    #[error("template: {parsed}:{line}:{column}: executing \"{name}\" at <{node}>: {message}")]
    Failed {
        /// The name of all of the text.
        parsed: &'static str,
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 0, as Go counts.
        column: usize,
        /// The template within the text.
        name: String,
        /// What was executed.
        node: String,
        /// What is wrong.
        message: String,
    },
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}
