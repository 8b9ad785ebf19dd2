//! Objects of every kind, as bytes: decoded, judged alone, and together with
//! whatever else is given.
//!
//! `tests/fuzz/run 60 judge`.

#![no_main]

use std::sync::LazyLock;

use daymarkd::assess::{Document, assess};
use daymarkd::rulebook::Rulebook;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Deserializer, Value};

static RULES: LazyLock<Rulebook> = LazyLock::new(|| Rulebook::of(&[], None).0);

fuzz_target!(|data: &[u8]| {
    let documents = Deserializer::from_slice(data).into_iter::<Value>().map_while(Result::ok);
    let documents = documents.map(|value| Document { origin: String::new(), value }).collect();
    let now = Timestamp::UNIX_EPOCH;
    // What is no object is an error, and that is all.
    if let Ok(assessed) = assess(documents, &RULES, now) {
        for one in assessed {
            assert!(!one.reason.is_empty() && !one.to_string().contains('\n'), "{one:?}");
        }
    }
});
