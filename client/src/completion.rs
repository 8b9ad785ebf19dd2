//! What a word of the command line can be completed to.
//!
//! A shell's script calls `daymark __complete` with what was typed. The words are followed through
//! the same description of the command line by which it is parsed; what lives in the cluster is
//! asked of the daemon, for a short time. Where nothing can be said, nothing is: who types is
//! not to be disturbed.

mod answer;
mod line;
mod live;
mod place;
mod sort;
mod static_words;
mod target;

use std::io::Write as _;

use clap::CommandFactory as _;

use self::answer::Answer;
use self::line::Line;
use self::place::Place;
use crate::args::{Args, Complete};

/// Answers a shell on stdout.
pub fn run(args: &Complete) {
    let line = match &args.line {
        Some(text) => Line::read(text, &args.breaks),
        None => Line::of(args.words.clone(), args.current.clone()),
    };
    let mut root = Args::command();
    // Flags that every command takes are known to each of them only now.
    root.build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (Some(place), Ok(runtime)) = (Place::find(&root, &line), runtime) else { return };
    let answer = runtime.block_on(sort::complete(&place)).unwrap_or_else(|| Answer::words(Vec::new()));
    // A name that is being looked up is not waited for.
    runtime.shutdown_background();
    let mut out = std::io::stdout().lock();
    // Who has gone wants no answer.
    let _gone = out.write_all(answer.render(args.shell, line.inserted()).as_bytes()).and_then(|()| out.flush());
}
