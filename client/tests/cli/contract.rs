//! Every row of the contract is held by a test that names it.

use std::collections::BTreeSet;
use std::path::Path;

/// Rows begin with "| `id` |".
fn rows(contract: &str) -> Vec<String> {
    let ids = contract.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    ids.map(|(id, _)| id.to_owned()).filter(|id| is_id(id)).collect()
}

fn is_id(text: &str) -> bool {
    text.contains('.') && text.chars().all(|char| char.is_ascii_lowercase() || ".-".contains(char))
}

/// What tests are documented to hold: "/// `id` `id`".
fn held(tests: &str) -> impl Iterator<Item = &str> {
    let named = tests.lines().filter_map(|line| line.trim().strip_prefix("/// "));
    let quoted = |word: &'_ str| word.starts_with('`') && word.ends_with('`');
    named
        .flat_map(move |names| names.split(' ').take_while(move |word| quoted(word)))
        .map(|word| word.trim_matches('`'))
        .filter(|id| is_id(id))
}

#[test]
fn every_row_is_held_by_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contract = std::fs::read_to_string(folder.join("../docs/cli-contract.md")).unwrap();
    let mut tests = String::new();
    // Some need a whole daemon.
    let mut folders = vec![folder.join("tests/cli"), folder.join("../tests/tests/e2e")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => tests += &std::fs::read_to_string(path).unwrap(),
            }
        }
    }
    // As a word: `get.json` is not held by a test of `get.json-one`.
    let words: BTreeSet<&str> =
        tests.split(|char: char| !(char.is_ascii_alphanumeric() || "-._".contains(char))).collect();
    let rows = rows(&contract);
    assert!(rows.len() > 50, "the contract has {} rows", rows.len());
    let unique: BTreeSet<_> = rows.iter().collect();
    assert_eq!(unique.len(), rows.len(), "an id stands twice");
    let free: Vec<_> = rows.iter().filter(|row| !words.contains(row.as_str())).collect();
    assert!(free.is_empty(), "no test names {free:?}");
    let missing: Vec<_> = held(&tests).filter(|id| !unique.contains(&id.to_string())).collect();
    assert!(missing.is_empty(), "the contract has no rows {missing:?}");
}
