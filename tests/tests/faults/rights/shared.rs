//! A cluster with users, what they may do, and its daemon as they ask it.

use std::collections::BTreeSet;
use std::sync::Arc;

use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::{
    Filter, Gate, GatePolicy, GetGateRequest, GetGateResponse, GetStatusRequest, ListStatusesRequest, OpenGateRequest,
    State, Status as ObjectStatus, View, WatchGateRequest, WatchStatusesRequest,
};
use daymark_tests::fake_apiserver::FakeApiServer;
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::in_process::{Client, Follower, InProcess, Sharing, named, with_token};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::{Deployments, Pods, put};

/// What users may do: `jane list pods n`, or `*` for all namespaces; `jane get /livez -` at a path. A token is its user's
/// name. While it is mute, the API server does not say.
#[derive(Clone, Default)]
pub(crate) struct Rbac {
    rules: Arc<Mutex<BTreeSet<String>>>,
    pub(crate) mute: Arc<Mutex<bool>>,
    /// How often it did not.
    pub(crate) unsaid: Arc<watch::Sender<usize>>,
}

impl Rbac {
    pub(crate) fn grant(&self, user: &str, verbs: &str, resource: &str, namespace: &str) {
        let rules = verbs.split(',').map(|verb| format!("{user} {verb} {resource} {namespace}"));
        self.rules.lock().extend(rules);
    }

    pub(crate) fn withdraw(&self, user: &str, resource: &str, namespace: &str) {
        let end = format!(" {resource} {namespace}");
        self.rules.lock().retain(|rule| !(rule.starts_with(user) && rule.ends_with(&end)));
    }

    fn review(&self, review: &Value) -> Option<Value> {
        if review["kind"] == "TokenReview" {
            let user = json!({"username": review["spec"]["token"], "groups": ["dev"]});
            return Some(json!({"authenticated": true, "audiences": ["daymark"], "user": user}));
        }
        if *self.mute.lock() {
            self.unsaid.send_modify(|unsaid| *unsaid += 1);
            return None;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (spec, attributes) = (&review["spec"], &review["spec"]["resourceAttributes"]);
        if let Some(path) = spec["nonResourceAttributes"]["path"].as_str() {
            let verb = text(&spec["nonResourceAttributes"]["verb"]);
            let rule = format!("{} {verb} {path} -", text(&spec["user"]));
            return Some(json!({"allowed": self.rules.lock().contains(&rule)}));
        }
        let resource = match text(&attributes["subresource"]) {
            none if none.is_empty() => text(&attributes["resource"]),
            subresource => format!("{}/{subresource}", text(&attributes["resource"])),
        };
        let rule =
            |namespace: &str| format!("{} {} {resource} {namespace}", text(&spec["user"]), text(&attributes["verb"]));
        let rules = self.rules.lock();
        let allowed = rules.contains(&rule("*")) || rules.contains(&rule(&text(&attributes["namespace"])));
        Some(json!({"allowed": allowed}))
    }
}

/// A cluster with users, and its daemon.
pub(crate) struct Shared {
    pub(crate) cluster: FakeApiServer,
    pub(crate) daemon: InProcess,
    pub(crate) rbac: Rbac,
}

impl Shared {
    pub(crate) async fn new() -> Self {
        Self::with(Sharing::default()).await
    }

    /// Pods `a` in `n` and `b` in `m`, and a Deployment `web` in `n`.
    pub(crate) async fn with(sharing: Sharing) -> Self {
        Self::of(FakeApiServer::start().await.unwrap(), sharing).await
    }

    /// The same, beside what that cluster has.
    pub(crate) async fn of(cluster: FakeApiServer, sharing: Sharing) -> Self {
        put(&cluster, Pods, "a", State::Ready);
        put(&cluster, Deployments, "web", State::Ready);
        let mut elsewhere = object(Pods, "b", State::Ready);
        elsewhere["metadata"]["namespace"] = "m".into();
        cluster.put(Pods, elsewhere);
        let rbac = Rbac::default();
        let answering = rbac.clone();
        cluster.answer_reviews(move |review| answering.review(review));
        let daemon = InProcess::start_shared(&cluster, sharing).await;
        cluster.until_watched().await;
        Self { cluster, daemon, rbac }
    }

    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.daemon.tcp())).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn follow(&self, user: &str, request: WatchStatusesRequest) -> Follower {
        Follower::open_as(Client::new(self.channel().await), request, Some(user.to_owned())).await
    }

    pub(crate) async fn watch(&self, user: &str, request: WatchStatusesRequest) -> Result<(), Status> {
        let mut client = Client::new(self.channel().await);
        client.watch_statuses(with_token(request, Some(user))).await.map(drop)
    }

    pub(crate) async fn list(&self, user: &str, request: WatchStatusesRequest) -> Result<Vec<ObjectStatus>, Status> {
        let WatchStatusesRequest { filter, view, .. } = request;
        let request = ListStatusesRequest { filter, view, ..Default::default() };
        let mut client = Client::new(self.channel().await);
        Ok(client.list_statuses(with_token(request, Some(user))).await?.into_inner().statuses)
    }

    pub(crate) async fn get(&self, user: &str, name: &str, view: View) -> Result<ObjectStatus, Status> {
        let r#ref = named(&[(Pods, name)]).filter.unwrap().refs.remove(0);
        let request = GetStatusRequest { r#ref: Some(r#ref), view: view.into() };
        let mut client = Client::new(self.channel().await);
        let answer = client.get_status(with_token(request, Some(user))).await?.into_inner();
        Ok(answer.status.unwrap())
    }

    pub(crate) async fn open(&self, user: &str, filter: Option<Filter>, id: &str) -> Result<String, Status> {
        let request = OpenGateRequest {
            filter,
            policy: Some(GatePolicy {
                stable_for: Some(prost_types::Duration { seconds: 300, nanos: 0 }),
                ..Default::default()
            }),
            request_id: id.to_owned(),
            ..Default::default()
        };
        let mut gates = GateServiceClient::new(self.channel().await);
        Ok(gates.open_gate(with_token(request, Some(user))).await?.into_inner().token)
    }

    pub(crate) async fn gate(&self, user: &str, token: &str) -> Result<GetGateResponse, Status> {
        let mut gates = GateServiceClient::new(self.channel().await);
        let request = GetGateRequest { token: token.to_owned() };
        Ok(gates.get_gate(with_token(request, Some(user))).await?.into_inner())
    }

    /// How a gate ends.
    pub(crate) async fn end(&self, user: &str, token: &str) -> Gate {
        let mut gates = GateServiceClient::new(self.channel().await);
        let request = WatchGateRequest { token: token.to_owned() };
        let mut stream = gates.watch_gate(with_token(request, Some(user))).await.unwrap().into_inner();
        let mut last = None;
        while let Some(message) = stream.message().await.unwrap() {
            last = message.gate;
        }
        last.unwrap()
    }

    /// How often the API server was asked what somebody may.
    pub(crate) fn reviews(&self) -> usize {
        self.cluster.reviews().iter().filter(|review| review["kind"] == "SubjectAccessReview").count()
    }
}
