//! Those who are up to no good: each is refused or bounded, and others are served meanwhile.

#[path = "attacks/floods.rs"]
mod floods;
#[path = "attacks/frames.rs"]
mod frames;
#[path = "attacks/headers.rs"]
mod headers;
#[path = "attacks/messages.rs"]
mod messages;
#[path = "attacks/overheard.rs"]
mod overheard;
#[path = "attacks/slow.rs"]
mod slow;
#[path = "attacks/socket_users.rs"]
mod socket_users;
#[path = "attacks/tokens.rs"]
mod tokens;

use std::time::Duration;

use daymark_proto::v1::{ListStatusesRequest, State};
use daymark_tests::fake_apiserver::FakeApiServer;
use daymark_tests::in_process::{Client, InProcess, kinds};
use daymark_tests::process::PATIENCE;
use daymarkd::args::serving::Serving;
use daymarkd::rpc::crowd::Limits;
use serde_json::json;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use crate::{Pods, Setup, code_and_reason, put};

/// Between an honest client's requests: it has a share of the daemon, and keeps to it.
const PACE: Duration = Duration::from_millis(20);

/// A daemon that is shared by TCP, within these limits. The token `good` is Jane's, who may do everything.
async fn guarded(limits: Limits) -> Setup {
    serving(Serving { limits, ..Serving::default() }).await
}

/// The same of one that is served like that. There is a pod, `a`.
async fn serving(serving: Serving) -> Setup {
    let cluster = FakeApiServer::start().await.unwrap();
    put(&cluster, Pods, "a", State::Ready);
    cluster.answer_reviews(|review| {
        let is_good = review["kind"] != "TokenReview" || review["spec"]["token"] == "good";
        let jane = json!({"username": "jane"});
        Some(json!({"allowed": true, "authenticated": is_good, "audiences": ["daymark"], "user": jane}))
    });
    let serving = Serving { review_audiences: vec!["daymark".into()], ..serving };
    let daemon = InProcess::start_serving(&cluster, serving).await;
    let setup = Setup { cluster, daemon };
    setup.cluster.until_watched().await;
    setup
}

async fn channel(setup: &Setup) -> Channel {
    Endpoint::from_shared(format!("http://{}", setup.daemon.tcp())).unwrap().connect().await.unwrap()
}

/// A client with a connection of its own, and what it sends as `authorization`, as often as it does.
struct Caller {
    client: Client,
    authorization: Vec<AsciiMetadataValue>,
}

impl Caller {
    async fn new(setup: &Setup, authorization: &[&[u8]]) -> Self {
        let authorization = authorization.iter().map(|value| (*value).try_into().unwrap()).collect();
        Self { client: Client::new(channel(setup).await), authorization }
    }

    async fn honest(setup: &Setup) -> Self {
        Self::new(setup, &[b"Bearer good"]).await
    }

    /// How a request for pods ends.
    async fn list(&mut self) -> (Code, String) {
        let mut request = Request::new(ListStatusesRequest { filter: kinds(&[Pods]).filter, ..Default::default() });
        for value in &self.authorization {
            request.metadata_mut().append("authorization", value.clone());
        }
        let ended = self.client.list_statuses(request).await;
        ended.map_or_else(|refused| code_and_reason(&refused), |_| (Code::Ok, String::new()))
    }

    async fn is_served(&mut self) {
        assert_eq!(self.list().await, (Code::Ok, String::new()));
    }

    /// Is served before, while and after somebody attacks; what comes of that.
    async fn meanwhile<T>(&mut self, attack: impl Future<Output = T>) -> T {
        self.is_served().await;
        let attack = tokio::time::timeout(PATIENCE, attack);
        tokio::pin!(attack);
        let mut pace = tokio::time::interval(PACE);
        let ended = loop {
            let served = async {
                pace.tick().await;
                self.is_served().await;
            };
            tokio::select! {
                ended = &mut attack => break ended.expect("the attack is ended"),
                () = served => {}
            }
        };
        self.is_served().await;
        ended
    }
}
