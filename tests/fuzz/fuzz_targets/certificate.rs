//! Client certificates, in DER: who a connection is; and requests for those of kubelets.
//!
//! `tests/fuzz/run 60 certificate`.

#![no_main]

use daymarkd::access::certificate::Certificate;
use daymarkd::node::node_of;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::read(data) {
        assert!(!certificate.identity.username.is_empty(), "{certificate:?}");
    }
    let _node = node_of(data);
});
