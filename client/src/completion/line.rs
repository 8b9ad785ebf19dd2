//! The words that were typed.

/// Characters that begin another word to readline, but none to the command.
const BREAKS: &str = "=:@";

/// What was typed behind the command's name, up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// The words before the one that is to be completed.
    pub words: Vec<String>,
    /// That one, as far as it was typed.
    pub current: String,
    /// The bytes of it that the shell keeps as they are.
    inserted: usize,
}

/// What surrounds a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

impl Line {
    /// Words that the shell has split.
    pub fn of(words: Vec<String>, current: String) -> Self {
        Self { words, current, inserted: 0 }
    }

    /// Splits a line of bash's, whose own words are split at `breaks`, too. Its first word is the command. Nothing is
    /// expanded.
    pub fn read(line: &str, breaks: &str) -> Self {
        let mut words = Vec::new();
        let (mut word, mut inserted) = (None::<String>, 0);
        let mut quote = Quote::None;
        let mut chars = line.chars();
        while let Some(char) = chars.next() {
            match (quote, char) {
                (Quote::None, char) if char.is_whitespace() => {
                    words.extend(word.take());
                    inserted = 0;
                }
                (Quote::None, '\'' | '"') => {
                    quote = if char == '"' { Quote::Double } else { Quote::Single };
                    // Readline completes what is behind the quote.
                    inserted = word.get_or_insert_default().len();
                }
                (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
                (Quote::None | Quote::Double, '\\') => word.get_or_insert_default().extend(chars.next()),
                (quote, char) => {
                    let word = word.get_or_insert_default();
                    word.push(char);
                    if quote == Quote::None && BREAKS.contains(char) && breaks.contains(char) {
                        inserted = word.len();
                    }
                }
            }
        }
        let behind_command = words.into_iter().skip(1).collect();
        Self { words: behind_command, current: word.unwrap_or_default(), inserted }
    }

    /// How many bytes of the current word the shell keeps as they are.
    pub fn inserted(&self) -> usize {
        self.inserted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_bash_would_without_its_breaks() {
        let breaks = " \t\n\"'><=;|&(:";
        for (line, words, current, inserted) in [
            ("daymark", "", "daymark", 0),
            ("daymark ", "", "", 0),
            ("daymark get po", "get", "po", 0),
            ("daymark  get pods ", "get pods", "", 0),
            ("daymark get --state=fa", "get", "--state=fa", 8),
            ("daymark --context a:b/c", "--context", "a:b/c", 2),
            ("daymark get --address=unix:/a -n ", "get --address=unix:/a -n", "", 0),
            ("daymark get 'a b' \"c:d", "get a b", "c:d", 0),
            ("daymark get --x='y", "get", "--x=y", 4),
            ("daymark get a\\ b\\:c", "get", "a b:c", 0),
            ("daymark get '' x", "get ", "x", 0),
            ("daymark get a@b", "get", "a@b", 0),
            ("daymark get \\", "get", "", 0),
        ] {
            let read = Line::read(line, breaks);
            assert_eq!((read.words.join(" ").as_str(), read.current.as_str()), (words, current), "{line}");
            assert_eq!(read.inserted(), inserted, "{line}");
        }
        assert_eq!(Line::read("daymark --x=a:b", "").inserted(), 0);
    }
}
