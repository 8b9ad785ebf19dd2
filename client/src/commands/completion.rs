//! `daymark completion`: what a shell needs to complete.

use crate::args::{Completion, Shell};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// The name that is always completed.
const NAME: &str = "daymark";
/// Where a script lists the names.
const NAMES: &str = "@NAMES@";

/// Prints a shell's script. It asks this program at each completion, so that it does not age.
pub fn run(args: &Completion, printer: &mut Printer) -> Result<Exit, Failure> {
    let mut names = vec![NAME];
    for name in &args.names {
        if !is_name(name) {
            return Err(Failure::usage(format!(
                "--name {name:?} is not a valid command name: expected letters, digits and any of -._+, beginning with a letter"
            )));
        }
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    printer.own(script(args.shell, &names).trim_end())?;
    printer.own("\n")?;
    Ok(Exit::Passed)
}

/// Whether every shell takes it for one word that means nothing else.
fn is_name(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_alphabetic())
        && name.chars().all(|char| char.is_ascii_alphanumeric() || "-._+".contains(char))
}

fn script(shell: Shell, names: &[&str]) -> String {
    let (script, separator) = match shell {
        Shell::Bash => (include_str!("completion/daymark.bash"), " "),
        Shell::Zsh => (include_str!("completion/daymark.zsh"), " "),
        Shell::Fish => (include_str!("completion/daymark.fish"), " "),
        Shell::Powershell => (include_str!("completion/daymark.ps1"), ", "),
    };
    script.replace(NAMES, &names.join(separator))
}
