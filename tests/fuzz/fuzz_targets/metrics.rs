//! Metrics and checks as API servers send them, in pieces of any size.
//!
//! `tests/fuzz/run 60 metrics`.

#![no_main]

use daymarkd::control_plane::checks::Endpoint;
use daymarkd::control_plane::leader::Leader;
use daymarkd::control_plane::metrics::{Metrics, Reading};
use libfuzzer_sys::fuzz_target;

/// What is read of metrics that come in pieces of that size.
fn read(text: &[u8], size: usize) -> Metrics {
    let mut reading = Reading::default();
    text.chunks(size).for_each(|piece| reading.take(piece));
    reading.finish()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, text) = input;
    let metrics = read(text, usize::from(size).max(1));
    assert_eq!(metrics, read(text, text.len().max(1)), "by {size}");
    for histogram in metrics.operations.values() {
        assert!(histogram.quantile(0.99).is_none_or(|value| !value.is_nan()));
    }
    let _checks = Endpoint::read(false, &String::from_utf8_lossy(text));
    let _lease = Leader::read(text);
});
