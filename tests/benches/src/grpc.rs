//! Daymark's streams, read with as little CPU as possible: messages are bytes
//! until somebody wants to know what they say.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::{Buf as _, Bytes};
use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::{Filter, ObjectRef, Status, WatchStatusesRequest, WatchStatusesResponse};
use prost::Message as _;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

/// HTTP/2's own window. hyper's is megabytes, in which a reader that has
/// stalled would go unnoticed.
const WINDOW: u32 = 65_535;

/// A stream of encoded [`WatchStatusesResponse`]s.
pub type Stream = tonic::Streaming<Bytes>;

/// Opens a connection.
pub async fn connect(socket: &Path) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()))?;
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    endpoint.connect().await.with_context(|| format!("nobody answers at {}", socket.display()))
}

/// Opens a `WatchStatuses` stream.
pub async fn watch(channel: Channel, request: WatchStatusesRequest) -> Result<Stream> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let path = http::uri::PathAndQuery::from_static("/daymark.v1.StatusService/WatchStatuses");
    let response = grpc.server_streaming(tonic::Request::new(request), path, RawCodec).await;
    Ok(response.context("WatchStatuses failed")?.into_inner())
}

/// A request for all pods.
pub fn all_pods() -> WatchStatusesRequest {
    let filter = Filter { kinds: vec!["pods".into()], all_namespaces: true, ..Default::default() };
    WatchStatusesRequest { filter: Some(filter), ..Default::default() }
}

/// A request for pods by namespace and name.
pub fn named_pods(names: impl IntoIterator<Item = (String, String)>) -> WatchStatusesRequest {
    let refs = names.into_iter().map(|(namespace, name)| ObjectRef {
        resource: "pods".into(),
        namespace,
        name,
        ..Default::default()
    });
    let filter = Filter { refs: refs.collect(), ..Default::default() };
    WatchStatusesRequest { filter: Some(filter), ..Default::default() }
}

/// The next message, undecoded.
pub async fn next(stream: &mut Stream) -> Result<Bytes> {
    stream.message().await.context("a stream broke")?.context("a stream ended")
}

/// Reads up to `current`; returns the snapshot's items.
pub async fn until_current(stream: &mut Stream) -> Result<Vec<Status>> {
    let mut items = Vec::new();
    loop {
        for event in decode(next(stream).await?)? {
            match event {
                Event::Item(status) => items.push(status),
                Event::Current(_) => return Ok(items),
                _ => {}
            }
        }
    }
}

/// What a message says.
pub fn decode(message: Bytes) -> Result<impl Iterator<Item = Event>> {
    let message = WatchStatusesResponse::decode(message).context("a message is not one of Daymark's")?;
    ensure!(!message.events.is_empty(), "a message says nothing");
    Ok(message.events.into_iter().filter_map(|event| event.event))
}

/// The objects that a message tells changes of, with their new resourceVersions.
pub fn changed(message: Bytes) -> Result<impl Iterator<Item = Status>> {
    Ok(decode(message)?.filter_map(|event| match event {
        Event::Entered(status) | Event::Changed(status) | Event::Left(status) | Event::Deleted(status) => Some(status),
        _ => None,
    }))
}

/// Requests as ever, responses undecoded.
#[derive(Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = WatchStatusesRequest;
    type Decode = Bytes;
    type Encoder = <ProstCodec<WatchStatusesRequest, ()> as Codec>::Encoder;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<WatchStatusesRequest, ()>::default().encoder()
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = tonic::Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, tonic::Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}
