//! What a dump tells, as messages.

use std::sync::Arc;

use daymark_proto::v1::dump_response::Event as Wire;
use daymark_proto::v1::{DumpBegun, DumpEnd, DumpKind, DumpLogs, DumpPart, DumpRefused, DumpResponse, DumpRestarted};

use super::Served;
use super::convert::timestamp;
use super::error::Reason;
use crate::dump::{Begun, Complete, Event, Part, Progress, Refusal, Refused};

/// The message of an event of a dump of these namespaces, which are none where it is of all.
pub(super) fn told(served: &Served, namespaces: &[Arc<str>], event: Event) -> DumpResponse {
    let event = match event {
        Event::Begun(Begun { kubernetes, time, kinds }) => Wire::Begun(DumpBegun {
            cluster: served.cluster.clone(),
            kubernetes_version: kubernetes,
            daemon_version: env!("CARGO_PKG_VERSION").into(),
            time: Some(timestamp(time)),
            default_namespace: served.default_namespace.clone(),
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            kinds: i32::try_from(kinds).unwrap_or(i32::MAX),
        }),
        Event::Part(Part { file, path, data, last }) => Wire::Part(DumpPart { file, path, data, last }),
        Event::Kind(complete) => Wire::Kind(kind(complete)),
        Event::Restarted(kind) => Wire::Restarted(DumpRestarted { kind }),
        Event::Refused(Refused { kind, namespace, name, reason, message }) => {
            let reason = self::reason(reason).to_owned();
            Wire::Refused(DumpRefused { kind, namespace, name, reason, message })
        }
        Event::Logs(Progress { mark, pods, of_pods, logs, cut }) => Wire::Logs(DumpLogs {
            mark,
            pods: count(pods as u64),
            of_pods: count(of_pods as u64),
            logs: count(logs),
            cut: count(cut),
        }),
        Event::End(time) => Wire::End(DumpEnd { time: Some(timestamp(time)) }),
    };
    DumpResponse { event: Some(event) }
}

fn kind(complete: Complete) -> DumpKind {
    let Complete { kind, watched, file, parts, version, objects, broken } = complete;
    DumpKind {
        group: kind.group,
        version: kind.version,
        resource: kind.resource,
        singular: kind.singular,
        kind: kind.kind,
        short_names: kind.short_names,
        namespaced: kind.namespaced,
        watched,
        file,
        parts: i32::try_from(parts).unwrap_or(i32::MAX),
        resource_version: version,
        objects: count(objects),
        broken: count(broken),
    }
}

fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Denied => Reason::PermissionDenied.as_str(),
        Refusal::Forbidden => Reason::KindForbidden.as_str(),
        Refusal::NotServed => "NOT_SERVED",
        Refusal::Unreachable => Reason::ClusterUnreachable.as_str(),
        Refusal::TooMany => "TOO_MANY",
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
