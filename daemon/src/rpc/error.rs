//! Errors as clients see them: a canonical code and a `google.rpc.ErrorInfo`.

use std::collections::HashMap;
use std::time::Duration;

use daymark_proto::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::access::shares::Exceeded;
use crate::kind::Kind;
use crate::predicate::PredicateError;
use crate::proof::Unproven;
use crate::source::{Problem, ProblemReason};

/// Before a client that is turned away may come again.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// The `reason` of an `ErrorInfo`: what programs tell errors by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reason {
    UnknownKind,
    InvalidFilter,
    InvalidCursor,
    CursorExpired,
    InvalidInterval,
    InvalidPage,
    ObjectNotFound,
    ClusterUnreachable,
    CacheClosed,
    KindForbidden,
    NamespaceNotServed,
    BodiesNotKept,
    TooManyStreams,
    TooManyRequests,
    PredicateTooCostly,
    PredicatesBusy,
    Draining,
    Unauthenticated,
    PermissionDenied,
    IssuerUnreachable,
    AuthenticationBusy,
    InvalidPolicy,
    GateNotFound,
    GateEnded,
    NotToBeArmed,
    TooManyGates,
    GatesNotKept,
    EventsNotKept,
    InvalidLogRequest,
    InvalidNodeRequest,
    InvalidDump,
    NoApiServer,
    NoLogs,
    RightsChanged,
    ActNotEnabled,
    ActRefused,
    OperationNotFound,
    TooManyOperations,
    DrainBlocked,
    InvalidDrain,
    NoEviction,
    InvalidTunnel,
    PortNotFound,
    NoEndpoint,
    NoSelector,
    NotForwardable,
    EndpointLost,
    TunnelExpired,
    InvalidProxyRequest,
    NotToBeQuarantined,
    NotQuarantined,
    LabelsChanged,
    InvalidQuarantine,
    InvalidManifest,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownKind => "UNKNOWN_KIND",
            Self::InvalidFilter => "INVALID_FILTER",
            Self::InvalidCursor => "INVALID_CURSOR",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::InvalidInterval => "INVALID_INTERVAL",
            Self::InvalidPage => "INVALID_PAGE",
            Self::ObjectNotFound => "OBJECT_NOT_FOUND",
            Self::ClusterUnreachable => "CLUSTER_UNREACHABLE",
            Self::CacheClosed => "CACHE_CLOSED",
            Self::KindForbidden => "KIND_FORBIDDEN",
            Self::NamespaceNotServed => "NAMESPACE_NOT_SERVED",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::TooManyStreams => "TOO_MANY_STREAMS",
            Self::PredicateTooCostly => "PREDICATE_TOO_COSTLY",
            Self::PredicatesBusy => "PREDICATES_BUSY",
            Self::BodiesNotKept => "BODIES_NOT_KEPT",
            Self::Draining => "DRAINING",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::IssuerUnreachable => "ISSUER_UNREACHABLE",
            Self::AuthenticationBusy => "AUTHENTICATION_BUSY",
            Self::InvalidPolicy => "INVALID_POLICY",
            Self::GateNotFound => "GATE_NOT_FOUND",
            Self::GateEnded => "GATE_ENDED",
            Self::NotToBeArmed => "NOT_TO_BE_ARMED",
            Self::TooManyGates => "TOO_MANY_GATES",
            Self::GatesNotKept => "GATES_NOT_KEPT",
            Self::NoApiServer => "NO_API_SERVER",
            Self::EventsNotKept => "EVENTS_NOT_KEPT",
            Self::InvalidLogRequest => "INVALID_LOG_REQUEST",
            Self::InvalidNodeRequest => "INVALID_NODE_REQUEST",
            Self::InvalidDump => "INVALID_DUMP",
            Self::NoLogs => "NO_LOGS",
            Self::RightsChanged => "RIGHTS_CHANGED",
            Self::ActNotEnabled => "ACT_NOT_ENABLED",
            Self::ActRefused => "ACT_REFUSED",
            Self::OperationNotFound => "OPERATION_NOT_FOUND",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::DrainBlocked => "DRAIN_BLOCKED",
            Self::InvalidDrain => "INVALID_DRAIN",
            Self::NoEviction => "NO_EVICTION",
            Self::InvalidTunnel => "INVALID_TUNNEL",
            Self::PortNotFound => "PORT_NOT_FOUND",
            Self::NoEndpoint => "NO_ENDPOINT",
            Self::NoSelector => "NO_SELECTOR",
            Self::NotForwardable => "NOT_FORWARDABLE",
            Self::EndpointLost => "ENDPOINT_LOST",
            Self::TunnelExpired => "TUNNEL_EXPIRED",
            Self::InvalidProxyRequest => "INVALID_PROXY_REQUEST",
            Self::NotToBeQuarantined => "NOT_TO_BE_QUARANTINED",
            Self::NotQuarantined => "NOT_QUARANTINED",
            Self::LabelsChanged => "LABELS_CHANGED",
            Self::InvalidQuarantine => "INVALID_QUARANTINE",
            Self::InvalidManifest => "INVALID_MANIFEST",
        }
    }
}

