//! The shape of a tree.

use daymark::api::{TreeNode, WatchTreeResponse};
use serde::Serialize;

use crate::status_json::{FreshnessJson, StatusJson, UnreachableJson};

/// What stands before each name, by how deep it is: each comes before what is below it.
pub fn branches(depths: &[i32]) -> Vec<String> {
    let mut branches = vec![String::new(); depths.len()];
    // For each depth, whether another one of that depth follows below the same parent.
    let mut follows: Vec<bool> = Vec::new();
    for (place, depth) in depths.iter().enumerate().rev() {
        let depth = usize::try_from(*depth).unwrap_or_default();
        follows.resize(follows.len().max(depth + 1), false);
        let mut branch = String::new();
        for above in follows.iter().take(depth).skip(1) {
            branch.push_str(if *above { "│ " } else { "  " });
        }
        if depth > 0 {
            branch.push_str(if follows[depth] { "├─" } else { "└─" });
        }
        branches[place] = branch;
        follows[depth] = true;
        follows.truncate(depth + 1);
    }
    branches
}

/// A tree as JSON.
#[derive(Serialize)]
pub struct Nested<'a> {
    #[serde(flatten)]
    root: Option<Node<'a>>,
    omitted: i32,
    unreachable: Vec<UnreachableJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    freshness: Option<FreshnessJson<'a>>,
}

#[derive(Serialize)]
struct Node<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusJson<'a>>,
    owns: Vec<Node<'a>>,
}

impl<'a> Nested<'a> {
    /// That tree.
    pub fn of(tree: &'a WatchTreeResponse) -> Self {
        Self {
            root: nest(&tree.nodes),
            omitted: tree.omitted,
            unreachable: tree.unreachable.iter().map(UnreachableJson::from).collect(),
            freshness: tree.freshness.as_ref().map(FreshnessJson::from),
        }
    }
}

/// The first node, with those behind it that are deeper.
fn nest(nodes: &[TreeNode]) -> Option<Node<'_>> {
    // The last of each depth that is still open.
    let mut open: Vec<Node<'_>> = Vec::new();
    for node in nodes {
        let depth = usize::try_from(node.depth).unwrap_or_default();
        close(&mut open, depth.max(1));
        open.push(Node { status: node.status.as_ref().map(StatusJson::from), owns: Vec::new() });
    }
    close(&mut open, 1);
    open.pop()
}

/// Hangs what is open below that depth on what it belongs to.
fn close(open: &mut Vec<Node<'_>>, depth: usize) {
    while open.len() > depth {
        let Some(node) = open.pop() else { return };
        if let Some(parent) = open.last_mut() {
            parent.owns.push(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use daymark::api::{ObjectRef, Status};

    use super::*;

    #[test]
    fn branches_hang_where_they_belong() {
        assert_eq!(branches(&[0, 1, 2, 2, 1, 2, 3]), ["", "├─", "│ ├─", "│ └─", "└─", "  └─", "    └─"]);
        assert_eq!(branches(&[]), [""; 0]);
    }

    #[test]
    fn what_is_owned_is_nested() {
        let node = |name: &str, depth| TreeNode {
            status: Some(Status {
                r#ref: Some(ObjectRef { name: name.to_owned(), ..ObjectRef::default() }),
                ..Status::default()
            }),
            depth,
        };
        let tree = WatchTreeResponse {
            nodes: vec![node("a", 0), node("b", 1), node("c", 2), node("d", 1)],
            ..WatchTreeResponse::default()
        };
        let json = serde_json::to_value(Nested::of(&tree)).unwrap();
        let name = |path: &str| json.pointer(&format!("{path}/status/ref/name")).and_then(|name| name.as_str());
        assert_eq!(name(""), Some("a"));
        assert_eq!(name("/owns/0"), Some("b"));
        assert_eq!(name("/owns/0/owns/0"), Some("c"));
        assert_eq!(name("/owns/1"), Some("d"));
    }
}
