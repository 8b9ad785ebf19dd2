//! What the kubelets of the nodes that were met tell of what is used there: a file for each.

use std::str;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use serde::de::IgnoredAny;

use super::kinds::{Reading, Stopped};
use super::{Event, Refusal, Refused, paths};
use crate::source::ProblemReason;

/// Nodes that are asked at a time.
const AT_ONCE: usize = 4;
/// Nodes that are asked: twice as many as a cluster has at most
/// (<https://kubernetes.io/docs/setup/best-practices/cluster-large/>).
const MOST: usize = 10_000;
/// Bytes of a summary: some KB for each pod of a node.
const LARGEST: usize = 4 << 20;

/// Nodes that were met.
#[derive(Default)]
pub(super) struct Nodes {
    met: Vec<Arc<str>>,
    /// How many there were besides.
    left_out: usize,
}

impl Nodes {
    /// Takes in a node.
    pub(super) fn meet(&mut self, name: &Arc<str>) {
        if self.met.len() < MOST && paths::is_name(name) && name.len() <= paths::LONGEST {
            self.met.push(Arc::clone(name));
        } else {
            self.left_out += 1;
        }
    }
}

impl Reading<'_> {
    /// Reads the summaries of all these nodes, as far as the caller may.
    pub(super) async fn summaries(&self, nodes: &Nodes) -> Result<(), Stopped> {
        if nodes.met.is_empty() {
            return Ok(());
        }
        if let Err(message) = self.rights.may_ask_nodes().await.map_err(Stopped::Unreviewed)? {
            return self.no_summary("", Refusal::Denied, message).await;
        }
        if nodes.left_out > 0 {
            let message =
                format!("{} nodes are not asked: there are too many, or no file can be called so", nodes.left_out);
            self.no_summary("", Refusal::TooMany, message).await?;
        }
        let is_forbidden = AtomicBool::new(false);
        // By their places: closures that take references make no futures that can be sent.
        let each = (0..nodes.met.len()).map(|place| self.summary(&nodes.met[place], &is_forbidden));
        let mut told = stream::iter(each).buffer_unordered(AT_ONCE);
        while let Some(told) = told.next().await {
            told?;
        }
        Ok(())
    }

    fn summary<'a>(&'a self, node: &'a str, is_forbidden: &'a AtomicBool) -> BoxFuture<'a, Result<(), Stopped>> {
        self.read_summary(node, is_forbidden).boxed()
    }

    async fn read_summary(&self, node: &str, is_forbidden: &AtomicBool) -> Result<(), Stopped> {
        if is_forbidden.load(Ordering::Relaxed) {
            return Ok(());
        }
        // It is never closed.
        let _place = self.places.acquire().await;
        let summary = match self.source.node_summary(node, LARGEST).await {
            Ok(summary) => summary,
            // What the daemon may not ask of one node it may not ask of the others: that is told once.
            Err(problem) if problem.reason == ProblemReason::Forbidden => {
                if is_forbidden.swap(true, Ordering::Relaxed) {
                    return Ok(());
                }
                return self.no_summary("", Refusal::Forbidden, problem.message).await;
            }
            Err(problem) => return self.no_summary(node, (&problem).into(), problem.message).await,
        };
        let json = str::from_utf8(&summary).ok().filter(|json| serde_json::from_str::<IgnoredAny>(json).is_ok());
        let Some(json) = json else {
            return self.no_summary(node, Refusal::Unreachable, "its kubelet sent invalid JSON".to_owned()).await;
        };
        let mut file = self.outlet.file(paths::summary(node));
        file.write(self.scrubber.json(json).as_bytes()).await?;
        file.write(b"\n").await?;
        Ok(file.end().await?)
    }

    async fn no_summary(&self, node: &str, reason: Refusal, message: String) -> Result<(), Stopped> {
        let (kind, namespace, name) = ("nodes/proxy".to_owned(), String::new(), node.to_owned());
        Ok(self.outlet.tell(Event::Refused(Refused { kind, namespace, name, reason, message })).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_asked_that_a_file_can_be_called_after_and_not_without_end() {
        let mut nodes = Nodes::default();
        for name in ["n1", "a.b", "../n", &"n".repeat(paths::LONGEST + 1)] {
            nodes.meet(&name.into());
        }
        let names: Vec<_> = nodes.met.iter().map(|name| &**name).collect();
        assert_eq!((names, nodes.left_out), (vec!["n1", "a.b"], 2));
        for number in 0..MOST {
            nodes.meet(&format!("n{number}").into());
        }
        assert_eq!((nodes.met.len(), nodes.left_out), (MOST, 4));
    }
}
