//! Situations in which something is wrong, or nothing: `tests/resources/broken/`.
//!
//! A file is one situation: manifests of it, and in comments its target, the
//! cause that is to be told first, and what happens between the manifests. Its
//! README says how.

#![expect(clippy::expect_used, clippy::panic, reason = "a test whose situation is not to be had has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::Cli;
use crate::cluster::{Cluster, Namespace};

/// In a file, its namespace.
const NAMESPACE: &str = "${namespace}";
/// Kinds whose objects are in no namespace, as files wait for them.
const CLUSTER_WIDE: &[&str] = &["nodes"];

/// What a recording needs for a diagnosis, besides what goes with it.
pub const RECORDED_KINDS: &str = "pods,deployments.apps,replicasets.apps,statefulsets.apps,daemonsets.apps,\
    controllerrevisions.apps,jobs.batch,cronjobs.batch,services,endpointslices.discovery.k8s.io,configmaps,secrets,\
    serviceaccounts,persistentvolumeclaims,persistentvolumes,storageclasses.storage.k8s.io,resourcequotas,limitranges,\
    nodes,namespaces,events,horizontalpodautoscalers.autoscaling,poddisruptionbudgets.policy,\
    validatingwebhookconfigurations.admissionregistration.k8s.io,mutatingwebhookconfigurations.admissionregistration.k8s.io,\
    validatingadmissionpolicies.admissionregistration.k8s.io,validatingadmissionpolicybindings.admissionregistration.k8s.io";

/// The last that is recorded.
const END: &str = "all-situations-stand";

/// Makes what is recorded behind all situations, and waits until the client sees it.
///
/// # Panics
/// If it cannot be made.
pub fn mark_end(cluster: &Cluster, cli: &Cli) {
    cluster.kubectl(["create", "configmap", END, "--namespace", "default"]);
    await_end(cli);
}

/// Waits until the client sees that all situations stand.
///
/// # Panics
/// If that does not come.
pub fn await_end(cli: &Cli) {
    let mut marked = cli.start(&format!("get configmap {END} --namespace default --watch --output name"));
    marked.expect_stdout("the end of the situations", |line| !line.is_empty());
}

/// The recording of all situations, each in a namespace of its name.
#[must_use]
pub fn recording() -> PathBuf {
    home().join("all.daymark")
}

/// One situation.
#[derive(Clone, Debug)]
pub struct Situation {
    /// Its name: that of its file.
    pub name: String,
    /// What is asked about, such as `deployment/web`.
    pub target: String,
    /// The reason of the cause that is to come first; `None` if nothing is wrong.
    pub cause: Option<String>,
    steps: Vec<Step>,
    afterwards: Vec<Vec<String>>,
}

/// What brings a situation about.
#[derive(Clone, Debug)]
enum Step {
    /// Manifests are applied.
    Apply(String),
    /// An object of that kind comes to fit the expression, in CEL.
    Until(String, String),
    /// kubectl is run.
    Kubectl(Vec<String>),
    /// kubectl is run until it fails: what it is told is refused from then on.
    UntilRefused(Vec<String>),
}

/// A situation that stands, until it is dropped.
#[derive(Debug)]
pub struct Staged<'a> {
    situation: &'a Situation,
    namespace: &'a Namespace<'a>,
}

/// The folders of the situations, by name.
///
/// # Panics
/// If they cannot be read.
#[must_use]
pub fn folders() -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().expect("it is in a folder").to_string_lossy().into_owned();
    entries(&home()).iter().filter(|path| path.is_dir()).map(name).collect()
}

/// The situations of a folder, by name.
///
/// # Panics
/// If one cannot be read.
#[must_use]
pub fn in_folder(folder: &str) -> Vec<Situation> {
    entries(&home().join(folder)).iter().map(|path| Situation::read(path)).collect()
}

fn home() -> PathBuf {
    crate::workspace().join("tests/resources/broken")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = read.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    paths
}

