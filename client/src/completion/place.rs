//! Where in the command line the word stands that is to be completed.

use clap::{Arg, Command};

use super::line::Line;

/// Where a word stands.
#[derive(Debug)]
pub struct Place<'a> {
    /// The innermost command that was named.
    pub command: &'a Command,
    /// The flags that were given, with their values.
    pub flags: Vec<(&'a Arg, Option<String>)>,
    /// The words that are no flags, behind the commands' names.
    pub words: Vec<String>,
    /// What the word is.
    pub expects: Expects<'a>,
}

/// What a word is.
#[derive(Debug)]
pub enum Expects<'a> {
    /// A flag.
    Flag(String),
    /// The value of one, behind what belongs to the same word.
    Value {
        /// The flag.
        flag: &'a Arg,
        /// Such as `--flag=`.
        before: String,
        /// What was typed of the value.
        value: String,
    },
    /// The name of a command, or one of its words.
    Word(String),
    /// A word of another program's command line.
    Foreign,
}

impl<'a> Place<'a> {
    /// Follows the words of a line; `None` if they lead nowhere.
    pub fn find(root: &'a Command, line: &Line) -> Option<Self> {
        let mut walk = Walk { command: root, flags: Vec::new(), words: Vec::new(), open: None, is_foreign: false };
        line.words.iter().try_for_each(|word| walk.step(word))?;
        let expects = walk.expects(&line.current)?;
        let Walk { command, flags, words, .. } = walk;
        Some(Self { command, flags, words, expects })
    }

    /// Whether a flag of that name was given.
    pub fn has(&self, id: &str) -> bool {
        self.flags.iter().any(|(flag, _)| flag.get_id() == id)
    }

    /// The flags that every command takes, in words.
    pub fn global_words(&self) -> Vec<String> {
        let global = self.flags.iter().filter(|(flag, _)| flag.is_global_set());
        let words = global.filter_map(|(flag, value)| {
            let long = flag.get_long()?;
            Some(value.as_ref().map_or_else(|| format!("--{long}"), |value| format!("--{long}={value}")))
        });
        words.collect()
    }
}

struct Walk<'a> {
    command: &'a Command,
    flags: Vec<(&'a Arg, Option<String>)>,
    words: Vec<String>,
    /// A flag whose value comes next.
    open: Option<&'a Arg>,
    /// Whether `--` was said.
    is_foreign: bool,
}

/// A word that begins with a flag.
struct Flagged<'a> {
    flag: &'a Arg,
    before: String,
    value: Option<String>,
}

impl<'a> Walk<'a> {
    fn step(&mut self, word: &str) -> Option<()> {
        if let Some(flag) = self.open.take() {
            self.flags.push((flag, Some(word.to_owned())));
        } else if self.is_foreign {
            // It is not ours.
        } else if word == "--" {
            self.is_foreign = true;
        } else if word.len() > 1 && word.starts_with('-') {
            self.flag(word);
        } else if let Some(command) = self.command.find_subcommand(word).filter(|_| self.words.is_empty()) {
            self.command = command;
        } else if self.command.has_subcommands() && self.command.get_positionals().next().is_none() {
            return None;
        } else {
            self.words.push(word.to_owned());
        }
        Some(())
    }

    /// Takes in a flag; one that is not known has no value.
    fn flag(&mut self, word: &str) {
        let switches = short_switches(self.command, word);
        self.flags.extend(switches.into_iter().map(|flag| (flag, None)));
        if let Some(Flagged { flag, value, .. }) = flagged(self.command, word) {
            let waits = value.is_none() && takes_value(flag) && !flag.is_require_equals_set();
            match waits {
                true => self.open = Some(flag),
                false => self.flags.push((flag, value)),
            }
        }
    }

    fn expects(&self, current: &str) -> Option<Expects<'a>> {
        if let Some(flag) = self.open {
            return Some(Expects::Value { flag, before: String::new(), value: current.to_owned() });
        }
        if self.is_foreign {
            return Some(Expects::Foreign);
        }
        if !current.starts_with('-') {
            return Some(Expects::Word(current.to_owned()));
        }
        match flagged(self.command, current) {
            Some(Flagged { flag, before, value: Some(value) }) if takes_value(flag) => {
                Some(Expects::Value { flag, before, value })
            }
            _ => Some(Expects::Flag(current.to_owned())),
        }
    }
}

/// Whether a value belongs to a flag.
pub fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

