//! What is asked of nodes.

use std::collections::BTreeSet;

use daymark_proto::v1::{Filter, ListNodesRequest, NodeReport, ObjectRef, WatchNodesRequest};
use tonic::{Code, Status};

use super::error::{Reason, status};
use super::rights::Use;
use crate::node::{PartName, Toleration};
use crate::record::Key;

/// Nodes that are watched at a time.
pub(super) const MOST_NODES: usize = 500;
/// Nodes of an answer: what a request that does not say gets, and the most.
const PAGE: (usize, usize) = (200, 500);
/// Taints that can be meant.
const MOST_TAINTS: usize = 50;

/// Which nodes, and what they are to be.
pub(super) struct Question {
    /// The nodes.
    pub(super) filter: Filter,
    /// What is done with them.
    pub(super) r#use: Use,
    /// They come behind that one.
    pub(super) after: Option<Key>,
    /// At most so many.
    pub(super) most: usize,
    /// Whether more are told on another page; else they are too many.
    pub(super) has_pages: bool,
    /// How many there must be.
    pub(super) min: usize,
    pub(super) tolerated: Vec<Toleration>,
    pub(super) required: Vec<PartName>,
}

impl Question {
    /// A page of the nodes with such labels.
    pub(super) fn page(request: ListNodesRequest) -> Result<Self, Status> {
        let ListNodesRequest { cluster, label_selector, page_size, page_token } = request;
        let most = match usize::try_from(page_size) {
            Ok(0) => PAGE.0,
            Ok(size) => size.min(PAGE.1),
            Err(_) => return Err(super::status_service::invalid_page(format!("page_size {page_size} is negative"))),
        };
        let after = (!page_token.is_empty()).then(|| Key::new("", page_token));
        let filter = all(cluster, label_selector);
        let (tolerated, required) = (Vec::new(), Vec::new());
        Ok(Self { filter, r#use: Use::Read, after, most, has_pages: true, min: 0, tolerated, required })
    }

    /// Nodes that are watched.
    pub(super) fn watched(request: WatchNodesRequest) -> Result<Self, Status> {
        let WatchNodesRequest { cluster, names, label_selector, min, tolerated_taints, required_parts } = request;
        if !names.is_empty() && (!label_selector.is_empty() || min != 0) {
            return Err(invalid("names exclude label_selector and min"));
        }
        if tolerated_taints.len() > MOST_TAINTS {
            return Err(invalid(format!("{} tolerated_taints are more than {MOST_TAINTS}", tolerated_taints.len())));
        }
        let min = usize::try_from(min).map_err(|_| invalid(format!("min {min} is negative")))?.max(1);
        let tolerated = tolerated_taints.iter().map(|taint| {
            taint.parse().map_err(|e: crate::node::BadToleration| invalid(format!("tolerated_taints: {e}")))
        });
        let tolerated = tolerated.collect::<Result<_, _>>()?;
        let required = required_parts.iter().map(|word| PartName::find(word).ok_or_else(|| unknown_part(word)));
        let required = required.collect::<Result<BTreeSet<_>, _>>()?.into_iter().collect();
        // Each once.
        let names: BTreeSet<_> = names.into_iter().collect();
        if names.len() > MOST_NODES {
            return Err(invalid(format!("{} names are more than {MOST_NODES}", names.len())));
        }
        let (min, filter) = match names.is_empty() {
            true => (min, all(cluster, label_selector)),
            false => (names.len(), named(&cluster, names)),
        };
        let most = MOST_NODES;
        Ok(Self { filter, r#use: Use::Follow, after: None, most, has_pages: false, min, tolerated, required })
    }

    /// Whether these are all the nodes that there must be, and usable.
    pub(super) fn is_met_by(&self, nodes: &[NodeReport]) -> bool {
        nodes.len() >= self.min && nodes.iter().all(|node| node.usable)
    }
}

fn all(cluster: String, label_selector: String) -> Filter {
    Filter { cluster, kinds: vec!["nodes".to_owned()], all_namespaces: true, label_selector, ..Filter::default() }
}

fn named(cluster: &str, names: BTreeSet<String>) -> Filter {
    let node =
        |name| ObjectRef { cluster: cluster.to_owned(), resource: "nodes".to_owned(), name, ..ObjectRef::default() };
    Filter { cluster: cluster.to_owned(), refs: names.into_iter().map(node).collect(), ..Filter::default() }
}

fn unknown_part(word: &str) -> Status {
    let word: String = word.chars().take(100).collect();
    let known = PartName::ALL.map(PartName::as_str).join(", ");
    invalid(format!("required_parts: there is no {word:?}; there are {known}"))
}

/// The request makes no sense.
pub(super) fn invalid(message: impl Into<String>) -> Status {
    status(Code::InvalidArgument, Reason::InvalidNodeRequest, message, [])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let names = |names: &[&str]| WatchNodesRequest {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            ..WatchNodesRequest::default()
        };
        let refused = [
            WatchNodesRequest { label_selector: "a=b".into(), ..names(&["n1"]) },
            WatchNodesRequest { min: 1, ..names(&["n1"]) },
            WatchNodesRequest { min: -1, ..names(&[]) },
            WatchNodesRequest { required_parts: vec!["wheels".into()], ..names(&[]) },
            WatchNodesRequest { tolerated_taints: vec![":".into()], ..names(&[]) },
            WatchNodesRequest { tolerated_taints: vec!["a".into(); 51], ..names(&[]) },
            WatchNodesRequest { names: (0..501).map(|it| it.to_string()).collect(), ..names(&[]) },
        ];
        for request in refused {
            let answer = Question::watched(request.clone());
            assert!(answer.is_err_and(|error| error.code() == Code::InvalidArgument), "{request:?}");
        }
        let asked = Question::watched(names(&["b", "a", "b"])).ok().unwrap();
        assert_eq!((asked.min, asked.filter.refs.len(), &*asked.filter.refs[0].name), (2, 2, "a"));
        assert!(Question::page(ListNodesRequest { page_size: -1, ..ListNodesRequest::default() }).is_err());
    }
}