/// An error with its reason; `metadata` holds the message's variable parts.
pub(super) fn status<const N: usize>(
    code: Code,
    reason: Reason,
    message: impl Into<String>,
    metadata: [(&str, String); N],
) -> Status {
    let metadata: HashMap<_, _> = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let details = ErrorDetails::with_error_info(reason.as_str(), ERROR_DOMAIN, metadata);
    Status::with_error_details(code, message, details)
}

/// `kind` cannot be read.
pub(super) fn unreadable(kind: &Kind, problem: &Problem) -> Status {
    let (code, reason) = match problem.reason {
        ProblemReason::Forbidden => (Code::PermissionDenied, Reason::KindForbidden),
        ProblemReason::Unreachable
        | ProblemReason::Unauthorized
        | ProblemReason::NotServed
        | ProblemReason::Invalid
        | ProblemReason::Refused => (Code::Unavailable, Reason::ClusterUnreachable),
    };
    let message = format!("{kind} cannot be read: {}", problem.message);
    status(code, reason, message, [("kind", kind.to_string()), ("problem", problem.reason.to_string())])
}

/// The cluster does not say what a caller may do.
pub(super) fn unreviewed(problem: &Problem) -> Status {
    let message = format!("your rights cannot be determined: {}", problem.message);
    let (code, reason) = match problem.reason {
        ProblemReason::Forbidden => (Code::PermissionDenied, Reason::PermissionDenied),
        _ => (Code::Unavailable, Reason::ClusterUnreachable),
    };
    status(code, reason, message, [("problem", problem.reason.to_string())])
}

/// The cluster's kinds are not known.
pub(super) fn unknown_kinds(problem: &Problem) -> Status {
    let message = format!("the cluster cannot be read: {}", problem.message);
    status(Code::Unavailable, Reason::ClusterUnreachable, message, [("problem", problem.reason.to_string())])
}

/// A kind is followed otherwise than before: ask again.
pub(super) fn cache_closed(kind: &Kind) -> Status {
    let message =
        format!("{kind} are now watched in a different version or judged by different rules: watch them again");
    status(Code::Unavailable, Reason::CacheClosed, message, [("kind", kind.to_string())])
}

/// What was to be proven cannot be.
pub(super) fn unproven(error: &Unproven) -> Status {
    match error {
        Unproven::Refused { kind, problem } => unreadable(kind, problem),
        Unproven::Closed(kind) => cache_closed(kind),
    }
}

/// The daemon stops: go to the next one.
pub(super) fn draining() -> Status {
    status(Code::Unavailable, Reason::Draining, "the daemon is stopping", [])
}

/// The log no longer holds what a stream that skips nothing has to tell next.
pub(super) fn cursor_expired() -> Status {
    let message = "changes that were not sent yet are no longer available: start over, without a cursor";
    status(Code::OutOfRange, Reason::CursorExpired, message, [])
}

/// The filter's expression was not evaluated.
pub(super) fn unevaluated(error: &PredicateError) -> Status {
    not_evaluated("invalid filter: cel", Reason::InvalidFilter, error)
}

/// An expression was not evaluated; `reason` is for one that is none.
pub(super) fn not_evaluated(what: &str, reason: Reason, error: &PredicateError) -> Status {
    let message = format!("{what}: {error}");
    match error {
        PredicateError::TooLong(_) | PredicateError::Invalid(_) => status(Code::InvalidArgument, reason, message, []),
        PredicateError::TooSlow(_) | PredicateError::Died => {
            status(Code::InvalidArgument, Reason::PredicateTooCostly, message, [])
        }
        PredicateError::Busy => come_again(Reason::PredicatesBusy, format!("{error}: try again later")),
        PredicateError::Unavailable(_) => Status::internal(error.to_string()),
    }
}

/// A caller has its share.
pub(super) fn shared_out(exceeded: &Exceeded) -> Status {
    let reason = match exceeded {
        Exceeded::Streams(_) | Exceeded::Logs(_) | Exceeded::Dumps(_) => Reason::TooManyStreams,
        Exceeded::Gates(_) => Reason::TooManyGates,
        Exceeded::Requests(_) | Exceeded::Open(_) => Reason::TooManyRequests,
    };
    come_again(reason, exceeded.to_string())
}

/// The daemon has too much to do for this.
pub(super) fn come_again(reason: Reason, message: String) -> Status {
    let refused = status(Code::ResourceExhausted, reason, message, []);
    let mut details: ErrorDetails = refused.get_error_details();
    details.set_retry_info(Some(COME_AGAIN));
    Status::with_error_details(refused.code(), refused.message(), details)
}
