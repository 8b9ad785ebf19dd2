//! What is read from standard input.

use rustix::process::Signal;

use crate::process::{Running, command};
use crate::terminal::open;

/// `all.interrupted` `all.terminated` `all.reads-terminal`
#[test]
fn signals_are_heard_while_standard_input_is_read() {
    for args in
        [&["wait", "-f", "-"][..], &["gate", "arm", "t"], &["diagnose", "-f", "-"], &["gate", "open", "-f", "-"]]
    {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            // Nobody types anything.
            let (_held, terminal) = open(24, 80);
            let mut running = Running::start(command(args).stdin(terminal));
            running.err_until("reading objects from the terminal");
            running.signal(signal);
            assert_eq!(running.finish().code, code, "{args:?}");
        }
    }
}
