//! `daymark man`: manual pages.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man as Page;

use crate::args::{Args, Man};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;

/// Prints daymark's own page, or writes those of all commands.
pub fn run(args: &Man, printer: &mut Printer) -> Result<Exit, Failure> {
    let mut root = Args::command().disable_help_subcommand(true);
    // Names and flags of commands below others are known only now.
    root.build();
    match &args.output_directory {
        None => {
            let mut text = Vec::new();
            let rendered = Page::new(root).render(&mut text);
            rendered.map_err(|error| Failure::new(Exit::Fault, format!("the manual page cannot be made: {error}")))?;
            printer.own(&String::from_utf8_lossy(&text))?;
        }
        Some(folder) => write_all(&root, folder)?,
    }
    Ok(Exit::Passed)
}

fn write_all(root: &Command, folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::usage(format!("cannot write manual pages to {}: {error}; name another folder", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let mut commands = vec![root.clone()];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().filter(|it| !it.is_hide_set()).cloned().map(without_global));
        let page = Page::new(command);
        let path = folder.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text).and_then(|()| fs::write(&path, text)).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// The flags that every command takes would hide those that are its own.
fn without_global(command: Command) -> Command {
    let command = command.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    let globals = "See daymark(1) for the flags that every command takes.";
    let after = match command.get_after_help() {
        Some(examples) => format!("{examples}\n\n{globals}"),
        None => globals.to_owned(),
    };
    command.after_help(after)
}
