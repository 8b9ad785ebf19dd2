//! A server that sends every subscriber every message, as one would write it
//! first: a broadcast channel, and a clone that is encoded for each.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use daymark_proto::v1::status_event::{Current, Event};
use daymark_proto::v1::{StatusEvent, WatchStatusesRequest, WatchStatusesResponse};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use prost::Message as _;
use tokio::net::UnixListener;
use tokio::sync::broadcast;
use tokio_stream::wrappers::{BroadcastStream, UnixListenerStream};
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::process::Process;

/// Between the last subscription and the burst: the time to read the CPU.
pub const PAUSE: Duration = Duration::from_millis(500);

/// A naive server's arguments.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where to listen
    #[arg(long)]
    socket: PathBuf,
    /// What to send: messages, each after its length
    #[arg(long)]
    messages: PathBuf,
    /// How many subscribers to wait for
    #[arg(long)]
    subscribers: usize,
}

/// Starts one as a process of its own, on one core. Its socket is `naive.sock`
/// in its folder. It says `listening`, and sends when all have subscribed.
pub async fn start(messages: &Path, subscribers: usize, cpu: usize) -> Result<Process> {
    let program = std::env::current_exe().context("where is this program?")?;
    let mut process = Process::start(&program, "", Some(cpu), |folder| {
        vec![
            "naive".to_owned(),
            format!("--socket={}/naive.sock", folder.display()),
            format!("--messages={}", messages.display()),
            format!("--subscribers={subscribers}"),
        ]
    })?;
    process.says("listening").await?;
    Ok(process)
}

/// Serves until it is killed.
pub async fn run(arguments: Arguments) -> Result<()> {
    let mut messages = Vec::new();
    let file = std::fs::read(&arguments.messages)?;
    let mut rest = file.as_slice();
    while !rest.is_empty() {
        messages.push(WatchStatusesResponse::decode_length_delimited(&mut rest)?);
    }
    let (sender, _) = broadcast::channel(messages.len().max(1));
    let server = Naive { sender: sender.clone(), subscribers: Arc::default() };
    let subscribers = Arc::clone(&server.subscribers);
    tokio::spawn(async move {
        while subscribers.load(Ordering::Acquire) < arguments.subscribers {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(PAUSE).await;
        for message in messages {
            // Nobody is left to be told.
            let _unread = sender.send(message);
        }
    });
    let listener = UnixListener::bind(&arguments.socket)?;
    println!("listening");
    tonic::transport::Server::builder()
        .add_service(server)
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await?;
    Ok(())
}

/// `StatusService`, of which there is only `WatchStatuses`, whatever is asked.
#[derive(Clone)]
struct Naive {
    sender: broadcast::Sender<WatchStatusesResponse>,
    subscribers: Arc<AtomicUsize>,
}

impl NamedService for Naive {
    const NAME: &'static str = "daymark.v1.StatusService";
}

impl Service<http::Request<tonic::body::Body>> for Naive {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<WatchStatusesResponse, WatchStatusesRequest>::default();
            Ok(Grpc::new(codec).server_streaming(this, request).await)
        })
    }
}

impl ServerStreamingService<WatchStatusesRequest> for Naive {
    type Response = WatchStatusesResponse;
    type ResponseStream = BoxStream<'static, Result<WatchStatusesResponse, Status>>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, _: Request<WatchStatusesRequest>) -> Self::Future {
        let changes = BroadcastStream::new(self.sender.subscribe());
        let changes = changes.map(|message| message.map_err(|error| Status::data_loss(error.to_string())));
        let events = vec![StatusEvent { event: Some(Event::Current(Current {})) }];
        let current = WatchStatusesResponse { events, ..Default::default() };
        let stream = futures::stream::iter([Ok(current)]).chain(changes).boxed();
        self.subscribers.fetch_add(1, Ordering::Release);
        Box::pin(std::future::ready(Ok(Response::new(stream))))
    }
}
