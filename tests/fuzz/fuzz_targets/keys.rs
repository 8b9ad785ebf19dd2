//! An issuer's set of keys, and a token: two texts, with a zero byte between them.
//!
//! `tests/fuzz/run 60 keys`.

#![no_main]

use daymark_fuzz::halves;
use daymarkd::access::oidc::keys::Keys;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (set, token) = halves(data);
    let (Ok(keys), Ok(token)) = (Keys::read(set), std::str::from_utf8(token)) else { return };
    let verified = keys.verify(token);
    assert!(verified.is_err() || !keys.is_empty(), "a token that nobody has signed");
});
