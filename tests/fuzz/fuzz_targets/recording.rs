//! The lines of a recording, which somebody else may have made.
//!
//! `tests/fuzz/run 60 recording`.

#![no_main]

use std::sync::Arc;

use daymark_fuzz::file;
use daymarkd::decode::arrival::Decoder;
use daymarkd::recording::reader::{ReadError, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|lines: &[u8]| {
    let path = file("recording");
    let packed = zstd::encode_all(lines, 1).expect("memory can be packed");
    std::fs::write(&path, packed).expect("a file can be written");
    let line = |error: ReadError| assert!(!error.to_string().contains('\n'), "{error}");
    let mut reader = match Reader::open(&path) {
        Ok(reader) => reader,
        Err(error) => return line(error),
    };
    loop {
        match reader.next_event() {
            Ok(Some(recorded)) => {
                let kind = reader.header().kinds[recorded.kind].clone();
                let _arrival = Decoder::new(Arc::new(kind), true, None).decode(recorded.event);
            }
            Ok(None) => return,
            Err(error) => return line(error),
        }
    }
});
