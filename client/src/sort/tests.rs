use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::output_cases::{self, Case};

fn names(case: &Case) -> Result<String, String> {
    let field = SortField::parse(&case.template).map_err(|error| error.syntax.to_string())?;
    if case.document().get("items").is_none() {
        // One object is not sorted, and is no list whose names would be printed.
        return Ok(String::new());
    }
    let mut objects = case.objects();
    field.sort(&mut objects).map_err(|error| match error {
        SortError::NotFound(_) => error.to_string(),
        SortError::Path { error, .. } => error.to_string(),
        SortError::Unsortable { why, .. } => why.to_string(),
    })?;
    let names = objects.iter().filter_map(|object| object["metadata"]["name"].as_str());
    Ok(names.map(|name| format!("{name} ")).collect())
}

#[test]
fn the_order_is_kubectls() {
    for case in output_cases::read("sort-by.yaml") {
        case.hold(names(&case));
    }
}

#[test]
fn what_cannot_be_sorted_says_by_what() {
    let field = SortField::parse("{.a}").unwrap();
    for (objects, says) in [
        (vec![json!({}), json!({"b": 1})], "couldn't find any field with path \"{.a}\" in the list of objects"),
        (vec![json!({"a": 1}), json!({"a": "1"})], "cannot sort by {.a}: unsortable interface: interface"),
        (vec![json!({"a": true}), json!({"a": false})], "cannot sort by {.a}: unsortable type: bool"),
    ] {
        let mut sorted = objects.clone();
        assert_eq!(field.sort(&mut sorted).unwrap_err().to_string(), says);
        assert_eq!(sorted, objects, "they are as they were");
    }
}

#[test]
fn many_are_sorted_and_equal_ones_stay() {
    let mut objects: Vec<Value> = (0..1000).map(|at| json!({"n": (at * 7919) % 10, "at": at})).collect();
    SortField::parse("n").unwrap().sort(&mut objects).unwrap();
    let pairs: Vec<_> = objects.iter().map(|object| (object["n"].as_i64(), object["at"].as_i64())).collect();
    assert!(pairs.is_sorted() && pairs.len() == 1000, "{pairs:?}");
}

proptest! {
    #[test]
    fn nothing_is_lost_where_there_is_no_order(texts in proptest::collection::vec("[0-9]{0,2}[xkKi.-]{0,2}", 0..80)) {
        let field = SortField::parse(".a").unwrap();
        let mut objects: Vec<Value> = texts.iter().map(|text| json!({"a": text})).collect();
        field.sort(&mut objects).unwrap();
        let mut sorted: Vec<_> = objects.iter().filter_map(|object| object["a"].as_str()).collect();
        let mut wanted: Vec<_> = texts.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(sorted, wanted);
    }
}
