//! An `AuthenticationConfiguration`, and a token for its issuers: two texts, with a zero byte between them.
//!
//! `tests/fuzz/run 60 issuers`. A token whose issuer is in the configuration makes the daemon ask for keys: all URLs are made to lead to
//! a port of this machine on which nobody listens.

#![no_main]

use std::sync::LazyLock;

use daymark_fuzz::{file, halves, runtime};
use daymarkd::access::oidc::Issuers;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(runtime);
const NOBODY: &str = "https://127.0.0.1:1/";

fuzz_target!(|data: &[u8]| {
    let (configuration, token) = halves(data);
    let configuration = String::from_utf8_lossy(configuration).replace("https://", NOBODY);
    if configuration.to_lowercase().matches("https:").count() != configuration.matches(NOBODY).count() {
        return;
    }
    let file = file("issuers");
    std::fs::write(&file, configuration).expect("a file can be written");
    RUNTIME.block_on(async {
        match Issuers::read(&file).await {
            Err(error) => assert!(!error.to_string().contains('\n'), "{error:?}"),
            Ok(issuers) => {
                let Ok(token) = std::str::from_utf8(token) else { return };
                // Nobody has signed it.
                assert!(!matches!(issuers.identify(token, Timestamp::UNIX_EPOCH).await, Some(Ok(_))));
            }
        }
    });
});
