//! Secrets, and other objects, as they are cached and as they leave for a dump: whatever they look like, no value is left of a
//! Secret's data, and of others nothing but texts is changed.
//!
//! `tests/fuzz/run 60 secrets`.

#![no_main]

use std::sync::{Arc, LazyLock};

use daymark_fuzz::kind;
use daymarkd::body::{REDACTED_DATA, trimmed, without_data};
use daymarkd::cause::Redaction;
use daymarkd::decode::arrival::{Arrival, Decoder, Version};
use daymarkd::dump::scrub::Scrubber;
use daymarkd::kind::Kind;
use daymarkd::source::Event;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static SCRUBBER: LazyLock<Scrubber> =
    LazyLock::new(|| Scrubber::new(Arc::new(Redaction::new(&[]).expect("its own patterns are some"))));
static SECRETS: LazyLock<Arc<Kind>> = LazyLock::new(|| Arc::new(kind(true)));
static PODS: LazyLock<Arc<Kind>> = LazyLock::new(|| Arc::new(kind(false)));

const APPLIED: &str = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("what is written is JSON")
}

/// Whether both are the same but for their texts.
fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(_), Value::String(_)) => true,
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| is_alike(one, other)))
        }
        (one, other) => one == other,
    }
}

/// The body of an object that a watch tells: most of it is copied, where it can be.
fn followed(kind: &Arc<Kind>, data: &[u8]) -> Option<Value> {
    let arrival = Decoder::new(Arc::clone(kind), true, None).decode(Event::Changed(data.to_vec().into()));
    let Arrival::Changed(Version::Good { body, .. }) = arrival else { return None };
    Some(serde_json::from_slice(&body?).expect("what is kept is JSON"))
}

fuzz_target!(|data: &[u8]| {
    for kind in [&*SECRETS, &*PODS] {
        if let Some(body) = followed(kind, data) {
            assert_eq!(body, parsed(&trimmed(kind, data).expect("it was decoded")));
        }
    }
    if let Ok(cached) = trimmed(&SECRETS, data) {
        let cached = parsed(&cached);
        assert!(cached.get("data").is_none() && cached.get("stringData").is_none(), "{cached}");
        assert!(cached.pointer(APPLIED).is_none(), "{cached}");
    }
    if let Ok(dumped) = without_data(&SECRETS, data) {
        let dumped = parsed(&SCRUBBER.json(&dumped));
        assert!(dumped.get("stringData").is_none() && dumped.pointer(APPLIED).is_none(), "{dumped}");
        let values = dumped.get("data").and_then(Value::as_object).into_iter().flatten();
        for (_, value) in values {
            assert_eq!(value, REDACTED_DATA, "{dumped}");
        }
    }
    if let Ok(object) = trimmed(&PODS, data) {
        let scrubbed = SCRUBBER.json(&object);
        assert!(!scrubbed.contains(['\n', '\r']), "{scrubbed:?}");
        assert!(is_alike(&parsed(&object), &parsed(&scrubbed)), "{object} became {scrubbed}");
    }
});
