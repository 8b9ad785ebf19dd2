//! What a dump says of itself.

use std::collections::BTreeSet;

use daymark::api::{DumpBegun, DumpKind, DumpLogs, DumpRefused};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// The value of [`Manifest::format`].
pub const FORMAT: &str = "daymark-dump";
/// The newest [`Manifest::version`] that is read, and the one that is written.
pub const VERSION: u32 = 1;
/// Refusals that are written down; of further ones, how many there are.
const MOST_REFUSED: usize = 1000;

/// What a dump says of itself: `manifest.json`, which `daymarkd --replay` reads, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub format: String,
    pub version: u32,
    /// That of this dump, also when it was gone on with.
    pub id: String,
    pub finished: bool,
    /// What was asked for.
    pub of: Subject,
    /// The client's version.
    pub daymark: String,
    #[serde(flatten)]
    pub origin: Origin,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub kinds: Vec<Kind>,
    pub logs: LogsOf,
    pub refused: BTreeSet<Refused>,
    pub refused_besides: u64,
}

/// Where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The daemon's version, and the API server's.
    pub daemon: String,
    pub kubernetes: String,
    pub cluster: String,
    pub default_namespace: String,
    /// The namespaces that were read; none for all.
    pub namespaces: Vec<String>,
}

/// What was asked for, and of whom: with anything else a dump cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    pub address: String,
    pub cluster: String,
    pub all_namespaces: bool,
    pub namespaces: Vec<String>,
    pub logs: bool,
    pub log_lines: i64,
    pub log_bytes: i64,
}

/// A kind that is there as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kind {
    pub group: String,
    pub version: String,
    pub resource: String,
    pub singular: String,
    pub kind: String,
    pub short_names: Vec<String>,
    pub namespaced: bool,
    pub watched: bool,
    pub file: String,
    pub parts: i32,
    pub resource_version: String,
    pub objects: i64,
    pub broken: i64,
}

/// What there is of logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsOf {
    /// Up to where they are there.
    pub mark: String,
    pub pods: i64,
    pub logs: i64,
    pub cut: i64,
}

/// Something that is not there, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refused {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub reason: String,
    pub message: String,
}

impl Manifest {
    /// That of a dump which is about to begin.
    pub fn new(id: String, of: Subject) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            id,
            finished: false,
            of,
            daymark: env!("CARGO_PKG_VERSION").to_owned(),
            origin: Origin::default(),
            started_at: None,
            finished_at: None,
            kinds: Vec::new(),
            logs: LogsOf::default(),
            refused: BTreeSet::new(),
            refused_besides: 0,
        }
    }

    /// A stream has begun, the first or one that goes on. What was refused is told again, but for
    /// what is not asked for again.
    ///
    /// # Errors
    /// If it is of another cluster than before.
    pub fn begin(&mut self, begun: DumpBegun) -> Result<(), Failure> {
        let was = &self.origin.cluster;
        if !was.is_empty() && *was != begun.cluster {
            let is = &begun.cluster;
            let message = format!("the dump is of cluster {was:?}, but the daemon serves {is:?}");
            return Err(Failure::new(Exit::Usage, message));
        }
        let had: BTreeSet<_> = self.kinds.iter().map(Kind::name).collect();
        // What belongs to a kind is refused with it.
        let of = |it: &Refused| it.kind.split('/').next().unwrap_or_default().to_owned();
        self.refused.retain(|it| it.kind == "pods/log" || had.contains(&of(it)));
        self.started_at = self.started_at.or(time(begun.time));
        self.origin = Origin {
            daemon: begun.daemon_version,
            kubernetes: begun.kubernetes_version,
            cluster: begun.cluster,
            default_namespace: begun.default_namespace,
            namespaces: begun.namespaces,
        };
        Ok(())
    }

    /// Writes down what is refused; whether that is news, and there was room for it.
    pub fn refuse(&mut self, refused: Refused) -> bool {
        if self.refused.len() < MOST_REFUSED {
            return self.refused.insert(refused);
        }
        self.refused_besides += u64::from(!self.refused.contains(&refused));
        false
    }
}

impl Kind {
    /// `deployments.apps`
    pub fn name(&self) -> String {
        if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) }
    }
}

impl From<DumpKind> for Kind {
    fn from(kind: DumpKind) -> Self {
        Self {
            group: kind.group,
            version: kind.version,
            resource: kind.resource,
            singular: kind.singular,
            kind: kind.kind,
            short_names: kind.short_names,
            namespaced: kind.namespaced,
            watched: kind.watched,
            file: kind.file,
            parts: kind.parts,
            resource_version: kind.resource_version,
            objects: kind.objects,
            broken: kind.broken,
        }
    }
}

impl LogsOf {
    /// How far they are by now, of a stream before which they were as `before` says.
    pub fn go_on(&mut self, before: &Self, told: &DumpLogs) {
        if !told.mark.is_empty() {
            self.mark.clone_from(&told.mark);
        }
        self.pods = before.pods + told.pods;
        self.logs = before.logs + told.logs;
        self.cut = before.cut + told.cut;
    }
}

impl From<DumpRefused> for Refused {
    fn from(refused: DumpRefused) -> Self {
        let DumpRefused { kind, namespace, name, reason, message } = refused;
        Self { kind, namespace, name, reason, message }
    }
}

impl Refused {
    /// In a line.
    pub fn line(&self) -> String {
        let Self { kind, namespace, name, reason, message } = self;
        let place = if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace:?}") };
        let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
        format!("{kind}{of}{place}: {reason}: {message}")
    }
}

/// A time of the daemon's.
pub fn time(time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok())
}
