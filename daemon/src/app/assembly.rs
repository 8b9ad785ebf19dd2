//! What the daemon is made of, put together: what serves requests, and what becomes tasks.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::AppError;
use super::gates::{Lasting, keep};
use super::supply::{Supply, supply};
use crate::access::authorizer::Authorizer;
use crate::access::reviewing::Reviewing;
use crate::access::shares::Shares;
use crate::act::operation::{Operations, Work};
use crate::act::tunnels::{Carrying, Tunnels};
use crate::args::Config;
use crate::caches::{Caches, Feeding, Policy, Recording};
use crate::catalog::Catalog;
use crate::cause::{Investigator, Redaction};
use crate::clock::Clock;
use crate::errands::{Errand, Errands};
use crate::event_log::EventLog;
use crate::event_log::cursor::Incarnation;
use crate::event_store::EventStore;
use crate::gate::register::Gates;
use crate::gate::run::{Run, Tools};
use crate::gate::store::keeper::Keeper;
use crate::kind::Kind;
use crate::lifecycle::Readiness;
use crate::logs;
use crate::predicate::Predicates;
use crate::proof::Prover;
use crate::recording::recorder::{Recorder, Writing};
use crate::rpc::{MOST_DUMPS, Served, Streams};
use crate::rulebook::Rulebook;
use crate::rulebook::files::RuleFiles;
use crate::source::Source;
use crate::subscription::predicate::Answering;
use crate::subscription::{Evaluator, Groups};

/// What becomes tasks of its own.
pub(super) struct Tasks {
    pub(super) arriving: Arriving,
    pub(super) lasting_gates: Lasting,
    pub(super) answering: Answering,
    pub(super) reviewing: Option<Reviewing>,
    pub(super) rule_files: RuleFiles,
    pub(super) writing: Option<Writing>,
}

/// Where work arrives that is to have a task.
pub(super) struct Arriving {
    pub(super) openings: mpsc::Receiver<Feeding>,
    pub(super) opened_gates: mpsc::Receiver<Run>,
    pub(super) started: mpsc::Receiver<Work>,
    pub(super) carryings: mpsc::Receiver<Carrying>,
    pub(super) errands: mpsc::Receiver<Errand>,
}

/// What follows the cluster, and knows how new that is.
struct Following {
    log: Arc<EventLog>,
    caches: Arc<Caches>,
    prover: Arc<Prover>,
    source: Source,
    clock: Clock,
}

/// Puts the daemon's parts together.
pub(super) async fn assemble(mut config: Config) -> Result<(Arc<Served>, Tasks), AppError> {
    let supply = supply(config.origin, &mut config.policy).await?;
    let Supply { cluster, default_namespace, source, clock, catalog, record } = supply;
    let (rule_files, rules) = RuleFiles::open(config.rules).await?;
    let (following, openings, writing) = Following::new((source, clock), catalog, config.policy, rules, record);
    let (authorizer, reviewing) = Authorizer::new(following.source.api_server(), config.authorization_ttl);
    let authorizer = Arc::new(authorizer);
    let redaction = Arc::new(Redaction::new(&config.redact)?);
    let (keeper, keeping, loaded) = keep(config.gates, &following.clock).await?;
    let (gates, opened_gates) = Gates::new(following.tools(keeper, &authorizer, &redaction));
    let (operations, started) = Operations::new(following.clock.going_on());
    let (tunnels, carryings) = Tunnels::new();
    let (errands, sent) = Errands::new();
    let (evaluator, answering) = Evaluator::new(Predicates::new(config.worker, config.predicates));
    let shares = Arc::new(Shares::new(config.shares));
    let Following { log, caches, prover, source, clock } = following;
    let drain = CancellationToken::new();
    let served = Arc::new(Served {
        cluster,
        default_namespace,
        caches,
        log,
        groups: Groups::default(),
        incarnation: Incarnation::random(),
        source,
        clock,
        gates,
        events: Arc::new(EventStore::new(config.events)),
        authorizer,
        operations,
        remote_acts: config.remote_acts,
        tunnels,
        status_only: config.status_only,
        redaction,
        prover,
        errands,
        evaluator,
        streams: Streams::new(config.max_streams, Arc::clone(&shares)),
        shares,
        log_places: Arc::new(Semaphore::new(logs::session::MOST)),
        dump_places: Arc::new(Semaphore::new(MOST_DUMPS)),
        readiness: Arc::new(Readiness::new(drain.clone())),
        drain,
    });
    let arriving = Arriving { openings, opened_gates, started, carryings, errands: sent };
    let lasting_gates = Lasting { keeping, reopenings: served.know_again(loaded) };
    Ok((served, Tasks { arriving, lasting_gates, answering, reviewing, rule_files, writing }))
}

impl Following {
    /// What comes out are the caches that are to be fed, and the recording that is to be written.
    fn new(
        (source, clock): (Source, Clock),
        catalog: Catalog,
        policy: Policy,
        rules: Rulebook,
        record: Option<(Recorder, Vec<Kind>, Writing)>,
    ) -> (Self, mpsc::Receiver<Feeding>, Option<Writing>) {
        let log = Arc::new(EventLog::new(policy.changes));
        let recording = |(recorder, kinds, writing)| (Recording { recorder: Arc::new(recorder), kinds }, writing);
        let (recorder, writing) = record.map(recording).unzip();
        let (caches, openings) = Caches::new(catalog, policy, Arc::clone(&log), clock.clone(), rules, recorder);
        let caches = Arc::new(caches);
        let prover = Arc::new(Prover::new(Arc::clone(&caches), Arc::clone(&log), source.clone()));
        (Self { log, caches, prover, source, clock }, openings, writing)
    }

    /// What gates work with.
    fn tools(&self, keeper: Keeper, authorizer: &Arc<Authorizer>, redaction: &Arc<Redaction>) -> Tools {
        let neighbours = Arc::clone(self.caches.neighbours());
        let (authorizer, redaction) = (Arc::clone(authorizer), Arc::clone(redaction));
        Tools {
            keeper,
            log: Arc::clone(&self.log),
            prover: Arc::clone(&self.prover),
            investigator: Arc::new(Investigator::new(neighbours, self.source.clone(), authorizer, redaction)),
            looks: Arc::default(),
            clock: self.clock.going_on(),
            account: Arc::default(),
        }
    }
}
