//! What is wrong with an object, why, and what to try next.
//!
//! An [`Observation`] is what is known: objects, what events tell of them, and the last lines of
//! logs. Rules, a file for each subject, find causes in it; they do no I/O and read no clock.
//! What they find is put in order: roots before symptoms, the certain before the likely, the
//! newest revision before older ones.

mod admission;
mod affinity;
mod autoscaling;
mod candidates;
mod cause;
mod checks;
mod config;
mod containers;
mod crash;
mod cron_job;
mod disruption;
pub(crate) mod fields;
mod finalizer;
mod fitting;
mod image;
mod init;
mod job;
mod manifest;
mod memory;
mod node;
mod object;
mod observation;
mod obstacles;
mod probe;
mod quota;
mod ranking;
mod reason;
mod refusal;
mod rollout;
mod room;
mod scheduling;
pub(crate) mod selector;
mod service;
mod storage;
mod system;
mod target;
mod wanted;

pub(crate) use self::affinity::selects_for;
pub(crate) use self::candidates::tolerates;
pub use self::cause::{Cause, Certainty, Evidence, EvidenceKind};
pub use self::checks::{Check, Outcome};
pub use self::fitting::{Fitting, elsewhere};
pub use self::manifest::{Manifest, Ruling};
pub(crate) use self::node::of_node;
pub use self::object::{Name, Object, Verdict, kinds};
pub use self::observation::{Event, NotVisible, Observation};
pub use self::reason::Reason;
pub(crate) use self::room::{allocatable, request};
use self::target::Target;
pub use self::wanted::{LogOf, configures, is_crowded, logs, subjects};

/// Finds causes of what is wrong with a target.
type Rule = fn(&Observation, &Target<'_>) -> Vec<Cause>;

/// Every rule. Their order does not matter: causes are ranked by what they are.
const RULES: &[Rule] = &[
    admission::rule,
    autoscaling::rule,
    config::rule,
    crash::rule,
    cron_job::rule,
    disruption::rule,
    finalizer::rule,
    image::rule,
    init::rule,
    job::rule,
    memory::rule,
    node::rule,
    probe::rule,
    quota::rule,
    rollout::rule,
    scheduling::rule,
    service::rule,
    storage::rule,
    system::rule,
];

/// What is wrong, and what was checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// The causes, the likeliest root first.
    pub causes: Vec<Cause>,
    /// The questions that a person would ask, and their answers.
    pub checks: Vec<Check>,
}

/// What is wrong with these objects of an observation, taken together. A name that no object
/// of it has is left out.
#[must_use]
pub fn diagnose(observation: &Observation, names: &[Name]) -> Diagnosis {
    let targets: Vec<_> = names.iter().filter_map(|name| Target::of(observation, name)).collect();
    let found = targets.iter().flat_map(|target| RULES.iter().flat_map(|rule| rule(observation, target))).collect();
    let causes = ranking::ranked(found);
    let checks = checks::checks(observation, &targets, &causes);
    Diagnosis { causes, checks }
}
