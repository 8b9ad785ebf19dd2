//! Gates as a client opens and watches them.

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::{Filter, GatePolicy, ObjectRef, OpenGateRequest, Outcome, WatchGateRequest, WatchGateResponse};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tonic::Streaming;
use tonic::transport::Channel;

use crate::fake::FakeApiServer;

/// Requests that are under way at a time.
const AT_ONCE: usize = 16;
/// No gate ends by itself while this measures.
const DEADLINE_SECONDS: i64 = 3600;

/// Opens a gate on each pod, on one connection; returns their tokens.
pub(super) async fn open_all(channel: Channel, server: &FakeApiServer) -> Result<Vec<String>> {
    let client = GateServiceClient::new(channel);
    let open = |index| {
        let (mut client, request) = (client.clone(), request(server.name(index)));
        async move {
            let opened = client.open_gate(request).await.context("a gate cannot be opened")?.into_inner();
            ensure!(opened.gate.is_some_and(|gate| gate.outcome() == Outcome::Unspecified), "a gate has ended at once");
            anyhow::Ok(opened.token)
        }
    };
    stream::iter(0..server.pods()).map(open).buffered(AT_ONCE).try_collect().await
}

fn request((namespace, name): (String, String)) -> OpenGateRequest {
    let pod = ObjectRef { resource: "pods".into(), namespace, name, ..Default::default() };
    let deadline = Some(prost_types::Duration { seconds: DEADLINE_SECONDS, nanos: 0 });
    OpenGateRequest {
        filter: Some(Filter { refs: vec![pod], ..Default::default() }),
        policy: Some(GatePolicy { deadline, ..Default::default() }),
        ..Default::default()
    }
}

/// Somebody who watches a gate of one pod.
pub(super) struct Watcher {
    stream: Streaming<WatchGateResponse>,
    /// The pod's newest resourceVersion that was told.
    version: String,
}

impl Watcher {
    /// Watches a gate that is open.
    pub(super) async fn open(channel: Channel, token: &str) -> Result<Self> {
        let request = WatchGateRequest { token: token.to_owned() };
        let stream = GateServiceClient::new(channel).watch_gate(request).await.context("a gate cannot be watched")?;
        let mut watcher = Self { stream: stream.into_inner(), version: String::new() };
        match watcher.next().await? {
            (Outcome::Unspecified, _) => Ok(watcher),
            (outcome, _) => bail!("a gate that is to be open has ended: {outcome:?}"),
        }
    }

    /// Watches one gate on many connections.
    pub(super) async fn open_many(channels: &[Channel], token: &str) -> Result<Vec<Self>> {
        let open = |channel: &Channel| Self::open(channel.clone(), token);
        stream::iter(channels).map(open).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn next(&mut self) -> Result<(Outcome, bool)> {
        let message = self.stream.message().await.context("a gate's stream broke")?;
        let message = message.context("a gate's stream ended before its verdict")?;
        if let Some(status) = message.objects.into_iter().find_map(|object| object.status) {
            self.version = status.resource_version;
        }
        let gate = message.gate.context("a message says nothing of its gate")?;
        Ok((gate.outcome(), gate.proven))
    }

    /// Waits for the verdict; returns when it came. It is to have passed, by that
    /// version of the pod, and with a proof.
    pub(super) async fn passes(mut self, version: u64) -> Result<Instant> {
        loop {
            let (outcome, proven) = self.next().await?;
            let at = Instant::now();
            if outcome != Outcome::Unspecified {
                ensure!(outcome == Outcome::Passed && proven, "a gate ended with {outcome:?}, proven: {proven}");
                ensure!(self.version == version.to_string(), "a gate passed by version {}", self.version);
                return Ok(at);
            }
        }
    }
}
