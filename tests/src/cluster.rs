//! The cluster that end-to-end tests share, and namespaces in it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test whose kubectl fails has failed")]

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::control_plane::ControlPlane;

/// Nodes of a control plane of our own, where a test needs no more.
pub const NODES: usize = 3;

/// What a test needs of its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Controllers that act on Deployments and Jobs, and nodes for their pods.
    Controllers,
    /// Pods steered by annotations (see `tests/control-plane/README.md`).
    Steering,
    /// Python with grpcio and grpcio-reflection, in `DAYMARK_TEST_PYTHON`.
    Python,
}

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    /// Whether controllers run, once that is known.
    controllers: OnceLock<bool>,
    /// The control plane, if this process started it.
    pub control_plane: Option<ControlPlane>,
}

impl Cluster {
    /// The cluster of `DAYMARK_TEST_KUBECONFIG`, or a control plane of our own.
    ///
    /// # Errors
    /// If there is none to be had.
    pub fn obtain() -> Result<Self, String> {
        match std::env::var_os("DAYMARK_TEST_KUBECONFIG") {
            None => Self::start_own(NODES),
            Some(kubeconfig) => {
                let folder = std::env::var_os("DAYMARK_TEST_BIN");
                let kubectl = folder.map_or("kubectl".into(), |folder| Path::new(&folder).join("kubectl"));
                let kubeconfig = kubeconfig.into();
                let cluster = Self { kubeconfig, kubectl, controllers: OnceLock::new(), control_plane: None };
                let answer = cluster.try_kubectl(["version"])?;
                if answer.status.success() { Ok(cluster) } else { Err(text(&answer.stderr)) }
            }
        }
    }

    /// A control plane of our own with so many nodes, which a test may disturb.
    ///
    /// # Errors
    /// If it cannot be started, or if the tests were told to use a cluster that
    /// is not ours.
    pub fn start_own(nodes: usize) -> Result<Self, String> {
        Self::start_own_with(nodes, &[])
    }

    /// As [`Cluster::start_own`], with further flags of `tests/control-plane/up`.
    ///
    /// # Errors
    /// As there.
    pub fn start_own_with(nodes: usize, flags: &[&str]) -> Result<Self, String> {
        if std::env::var_os("DAYMARK_TEST_KUBECONFIG").is_some() {
            return Err("DAYMARK_TEST_KUBECONFIG's control plane is not ours to disturb".into());
        }
        let control_plane = ControlPlane::start_with(nodes, flags)?;
        let (kubeconfig, kubectl) = (control_plane.kubeconfig(), control_plane.kubectl());
        Ok(Self { kubeconfig, kubectl, controllers: OnceLock::new(), control_plane: Some(control_plane) })
    }

    /// Whether it has what a test needs; if not, why.
    ///
    /// # Errors
    /// What it lacks.
    pub fn meets(&self, need: Need) -> Result<(), String> {
        let says = |args: &[&str], lacks: &str| {
            let output = self.try_kubectl(args)?;
            if output.status.success() && !output.stdout.is_empty() { Ok(()) } else { Err(lacks.to_owned()) }
        };
        match need {
            Need::Controllers => says(
                &["get", "serviceaccount", "default", "--namespace", "default", "-o", "name"],
                "no controllers run: there is no default ServiceAccount",
            ),
            Need::Steering => says(
                &["get", "nodes", "--selector", "type=kwok", "-o", "name"],
                "no nodes with the label type=kwok, whose pods obey annotations",
            ),
            Need::Python => match std::env::var_os("DAYMARK_TEST_PYTHON") {
                Some(_) => Ok(()),
                None => Err("DAYMARK_TEST_PYTHON names no Python with grpcio and grpcio-reflection".into()),
            },
        }
    }

