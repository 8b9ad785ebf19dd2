//! What the scheduler says of the nodes that it has passed by (k8s.io/kubernetes
//! `pkg/scheduler/framework/types.go`, `FitError`): `0/3 nodes are available: 1 node(s) had untolerated
//! taint {key: value}, 2 Insufficient cpu. preemption: ...`

use super::reason::Reason;

/// Why nodes are passed by, and how many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    /// How many nodes.
    pub(super) nodes: usize,
    /// Why, in the scheduler's words.
    pub(super) why: String,
}

/// The scheduler's questions about a node, in its order. A node counts where it fails first
/// (k8s.io/kubernetes `pkg/scheduler/framework/plugins`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Filter {
    /// Whether it takes such pods: it is not cordoned, and its taints are tolerated.
    Open,
    /// Whether the pod selects it.
    Selected,
    /// Whether it has what the pod needs.
    Room,
}

impl Filter {
    /// The one that nodes have failed for that reason.
    pub(super) fn of(reason: Reason) -> Self {
        match reason {
            Reason::NodeUnschedulable
            | Reason::UntoleratedTaint
            | Reason::NodeNotReady
            | Reason::NodePressure
            | Reason::NetworkUnavailable => Self::Open,
            Reason::NodeSelectorUnmatched | Reason::NodeAffinityUnmatched => Self::Selected,
            _ => Self::Room,
        }
    }
}

/// The reasons in the scheduler's message, and how many nodes there are.
pub(super) fn read(message: &str) -> (usize, Vec<Obstacle>) {
    let (head, rest) = message.split_once(" nodes are available: ").unwrap_or(("", message));
    let total = head.rsplit('/').next().and_then(|total| total.parse().ok()).unwrap_or_default();
    let obstacle = |part: &str| {
        let counted = part.split_once(' ').and_then(|(count, why)| Some((count.parse().ok()?, why)));
        let (nodes, why) = counted.unwrap_or((total, part));
        Obstacle { nodes, why: why.to_owned() }
    };
    let obstacles = parts(rest).into_iter().map(obstacle).collect();
    (total, obstacles)
}

/// The parts of the first sentence, between commas that stand in no braces. What comes
/// behind it is about preemption.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut parts = Vec::new();
    let mut start = 0;
    let mut end = text.len();
    for (at, char) in text.char_indices() {
        match char {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            '.' if depth == 0 && text[at..].starts_with(". ") => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..end));
    parts.into_iter().map(|part| part.trim().trim_end_matches('.')).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(nodes: usize, why: &str) -> Obstacle {
        Obstacle { nodes, why: why.to_owned() }
    }

    #[test]
    fn the_schedulers_words_are_taken_apart() {
        let message = "0/5 nodes are available: 1 node(s) had untolerated taint {a/b: c, d}, 1 node(s) were unschedulable, \
            3 Insufficient cpu. preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling.";
        let expected = vec![
            obstacle(1, "node(s) had untolerated taint {a/b: c, d}"),
            obstacle(1, "node(s) were unschedulable"),
            obstacle(3, "Insufficient cpu"),
        ];
        assert_eq!(read(message), (5, expected));
        let newer = "0/2 nodes are available: 1 Too many pods, 1 node(s) didn't match Pod's node affinity/selector. \
            no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
        let expected =
            vec![obstacle(1, "Too many pods"), obstacle(1, "node(s) didn't match Pod's node affinity/selector")];
        assert_eq!(read(newer), (2, expected));
    }

    #[test]
    fn what_is_no_count_is_of_all_nodes() {
        let unbound = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
        assert_eq!(read(unbound), (2, vec![obstacle(2, "pod has unbound immediate PersistentVolumeClaims")]));
        let none = "no nodes available to schedule pods";
        assert_eq!(read(none), (0, vec![obstacle(0, none)]));
        assert_eq!(read(""), (0, vec![]));
        assert_eq!(read("}{)("), (0, vec![obstacle(0, "}{)(")]));
    }
}
