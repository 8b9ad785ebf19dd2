//! How the words of the command line are read.

use std::ffi::OsString;

use clap::{Args as _, FromArgMatches as _, Parser as _};

use super::{Args, Events, Get, Global, Logs, On, Tunnel, Wait, Watch};

/// Tells clap what a command takes.
type Describe = fn(clap::Command) -> clap::Command;

/// Commands that may go on for long.
const LASTING: &[(&str, Describe)] = &[
    ("events", Events::augment_args),
    ("get", Get::augment_args),
    ("logs", Logs::augment_args),
    ("on", On::augment_args),
    ("tunnel", Tunnel::augment_args),
    ("wait", Wait::augment_args),
    ("watch", Watch::augment_args),
];

impl Args {
    /// Reads a command line, the program's name first.
    ///
    /// clap makes everything of every command, each with every flag of [`Global`], before it looks at a word: that would be
    /// most of the memory of a client that waits. So it is told of the one command whose name is among the words; what
    /// it does not understand then, such as a namespace that has a command's name, is read with all of them, which say what is
    /// wrong.
    ///
    /// # Errors
    /// What is wrong with it, or that help or the version is asked for.
    pub fn of(words: &[OsString]) -> Result<Self, clap::Error> {
        Self::by_one_command(words).map_or_else(|| Self::try_parse_from(words), Ok)
    }

    fn by_one_command(words: &[OsString]) -> Option<Self> {
        let named = |word: &OsString| LASTING.iter().find(|(name, _)| word == name);
        let (name, describe) = words.iter().skip(1).find_map(named)?;
        let one = Global::augment_args(clap::Command::new("daymark")).subcommand(describe(clap::Command::new(*name)));
        Self::from_arg_matches(&one.try_get_matches_from(words).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn one_command_reads_what_all_of_them_read() {
        for line in [
            "daymark get pods -n shop -o name",
            "daymark -n shop wait deploy/web --timeout 5m --for condition=Ready",
            "daymark wait get/watch --address unix:/a",
            "daymark on pods --when true -- wait -n x",
            "daymark tunnel svc/web 8080:80",
        ] {
            let words = words(line);
            let one = Args::by_one_command(&words).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(format!("{one:?}"), format!("{:?}", Args::try_parse_from(&words).unwrap()), "{line}");
        }
    }

    #[test]
    fn what_has_a_commands_name_is_not_taken_for_it() {
        for line in [
            "daymark -n get watch pods",
            "daymark --context wait get wait",
            "daymark gate wait token",
            "daymark node wait w",
        ] {
            let words = words(line);
            assert!(Args::by_one_command(&words).is_none(), "{line}");
            assert_eq!(
                format!("{:?}", Args::of(&words).unwrap()),
                format!("{:?}", Args::try_parse_from(&words).unwrap())
            );
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_all_commands() {
        for line in ["daymark", "daymark gte pods", "daymark wait --tiemout 5m a/b", "daymark help wait", "daymark -V"]
        {
            let words = words(line);
            let [ours, clap] = [Args::of(&words), Args::try_parse_from(&words)].map(|it| it.unwrap_err().to_string());
            assert_eq!(ours, clap, "{line}");
        }
    }

    #[test]
    fn each_is_told_of_as_among_all_of_them() {
        for (name, describe) in LASTING {
            let ids = |command: &clap::Command| {
                format!("{:?}", command.get_arguments().map(clap::Arg::get_id).collect::<Vec<_>>())
            };
            let all = Args::command();
            let among_all = all.find_subcommand(name).unwrap_or_else(|| panic!("{name} is no command"));
            assert_eq!(ids(among_all), ids(&describe(clap::Command::new(*name))), "{name}");
            assert!(among_all.get_all_aliases().next().is_none() && !among_all.has_subcommands(), "{name}");
        }
    }
}
