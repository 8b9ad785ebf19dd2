//! Where the daemon's objects come from: a cluster, which may be recorded, or a recording.

use std::path::Path;
use std::time::Duration;

use super::AppError;
use crate::args::Origin;
use crate::caches::Policy;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::kind::Kind;
use crate::recording;
use crate::recording::recorder::{Recorder, Writing};
use crate::rule::relations;
use crate::source::connect::connect;
use crate::source::replay::Replay;
use crate::source::{Problem, Source};

/// How long the API server may take to tell a recording what it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where objects come from, and how they are called.
pub(super) struct Supply {
    pub(super) cluster: String,
    pub(super) default_namespace: String,
    pub(super) source: Source,
    pub(super) clock: Clock,
    pub(super) catalog: Catalog,
    pub(super) record: Option<(Recorder, Vec<Kind>, Writing)>,
}

/// Where objects come from, by the configuration.
pub(super) async fn supply(origin: Origin, policy: &mut Policy) -> Result<Supply, AppError> {
    match origin {
        Origin::Recording { path, speed } => {
            let replay = Replay::open(&path, speed)?;
            let header = replay.header().clone();
            // A recording is there as a whole.
            policy.warm = header.kinds.iter().map(ToString::to_string).collect();
            Ok(Supply {
                cluster: header.cluster,
                default_namespace: header.default_namespace,
                clock: replay.clock(),
                catalog: Catalog::of(header.kinds),
                source: Source::Replay(replay),
                record: None,
            })
        }
        Origin::Cluster { name, target, record } => {
            let server = connect(&target).await?;
            let default_namespace = server.default_namespace().to_owned();
            let (source, clock, catalog) = (Source::ApiServer(server), Clock::System, Catalog::default());
            let mut supply = Supply { cluster: name, default_namespace, source, clock, catalog, record: None };
            if let Some(path) = record {
                supply.record = Some(recorder(&path, &supply, policy).await?);
            }
            Ok(supply)
        }
    }
}

/// Begins a recording of a cluster, which must answer: of the kinds that are
/// followed all the time.
async fn recorder(path: &Path, supply: &Supply, policy: &Policy) -> Result<(Recorder, Vec<Kind>, Writing), AppError> {
    let unrecordable = |problem: Problem| AppError::Unrecordable(problem.message);
    let facts = async { Ok((supply.source.version().await?, supply.source.kinds().await?)) };
    let facts = tokio::time::timeout(PATIENCE, facts).await;
    let facts: Result<_, Problem> = facts.map_err(|_| AppError::Unrecordable("it does not answer".into()))?;
    let (kubernetes, served) = facts.map_err(unrecordable)?;
    let warm = |name: &String| served.iter().find(|kind| kind.answers_to(name)).cloned();
    let mut kinds: Vec<_> = policy.warm.iter().filter_map(warm).collect();
    relations::complete(&mut kinds, &served);
    let header = recording::Header {
        format: recording::FORMAT.into(),
        version: recording::VERSION,
        daymark: env!("CARGO_PKG_VERSION").into(),
        kubernetes,
        cluster: supply.cluster.clone(),
        default_namespace: supply.default_namespace.clone(),
        started_at: supply.clock.now(),
        kinds: kinds.clone(),
    };
    let (recorder, writing) = Recorder::create(path, header, supply.clock.clone())?;
    Ok((recorder, kinds, writing))
}
