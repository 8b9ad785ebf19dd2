//! An answer, in the form that a shell's script reads.

use std::fmt::Write as _;

use crate::args::Shell;
use crate::sanitize;

/// What a word can be completed to.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// One of these.
    Words(Vec<Candidate>),
    /// A file, which the shell knows better.
    Files,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word.
    pub text: String,
    /// What it means; empty if it says that itself.
    pub description: String,
    /// Whether the word goes on behind it.
    pub is_open: bool,
}

impl Candidate {
    /// A word that is whole.
    pub fn new(text: impl Into<String>, description: impl Into<String>) -> Self {
        Self { text: text.into(), description: description.into(), is_open: false }
    }

    /// The same with something before it.
    pub fn behind(self, before: &str) -> Self {
        Self { text: format!("{before}{}", self.text), ..self }
    }

    /// The same, to go on behind it.
    pub fn open(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// Whether every shell takes it as it stands: what would have to be quoted is left out, so that
    /// no name in the cluster becomes a command by being completed.
    fn is_plain(&self) -> bool {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-._:/@%+,=".contains(char);
        !self.text.is_empty() && self.text.chars().all(is_plain)
    }
}

impl Answer {
    /// One of these words.
    pub fn words(words: Vec<Candidate>) -> Self {
        Self::Words(words)
    }

    /// As the shell's script reads it: a line that says what follows, and a line for each word.
    /// `inserted` is how many bytes of the word the shell keeps as they are.
    pub fn render(&self, shell: Shell, inserted: usize) -> String {
        let Self::Words(words) = self else { return "files\n".to_owned() };
        let mut text = "words\n".to_owned();
        for word in words.iter().filter(|word| word.is_plain()) {
            let description = sanitize::cell(&word.description);
            // Writing to a string does not fail.
            let _ = match shell {
                Shell::Bash => {
                    let space = if word.is_open { "" } else { " " };
                    writeln!(text, "{}{space}", word.text.get(inserted..).unwrap_or_default())
                }
                Shell::Zsh => writeln!(text, "{}", zsh(word, &description)),
                Shell::Fish | Shell::Powershell if description.is_empty() => writeln!(text, "{}", word.text),
                Shell::Fish | Shell::Powershell => writeln!(text, "{}\t{description}", word.text),
            };
        }
        text
    }
}

/// `o` or `c` for open or closed, then the word and its description as `_describe` takes them.
fn zsh(word: &Candidate, description: &str) -> String {
    let sort = if word.is_open { 'o' } else { 'c' };
    let colon = if description.is_empty() { "" } else { ":" };
    format!("{sort}{}{colon}{description}", word.text.replace(':', "\\:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_reads_its_own_form() {
        let answer = Answer::words(vec![
            Candidate::new("--a=x:y", "what\nit is"),
            Candidate::new("--a=x:", "").open(),
            Candidate::new("--a=$(reboot)", ""),
            Candidate::new("--a=x y", ""),
            Candidate::new("", ""),
        ]);
        for (shell, inserted, text) in [
            (Shell::Bash, 6, "words\ny \n\n"),
            (Shell::Bash, 0, "words\n--a=x:y \n--a=x:\n"),
            (Shell::Zsh, 0, "words\nc--a=x\\:y:what it is\no--a=x\\:\n"),
            (Shell::Fish, 0, "words\n--a=x:y\twhat it is\n--a=x:\n"),
            (Shell::Powershell, 0, "words\n--a=x:y\twhat it is\n--a=x:\n"),
        ] {
            assert_eq!(answer.render(shell, inserted), text, "{shell:?}");
        }
        assert_eq!(Answer::Files.render(Shell::Zsh, 0), "files\n");
    }
}
