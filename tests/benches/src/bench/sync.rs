//! Time until everything is known.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clap::Args;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Common;
use crate::daemon::{Daemon, DaemonBinary};
use crate::fake::FakeApiServer;
use crate::grpc;
use crate::peer::reflector;
use crate::pods::PodSet;
use crate::report::{Figure, Report};
use crate::stats::{median, ms};
use crate::targets::{self, Target};

/// Objects per page: kube-rs' default, and the daemon's.
const PAGE: usize = 500;

/// What `sync` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    common: Common,
    /// Pods
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pods: usize,
    /// Fresh processes of each sort; medians are shown
    #[arg(long, value_name = "N", default_value_t = 7)]
    rounds: usize,
}

/// Times in milliseconds, by round.
#[derive(Default)]
struct Times {
    daemon: Vec<f64>,
    snapshot: Vec<f64>,
    reflector: Vec<f64>,
    bare: Vec<f64>,
}

/// Measures and prints.
pub async fn run(options: Options) -> Result<()> {
    let binary = DaemonBinary::new(&options.common.daymarkd)?;
    let server = FakeApiServer::start(PodSet::new(options.pods, options.common.seed))?;
    server.prepare(PAGE);
    let mut report = Report::new(format!(
        "sync, {} pods of {:.0} bytes on average, medians of {} rounds",
        options.pods,
        server.mean_size(),
        options.rounds
    ));
    let mut times = [Times::default(), Times::default()];
    let mut asked = [String::new(), String::new()];
    for round in 0..=options.rounds {
        for (mode, times) in times.iter_mut().enumerate() {
            server.serve_watch_list(mode == 0);
            asked[mode] = self::round(&binary, &server, mode == 1, times).await?;
            if round == 0 {
                // The first finds cold caches.
                *times = Times::default();
            }
        }
    }
    for (mode, times, asked) in [("WatchList", &times[0], &asked[0]), ("pages", &times[1], &asked[1])] {
        tell(&mut report, mode, times);
        report.note(format!("where {mode} are served, the daemon asked for: {asked}"));
    }
    report.note("from the first request for pods at the server; bare: reads and discards");
    report.print();
    Ok(())
}

fn tell(report: &mut Report, mode: &str, times: &Times) {
    let figure = |times: &[f64]| Figure(median(times.iter().copied()), "ms");
    let peer = ("reflector<Pod>", figure(&times.reflector));
    report.compare(format!("{mode}: current, one object"), figure(&times.daemon), peer, targets::SYNC);
    report.compare(format!("{mode}: current, all objects"), figure(&times.snapshot), peer, Target::Unset);
    let peer = ("bare", figure(&times.bare));
    report.compare(format!("{mode}: current, one object"), figure(&times.daemon), peer, targets::SYNC_BARE);
}

/// One of each; returns what the daemon asked the server for.
async fn round(binary: &DaemonBinary, server: &FakeApiServer, paged: bool, times: &mut Times) -> Result<String> {
    server.reset();
    let began = Instant::now();
    if paged {
        read_pages(server).await?
    } else {
        read_watch_list(server).await?
    }
    times.bare.push(ms(began.elapsed()));

    server.reset();
    let mut peer = reflector::start(&server.kubeconfig(), reflector::Kind { dynamic: false, trimmed: false, paged })?;
    let (at, count) = peer.says("ready").await?;
    ensure!(count.parse() == Ok(server.pods()), "the reflector holds {count} pods");
    times.reflector.push(ms(since_request(server, at)?));
    peer.end().await?;

    server.reset();
    let daemon = binary.start(&server.kubeconfig(), &[], None)?;
    let (one, all) = tokio::try_join!(current_of_one(&daemon, server), daemon.ready())?;
    let asked = server.counts().to_string();
    ensure!(all.1 == server.pods(), "the daemon holds {} pods", all.1);
    times.daemon.push(ms(since_request(server, one)?));
    times.snapshot.push(ms(since_request(server, all.0)?));
    daemon.end().await?;
    Ok(asked)
}

fn since_request(server: &FakeApiServer, at: Instant) -> Result<Duration> {
    Ok(at.duration_since(server.first_request().context("nobody asked for pods")?))
}

async fn current_of_one(daemon: &Daemon, server: &FakeApiServer) -> Result<Instant> {
    let mut stream = grpc::watch(daemon.connect().await?, grpc::named_pods([server.name(0)])).await?;
    grpc::until_current(&mut stream).await?;
    Ok(Instant::now())
}

/// Reads a WatchList up to the bookmark that ends it.
async fn read_watch_list(server: &FakeApiServer) -> Result<()> {
    let path = "/api/v1/pods?watch=true&sendInitialEvents=true&allowWatchBookmarks=true\
                &resourceVersionMatch=NotOlderThan";
    let mut body = get(server, path).await?;
    let mut end = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        end.drain(..end.len().saturating_sub(256));
        end.extend_from_slice(&data[data.len().saturating_sub(256)..]);
        if end.windows(18).any(|bytes| bytes == b"initial-events-end") {
            return Ok(());
        }
    }
    anyhow::bail!("the WatchList ended without its bookmark")
}

/// Reads all pages of a list.
async fn read_pages(server: &FakeApiServer) -> Result<()> {
    let mut page = String::new();
    for next in 1..=server.pods().div_ceil(PAGE).max(1) {
        let mut body = get(server, &format!("/api/v1/pods?limit={PAGE}{page}")).await?;
        while let Some(frame) = body.frame().await {
            frame?;
        }
        page = format!("&continue={next}");
    }
    Ok(())
}

async fn get(server: &FakeApiServer, path: &str) -> Result<hyper::body::Incoming> {
    let stream = TcpStream::connect(server.address()).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    ensure!(response.status().is_success(), "{path}: {}", response.status());
    Ok(response.into_body())
}
