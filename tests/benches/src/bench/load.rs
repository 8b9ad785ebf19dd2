//! What many clients ask of the API server, through the daemon and without it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use tempfile::TempDir;

use super::Common;
use crate::daemon::{Daemon, DaemonBinary};
use crate::fake::FakeApiServer;
use crate::grpc::{self, Stream};
use crate::pods::PodSet;
use crate::process::PATIENCE;
use crate::report::{Figure, Report};
use crate::targets::{self, Target};

/// Objects that each client is interested in.
const OBJECTS: usize = 5;

/// What `load` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pods: usize,
    /// Clients, each of five objects, on a connection of its own
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    clients: usize,
    /// The kubectl to compare with
    #[arg(long, value_name = "PATH", default_value = "kubectl")]
    kubectl: PathBuf,
}

/// Requests by what made them.
struct Requests {
    watching: u64,
    proven: u64,
    kubectl: [u64; 2],
    lists_after_drop: u64,
    lists_after_gone: u64,
    notes: Vec<String>,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let server = FakeApiServer::start(PodSet::new(options.pods, options.common.seed))?;
    ensure!(options.pods >= options.clients * OBJECTS, "--pods: each client needs {OBJECTS} of its own");
    let requests = measure(&options, &binary, &server).await?;
    report(&options, &requests).print();
    Ok(())
}

async fn measure(options: &Options, binary: &DaemonBinary, server: &FakeApiServer) -> Result<Requests> {
    let mut notes = Vec::new();
    let daemon = binary.start(&server.kubeconfig(), &[], None)?;
    let streams = subscribe(&daemon, server, options.clients, false).await?;
    let watching = server.counts().requests();
    notes.push(format!("watching, the daemon's start and all clients: {}", server.counts()));
    server.reset();
    subscribe(&daemon, server, options.clients, true).await?;
    let proven = server.counts().requests();
    notes.push(format!("the same clients, each asking for a proof: {}", server.counts()));

    server.reset();
    server.end_watches();
    until_watched(server).await?;
    let lists_after_drop = server.counts().pods_listed();
    notes.push(format!("after all watches were dropped: {}", server.counts()));
    server.reset();
    server.expire();
    until_watched(server).await?;
    let lists_after_gone = server.counts().pods_listed();
    notes.push(format!(
        "after all history was forgotten: {}; {:.0} MB",
        server.counts(),
        server.counts().bytes() as f64 / 1e6
    ));
    still_told(server, streams).await?;
    daemon.end().await?;

    let folder = tempfile::tempdir()?;
    let mut kubectl = [0; 2];
    for (requests, cache) in kubectl.iter_mut().zip(["cold", "warm"]) {
        server.reset();
        wait_by_kubectl(&options.kubectl, server, &folder).await?;
        *requests = server.counts().requests();
        notes.push(format!("kubectl wait of {OBJECTS} pods, {cache} discovery cache: {}", server.counts()));
    }
    Ok(Requests { watching, proven, kubectl, lists_after_drop, lists_after_gone, notes })
}

fn report(options: &Options, requests: &Requests) -> Report {
    let clients = options.clients;
    let mut report = Report::new(format!("load, {clients} clients of {OBJECTS} pods each, requests at the API server"));
    let figure = |count: u64| Figure(count as f64, "");
    for (cache, each, target) in
        [("warm", requests.kubectl[1], targets::LOAD), ("cold", requests.kubectl[0], Target::Unset)]
    {
        let peer = format!("kubectl wait, {cache} cache");
        let peer = (peer.as_str(), figure(each * clients as u64));
        report.compare("watching", figure(requests.watching), peer, target);
        report.compare("waiting for a proof", figure(requests.proven), peer, Target::Unset);
    }
    let (drop, gone) = (requests.lists_after_drop, requests.lists_after_gone);
    report.figure("lists of all pods after watches were dropped", figure(drop), targets::LISTS_AFTER_DROP);
    report.figure("lists of all pods after a 410", figure(gone), targets::LISTS_AFTER_GONE);
    requests.notes.iter().for_each(|note| report.note(note));
    report.note(format!("kubectl's requests are those of one run times {clients}"));
    report
}

/// Opens that many streams of named objects, each current.
async fn subscribe(daemon: &Daemon, server: &FakeApiServer, clients: usize, proven: bool) -> Result<Vec<Stream>> {
    let mut streams = Vec::new();
    for client in 0..clients {
        let names = (0..OBJECTS).map(|object| server.name((client * OBJECTS + object) % server.pods()));
        let mut request = grpc::named_pods(names);
        request.proven = proven;
        let mut stream = grpc::watch(daemon.connect().await?, request).await?;
        let items = grpc::until_current(&mut stream).await?;
        ensure!(items.len() == OBJECTS, "a client was told {} objects", items.len());
        streams.push(stream);
    }
    Ok(streams)
}

/// Waits until the daemon watches pods again, and a little longer, for what it
/// might ask besides.
async fn until_watched(server: &FakeApiServer) -> Result<()> {
    let began = Instant::now();
    while server.open_watches() == 0 {
        ensure!(began.elapsed() < PATIENCE, "the daemon does not watch again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(())
}

/// Every client is told a change of its first object, and nothing before it.
async fn still_told(server: &FakeApiServer, streams: Vec<Stream>) -> Result<()> {
    for (client, mut stream) in streams.into_iter().enumerate() {
        let change = server.change((client * OBJECTS) % server.pods());
        let version = change.version.to_string();
        server.publish([change]);
        let told =
            tokio::time::timeout(PATIENCE, grpc::next(&mut stream)).await.context("a client is told nothing")??;
        let status = grpc::changed(told)?.next().context("a client is told what is no change")?;
        ensure!(status.resource_version == version, "a client is told version {}", status.resource_version);
    }
    Ok(())
}

/// Runs `kubectl wait` on pods of one namespace that are not ready, and makes
/// them ready one after the other.
async fn wait_by_kubectl(kubectl: &Path, server: &FakeApiServer, folder: &TempDir) -> Result<()> {
    let (namespace, _) = server.name(0);
    let wanted: Vec<_> = (0..server.pods()).filter(|index| server.name(*index).0 == namespace).take(OBJECTS).collect();
    ensure!(wanted.len() == OBJECTS, "too few pods in the namespace {namespace}");
    for index in &wanted {
        // Whatever it was before: in the end it is not ready.
        let mut ready = true;
        while ready {
            let change = server.change(*index);
            ready = change.ready;
            server.publish([change]);
        }
    }
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig())?;
    let mut child = tokio::process::Command::new(kubectl)
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(format!("--cache-dir={}", folder.path().join("cache").display()))
        .args(["--namespace", &namespace, "wait", "--for=condition=Ready", "--timeout=60s"])
        .args(wanted.iter().map(|index| format!("pod/{}", server.name(*index).1)))
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("--kubectl {}: cannot be run", kubectl.display()))?;
    for (watched, index) in (1..).zip(wanted) {
        // Each is waited for on a watch of its own, one after the other.
        while server.counts().watches() < watched && child.try_wait()?.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server.publish([server.change(index)]);
    }
    ensure!(child.wait().await?.success(), "kubectl wait failed");
    Ok(())
}
