//! Selectors by labels and by fields, as callers send them.
//!
//! `tests/fuzz/run 60 selectors`.

#![no_main]

use daymarkd::subscription::fields::FieldSelector;
use daymarkd::subscription::labels::LabelSelector;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A refusal is shown in one line.
    let shown = text.replace(|c: char| c.is_control(), "");
    for refused in [
        LabelSelector::parse(&shown).err().map(|error| error.to_string()),
        FieldSelector::parse(&shown).err().map(|error| error.to_string()),
    ] {
        assert!(refused.is_none_or(|refused| !refused.contains('\n')), "{shown:?}");
    }
    let _read = (LabelSelector::parse(text), FieldSelector::parse(text));
});
