//! What stands behind `--for jsonpath=`, and an object that it is asked of: a text and JSON, with a zero byte between them.
//!
//! `cargo +nightly fuzz run json_path` in `tests/fuzz`. In a daemon a worker process evaluates it, with limits of time and
//! memory; give libFuzzer limits, too: `-- -timeout=1`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[allow(dead_code, reason = "the module is the daemon's own")]
#[path = "../../../daemon/src/json_path.rs"]
mod json_path;

fuzz_target!(|data: &[u8]| {
    let (path, object) = data.split_at(data.iter().position(|byte| *byte == 0).unwrap_or(data.len()));
    let Ok(path) = std::str::from_utf8(path) else { return };
    match json_path::Program::compile(path) {
        Err(problem) => assert!(!problem.contains('\n'), "{problem:?}"),
        Ok(program) => {
            let object: Value = serde_json::from_slice(object.get(1..).unwrap_or_default()).unwrap_or_default();
            let _holds = program.holds(&object);
        }
    }
});
