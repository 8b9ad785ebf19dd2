//! An `AuthenticationConfiguration`, and a token for its issuers: two texts, with a zero byte between them.
//!
//! `cargo +nightly fuzz run issuers` in `tests/fuzz`. A token whose issuer is in the configuration makes the daemon ask for keys; nobody is
//! to answer: run it without a network (`unshare --map-root-user --net`).

#![no_main]

use std::sync::LazyLock;

use daymarkd::access::oidc::Issuers;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime needs little"));

fuzz_target!(|data: &[u8]| {
    let (configuration, token) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    let file = std::env::temp_dir().join(format!("daymark-fuzz-issuers-{}", std::process::id()));
    std::fs::write(&file, configuration).expect("a file can be written");
    RUNTIME.block_on(async {
        match Issuers::read(&file).await {
            Err(error) => assert!(!error.to_string().contains('\n'), "{error:?}"),
            Ok(issuers) => {
                let Ok(token) = std::str::from_utf8(token.get(1..).unwrap_or_default()) else { return };
                // Nobody has signed it.
                assert!(!matches!(issuers.identify(token, Timestamp::UNIX_EPOCH).await, Some(Ok(_))));
            }
        }
    });
});
