//! How long the tab key takes, against kubectl's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use tokio::process::Command;

use super::Common;
use crate::daemon::{Daemon, DaemonBinary};
use crate::fake::FakeApiServer;
use crate::pods::PodSet;
use crate::report::{Figure, Report};
use crate::stats::{ms, percentile};
use crate::targets::{self, Target};

/// What `completion` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// The client to measure: a release build
    #[arg(long, value_name = "PATH", env = "DAYMARK_BENCH_DAYMARK")]
    daymark: PathBuf,
    /// The kubectl to compare with
    #[arg(long, value_name = "PATH", default_value = "kubectl")]
    kubectl: PathBuf,
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pods: usize,
    /// Completions of each
    #[arg(long, value_name = "N", default_value_t = 201)]
    runs: usize,
}

/// What is typed.
struct Typed {
    namespace: String,
    /// Of the namespace, so many pods.
    pods: usize,
    /// All of a pod's name but its end, which no other has.
    prefix: String,
    name: String,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    ensure!(options.runs > 0 && options.pods > 0, "nothing is to be measured");
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let server = FakeApiServer::start(PodSet::new(options.pods, options.common.seed))?;
    let daemon = binary.start(&server.kubeconfig(), &[], None)?;
    daemon.synced(server.name(0)).await?;
    let typed = typed(&server)?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("kubeconfig"), server.kubeconfig())?;
    let calls = [ours(&options, &daemon, &typed), theirs(&options, folder.path(), &typed)];
    // Then the programs are in memory, and kubectl knows the kinds.
    for call in &calls {
        complete(call, folder.path(), &typed.name).await?;
    }
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..options.runs {
        for (call, times) in calls.iter().zip(&mut times) {
            times.push(ms(complete(call, folder.path(), &typed.name).await?));
        }
    }
    daemon.end().await?;
    report(&options, &typed, &times).print();
    Ok(())
}

/// A pod of the namespace that has most.
fn typed(server: &FakeApiServer) -> Result<Typed> {
    let mut by_namespace: HashMap<String, Vec<String>> = HashMap::new();
    for (namespace, name) in (0..server.pods()).map(|index| server.name(index)) {
        by_namespace.entry(namespace).or_default().push(name);
    }
    let largest = by_namespace.into_iter().max_by_key(|(namespace, names)| (names.len(), namespace.clone()));
    let (namespace, names) = largest.context("there are no pods")?;
    let name = names[names.len() / 2].clone();
    let is_alone = |end: &usize| names.iter().filter(|it| it.starts_with(&name[..*end])).count() == 1;
    let end = (1..name.len()).find(is_alone).unwrap_or(name.len());
    Ok(Typed { namespace, pods: names.len(), prefix: name[..end].to_owned(), name })
}

/// A program and its arguments.
type Call = (PathBuf, Vec<String>);

fn ours(options: &Options, daemon: &Daemon, typed: &Typed) -> Call {
    let address = format!("--address=unix:{}", daemon.socket().display());
    let current = format!("--current={}", typed.prefix);
    let arguments = ["__complete", "zsh", &current, "--", &address, "get", "-n", &typed.namespace, "pods"];
    (options.daymark.clone(), arguments.map(str::to_owned).into())
}

fn theirs(options: &Options, folder: &Path, typed: &Typed) -> Call {
    let kubeconfig = format!("--kubeconfig={}", folder.join("kubeconfig").display());
    let cache = format!("--cache-dir={}", folder.join("cache").display());
    let arguments = ["__complete", &kubeconfig, &cache, "get", "-n", &typed.namespace, "pods", &typed.prefix];
    (options.kubectl.clone(), arguments.map(str::to_owned).into())
}

/// How long a process takes that is to say `name`, from its start to its end.
async fn complete((program, arguments): &Call, home: &Path, name: &str) -> Result<Duration> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("HOME", home).kill_on_drop(true);
    let began = Instant::now();
    let output = command.output().await.with_context(|| format!("{} cannot be run", program.display()))?;
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(said.contains(name), "{} {arguments:?} does not say {name:?}, but {said:?}", program.display());
    Ok(took)
}

fn report(options: &Options, typed: &Typed, [ours, theirs]: &[Vec<f64>; 2]) -> Report {
    let mut report = Report::new(format!(
        "completion, a pod's name in a namespace of {} of {} pods, {} processes of each",
        typed.pods, options.pods, options.runs
    ));
    for (percent, target) in [(50.0, targets::COMPLETION), (99.0, targets::COMPLETION)] {
        let [ours, theirs] = [ours, theirs].map(|times| Figure(percentile(times.iter().copied(), percent), "ms"));
        report.figure(format!("from the process' start to its end, p{percent}"), ours, target);
        report.compare("the same", ours, ("kubectl __complete", theirs), Target::Unset);
    }
    report
}
