//! Text from a cluster on its way to a terminal.
//!
//! `tests/fuzz/run 60 terminal`.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the module is the client's own")]
#[path = "../../../client/src/sanitize.rs"]
mod sanitize;

fuzz_target!(|text: &str| {
    for shown in [sanitize::line(text), sanitize::cell(text)] {
        assert!(!shown.contains(|c: char| c.is_control()), "{shown:?}");
    }
    for shown in [sanitize::block(text), sanitize::text(text), sanitize::log_line(text)] {
        assert!(!shown.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')), "{shown:?}");
    }
});