    /// Its kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A new namespace for one test, in which pods can be made.
    #[must_use]
    pub fn namespace(&self) -> Namespace<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-{}-{number}", std::process::id());
        self.kubectl(["create", "namespace", &name]);
        let namespace = Namespace { cluster: self, made: true, name };
        if self.has_controllers() {
            // What every namespace has is made by controllers: until then pods are refused. One by one:
            // of several that are not there kubectl does not wait for any.
            for made in ["sa/default", "cm/kube-root-ca.crt"] {
                namespace.kubectl(["wait", "--for=create", "--timeout=120s", made]);
            }
        }
        namespace
    }

    fn has_controllers(&self) -> bool {
        *self.controllers.get_or_init(|| self.meets(Need::Controllers).is_ok())
    }

    /// Runs kubectl and returns its standard output.
    ///
    /// # Panics
    /// If it fails.
    pub fn kubectl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        succeeded(self.try_kubectl(args).expect("kubectl runs"))
    }

    /// Applies manifests that have no namespace or say which, in YAML.
    ///
    /// # Panics
    /// If the API server refuses them.
    pub fn apply(&self, manifests: &str) {
        apply(self.command([] as [&str; 0]), manifests, &[]);
    }

    /// What `kubectl auth can-i` says to these words.
    ///
    /// # Panics
    /// If it says neither yes nor no.
    #[must_use]
    pub fn can_i<A: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = A>) -> bool {
        let words = words.into_iter().map(|word| word.as_ref().to_owned());
        let args = ["auth".into(), "can-i".into()].into_iter().chain(words);
        let output = self.try_kubectl(args).expect("kubectl runs");
        match text(&output.stdout).trim() {
            "yes" => true,
            no if no.starts_with("no") => false,
            _ => panic!("kubectl auth can-i: {}", text(&output.stderr)),
        }
    }

    fn try_kubectl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<Output, String> {
        self.command(args).output().map_err(|e| format!("{}: {e}", self.kubectl.display()))
    }

    fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(args).stdin(Stdio::null());
        command
    }
}

/// A namespace of one test. One that was made for it is deleted when dropped.
#[derive(Debug)]
pub struct Namespace<'a> {
    cluster: &'a Cluster,
    made: bool,
    /// Its name.
    pub name: String,
}

impl<'a> Namespace<'a> {
    /// A namespace that there is.
    #[must_use]
    pub fn of(cluster: &'a Cluster, name: &str) -> Self {
        Self { cluster, made: false, name: name.to_owned() }
    }

    /// Runs kubectl in the namespace and returns its standard output.
    ///
    /// # Panics
    /// If it fails.
    pub fn kubectl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let mut command = self.cluster.command(["--namespace", &self.name]);
        succeeded(command.args(args).output().expect("kubectl runs"))
    }

    /// Runs kubectl in the namespace, and returns its standard output if it succeeds.
    ///
    /// # Errors
    /// If it fails: what it said.
    pub fn try_kubectl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<String, String> {
        let output = self.cluster.command(["--namespace", &self.name]).args(args).output();
        let output = output.map_err(|e| e.to_string())?;
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Applies manifests, in YAML.
    ///
    /// # Panics
    /// If the API server refuses them.
    pub fn apply(&self, manifests: &str) {
        apply(self.cluster.command(["--namespace", &self.name]), manifests, &[]);
    }

    /// Deletes what manifests name, in YAML; does not wait for that, nor does it matter
    /// whether it is there.
    pub fn delete(&self, manifests: &str) {
        let mut kubectl = self.cluster.command(["--namespace", &self.name, "delete", "--ignore-not-found"]);
        let _deleted = fed(kubectl.args(["--wait=false", "--filename", "-"]), manifests);
    }

    /// Applies manifests, in YAML, and returns what the API server answers, as JSON.
    ///
    /// # Panics
    /// If the API server refuses them.
    pub fn apply_and_tell(&self, manifests: &str) -> String {
        apply(self.cluster.command(["--namespace", &self.name]), manifests, &["--output", "json"])
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        if !self.made {
            return;
        }
        // It goes with its control plane if not by this.
        let _deleted = self.cluster.try_kubectl(["delete", "namespace", &self.name, "--wait=false"]);
    }
}

fn apply(mut kubectl: Command, manifests: &str, more: &[&str]) -> String {
    succeeded(fed(kubectl.args(["apply", "--filename", "-"]).args(more), manifests))
}

/// Runs kubectl with that for its standard input.
fn fed(kubectl: &mut Command, manifests: &str) -> Output {
    let kubectl = kubectl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = kubectl.spawn().expect("kubectl runs");
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(manifests.as_bytes()).expect("kubectl reads its standard input");
    drop(stdin);
    child.wait_with_output().expect("kubectl ends")
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "kubectl: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
