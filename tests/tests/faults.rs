//! What the daemon promises while its API server or its clients misbehave. Each
//! test is named after the promise that it holds the daemon to; every stream is
//! held to the contract of `WatchStatuses` as well.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

#[path = "faults/attacks.rs"]
mod attacks;
#[path = "faults/authentication.rs"]
mod authentication;
#[path = "faults/bad_input.rs"]
mod bad_input;
#[path = "faults/caches.rs"]
mod caches;
#[path = "faults/causes.rs"]
mod causes;
#[path = "faults/clients.rs"]
mod clients;
#[path = "faults/completion.rs"]
mod completion;
#[path = "faults/control_plane.rs"]
mod control_plane;
#[path = "faults/cursor.rs"]
mod cursor;
#[path = "faults/dump_nodes.rs"]
mod dump_nodes;
#[path = "faults/dumps.rs"]
mod dumps;
#[path = "faults/errors.rs"]
mod errors;
#[path = "faults/events.rs"]
mod events;
#[path = "faults/filters.rs"]
mod filters;
#[path = "faults/forbidden.rs"]
mod forbidden;
#[path = "faults/gate_proofs.rs"]
mod gate_proofs;
#[path = "faults/gates.rs"]
mod gates;
#[path = "faults/lagging.rs"]
mod lagging;
#[path = "faults/lasting_gates.rs"]
mod lasting_gates;
#[path = "faults/logs.rs"]
mod logs;
#[path = "faults/metrics.rs"]
mod metrics;
#[path = "faults/nodes.rs"]
mod nodes;
#[path = "faults/proxy.rs"]
mod proxy;
#[path = "faults/random.rs"]
mod random;
#[path = "faults/relist.rs"]
mod relist;
#[path = "faults/retry.rs"]
mod retry;
#[path = "faults/rights.rs"]
mod rights;
#[path = "faults/slow_reader.rs"]
mod slow_reader;
#[path = "faults/streaming_list.rs"]
mod streaming_list;
#[path = "faults/transports.rs"]
mod transports;
#[path = "faults/tunnels.rs"]
mod tunnels;

use std::collections::BTreeMap;

use daymark_proto::v1::{State, WatchStatusesRequest};
use daymark_tests::contract::Picture;
use daymark_tests::fake_apiserver::objects::{expected_state, object};
use daymark_tests::fake_apiserver::{Collection, FakeApiServer, Written};
use daymark_tests::in_process::{Follower, InProcess};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use Collection::{Deployments, EndpointSlices, Jobs, Pods, ReplicaSets, Services};

/// A cluster and its daemon.
struct Setup {
    cluster: FakeApiServer,
    daemon: InProcess,
}

impl Setup {
    /// A daemon that watches a cluster with these ready objects.
    async fn new(objects: &[(Collection, &str)]) -> Self {
        let cluster = FakeApiServer::start().await.unwrap();
        for (collection, name) in objects {
            put(&cluster, *collection, name, State::Ready);
        }
        let setup = Self::of(cluster).await;
        setup.cluster.until_watched().await;
        setup
    }

    /// A daemon of that cluster, whatever it can watch of it.
    async fn of(cluster: FakeApiServer) -> Self {
        let daemon = InProcess::start(&cluster).await;
        Self { cluster, daemon }
    }

    /// A client that has read its first snapshot.
    async fn live(&self, request: WatchStatusesRequest) -> Follower {
        let mut follower = self.daemon.follow(request).await;
        follower.until_live().await;
        follower
    }
}

fn put(cluster: &FakeApiServer, collection: Collection, name: &str, state: State) -> Written {
    cluster.put(collection, object(collection, name, state))
}

/// The same request, with the objects.
fn full(mut request: WatchStatusesRequest) -> WatchStatusesRequest {
    request.set_view(daymark_proto::v1::View::Full);
    request
}

/// The same request, of which nothing is skipped.
fn history(mut request: WatchStatusesRequest) -> WatchStatusesRequest {
    request.history = true;
    request
}

/// The same request, proven.
fn proven(mut request: WatchStatusesRequest) -> WatchStatusesRequest {
    request.proven = true;
    request
}

/// The same request, with progress every tenth of a second.
fn with_progress(mut request: WatchStatusesRequest) -> WatchStatusesRequest {
    request.progress_interval = Some(prost_types::Duration { seconds: 0, nanos: 100_000_000 });
    request
}

/// Code and reason of an error.
fn code_and_reason(error: &Status) -> (Code, String) {
    (error.code(), error.get_details_error_info().map(|info| info.reason).unwrap_or_default())
}

/// What a picture says is what is true, by UID.
fn assert_true(picture: &Picture, cluster: &FakeApiServer, collections: &[Collection], every_version: bool) {
    let version = |version: &str| if every_version { version.to_owned() } else { String::new() };
    let truth: BTreeMap<_, _> = collections
        .iter()
        .flat_map(|collection| cluster.objects(*collection))
        .map(|object| {
            let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
            (text("uid"), (text("name"), expected_state(&object), version(&text("resourceVersion"))))
        })
        .collect();
    let told: BTreeMap<_, _> = picture
        .objects()
        .iter()
        .map(|(uid, status)| {
            let name = status.r#ref.clone().unwrap_or_default().name;
            (uid.clone(), (name, status.state(), version(&status.resource_version)))
        })
        .collect();
    assert_eq!(told, truth);
}