impl Situation {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.file_stem().expect("it is a file").to_string_lossy().into_owned();
        let told = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_else(|| panic!("{}: there is no {key:?}", path.display())).trim().to_owned()
        };
        let cause = Some(told("# cause:")).filter(|cause| cause != "none");
        let after = text.lines().filter_map(|line| line.strip_prefix("# afterwards:"));
        Self { target: told("# target:"), cause, steps: steps(&text), afterwards: after.map(words).collect(), name }
    }

    /// Brings it about in a namespace, as seen by that client, until what is returned is
    /// dropped.
    ///
    /// # Panics
    /// If it does not come about.
    #[must_use]
    pub fn stage<'a>(&'a self, namespace: &'a Namespace<'a>, cli: &Cli) -> Staged<'a> {
        let staged = Staged { situation: self, namespace };
        self.bring_about(namespace, cli);
        staged
    }

    /// Brings it about in a namespace, as seen by that client, for good.
    ///
    /// # Panics
    /// If it does not come about.
    pub fn bring_about(&self, namespace: &Namespace<'_>, cli: &Cli) {
        let fill = |text: &String| text.replace(NAMESPACE, &namespace.name);
        for step in &self.steps {
            match step {
                Step::Apply(manifests) => namespace.apply(&fill(manifests)),
                Step::Until(kind, expression) => self.comes_to(namespace, cli, kind, &fill(expression)),
                Step::Kubectl(words) => drop(namespace.kubectl(words.iter().map(fill))),
                Step::UntilRefused(words) => while namespace.try_kubectl(words.iter().map(fill)).is_ok() {},
            }
        }
    }

    /// Whether the daemon's diagnosis has the cause first that it should have.
    ///
    /// # Errors
    /// If it does not: what it told.
    pub fn judge(&self, cli: &Cli, namespace: &str) -> Result<(), String> {
        let words = format!("diagnose {} --namespace {namespace} --output json --exit-code", self.target);
        let ended = cli.run_in_time(&words);
        let told: Value = serde_json::from_str(&ended.stdout).map_err(|e| format!("{}: {e}: {ended:?}", self.name))?;
        let first = told["causes"][0]["reason"].as_str();
        let code = Some(i32::from(self.cause.is_some()));
        if first == self.cause.as_deref() && ended.code == code {
            return Ok(());
        }
        let wanted = self.cause.as_deref().unwrap_or("none");
        Err(format!("{}: the first cause is to be {wanted}; exit code {:?}: {told:#}", self.name, ended.code))
    }

    fn comes_to(&self, namespace: &Namespace<'_>, cli: &Cli, kind: &str, expression: &str) {
        let words = ["get", kind, "--watch", "--output", "name", "--cel", expression];
        let within = ["--namespace", &namespace.name];
        let within = if CLUSTER_WIDE.contains(&kind) { &[][..] } else { &within };
        let what = format!("{}: one of {kind} with {expression}", self.name);
        cli.start_words(&[&words, within].concat()).expect_stdout(&what, |line| !line.is_empty());
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // All of it goes with its control plane if not by this.
        for words in &self.situation.afterwards {
            let _done = self.namespace.try_kubectl(words);
        }
        let manifests = self.situation.steps.iter().filter_map(|step| match step {
            Step::Apply(manifests) => Some(manifests),
            _ => None,
        });
        let named = |document: &&str| document.contains("{name: \"${namespace}-");
        for document in manifests.flat_map(|manifests| manifests.split("\n---\n")).filter(named) {
            self.namespace.delete(&document.replace(NAMESPACE, &self.namespace.name));
        }
    }
}

/// The steps of a file.
fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut manifests = String::new();
    for line in text.lines() {
        let Some(step) = step(line) else {
            if !line.starts_with('#') {
                manifests.push_str(line);
                manifests.push('\n');
            }
            continue;
        };
        steps.extend(applied(&mut manifests));
        steps.push(step);
    }
    steps.extend(applied(&mut manifests));
    steps
}

fn step(line: &str) -> Option<Step> {
    let (key, rest) = line.strip_prefix("# ")?.split_once(": ")?;
    match key {
        "until" => rest.split_once(' ').map(|(kind, expression)| Step::Until(kind.to_owned(), expression.to_owned())),
        "kubectl" => Some(Step::Kubectl(words(rest))),
        "until-refused" => Some(Step::UntilRefused(words(rest))),
        _ => None,
    }
}

fn applied(manifests: &mut String) -> Option<Step> {
    let manifests = std::mem::take(manifests);
    let says_nothing = manifests.lines().all(|line| line.is_empty() || line == "---");
    (!says_nothing).then(|| Step::Apply(manifests.trim_start_matches("---\n").to_owned()))
}

/// Words with blanks between, which may stand within single quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, piece) in text.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(piece.to_owned());
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    words
}
