//! A control plane in lines for people: a section for each thing, its rows aligned. Every cell is
//! sanitised.

mod json;
mod sections;

use daymark::api::{ControlPlane, ControlPlaneHealth, HealthEndpoint, LeaderLease};

pub use self::json::ControlPlaneJson;
use crate::layout::{Layout, Line};
use crate::sanitize;

/// Where rows begin.
const INDENT: &str = "  ";

/// All of it in lines: what it comes to, then the sections.
pub fn lines(it: &ControlPlane) -> Vec<Line> {
    let mut lines = vec![Line::plain(headline(it))];
    if it.health() == ControlPlaneHealth::Unreachable {
        return lines;
    }
    for (title, mut rows) in sections::all(it) {
        lines.push(Line::plain(String::new()));
        lines.push(Line::plain(title));
        let mut layout = Layout::default();
        rows.iter_mut().filter_map(|row| row.first_mut()).for_each(|(_, name)| name.insert_str(0, INDENT));
        rows.iter().for_each(|row| layout.fit(row));
        lines.extend(rows.iter().map(|row| layout.line(row)));
    }
    lines
}

/// `control plane of default: not healthy: readyz, lease kube-scheduler`
pub fn headline(it: &ControlPlane) -> String {
    let said = match it.health() {
        ControlPlaneHealth::Healthy => "healthy".to_owned(),
        ControlPlaneHealth::Unhealthy => {
            let endpoints = it.endpoints.iter().filter(|endpoint| !endpoint.passed).map(|it| it.name.clone());
            let leases = it.leases.iter().filter(|lease| !is_led(lease)).map(|it| format!("lease {}", it.name));
            format!("not healthy: {}", endpoints.chain(leases).collect::<Vec<_>>().join(", "))
        }
        ControlPlaneHealth::Unreachable => format!("the API server does not answer: {}", it.unreachable),
        ControlPlaneHealth::Unspecified => "not known: neither /livez nor /readyz is visible".to_owned(),
    };
    sanitize::line(&format!("control plane of {}: {said}", it.cluster)).into_owned()
}

/// Whether somebody leads, or nobody is elected by that.
fn is_led(it: &LeaderLease) -> bool {
    !it.found || (!it.holder.is_empty() && !it.expired)
}

/// Whether one is otherwise than the other in what does not change all the time: latencies do, and
/// times.
pub fn differ(one: &ControlPlane, other: &ControlPlane) -> bool {
    lasting(one) != lasting(other)
}

fn lasting(it: &ControlPlane) -> ControlPlane {
    let lease = |it: &LeaderLease| LeaderLease { renewed_at: None, ..it.clone() };
    // Which of them lack is in not_visible.
    ControlPlane {
        observed_at: None,
        latencies: Vec::new(),
        etcd: None,
        metrics_since: None,
        leases: it.leases.iter().map(lease).collect(),
        ..it.clone()
    }
}

/// The checks of an endpoint that did not pass.
fn failing(it: &HealthEndpoint) -> Vec<String> {
    let said = |name: &str, message: &str| match message {
        // API servers tell the reason in their logs alone.
        "" | "reason withheld" => name.to_owned(),
        message => format!("{name} ({message})"),
    };
    it.checks.iter().filter(|check| !check.passed).map(|check| said(&check.name, &check.message)).collect()
}

#[cfg(test)]
mod tests {
    use daymark::api::{HealthCheck, RequestLatency};
    use prost_types::Timestamp;

    use super::*;

    fn control_plane() -> ControlPlane {
        let check = |name: &str, passed| HealthCheck { name: name.into(), passed, ..HealthCheck::default() };
        let endpoint = HealthEndpoint {
            name: "readyz".into(),
            passed: false,
            checks: vec![check("ping", true), check("etcd\u{1b}[2J", false)],
            ..HealthEndpoint::default()
        };
        let lease = LeaderLease {
            name: "kube-scheduler".into(),
            found: true,
            holder: "a\nb".into(),
            renewed_at: Some(Timestamp { seconds: 7, nanos: 0 }),
            expired: true,
            ..LeaderLease::default()
        };
        ControlPlane {
            cluster: "c\n1".into(),
            health: ControlPlaneHealth::Unhealthy.into(),
            endpoints: vec![endpoint],
            leases: vec![lease],
            ..ControlPlane::default()
        }
    }

    #[test]
    fn what_the_cluster_says_stays_in_its_line_and_does_nothing() {
        let lines: Vec<_> = lines(&control_plane()).iter().map(Line::text).collect();
        assert_eq!(lines[0], "control plane of c\\n1: not healthy: readyz, lease kube-scheduler");
        assert!(lines.iter().any(|line| line.contains("etcd\\x1b[2J")), "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains(['\u{1b}', '\n'])), "{lines:?}");
    }

    #[test]
    fn times_and_latencies_are_no_difference() {
        let before = control_plane();
        let mut after = before.clone();
        after.observed_at = Some(Timestamp { seconds: 9, nanos: 0 });
        after.leases[0].renewed_at = None;
        after.latencies.push(RequestLatency { request: "GET /livez".into(), duration: None });
        assert!(!differ(&before, &after));
        after.leases[0].holder = "other".into();
        assert!(differ(&before, &after));
    }
}