/// The flag that a word names, and the value that is part of the word. Of short flags in one word, it is the
/// first that takes a value, or the last one.
fn flagged<'a>(command: &'a Command, word: &str) -> Option<Flagged<'a>> {
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        let flag = command.get_arguments().find(|flag| is_long(flag, name))?;
        return Some(Flagged { flag, before: format!("--{name}="), value: value.map(str::to_owned) });
    }
    let (place, flag) = short_flags(command, word).find(|(_, flag)| takes_value(flag)).or_else(|| {
        let last = word.char_indices().next_back()?;
        Some((last.0 + last.1.len_utf8(), short(command, last.1)?))
    })?;
    let (before, value) = word.split_at_checked(place)?;
    let (before, value) = match value.strip_prefix('=') {
        Some(value) => (format!("{before}="), value),
        None => (before.to_owned(), value),
    };
    Some(Flagged {
        flag,
        before,
        value: Some(value.to_owned()).filter(|value| !value.is_empty() || word.ends_with('=')),
    })
}

/// The short flags of a word up to the first that takes a value, and where what is behind each begins.
fn short_flags<'a>(command: &'a Command, word: &str) -> impl Iterator<Item = (usize, &'a Arg)> {
    let chars = word.char_indices().skip(1);
    chars.map_while(|(place, char)| Some((place + char.len_utf8(), short(command, char)?)))
}

/// The switches before the flag that [`flagged`] finds.
fn short_switches<'a>(command: &'a Command, word: &str) -> Vec<&'a Arg> {
    if word.starts_with("--") {
        return Vec::new();
    }
    let mut switches: Vec<_> =
        short_flags(command, word).map(|(_, flag)| flag).take_while(|flag| !takes_value(flag)).collect();
    if switches.len() + 1 == word.chars().count() {
        switches.pop();
    }
    switches
}

fn short(command: &Command, char: char) -> Option<&Arg> {
    let is_it = |flag: &&Arg| {
        flag.get_short() == Some(char) || flag.get_all_short_aliases().is_some_and(|all| all.contains(&char))
    };
    command.get_arguments().find(is_it)
}

fn is_long(flag: &Arg, name: &str) -> bool {
    flag.get_long() == Some(name) || flag.get_all_aliases().is_some_and(|all| all.contains(&name))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Args;

    /// The place in words: commands, flags, words, and what is expected.
    fn find(line: &str) -> String {
        let mut root = Args::command();
        root.build();
        let Some(place) = Place::find(&root, &Line::read(&format!("daymark {line}"), "")) else {
            return "nowhere".to_owned();
        };
        let flag =
            |(flag, value): &(&Arg, Option<String>)| format!("{}={}", flag.get_id(), value.as_deref().unwrap_or("-"));
        let flags: Vec<_> = place.flags.iter().map(flag).collect();
        let expects = match &place.expects {
            Expects::Flag(text) => format!("flag {text:?}"),
            Expects::Value { flag, before, value } => format!("value of {} {before:?} {value:?}", flag.get_id()),
            Expects::Word(text) => format!("word {text:?}"),
            Expects::Foreign => "foreign".to_owned(),
        };
        format!("{} [{}] [{}] {expects}", place.command.get_name(), flags.join(" "), place.words.join(" "))
    }

    #[test]
    fn each_form_of_word_is_followed() {
        for (line, place) in [
            ("", "daymark [] [] word \"\""),
            ("ge", "daymark [] [] word \"ge\""),
            ("get po", "get [] [] word \"po\""),
            ("get pods a ", "get [] [pods a] word \"\""),
            ("-n shop get pods ", "get [namespace=shop] [pods] word \"\""),
            ("get --namespace=shop -A pods ", "get [namespace=shop all_namespaces=-] [pods] word \"\""),
            (
                "get -nshop -Aw -An=x ",
                "get [namespace=shop all_namespaces=- watch=- all_namespaces=- namespace=x] [] word \"\"",
            ),
            ("get -", "get [] [] flag \"-\""),
            ("get --sta", "get [] [] flag \"--sta\""),
            ("get --state ", "get [] [] value of state \"\" \"\""),
            ("get --state=fa", "get [] [] value of state \"--state=\" \"fa\""),
            ("get -nsh", "get [] [] value of namespace \"-n\" \"sh\""),
            ("get -Ano", "get [] [] value of namespace \"-An\" \"o\""),
            ("get -n", "get [] [] flag \"-n\""),
            ("get -n=", "get [] [] value of namespace \"-n=\" \"\""),
            ("get --unknown pods ", "get [] [pods] word \"\""),
            ("wait deploy/web --owned ", "wait [owned=-] [deploy/web] word \"\""),
            ("wait deploy/web --owned=po", "wait [] [deploy/web] value of owned \"--owned=\" \"po\""),
            ("gate open po", "open [] [] word \"po\""),
            ("on pods -- ./x ", "on [] [pods] foreign"),
            ("frobnicate ", "nowhere"),
            ("get -漢", "get [] [] flag \"-漢\""),
        ] {
            assert_eq!(find(line), place, "{line}");
        }
    }
}
