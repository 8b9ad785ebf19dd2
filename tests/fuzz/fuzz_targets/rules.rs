//! An operator's rules, in YAML and CEL, and objects that they judge: two texts, with a zero byte between them.
//!
//! `tests/fuzz/run 60 rules`. Callers' expressions are compiled and evaluated by the same code, in processes with limits.

#![no_main]

use daymark_fuzz::halves;
use daymarkd::assess::{Document, assess};
use daymarkd::rulebook::{Rulebook, Source};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Deserializer, Value};

fuzz_target!(|data: &[u8]| {
    let (rules, objects) = halves(data);
    let source = Source { name: "rules.yaml".into(), text: String::from_utf8_lossy(rules).into_owned() };
    let (rules, errors) = Rulebook::of(&[source], None);
    for error in errors {
        assert!(!error.to_string().contains('\n'), "{error:?}");
    }
    let documents = Deserializer::from_slice(objects).into_iter::<Value>().map_while(Result::ok);
    let documents = documents.map(|value| Document { origin: String::new(), value }).collect();
    for one in assess(documents, &rules, Timestamp::UNIX_EPOCH).into_iter().flatten() {
        assert!(!one.to_string().contains('\n'), "{one:?}");
    }
});
