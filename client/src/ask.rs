//! From the words of the command line to what a gate is asked.

use std::time::Duration;

use daymark::api::{AppliedObject, Criterion, Filter, GatePolicy, Goal, ObjectRef, OpenGateRequest, Owned};

use crate::args::{Policy, Question};
use crate::criterion::{self, Asked};
use crate::duration::FOREVER;
use crate::exit::Failure;
use crate::manifests;
use crate::policy_file;
use crate::printer::Printer;
use crate::targets::{self, Selection};

/// How long a gate may be open by default, as the daemon has it.
const DEADLINE: Duration = Duration::from_mins(10);

/// What is asked of the daemon, and what is tried from here.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// What is asked of the daemon.
    pub request: OpenGateRequest,
    /// What is to listen, as `HOST:PORT`.
    pub connect: Vec<String>,
    /// The deadline.
    pub deadline: Duration,
    /// Whether it is only looked at.
    pub once: bool,
}

/// Reads all of a question, before anything is asked.
///
/// # Errors
/// If it makes no sense.
pub async fn read(question: &Question, namespace: Option<&str>, printer: &mut Printer) -> Result<Ask, Failure> {
    let policy = policy_file::over(&question.policy, question.policy_file.as_deref())?;
    let (mut all_of, connect) = divide(&policy.all_of);
    let of_objects = |asked: &[Asked], flag: &str| match divide(asked) {
        (criteria, connect) if connect.is_empty() => Ok(criteria),
        _ => Err(Failure::usage(format!("connect= works only with --for, not with {flag}"))),
    };
    let (any_of, fail_on) = (of_objects(&policy.any_of, "--for-any")?, of_objects(&policy.fail_on, "--fail-on")?);
    // Of what a release is made of, some never says that it is ready.
    if all_of.is_empty() && any_of.is_empty() && !question.files.is_empty() {
        all_of.push(criterion::is(Goal::Settled));
    }
    let (filter, applied) = objects(question, namespace, printer).await?;
    let once = policy.timeout.is_some_and(|timeout| timeout.is_zero());
    let wire = GatePolicy { all_of, any_of, fail_on, once, ..limits(&policy, once)? };
    let owned = question.owned.clone().map(|kinds| Owned { kinds });
    let request = OpenGateRequest { filter: Some(filter), policy: Some(wire), applied, owned, ..Default::default() };
    Ok(Ask { request, connect, deadline: policy.timeout.unwrap_or(DEADLINE), once })
}

impl Ask {
    /// Whether there is no deadline.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.deadline == FOREVER
    }

    /// Whether objects are to be well, and not to be there, gone or empty.
    #[must_use]
    pub fn is_about_being_well(&self) -> bool {
        let policy = self.request.policy.iter();
        let mut goals = policy.flat_map(|policy| policy.all_of.iter().chain(&policy.any_of));
        let others = [Goal::Exists, Goal::Deleted, Goal::Drained].map(criterion::is);
        !goals.any(|goal| others.contains(goal))
    }

    /// The same, of a cluster; empty for the daemon's only one.
    #[must_use]
    pub fn of_cluster(mut self, cluster: &str) -> Self {
        if let Some(filter) = &mut self.request.filter {
            cluster.clone_into(&mut filter.cluster);
        }
        self
    }
}

/// What the daemon judges, and what is tried from here.
fn divide(asked: &[Asked]) -> (Vec<Criterion>, Vec<String>) {
    let (mut criteria, mut connect) = (Vec::new(), Vec::new());
    for asked in asked {
        match asked {
            Asked::OfObjects(criterion) => criteria.push(criterion.clone()),
            Asked::Connect(address) => connect.push(address.clone()),
        }
    }
    (criteria, connect)
}

/// Which objects, and what was applied of them.
async fn objects(
    question: &Question,
    namespace: Option<&str>,
    printer: &mut Printer,
) -> Result<(Filter, Vec<AppliedObject>), Failure> {
    let narrowed = question.all_namespaces || !question.selector.is_empty();
    if !question.files.is_empty() {
        if let Some(several) = namespace.filter(|namespace| namespace.contains(',')) {
            return Err(targets::in_several(several));
        }
        if narrowed {
            return Err(Failure::usage("--filename cannot be used with --all-namespaces or --selector"));
        }
        return Ok(of_manifests(manifests::read(&question.files, printer).await?, namespace));
    }
    let selection = Selection::parse(&question.words)?;
    if matches!(selection, Selection::Objects(_)) && (narrowed || question.all) {
        return Err(Failure::usage("object names cannot be used with --all, --all-namespaces or --selector"));
    }
    let several = namespace.filter(|namespace| namespace.contains(','));
    if let (Some(several), Selection::Objects(_)) = (several, &selection) {
        return Err(targets::in_several(several));
    }
    let mut filter = selection.filter(namespace, question.all_namespaces);
    filter.label_selector.clone_from(&question.selector);
    Ok((filter, Vec::new()))
}

/// By name: an object by the name of one that was applied is waited for, and found to
/// be another.
fn of_manifests(mut objects: Vec<AppliedObject>, namespace: Option<&str>) -> (Filter, Vec<AppliedObject>) {
    let named = |object: &AppliedObject| object.r#ref.clone().map(|it| ObjectRef { uid: String::new(), ..it });
    let refs = objects.iter().filter_map(named).collect();
    objects.retain(manifests::is_applied);
    // The daemon knows which kinds have a namespace.
    let namespaces = namespace.map(str::to_owned).into_iter().collect();
    (Filter { refs, namespaces, ..Filter::default() }, objects)
}

fn limits(policy: &Policy, once: bool) -> Result<GatePolicy, Failure> {
    let wire = |duration: Option<Duration>| {
        let wire = duration.map(prost_types::Duration::try_from).transpose();
        wire.map_err(|_| Failure::usage("a duration is too long"))
    };
    Ok(GatePolicy {
        ignore_failures: policy.ignore_failures,
        stable_for: wire(policy.stable_for)?,
        fatal_after: wire(policy.fatal_after)?,
        tolerate: wire(policy.tolerate)?,
        restarts: policy.tolerate_restarts,
        no_progress: wire(policy.no_progress)?,
        deadline: wire(policy.timeout.filter(|_| !once))?,
        min_objects: policy.min,
        ..GatePolicy::default()
    })
}
