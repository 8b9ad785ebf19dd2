//! What stands behind `--for jsonpath=`, and an object that it is asked of: a text and JSON, with a zero byte between them.
//!
//! `tests/fuzz/run 60 json_path`. In a daemon a worker process evaluates it, with limits of time and
//! memory.

#![no_main]

use daymark_fuzz::halves;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[allow(dead_code, reason = "the module is the daemon's own")]
#[path = "../../../daemon/src/json_path.rs"]
mod json_path;

fuzz_target!(|data: &[u8]| {
    let (path, object) = halves(data);
    let Ok(path) = std::str::from_utf8(path) else { return };
    match json_path::Program::compile(path) {
        Err(problem) => assert!(!problem.contains('\n'), "{problem:?}"),
        Ok(program) => {
            let object: Value = serde_json::from_slice(object).unwrap_or_default();
            let _holds = program.holds(&object);
        }
    }
});
