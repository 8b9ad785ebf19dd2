//! What a word stands for, and what there is of that.

use clap::{Arg, ArgAction, Command, ValueHint};

use super::answer::{Answer, Candidate};
use super::live::Live;
use super::place::{Expects, Place, takes_value};
use super::{static_words, target};
use crate::contexts::Contexts;

/// What a word stands for.
#[derive(Debug, PartialEq, Eq)]
enum Sort {
    /// One of some words.
    Choice,
    /// A file.
    File,
    /// A context.
    Context,
    /// A namespace.
    Namespace,
    /// Kinds, with commas between them.
    Kinds,
    /// Kinds, or objects.
    Target,
    /// A node.
    Node,
    /// A selector of labels.
    Selector,
    /// One of that kind, whatever the words name.
    SelectorOf(&'static str),
    /// Labels' keys, with commas between them.
    LabelKeys,
    /// A container of what was named.
    Container,
    /// What objects are to be.
    Criterion,
    /// How objects are printed: a word, or one with an expression.
    Output,
    /// Nothing that is known.
    Unknown,
}

/// What an argument stands for, by its name and by that of its value.
fn sort(arg: &Arg) -> Sort {
    let value = arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    match (arg.get_id().as_str(), value) {
        _ if !arg.get_possible_values().is_empty() && takes_value(arg) => Sort::Choice,
        ("context", _) | (_, "CONTEXT") => Sort::Context,
        ("namespace", _) => Sort::Namespace,
        ("selector", _) => Sort::Selector,
        ("node_selector", _) => Sort::SelectorOf("nodes"),
        ("pod_selector", _) => Sort::SelectorOf("pods"),
        ("container" | "containers", _) => Sort::Container,
        ("output", _) => Sort::Output,
        (_, "KINDS") => Sort::Kinds,
        (_, "NODE") => Sort::Node,
        (_, "CRITERION") => Sort::Criterion,
        (_, value) if value == "POD" || value.starts_with("KIND") || value.starts_with("TARGET") => Sort::Target,
        _ if arg.get_short() == Some('L') => Sort::LabelKeys,
        _ => match arg.get_value_hint() {
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath | ValueHint::ExecutablePath => Sort::File,
            _ => Sort::Unknown,
        },
    }
}

/// What the word at a place can be completed to; `None` if that is not known.
pub async fn complete(place: &Place<'_>) -> Option<Answer> {
    match &place.expects {
        Expects::Foreign => Some(Answer::Files),
        Expects::Flag(typed) => Some(Answer::words(flags(place, typed))),
        Expects::Value { flag, before, value } => values(place, flag, before, value).await,
        Expects::Word(typed) => {
            let is_command = place.command.has_subcommands() && place.words.is_empty();
            let named = is_command.then(|| commands(place.command, typed));
            // A command may take words of its own, too.
            let Some(arg) = positional(place.command, place.words.len()) else { return named.map(Answer::words) };
            match (named, values(place, arg, "", typed).await) {
                (Some(named), Some(Answer::Words(words))) => Some(Answer::words([named, words].concat())),
                (Some(named), _) => Some(Answer::words(named)),
                (None, answer) => answer,
            }
        }
    }
}

/// What takes the word at that place: the last one may take several.
fn positional(command: &Command, place: usize) -> Option<&Arg> {
    let words: Vec<_> = command.get_positionals().filter(|arg| !arg.is_last_set()).collect();
    let last = place.min(words.len().checked_sub(1)?);
    let taken = words[last].get_num_args().map_or(1, |range| range.max_values());
    (place - last < taken).then_some(words[last])
}

/// What a value can be completed to, behind what belongs to the same word.
async fn values(place: &Place<'_>, arg: &Arg, before: &str, typed: &str) -> Option<Answer> {
    let live = Live::new(place);
    let listed = |typed: &'_ str| typed.rfind(',').map_or(0, |comma| comma + 1);
    // What is in a list already, and the piece that is typed.
    let (done, piece) = match arg.get_value_delimiter().is_some() {
        true => typed.split_at(listed(typed)),
        false => ("", typed),
    };
    let words = match sort(arg) {
        Sort::File => return Some(Answer::Files),
        Sort::Unknown => return None,
        Sort::Choice => choices(arg, done, piece),
        Sort::Context => contexts(typed),
        Sort::Criterion => static_words::criteria(typed),
        Sort::Output => static_words::outputs(typed),
        Sort::Namespace => live.namespaces(typed).await,
        Sort::Kinds => behind(live.kinds(piece).await, done),
        Sort::Node => {
            let mut nodes = live.nodes(typed).await;
            nodes.retain(|node| !place.words.contains(&node.text));
            nodes
        }
        Sort::Target => target::complete(&live, typed).await,
        Sort::Selector => {
            let (done, piece) = typed.split_at(listed(typed));
            behind(live.label_keys(piece).await.into_iter().map(Candidate::open).collect(), done)
        }
        Sort::SelectorOf(kind) => {
            let (done, piece) = typed.split_at(listed(typed));
            behind(live.label_keys_of(kind, piece).await.into_iter().map(Candidate::open).collect(), done)
        }
        Sort::LabelKeys => {
            let (done, piece) = typed.split_at(listed(typed));
            behind(live.label_keys(piece).await, done)
        }
        Sort::Container => live.containers(typed).await,
    };
    Some(Answer::words(behind(words, before)))
}

fn behind(words: Vec<Candidate>, before: &str) -> Vec<Candidate> {
    words.into_iter().map(|word| word.behind(before)).collect()
}

/// The first line of a help text, without what it says in brackets of variables and defaults.
fn first_line(help: Option<&clap::builder::StyledStr>) -> String {
    let text = help.map(ToString::to_string).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    line.split_once(" [").map_or(line, |(before, _)| before).to_owned()
}

fn commands(command: &Command, typed: &str) -> Vec<Candidate> {
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name().starts_with(typed));
    shown.map(|it| Candidate::new(it.get_name(), first_line(it.get_about()))).collect()
}

