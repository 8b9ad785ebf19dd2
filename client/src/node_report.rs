//! What is told of nodes, in lines for people. Every line is sanitised: what the cluster says can
//! neither act on a terminal nor begin a line of its own.

mod json;

use daymark::api::{NodeCertificateRequest, NodePart, NodePartResult, NodeReport, State};

pub use self::json::{NodeJson, RequestJson};
use crate::{sanitize, words};

/// Nodes that are named in one line.
const FEW: usize = 3;

/// A node's name.
pub fn name(node: &NodeReport) -> &str {
    let object = node.status.as_ref().and_then(|status| status.r#ref.as_ref());
    object.map_or("", |object| &object.name)
}

/// Whether there is such a node.
pub fn exists(node: &NodeReport) -> bool {
    node.status.as_ref().is_some_and(|status| status.state() != State::Absent)
}

/// The parts that keep a node from being usable: those that are missing, and of these parts those
/// that are not visible.
pub fn lacks<'a>(node: &'a NodeReport, required: &'a [String]) -> impl Iterator<Item = &'a NodePart> {
    node.parts.iter().filter(|part| is_lacking(part, required))
}

/// Whether that keeps a node from being usable.
pub fn is_lacking(part: &NodePart, required: &[String]) -> bool {
    match part.result() {
        NodePartResult::Ok => false,
        NodePartResult::Missing => true,
        NodePartResult::NotVisible | NodePartResult::Unspecified => required.contains(&part.name),
    }
}

/// What came of a look at a part, in words.
pub fn result(part: &NodePart) -> &'static str {
    match part.result() {
        NodePartResult::Ok => "ok",
        NodePartResult::Missing => "missing",
        NodePartResult::NotVisible | NodePartResult::Unspecified => "not visible",
    }
}

/// `node/n1: usable`, `node/n1: lacks lease, network`, `node/n1: does not exist`
pub fn summary(node: &NodeReport, required: &[String]) -> String {
    let lacking: Vec<_> = lacks(node, required).map(|part| part.name.as_str()).collect();
    let said = match () {
        () if !exists(node) => "does not exist".to_owned(),
        () if lacking.is_empty() && node.usable => "usable".to_owned(),
        () => format!("lacks {}", lacking.join(", ")),
    };
    line(&format!("node/{}: {said}", name(node)))
}

/// What keeps some nodes from being usable, in one line: of a few of them.
pub fn summaries(nodes: &[NodeReport], required: &[String]) -> String {
    let lacking: Vec<_> = nodes.iter().filter(|node| !node.usable).collect();
    let shown: Vec<_> = lacking.iter().take(FEW).map(|node| summary(node, required)).collect();
    let more = lacking.len().saturating_sub(FEW);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", shown.join("; "))
}

/// All that is told of a node.
pub fn lines(node: &NodeReport, required: &[String]) -> Vec<String> {
    let mut lines = vec![summary(node, required)];
    if exists(node) {
        let parts = node.parts.iter().filter(|part| part.name != "registered");
        lines.extend(parts.map(|part| line(&format!("  {:<13}{:<13}{}", part.name, result(part), part.message))));
    }
    let static_pods = node.static_pods.iter().map(|pod| {
        let unready = if pod.ready { "" } else { " (not ready)" };
        format!("{}/{}{unready}", pod.namespace, pod.name)
    });
    let static_pods = static_pods.collect::<Vec<_>>();
    if !static_pods.is_empty() {
        lines.push(line(&format!("  static pods: {}", static_pods.join(", "))));
    }
    lines.extend(node.certificate_requests.iter().map(|it| format!("  {}", request(it))));
    lines
}

/// `node/n1: lease missing: ...`
pub fn part(node: &NodeReport, part: &NodePart) -> String {
    line(&format!("node/{}: {} {}: {}", name(node), part.name, result(part), part.message))
}

/// A kubelet's request for a certificate, and what to do about it.
pub fn request(it: &NodeCertificateRequest) -> String {
    let status = it.status.clone().unwrap_or_default();
    let name = status.r#ref.as_ref().map_or("", |object| &object.name);
    let of = if it.node.is_empty() { String::new() } else { format!(" of node {}", it.node) };
    let is_plain = !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || "-.".contains(char));
    let next = match status.reason.as_str() {
        "NotApproved" if is_plain => format!("; look at it, then: kubectl certificate approve {name}"),
        _ => String::new(),
    };
    let told = words::explanation(&status);
    line(&format!("certificate request {name}{of} to {} by {}: {told}{next}", it.signer, it.username))
}

fn line(text: &str) -> String {
    sanitize::line(text).into_owned()
}

#[cfg(test)]
mod tests {
    use daymark::api::{ObjectRef, Status};

    use super::*;

    fn node(name: &str, state: State, parts: &[(&str, NodePartResult)]) -> NodeReport {
        let object = ObjectRef { name: name.to_owned(), ..ObjectRef::default() };
        let part = |(name, result): &(&str, NodePartResult)| NodePart {
            name: (*name).to_owned(),
            result: (*result).into(),
            message: "so\nit is".to_owned(),
        };
        NodeReport {
            status: Some(Status { r#ref: Some(object), state: state.into(), ..Status::default() }),
            usable: parts.iter().all(|(_, result)| *result == NodePartResult::Ok),
            parts: parts.iter().map(part).collect(),
            ..NodeReport::default()
        }
    }

    #[test]
    fn what_keeps_a_node_from_being_usable_is_said_in_a_line() {
        let good = node("a", State::Ready, &[("lease", NodePartResult::Ok)]);
        let parts = [("lease", NodePartResult::Missing), ("firstPod", NodePartResult::NotVisible)];
        let bad = node("b\u{1b}", State::Ready, &parts);
        let gone = node("c", State::Absent, &[("registered", NodePartResult::Missing)]);
        assert_eq!(summary(&good, &[]), "node/a: usable");
        assert_eq!(summary(&bad, &[]), "node/b\\x1b: lacks lease");
        assert_eq!(summary(&bad, &["firstPod".to_owned()]), "node/b\\x1b: lacks lease, firstPod");
        assert_eq!(part(&bad, &bad.parts[0]), "node/b\\x1b: lease missing: so\\nit is");
        let all = [good, bad.clone(), gone.clone(), gone.clone(), gone];
        let said = "node/b\\x1b: lacks lease; node/c: does not exist; node/c: does not exist; and 1 more";
        assert_eq!(summaries(&all, &[]), said);
        assert_eq!(lines(&bad, &[])[1], "  lease        missing      so\\nit is");
    }
}
