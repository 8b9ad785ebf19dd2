//! Bytes through `daymark tunnel`, against `kubectl port-forward`, of the same pod of a real control plane.

mod peer;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::runtime::wait::{await_condition, conditions::is_pod_running};
use kube::{Api, Client};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use self::peer::{Peer, Tool};
use super::Common;
use crate::control_plane::ControlPlane;
use crate::daemon::DaemonBinary;
use crate::raw;
use crate::report::{Figure, Report};
use crate::stats::median;
use crate::targets;

/// A port of pods that is this machine's (`tests/control-plane/README.md`).
const PORT: u16 = 24199;
const CHUNK: usize = 64 << 10;
/// They take turns in that order.
const TOOLS: [Tool; 2] = [Tool::Daymark, Tool::Kubectl];

/// What `tunnel` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// The client to measure: a release build
    #[arg(long, value_name = "PATH", env = "DAYMARK_BENCH_DAYMARK")]
    daymark: PathBuf,
    /// The kubectl to compare with [default: the control plane's]
    #[arg(long, value_name = "PATH")]
    kubectl: Option<PathBuf>,
    /// MiB of one transfer
    #[arg(long, value_name = "N", default_value_t = 256)]
    mib: usize,
    /// Transfers of each; medians are shown
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// What starts a control plane
    #[arg(long, value_name = "PATH", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../control-plane/up"))]
    control_plane: PathBuf,
}

/// Which way.
#[derive(Clone, Copy, Debug)]
enum Way {
    Down,
    Up,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let listener = TcpListener::bind(("127.0.0.1", PORT)).await.context("the pod's port is taken")?;
    let serving = tokio::spawn(serve(listener));
    let control_plane = ControlPlane::start(&options.control_plane)?;
    pod(raw::client(control_plane.kubeconfig()).await?).await?;
    let daemon = binary.start(&std::fs::read_to_string(control_plane.kubeconfig())?, &[], None)?;
    daemon.ready().await?;
    let kubectl = options.kubectl.clone().unwrap_or_else(|| control_plane.kubectl());
    let peers = [
        Peer::daymark(&options.daymark, daemon.socket(), PORT).await?,
        Peer::kubectl(&kubectl, control_plane.kubeconfig(), PORT).await?,
    ];
    let mut report = Report::new(format!(
        "tunnel, {} MiB by one connection to a pod, medians of {} in turn",
        options.mib, options.rounds
    ));
    for (way, what) in [(Way::Down, "from the pod"), (Way::Up, "to the pod")] {
        let mut rates = TOOLS.map(|_| Vec::new());
        for _ in 0..options.rounds {
            for (peer, rates) in peers.iter().zip(&mut rates) {
                rates.push(transfer(&peer.place, way, options.mib << 20).await?);
            }
        }
        let [ours, theirs] = rates.map(|rates| Figure(median(rates.into_iter()), "MB/s"));
        report.compare(what, ours, (&Tool::Kubectl.to_string(), theirs), targets::TUNNEL);
    }
    for peer in peers {
        peer.end().await?;
    }
    daemon.end().await?;
    serving.abort();
    report.print();
    Ok(())
}

/// A pod that runs.
async fn pod(client: Client) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(client, "default");
    let container = json!({"name": "c", "image": "nginx"});
    let pod = json!({"metadata": {"name": "web"}, "spec": {"automountServiceAccountToken": false, "containers": [container]}});
    pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
    await_condition(pods, "web", is_pod_running()).await?;
    Ok(())
}

/// Sends, or reads, as many bytes as a first line says.
async fn serve(listener: TcpListener) {
    while let Ok((connection, _)) = listener.accept().await {
        // What breaks off is the tunnel's to handle.
        tokio::spawn(async move { drop(answer(connection).await) });
    }
}

async fn answer(mut connection: TcpStream) -> Result<()> {
    let (way, many) = (connection.read_u8().await?, connection.read_u64().await?);
    let many = usize::try_from(many)?;
    match way {
        b'd' => send(&mut connection, many).await?,
        _ => take(&mut connection, many).await?,
    }
    connection.write_u8(b'.').await?;
    connection.flush().await?;
    Ok(())
}

async fn send(connection: &mut TcpStream, mut many: usize) -> Result<()> {
    let chunk = [b'x'; CHUNK];
    while many > 0 {
        let sent = many.min(CHUNK);
        connection.write_all(&chunk[..sent]).await?;
        many -= sent;
    }
    Ok(())
}

async fn take(connection: &mut TcpStream, mut many: usize) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    while many > 0 {
        let most = many.min(CHUNK);
        let taken = connection.read(&mut chunk[..most]).await?;
        anyhow::ensure!(taken > 0, "the connection ended {many} bytes too early");
        many -= taken;
    }
    Ok(())
}

/// MB/s of a transfer, to its last byte at the other end.
async fn transfer(place: &str, way: Way, many: usize) -> Result<f64> {
    let mut connection = TcpStream::connect(place).await?;
    let began = Instant::now();
    connection.write_u8(if matches!(way, Way::Down) { b'd' } else { b'u' }).await?;
    connection.write_u64(many as u64).await?;
    match way {
        Way::Down => take(&mut connection, many).await?,
        Way::Up => send(&mut connection, many).await?,
    }
    anyhow::ensure!(connection.read_u8().await? == b'.', "something else came at the end");
    Ok(many as f64 / 1e6 / began.elapsed().as_secs_f64())
}