/// The flags that can still be given: the command's own before those of every command.
fn flags(place: &Place<'_>, typed: &str) -> Vec<Candidate> {
    let is_given = |flag: &Arg| {
        let again = matches!(flag.get_action(), ArgAction::Append | ArgAction::Count);
        !again && place.has(flag.get_id().as_str())
    };
    let shown = place.command.get_arguments().filter(|flag| !flag.is_hide_set() && !is_given(flag));
    let mut flags: Vec<_> = shown.filter(|flag| flag.get_long().is_some()).collect();
    flags.sort_by_key(|flag| flag.is_global_set());
    let word = |flag: &Arg| {
        let word = Candidate::new(flag.get_long().unwrap_or_default(), first_line(flag.get_help())).behind("--");
        word.text.starts_with(typed).then_some(word)
    };
    flags.into_iter().filter_map(word).collect()
}

/// The values of an enumeration that are not in the list already.
fn choices(arg: &Arg, done: &str, piece: &str) -> Vec<Candidate> {
    let values = arg.get_possible_values();
    let left = values.iter().filter(|value| {
        !value.is_hide_set() && value.get_name().starts_with(piece) && !done.split(',').any(|it| it == value.get_name())
    });
    let words = left.map(|value| Candidate::new(value.get_name(), first_line(value.get_help())));
    behind(words.collect(), done)
}

fn contexts(typed: &str) -> Vec<Candidate> {
    // A file that cannot be read is told by commands that need it.
    let all = Contexts::read().map(|contexts| contexts.all).unwrap_or_default();
    let begun = all.into_iter().filter(|(name, _)| name.starts_with(typed));
    begun.map(|(name, connection)| Candidate::new(name, connection.address.unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Args;

    /// What each argument of a command that is not a global flag stands for.
    fn sorts(words: &[&str]) -> String {
        let mut root = Args::command();
        root.build();
        let command = words.iter().fold(&root, |command, word| command.find_subcommand(word).unwrap());
        let own = command.get_arguments().filter(|arg| !arg.is_global_set());
        let known = own.map(|arg| (arg.get_id(), sort(arg))).filter(|(_, sort)| *sort != Sort::Unknown);
        known.map(|(id, sort)| format!("{id}:{sort:?}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn arguments_stand_for_what_their_names_say() {
        for (command, known) in [
            (
                &["get"][..],
                "words:Target selector:Selector state:Choice output:Output allow_missing_template_keys:Choice \
                 label_columns:LabelKeys",
            ),
            (&["on"], "words:Target selector:Selector state_file:File"),
            (&["node", "list"], "node_selector:SelectorOf(\"nodes\") output:Choice"),
            (&["node", "cordon"], "names:Node node_selector:SelectorOf(\"nodes\") dry_run:Choice"),
            (&["context", "use"], "name:Context"),
        ] {
            assert_eq!(sorts(command), known, "{command:?}");
        }
        assert!(sorts(&["node", "drain"]).contains("pod_selector:SelectorOf(\"pods\")"));
        let wait = sorts(&["wait"]);
        for part in ["words:Target", "files:File", "owned:Kinds", "all_of:Criterion", "fail_on:Criterion", "ci:Choice"]
        {
            assert!(wait.contains(part), "{wait}");
        }
    }

    #[test]
    fn so_do_those_of_any_command() {
        let container = Arg::new("container").short('c').long("container");
        let target = Arg::new("target").value_name("TARGET");
        let columns = Arg::new("columns").short('L').value_delimiter(',');
        assert_eq!([container, target, columns].each_ref().map(sort), [Sort::Container, Sort::Target, Sort::LabelKeys]);
    }

    #[test]
    fn the_last_word_may_stand_for_several() {
        let one = Arg::new("one").required(true);
        let some = Arg::new("some").num_args(0..=2);
        let mut command = Command::new("x").args([one, some]);
        command.build();
        let taken = |place| positional(&command, place).map(|arg| arg.get_id().to_string());
        assert_eq!((0..4).map(taken).map(Option::unwrap_or_default).collect::<Vec<_>>(), ["one", "some", "some", ""]);
        assert!(positional(&Command::new("none"), 0).is_none());
    }
}
