//! Cursors, as clients send them back.
//!
//! `tests/fuzz/run 60 cursor`.

#![no_main]

use daymarkd::event_log::cursor::{Cursor, EventCursor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // What is taken is what a daemon gives.
    if let Ok(cursor) = Cursor::decode(data) {
        assert_eq!(cursor.encode(), data);
        assert!(EventCursor::decode(data).is_err(), "it is of one kind of stream");
    }
    if let Ok(cursor) = EventCursor::decode(data) {
        assert_eq!(cursor.encode(), data);
    }
});
