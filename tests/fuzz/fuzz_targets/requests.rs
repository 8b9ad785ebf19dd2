//! Whatever a caller sends to a daemon, by any rpc of the API: the first byte chooses the rpc, the rest are messages, with a zero
//! byte and a 255 between them.
//!
//! `tests/fuzz/run 60 requests`.

#![no_main]

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use clap::Parser as _;
use daymark_fuzz::{file, runtime};
use daymark_proto::FILE_DESCRIPTOR_SET;
use daymark_proto::v1::State;
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::fake_apiserver::{Collection, FakeApiServer};
use daymarkd::app;
use daymarkd::args::Args;
use http::uri::PathAndQuery;
use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::runtime::{Handle, Runtime};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// How long a stream is read: most go on for ever.
const PATIENCE: Duration = Duration::from_millis(20);
/// Messages of an answer that are read.
const MOST: usize = 3;

/// Messages as they are.
#[derive(Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// A daemon, its cluster, and how it is reached.
struct Daemon {
    runtime: Runtime,
    channel: Channel,
    paths: Vec<PathAndQuery>,
    _cluster: FakeApiServer,
}

static DAEMON: LazyLock<Daemon> = LazyLock::new(|| {
    let runtime = runtime();
    let (channel, cluster) = runtime.block_on(start());
    Daemon { runtime, channel, paths: paths(), _cluster: cluster }
});

async fn start() -> (Channel, FakeApiServer) {
    let cluster = FakeApiServer::start().await.expect("there is a port");
    for collection in [Collection::Pods, Collection::Deployments, Collection::Nodes] {
        cluster.put(collection, object(collection, "a", State::Ready));
    }
    let (kubeconfig, folder) = (file("kubeconfig"), file("folder"));
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).expect("a folder can be made");
    let socket = folder.join("socket");
    std::fs::write(&kubeconfig, cluster.kubeconfig()).expect("a file can be written");
    let address = format!("unix:{}", socket.display());
    let words = ["daymarkd", "--kubeconfig", kubeconfig.to_str().expect("it is a text"), "--listen", &address];
    let mut config = Args::parse_from(words).into_config().expect("the words fit together");
    // Expressions are tried by another target: here would be no daemon to start.
    config.worker = "/bin/false".into();
    let daemon = app::bind(config, Handle::current()).await.expect("it starts");
    tokio::spawn(daemon.run(Default::default()));
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).expect("it is an address");
    (endpoint.connect().await.expect("it listens"), cluster)
}

/// Every rpc.
fn paths() -> Vec<PathAndQuery> {
    let mut paths = Vec::new();
    for file in FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("it was generated").file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                paths.push(path.parse().expect("names are a path"));
            }
        }
    }
    paths
}

/// The messages that stand in that.
fn messages(mut data: &[u8]) -> Vec<Bytes> {
    let mut messages = Vec::new();
    while let Some(at) = data.windows(2).position(|pair| pair == [0, 255]) {
        messages.push(Bytes::copy_from_slice(&data[..at]));
        data = &data[at + 2..];
    }
    messages.push(Bytes::copy_from_slice(data));
    messages
}

fuzz_target!(|data: &[u8]| {
    let Some((rpc, data)) = data.split_first() else { return };
    let daemon = &*DAEMON;
    let path = daemon.paths[usize::from(*rpc) % daemon.paths.len()].clone();
    let messages = tokio_stream::iter(messages(data));
    let asked = async {
        let mut grpc = Grpc::new(daemon.channel.clone());
        grpc.ready().await.expect("the daemon is there");
        let mut answer = grpc.streaming(Request::new(messages), path.clone(), Raw).await?.into_inner();
        for _ in 0..MOST {
            if answer.message().await?.is_none() {
                break;
            }
        }
        Ok::<_, Status>(())
    };
    if let Ok(Err(refused)) = daemon.runtime.block_on(async { timeout(PATIENCE, asked).await }) {
        assert!(!matches!(refused.code(), Code::Unknown | Code::DataLoss), "{path}: {refused:?}");
        assert!(!refused.message().contains('\n'), "{path}: {refused:?}");
    }
});
