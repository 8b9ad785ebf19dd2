//! What the documentation tells to apply, so that it is what is tested.

use daymark_tests::workspace;

/// The path of a file of the source tree.
pub(crate) fn file(name: &str) -> String {
    workspace().join(name).display().to_string()
}

/// The block of YAML in a page that holds `mark`.
pub(crate) fn block(page: &str, mark: &str) -> String {
    let text = std::fs::read_to_string(workspace().join(page)).expect("the page is there");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut marked = blocks.filter(|block| block.contains(mark));
    marked.next().unwrap_or_else(|| panic!("{page} has no block with {mark:?}")).to_owned()
}
