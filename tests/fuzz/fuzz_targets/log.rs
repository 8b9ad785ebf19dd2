//! Logs as kubelets send them, in pieces of any size.
//!
//! `tests/fuzz/run 60 log`.

#![no_main]

use daymarkd::logs::line::{LONGEST, Line, Lines};
use daymarkd::logs::pod::{Choice, Pod};
use libfuzzer_sys::fuzz_target;

/// The lines of a log that comes in pieces of that size.
fn lines(log: &[u8], size: usize) -> Vec<Line> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for piece in log.chunks(size) {
        lines.put(piece.to_vec().into());
        found.extend(std::iter::from_fn(|| lines.next_line()));
    }
    found.extend(lines.rest());
    found
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, log) = input;
    let found = lines(log, usize::from(size).max(1));
    assert_eq!(found, lines(log, log.len().max(1)), "by {size}");
    assert!(found.iter().all(|line| line.text.len() <= LONGEST));
    if let Ok(pod) = Pod::of(log) {
        assert!(pod.chosen(&Choice::Default).0.len() <= 1);
    }
});
